/*
 * Objects under a schema: what of them is given, secret, unknown, or kept in the state. Pure: results live in
 * the arena, and nothing of the planner is needed.
 */
#pragma once

#include "base/arena.h"
#include "base/value.h"
#include "plan/state/state.h"
#include "provider/schema.h"

/* The attribute names that the file gives in this object. */
const struct value *object_set(struct arena *arena, const struct schema *schema, const struct value *desired);
/*
 * What there is after an operation, or where nothing is to change: what the service said, which is whole
 * (provider.h), and what the file gives where no service tells or a mark is wanted. What is secret in
 * `recorded` stays so, unless the file gives it in clear now. Unmarked secrets come out marked.
 */
const struct value *object_whole(struct arena *arena, const struct schema *schema,
    const struct value *desired, const struct value *live, const struct value *recorded);
/* The same for the state: write-only values as salted hashes. */
const struct value *object_kept(struct arena *arena, const struct schema *schema, const struct value *whole);
/*
 * What a refresh saw of something recorded, as everybody gets it: of maps that others write to only our keys,
 * secrets marked, and what only the service says as recorded where this time it was not asked. NULL stays
 * NULL. What has come through here comes out as it is.
 */
const struct value *object_seen(
    struct arena *arena, const struct schema *schema, const struct record *record, const struct value *live);
/*
 * Can live not have come from desired, although it bears the same name? So where they differ in what the
 * service never changes.
 */
bool object_is_another(const struct schema *schema, const struct value *desired, const struct value *live);
/* Of maps that others write to as well, only the keys that `names` gives to `known` are ours. */
const struct value *object_ours(struct arena *arena, const struct schema *schema, const struct value *live,
    const struct value *known, const struct value *names);
/* Without a key the state gives hashes back for what is sensitive: nothing that others could work with. */
bool object_holds_hash(const struct value *v);
/* Is v what a recorded value with secrets in it (as hashes) was made from? */
bool object_hash_matches(const struct value *kept, const struct value *v);
/* prior, with the attributes that steer weir as `desired` has them; unknown ones stay as they were. */
const struct value *object_steered(
    struct arena *arena, const struct schema *schema, const struct value *prior, const struct value *desired);
/*
 * Marks the attributes that are secret: those that the schema calls sensitive, and those that are so in
 * `known`, which is what is recorded, or what the file gives: many an attribute is secret only because of an
 * input. Every object that a service gave comes through here with what is known of it, before anything else
 * is done with it.
 */
const struct value *object_mark(
    struct arena *arena, const struct schema *schema, const struct value *object, const struct value *known);
/* What is secret in what is recorded, or was about to be, is known by value from then on. Not what only its
 * place makes secret: that may be public elsewhere. */
void object_learn(const struct schema *schema, const struct value *object);
/* Is there a secret in it that a service's answer may repeat? Write-only ones are never told. */
bool object_tells_secrets(const struct schema *schema, const struct value *object);
/* The object with every computed attribute that is not there unknown. */
const struct value *object_unknown(
    struct arena *arena, const struct schema *schema, const struct value *object);
