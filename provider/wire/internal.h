/*
 * Shared by the codecs of this folder only.
 */
#pragma once

#include "provider/wire/wire.h"

/* Parameters of all writers besides shape and value. */
struct wire_encoder {
    struct arena *arena;
    enum wire_protocol protocol;
    bool answer; /* a response: ec2 names begin with a lower-case letter */
    struct err *err;
};

/* Limit of values in one request or response, far more than any service sends. */
enum { WIRE_VALUES_MAX = 1000 * 1000 };

static inline bool wire_is_collection(const struct value *v)
{
    return v->kind == VALUE_LIST || v->kind == VALUE_MAP;
}

/* ---- coerce.c ---- */

/* Converts a scalar value to its form in JSON; shape is a scalar shape or SHAPE_ANY. */
int wire_scalar(const struct wire_encoder *e, const struct shape *shape, const struct value *v,
    enum wire_time fallback, const struct value **out);
/* Converts a scalar value to a string, for forms, XML, headers and paths. */
int wire_scalar_text(const struct wire_encoder *e, const struct shape *shape, const struct value *v,
    enum wire_time fallback, struct str *out);
/* Returns true, 17, 1.5 or the string itself as text; false for lists, maps and null. */
bool wire_plain_text(struct arena *arena, const struct value *v, struct str *out);
/* Returns the entry of a choices map for v, or v. */
const struct value *wire_choose(struct arena *arena, const struct value *choices, const struct value *v);

/* ---- json.c: iterating over a structure's members, for all writers ---- */

/* Writes one member; `name` is its wire name. Returns 0 or -1. */
typedef int wire_member_fn(
    void *ctx, const struct shape_member *member, struct str name, const struct value *v);
/*
 * Calls fn for every member with a value, in the shape's order. Members of a spread structure are visited in
 * place; a group is visited as one member whose value is the whole map, or a list of it. `body_only`: members
 * with another location are skipped.
 */
int wire_each_member(
    const struct shape *shape, const struct value *map, bool body_only, wire_member_fn *fn, void *ctx);
/* Returns the shape of a group's members: the structure, or the item of a list of one. */
const struct shape *wire_group_shape(const struct shape *shape);
/* Converts a PAIRS map to a list of structures, together with their shape. */
const struct value *wire_pairs_to_list(
    struct arena *arena, const struct shape *shape, const struct value *v, const struct shape **list_shape);
struct str wire_or(struct str text, struct str fallback);

/* ---- request and response bodies ---- */

/* json_parse() for received data: fails early if there are more than WIRE_VALUES_MAX values. */
int wire_json_read(struct arena *arena, struct str text, const struct value **out, struct err *err);
int wire_json_write(const struct wire_encoder *e, const struct shape *shape, const struct value *v, bool top,
    struct str *out);
int wire_form_write(const struct wire_encoder *e, const struct wire_operation *op, const struct shape *shape,
    const struct value *v, struct str *out);
/* Writes <root xmlns="…"> with the shape's body members. */
int wire_xml_write(const struct wire_encoder *e, struct str root, struct str xmlns, const struct shape *shape,
    const struct value *v, struct buf *out);

/* Parses a form (or query string) to a generic document: dots nest, numbered keys are lists. */
int wire_form_read(struct arena *arena, struct str text, const struct value **document, struct err *err);

/* ---- rest.c ---- */

int wire_rest_bind(const struct wire_encoder *e, const struct wire_operation *op, const struct shape *shape,
    const struct value *input, struct wire_message *out);
/* Adds the header members of a response. */
int wire_rest_headers(const struct wire_encoder *e, const struct shape *shape, const struct value *output,
    struct wire_message *out);
/* Splits a header: a, "b,c" -> list. */
const struct value *wire_split_header(struct arena *arena, struct str text);
