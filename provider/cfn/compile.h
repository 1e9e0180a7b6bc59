/*
 * From a resource type's JSON schema, as CloudFormation's registry has it, to what the rest of weir knows of
 * types: attributes under CloudFormation's own names, and what only the Cloud Control API needs.
 *
 *   compile.c        the type itself: marks, identifier, tags, handlers, rules
 *   compile_type.c   properties: types, nested ones, references, alternatives, limits
 *   convert.c           values as the service has them, and back
 *
 * What a schema says and this leaves out: conditions on values (if/then), limits of what lies in lists and
 * maps, transformations other than of case and of names to ARNs. The service checks all of them itself.
 */
#pragma once

#include "provider/schema.h"

struct cfn_type {
    struct schema schema;
    const struct value *document; /* the JSON schema */
    const struct str *id_parts;   /* names, or paths, that the identifier is made of, in order */
    size_t id_count;
    bool id_composed;        /* the schema's id is an attribute of ours, "a|b" */
    const struct attr *tags; /* where marks are; NULL: nowhere */
    bool tags_with_create;
    bool has_read, has_update, has_list;
    bool list_needs_input;
};

/* -1 with ERR_INVALID where it is no schema of a resource type. All of it lies in the arena. */
int cfn_compile(struct arena *arena, const struct value *document, struct cfn_type **out, struct err *err);

/* The actions that a handler ("create"), or "tagging", needs; NULL: it has none. */
const struct value *cfn_permissions(const struct cfn_type *type, const char *handler);

/* ---- convert.c ---- */

/*
 * An attribute's value as the service takes it: without what is unknown, tags as the list that it wants. Its
 * own values in our form: the reverse. Both keep what they do not know.
 */
const struct value *cfn_to_service(struct arena *arena, const struct type *type, const struct value *v);
const struct value *cfn_from_service(struct arena *arena, const struct type *type, const struct value *v);

/* The identifier out of an object's attributes; "" where not all of it is known. */
struct str cfn_identifier(const struct cfn_type *type, struct arena *arena, const struct value *object);
