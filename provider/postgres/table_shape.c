/* A table as the catalog shows it, said as the file says it, as far as the file's words still hold. */
#include "provider/postgres/table.h"

#include "base/mem.h"

/* The file's word where what is there is what came of it. */
static const struct value *shape_word(
    const struct value *said, const struct value *became, const struct value *now)
{
    return said && became && value_equal(became, now) ? said : now;
}

static const struct value *map_words(
    struct arena *arena, const struct value *said, const struct value *became, const struct value *now)
{
    AUTO_BUILDER struct value_builder b = VALUE_BUILDER(arena);
    for (uint32_t i = 0; now && i < now->count; i++) {
        struct str key = now->entries[i].key;
        value_builder_set(
            &b, key, shape_word(value_get(said, key), value_get(became, key), now->entries[i].value));
    }
    return value_builder_map(&b);
}

/* In the file's order. What others added is nobody's business; of a table that is only just looked at
 * everything is shown. */
static const struct value *column_words(
    struct arena *arena, const struct value *said, const struct value *became, const struct value *now)
{
    AUTO_BUILDER struct value_builder b = VALUE_BUILDER(arena);
    for (uint32_t i = 0; said && i < said->count; i++) {
        struct str name = value_gets(said->items[i], "name");
        const struct value *column = value_list_find(now, "name", name);
        if (column)
            value_builder_add(&b, shape_word(said->items[i], value_list_find(became, "name", name), column));
    }
    for (uint32_t i = 0; now && !became && i < now->count; i++)
        if (!value_list_find(said, "name", value_gets(now->items[i], "name")))
            value_builder_add(&b, now->items[i]);
    return value_builder_list(&b);
}

const struct value *table_shape(
    struct arena *arena, const struct value *prior, const struct value *live, bool fresh)
{
    static const char *const stored[] = {"checks", "columns", "indexes", "partition_by", "partitions"};
    AUTO_BUILDER struct value_builder kept = VALUE_BUILDER(arena);
    const struct value *memory = fresh ? live : value_getz(prior, "as_stored"), *shown = live;
    for (size_t i = 0; i < sizeof stored / sizeof *stored; i++) {
        struct str name = str_z(stored[i]);
        const struct value *said = value_get(prior, name), *became = value_get(memory, name),
                           *now = value_get(live, name);
        if (!now)
            continue;
        value_builder_set(&kept, name, now);
        const struct value *v = now->kind == VALUE_LIST  ? column_words(arena, said, became, now)
                                : now->kind == VALUE_MAP ? map_words(arena, said, became, now)
                                                         : shape_word(said, became, now);
        shown = value_with(arena, shown, name, v);
    }
    shown = value_with(arena, shown, STR("as_stored"), value_builder_map(&kept));
    return value_with(arena, shown, STR("primary_key_name"), NULL);
}
