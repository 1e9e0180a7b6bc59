/*
 * A resource as another tool says it, as one of weir's types: property by property, by the names that are
 * known of that type (names.h), else by their words. Anything that the type cannot say makes it no fit, and
 * then the whole resource is said in another way.
 */
#pragma once

#include "cmd/import/draft.h"
#include "provider/names/names.h"

struct fit {
    struct draft *draft;
    const struct names_type *type;
    struct said *attrs;       /* what came of it */
    struct str why;           /* it does not fit: what cannot be said */
    const struct node *where; /* likewise; may be NULL */
    bool lenient;             /* what cannot be said is left out and told of, rather than making it no fit */
    struct said *left_out;    /* lenient: texts */
};

/* False: it does not fit. */
bool fit_properties(struct fit *fit, const struct said *properties);
/* The same for one item of a list or map: attrs is that item, which may be no map. */
bool fit_item(struct fit *fit, const struct attr *attr, const struct said *properties);
/* Are all that are required there, and does every literal pass the type's checks? */
bool fit_check(struct fit *fit);
/* Secrets below a value become inputs called after the resource. */
struct said *fit_hide(
    struct draft *d, struct said *s, struct str resource, struct str key, const struct attr *attr);
/* A policy as people write it: the one that nearly every role has is a function of ours. */
struct said *fit_policy(struct arena *arena, struct said *s);
/* Its keys in the order in which people write them. */
struct said *fit_policy_in_order(struct arena *arena, struct said *s);
