/*
 * Objects under a schema: which values are configured, secret, unknown, or kept in the state. Pure: results
 * are allocated in the arena; no planner is needed except for locations.
 */
#pragma once

#include "plan/planner.h"

/* ---- reported.c: values that a service reports otherwise than they were sent, where no rule of the type
 * makes them equal: "alias/lake" as the key's ARN, "Etc/UTC" as "UTC", items in another order. The record
 * keeps the configured value beside the one that the service reported right after the change. While neither
 * changes there is no difference, so later plans do not show the attribute again. It is reported when it is
 * first found.
 *
 * Only different strings count: another number, boolean or enumerated value was not applied, and remains a
 * difference. If a response still omits an attribute after it was applied twice, the record keeps the
 * configured value with the same reported value, until the service reports another one. Pure: results are
 * allocated in the arena. */
struct reported_change {
    const struct schema *schema;
    const struct record *before; /* NULL: created or imported */
    const struct attr_change *changes;
    size_t n;
    const struct value *desired;
};

/* True if `live` may be `given` in the service's own notation. False if both are equal. */
bool reported_otherwise(const struct attr *attr, const struct value *given, const struct value *live);
/* True if the response omits the configured attribute. */
bool reported_omits(const struct attr *attr, const struct value *given, const struct value *live);
/* True if the record tells that responses omit the attribute with this desired value. */
bool reported_omitted_before(const struct record *record, const struct attr *attr, const struct value *wanted,
    const struct value *live);
/* True if the record has this pair of desired and live values, or tells that responses omit the attribute. */
bool reported_before(const struct record *record, const struct attr *attr, const struct value *wanted,
    const struct value *live);
/* Names of changed attributes that were applied with this value before and are reported otherwise. Reading
 * them again after the change tells whether the service always does so. */
const struct value *reported_unconfirmed(
    struct arena *arena, const struct record *record, const struct attr_change *changes, size_t n);
/* The object after an operation, with unchanged attributes in the service's notation where the record has
 * it. */
const struct value *reported_applied(
    struct arena *arena, const struct reported_change *change, const struct value *whole);
/* The configured values of attributes that are reported otherwise or omitted: now (by these names), or before
 * and unchanged since. NULL: none. */
const struct value *reported_found(struct arena *arena, const struct reported_change *change,
    const struct value *whole, const struct value *left_out);

/*
 * Fields within an attribute that no response has (such as the password among an endpoint's settings): the
 * state keeps salted hashes of them, as of whole write-only attributes.
 */

/* The live value, completed with the fields of `given` that no response has. */
const struct value *unreported_completed(
    struct arena *arena, const struct type *type, const struct value *given, const struct value *live);
/* The value for the state: such fields as hashes. */
const struct value *unreported_hashed(struct arena *arena, const struct type *type, const struct value *v);
/* The value as a service reports it: without such fields. */
const struct value *unreported_removed(struct arena *arena, const struct type *type, const struct value *v);
/* True if a desired field that live lacks does not match its hash in `recorded`. Otherwise live equals the
 * desired value. */
bool unreported_differs(const struct type *type, const struct value *wanted, const struct value *live,
    const struct value *recorded);

/* ---- Identities: what no two resources have in common at one location (schema.unique), and the id from the
 * service. Two addresses with one identity would manage the same resource: refused in the plan
 * (plan/decide/decision.h), and for names that are known later, during the apply (plan/apply/work.h). */
/* Keys of maps; two resources at one location with a common key are the same. */
struct identities {
    struct str keys[3];
    size_t n;        /* 0: unknown, or it has none */
    struct str text; /* for messages */
    bool secret;     /* a part of the identity is secret */
};
/* Defaults are filled in. `set`: names of configured attributes; other attributes of the object are ignored
 * unless the service computes them. NULL: all count. */
struct identities identities_of(
    struct arena *arena, const struct schema *schema, const struct value *object, const struct value *set);
/* Appends the key and the text of its unique attributes. False: one is unknown, or none is given. */
bool identities_unique(const struct schema *schema, const struct value *object, const struct value *set,
    struct buf *key, struct buf *text);
/* True if a unique attribute is secret, known or not. */
bool identities_have_secret(const struct schema *schema, const struct value *object);
/* identities_by_id() returns the key for this id, or "" if the id alone does not identify a resource of the
 * type. identities_found() returns it in any case, for found resources of which only the id is known. */
struct str identities_by_id(struct arena *arena, const struct schema *schema, struct str id);
struct str identities_found(struct arena *arena, const struct schema *schema, struct str id);
/* Adds to the identity of a CloudFormation type's resource the key that weir's own type has for the same
 * resource (recorded.c). */
struct names;
void identities_add_own(struct identities *identities, struct names *names, struct arena *arena,
    const struct schema *schema, const struct value *object);

/* Location of a resource: the name of its provider's configuration, and the recorded location. */
struct resource_location {
    struct str provider;
    const struct value *location; /* NULL: the provider's */
};
/* True if both are surely the same location. May call the service once for the account. */
bool identities_share_location(
    struct planner *p, const struct schema *schema, struct resource_location a, struct resource_location b);

/* ---- objects.c ---- */

/* True if the list has the instance's address, its declaration, or its module. */
bool address_matches(struct str address, const struct str *list, size_t n);

/* Names of the attributes that the file configures in this object. */
const struct value *object_set(struct arena *arena, const struct schema *schema, const struct value *desired);
/*
 * The object after an operation, or without changes: the live object, which is complete (provider.h), with
 * configured values where no response has them or they are marked as sensitive. Values that are secret in
 * `recorded` remain secret, unless the file now configures them as not sensitive. Secret attributes are
 * marked in the result.
 */
const struct value *object_whole(struct arena *arena, const struct schema *schema,
    const struct value *desired, const struct value *live, const struct value *recorded);
/* The object for the state: write-only values as salted hashes. */
const struct value *object_for_state(
    struct arena *arena, const struct schema *schema, const struct value *whole);
/*
 * The refreshed object of a record as all other code sees it: shared maps with the managed keys only, secrets
 * marked, and computed attributes that were not read as recorded. NULL remains NULL. Idempotent.
 */
const struct value *object_from_live(
    struct arena *arena, const struct schema *schema, const struct record *record, const struct value *live);
/*
 * True if live cannot have been created from desired although it has the same name: an attribute that never
 * changes differs.
 */
bool object_is_another(const struct schema *schema, const struct value *desired, const struct value *live);
/* Reduces shared maps to the managed keys: those in `known` of the attributes in `names`. */
const struct value *object_managed(struct arena *arena, const struct schema *schema, const struct value *live,
    const struct value *known, const struct value *names);
/* True if the value has a hash in place of a secret, so that it cannot be used. */
bool object_holds_hash(const struct value *v);
/* True if a recorded value, with hashes of its secrets, was made from v. */
bool object_hash_matches(const struct value *kept, const struct value *v);
/* True if the same parts are sensitive in both, which have the same value. */
bool object_hides_same(const struct value *a, const struct value *b);
/* prior, with the attributes that weir itself uses as in `desired`; unknown ones as before. */
const struct value *object_with_weir_only(
    struct arena *arena, const struct schema *schema, const struct value *prior, const struct value *desired);
/*
 * Marks secret attributes: those that the schema calls sensitive, and those that are marked in `known`, the
 * recorded or configured object (an input may make any attribute secret). Each object from a service passes
 * through here before any other use.
 */
const struct value *object_mark(
    struct arena *arena, const struct schema *schema, const struct value *object, const struct value *known);
/* Registers the secret values of a recorded or planned object for masking. Not those of attributes that are
 * always sensitive: these may be public elsewhere. */
void object_mask_secrets(const struct schema *schema, const struct value *object);
/* True if it has a secret that a response may repeat. Write-only attributes are never reported. */
bool object_reports_secrets(const struct schema *schema, const struct value *object);
/* The object, with each missing computed attribute unknown. */
const struct value *object_unknown(
    struct arena *arena, const struct schema *schema, const struct value *object);
