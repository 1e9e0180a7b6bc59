/*
 * What a plan does to the cost: told where that is asked for, and held to the stack's `budget:`.
 */
#ifndef WEIR_CMD_COST_BUDGET_H
#define WEIR_CMD_COST_BUDGET_H

#include "cmd/cost/bill.h"
#include "cmd/invocation/invocation.h"
#include "plan/plan.h"

/* What is paid now, and after the plan. `prices_free(prices)` ends it. */
struct cost_change {
    struct prices *prices;
    struct estimate now, after;
};

int cost_consider(struct invocation *inv, const struct plan *plan, struct cost_change *out);

/* The lines of `weir plan --cost`, or its event with --json. The exit status. */
int cost_tell(struct invocation *inv, const struct plan *plan, bool json, bool color, struct buf *out);
/* The same of bills that were added up otherwise. */
int cost_within(struct invocation *inv, const struct stack *stack, const struct estimate *now,
    const struct estimate *after);
/* Refuses a plan that adds to the cost and goes beyond the budget: reported, and the exit status. */
int cost_hold(struct invocation *inv, const struct plan *plan);

#endif
