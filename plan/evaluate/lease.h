/*
 * Leases: until when what a stack has made may be there. The end is in the state, and a tag (`weir:lease`)
 * on everything that has ownership tags, so that it can be told where the state is gone. After it `weir reap`
 * takes the stack down.
 *
 * Time is told by the services that the stack is at, by the Date of their answers; by this machine only where
 * no service tells any. What this machine says may be wrong by days.
 */
#pragma once

#include "plan/planner.h"

/* What time is it, by a provider that is open? *by_service false: only this machine could be asked. */
int64_t lease_now(struct workspace *workspace, bool *by_service);
/* The same where none is open yet, as commands without a plan have it: that of something recorded is asked.
 */
int64_t plan_now(struct workspace *workspace, bool *by_service);
/* As a tag has it: to the second, and not a moment before the lease ends. */
struct str lease_text(struct arena *arena, const struct lease *lease);

/* Does an apply, for that long (0: as the stack says), begin or change the lease, whatever else it does? */
bool lease_is_due(const struct workspace *workspace, int64_t for_ms);
/* What became of it. */
struct lease_begun {
    const struct str *there; /* addresses of what has to be tagged again */
    size_t there_count;
    bool by_machine; /* it is new, and no service told the time */
};
/*
 * At the beginning of an apply's run: the lease begins, goes on or is ended by there being nothing. ERR_STALE
 * where it has ended already, ERR_INVALID where it cannot be made longer.
 */
int lease_begin(struct planner *p, struct lease_begun *out, struct err *err);

/*
 * At the end of that run: puts the state's lease on what was there before and still is, where it has
 * ownership tags of this stack. -1 with the first failure, when all the others have been tried.
 */
int lease_put_tags(struct planner *p, const struct lease_begun *begun, struct err *err);

/*
 * weir lease extend, end: the lease of a locked state ends then (0: there is none any more). `shorter`: it is
 * ended, so the state says it first; otherwise the ownership tags do, and nobody who finds them takes down
 * too early.
 */
int plan_lease(struct workspace *workspace, const struct lease *lease, bool shorter, struct diags *diags,
    struct err *err);
