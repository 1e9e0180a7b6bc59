/*
 * Recovery as the first step of a plan: with the planner's providers, told through its observer.
 */
#pragma once

#include "plan/planner.h"

/* Settles what an interrupted run left open, before the records are looked at. */
int recover_for_plan(struct planner *p, struct err *err);
