/*
 * Recovery as the first step of a plan: with the planner's providers, told through its observer.
 */
#ifndef WEIR_PLAN_RECOVER_RECOVER_PLAN_H
#define WEIR_PLAN_RECOVER_RECOVER_PLAN_H

#include "plan/planner.h"

/* Settles what an interrupted run left open, before the records are looked at. */
int recover_for_plan(struct planner *p, struct err *err);

#endif
