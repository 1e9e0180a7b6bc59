/*
 * How the stack's outputs change.
 */
#pragma once

#include "plan/planner.h"

/* Fills the plan's output values, and where a state is there its output changes. */
void diff_outputs(struct planner *p);
