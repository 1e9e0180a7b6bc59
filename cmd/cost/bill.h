/*
 * Bills: what a stack costs for being there, resource by resource, and what comes with use.
 *
 * Order of calls: cost_open(), then bill_declared() for what the files say, bill_planned() for what a
 * plan makes of it, bill_recorded() for what there is; cost_close().
 */
#pragma once

#include "base/map.h"
#include "cmd/cost/prices.h"
#include "plan/plan.h"

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

/* Everything lives in the arena. A bill of a stack with mistakes, which the diagnostics tell, is none. */
void estimate_declared(struct workspace *workspace, struct prices *prices, struct arena *arena,
    struct diags *diags, struct estimate *out);
void estimate_planned(
    const struct plan *plan, struct prices *prices, struct arena *arena, struct estimate *out);
void estimate_recorded(
    const struct workspace *workspace, struct prices *prices, struct arena *arena, struct estimate *out);
/* By address: struct bill_item. The caller releases the map. */
void estimate_index(const struct estimate *estimate, struct map *out);
