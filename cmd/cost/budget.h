/*
 * What a plan does to the cost: told where that is asked for, and as `plan.cost` of rules, of which the
 * stack's `budget:` is one.
 */
#pragma once

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

/* For rules: numbers in USD. What the plan costs is unknown where a price is. In the arena. */
const struct value *cost_value(const struct estimate *now, const struct estimate *after, struct arena *arena);
/* The same of a plan, as plan_options.cost; from any thread, `ctx` is not used. */
const struct value *cost_of_plan(void *ctx, const struct plan *plan, struct arena *arena);
