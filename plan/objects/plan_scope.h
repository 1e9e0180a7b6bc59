/*
 * What a plan affects: what it changes, what that refers to, and which names it takes. Used to compare a plan
 * with what other runs have changed since, or are changing now (its claims).
 */
#pragma once

#include "plan/planner.h"

struct plan_scope {
    bool all;           /* destruction of a whole stack: affects every resource */
    struct map changed; /* by address */
    struct map deleted; /* deleted or replaced: by address, and by the address of their declarations */
    struct map names;   /* "#" and a digest of each changed resource's identity (objects.h) */
    struct arena arena; /* of the keys in these maps */
    bool *referred;     /* by decl->index */
};

/* The claims of a plan, as state_check_claims() takes them, without changes that are left to other runs. */
const struct value *scope_claims(const struct planner *p, struct arena *arena);
/* Marks each change that conflicts with an active run as left to it, and unmarks the others. False: no change
 * remains. */
bool scope_skip_claimed(struct planner *p);
/* By decl->index: true if it is left to other runs, destroyed, or depends on such a declaration. */
bool *scope_not_applied(const struct planner *p, struct arena *arena);

/* ---- plan_scope.c: what other runs have changed in the state since a plan was saved. The plan is refused if
 * the changed resource is one that the plan changes or refers to, or if it refers to a resource that the plan
 * deletes. Other changed resources stay as they are now, and so do resources and outputs that refer to them,
 * unless the plan changes these.
 *
 * Only for plans that are made again from a file (plan_load()), if the state has changed. Order of calls:
 * concurrent_check() once the records are known, then the others. */
struct concurrent {
    const struct value *records; /* from concurrent_records() when the plan was made */
    const struct value *changes; /* by address: maps with action and moved_from of each planned change */
};

/* By address: number of the log record that last changed each resource. */
const struct value *concurrent_records(struct state *state, struct arena *arena);
/* ERR_STALE, with the reason, if a change of another run conflicts with the plan. Fills
 * p->targets.reached. */
int concurrent_check(struct planner *p, struct err *err);
/* The same for a plan that was made just now, from a state that other runs may write to. */
int concurrent_check_new(struct planner *p, struct err *err);
/* True if the resource stays as it is recorded now. The address is that in the stack. */
bool concurrent_leaves(const struct planner *p, struct str address);
/* True if the output, or another declaration that is not a resource, refers to what other runs changed. */
bool concurrent_affects(const struct planner *p, const struct decl *decl);
