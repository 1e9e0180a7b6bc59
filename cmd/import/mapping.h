/*
 * A resource as another tool says it, as one of weir's types: property by property, by the names that are
 * known of that type (names.h), else by their words. Anything that the type cannot say makes it unmappable,
 * and then the whole resource becomes another type.
 */
#pragma once

#include "cmd/import/draft.h"
#include "provider/names/names.h"

struct mapping {
    struct draft *draft;
    const struct names_type *type;
    struct tree *attrs;       /* what came of it */
    struct str why;           /* there is no mapping: what is unsupported */
    const struct node *where; /* likewise; may be NULL */
    bool lenient;             /* what is unsupported is left out and reported, and does not end the mapping */
    struct tree *left_out;    /* lenient: texts */
};

/* False: there is no mapping. */
bool mapping_properties(struct mapping *mapping, const struct tree *properties);
/* The same for one item of a list or map: attrs is that item, which may be no map. */
bool mapping_item(struct mapping *mapping, const struct attr *attr, const struct tree *properties);
/* Are all that are required there, and does every literal pass the type's checks? */
bool mapping_check(struct mapping *mapping);
/* The value of an attribute among others; secrets in it become inputs called after the resource. */
struct tree *mapping_hide(struct draft *d, const struct tree *attrs, const struct tree_entry *e,
    const struct schema *schema, struct str resource);
/* A policy as people write it: the one that nearly every role has is a function of ours. */
struct tree *mapping_policy(struct arena *arena, struct tree *s);
/* Its keys in the order in which people write them. */
struct tree *mapping_policy_in_order(struct arena *arena, struct tree *s);

/* ---- Shared by mapping.c, mapping_rule.c and mapping_value.c; nobody else includes it. mapping.c goes
 * through the properties and finds what each of them is here; mapping_rule.c executes what a rule of the
 * names says; mapping_value.c makes a value of the type that it has to be of. */
/* Where in both worlds a value is: the properties' path so far, and the attributes' of the item around. */
struct level {
    struct str from;          /* "LifecycleConfiguration.Rules[]" */
    struct str to;            /* prefix of rules' targets that are relative to `into`: "lifecycle_rules[]" */
    struct tree *into;        /* the map that is being filled */
    const struct attr *attrs; /* its attributes; NULL: only rules count */
    size_t n;
    bool top;
    bool passing; /* below a property without a counterpart: only rules count */
};

/* What is unsupported, and where it is: false, so that it can be returned; true where it is left out. */
bool mapping_refuse(struct mapping *mapping, const struct node *where, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
/* Every property of a map, at this level. */
bool mapping_entries(struct mapping *mapping, const struct level *level, const struct tree *map);

/* ---- mapping_rule.c ---- */

bool mapping_by_rule(
    struct mapping *mapping, const struct level *level, const struct names_rule *rule, struct tree *s);
/* Puts a value at "a.b" of the level's map; "a[]" makes a list of the one. `from`: what it is called there.
 */
bool mapping_place(
    struct mapping *mapping, const struct level *level, struct str path, struct str from, struct tree *value);

/* ---- mapping_value.c ---- */

/* NULL: it has another form. `from` and `to` are where it is there and here. */
struct tree *mapping_as_type(
    struct mapping *mapping, struct str from, struct str to, const struct type *type, struct tree *s);
/* [{Key, Value}] as a map; NULL where it is no such list. */
struct tree *mapping_pairs(struct arena *arena, struct tree *list, const char *key, const char *value);
