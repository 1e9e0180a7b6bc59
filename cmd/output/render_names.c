/* Maps of which only the values are secret: their names tell what changes. */
#include "cmd/output/render.h"

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
