/*
 * One of weir's objects as the resources that Terraform has for it: the tables of provider/names backwards.
 * An attribute goes where a rule says that it comes from; without one it is called the same there. What lies
 * in an object is in a block there.
 *
 * Unknown and sensitive values stay what they are, wherever they are put. Everything lies in the arena.
 */
#pragma once

#include "provider/names/names.h"

/* A resource of Terraform's, without a name. */
struct reversed {
    const struct names_type *type;
    struct str entry;            /* of the map or list in ours that it is an entry of; "" none */
    const struct value *values;  /* under Terraform's names */
    const struct value *sources; /* Terraform's attribute -> list of those of ours that it is made of; none:
                                    it leads to the whole of which this is a part */
};

struct reverse {
    struct arena *arena;
    const struct schema *schema;
    const struct names_type *const *types; /* the first is the whole, the others parts of it */
    size_t n;
};

/* The whole comes first. */
const struct reversed *reverse_object(const struct reverse *reverse, const struct value *object, size_t *n);
/* "policies[].x" is about `policies`. */
bool reverse_is_about(struct str path, struct str attr);
/* What Terraform calls an attribute of the whole, for references: `arn`. */
struct str reverse_output(const struct reverse *reverse, struct str attr);

/* ---- reverse_rule.c and reverse_value.c ---- */

/* Where in both worlds a map of attributes lies. */
struct reverse_level {
    const struct names_type *type;
    struct str to;            /* here: "lifecycle_rules[]", "" the object itself */
    struct str from;          /* there: "rule[]" */
    struct str home;          /* where, below that, attributes go for which there is no rule: "filter[0]." */
    const struct attr *attrs; /* its attributes */
    size_t n;
    const struct value *object;
    bool document; /* it is within a JSON text, where words are written likeThis */
};

/* Puts all attributes of the level's object into `out`; `only` is asked of each, NULL: all. */
const struct value *reverse_fields(struct arena *arena, const struct reverse_level *level,
    const struct value *out, bool (*only)(const void *ctx, struct str attr), const void *ctx);
/* With a zero for numbers that mean nothing beside what is there, and that Terraform wants all the same: the
 * ports of all protocols. */
const struct value *reverse_moot(
    struct arena *arena, const struct reverse_level *level, const struct value *out);
/* A value of that type, which lies at these paths. */
const struct value *reverse_value(struct arena *arena, const struct reverse_level *level,
    const struct type *type, struct str to, struct str from, const struct value *v);
/* A map or list as the text that is its JSON, which cannot be known, or shown, in part. */
const struct value *reverse_document(struct arena *arena, const struct value *v);
/* Is the path one of something within what lies at `base`? "": of all. */
bool reverse_lies_below(struct str path, struct str base);
/* Does the rule make something of what is at that path here? */
bool reverse_rule_is_for(const struct names_rule *rule, struct str path);
/* The rule by which a value at `path` is said at this level; NULL: none. */
const struct names_rule *reverse_rule(
    const struct reverse_level *level, struct str path, const struct value *v);
/* What the rule makes of it. */
const struct value *reverse_by_rule(struct arena *arena, const struct reverse_level *level,
    const struct names_rule *rule, const struct attr *attr, struct str path, const struct value *v);
/* With a value set at "a[0].b"; maps that are there are merged. */
const struct value *reverse_set(
    struct arena *arena, const struct value *map, struct str path, const struct value *v);
