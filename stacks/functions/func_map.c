/* Maps. Values are moved about with their own marks; keys are text. */
#include "stacks/expressions/func.h"

#include "base/map.h"

const struct value *func_keys(struct call *call)
{
    const struct value *map = call->args[0];
    AUTO_BUILDER struct value_builder keys = VALUE_BUILDER(call->arena);
    for (uint32_t i = 0; i < map->count; i++)
        value_builder_add(&keys, value_string(call->arena, map->entries[i].key));
    return value_builder_list(&keys);
}

const struct value *func_values(struct call *call)
{
    const struct value *map = call->args[0];
    AUTO_BUILDER struct value_builder values = VALUE_BUILDER(call->arena);
    for (uint32_t i = 0; i < map->count; i++)
        value_builder_add(&values, map->entries[i].value);
    return value_builder_list(&values);
}

const struct value *func_entries(struct call *call)
{
    const struct value *map = call->args[0];
    AUTO_BUILDER struct value_builder list = VALUE_BUILDER(call->arena);
    if (!call_take_items(call, map->count))
        return NULL;
    for (uint32_t i = 0; i < map->count; i++) {
        struct value_entry pair[] = {{STR("key"), value_string(call->arena, map->entries[i].key)},
            {STR("value"), map->entries[i].value}};
        value_builder_add(&list, value_map(call->arena, pair, 2));
    }
    return value_builder_list(&list);
}

const struct value *func_haskey(struct call *call)
{
    return value_bool(value_get(call->args[0], arg_text(call, 1)) != NULL);
}

const struct value *func_lookup(struct call *call)
{
    const struct value *v = value_get(call->args[0], arg_text(call, 1));
    if (v)
        return v;
    if (call->n > 2)
        return call->args[2];
    return call_fail(call, 1, "the map has no key %s", call_quote(call, 1).p);
}

/* null counts as an empty map, so that an optional input can be merged as it is. */
const struct value *func_merge(struct call *call)
{
    const struct value *merged = &value_empty_map;
    for (size_t i = 0; i < call->n; i++) {
        const struct value *v = call->args[i];
        if (v->kind == VALUE_NULL)
            continue;
        if (v->kind != VALUE_MAP)
            return call_fail(call, i, "merge() takes maps, got %s", value_with_article(v));
        merged = value_merge(call->arena, merged, v);
    }
    return merged;
}

/* Are the items of argument i all text? False after an error. */
static bool func_map_texts(struct call *call, size_t i)
{
    const struct value *list = call->args[i];
    for (uint32_t k = 0; k < list->count; k++) {
        if (!value_scalar_text(call->arena, list->items[k]).p) {
            call_fail(call, i, "keys are text, but item %u is %s", k, value_with_article(list->items[k]));
            return false;
        }
    }
    return true;
}

static const struct value *chosen(struct call *call, bool wanted)
{
    const struct value *map = call->args[0], *keys = call->args[1];
    if (!value_is_known(keys))
        return &value_unknown;
    if (!func_map_texts(call, 1))
        return NULL;
    AUTO_MAP struct map listed = MAP_INIT;
    for (uint32_t i = 0; i < keys->count; i++)
        map_set(&listed, value_scalar_text(call->arena, keys->items[i]), call);
    AUTO_BUILDER struct value_builder kept = VALUE_BUILDER(call->arena);
    for (uint32_t i = 0; i < map->count; i++)
        if ((map_get(&listed, map->entries[i].key) != NULL) == wanted)
            value_builder_set(&kept, map->entries[i].key, map->entries[i].value);
    return eval_marked(call->ev, value_builder_map(&kept), keys->marks);
}

const struct value *func_pick(struct call *call)
{
    return chosen(call, true);
}

const struct value *func_omit(struct call *call)
{
    return chosen(call, false);
}

const struct value *func_zipmap(struct call *call)
{
    const struct value *keys = call->args[0], *values = call->args[1];
    if (keys->count != values->count)
        return call_fail(call, 1, "zipmap() got %u keys and %u values", keys->count, values->count);
    if (!value_is_known(keys))
        return &value_unknown;
    if (!func_map_texts(call, 0))
        return NULL;
    AUTO_BUILDER struct value_builder map = VALUE_BUILDER(call->arena);
    for (uint32_t i = 0; i < keys->count; i++)
        value_builder_set(&map, value_scalar_text(call->arena, keys->items[i]), values->items[i]);
    return eval_marked(call->ev, value_builder_map(&map), keys->marks);
}
