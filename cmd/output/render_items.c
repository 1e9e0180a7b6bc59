/* Lists and sets before and after: which item became which. */
#include "cmd/output/render.h"

#include "base/mem.h"

#include <stdlib.h>
#include <string.h>

/* An item is known by what stays in it: one that is not long is shown whole. */
static bool is_shown_whole(const struct value *item)
{
    bool whole = item->kind == VALUE_MAP && item->count <= ITEM_MAX;
    for (uint32_t i = 0; whole && i < item->count; i++)
        whole =
            !look_is_block(item->entries[i].value) || look_inline_width(item->entries[i].value) <= INLINE_MAX;
    return whole;
}

static void change_item(
    struct pen *pen, struct look look, const struct value *before, const struct value *after, int indent)
{
    bool everything = pen->everything;
    pen->everything = everything || (before && after && is_shown_whole(before) && is_shown_whole(after));
    pen_change(pen, &(struct pen_entry){NULL, 0, indent, look, before, after});
    pen->everything = everything;
}

/* ---- sets ---- */

struct sides {
    const struct value **old, **new;
    int64_t *partners; /* of each old one: the new one that it is or became; -1: none */
    bool *taken;       /* of each new one */
    uint32_t old_count, new_count;
};

static const struct value **sorted_items(struct pen *pen, const struct value *list)
{
    const struct value **items = ARENA_ARRAY(pen->arena, const struct value *, list->count + 1);
    if (list->count)
        memcpy(items, list->items, list->count * sizeof *items);
    qsort(items, list->count, sizeof *items, value_order);
    return items;
}

/* Has one of them all that the other has, and more? */
static bool is_more_or_less(const struct value *a, const struct value *b)
{
    const struct value *less = a->count < b->count ? a : b, *more = less == a ? b : a;
    if (a->kind != VALUE_MAP || b->kind != VALUE_MAP || a->count == b->count || !less->count)
        return false;
    for (uint32_t i = 0; i < less->count; i++) {
        const struct value *other = value_get(more, less->entries[i].key);
        if (!other || !value_equal(less->entries[i].value, other))
            return false;
    }
    return true;
}

/* The same ones first, which both have in the same order; then those that lost or got something. */
static void pair_items(struct sides *s)
{
    for (uint32_t i = 0, j = 0; i < s->old_count; i++) {
        s->partners[i] = -1;
        while (j < s->new_count && value_compare(s->old[i], s->new[j]) > 0)
            j++;
        if (j < s->new_count && !value_compare(s->old[i], s->new[j])) {
            s->taken[j] = true;
            s->partners[i] = j++;
        }
    }
    for (uint32_t i = 0; i < s->old_count; i++)
        for (uint32_t j = 0; s->partners[i] < 0 && j < s->new_count; j++)
            if (!s->taken[j] && is_more_or_less(s->old[i], s->new[j])) {
                s->taken[j] = true;
                s->partners[i] = j;
            }
}

void pen_change_set(
    struct pen *pen, struct look look, const struct value *a, const struct value *b, int column)
{
    if (look.type)
        b = attr_left(pen->arena, look.type, b, false);
    struct sides s = {sorted_items(pen, a), sorted_items(pen, b),
        ARENA_ARRAY(pen->arena, int64_t, a->count + 1), ARENA_ARRAY(pen->arena, bool, b->count + 1), a->count,
        b->count};
    size_t unchanged = 0;
    struct look child = look_item(look);
    pair_items(&s);
    for (uint32_t i = 0, j = 0; i < a->count || j < b->count;) {
        bool old = j == b->count || (i < a->count && value_compare(s.old[i], s.new[j]) <= 0);
        if (!old) {
            if (!s.taken[j])
                change_item(pen, child, NULL, s.new[j], column + 2);
            j++;
            continue;
        }
        const struct value *after = s.partners[i] < 0 ? NULL : s.new[s.partners[i]];
        if (!after || value_compare(s.old[i], after))
            change_item(pen, child, s.old[i], after, column + 2);
        else if (pen->everything)
            pen_kept(pen, NULL, 0, child, after, column + 2);
        else
            unchanged++;
        i++;
    }
    pen_unchanged(pen, unchanged, column + 2);
}

/* ---- lists ---- */

struct lists {
    struct look look; /* of the items */
    const struct value *a, *b;
};

static bool items_equal(void *ctx, size_t i, size_t j)
{
    const struct lists *l = ctx;
    return look_same(l->look, l->a->items[i], l->b->items[j]);
}

/* How much two items have in common: items that changed are shown beside what they became. */
static size_t likeness(const struct value *a, const struct value *b)
{
    size_t n = 0;
    if (a->kind != b->kind)
        return 0;
    for (uint32_t i = 0; a->kind == VALUE_MAP && i < a->count; i++) {
        const struct value *other = value_get(b, a->entries[i].key);
        n += other && value_equal(a->entries[i].value, other) ? 2 : 0;
    }
    return n + 1;
}

struct range {
    size_t from, to;
};

/* Items between two unchanged ones: each removed item meets the added one that is most like it. */
static void change_gap(struct pen *pen, const struct lists *l, struct range old, struct range new, int indent)
{
    size_t j = new.from;
    for (size_t i = old.from; i < old.to; i++) {
        size_t best = 0, at = new.to;
        for (size_t k = j; k < new.to; k++) {
            size_t like = likeness(l->a->items[i], l->b->items[k]);
            if (like > best) {
                best = like;
                at = k;
            }
        }
        for (; at < new.to &&j < at; j++)
            change_item(pen, l->look, NULL, l->b->items[j], indent);
        change_item(pen, l->look, l->a->items[i], at < new.to ? l->b->items[j++] : NULL, indent);
    }
    for (; j < new.to; j++)
        change_item(pen, l->look, NULL, l->b->items[j], indent);
}

void pen_change_list(
    struct pen *pen, struct look look, const struct value *a, const struct value *b, int column)
{
    struct lists lists = {look_item(look), a, b};
    AUTO_FREE enum edit *script = mem_alloc((a->count + b->count + 1) * sizeof *script);
    size_t n = lcs_edits(a->count, b->count, items_equal, &lists, script);
    size_t unchanged = 0, i = 0, j = 0;
    struct range old = {0, 0}, new = {0, 0};
    for (size_t k = 0; k <= n; k++) {
        if (k < n && script[k] != EDIT_KEEP) {
            old.to = script[k] == EDIT_REMOVE ? ++i : i;
            new.to = script[k] == EDIT_ADD ? ++j : j;
            continue;
        }
        change_gap(pen, &lists, old, new, column + 2);
        if (k < n && pen->everything)
            pen_kept(pen, NULL, 0, lists.look, b->items[j], column + 2);
        else if (k < n)
            unchanged++;
        i++, j++;
        old = (struct range){i, i};
        new = (struct range){j, j};
    }
    pen_unchanged(pen, unchanged, column + 2);
}

/* ---- maps of which only the values are secret: their names tell what changes ---- */

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
