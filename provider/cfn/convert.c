/* How values lie at the service: as in files, but for tags, and for what is not known yet. */
#include "base/buf.h"
#include "provider/cfn/compile.h"

static const struct value *pairs(struct arena *arena, const struct type *type, const struct value *map)
{
    AUTO_BUILDER struct value_builder list = VALUE_BUILDER(arena);
    for (uint32_t i = 0; i < map->count; i++) {
        value_builder_add(&list, VALUE_MAP(arena, {type->key, value_string(arena, map->entries[i].key)},
                                     {type->value, map->entries[i].value}));
    }
    return value_builder_list(&list);
}

static const struct value *from_pairs(struct arena *arena, const struct type *type, const struct value *list)
{
    AUTO_BUILDER struct value_builder map = VALUE_BUILDER(arena);
    for (uint32_t i = 0; i < list->count; i++) {
        const struct value *v = value_get(list->items[i], type->value);
        value_builder_set(&map, value_text(value_get(list->items[i], type->key), STR_EMPTY),
            value_is_null(v) ? &value_empty_string : v);
    }
    return value_builder_map(&map);
}

typedef const struct value *translate(struct arena *arena, const struct type *type, const struct value *v);

static const struct value *each_item(
    struct arena *arena, const struct type *elem, const struct value *list, translate *one)
{
    AUTO_BUILDER struct value_builder out = VALUE_BUILDER(arena);
    for (uint32_t i = 0; i < list->count; i++)
        if (list->items[i]->kind != VALUE_UNKNOWN)
            value_builder_add(&out, one(arena, elem, list->items[i]));
    return value_builder_list(&out);
}

static const struct value *each_entry(
    struct arena *arena, const struct type *type, const struct value *map, translate *one)
{
    AUTO_BUILDER struct value_builder out = VALUE_BUILDER(arena);
    for (uint32_t i = 0; i < map->count; i++) {
        const struct value *v = map->entries[i].value;
        const struct attr *field = type->kind == TYPE_OBJECT ? type_field(type, map->entries[i].key) : NULL;
        const struct type *inner = field ? field->type : type->elem;
        if (v->kind != VALUE_UNKNOWN && v->kind != VALUE_NULL)
            value_builder_set(&out, map->entries[i].key, inner ? one(arena, inner, v) : v);
    }
    return value_builder_map(&out);
}

static const struct value *inside(
    struct arena *arena, const struct type *type, const struct value *v, translate *one)
{
    bool list = type->kind == TYPE_LIST || type->kind == TYPE_SET;
    bool map = type->kind == TYPE_MAP || type->kind == TYPE_OBJECT;
    const struct value *out = v;
    if (list && v->kind == VALUE_LIST)
        out = each_item(arena, type->elem, v, one);
    else if (map && v->kind == VALUE_MAP)
        out = each_entry(arena, type, v, one);
    return value_mark(arena, out, v->marks & VALUE_SENSITIVE);
}

const struct value *cfn_to_service(struct arena *arena, const struct type *type, const struct value *v)
{
    if (type->kind == TYPE_TAGS && type->key.n && v->kind == VALUE_MAP)
        return value_mark(arena, pairs(arena, type, v), v->marks & VALUE_SENSITIVE);
    return inside(arena, type, v, cfn_to_service);
}

const struct value *cfn_from_service(struct arena *arena, const struct type *type, const struct value *v)
{
    if (type->kind == TYPE_TAGS && type->key.n && v->kind == VALUE_LIST)
        return from_pairs(arena, type, v);
    return inside(arena, type, v, cfn_from_service);
}

static struct str part_of(struct arena *arena, const struct value *object, struct str path)
{
    const struct value *at = object;
    for (struct str rest = path; rest.n && at;)
        at = value_get(at, str_cut(rest, '/', &rest));
    return at && at->kind != VALUE_UNKNOWN ? value_scalar_text(arena, at) : STR_EMPTY;
}

struct str cfn_identifier(const struct cfn_type *type, struct arena *arena, const struct value *object)
{
    struct str whole = type->id_composed ? part_of(arena, object, STR("id")) : STR_EMPTY;
    if (whole.n)
        return whole;
    AUTO_BUF struct buf id = BUF_INIT;
    for (size_t i = 0; i < type->id_count; i++) {
        struct str part = part_of(arena, object, type->id_parts[i]);
        if (!part.n)
            return STR_EMPTY;
        buf_addf(&id, "%s%.*s", i ? "|" : "", STR_ARG(part));
    }
    return arena_str(arena, buf_str(&id));
}
