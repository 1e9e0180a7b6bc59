/*
 * The data that deletions lose besides the resources themselves, and whether they may.
 */
#pragma once

#include "plan/planner.h"

/* What the stack says by now of how each recorded resource is to be deleted. Before anything is claimed. */
void teardown_steering(struct planner *p);
/* Looks at what else each deletion would delete, and whether it may. False after an error. */
bool teardown_examine(struct planner *p);
/* What services left behind of an object that goes or has gone: as resource_ops.leaves, with the id and the
 * object of each. */
int teardown_find_leaves(struct planner *p, const struct op_ctx *ctx, const struct value *object,
    const struct value **out, struct err *err);
/* After a deletion: removes what services left behind of the object. What cannot be removed is warned of. */
void teardown_leaves(struct planner *p, struct op_ctx *ctx, const struct value *object);

/* ---- teardown.c: what is in the way of deletions, as teardown_examine() finds it: an item of
 * change->data_loss with `stops`. It is reported with the plan; plan_check_deletions() (plan.h) refuses to
 * carry such a plan out. */

bool obstacle_is(const struct value *what);
/* Is it the contents of the change's resource, and do they go before it: as other resources of the stack, or
 * by a command of it? In the planner's arena. */
bool obstacle_goes_before(struct planner *p, const struct change *change, const struct value *what);
/* Of what is not the stack's, or may not be; `agreed`: it is deleted all the same, and that is reported. */
const struct value *obstacle_owner(
    struct arena *arena, const struct ownership *owner, struct str address, bool agreed);
/* Of what is to be made of it and is there already: `what` has its type, id and, as `needs`, the attribute
 * that names it. */
const struct value *obstacle_taken(struct arena *arena, const struct value *what);
/* "skip_final_snapshot" as the command line has it: --skip-final-snapshot. */
struct str obstacle_option(struct arena *arena, struct str flag);
/* What a user does about it: "--skip-final-snapshot, or `skip_final_snapshot: true` in the stack". */
struct str obstacle_way(
    struct arena *arena, const struct plan *plan, const struct change *change, const struct value *what);
