/*
 * What tells a resource from all others of its type: what no two have alike at one location (schema.unique),
 * and the id that its service gave it. Two addresses with one identity would be one thing, which they take
 * from each other: refused when planned (identity_clash.h), and where names are known only later, when made
 * (claims.h).
 */
#pragma once

#include "base/buf.h"
#include "plan/planner.h"

/* Keys of maps; what has one in common with another is the same, if it is at the same location. */
struct identities {
    struct str keys[3];
    size_t n;        /* 0: not known yet, or there is none */
    struct str text; /* for people */
};
/* Defaults are filled in. `set`: what the file gives of it, for what a service says besides is no difference;
 * NULL: all of it counts. */
struct identities identities_of(
    struct arena *arena, const struct schema *schema, const struct value *object, const struct value *set);
/* The key of what has this id; "" where an id alone does not tell. And where it has to, because it is all
 * that is known of something that was found. */
struct str identities_by_id(struct arena *arena, const struct schema *schema, struct str id);
struct str identities_found(struct arena *arena, const struct schema *schema, struct str id);
/* The key and text of all that no two have alike; false: not all of it is known, or nothing of it is given.
 */
bool identities_unique(const struct schema *schema, const struct value *object, const struct value *set,
    struct buf *key, struct buf *text);
/* Adds, to those of a resource of CloudFormation's type, what tells one of weir's own for the same thing
 * apart (identity_own.c). */
struct names;
void identities_add_own(struct identities *identities, struct names *names, struct arena *arena,
    const struct schema *schema, const struct value *object);

/* How that is made of a type's resources: the same text as long as it is made in the same way. */
void identities_define(struct buf *out, struct names *names, const struct schema *schema);

/* The location of a resource: the name of its provider's configuration, and the place if that is recorded. */
struct whereabouts {
    struct str provider;
    const struct value *place; /* NULL: as the provider says */
};
/* Is that one location? Only where it is known for sure; may ask whose account it is, once. */
bool identities_share_location(
    struct planner *p, const struct schema *schema, struct whereabouts a, struct whereabouts b);
