/*
 * Converts a resource of another tool to one of weir's types, property by property, by the type's known names
 * (names.h), otherwise by equal names. A property without an equivalent makes the conversion fail, and the
 * whole resource becomes another type.
 */
#pragma once

#include "cmd/import/draft.h"
#include "provider/names/names.h"

struct mapping {
    struct draft *draft;
    const struct names_type *type;
    struct tree *attrs;       /* the result */
    struct str why;           /* the reason if the conversion failed */
    const struct node *where; /* its place; may be NULL */
    bool lenient;             /* properties without equivalent are left out and reported instead of failing */
    struct tree *left_out;    /* lenient: texts about them */
};

/* Returns false if the conversion failed. */
bool mapping_properties(struct mapping *mapping, const struct tree *properties);
/* The same for an item of a list or map: attrs is the item, which need not be a map. */
bool mapping_item(struct mapping *mapping, const struct attr *attr, const struct tree *properties);
/* Checks that all required attributes exist and that literals are valid. */
bool mapping_check(struct mapping *mapping);
/* Returns whether the attribute is the resource's name, id, description or tags, or a key of weir's: its
 * texts do not refer to anything. */
bool mapping_is_own(const struct schema *schema, struct str attr);
/* Returns the attribute's value with secrets replaced by inputs named after the resource. */
struct tree *mapping_hide(struct draft *d, const struct tree *attrs, const struct tree_entry *e,
    const struct schema *schema, struct str resource);
/* Returns a policy in hand-written form: the usual trust policy becomes a function call. */
struct tree *mapping_policy(struct arena *arena, struct tree *s);
/* Sorts the keys of a policy in the usual order. */
struct tree *mapping_policy_in_order(struct arena *arena, struct tree *s);

/* ---- Shared by mapping.c, mapping_rule.c and mapping_value.c only. mapping.c visits the properties and
 * finds their equivalents; mapping_rule.c applies the rules of the names; mapping_value.c converts values to
 * the required type. */
/* The paths of a value on both sides: of the property, and of the enclosing attribute item. */
struct level {
    struct str from;   /* "LifecycleConfiguration.Rules[]" */
    struct str to;     /* prefix of the rules' targets, which are relative to `into`: "lifecycle_rules[]" */
    struct tree *into; /* the map to fill */
    const struct attr *attrs; /* its attributes; NULL: only rules apply */
    size_t n;
    bool top;
    bool passing; /* below a property without an equivalent: only rules apply */
};

/* Sets the reason and place of a failure and returns false; returns true if the property is left out
 * instead. */
bool mapping_refuse(struct mapping *mapping, const struct node *where, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
/* Converts each property of a map on this level. */
bool mapping_entries(struct mapping *mapping, const struct level *level, const struct tree *map);

/* ---- mapping_rule.c ---- */

bool mapping_by_rule(
    struct mapping *mapping, const struct level *level, const struct names_rule *rule, struct tree *s);
/* Sets a value at "a.b" of the level's map; "a[]" makes a list of the single value. `from` is the property's
 * path. */
bool mapping_place(
    struct mapping *mapping, const struct level *level, struct str path, struct str from, struct tree *value);

/* ---- mapping_value.c ---- */

/* Converts a value to the type; NULL: it has another form. `from` and `to` are its paths on both sides. */
struct tree *mapping_as_type(
    struct mapping *mapping, struct str from, struct str to, const struct type *type, struct tree *s);
/* Converts [{Key, Value}] to a map; NULL if it is not such a list. */
struct tree *mapping_pairs(struct arena *arena, struct tree *list, const char *key, const char *value);
