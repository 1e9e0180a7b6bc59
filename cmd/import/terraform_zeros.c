/* A state without a configuration has zeros for what nobody said: those that the type does not take go. */
#include "cmd/import/terraform_parts.h"

static const struct attr *attr_called(const struct attr *attrs, size_t n, struct str name)
{
    for (size_t i = 0; i < n; i++)
        if (str_eq(attrs[i].name, name))
            return &attrs[i];
    return NULL;
}

static bool is_refused_zero(struct arena *arena, const struct attr *attr, const struct said *s)
{
    const struct value *v, *converted;
    struct schema_issue issue = {0};
    if (s->kind != SAID_LITERAL || !said_known(arena, s, &v))
        return false;
    bool zero = (v->kind == VALUE_INT && v->integer == 0) || (v->kind == VALUE_FLOAT && v->number == 0);
    return zero && schema_convert(arena, attr, v, &converted, &issue) != 0;
}

/* Within a value of the type. */
static void drop_below(struct arena *arena, const struct type *type, struct said *s)
{
    if (type->kind == TYPE_OBJECT)
        terraform_drop_zeros(arena, type->fields, type->field_count, s);
    for (size_t i = 0; type->elem && s->kind == SAID_LIST && i < s->n; i++)
        drop_below(arena, type->elem, s->items[i]);
    for (size_t i = 0; type->elem && s->kind == SAID_MAP && i < s->n; i++)
        drop_below(arena, type->elem, s->entries[i].value);
}

void terraform_drop_zeros(struct arena *arena, const struct attr *attrs, size_t n, struct said *map)
{
    size_t kept = 0;
    for (size_t i = 0; map->kind == SAID_MAP && i < map->n; i++) {
        struct said_entry *e = &map->entries[i];
        const struct attr *attr = attr_called(attrs, n, e->key);
        bool had = e->value->n > 0;
        if (attr)
            drop_below(arena, attr->type, e->value);
        bool emptied = had && !e->value->n;
        if (!attr || (!emptied && !is_refused_zero(arena, attr, e->value)))
            map->entries[kept++] = *e;
    }
    if (map->kind == SAID_MAP)
        map->n = kept;
}
