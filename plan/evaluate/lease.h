/*
 * Leases: when the resources of a stack expire. The end is in the state, and in a tag (`weir:lease`) of each
 * resource with ownership tags, so that it is known without the state. After it `weir reap` destroys the
 * stack.
 *
 * The time is that of the stack's services, from the Date header of their responses; this machine's clock,
 * which may be wrong, is used only if no service was called.
 */
#pragma once

#include "plan/planner.h"

/* Returns the time by an open provider. *by_service false: by this machine's clock. */
int64_t lease_now(struct workspace *workspace, bool *by_service);
/* The same for commands without a plan: calls the service of a recorded resource if no provider is open. */
int64_t plan_now(struct workspace *workspace, bool *by_service);
/* Returns the tag's value: in seconds, rounded up. */
struct str lease_text(struct arena *arena, const struct lease *lease);

/* True if an apply begins or changes the lease, even without other changes. for_ms: its duration, 0: as the
 * stack says. */
bool lease_is_due(const struct workspace *workspace, int64_t for_ms);
/* Result of lease_begin(). */
struct lease_begun {
    const struct str *to_update; /* addresses of resources whose tag must be updated */
    size_t to_update_count;
    bool by_machine; /* the lease is new, and no service gave the time */
};
/*
 * Called at the begin of an apply's run: begins, keeps, changes or removes the lease. ERR_STALE if it has
 * expired, ERR_INVALID if it cannot be extended.
 */
int lease_begin(struct planner *p, struct lease_begun *out, struct err *err);

/*
 * Called at the end of that run: writes the state's lease into the tags of resources that existed before and
 * still do. Returns -1 with the first error, after trying all.
 */
int lease_put_tags(struct planner *p, const struct lease_begun *begun, struct err *err);

/*
 * weir lease extend, end: sets the end of the lease of a locked state (0: none). `shorter`: the state is
 * written before the tags; otherwise after them, so that a reap by tags is never too early.
 */
int plan_lease(struct workspace *workspace, const struct lease *lease, bool shorter, struct diags *diags,
    struct err *err);
