/* What of an attribute stays as it is, although an update sends all of it. */
#include "provider/schema_internal.h"

/* ---- what is there, as a file could give it ---- */

static bool is_empty(const struct value *v)
{
    bool holds = v->kind == VALUE_LIST || v->kind == VALUE_MAP;
    return v->kind == VALUE_NULL || (v->kind == VALUE_STRING && !v->string.n) || (holds && !v->count);
}

bool attr_unnamed(struct str key)
{
    return str_starts(key, STR("@"));
}

/* Without what only the service says, and what it shows where nothing is set. */
static const struct value *given_part(
    struct arena *arena, const struct type *type, const struct value *v, bool unnamed)
{
    AUTO_BUILDER struct value_builder out = VALUE_BUILDER(arena);
    struct attr elem;
    if (!type_has_fields(type) || (v->kind != VALUE_LIST && v->kind != VALUE_MAP))
        return v;
    for (uint32_t i = 0; v->kind == VALUE_LIST && type->elem && i < v->count; i++)
        value_builder_add(&out, given_part(arena, type->elem, v->items[i], unnamed));
    for (uint32_t i = 0; v->kind == VALUE_MAP && i < v->count; i++) {
        struct str key = v->entries[i].key;
        const struct attr *field = type_entry(type, key, &elem);
        bool given = field && (field->settable || type->kind != TYPE_OBJECT);
        const struct value *item =
            given ? given_part(arena, field->type, v->entries[i].value, unnamed) : NULL;
        if (unnamed && attr_unnamed(key))
            value_builder_set(&out, key, v->entries[i].value);
        else if (item && !is_empty(item))
            value_builder_set(&out, key, item);
    }
    const struct value *part = v->kind == VALUE_LIST ? value_builder_list(&out) : value_builder_map(&out);
    return value_mark(arena, part, v->marks & VALUE_SENSITIVE);
}

/* Would it be refused by itself, or beside what is wanted? */
static bool is_out_of_place(struct arena *arena, const struct type *type, const struct attr *field,
    const struct value *wanted, const struct value *v)
{
    struct schema_issue issue = {0};
    const struct value *converted, *named = given_part(arena, field->type, v, false);
    for (size_t i = 0; i < type->field_count; i++) {
        const struct attr *other = &type->fields[i];
        bool rivals = str_eq(other->conflicts, field->name) || str_eq(field->conflicts, other->name);
        if (rivals && !value_is_null(value_get(wanted, other->name)))
            return true;
    }
    return schema_convert(arena, field, named, &converted, &issue) != 0;
}

/* ---- beside what is wanted ---- */

static const struct value *object_completed(
    struct arena *arena, const struct type *type, const struct value *wanted, const struct value *live)
{
    AUTO_BUILDER struct value_builder out = VALUE_BUILDER(arena);
    for (uint32_t i = 0; i < live->count; i++) {
        struct str key = live->entries[i].key;
        const struct value *v = live->entries[i].value;
        const struct attr *field = type_field(type, key);
        if (value_get(wanted, key))
            continue;
        if (attr_unnamed(key))
            value_builder_set(&out, key, v);
        if (!field || !field->settable)
            continue;
        v = given_part(arena, field->type, v, true);
        if (!is_empty(v) && !is_out_of_place(arena, type, field, wanted, v))
            value_builder_set(&out, key, v);
    }
    for (uint32_t i = 0; i < wanted->count; i++) {
        const struct attr *field = type_field(type, wanted->entries[i].key);
        const struct value *v = wanted->entries[i].value, *is = value_get(live, wanted->entries[i].key);
        value_builder_set(&out, wanted->entries[i].key, field ? attr_completed(arena, field, v, is) : v);
    }
    return value_builder_map(&out);
}

static const struct value *entries_completed(
    struct arena *arena, const struct attr *elem, const struct value *wanted, const struct value *live)
{
    AUTO_BUILDER struct value_builder out = VALUE_BUILDER(arena);
    for (uint32_t i = 0; i < wanted->count; i++) {
        struct str key = wanted->entries[i].key;
        value_builder_set(
            &out, key, attr_completed(arena, elem, wanted->entries[i].value, value_get(live, key)));
    }
    return value_builder_map(&out);
}

/* Items have no names: one that is another than those that are there is new. */
static const struct value *items_completed(
    struct arena *arena, const struct attr *elem, const struct value *wanted, const struct value *live)
{
    const int64_t *pairs = attr_items_paired(arena, elem, wanted, live);
    const struct value **items = ARENA_ARRAY(arena, const struct value *, wanted->count + 1);
    for (uint32_t i = 0; i < wanted->count; i++)
        items[i] = pairs[i] < 0 ? wanted->items[i]
                                : attr_completed(arena, elem, wanted->items[i], live->items[pairs[i]]);
    return value_list(arena, items, wanted->count);
}

const struct value *attr_completed(
    struct arena *arena, const struct attr *attr, const struct value *wanted, const struct value *live)
{
    const struct type *type = attr->type;
    const struct attr elem = {.type = type->elem, .compare = attr->compare};
    const struct value *out = wanted;
    if (value_is_null(wanted) || value_is_null(live) || wanted->kind != live->kind)
        return wanted;
    if (attr->compare == COMPARE_CHOICE && wanted->kind == VALUE_STRING && attr_equal(attr, wanted, live))
        return live;
    if (!type_has_fields(type))
        return wanted;
    if (type->kind == TYPE_OBJECT && wanted->kind == VALUE_MAP)
        out = object_completed(arena, type, wanted, live);
    else if (type->kind == TYPE_MAP && wanted->kind == VALUE_MAP)
        out = entries_completed(arena, &elem, wanted, live);
    else if (wanted->kind == VALUE_LIST)
        out = items_completed(arena, &elem, wanted, live);
    return value_mark(arena, out, (wanted->marks | live->marks) & VALUE_SENSITIVE);
}
