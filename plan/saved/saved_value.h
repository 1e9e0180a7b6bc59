/*
 * Values of a plan in JSON that everybody may read, and back. JSON, except for
 *
 *     {"$unknown": false}   known after apply; true: and secret
 *     {"$secret": 0}        a secret; of one attribute's, equal ones have equal numbers
 *     {"$secret": {…}}      a map whose values are secret, and whose names are not
 *     {"$hash": …}          a secret of which only a hash is known
 *     {"$bytes": base64}    text that is not UTF-8
 *     {"$map": {…}}         a map of one entry whose name begins with "$"
 */
#pragma once

#include "base/value.h"
#include "provider/schema.h"

/* One attribute's, or output's, values. */
struct veil {
    struct arena *arena;
    const struct type *type; /* NULL: not known */
    bool hidden;             /* it is secret as a whole, */
    bool names;              /* but for the names in the map that it is */
    struct value_builder secrets;
};

const struct value *veil_value(struct veil *veil, const struct value *v);
const struct value *veil_lifted(struct arena *arena, const struct value *v);
