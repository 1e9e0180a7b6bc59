/* What the file configures of an exported resource, and what that refers to: see exported.h. */
#include "cmd/export/exported.h"

#include "base/json.h"

/* Something that an attribute refers to. */
struct reference {
    struct str full, resource;  /* aws_s3_bucket.lake.arn, aws_s3_bucket.lake */
    const struct value *values; /* list: what that is, of each instance */
};

struct references {
    struct arena *arena;
    struct reference *items;
    size_t n, cap;
};

/* ---- what it refers to ---- */

static void add_reference(struct export *export, struct references *list, struct str text)
{
    size_t dot = text.n;
    while (dot && text.p[dot - 1] != '.')
        dot--;
    struct str attr = str_slice(text, dot, text.n);
    const struct declared_export *of = dot ? map_get(&export->declared, str_slice(text, 0, dot - 1)) : NULL;
    if (!of || !of->address.n)
        return;
    AUTO_BUILDER struct value_builder values = VALUE_BUILDER(export->arena);
    for (size_t i = 0; i < of->n; i++) {
        const struct value *v = value_get(of->objects[i]->after, attr);
        value_builder_add(&values, v ? v : &value_null);
    }
    struct str name = of->reverse ? reverse_output(of->reverse, attr) : attr;
    ARENA_GROW(list->arena, list->items, list->n, list->cap);
    list->items[list->n++] = (struct reference){
        .full = arena_printf(export->arena, "%.*s.%.*s", STR_ARG(of->address), STR_ARG(name)),
        .resource = of->address,
        .values = value_builder_list(&values)};
}

static void find_references(
    struct export *export, struct references *list, const struct exported *one, struct str attr)
{
    const struct value *texts = value_as_list(value_get(one->object->references, attr));
    for (uint32_t i = 0; i < texts->count; i++)
        add_reference(export, list, value_text(texts->items[i], STR_EMPTY));
}

/* ---- where in the value ---- */

static bool holds_value(const struct value *values, const struct value *v)
{
    for (uint32_t i = 0; i < values->count; i++) {
        const struct value *one = values->items[i];
        bool text = one->kind == VALUE_STRING && v->kind == VALUE_STRING && one->string.n > 1;
        if (v->kind == VALUE_UNKNOWN ? one->kind == VALUE_UNKNOWN || one->kind == VALUE_NULL
                                     : text && str_find(v->string, one->string, 0) >= 0)
            return true;
    }
    return false;
}

static const struct value *constant(struct arena *arena, const struct value *v)
{
    bool told = value_is_known(v) && !value_is_sensitive(v);
    return told ? value_map(arena, &(struct value_entry){STR("constant_value"), v}, 1) : &value_empty_map;
}

/* Where it is not plain which of them a value is, it may be any. */
static const struct value *referring(const struct references *list, const struct value *v, bool whole)
{
    AUTO_BUILDER struct value_builder b = VALUE_BUILDER(list->arena);
    bool plain = false;
    for (size_t i = 0; i < list->n; i++)
        plain = plain || holds_value(list->items[i].values, v);
    for (size_t i = 0; i < list->n; i++) {
        if (plain ? !holds_value(list->items[i].values, v) : !whole && v->kind != VALUE_UNKNOWN)
            continue;
        value_builder_add(&b, value_string_ref(list->arena, list->items[i].full));
        value_builder_add(&b, value_string_ref(list->arena, list->items[i].resource));
    }
    const struct value *texts = value_builder_list(&b);
    return texts->count ? value_map(list->arena, &(struct value_entry){STR("references"), texts}, 1)
                        : constant(list->arena, v);
}

static const struct value *expression_of(const struct references *list, const struct value *v, bool whole)
{
    bool blocks = v->kind == VALUE_LIST && v->count && v->items[0]->kind == VALUE_MAP;
    if (!blocks)
        return referring(list, v, whole);
    AUTO_BUILDER struct value_builder all = VALUE_BUILDER(list->arena);
    for (uint32_t i = 0; i < v->count; i++) {
        AUTO_BUILDER struct value_builder block = VALUE_BUILDER(list->arena);
        const struct value *map = value_as_map(v->items[i]);
        for (uint32_t k = 0; k < map->count; k++) {
            const struct value *inner = map->entries[k].value;
            bool holder = inner->kind == VALUE_LIST || inner->kind == VALUE_MAP;
            value_builder_set(
                &block, map->entries[k].key, expression_of(list, inner, holder && !value_is_known(inner)));
        }
        value_builder_add(&all, value_builder_map(&block));
    }
    return value_builder_list(&all);
}

/* ---- all of them ---- */

static bool is_given(const struct exported *one, const struct value *sources)
{
    for (uint32_t i = 0; i < sources->count; i++)
        if (value_list_has(one->object->given, value_text(sources->items[i], STR_EMPTY)))
            return true;
    return false;
}

static const struct value *leads_to_whole(struct arena *arena, const struct exported *one)
{
    const struct value *texts[] = {
        value_string_ref(arena, arena_printf(arena, "%.*s.id", STR_ARG(one->owner))),
        value_string_ref(arena, one->owner)};
    return value_map(arena, &(struct value_entry){STR("references"), value_list(arena, texts, 2)}, 1);
}

const struct value *export_expressions(struct export *export, const struct exported *one)
{
    AUTO_BUILDER struct value_builder b = VALUE_BUILDER(export->arena);
    const struct value *values = value_as_map(one->after);
    for (uint32_t i = 0; i < values->count; i++) {
        struct str name = values->entries[i].key;
        const struct value *self = value_string(export->arena, name),
                           *sources = one->made ? value_get(one->made->sources, name)
                                                : value_list(export->arena, &self, 1);
        struct references list = {.arena = export->arena};
        if (!sources)
            continue;
        if (!sources->count) {
            value_builder_set(&b, name, leads_to_whole(export->arena, one));
            continue;
        }
        if (!is_given(one, sources))
            continue;
        for (uint32_t k = 0; k < sources->count; k++)
            find_references(export, &list, one, value_text(sources->items[k], STR_EMPTY));
        value_builder_set(&b, name, expression_of(&list, values->entries[i].value, true));
    }
    return value_builder_map(&b);
}
