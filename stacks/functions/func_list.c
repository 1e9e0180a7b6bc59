/* Lists, lists used as sets, and maps. */
#include "base/map.h"
#include "base/mem.h"
#include "stacks/expressions/func.h"

#include <stdlib.h>

const struct value *func_concat(struct call *call)
{
    AUTO_BUILDER struct value_builder all = VALUE_BUILDER(call->arena);
    for (size_t i = 0; i < call->n; i++)
        for (uint32_t k = 0; k < call->args[i]->count; k++)
            value_builder_add(&all, call->args[i]->items[k]);
    return value_builder_list(&all);
}

/* Returns false if an unknown item may turn out to be a list. */
static bool flatten_into(
    struct call *call, struct value_builder *all, const struct value *list, unsigned marks)
{
    for (uint32_t i = 0; i < list->count; i++) {
        const struct value *item = list->items[i];
        unsigned inner = marks | (item->marks & VALUE_SENSITIVE);
        if (item->kind == VALUE_UNKNOWN)
            return false;
        if (item->kind != VALUE_LIST)
            value_builder_add(all, eval_marked(call->ev, item, inner));
        else if (!flatten_into(call, all, item, inner))
            return false;
    }
    return true;
}

const struct value *func_flatten(struct call *call)
{
    AUTO_BUILDER struct value_builder all = VALUE_BUILDER(call->arena);
    bool known = flatten_into(call, &all, call->args[0], 0);
    return known ? value_builder_list(&all) : &value_unknown;
}

const struct value *func_chunk(struct call *call)
{
    const struct value *list = call->args[0];
    int64_t size = arg_int(call, 1);
    if (size < 1)
        return call_fail(call, 1, "chunk() makes lists of at least 1 item, got %lld", (long long)size);
    AUTO_BUILDER struct value_builder chunks = VALUE_BUILDER(call->arena);
    for (uint32_t i = 0; i < list->count;) {
        uint32_t n = list->count - i < size ? list->count - i : (uint32_t)size;
        value_builder_add(&chunks, value_list(call->arena, list->items + i, n));
        i += n;
    }
    return value_builder_list(&chunks);
}

const struct value *func_compact(struct call *call)
{
    const struct value *list = call->args[0];
    AUTO_BUILDER struct value_builder kept = VALUE_BUILDER(call->arena);
    for (uint32_t i = 0; i < list->count; i++) {
        const struct value *item = list->items[i];
        bool nothing = item->kind == VALUE_NULL || (item->kind == VALUE_STRING && !item->string.n);
        if (item->kind == VALUE_UNKNOWN)
            return &value_unknown;
        if (!nothing)
            value_builder_add(&kept, item);
    }
    return value_builder_list(&kept);
}

const struct value *func_contains(struct call *call)
{
    const struct value *in = call->args[0], *wanted = call->args[1];
    if (in->kind == VALUE_STRING && wanted->kind == VALUE_STRING)
        return value_bool(str_find(in->string, wanted->string, 0) >= 0);
    if (in->kind == VALUE_STRING)
        return call_fail(call, 1, "text contains text only, got %s", value_with_article(wanted));
    if (in->kind != VALUE_LIST)
        return call_fail(call, 0, "contains() looks in a list or text, got %s", value_with_article(in));
    for (uint32_t i = 0; i < in->count; i++)
        if (value_equal(in->items[i], wanted))
            return &value_true;
    return &value_false;
}

const struct value *func_index(struct call *call)
{
    const struct value *list = call->args[0];
    for (uint32_t i = 0; i < list->count; i++)
        if (value_equal(list->items[i], call->args[1]))
            return value_int(call->arena, i);
    return call_fail(call, 1, "%s is not in the list", call_quote(call, 1).p);
}

const struct value *func_element(struct call *call)
{
    const struct value *list = call->args[0];
    int64_t index = arg_int(call, 1);
    if (!list->count)
        return call_fail(call, 0, "element() of an empty list");
    index %= list->count;
    return list->items[index < 0 ? index + list->count : index];
}

const struct value *func_slice(struct call *call)
{
    const struct value *list = call->args[0];
    int64_t from = arg_int(call, 1), to = call->n > 2 ? arg_int(call, 2) : list->count;
    if (from < 0 || from > list->count)
        return call_fail(call, 1, "slice() begins at 0 to %u here, got %lld", list->count, (long long)from);
    if (to < from || to > list->count)
        return call_fail(call, 2, "slice() ends at %lld to %u here, got %lld", (long long)from, list->count,
            (long long)to);
    return value_list(call->arena, list->items + from, (size_t)(to - from));
}

const struct value *func_range(struct call *call)
{
    int64_t from = call->n > 1 ? arg_int(call, 0) : 0, to = arg_int(call, call->n > 1 ? 1 : 0);
    int64_t step = call->n > 2 ? arg_int(call, 2) : from <= to ? 1 : -1;
    if (!step)
        return call_fail(call, 2, "the step of range() cannot be 0");
    AUTO_BUILDER struct value_builder items = VALUE_BUILDER(call->arena);
    for (int64_t i = from; step > 0 ? i < to : i > to;) {
        if (!call_take_items(call, 1))
            return NULL;
        value_builder_add(&items, value_int(call->arena, i));
        if (__builtin_add_overflow(i, step, &i))
            break;
    }
    return value_builder_list(&items);
}

/* ---- order and sets ---- */

struct ranked {
    const struct value *value;
    uint32_t index;
};

static int by_value(const void *a, const void *b)
{
    const struct ranked *x = a, *y = b;
    int order = value_compare(x->value, y->value);
    return order ? order : x->index < y->index ? -1 : x->index > y->index;
}

static int by_index(const void *a, const void *b)
{
    const struct ranked *x = a, *y = b;
    return x->index < y->index ? -1 : x->index > y->index;
}

/* Returns the sorted list, without duplicates if `unique`, allocated on the heap. */
static struct ranked *func_list_rank(const struct value *list, bool unique, size_t *n)
{
    struct ranked *items = mem_realloc_array(NULL, list->count + 1u, sizeof *items);
    for (uint32_t i = 0; i < list->count; i++)
        items[i] = (struct ranked){list->items[i], i};
    qsort(items, list->count, sizeof *items, by_value);
    *n = 0;
    for (uint32_t i = 0; i < list->count; i++)
        if (!unique || !*n || value_compare(items[*n - 1].value, items[i].value))
            items[(*n)++] = items[i];
    return items;
}

static const struct value *unranked(struct arena *arena, const struct ranked *items, size_t n)
{
    AUTO_BUILDER struct value_builder list = VALUE_BUILDER(arena);
    for (size_t i = 0; i < n; i++)
        value_builder_add(&list, items[i].value);
    return value_builder_list(&list);
}

const struct value *func_distinct(struct call *call)
{
    size_t n;
    AUTO_FREE struct ranked *items = func_list_rank(call->args[0], true, &n);
    qsort(items, n, sizeof *items, by_index);
    return unranked(call->arena, items, n);
}

const struct value *func_sort(struct call *call)
{
    const struct value *list = call->args[0];
    unsigned kinds = 0;
    for (uint32_t i = 0; i < list->count; i++) {
        switch ((enum value_kind)list->items[i]->kind) {
        case VALUE_INT:
        case VALUE_FLOAT: kinds |= 1; break;
        case VALUE_STRING: kinds |= 2; break;
        default:
            return call_fail(
                call, 0, "sort() sorts texts or numbers, got %s", value_with_article(list->items[i]));
        }
    }
    if (kinds == 3)
        return call_fail(call, 0, "sort() sorts texts or numbers, not both together");
    size_t n;
    AUTO_FREE struct ranked *items = func_list_rank(list, false, &n);
    return unranked(call->arena, items, n);
}

const struct value *func_toset(struct call *call)
{
    size_t n;
    AUTO_FREE struct ranked *items = func_list_rank(call->args[0], true, &n);
    return unranked(call->arena, items, n);
}

static bool is_in(const struct ranked *items, size_t n, const struct value *wanted)
{
    size_t low = 0, high = n;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        int order = value_compare(items[middle].value, wanted);
        if (order == 0)
            return true;
        if (order < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return false;
}

/* Returns the items of the first set that are (or are not) in the second. */
static const struct value *filtered_set(
    struct call *call, const struct value *a, const struct value *b, bool common)
{
    size_t n, m, kept = 0;
    AUTO_FREE struct ranked *items = func_list_rank(a, true, &n);
    AUTO_FREE struct ranked *others = func_list_rank(b, true, &m);
    for (size_t i = 0; i < n; i++)
        if (is_in(others, m, items[i].value) == common)
            items[kept++] = items[i];
    return unranked(call->arena, items, kept);
}

const struct value *func_setunion(struct call *call)
{
    size_t n;
    AUTO_FREE struct ranked *items = func_list_rank(func_concat(call), true, &n);
    return unranked(call->arena, items, n);
}

const struct value *func_setintersection(struct call *call)
{
    const struct value *set = filtered_set(call, call->args[0], call->args[0], true);
    for (size_t i = 1; i < call->n; i++)
        set = filtered_set(call, set, call->args[i], true);
    return set;
}

const struct value *func_setsubtract(struct call *call)
{
    return filtered_set(call, call->args[0], call->args[1], false);
}

/* ---- Maps. Values keep their own marks; keys are strings. */

const struct value *func_keys(struct call *call)
{
    return value_keys(call->arena, call->args[0]);
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

/* null counts as an empty map, so that an optional input can be merged directly. */
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

/* Checks that all items of argument i are strings. Returns false after an error. */
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
