/* Which attributes of a recorded resource are worth asking its service for: see refresh_internal.h. */
#include "plan/refresh/refresh_internal.h"

const struct value *refresh_left(struct arena *arena, const struct value *wanted, const struct value *covered)
{
    struct value_builder left = VALUE_BUILDER(arena);
    for (uint32_t i = 0; i < wanted->count; i++)
        if (!value_list_has(covered, wanted->items[i]->string))
            value_builder_add(&left, wanted->items[i]);
    return value_builder_list(&left);
}

bool refresh_is_readable(const struct schema *schema, struct str name)
{
    const struct attr *attr = schema_attr(schema, name);
    return attr && !attr->local && !attr->write_only;
}

bool refresh_is_kept_secret(const struct schema *schema, const struct seen *seen, struct str name)
{
    const struct attr *attr = schema_attr(schema, name);
    return attr && attr->computed && attr->sensitive && !value_is_null(value_get(seen->record->attrs, name));
}

const struct value *refresh_wanted(
    struct planner *p, struct arena *arena, const struct schema *schema, const struct seen *seen)
{
    struct value_builder wanted = VALUE_BUILDER(arena);
    for (uint32_t i = 0; seen->record->set && i < seen->record->set->count; i++)
        if (refresh_is_readable(schema, seen->record->set->items[i]->string))
            value_builder_add(&wanted, seen->record->set->items[i]);
    struct str declared, key;
    const struct decl *decl =
        address_split(arena, seen->address, &declared, &key) ? stack_find(p->stack, declared) : NULL;
    for (size_t i = 0; decl && i < decl->attr_count; i++)
        if (refresh_is_readable(schema, decl->attrs[i].name) &&
            !value_list_has(seen->record->set, decl->attrs[i].name))
            value_builder_add(&wanted, value_string_ref(arena, decl->attrs[i].name));
    /* A secret that the service keeps: the record may have no more than its hash, and others refer to it. */
    for (size_t i = 0; i < schema->attr_count; i++)
        if (refresh_is_kept_secret(schema, seen, schema->attrs[i].name))
            value_builder_add(&wanted, value_string_ref(arena, schema->attrs[i].name));
    return value_builder_list(&wanted);
}

const struct value *refresh_wanted_by(struct refresh *r, struct arena *arena, const struct group *group)
{
    struct value_builder names = VALUE_BUILDER(arena);
    for (size_t i = 0; i < group->n; i++) {
        const struct value *wanted = refresh_wanted(r->p, arena, group->schema, group->items[i]);
        for (uint32_t k = 0; k < wanted->count; k++)
            value_builder_set(&names, wanted->items[k]->string, wanted->items[k]);
    }
    const struct value *unique = value_builder_map(&names);
    struct value_builder list = VALUE_BUILDER(arena);
    for (uint32_t i = 0; i < unique->count; i++)
        value_builder_add(&list, unique->entries[i].value);
    return value_builder_list(&list);
}
