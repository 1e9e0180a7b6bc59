/*
 * What deletions erase besides the resources themselves, and whether they may.
 */
#pragma once

#include "plan/planner.h"
#include "provider/provider.h"

/* What the stack says by now of how each recorded resource is to be deleted. Before anything is claimed. */
void teardown_steering(struct planner *p);
/* Looks at what else each deletion would erase, and whether it may. False after an error. */
bool teardown_examine(struct planner *p);
/* What services left behind of an object that goes or has gone: as resource_ops.leaves, with the id and the
 * object of each. */
int teardown_find_leaves(struct planner *p, const struct op_ctx *ctx, const struct value *object,
    const struct value **out, struct err *err);
/* After a deletion: removes what services left behind of the object. What cannot be removed is warned of. */
void teardown_leaves(struct planner *p, struct op_ctx *ctx, const struct value *object);
