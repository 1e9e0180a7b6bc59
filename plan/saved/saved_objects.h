/*
 * Every resource of a plan as a whole, in a saved plan: what others than weir read of it (cmd/export) is all
 * that there is, not only what changes.
 *
 *     "objects": [{address, type, id, planned: {attr: value}, given: [attr], references: {attr: [text]}}]
 *
 * Values are veiled as those of changes are (saved_value.h). A reference is the declaration's address and the
 * attribute: "net/vpc.vpc_id".
 */
#pragma once

#include "plan/plan.h"

const struct value *saved_objects(const struct plan *plan, struct arena *arena);
/* The other way, with what else the plan's file says of them; what is deleted has no `after`. */
const struct planned_object *saved_objects_read(
    const struct value *saved, struct catalog *catalog, struct arena *arena, size_t *n);
