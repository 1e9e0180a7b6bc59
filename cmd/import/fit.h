/*
 * A resource as another tool says it, as one of weir's types: property by property, by the names that are
 * known of that type (names.h), else by their words. Anything that the type cannot say makes it no fit, and
 * then the whole resource becomes another type.
 */
#pragma once

#include "cmd/import/draft.h"
#include "provider/names/names.h"

struct fit {
    struct draft *draft;
    const struct names_type *type;
    struct tree *attrs;       /* what came of it */
    struct str why;           /* it does not fit: what is unsupported */
    const struct node *where; /* likewise; may be NULL */
    bool lenient;             /* what is unsupported is left out and reported, rather than making it no fit */
    struct tree *left_out;    /* lenient: texts */
};

/* False: it does not fit. */
bool fit_properties(struct fit *fit, const struct tree *properties);
/* The same for one item of a list or map: attrs is that item, which may be no map. */
bool fit_item(struct fit *fit, const struct attr *attr, const struct tree *properties);
/* Are all that are required there, and does every literal pass the type's checks? */
bool fit_check(struct fit *fit);
/* The value of an attribute among others; secrets in it become inputs called after the resource. */
struct tree *fit_hide(struct draft *d, const struct tree *attrs, const struct tree_entry *e,
    const struct schema *schema, struct str resource);
/* A policy as people write it: the one that nearly every role has is a function of ours. */
struct tree *fit_policy(struct arena *arena, struct tree *s);
/* Its keys in the order in which people write them. */
struct tree *fit_policy_in_order(struct arena *arena, struct tree *s);

/* ---- Shared by fit.c, fit_rule.c and fit_value.c; nobody else includes it. fit.c goes through the
 * properties and finds what each of them is here; fit_rule.c executes what a rule of the names says;
 * fit_value.c makes a value of the type that it has to be of. */
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
bool fit_refuse(struct fit *fit, const struct node *where, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
/* Every property of a map, at this level. */
bool fit_entries(struct fit *fit, const struct level *level, const struct tree *map);

/* ---- fit_rule.c ---- */

bool fit_by_rule(struct fit *fit, const struct level *level, const struct names_rule *rule, struct tree *s);
/* Puts a value at "a.b" of the level's map; "a[]" makes a list of the one. `from`: what it is called there.
 */
bool fit_place(
    struct fit *fit, const struct level *level, struct str path, struct str from, struct tree *value);

/* ---- fit_value.c ---- */

/* NULL: it has another form. `from` and `to` are where it is there and here. */
struct tree *fit_as_type(
    struct fit *fit, struct str from, struct str to, const struct type *type, struct tree *s);
/* [{Key, Value}] as a map; NULL where it is no such list. */
struct tree *fit_pairs(struct arena *arena, struct tree *list, const char *key, const char *value);
