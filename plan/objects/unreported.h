/*
 * Fields within an attribute that cannot be read back (the password among the settings of an endpoint): the
 * state keeps salted hashes in their places, as it does of whole attributes. Pure: results live in the arena.
 */
#ifndef WEIR_PLAN_OBJECTS_UNREPORTED_H
#define WEIR_PLAN_OBJECTS_UNREPORTED_H

#include "base/arena.h"
#include "base/value.h"
#include "provider/schema.h"

/* What the service says, and in their places the fields that it does not tell, as `given` has them. */
const struct value *unreported_completed(
    struct arena *arena, const struct type *type, const struct value *given, const struct value *live);
/* The value as the state keeps it: such fields as hashes. */
const struct value *unreported_kept(struct arena *arena, const struct type *type, const struct value *v);
/* The value as a service would tell it: without them. */
const struct value *unreported_left_out(struct arena *arena, const struct type *type, const struct value *v);
/* Of what live does not tell, is something wanted that `recorded` is no hash of? Otherwise live is what is
 * wanted. */
bool unreported_differs(const struct type *type, const struct value *wanted, const struct value *live,
    const struct value *recorded);

#endif
