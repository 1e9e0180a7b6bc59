/*
 * Data that is lost with deletions besides the resources themselves, and whether that is allowed.
 */
#pragma once

#include "plan/planner.h"

/* Evaluates how each recorded resource is to be deleted by the present stack. Call it before instances are
 * created. */
void teardown_weir_only(struct planner *p);
/* Examines for each deletion what else is deleted, and whether it is allowed. False after an error. */
bool teardown_examine(struct planner *p);
/* Finds leftovers of services for a deleted object or one to delete: as resource_ops.leaves, with id and
 * object of each. */
int teardown_find_leaves(struct planner *p, const struct op_ctx *ctx, const struct value *object,
    const struct value **out, struct err *err);
/* Deletes the object's leftovers after its deletion. Failures are warnings. */
void teardown_leaves(struct planner *p, struct op_ctx *ctx, const struct value *object);

/* ---- teardown.c: obstacles to deletions, found by teardown_examine(): items of change->data_loss with
 * `stops`. They are shown with the plan; plan_check_deletions() (plan.h) refuses such a plan. */

bool obstacle_is(const struct value *what);
/* True if the obstacle is the contents of the change's resource, and these are deleted before it: as other
 * resources of the stack, or by its command. Uses the planner's arena. */
bool obstacle_is_deleted_first(struct planner *p, const struct change *change, const struct value *what);
/* For a resource that is not the stack's, or may not be; `agreed`: it is deleted and reported as well. */
const struct value *obstacle_owner(
    struct arena *arena, const struct ownership *owner, struct str address, bool agreed);
/* For a resource to keep, such as a final snapshot, if one with its name exists: `what` has type, id and, as
 * `needs`, the attribute for the name. */
const struct value *obstacle_existing(struct arena *arena, const struct value *what);
/* "skip_final_snapshot" as an option of the command line: --skip-final-snapshot. */
struct str obstacle_option(struct arena *arena, struct str flag);
/* How to remove the obstacle: "--skip-final-snapshot, or `skip_final_snapshot: true` in the stack". */
struct str obstacle_remedy(
    struct arena *arena, const struct plan *plan, const struct change *change, const struct value *what);
