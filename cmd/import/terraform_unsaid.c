/*
 * A state without a configuration has values for what nobody said. What the service fills in by itself is
 * listed beside the names (`unsaid:`); zeros and falses within blocks are nothing said, as are those that the
 * type does not take, and what is a type's default.
 */
#include "cmd/import/terraform_parts.h"

/* ---- as the state has it ---- */

static bool is_unsaid(struct arena *arena, const struct value *unsaid, struct str path, const struct said *s)
{
    const struct value *v = value_get(unsaid, path);
    struct str text = v && !value_is_null(v) ? said_literal_text(arena, s) : (struct str){NULL, 0};
    return v && (value_is_null(v) || (text.p && str_eq(text, value_scalar_text(arena, v))));
}

static void drop_unsaid(struct arena *arena, const struct value *unsaid, struct said *s, struct str path)
{
    size_t kept = 0;
    for (size_t i = 0; s->kind == SAID_LIST && i < s->n; i++)
        drop_unsaid(arena, unsaid, s->items[i], arena_printf(arena, "%.*s[]", STR_ARG(path)));
    if (s->kind != SAID_MAP)
        return;
    for (size_t i = 0; i < s->n; i++) {
        struct said_entry *e = &s->entries[i];
        struct str at = path.n ? arena_printf(arena, "%.*s.%.*s", STR_ARG(path), STR_ARG(e->key)) : e->key;
        if (is_unsaid(arena, unsaid, at, e->value))
            continue;
        drop_unsaid(arena, unsaid, e->value, at);
        s->entries[kept++] = *e;
    }
    s->n = kept;
}

void terraform_drop_unsaid(struct arena *arena, const struct names_type *type, struct said *properties)
{
    if (type && type->unsaid)
        drop_unsaid(arena, type->unsaid, properties, STR_EMPTY);
}

/* ---- as the type has it ---- */

static bool is_zero(const struct value *v)
{
    return (v->kind == VALUE_INT && v->integer == 0) || (v->kind == VALUE_FLOAT && v->number == 0) ||
           (v->kind == VALUE_BOOL && !v->boolean);
}

static bool is_nothing(struct arena *arena, const struct names_type *type, const struct attr *attr,
    struct str path, bool within, const struct said *s)
{
    const struct value *v, *converted;
    struct schema_issue issue = {0};
    if (s->kind != SAID_LITERAL || !said_known(arena, s, &v) || value_list_has(type->zeros, path))
        return false;
    if (within && attr->default_value && !attr->required && attr_equal(attr, attr->default_value, v))
        return true;
    if (!is_zero(v))
        return false;
    bool refused = v->kind != VALUE_BOOL && schema_convert(arena, attr, v, &converted, &issue) != 0;
    return refused || (within && !attr->required && !attr->default_value);
}

/* A block of which nothing was said, where the type wants something in it. */
static bool is_hollow(const struct type *type, const struct said *s)
{
    if (type->kind == TYPE_LIST && s->kind == SAID_LIST && s->n == 1)
        return is_hollow(type->elem, s->items[0]);
    for (size_t i = 0; type->kind == TYPE_OBJECT && s->kind == SAID_MAP && !s->n && i < type->field_count;
         i++)
        if (type->fields[i].required && !type->fields[i].default_value)
            return true;
    return false;
}

static void drop_zeros(struct arena *arena, const struct names_type *type, const struct attr *attrs, size_t n,
    struct str path, struct said *map);

/* Within a value of the type. */
static void drop_below(struct arena *arena, const struct names_type *names, const struct type *type,
    struct str path, struct said *s)
{
    bool items = type->elem && (s->kind == SAID_LIST || s->kind == SAID_MAP);
    if (type->kind == TYPE_OBJECT)
        drop_zeros(arena, names, type->fields, type->field_count, path, s);
    for (size_t i = 0; items && i < s->n; i++)
        drop_below(arena, names, type->elem, arena_printf(arena, "%.*s[]", STR_ARG(path)),
            s->kind == SAID_LIST ? s->items[i] : s->entries[i].value);
}

static void drop_zeros(struct arena *arena, const struct names_type *type, const struct attr *attrs, size_t n,
    struct str path, struct said *map)
{
    size_t kept = 0;
    if (map->kind != SAID_MAP)
        return;
    for (size_t i = 0; i < map->n; i++) {
        struct said_entry *e = &map->entries[i];
        const struct attr *attr = attr_find(attrs, n, e->key);
        struct str at = path.n ? arena_printf(arena, "%.*s.%.*s", STR_ARG(path), STR_ARG(e->key)) : e->key;
        bool had = e->value->n > 0;
        if (attr)
            drop_below(arena, type, attr->type, at, e->value);
        bool emptied = attr && !attr->required && ((had && !e->value->n) || is_hollow(attr->type, e->value));
        if (!attr || (!emptied && !is_nothing(arena, type, attr, at, path.n > 0, e->value)))
            map->entries[kept++] = *e;
    }
    map->n = kept;
}

void terraform_drop_zeros(struct arena *arena, const struct names_type *type, struct said *attrs)
{
    drop_zeros(arena, type, type->schema->attrs, type->schema->attr_count, STR_EMPTY, attrs);
}
