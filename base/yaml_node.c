/* Nodes of a YAML document, merges and plain scalars: see yaml.h and yaml_internal.h. */
#include "base/embed.h"
#include "base/map.h"
#include "base/threads.h"
#include "base/yaml_internal.h"

#include <assert.h>
#include <errno.h>
#include <math.h>
#include <stdlib.h>

const struct node *yaml_embedded(const char *path)
{
    static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
    static struct arena arena = ARENA_INIT;
    static struct map read = MAP_INIT;
    AUTO_UNLOCK pthread_mutex_t *held = mutex_hold(&lock);
    const struct embedded_file *file = embedded_find(str_z(path));
    const struct node *root = map_get(&read, file->path);
    if (root)
        return root;
    AUTO_DIAGS struct diags diags = DIAGS_INIT;
    struct source *source = ARENA_NEW(&arena, struct source);
    *source = (struct source){.path = file->path, .text = embedded_text(file)};
    root = yaml_parse(&arena, source, &diags);
    assert(root && !diags.errors);
    map_set(&read, file->path, (void *)root);
    return root;
}

struct str node_text(const struct node *node)
{
    return node && node->kind == NODE_STRING ? node->string : STR_EMPTY;
}

struct str node_raw(const struct node *node)
{
    return str_slice(node->source->text, node->offset, (size_t)node->offset + node->length);
}

struct span node_span(const struct node *node)
{
    return yaml_span(node->source, node->offset, node->length);
}

struct span node_key_span(const struct node_entry *entry)
{
    return yaml_span(entry->value->source, entry->key_offset, entry->key_length);
}

const struct node_entry *node_find(const struct node *map, struct str key)
{
    if (!map || map->kind != NODE_MAP)
        return NULL;
    for (size_t i = 0; i < map->count; i++)
        if (str_eq(map->entries[i].key, key))
            return &map->entries[i];
    return NULL;
}

struct node *node_get(const struct node *map, const char *key)
{
    const struct node_entry *entry = node_find(map, str_z(key));
    return entry ? entry->value : NULL;
}

const char *node_kind_name(const struct node *node)
{
    static const char *const names[] = {[NODE_NULL] = "null",
        [NODE_BOOL] = "a boolean",
        [NODE_INT] = "an integer",
        [NODE_FLOAT] = "a number",
        [NODE_STRING] = "a string",
        [NODE_LIST] = "a list",
        [NODE_MAP] = "a map"};
    return names[node->kind];
}

static const struct value *list_value(struct arena *arena, const struct node *node)
{
    AUTO_BUILDER struct value_builder b = VALUE_BUILDER(arena);
    for (size_t i = 0; i < node->count; i++)
        value_builder_add(&b, node_value(arena, node->items[i]));
    return value_builder_list(&b);
}

static const struct value *map_value(struct arena *arena, const struct node *node)
{
    AUTO_BUILDER struct value_builder b = VALUE_BUILDER(arena);
    for (size_t i = 0; i < node->count; i++)
        value_builder_set(&b, node->entries[i].key, node_value(arena, node->entries[i].value));
    return value_builder_map(&b);
}

const struct value *node_value(struct arena *arena, const struct node *node)
{
    switch ((enum node_kind)node->kind) {
    case NODE_NULL: return &value_null;
    case NODE_BOOL: return value_bool(node->boolean);
    case NODE_INT: return value_int(arena, node->integer);
    case NODE_FLOAT: return value_float(arena, node->number);
    case NODE_STRING: return value_string_ref(arena, node->string);
    case NODE_LIST: return list_value(arena, node);
    case NODE_MAP: return map_value(arena, node);
    }
    return &value_null;
}

/* ---- entries of a complete map: duplicates and merges ---- */

static void report_duplicate(
    struct diags *diags, const struct node_entry *second, const struct node_entry *first)
{
    struct span span = node_key_span(second);
    struct diag *d = span_is_hidden(span)
                         ? diag_error(diags, span, "a key is given twice")
                         : diag_error(diags, span, "the key \"%.*s\" is given twice", STR_ARG(second->key));
    diag_label(diags, d, "again here");
    diag_related(diags, d, node_key_span(first), "first here");
}

/* U+00A0 looks like a blank; some editors and web pages insert it. */
static void report_no_break_space(struct diags *diags, const struct node_entry *entry)
{
    struct diag *d = diag_error(diags, node_key_span(entry), "a no-break space (U+00A0) cannot indent");
    diag_label(diags, d, "use spaces");
}

/* The entries so far, by key. Few are compared one by one, many are hashed. */
struct seen {
    struct node_entry *entries;
    size_t n;
    struct map map;
};

enum { SEEN_LINEAR = 16 };

/* Returns the entry with the same key, or appends this one, for which there is room, and returns NULL. */
static struct node_entry *seen_add(struct seen *seen, struct node_entry entry)
{
    struct node_entry *first = NULL;
    if (seen->map.n)
        first = map_add(&seen->map, entry.key, &seen->entries[seen->n]);
    for (size_t i = 0; !seen->map.n && !first && i < seen->n; i++)
        first = str_eq(seen->entries[i].key, entry.key) ? &seen->entries[i] : NULL;
    if (first)
        return first;
    seen->entries[seen->n++] = entry;
    for (size_t i = 0; seen->n == SEEN_LINEAR && i < seen->n; i++)
        map_set(&seen->map, seen->entries[i].key, &seen->entries[i]);
    return NULL;
}

static void merge_map(struct diags *diags, struct seen *seen, const struct node *from)
{
    if (from->kind != NODE_MAP) {
        diag_error(
            diags, node_span(from), "\"<<\" takes a map or a list of maps, this is %s", node_kind_name(from));
        return;
    }
    for (size_t i = 0; i < from->count; i++)
        seen_add(seen, from->entries[i]);
}

static size_t merge_room(const struct node *merge)
{
    size_t n = 0;
    if (merge && merge->kind == NODE_MAP)
        n = merge->count;
    else if (merge && merge->kind == NODE_LIST)
        for (size_t i = 0; i < merge->count; i++)
            n += merge->items[i]->kind == NODE_MAP ? merge->items[i]->count : 0;
    return n;
}

void yaml_fill_map(struct diags *diags, struct arena *arena, struct node *map, const struct node_entry *given,
    size_t n, const struct node *merge)
{
    size_t room = n + merge_room(merge);
    struct seen seen = {.entries = arena_alloc(arena, room * sizeof(struct node_entry))};
    if (room > SEEN_LINEAR)
        map_reserve(&seen.map, room);
    for (size_t i = 0; i < n; i++) {
        const struct node_entry *first = seen_add(&seen, given[i]);
        bool plain = given[i].key_length == given[i].key.n; /* not in quotes */
        if (plain && str_starts(given[i].key, STR("\u00a0")))
            report_no_break_space(diags, &given[i]);
        if (first)
            report_duplicate(diags, &given[i], first);
    }
    if (merge && merge->kind == NODE_LIST)
        for (size_t i = 0; i < merge->count; i++)
            merge_map(diags, &seen, merge->items[i]);
    else if (merge)
        merge_map(diags, &seen, merge);
    map_release(&seen.map);
    map->entries = seen.entries;
    map->count = (uint32_t)seen.n;
}

/* ---- plain scalars: the YAML 1.2 core schema, except for numbers that would lose a digit ---- */

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

static bool read_null(struct str s)
{
    static const char *const words[] = {"~", "null", "Null", "NULL"};
    return s.n == 0 || (s.n <= 4 && STR_IS_ONE_OF(s, words));
}

static bool read_bool(struct str s, bool *out)
{
    static const char *const words[] = {"true", "True", "TRUE", "false", "False", "FALSE"};
    *out = s.n == 4;
    return (s.n == 4 || s.n == 5) && STR_IS_ONE_OF(s, words);
}

static bool read_radix(struct str digits, int radix, int64_t *out)
{
    char text[24], *end;
    if (digits.n == 0 || digits.n >= sizeof text)
        return false;
    memcpy(text, digits.p, digits.n);
    text[digits.n] = '\0';
    if (strspn(text, radix == 8 ? "01234567" : "0123456789abcdefABCDEF") != digits.n)
        return false;
    errno = 0;
    *out = strtoll(text, &end, radix);
    return errno == 0;
}

/* Numbers with leading zeros stay strings: they are file modes, account ids and telephone numbers. */
static bool read_int(struct str s, int64_t *out)
{
    if (str_starts(s, STR("0x")))
        return read_radix(str_slice(s, 2, s.n), 16, out);
    if (str_starts(s, STR("0o")))
        return read_radix(str_slice(s, 2, s.n), 8, out);
    size_t sign = s.n && (s.p[0] == '-' || s.p[0] == '+');
    if (sign == s.n || (s.p[sign] == '0' && s.n > sign + 1))
        return false;
    for (size_t i = sign; i < s.n; i++)
        if (!is_digit(s.p[i]))
            return false;
    return str_to_int(s, out);
}

/* [-+]? ( \. [0-9]+ | [0-9]+ ( \. [0-9]* )? ) ( [eE] [-+]? [0-9]+ )? */
static bool read_float(struct str s, double *out)
{
    size_t i = s.n && (s.p[0] == '-' || s.p[0] == '+'), whole = 0, fraction = 0;
    for (; i < s.n && is_digit(s.p[i]); i++)
        whole++;
    if (i == s.n || (whole > 1 && s.p[i - whole] == '0')) /* an integer out of range; a code */
        return false;
    if (i < s.n && s.p[i] == '.')
        for (i++; i < s.n && is_digit(s.p[i]); i++)
            fraction++;
    if (whole + fraction == 0)
        return false;
    if (i < s.n && (s.p[i] == 'e' || s.p[i] == 'E')) {
        i++;
        i += i < s.n && (s.p[i] == '-' || s.p[i] == '+');
        size_t first = i;
        while (i < s.n && is_digit(s.p[i]))
            i++;
        if (i == first)
            return false;
    }
    return i == s.n && str_to_double(s, out) && isfinite(*out);
}

void yaml_set_plain(struct node *node, struct str text)
{
    bool boolean;
    char c = text.n ? text.p[0] : '~';
    bool numeric = is_digit(c) || c == '-' || c == '+' || c == '.';
    if (numeric && read_int(text, &node->integer)) {
        node->kind = NODE_INT;
    } else if (numeric && read_float(text, &node->number)) {
        node->kind = NODE_FLOAT;
    } else if (read_null(text)) {
        node->kind = NODE_NULL;
    } else if (read_bool(text, &boolean)) {
        node->kind = NODE_BOOL;
        node->boolean = boolean;
    } else {
        node->kind = NODE_STRING;
        node->string = text;
    }
}

/* ---- nodes that are made or changed ---- */

struct node *nodes_new(struct arena *arena, enum node_kind kind, const struct node *at)
{
    struct node *node = ARENA_NEW(arena, struct node);
    node->kind = (uint8_t)kind;
    node->offset = at->offset;
    node->length = at->length;
    node->source = at->source;
    return node;
}

struct node *nodes_text(struct arena *arena, struct str text, const struct node *at)
{
    struct node *node = nodes_new(arena, NODE_STRING, at);
    node->string = arena_str(arena, text);
    return node;
}

struct node *nodes_bool(struct arena *arena, bool yes, const struct node *at)
{
    struct node *node = nodes_new(arena, NODE_BOOL, at);
    node->boolean = yes;
    return node;
}

/* Returns an array with room for one more item; it doubles at powers of two. */
static void *room_for(struct arena *arena, void *items, uint32_t n, size_t size)
{
    if (n & (n - 1))
        return items;
    void *more = arena_alloc(arena, (n ? 2 * (size_t)n : 1) * size);
    if (n)
        memcpy(more, items, n * size);
    return more;
}

void nodes_set_entry(struct arena *arena, struct node *map, const struct node_entry *entry)
{
    for (uint32_t i = 0; i < map->count; i++)
        if (str_eq(map->entries[i].key, entry->key)) {
            map->entries[i].value = entry->value;
            return;
        }
    map->entries = room_for(arena, map->entries, map->count, sizeof *map->entries);
    map->entries[map->count++] = *entry;
}

void nodes_set(struct arena *arena, struct node *map, struct str key, const struct node *value)
{
    const struct node_entry entry = {
        .key = arena_str(arena, key), .key_offset = value->offset, .value = (struct node *)value};
    nodes_set_entry(arena, map, &entry);
}

void nodes_add(struct arena *arena, struct node *list, const struct node *item)
{
    list->items = room_for(arena, list->items, list->count, sizeof *list->items);
    list->items[list->count++] = (struct node *)item;
}

struct node *nodes_copy(struct arena *arena, const struct node *node)
{
    struct node *copy = nodes_new(arena, (enum node_kind)node->kind, node);
    for (uint32_t i = 0; node->kind == NODE_MAP && i < node->count; i++)
        nodes_set_entry(arena, copy, &node->entries[i]);
    for (uint32_t i = 0; node->kind == NODE_LIST && i < node->count; i++)
        nodes_add(arena, copy, node->items[i]);
    if (node->kind != NODE_MAP && node->kind != NODE_LIST)
        *copy = *node;
    return copy;
}

struct node *nodes_without(struct arena *arena, const struct node *map, const char *key)
{
    struct node *rest = nodes_new(arena, NODE_MAP, map);
    for (uint32_t i = 0; i < map->count; i++)
        if (!str_eqz(map->entries[i].key, key))
            nodes_set_entry(arena, rest, &map->entries[i]);
    return rest;
}

struct node *nodes_with(
    struct arena *arena, const struct node *map, const char *key, const struct node *value)
{
    if (!value)
        return nodes_without(arena, map, key);
    struct node *copy = nodes_copy(arena, map);
    nodes_set(arena, copy, str_z(key), value);
    return copy;
}

void nodes_put(
    struct arena *arena, struct node *map, const struct node_entry *entry, const struct node *value)
{
    struct node_entry changed = *entry;
    changed.value = (struct node *)value;
    nodes_set_entry(arena, map, &changed);
}

struct node *nodes_map(struct arena *arena, const struct node *at, const struct nodes_pair *pairs, size_t n)
{
    struct node *map = nodes_new(arena, NODE_MAP, at);
    for (size_t i = 0; i < n; i++)
        if (pairs[i].value)
            nodes_set(arena, map, str_z(pairs[i].key), pairs[i].value);
    return map;
}

struct node *nodes_list(struct arena *arena, const struct node *at, const struct node *const *items, size_t n)
{
    struct node *list = nodes_new(arena, NODE_LIST, at);
    for (size_t i = 0; i < n; i++)
        nodes_add(arena, list, items[i]);
    return list;
}

struct node *nodes_call(struct arena *arena, const char *function, struct str argument, const struct node *at)
{
    return NODES_MAP(arena, at, {function, nodes_text(arena, argument, at)});
}

const struct node *nodes_at(const struct node *map, struct str path)
{
    while (map && path.n) {
        const struct node_entry *entry = node_find(map, str_cut(path, '.', &path));
        map = entry ? entry->value : NULL;
    }
    return map;
}

struct str nodes_literal(const struct node *node)
{
    return node && node->kind == NODE_STRING ? node->string : (struct str){NULL, 0};
}

bool nodes_any(
    const struct node *node, bool (*holds)(const struct node *node, const void *ctx), const void *ctx)
{
    bool found = node && holds(node, ctx);
    for (uint32_t i = 0; node && !found && node->kind == NODE_MAP && i < node->count; i++)
        found = nodes_any(node->entries[i].value, holds, ctx);
    for (uint32_t i = 0; node && !found && node->kind == NODE_LIST && i < node->count; i++)
        found = nodes_any(node->items[i], holds, ctx);
    return found;
}

bool nodes_same(const struct node *a, const struct node *b)
{
    if (a == b)
        return true;
    if (a->kind != b->kind || ((a->kind == NODE_MAP || a->kind == NODE_LIST) && a->count != b->count))
        return false;
    switch (a->kind) {
    case NODE_NULL: return true;
    case NODE_BOOL: return a->boolean == b->boolean;
    case NODE_INT: return a->integer == b->integer;
    case NODE_FLOAT: return !(a->number < b->number) && !(a->number > b->number);
    case NODE_STRING: return str_eq(a->string, b->string);
    case NODE_LIST:
        for (uint32_t i = 0; i < a->count; i++)
            if (!nodes_same(a->items[i], b->items[i]))
                return false;
        return true;
    default: break;
    }
    for (uint32_t i = 0; i < a->count; i++) {
        const struct node_entry *other = node_find(b, a->entries[i].key);
        if (!other || !nodes_same(a->entries[i].value, other->value))
            return false;
    }
    return true;
}
