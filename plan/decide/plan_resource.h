/*
 * One resource or data source, planned: its instances are found, evaluated, looked for where they may be
 * there already, and compared.
 */
#pragma once

#include "plan/planner.h"

/* Declarations come in the stack's order. False after an error. */
bool plan_resource(struct planner *p, const struct decl *decl);
