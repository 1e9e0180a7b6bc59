/*
 * Attributes that the file leaves to another resource: `fills` in a spec (docs/specs.md). A Glue connection
 * wants the zone of the subnet that it lies in, which the subnet knows. What is filled in counts as given.
 *
 *     fills_known()  from what the plan knows of the stack's own resources; calls nothing
 *     fills_read()   asks the service for the rest, once the ids are known
 *
 * While a plan is applied the first is called with the executor's lock, the second without.
 */
#pragma once

#include "plan/planner.h"
#include "provider/provider.h"

/* The object with what the plan knows, and unknown where that is still to come. */
const struct value *fills_known(
    struct planner *p, const struct instance *instance, struct arena *arena, const struct value *object);
/* `op` is the instance's own context, with its provider. */
int fills_read(struct planner *p, const struct op_ctx *op, const struct value **object, struct err *err);
