/* Maps of which only the values are secret: their names tell what changes. */
#include "cmd/render.h"

#include "plan/objects.h"

bool render_names_open(const struct attr_change *a)
{
    if (!a->attr || !a->attr->sensitive || a->attr->type->kind != TYPE_MAP || !a->before || !a->after ||
        a->before->kind != VALUE_MAP || a->after->kind != VALUE_MAP || object_holds_hash(a->before))
        return false;
    for (uint32_t i = 0; i < a->after->count; i++)
        if (!(a->after->entries[i].value->marks & VALUE_SENSITIVE))
            return false; /* it was given as a whole that is secret */
    return true;
}

const struct value *render_names(struct arena *arena, const struct value *map)
{
    struct value_entry *entries = ARENA_ARRAY(arena, struct value_entry, map->count + 1);
    for (uint32_t i = 0; i < map->count; i++)
        entries[i] = (struct value_entry){
            map->entries[i].key, value_mark(arena, map->entries[i].value, VALUE_SENSITIVE)};
    return value_map(arena, entries, map->count);
}

const struct value *render_names_changed(struct arena *arena, const struct attr_change *a)
{
    AUTO_BUILDER struct value_builder names = VALUE_BUILDER(arena);
    const struct value *all = value_merge(arena, a->before, a->after);
    for (uint32_t i = 0; i < all->count; i++)
        if (!value_equal(value_get(a->before, all->entries[i].key), value_get(a->after, all->entries[i].key)))
            value_builder_add(&names, value_string_ref(arena, all->entries[i].key));
    return value_builder_list(&names);
}
