/* The way along a path of attributes and fields, through lists and maps. */
#include "provider/schema_internal.h"

static bool into(struct reach *reach, const struct value *step, const struct type *type,
    const struct value *v, struct str path)
{
    struct reach inner = *reach;
    if (inner.depth < sizeof inner.steps / sizeof *inner.steps)
        inner.steps[inner.depth++] = step;
    return schema_reach(&inner, type, v, path);
}

static bool into_items(struct reach *reach, const struct type *type, const struct value *v, struct str path)
{
    const struct type *elem = type ? type->elem : NULL;
    bool set = type && type->kind == TYPE_SET; /* sorted: the file has another order */
    struct reach inner = *reach;
    inner.many = true;
    for (uint32_t i = 0; v->kind == VALUE_LIST && i < v->count; i++)
        if (set ? !schema_reach(&inner, elem, v->items[i], path)
                : !into(&inner, value_int(reach->arena, i), elem, v->items[i], path))
            return false;
    for (uint32_t i = 0; v->kind == VALUE_MAP && i < v->count; i++)
        if (!into(&inner, value_string_ref(reach->arena, v->entries[i].key), elem, v->entries[i].value, path))
            return false;
    return true;
}

/* Has it items, rather than fields? A map of plain values is asked by its keys. */
static bool is_container(const struct type *type, const struct value *v)
{
    static const bool plain[TYPE_OBJECT + 1] = {[TYPE_STRING] = true,
        [TYPE_INT] = true,
        [TYPE_FLOAT] = true,
        [TYPE_BOOL] = true,
        [TYPE_JSON] = true,
        [TYPE_POLICY] = true};
    return v->kind == VALUE_LIST ||
           (v->kind == VALUE_MAP && type && type->kind == TYPE_MAP && !plain[type->elem->kind]);
}

/* A document may be given as text; one that is none has nothing that is known. */
static const struct value *parsed_document(
    struct arena *arena, const struct type *type, const struct value *v)
{
    if (v->kind != VALUE_STRING || !type || (type->kind != TYPE_JSON && type->kind != TYPE_POLICY))
        return v;
    const struct value *parsed = schema_parsed(arena, v);
    return value_is_null(parsed) || parsed->kind == VALUE_STRING ? &value_unknown : parsed;
}

bool schema_reach(struct reach *reach, const struct type *type, const struct value *v, struct str path)
{
    if (value_is_null(v))
        return true;
    if (path.n)
        v = parsed_document(reach->arena, type, v);
    if (!path.n || v->kind == VALUE_UNKNOWN)
        return reach->visit(reach->ctx, reach, type, v);
    if (is_container(type, v))
        return into_items(reach, type, v, path);
    struct str rest, name = str_cut(path, '.', &rest);
    const struct attr *field = type ? type_field(type, name) : NULL;
    const struct type *below = field ? field->type : type && type->kind == TYPE_MAP ? type->elem : NULL;
    const struct value *given = value_get(v, name);
    if (value_is_null(given) && field)
        given = field->default_value;
    return into(reach, value_string(reach->arena, name), below, given, rest);
}

bool schema_reach_items(struct reach *reach, const struct type *type, const struct value *v)
{
    return v->kind == VALUE_UNKNOWN || into_items(reach, type, v, STR_EMPTY);
}
