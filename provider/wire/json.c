/*
 * JSON bodies: our values under the service's names, written with base/json.
 */
#include "base/json.h"
#include "provider/wire/internal.h"

#include <assert.h>

/* ---- Iterating over a structure's members, for the JSON, form and XML writers: absent members are skipped,
 * groups and spreads convert between our nesting and the service's. */

const struct shape shape_text = {.kind = SHAPE_STRING}, shape_any = {.kind = SHAPE_ANY};

struct str wire_or(struct str text, struct str fallback)
{
    return text.n ? text : fallback;
}

const struct shape *wire_group_shape(const struct shape *shape)
{
    return shape->kind == SHAPE_LIST ? shape->elem : shape;
}

static bool has_any(const struct shape *shape, const struct value *map)
{
    shape = wire_group_shape(shape);
    for (size_t i = 0; i < shape->member_count; i++) {
        const struct shape_member *m = &shape->members[i];
        const struct value *v = m->group ? map : value_get(map, m->name);
        if (m->group || m->spread ? has_any(m->shape, v) : !m->along && !value_is_null(v))
            return true;
    }
    return false;
}

int wire_each_member(
    const struct shape *shape, const struct value *map, bool body_only, wire_member_fn *fn, void *ctx)
{
    for (size_t i = 0; i < shape->member_count; i++) {
        const struct shape_member *m = &shape->members[i];
        if (body_only && m->location != WIRE_BODY)
            continue;
        if (m->group) {
            const struct value *only[] = {map}, one = {.kind = VALUE_LIST, .items = only, .count = 1};
            if (has_any(m->shape, map) && fn(ctx, m, m->wire, m->shape->kind == SHAPE_LIST ? &one : map))
                return -1;
            continue;
        }
        const struct value *v = value_get(map, m->name);
        if (value_is_null(v))
            continue;
        assert(v->kind != VALUE_UNKNOWN);
        if (m->spread ? wire_each_member(m->shape, v, false, fn, ctx) : fn(ctx, m, m->wire, v))
            return -1;
    }
    return 0;
}

const struct value *wire_pairs_to_list(
    struct arena *arena, const struct shape *shape, const struct value *v, const struct shape **list_shape)
{
    struct shape_member *members = ARENA_ARRAY(arena, struct shape_member, 2);
    members[0] = (struct shape_member){
        .name = STR("key"), .wire = wire_or(shape->key_name, STR("Key")), .shape = &shape_text};
    members[1] = (struct shape_member){.name = STR("value"),
        .wire = wire_or(shape->value_name, STR("Value")),
        .shape = shape->elem ? shape->elem : &shape_text,
        .spread = str_eqz(shape->value_name, ".")};
    struct shape *pair = ARENA_NEW(arena, struct shape);
    *pair = (struct shape){.kind = SHAPE_STRUCT, .members = members, .member_count = 2};
    struct shape *list = ARENA_NEW(arena, struct shape);
    *list = (struct shape){.kind = SHAPE_LIST, .elem = pair, .item = shape->item, .flat = shape->flat};
    *list_shape = list;

    AUTO_BUILDER struct value_builder items = VALUE_BUILDER(arena);
    for (uint32_t i = 0; i < v->count; i++) {
        value_builder_add(&items, VALUE_MAP(arena, {STR("key"), value_string_ref(arena, v->entries[i].key)},
                                      {STR("value"), v->entries[i].value}));
    }
    return value_builder_list(&items);
}

/* ---- the union of the shapes of different resources ---- */

static bool is_same_member(const struct shape_member *a, const struct shape_member *b)
{
    return str_eq(a->wire, b->wire) && a->group == b->group && (!a->spread || str_eq(a->name, b->name));
}

static void add_members(struct arena *arena, struct shape *all, const struct shape *other)
{
    struct shape_member *members =
        ARENA_ARRAY(arena, struct shape_member, all->member_count + other->member_count);
    size_t count = all->member_count;
    if (count)
        memcpy(members, all->members, count * sizeof *members);
    for (size_t i = 0; i < other->member_count; i++) {
        const struct shape_member *member = &other->members[i];
        size_t k = 0;
        while (k < count && !is_same_member(&members[k], member))
            k++;
        if (k < count)
            members[k].shape = wire_shape_union(arena, members[k].shape, member->shape);
        else
            members[count++] = *member;
    }
    all->members = members;
    all->member_count = count;
}

const struct shape *wire_shape_union(
    struct arena *arena, const struct shape *known, const struct shape *other)
{
    if (known == other || known->kind != other->kind)
        return known->kind == SHAPE_ANY ? other : known;
    if (known->kind != SHAPE_STRUCT && known->kind != SHAPE_LIST)
        return known;
    struct shape *all = ARENA_NEW(arena, struct shape);
    *all = *known;
    if (known->kind == SHAPE_STRUCT)
        add_members(arena, all, other);
    else if (other->elem)
        all->elem = known->elem ? wire_shape_union(arena, known->elem, other->elem) : other->elem;
    return all;
}

/* Returns a lower bound of the number of values, by counting separators. */
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
