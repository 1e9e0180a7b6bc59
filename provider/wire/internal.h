/*
 * Shared by the codecs of this folder; not for others.
 */
#pragma once

#include "provider/wire/wire.h"

/* What all writers need to know besides shape and value. */
struct wire_encoder {
    struct arena *arena;
    enum wire_protocol protocol;
    bool answer; /* a response: ec2 spells its names with a small first letter */
    struct err *err;
};

/* Of one answer or request, whatever they are: many times what any service sends. */
enum { WIRE_VALUES_MAX = 1000 * 1000 };

static inline bool wire_is_rest(enum wire_protocol protocol)
{
    return protocol == WIRE_REST_JSON || protocol == WIRE_REST_XML;
}

static inline bool wire_is_json(enum wire_protocol protocol)
{
    return protocol == WIRE_JSON10 || protocol == WIRE_JSON11 || protocol == WIRE_REST_JSON;
}

static inline bool wire_is_collection(const struct value *v)
{
    return v->kind == VALUE_LIST || v->kind == VALUE_MAP;
}

/* ---- coerce.c ---- */

/* A value that is no list, map or structure as it is in JSON; shape is such a shape or SHAPE_ANY. */
int wire_scalar(const struct wire_encoder *e, const struct shape *shape, const struct value *v,
    enum wire_time fallback, const struct value **out);
/* The same as text, for forms, XML, headers and paths. */
int wire_scalar_text(const struct wire_encoder *e, const struct shape *shape, const struct value *v,
    enum wire_time fallback, struct str *out);
/* true, 17, 1.5 or the text itself; false for lists, maps and null. */
bool wire_plain_text(struct arena *arena, const struct value *v, struct str *out);
/* What a choices map has for v, or v. */
const struct value *wire_choose(struct arena *arena, const struct value *choices, const struct value *v);

/* ---- json.c: the walk over a structure's members that all writers share ---- */

/* Writes one member; `name` is the one on the wire. 0 or -1. */
typedef int wire_member_fn(
    void *ctx, const struct shape_member *member, struct str name, const struct value *v);
/*
 * Calls fn for every member with something to send, in the shape's order. Spread members are walked in place;
 * a group is given as one member with the whole map, or a list of it, as its value. `body_only`: members with
 * another location are left out.
 */
int wire_each_member(
    const struct shape *shape, const struct value *map, bool body_only, wire_member_fn *fn, void *ctx);
/* What a group's members are in: the structure, or that of which there is a list of one. */
const struct shape *wire_group_shape(const struct shape *shape);
/* A map's PAIRS as a list of structures; the shape of these is built beside it. */
const struct value *wire_pairs_to_list(
    struct arena *arena, const struct shape *shape, const struct value *v, const struct shape **list_shape);
struct str wire_or(struct str text, struct str fallback);

/* ---- bodies ---- */

/* json_parse() for what others wrote: refused at once where it has more values than any answer. */
int wire_json_read(struct arena *arena, struct str text, const struct value **out, struct err *err);
int wire_json_write(const struct wire_encoder *e, const struct shape *shape, const struct value *v, bool top,
    struct str *out);
int wire_form_write(const struct wire_encoder *e, const struct wire_operation *op, const struct shape *shape,
    const struct value *v, struct str *out);
/* <root xmlns="…"> around the shape's body members. */
int wire_xml_write(const struct wire_encoder *e, struct str root, struct str xmlns, const struct shape *shape,
    const struct value *v, struct buf *out);

/* A form (or query string) as a generic document: dots nest, numbered keys are lists. */
int wire_form_read(struct arena *arena, struct str text, const struct value **document, struct err *err);

/* ---- rest.c ---- */

int wire_rest_bind(const struct wire_encoder *e, const struct wire_operation *op, const struct shape *shape,
    const struct value *input, struct wire_message *out);
/* Header members of an answer. */
int wire_rest_headers(const struct wire_encoder *e, const struct shape *shape, const struct value *output,
    struct wire_message *out);
/* a, "b,c" -> list */
const struct value *wire_split_header(struct arena *arena, struct str text);
