/*
 * What a plan does to the cost: told where that is asked for, and held to the stack's `budget:`.
 */
#ifndef WEIR_CMD_BUDGET_H
#define WEIR_CMD_BUDGET_H

#include "cmd/command.h"
#include "plan/plan.h"

/* The lines of `weir plan --cost`, or its event with --json. The exit status. */
int cost_tell(struct invocation *inv, const struct plan *plan, bool json, bool color, struct buf *out);
/* Refuses a plan that adds to the cost and goes beyond the budget: reported, and the exit status. */
int cost_hold(struct invocation *inv, const struct plan *plan);

#endif
