/* The configured attributes of an exported resource with their references, and import ids: see exported.h. */
#include "cmd/export/exported.h"

/* ---- references ---- */

static void references_add(struct export_references *list, struct export_reference one, struct str attr)
{
    one.full =
        attr.n ? arena_printf(list->arena, "%.*s.%.*s", STR_ARG(one.resource), STR_ARG(attr)) : one.resource;
    ARENA_GROW(list->arena, list->items, list->n, list->cap);
    list->items[list->n++] = one;
}

/* Adds a reference to "lake.arn", or to the whole of "lake" as in values(lake), which Terraform's
 * configuration cannot express. */
static void add_reference(struct export *export, struct export_references *list,
    const struct planned_object *object, struct str source, struct str text)
{
    const struct declared_export *of = map_get(&export->declared, text);
    size_t dot = of ? text.n : str_after_last(text, ".");
    struct str attr = str_slice(text, dot, text.n);
    of = of || !dot ? of : map_get(&export->declared, str_slice(text, 0, dot - 1));
    struct str theirs = of && of->reverse && attr.n ? reverse_output(of->reverse, attr) : attr;
    bool written = of && (!export->separate || (of->reverse && theirs.n)); /* otherwise not exported */
    for (size_t i = 0; written && i < of->n; i++)
        references_add(list,
            (struct export_reference){.resource = of->addresses[i],
                .source = source,
                .value = attr.n ? value_get(of->objects[i]->after, attr) : NULL,
                .part = value_list_has(value_get(object->parts, source), text)},
            theirs);
}

/* Returns whether the attribute is configured. Tags may also come from the provider's default_tags. */
static bool is_given(const struct exported *one, const struct value *sources)
{
    for (uint32_t i = 0; i < sources->count; i++) {
        struct str source = value_text(sources->items[i], STR_EMPTY);
        const struct attr *attr = one->object->schema ? schema_attr(one->object->schema, source) : NULL;
        if (value_list_has(one->object->given, source) ||
            (attr && attr->type->kind == TYPE_TAGS && !value_is_empty(value_get(one->object->after, source))))
            return true;
    }
    return false;
}

bool export_references(
    struct export *export, const struct exported *one, struct str name, struct export_references *out)
{
    const struct value *self = value_string(export->arena, name),
                       *sources = one->made ? value_get(one->made->sources, name)
                                            : value_list(export->arena, &self, 1);
    *out = (struct export_references){.arena = export->arena, .type = one->made ? one->made->type : NULL};
    if (!sources || (sources->count && !is_given(one, sources)))
        return false;
    if (!sources->count)
        references_add(out,
            (struct export_reference){.resource = one->owner, .value = value_get(one->after, name)},
            out->type->of.n ? out->type->of : STR("id"));
    for (uint32_t i = 0; i < sources->count; i++) {
        struct str source = value_text(sources->items[i], STR_EMPTY);
        const struct value *texts = value_as_list(value_get(one->object->references, source));
        for (uint32_t k = 0; k < texts->count; k++)
            add_reference(export, out, one->object, source, value_text(texts->items[k], STR_EMPTY));
    }
    return true;
}

/* ---- references within values ---- */

static bool holds_value(const struct value *one, const struct value *v)
{
    if (v->kind == VALUE_UNKNOWN)
        return value_is_null(one) || one->kind == VALUE_UNKNOWN;
    return one && one->kind == VALUE_STRING && v->kind == VALUE_STRING && one->string.n > 1 &&
           str_find(v->string, one->string, 0) >= 0;
}

/* Compares "rule[].apply[].key" with a rule's "rule[].apply[0].key". */
static bool is_path_of(struct str rule, struct str path)
{
    size_t k = 0;
    for (size_t i = 0; i < rule.n; i++)
        if (!(rule.p[i] == '0' && i && rule.p[i - 1] == '[') && (k >= path.n || rule.p[i] != path.p[k++]))
            return false;
    return k == path.n;
}

/* Within a block each attribute may come from another attribute in weir. */
static bool is_made_of(const struct export_references *list, struct str path, struct str source)
{
    for (size_t i = 0; list->type && source.n && i < list->type->n; i++) {
        const struct names_rule *rule = &list->type->rules[i];
        if (rule->to.n && !rule->import_only && is_path_of(rule->from, path))
            return reverse_is_about(rule->to, source);
    }
    return true;
}

const struct value *export_constant(struct arena *arena, const struct value *v)
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

/* Returns the references of a value. If none clearly matches, all may. */
static const struct value *referring(
    const struct export_references *list, struct str path, const struct value *v, bool whole)
{
    AUTO_BUILDER struct value_builder b = VALUE_BUILDER(list->arena);
    bool plain = false;
    for (size_t i = 0; i < list->n; i++)
        plain =
            plain || (holds_value(list->items[i].value, v) && is_made_of(list, path, list->items[i].source));
    for (size_t i = 0; i < list->n; i++) {
        if ((plain ? !holds_value(list->items[i].value, v) : !whole && v->kind != VALUE_UNKNOWN) ||
            !is_made_of(list, path, list->items[i].source))
            continue;
        add_text(&b, list->items[i].full);
        add_text(&b, list->items[i].resource);
    }
    const struct value *texts = value_builder_list(&b);
    return texts->count ? value_map(list->arena, &(struct value_entry){STR("references"), texts}, 1)
                        : export_constant(list->arena, v);
}

static const struct value *expression_of(
    const struct export_references *list, struct str path, const struct value *v, bool whole)
{
    bool blocks = v->kind == VALUE_LIST && v->count && v->items[0]->kind == VALUE_MAP;
    if (!blocks)
        return referring(list, path, v, whole);
    AUTO_BUILDER struct value_builder all = VALUE_BUILDER(list->arena);
    for (uint32_t i = 0; i < v->count; i++) {
        AUTO_BUILDER struct value_builder block = VALUE_BUILDER(list->arena);
        const struct value *map = value_as_map(v->items[i]);
        for (uint32_t k = 0; k < map->count; k++) {
            struct str name = map->entries[k].key,
                       at = arena_printf(list->arena, "%.*s[].%.*s", STR_ARG(path), STR_ARG(name));
            const struct value *inner = map->entries[k].value;
            bool holder = inner->kind == VALUE_LIST || inner->kind == VALUE_MAP;
            value_builder_set(&block, name, expression_of(list, at, inner, holder && !value_is_known(inner)));
        }
        value_builder_add(&all, value_builder_map(&block));
    }
    return value_builder_list(&all);
}

/* ---- all attributes ---- */

const struct value *export_expressions(struct export *export, const struct exported *one)
{
    AUTO_BUILDER struct value_builder b = VALUE_BUILDER(export->arena);
    const struct value *values = value_as_map(one->after);
    for (uint32_t i = 0; i < values->count; i++) {
        struct str name = values->entries[i].key;
        struct export_references list;
        if (export_references(export, one, name, &list))
            value_builder_set(&b, name, expression_of(&list, name, values->entries[i].value, true));
    }
    return value_builder_map(&b);
}

/* ---- ids for `terraform import` ---- */

/* List items are separated by the character before the first one. */
static struct str id_text(struct arena *arena, const struct value *v, char before)
{
    AUTO_BUF struct buf out = BUF_INIT;
    if (!v || !value_is_known(v) || value_is_sensitive(v))
        return STR_EMPTY;
    if (v->kind != VALUE_LIST)
        return value_scalar_text(arena, v);
    for (uint32_t i = 0; i < v->count; i++) {
        if (i)
            buf_add_char(&out, before);
        buf_add_str(&out, value_scalar_text(arena, v->items[i]));
    }
    return arena_str(arena, buf_str(&out));
}

/* Returns the first value of "cidr_blocks|self" that exists, by Terraform's or weir's name; 'default' is a
 * literal. */
static struct str id_part(struct arena *arena, const struct exported *one, struct str names, char before)
{
    struct str text = STR_EMPTY;
    while (names.n && !text.n) {
        struct str name = str_cut(names, '|', &names);
        const struct value *v = value_get(one->after, name);
        if (name.p[0] == '\'')
            text = str_slice(name, 1, name.n - 1);
        else if (str_eqz(name, "account"))
            text = str_part(value_gets(one->object->after, "arn"), ':', 4);
        else
            text = id_text(arena, v ? v : value_get(one->object->after, name), before);
    }
    return text;
}

/* Fills "{role}:{name}" with the resource's values. Returns false if one of them is unknown. */
static bool fill_id(struct arena *arena, struct str template, const struct exported *one, struct buf *out)
{
    struct str before, names;
    while (str_take_name(&template, "{", &before, &names)) {
        buf_add_str(out, before);
        struct str text = id_part(arena, one, names, out->n ? out->p[out->n - 1] : '/');
        if (!text.n)
            return false;
        buf_add_str(out, text);
    }
    buf_add_str(out, template);
    return out->n > 0;
}

bool export_import_id(struct arena *arena, const struct exported *one, struct buf *out)
{
    const struct names_type *type = one->made->type;
    const struct value *ids = type->ids;
    AUTO_BUF struct buf template = BUF_INIT;
    if (type->import_id.n)
        return !str_eqz(type->import_id, "none") && fill_id(arena, type->import_id, one, out);
    for (uint32_t i = 0; ids && ids->count > 1 && i < ids->count; i++)
        buf_addf(&template, "%s{%.*s}", i ? "/" : "", STR_ARG(value_text(ids->items[i], STR_EMPTY)));
    return fill_id(arena, template.n ? buf_str(&template) : STR("{id}"), one, out);
}
