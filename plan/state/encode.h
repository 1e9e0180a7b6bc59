/*
 * Values as they are in the log. JSON, except for what JSON cannot say or the log must not:
 *
 *     {"$sealed": …}, {"$hash": …}   a sensitive value (secret.h)
 *     {"$bytes": base64}             text that is not UTF-8
 *     {"$map": {…}}                  a map of one entry whose key begins with "$"
 *     {"$json": text}                what is nested too deep
 *
 * Unknown values are left out of maps and null in lists.
 */
#pragma once

#include "base/buf.h"
#include "base/map.h"
#include "plan/state/secret.h"

/* Without a key secrets are hashed. Safe from every thread. */
void encode_value(struct buf *out, struct secrets *secrets, const struct value *v);

/* Copies values into an arena, keeping one copy of equal map keys. */
struct keeper {
    struct arena *arena;
    struct map keys;
};
void keeper_release(struct keeper *keeper);
/* One copy for all equal texts: for names that many records share. */
struct str keep_name(struct keeper *keeper, struct str text);
const struct value *keep_value(struct keeper *keeper, const struct value *v);
/* A value as parsed from the log back to what it was. Secrets come back marked sensitive; hashes as the map
 * {"$hash": …}, marked. */
int decode_value(struct keeper *keeper, struct secrets *secrets, const struct value *v,
    const struct value **out, struct err *err);
