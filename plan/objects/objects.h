/*
 * Objects under a schema: what of them is given, secret, unknown, or kept in the state. Pure: results live in
 * the arena, and nothing of the planner is needed.
 */
#pragma once

#include "plan/planner.h"

/* ---- reported.c: what a service tells otherwise than it was given, where no rule of the type's says that
 * both are the same: "alias/lake" as the key's ARN, "Etc/UTC" as "UTC", items in another order. The record of
 * a resource keeps how such an attribute was given beside what the service reported right after; as long as
 * neither changes there is nothing to do, and no plan comes back to it again and again. It is reported when
 * it is found out.
 *
 * Only other texts count: a number or a switch that is another, one of few choices that is another, has not
 * been executed, and stays a difference. What an answer leaves out after it was applied twice is not
 * reported at all: then the record keeps how it was given with that very value beside it, until the service
 * tells another. Pure: results live in the arena. */
struct reported_change {
    const struct schema *schema;
    const struct record *before; /* NULL: it is made, or adopted */
    const struct attr_change *changes;
    size_t n;
    const struct value *desired;
};

/* May `live` be what was given, in the service's own writing? Not where they are the same anyway. */
bool reported_otherwise(const struct attr *attr, const struct value *given, const struct value *live);
/* Does the answer say nothing of what was given? */
bool reported_nothing(const struct attr *attr, const struct value *given, const struct value *live);
/* Is it known of what is wanted that answers leave it out? */
bool reported_left_out(const struct record *record, const struct attr *attr, const struct value *wanted,
    const struct value *live);
/* Is either known of what is wanted and live? */
bool reported_before(const struct record *record, const struct attr *attr, const struct value *wanted,
    const struct value *live);
/* The attributes of a change that were applied like this before and yet are reported otherwise: whether that
 * is the service's way shows when they are read once more after it. */
const struct value *reported_doubtful(
    struct arena *arena, const struct record *record, const struct attr_change *changes, size_t n);
/* What there is after an operation, in the service's writing where that is known and was not changed. */
const struct value *reported_applied(
    struct arena *arena, const struct reported_change *change, const struct value *whole);
/* As they were given, those that are reported otherwise, and those that are left out: now, by these names, or
 * before, where they were not changed. NULL: none. */
const struct value *reported_found(struct arena *arena, const struct reported_change *change,
    const struct value *whole, const struct value *left_out);

/*
 * Fields within an attribute that cannot be read back (the password among the settings of an endpoint): the
 * state keeps salted hashes in their places, as it does of whole attributes.
 */

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

/* ---- what tells a resource from all others of its type: what no two have alike at one
 * location (schema.unique), and the id that its service gave it. Two addresses with one identity would be
 * one thing, which they take from each other: refused when planned (plan/decide/decision.h), and where names
 * are known only later, when made (plan/apply/work.h). */
/* Keys of maps; what has one in common with another is the same, if it is at the same location. */
struct identities {
    struct str keys[3];
    size_t n;        /* 0: not known yet, or there is none */
    struct str text; /* for people */
    bool secret;     /* a part of what tells it apart is */
};
/* Defaults are filled in. `set`: what the file gives of it, for what a service says besides is no difference;
 * NULL: all of it counts. */
struct identities identities_of(
    struct arena *arena, const struct schema *schema, const struct value *object, const struct value *set);
/* The key and text of all that no two have alike; false: not all of it is known, or nothing of it is given.
 */
bool identities_unique(const struct schema *schema, const struct value *object, const struct value *set,
    struct buf *key, struct buf *text);
/* Is a part of that a secret, known or not? */
bool identities_have_secret(const struct schema *schema, const struct value *object);
/* The key of what has this id; "" where an id alone does not tell. And where it has to, because it is all
 * that is known of something that was found. */
struct str identities_by_id(struct arena *arena, const struct schema *schema, struct str id);
struct str identities_found(struct arena *arena, const struct schema *schema, struct str id);
/* Adds, to those of a resource of CloudFormation's type, what tells one of weir's own for the same thing
 * apart (recorded.c). */
struct names;
void identities_add_own(struct identities *identities, struct names *names, struct arena *arena,
    const struct schema *schema, const struct value *object);

/* The location of a resource: the name of its provider's configuration, and where it is, if that is recorded.
 */
struct whereabouts {
    struct str provider;
    const struct value *location; /* NULL: as the provider says */
};
/* Is that one location? Only where it is known for sure; may ask whose account it is, once. */
bool identities_share_location(
    struct planner *p, const struct schema *schema, struct whereabouts a, struct whereabouts b);

/* ---- objects.c ---- */

/* Is the address (of an instance) named by one of the list: itself, its declaration, or its module? */
bool address_matches(struct str address, const struct str *list, size_t n);

/* The attribute names that the file gives in this object. */
const struct value *object_set(struct arena *arena, const struct schema *schema, const struct value *desired);
/*
 * What there is after an operation, or where nothing is to change: what the service reported, which is whole
 * (provider.h), and what the file gives where no service tells or a sensitive mark is wanted. What is secret
 * in `recorded` stays so, unless the file gives it in clear now. Unmarked secrets come out marked.
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
 * Can live not have come from desired, although it has the same name? So where they differ in what the
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
/* Is there a secret in it that a service's answer may repeat? Write-only ones are never reported. */
bool object_tells_secrets(const struct schema *schema, const struct value *object);
/* The object with every computed attribute that is not there unknown. */
const struct value *object_unknown(
    struct arena *arena, const struct schema *schema, const struct value *object);
