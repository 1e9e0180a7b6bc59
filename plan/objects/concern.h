/*
 * What a plan is about: what it changes, what that refers to, and what it must not find made by somebody
 * else. For comparing it with what others have done since (concern.h), or are doing now (its claims).
 */
#pragma once

#include "plan/planner.h"

struct concern {
    bool all;           /* a whole stack's destruction is about whatever there is */
    struct map changed; /* by address */
    struct map doomed;  /* deleted or replaced: by address, and by that of their declarations */
    struct map names;   /* "#" and a digest of what tells each of them from all others of its type */
    struct arena arena; /* of these */
    bool *referred;     /* by decl->index */
};

/* What a plan that was made claims, as state_check_claims() takes it: not what is left to others. */
const struct value *concern_claims(const struct planner *p, struct arena *arena);
/* Leaves each change that meets a run at work, and no other one. False: none would be made. */
bool concern_leave_met(struct planner *p);
/* By decl->index: what is left or destroyed, and what depends on it. */
bool *concern_untrue(const struct planner *p, struct arena *arena);

/* ---- concern.c: what other runs have changed in the state since a plan was saved. The plan is refused where
 * that meets it: where it is something that the plan changes or refers to, or refers to what the plan
 * deletes. The rest is left as it is now: the plan was made without it, and is applied without it. That
 * holds for what was changed, and for resources and outputs that refer to it, unless they are the plan's own.
 *
 * Only for plans that are made again from a file (plan_load()), and only where the state has moved on.
 * Order of calls: since_check() once the records are known, the others from then on. */
struct since {
    const struct value *records; /* as since_records() gave it when the plan was made */
    const struct value *changes; /* by address: maps with action and moved_from, of all that it changes */
};

/* By address, the number of the log's record that made each resource what it is. */
const struct value *since_records(struct state *state, struct arena *arena);
/* ERR_STALE where what others changed meets the plan; says what that is. Fills p->targets.reached. */
int since_check(struct planner *p, struct err *err);
/* The same of a plan that was made just now, from a state that others may write to. */
int since_check_made(struct planner *p, struct err *err);
/* Is the resource left as it is recorded now? The address is the one that the stack has for it. */
bool since_leaves(const struct planner *p, struct str address);
/* Does the output, or whatever else is no resource, refer to what others changed? */
bool since_reaches(const struct planner *p, const struct decl *decl);
