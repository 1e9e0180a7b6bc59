/*
 * Shared by fit.c, fit_rule.c and fit_value.c; nobody else includes it. fit.c goes through the properties and
 * finds what each of them is here; fit_rule.c carries out what a rule of the names says; fit_value.c makes a
 * value of the type that it has to be of.
 */
#pragma once

#include "cmd/import/fit.h"

/* Where in both worlds a value lies: the properties' path so far, and the attributes' of the item around. */
struct level {
    struct str from;          /* "LifecycleConfiguration.Rules[]" */
    struct str to;            /* prefix of rules' targets that are relative to `into`: "lifecycle_rules[]" */
    struct said *into;        /* the map that is being filled */
    const struct attr *attrs; /* its attributes; NULL: only rules count */
    size_t n;
    bool top;
    bool passing; /* below a property without a counterpart: only rules count */
};

/* What cannot be said, and where it stands: false, so that it can be returned; true where it is left out. */
bool fit_refuse(struct fit *fit, const struct node *where, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
/* Every property of a map, at this level. */
bool fit_entries(struct fit *fit, const struct level *level, const struct said *map);

/* ---- fit_rule.c ---- */

bool fit_by_rule(struct fit *fit, const struct level *level, const struct names_rule *rule, struct said *s);
/* Puts a value at "a.b" of the level's map; "a[]" makes a list of the one. `from`: what it is called there.
 */
bool fit_place(
    struct fit *fit, const struct level *level, struct str path, struct str from, struct said *value);

/* ---- fit_value.c ---- */

/* NULL: it has another form. `from` and `to` are where it lies there and here. */
struct said *fit_as_type(
    struct fit *fit, struct str from, struct str to, const struct type *type, struct said *s);
/* [{Key, Value}] as a map; NULL where it is no such list. */
struct said *fit_pairs(struct arena *arena, struct said *list, const char *key, const char *value);
