/*
 * JSON bodies: our values under the service's names, written by base/json.
 */
#include "base/json.h"
#include "provider/wire/internal.h"

/* How many values it has at least, by what stands between them. */
static size_t count_values(struct str text)
{
    size_t n = 1;
    bool quoted = false;
    for (size_t i = 0; i < text.n; i++) {
        char c = text.p[i];
        if (quoted && c == '\\')
            i++;
        else if (c == '"')
            quoted = !quoted;
        else if (!quoted && (c == ',' || c == '{' || c == '['))
            n++;
    }
    return n;
}

int wire_json_read(struct arena *arena, struct str text, const struct value **out, struct err *err)
{
    if (count_values(text) > WIRE_VALUES_MAX)
        return err_set(err, ERR_PROTOCOL, "it has more than %d values", WIRE_VALUES_MAX);
    return json_parse(arena, text, out, err);
}

struct object {
    const struct wire_encoder *e;
    struct value_builder entries;
};

static int json_encode_value(const struct wire_encoder *e, const struct shape *shape, const struct value *v,
    bool top, const struct value **out);

static int add_member(void *ctx, const struct shape_member *member, struct str name, const struct value *v)
{
    struct object *object = ctx;
    const struct value *encoded;
    if (json_encode_value(object->e, member->shape, v, false, &encoded))
        return err_context(object->e->err, "%.*s", STR_ARG(name));
    value_builder_set(&object->entries, name, encoded);
    return 0;
}

static int encode_struct(const struct wire_encoder *e, const struct shape *shape, const struct value *v,
    bool top, const struct value **out)
{
    struct object object = {.e = e, .entries = VALUE_BUILDER(e->arena)};
    int rc = wire_each_member(shape, v, top && wire_is_rest(e->protocol), add_member, &object);
    if (!rc)
        *out = value_builder_map(&object.entries);
    value_builder_release(&object.entries);
    return rc;
}

static int encode_items(
    const struct wire_encoder *e, const struct shape *elem, const struct value *v, const struct value **out)
{
    AUTO_BUILDER struct value_builder items = VALUE_BUILDER(e->arena);
    bool map = v->kind == VALUE_MAP;
    for (uint32_t i = 0; i < v->count; i++) {
        const struct value *item = map ? v->entries[i].value : v->items[i], *encoded;
        if (value_is_null(item))
            continue;
        if (elem && json_encode_value(e, elem, item, false, &encoded))
            return err_context(e->err, "item %u", i + 1);
        value_builder_set(&items, map ? v->entries[i].key : STR_EMPTY, elem ? encoded : item);
    }
    *out = map ? value_builder_map(&items) : value_builder_list(&items);
    return 0;
}

static int json_encode_value(const struct wire_encoder *e, const struct shape *shape, const struct value *v,
    bool top, const struct value **out)
{
    bool list = v->kind == VALUE_LIST, map = v->kind == VALUE_MAP;
    if (shape->kind == SHAPE_LIST && list)
        return encode_items(e, shape->elem, v, out);
    if (shape->kind == SHAPE_MAP && map)
        return encode_items(e, shape->elem, v, out);
    if (shape->kind == SHAPE_STRUCT && map)
        return encode_struct(e, shape, v, top, out);
    if (shape->kind == SHAPE_PAIRS && map) {
        const struct shape *list_shape;
        v = wire_pairs_to_list(e->arena, shape, v, &list_shape);
        return encode_items(e, list_shape->elem, v, out);
    }
    return wire_scalar(e, shape, v, WIRE_TIME_EPOCH, out);
}

int wire_json_write(
    const struct wire_encoder *e, const struct shape *shape, const struct value *v, bool top, struct str *out)
{
    const struct value *encoded;
    if (json_encode_value(e, shape, v, top, &encoded))
        return -1;
    AUTO_BUF struct buf text = BUF_INIT;
    json_write(&text, encoded, JSON_PLAIN);
    *out = arena_str(e->arena, buf_str(&text));
    return 0;
}
