/* What the file configures of an exported resource, and what that refers to: see exported.h. */
#include "cmd/export/exported.h"

#include "base/json.h"

/* ---- what it refers to ---- */

static void add_reference(struct export *export, struct export_references *list, struct str text)
{
    size_t dot = text.n;
    while (dot && text.p[dot - 1] != '.')
        dot--;
    struct str attr = str_slice(text, dot, text.n);
    const struct declared_export *of = dot ? map_get(&export->declared, str_slice(text, 0, dot - 1)) : NULL;
    bool written = of && (of->reverse || !export->separate); /* configuration leaves the others out */
    for (size_t i = 0; written && i < of->n; i++) {
        struct str name = of->reverse ? reverse_output(of->reverse, attr) : attr;
        ARENA_GROW(list->arena, list->items, list->n, list->cap);
        list->items[list->n++] = (struct export_reference){
            .full = arena_printf(export->arena, "%.*s.%.*s", STR_ARG(of->addresses[i]), STR_ARG(name)),
            .resource = of->addresses[i],
            .value = value_get(of->objects[i]->after, attr)};
    }
}

static bool is_given(const struct exported *one, const struct value *sources)
{
    for (uint32_t i = 0; i < sources->count; i++)
        if (value_list_has(one->object->given, value_text(sources->items[i], STR_EMPTY)))
            return true;
    return false;
}

/* What leads to the whole of which it is a part. */
static void add_owner(
    struct export *export, const struct exported *one, struct str name, struct export_references *out)
{
    struct str of = one->made->type->of.n ? one->made->type->of : STR("id");
    ARENA_GROW(out->arena, out->items, out->n, out->cap);
    out->items[out->n++] = (struct export_reference){
        .full = arena_printf(export->arena, "%.*s.%.*s", STR_ARG(one->owner), STR_ARG(of)),
        .resource = one->owner,
        .value = value_get(one->after, name)};
}

bool export_references(
    struct export *export, const struct exported *one, struct str name, struct export_references *out)
{
    const struct value *self = value_string(export->arena, name),
                       *sources = one->made ? value_get(one->made->sources, name)
                                            : value_list(export->arena, &self, 1);
    *out = (struct export_references){.arena = export->arena};
    if (!sources || (sources->count && !is_given(one, sources)))
        return false;
    if (!sources->count)
        add_owner(export, one, name, out);
    for (uint32_t i = 0; i < sources->count; i++) {
        const struct value *texts =
            value_as_list(value_get(one->object->references, value_text(sources->items[i], STR_EMPTY)));
        for (uint32_t k = 0; k < texts->count; k++)
            add_reference(export, out, value_text(texts->items[k], STR_EMPTY));
    }
    return true;
}

/* ---- where in the value ---- */

static bool holds_value(const struct value *one, const struct value *v)
{
    if (v->kind == VALUE_UNKNOWN)
        return value_is_null(one) || one->kind == VALUE_UNKNOWN;
    return one && one->kind == VALUE_STRING && v->kind == VALUE_STRING && one->string.n > 1 &&
           str_find(v->string, one->string, 0) >= 0;
}

static const struct value *constant(struct arena *arena, const struct value *v)
{
    bool shown = value_is_known(v) && !value_is_sensitive(v);
    return shown ? value_map(arena, &(struct value_entry){STR("constant_value"), v}, 1) : &value_empty_map;
}

static void add_text(struct value_builder *b, struct str text)
{
    for (size_t i = 0; i < b->n; i++)
        if (str_eq(b->entries[i].value->string, text))
            return;
    value_builder_add(b, value_string_ref(b->arena, text));
}

/* Where it is not plain which of them a value is, it may be any. */
static const struct value *referring(const struct export_references *list, const struct value *v, bool whole)
{
    AUTO_BUILDER struct value_builder b = VALUE_BUILDER(list->arena);
    bool plain = false;
    for (size_t i = 0; i < list->n; i++)
        plain = plain || holds_value(list->items[i].value, v);
    for (size_t i = 0; i < list->n; i++) {
        if (plain ? !holds_value(list->items[i].value, v) : !whole && v->kind != VALUE_UNKNOWN)
            continue;
        add_text(&b, list->items[i].full);
        add_text(&b, list->items[i].resource);
    }
    const struct value *texts = value_builder_list(&b);
    return texts->count ? value_map(list->arena, &(struct value_entry){STR("references"), texts}, 1)
                        : constant(list->arena, v);
}

static const struct value *expression_of(
    const struct export_references *list, const struct value *v, bool whole)
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

const struct value *export_expressions(struct export *export, const struct exported *one)
{
    AUTO_BUILDER struct value_builder b = VALUE_BUILDER(export->arena);
    const struct value *values = value_as_map(one->after);
    for (uint32_t i = 0; i < values->count; i++) {
        struct export_references list;
        if (export_references(export, one, values->entries[i].key, &list))
            value_builder_set(
                &b, values->entries[i].key, expression_of(&list, values->entries[i].value, true));
    }
    return value_builder_map(&b);
}
