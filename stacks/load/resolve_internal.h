/*
 * Shared by resolve*.c; nobody else includes it. resolve.c gives the names in expressions their meaning,
 * resolve_waits.c says what a declaration waits for besides, resolve_early.c is for what has to be known
 * first.
 */
#pragma once

#include "stacks/load/load.h"

/* One declaration whose expressions are being resolved, in the names of `unit`. */
struct resolving {
    struct loader *loader;
    const struct unit *unit;
    const struct decl *decl;
    const struct rule *check;      /* sees its own data; NULL: it is none */
    bool inputs_only, with_locals; /* early: no resources, data and modules; locals too? */
    struct decl **deps;            /* reused for all declarations */
    size_t dep_count, dep_cap;
    uint32_t *seen; /* by index: the last declaration that has it among its deps, + 1 */
};

/* ---- resolve.c ---- */

/* Of the names that the unit has. */
struct resolver resolve_resolver(struct resolving *r);
void resolve_expr(struct resolving *r, struct expr *expr, bool each_allowed);
void resolve_add_dep(struct resolving *r, struct decl *dep);
/* The names of a type's attributes, for hints. How many there are. */
size_t resolve_attr_names(struct loader *loader, const struct schema *schema, const struct str **names);
/* The keys of a map; `names` has room for them. How many there are. */
size_t resolve_list_map(const struct map *map, struct str *names);

/* ---- rules_resolve.c ---- */

/* Of a resource's own conditions. */
void resolve_conditions_of(struct resolving *shared, const struct decl *decl);

/* ---- resolve_waits.c ---- */

/* What a module's call waits for, all resources in it wait for: once for each unit, before the declarations.
 */
void resolve_find_waits(struct loader *loader, struct unit *unit);
void resolve_add_waits(struct resolving *r);
void resolve_depends_on(struct resolving *r, const struct node *node);
/* Whether a module is left out is known before anything in it is looked at. */
void resolve_conditions(struct resolving *r, const struct unit *unit);
/* The configuration that a resource is reached with; NULL where its type takes none, or after an error. */
struct decl *resolve_provider(struct resolving *r);
/* `provider: aws.tokyo`, `providers: {aws: aws.tokyo}` on a module: are they declared? */
void resolve_call_provider(struct resolving *r, const struct unit *inner);
/* Of a configuration: is there such a provider? */
void resolve_provider_name(struct resolving *r);
void resolve_via(struct resolving *r, struct decl *decl);
/* The unit that a module was read as. */
struct unit *resolve_unit(const struct loader *loader, const struct module *module);
