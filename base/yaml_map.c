/* The entries of a map whose end was read: none twice, and those of `<<` among them. */
#include "base/yaml_internal.h"

#include "base/map.h"

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

/* It looks like a blank; editors and web pages give it. */
static void report_no_break_space(struct diags *diags, const struct node_entry *entry)
{
    struct diag *d = diag_error(diags, node_key_span(entry), "a no-break space (U+00A0) cannot indent");
    diag_label(diags, d, "use spaces");
}

/* The entries seen so far by key. Few are compared one by one, many are hashed. */
struct seen {
    struct node_entry *entries;
    size_t n;
    struct map map;
};
enum { SEEN_LINEAR = 16 };

static struct node_entry *seen_find(struct seen *seen, struct str key)
{
    if (seen->map.n)
        return map_get(&seen->map, key);
    for (size_t i = 0; i < seen->n; i++)
        if (str_eq(seen->entries[i].key, key))
            return &seen->entries[i];
    return NULL;
}

/* Appends; entries has room. */
static void seen_add(struct seen *seen, struct node_entry entry)
{
    seen->entries[seen->n++] = entry;
    if (seen->n <= SEEN_LINEAR)
        return;
    size_t from = seen->map.n ? seen->n - 1 : 0;
    for (size_t i = from; i < seen->n; i++)
        map_set(&seen->map, seen->entries[i].key, &seen->entries[i]);
}

static void merge_map(struct diags *diags, struct seen *seen, const struct node *from)
{
    if (from->kind != NODE_MAP) {
        diag_error(
            diags, node_span(from), "\"<<\" takes a map or a list of maps, this is %s", node_kind_name(from));
        return;
    }
    for (size_t i = 0; i < from->count; i++)
        if (!seen_find(seen, from->entries[i].key))
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
    struct seen seen = {.entries = arena_alloc(arena, (n + merge_room(merge)) * sizeof(struct node_entry))};
    for (size_t i = 0; i < n; i++) {
        const struct node_entry *first = seen_find(&seen, given[i].key);
        bool plain = given[i].key_length == given[i].key.n; /* not in quotes */
        if (plain && str_starts(given[i].key, STR("\u00a0")))
            report_no_break_space(diags, &given[i]);
        if (first)
            report_duplicate(diags, &given[i], first);
        else
            seen_add(&seen, given[i]);
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
