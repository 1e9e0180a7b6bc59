/*
 * Estimates: the fixed cost of a stack by resource, and costs by usage.
 *
 * Order of calls: cost_open(), then estimate_declared() for the stack's files, estimate_planned() for the
 * result of a plan, or estimate_recorded() for the recorded resources; prices_free().
 */
#pragma once

#include "cmd/cost/prices.h"
#include "cmd/invocation/invocation.h"

struct estimate_item {
    struct str address, type;
    enum priced priced;
    const struct charge *charges;
    size_t charge_count;
    double hourly; /* including the usage in `usage:` */
    bool unknown;  /* a part of it is unknown */
};

struct estimate {
    struct estimate_item *items;
    size_t n;
    double hourly;
    size_t unknown; /* number of items with an unknown part */
};

/* The key under `usage:` for the price of a resource that the table does not have. */
#define ESTIMATE_OWN_PRICE "usd_per_hour"

/* Returns why a part of an item's cost is unknown: "no price of db.x9.large"; "": nothing is unknown.
 * Allocated in the arena. */
struct str estimate_unknown(const struct estimate_item *item, struct arena *arena);

/* Loads the prices updated for this stack, or the program's own. Free them with `prices_free()`. */
int cost_open(const struct workspace *workspace, struct arena *arena, struct prices **out, struct err *err);
/* Returns the path of the stack's own price table, which may not exist. */
struct str cost_price_file(const struct workspace *workspace, struct arena *arena);

/* Everything is allocated in the arena. If the diagnostics have errors, the estimate is not usable. */
void estimate_declared(struct workspace *workspace, struct prices *prices, struct arena *arena,
    struct diags *diags, struct estimate *out);
void estimate_planned(
    const struct plan *plan, struct prices *prices, struct arena *arena, struct estimate *out);
void estimate_recorded(
    const struct workspace *workspace, struct prices *prices, struct arena *arena, struct estimate *out);
/* Indexes the items by address (struct estimate_item *). The caller releases the map. */
void estimate_index(const struct estimate *estimate, struct map *out);

/* ---- estimate_show.c: estimates as text and as events ---- */
/* Shows the estimate of a stack as text, or as a --json event. `members`: the number of a fleet's members,
 * otherwise 1. */
void estimate_show(const struct estimate *estimate, const struct prices *prices, const struct stack *stack,
    size_t members, bool color, struct buf *out);
void estimate_event(const struct estimate *estimate, const struct prices *prices, const struct stack *stack,
    size_t members, struct buf *out);
/* Shows "Cost: 12.40 USD a month now, 48.29 after this (+35.89)." and the resources that differ. */
void estimate_show_change(const struct estimate *now, const struct estimate *after,
    const struct prices *prices, bool color, struct buf *out);
/* Appends "12.40"; amounts below a cent get more digits. */
void estimate_add_money(struct buf *out, double usd);
void estimate_change_event(
    const struct estimate *now, const struct estimate *after, const struct prices *prices, struct buf *out);

/* ---- estimate.c: the cost change of a plan, shown on request, and as `plan.cost` in rules such as `budget:`
 * ---- */
/* The current cost, and the cost after the plan. Free it with `prices_free(prices)`. */
struct cost_change {
    struct prices *prices;
    struct estimate now, after;
};

int cost_estimate_change(struct invocation *inv, const struct plan *plan, struct cost_change *out);

/* Appends the lines of `weir plan --cost`, or its event with --json. Returns the exit status. */
int cost_show(struct invocation *inv, const struct plan *plan, bool json, bool color, struct buf *out);

/* Returns the numbers for rules, in USD, allocated in the arena. The cost after the plan is unknown if a
 * price is. */
const struct value *cost_value(const struct estimate *now, const struct estimate *after, struct arena *arena);
/* The same for a plan, used as plan_options.cost; callable from any thread, `ctx` is not used. */
const struct value *cost_of_plan(void *ctx, const struct plan *plan, struct arena *arena);
