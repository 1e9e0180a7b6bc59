/* Values: see value.h. */
#include "base/value.h"

#include "base/mem.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

const struct value value_null = {.kind = VALUE_NULL};
const struct value value_true = {.kind = VALUE_BOOL, .boolean = true};
const struct value value_false = {.kind = VALUE_BOOL, .boolean = false};
const struct value value_unknown = {.kind = VALUE_UNKNOWN, .marks = VALUE_DEEP_UNKNOWN};
const struct value value_empty_list = {.kind = VALUE_LIST};
const struct value value_empty_map = {.kind = VALUE_MAP};
const struct value value_empty_string = {.kind = VALUE_STRING, .string = STR_INIT("")};

static struct value *new_value(struct arena *arena, enum value_kind kind)
{
    struct value *v = arena_alloc(arena, sizeof *v);
    v->kind = (uint8_t)kind;
    v->marks = 0;
    v->depth = 0;
    v->count = 0;
    return v;
}

const struct value *value_int(struct arena *arena, int64_t integer)
{
    struct value *v = new_value(arena, VALUE_INT);
    v->integer = integer;
    return v;
}

const struct value *value_float(struct arena *arena, double number)
{
    struct value *v = new_value(arena, VALUE_FLOAT);
    v->number = number;
    return v;
}

const struct value *value_string(struct arena *arena, struct str text)
{
    return value_string_ref(arena, arena_str(arena, text));
}

const struct value *value_stringz(struct arena *arena, const char *text)
{
    return value_string(arena, str_z(text));
}

const struct value *value_string_ref(struct arena *arena, struct str text)
{
    struct value *v = new_value(arena, VALUE_STRING);
    v->string = text;
    return v;
}

void value_adopt(struct value *v, const struct value *child)
{
    v->marks |= child->marks & (VALUE_DEEP_SENSITIVE | VALUE_DEEP_UNKNOWN);
    if (child->depth >= v->depth)
        v->depth = child->depth < UINT16_MAX ? (uint16_t)(child->depth + 1) : UINT16_MAX;
    if (__builtin_add_overflow(v->size, 8 + value_size(child), &v->size))
        v->size = UINT64_MAX;
}

const struct value *value_list(struct arena *arena, const struct value *const *items, size_t n)
{
    if (!n)
        return &value_empty_list;
    struct value *v = new_value(arena, VALUE_LIST);
    v->items = arena_alloc(arena, n * sizeof *v->items);
    v->count = (uint32_t)n;
    v->size = 0;
    for (size_t i = 0; i < n; i++) {
        v->items[i] = items[i] ? items[i] : &value_null;
        value_adopt(v, v->items[i]);
    }
    return v;
}

static int entry_order(const void *a, const void *b)
{
    return str_cmp(((const struct value_entry *)a)->key, ((const struct value_entry *)b)->key);
}

/* Stable, so that of equal keys the last stays last; maps are small and mostly sorted already. */
static void sort_entries(struct value_entry *entries, size_t n)
{
    bool sorted = true;
    for (size_t i = 1; i < n && sorted; i++)
        sorted = str_cmp(entries[i - 1].key, entries[i].key) <= 0;
    if (sorted)
        return;
    if (n > 32) {
        struct value_entry *half = mem_realloc_array(NULL, n, sizeof *half);
        size_t left = n / 2, i = 0, j = left, k = 0;
        sort_entries(entries, left);
        sort_entries(entries + left, n - left);
        while (i < left && j < n)
            half[k++] = entry_order(&entries[i], &entries[j]) <= 0 ? entries[i++] : entries[j++];
        while (i < left)
            half[k++] = entries[i++];
        while (j < n)
            half[k++] = entries[j++];
        memcpy(entries, half, n * sizeof *entries);
        free(half);
        return;
    }
    for (size_t i = 1; i < n; i++) {
        struct value_entry entry = entries[i];
        size_t at = i;
        while (at && str_cmp(entries[at - 1].key, entry.key) > 0) {
            entries[at] = entries[at - 1];
            at--;
        }
        entries[at] = entry;
    }
}

const struct value *value_map(struct arena *arena, const struct value_entry *entries, size_t n)
{
    if (!n)
        return &value_empty_map;
    struct value_entry *sorted = arena_alloc(arena, n * sizeof *sorted);
    memcpy(sorted, entries, n * sizeof *sorted);
    sort_entries(sorted, n);
    size_t kept = 0;
    for (size_t i = 0; i < n; i++) {
        if (i + 1 < n && str_eq(sorted[i].key, sorted[i + 1].key))
            continue;
        sorted[kept] = sorted[i];
        if (!sorted[kept].value)
            sorted[kept].value = &value_null;
        kept++;
    }
    struct value *v = new_value(arena, VALUE_MAP);
    v->entries = sorted;
    v->count = (uint32_t)kept;
    v->size = 0;
    for (size_t i = 0; i < kept; i++)
        value_adopt(v, sorted[i].value);
    return v;
}

const struct value *value_mark(struct arena *arena, const struct value *v, unsigned marks)
{
    if (!v)
        v = &value_null;
    if (!(marks & VALUE_SENSITIVE) || (v->marks & VALUE_SENSITIVE))
        return v;
    struct value *marked = arena_alloc(arena, sizeof *marked);
    *marked = *v;
    marked->marks |= VALUE_SENSITIVE | VALUE_DEEP_SENSITIVE;
    return marked;
}

/* Copies v into the arena, without the sensitive marks if `keep_marks` is false. */
static const struct value *rebuild(struct arena *arena, const struct value *v, bool keep_marks)
{
    struct value *copy = arena_alloc(arena, sizeof *copy);
    *copy = *v;
    if (!keep_marks)
        copy->marks &= (uint8_t) ~(VALUE_SENSITIVE | VALUE_DEEP_SENSITIVE);
    switch ((enum value_kind)v->kind) {
    case VALUE_STRING: copy->string = arena_str(arena, v->string); break;
    case VALUE_LIST:
        copy->items = arena_alloc(arena, v->count * sizeof *copy->items);
        for (uint32_t i = 0; i < v->count; i++)
            copy->items[i] = rebuild(arena, v->items[i], keep_marks);
        break;
    case VALUE_MAP: {
        struct value_entry *entries = arena_alloc(arena, v->count * sizeof *entries);
        for (uint32_t i = 0; i < v->count; i++) {
            entries[i].key = arena_str(arena, v->entries[i].key);
            entries[i].value = rebuild(arena, v->entries[i].value, keep_marks);
        }
        copy->entries = entries;
        break;
    }
    case VALUE_NULL:
    case VALUE_BOOL:
    case VALUE_INT:
    case VALUE_FLOAT:
    case VALUE_UNKNOWN: break;
    }
    return copy;
}

const struct value *value_copy(struct arena *arena, const struct value *v)
{
    return v ? rebuild(arena, v, true) : NULL;
}

const struct value *value_unmark(struct arena *arena, const struct value *v)
{
    return v && (v->marks & VALUE_DEEP_SENSITIVE) ? rebuild(arena, v, false) : v;
}

static int number_compare(const struct value *a, const struct value *b)
{
    if (a->kind == VALUE_INT && b->kind == VALUE_INT)
        return a->integer < b->integer ? -1 : a->integer > b->integer;
    double x = value_number(a), y = value_number(b);
    return x < y ? -1 : x > y;
}

int value_compare(const struct value *a, const struct value *b)
{
    a = a ? a : &value_null;
    b = b ? b : &value_null;
    if (value_is_number(a) && value_is_number(b))
        return number_compare(a, b);
    if (a->kind != b->kind)
        return a->kind < b->kind ? -1 : 1;
    switch ((enum value_kind)a->kind) {
    case VALUE_BOOL: return (int)a->boolean - (int)b->boolean;
    case VALUE_STRING: return str_cmp(a->string, b->string);
    case VALUE_LIST:
        for (uint32_t i = 0; i < a->count && i < b->count; i++) {
            int order = value_compare(a->items[i], b->items[i]);
            if (order)
                return order;
        }
        return a->count < b->count ? -1 : a->count > b->count;
    case VALUE_MAP:
        for (uint32_t i = 0; i < a->count && i < b->count; i++) {
            int order = str_cmp(a->entries[i].key, b->entries[i].key);
            if (!order)
                order = value_compare(a->entries[i].value, b->entries[i].value);
            if (order)
                return order;
        }
        return a->count < b->count ? -1 : a->count > b->count;
    case VALUE_UNKNOWN: return a == b ? 0 : a < b ? -1 : 1;
    case VALUE_NULL:
    case VALUE_INT:
    case VALUE_FLOAT: break;
    }
    return 0;
}

int value_order(const void *a, const void *b)
{
    return value_compare(*(const struct value *const *)a, *(const struct value *const *)b);
}

bool value_equal(const struct value *a, const struct value *b)
{
    if (!value_is_known(a) || !value_is_known(b))
        return false;
    return value_compare(a, b) == 0;
}

/* Linear search: most keys differ in length, so that few are compared. */
static const struct value *get_of_few(const struct value *map, struct str key)
{
    for (uint32_t i = 0; i < map->count; i++)
        if (str_eq(map->entries[i].key, key))
            return map->entries[i].value;
    return NULL;
}

const struct value *value_get(const struct value *map, struct str key)
{
    enum { FEW = 24 };
    if (!map || map->kind != VALUE_MAP)
        return NULL;
    if (map->count <= FEW)
        return get_of_few(map, key);
    uint32_t low = 0, high = map->count;
    while (low < high) {
        uint32_t middle = low + (high - low) / 2;
        int order = str_cmp(map->entries[middle].key, key);
        if (order == 0)
            return map->entries[middle].value;
        if (order < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return NULL;
}

const struct value *value_getz(const struct value *map, const char *key)
{
    return value_get(map, str_z(key));
}

struct str value_text(const struct value *v, struct str fallback)
{
    return v && v->kind == VALUE_STRING ? v->string : fallback;
}

struct str value_gets(const struct value *map, const char *key)
{
    return value_text(value_getz(map, key), STR_EMPTY);
}

int64_t value_geti(const struct value *map, const char *key, int64_t fallback)
{
    const struct value *v = value_getz(map, key);
    return v && v->kind == VALUE_INT ? v->integer : fallback;
}

uint64_t value_get_count(const struct value *map, const char *key)
{
    int64_t n = value_geti(map, key, 0);
    return n > 0 ? (uint64_t)n : 0;
}

bool value_getb(const struct value *map, const char *key)
{
    const struct value *v = value_getz(map, key);
    return v && v->kind == VALUE_BOOL && v->boolean;
}

bool value_list_has(const struct value *list, struct str text)
{
    for (uint32_t i = 0; list && list->kind == VALUE_LIST && i < list->count; i++)
        if (list->items[i]->kind == VALUE_STRING && str_eq(list->items[i]->string, text))
            return true;
    return false;
}

const struct value *value_list_with(struct arena *arena, const struct value *list, const struct value *item)
{
    struct value_builder b = VALUE_BUILDER(arena);
    list = value_as_list(list);
    for (uint32_t i = 0; i < list->count; i++)
        value_builder_add(&b, list->items[i]);
    value_builder_add(&b, item);
    return value_builder_list(&b);
}

const struct value *value_string_or_null(struct arena *arena, struct str text)
{
    return text.n ? value_string(arena, text) : &value_null;
}

const struct value *value_keys(struct arena *arena, const struct value *map)
{
    AUTO_BUILDER struct value_builder b = VALUE_BUILDER(arena);
    for (uint32_t i = 0; i < map->count; i++)
        value_builder_add(&b, value_string(arena, map->entries[i].key));
    return value_builder_list(&b);
}

const struct value *value_strings(struct arena *arena, const struct str *strings, size_t n)
{
    AUTO_BUILDER struct value_builder b = VALUE_BUILDER(arena);
    for (size_t i = 0; i < n; i++)
        value_builder_add(&b, value_string(arena, strings[i]));
    return value_builder_list(&b);
}

const struct value *value_list_without(struct arena *arena, const struct value *list, struct str text)
{
    struct value_builder b = VALUE_BUILDER(arena);
    list = value_as_list(list);
    for (uint32_t i = 0; i < list->count; i++)
        if (list->items[i]->kind != VALUE_STRING || !str_eq(list->items[i]->string, text))
            value_builder_add(&b, list->items[i]);
    return value_builder_list(&b);
}

const struct value *value_list_except(struct arena *arena, const struct value *list, const struct value *item)
{
    struct value_builder b = VALUE_BUILDER(arena);
    for (uint32_t i = 0; i < list->count; i++)
        if (list->items[i] != item)
            value_builder_add(&b, list->items[i]);
    return value_builder_list(&b);
}

const struct value *value_list_find(const struct value *list, const char *key, struct str text)
{
    for (uint32_t i = 0; list && list->kind == VALUE_LIST && i < list->count; i++)
        if (str_eq(value_gets(list->items[i], key), text))
            return list->items[i];
    return NULL;
}

const struct value *value_as_list(const struct value *v)
{
    return v && v->kind == VALUE_LIST ? v : &value_empty_list;
}

const struct value *value_as_map(const struct value *v)
{
    return v && v->kind == VALUE_MAP ? v : &value_empty_map;
}

static bool key_is_json(struct str key)
{
    return str_is_utf8(key) && (!key.n || !memchr(key.p, 0, key.n));
}

bool value_is_json(const struct value *v)
{
    bool good = v->kind != VALUE_STRING || str_is_utf8(v->string);
    for (uint32_t i = 0; good && (v->kind == VALUE_LIST || v->kind == VALUE_MAP) && i < v->count; i++)
        good = v->kind == VALUE_LIST ? value_is_json(v->items[i])
                                     : key_is_json(v->entries[i].key) && value_is_json(v->entries[i].value);
    return good;
}

bool value_is_empty(const struct value *v)
{
    return value_is_null(v) || ((v->kind == VALUE_LIST || v->kind == VALUE_MAP) && !v->count) ||
           (v->kind == VALUE_STRING && !v->string.n);
}

static struct str float_text(struct arena *arena, double number)
{
    if (number >= -9007199254740992.0 && number <= 9007199254740992.0) {
        int64_t whole = (int64_t)number;
        if (!((double)whole < number) && !((double)whole > number))
            return arena_printf(arena, "%lld", (long long)whole);
    }
    char text[40];
    for (int precision = 15; precision <= 17; precision++) {
        snprintf(text, sizeof text, "%.*g", precision, number);
        double back = strtod(text, NULL);
        if (!(back < number) && !(back > number))
            break;
    }
    return arena_str(arena, str_z(text));
}

struct str value_scalar_text(struct arena *arena, const struct value *v)
{
    switch (v ? (enum value_kind)v->kind : VALUE_NULL) {
    case VALUE_BOOL: return v->boolean ? STR("true") : STR("false");
    case VALUE_INT: return arena_printf(arena, "%lld", (long long)v->integer);
    case VALUE_FLOAT: return float_text(arena, v->number);
    case VALUE_STRING: return v->string;
    case VALUE_NULL:
    case VALUE_LIST:
    case VALUE_MAP:
    case VALUE_UNKNOWN: break;
    }
    return (struct str){NULL, 0};
}

const struct value *value_with(
    struct arena *arena, const struct value *map, struct str key, const struct value *v)
{
    size_t n = map && map->kind == VALUE_MAP ? map->count : 0, kept = 0;
    struct value_entry *entries = mem_realloc_array(NULL, n + 1, sizeof *entries);
    for (size_t i = 0; i < n; i++)
        if (!str_eq(map->entries[i].key, key))
            entries[kept++] = map->entries[i];
    if (v)
        entries[kept++] = (struct value_entry){key, v};
    const struct value *changed = value_map(arena, entries, kept);
    free(entries);
    return changed;
}

const struct value *value_without(
    struct arena *arena, const struct value *map, const struct str *keys, size_t n)
{
    AUTO_BUILDER struct value_builder kept = VALUE_BUILDER(arena);
    struct str *sorted = mem_realloc_array(NULL, n + 1, sizeof *sorted);
    if (n)
        memcpy(sorted, keys, n * sizeof *sorted);
    qsort(sorted, n, sizeof *sorted, str_order);
    for (uint32_t i = 0; i < value_as_map(map)->count; i++)
        if (!bsearch(&map->entries[i].key, sorted, n, sizeof *sorted, str_order))
            value_builder_set(&kept, map->entries[i].key, map->entries[i].value);
    free(sorted);
    return value_builder_map(&kept);
}

const struct value *value_merge(struct arena *arena, const struct value *base, const struct value *over)
{
    if (!base || !base->count)
        return over ? over : &value_empty_map;
    if (!value_as_map(over)->count)
        return base;
    if (base->kind != VALUE_MAP) /* of a map and another kind the map remains */
        return over;
    struct value_builder b = VALUE_BUILDER(arena);
    for (uint32_t i = 0; i < base->count; i++)
        value_builder_set(&b, base->entries[i].key, base->entries[i].value);
    for (uint32_t i = 0; i < over->count; i++)
        value_builder_set(&b, over->entries[i].key, over->entries[i].value);
    return value_builder_map(&b);
}

const char *value_kind_name(enum value_kind kind)
{
    static const char *const names[] = {
        "null", "boolean", "integer", "number", "string", "list", "map", "unknown value"};
    return names[kind];
}

const char *value_with_article(const struct value *v)
{
    static const char *const names[] = {
        "null", "a boolean", "an integer", "a number", "a string", "a list", "a map", "an unknown value"};
    return names[v ? v->kind : VALUE_NULL];
}

void value_builder_release(struct value_builder *b)
{
    free(b->entries);
    b->entries = NULL;
    b->n = b->cap = 0;
}

void value_builder_set(struct value_builder *b, struct str key, const struct value *v)
{
    MEM_GROW(b->entries, b->cap, b->n + 1);
    b->entries[b->n++] = (struct value_entry){key, v};
}

int64_t int_within(double number)
{
    if (number >= 9223372036854775808.0)
        return INT64_MAX;
    if (number <= -9223372036854775808.0)
        return INT64_MIN;
    return isnan(number) ? 0 : (int64_t)number;
}

void value_builder_add(struct value_builder *b, const struct value *item)
{
    value_builder_set(b, STR_EMPTY, item);
}

void value_builder_text(struct value_builder *b, const char *key, struct str text)
{
    if (text.n)
        value_builder_set(b, str_z(key), value_string(b->arena, text));
}

const struct value *value_builder_list(struct value_builder *b)
{
    const struct value *list = &value_empty_list;
    if (b->n) {
        const struct value **items = mem_realloc_array(NULL, b->n, sizeof *items);
        for (size_t i = 0; i < b->n; i++)
            items[i] = b->entries[i].value;
        list = value_list(b->arena, items, b->n);
        free(items);
    }
    value_builder_release(b);
    return list;
}

const struct value *value_builder_map(struct value_builder *b)
{
    const struct value *map = value_map(b->arena, b->entries, b->n);
    value_builder_release(b);
    return map;
}
