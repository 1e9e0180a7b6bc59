/*
 * Estimates: what a stack costs for being there, resource by resource, and what comes with use.
 *
 * Order of calls: cost_open(), then estimate_declared() for what the files say, estimate_planned() for what a
 * plan makes of it, estimate_recorded() for what there is; prices_free().
 */
#pragma once

#include "cmd/cost/prices.h"
#include "cmd/invocation/invocation.h"

struct estimate_item {
    struct str address, type;
    enum priced priced;
    const struct charge *charges;
    size_t charge_count;
    double hourly; /* with the use that `usage:` says */
    bool unknown;  /* not all of it is known */
};

struct estimate {
    struct estimate_item *items;
    size_t n;
    double hourly;
    size_t unknown; /* items that are not known in full */
};

/* What `usage:` says of a resource whose price the table does not have. */
#define ESTIMATE_OWN_PRICE "usd_per_hour"

/* Why not all is known of what an item costs: "no price of db.x9.large"; "": all is. In the arena. */
struct str estimate_unknown(const struct estimate_item *item, struct arena *arena);

/* Prices as they were updated for this stack, or the program's own. `prices_free()` ends it. */
int cost_open(const struct workspace *workspace, struct arena *arena, struct prices **out, struct err *err);
/* Where the stack's own table is, or would be. */
struct str cost_kept(const struct workspace *workspace, struct arena *arena);

/* Everything lives in the arena. An estimate of a stack with mistakes, which the diagnostics tell, is none.
 */
void estimate_declared(struct workspace *workspace, struct prices *prices, struct arena *arena,
    struct diags *diags, struct estimate *out);
void estimate_planned(
    const struct plan *plan, struct prices *prices, struct arena *arena, struct estimate *out);
void estimate_recorded(
    const struct workspace *workspace, struct prices *prices, struct arena *arena, struct estimate *out);
/* By address: struct estimate_item. The caller releases the map. */
void estimate_index(const struct estimate *estimate, struct map *out);

/* ---- estimate_show.c: Estimates (cmd/cost/estimate.h) for people and for programs. */
/* The estimate of a stack as text, or as an event of --json. `members` of a fleet: how many times; 1
 * otherwise.
 */
void estimate_show(const struct estimate *estimate, const struct prices *prices, const struct stack *stack,
    size_t members, bool color, struct buf *out);
void estimate_event(const struct estimate *estimate, const struct prices *prices, const struct stack *stack,
    size_t members, struct buf *out);
/* "Cost: 12.40 USD a month now, 48.29 after this (+35.89)." with what makes the difference. */
void estimate_show_change(const struct estimate *now, const struct estimate *after,
    const struct prices *prices, bool color, struct buf *out);
/* "12.40"; what is less than a cent shows as such. */
void estimate_add_money(struct buf *out, double usd);
void estimate_change_event(
    const struct estimate *now, const struct estimate *after, const struct prices *prices, struct buf *out);

/* ---- estimate.c: what a plan does to the cost: reported where that is asked for, and as `plan.cost` of
 * rules, of which the stack's `budget:` is one. */
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
