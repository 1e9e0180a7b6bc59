/*
 * Values in the log. JSON, except for
 *
 *     {"$sealed": …}, {"$hash": …}   a sensitive value (secret.h)
 *     {"$bytes": base64}             a string that is not UTF-8
 *     {"$map": {…}}                  a map with one key, which begins with "$"
 *     {"$json": text}                a value that is nested too deeply
 *
 * Unknown values are omitted from maps and null in lists.
 */
#pragma once

#include "base/buf.h"
#include "base/map.h"
#include "plan/state/secret.h"

/* Without a key secrets are hashed. From any thread. */
void encode_value(struct buf *out, struct secrets *secrets, const struct value *v);

/* Copies values into an arena, with one copy of equal map keys. */
struct interner {
    struct arena *arena;
    struct map keys;
};
void interner_release(struct interner *interner);
/* Returns one copy of equal strings, for names that many records share. */
struct str intern_name(struct interner *interner, struct str text);
const struct value *intern_value(struct interner *interner, const struct value *v);
/* Decodes a value parsed from the log. Secrets are marked sensitive; hashes are the map {"$hash": …},
 * marked. */
int decode_value(struct interner *interner, struct secrets *secrets, const struct value *v,
    const struct value **out, struct err *err);
