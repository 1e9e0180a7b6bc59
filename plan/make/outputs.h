/*
 * How the stack's outputs change.
 */
#ifndef WEIR_PLAN_MAKE_OUTPUTS_H
#define WEIR_PLAN_MAKE_OUTPUTS_H

#include "plan/planner.h"

/* Fills the plan's output values, and where a state is there its output changes. */
void diff_outputs(struct planner *p);

#endif
