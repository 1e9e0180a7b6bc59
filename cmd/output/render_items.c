/* Compares lists, sets and texts before and after: which item changed to which, and which line. */
#include "base/mem.h"
#include "cmd/output/render.h"
#include "cmd/terminal/term.h"

#include <stdlib.h>

/* ---- the longest common subsequence of two sequences ---- */

enum { CELLS_MAX = 1024 * 1024 };

struct middle {
    size_t start, n, m; /* the part between the equal head and the equal tail */
};

/* table[i * (m + 1) + j]: the length for the items from i and j on. */
static uint32_t *lengths(const struct middle *mid, bool (*equal)(void *, size_t, size_t), void *ctx)
{
    size_t width = mid->m + 1;
    uint32_t *table = mem_zalloc((mid->n + 1) * width * sizeof *table);
    for (size_t i = mid->n; i-- > 0;)
        for (size_t j = mid->m; j-- > 0;) {
            uint32_t right = table[i * width + j + 1], down = table[(i + 1) * width + j];
            if (equal(ctx, mid->start + i, mid->start + j))
                table[i * width + j] = table[(i + 1) * width + j + 1] + 1;
            else
                table[i * width + j] = right > down ? right : down;
        }
    return table;
}

static size_t middle_edits(
    const struct middle *mid, bool (*equal)(void *, size_t, size_t), void *ctx, enum edit *script)
{
    size_t k = 0, i = 0, j = 0, width = mid->m + 1;
    AUTO_FREE uint32_t *table = NULL;
    if (mid->n && mid->m && mid->n * mid->m <= CELLS_MAX)
        table = lengths(mid, equal, ctx);
    while (table && i < mid->n && j < mid->m) {
        if (equal(ctx, mid->start + i, mid->start + j)) {
            script[k++] = EDIT_KEEP;
            i++, j++;
        } else if (table[(i + 1) * width + j] >= table[i * width + j + 1]) {
            script[k++] = EDIT_REMOVE;
            i++;
        } else {
            script[k++] = EDIT_ADD;
            j++;
        }
    }
    for (; i < mid->n; i++)
        script[k++] = EDIT_REMOVE;
    for (; j < mid->m; j++)
        script[k++] = EDIT_ADD;
    return k;
}

size_t lcs_edits(
    size_t n, size_t m, bool (*equal)(void *ctx, size_t i, size_t j), void *ctx, enum edit *script)
{
    size_t head = 0, tail = 0, k = 0;
    while (head < n && head < m && equal(ctx, head, head))
        head++;
    while (tail < n - head && tail < m - head && equal(ctx, n - 1 - tail, m - 1 - tail))
        tail++;
    for (; k < head; k++)
        script[k] = EDIT_KEEP;
    struct middle mid = {head, n - head - tail, m - head - tail};
    k += middle_edits(&mid, equal, ctx, script + k);
    for (size_t i = 0; i < tail; i++)
        script[k++] = EDIT_KEEP;
    return k;
}

/* ---- lines and hunks ---- */

enum { CONTEXT = 3 };

struct side {
    struct str *lines;
    size_t n, cap;
    bool ends_open; /* no newline at the end */
};

struct pair {
    struct side before, after;
};

static struct side cut(struct str text)
{
    struct side side = {.ends_open = text.n && text.p[text.n - 1] != '\n'};
    while (text.n) {
        MEM_GROW(side.lines, side.cap, side.n + 1);
        side.lines[side.n++] = str_cut(text, '\n', &text);
    }
    return side;
}

static bool is_open(const struct side *side, size_t i)
{
    return side->ends_open && i + 1 == side->n;
}

static bool lines_equal(void *ctx, size_t i, size_t j)
{
    const struct pair *p = ctx;
    return str_eq(p->before.lines[i], p->after.lines[j]) && is_open(&p->before, i) == is_open(&p->after, j);
}

static void unified_diff_add_line(struct buf *out, bool color, char sign, const struct side *side, size_t i)
{
    enum style style = sign == '-' ? STYLE_RED : sign == '+' ? STYLE_GREEN : STYLE_PLAIN;
    style_addf(out, color, style, "%c%.*s", sign, STR_ARG(side->lines[i]));
    buf_addz(out, is_open(side, i) ? "\n\\ No newline at end of file\n" : "\n");
}

/* Returns the end of a hunk that begins at `from`: after its last change and the context lines. */
static size_t hunk_end(const enum edit *script, size_t n, size_t from)
{
    size_t end = from, kept = 0;
    for (size_t k = from; k < n && kept <= 2 * CONTEXT; k++) {
        kept = script[k] == EDIT_KEEP ? kept + 1 : 0;
        if (!kept)
            end = k + 1;
    }
    return end + CONTEXT < n ? end + CONTEXT : n;
}

/* i, j: number of lines before the hunk. */
static void add_hunk(
    const struct pair *p, const enum edit *script, size_t n, size_t i, size_t j, bool color, struct buf *out)
{
    size_t old = 0, new = 0;
    for (size_t k = 0; k < n; k++) {
        old += script[k] != EDIT_ADD;
        new += script[k] != EDIT_REMOVE;
    }
    style_addf(out, color, STYLE_CYAN, "@@ -%zu,%zu +%zu,%zu @@", old ? i + 1 : i, old, new ? j + 1 : j, new);
    buf_add_char(out, '\n');
    for (size_t k = 0; k < n; k++) {
        bool added = script[k] == EDIT_ADD, removed = script[k] == EDIT_REMOVE;
        unified_diff_add_line(out, color,
            added     ? '+'
            : removed ? '-'
                      : ' ',
            added ? &p->after : &p->before, added ? j : i);
        i += !added;
        j += !removed;
    }
}

static void add_hunks(const struct pair *p, const enum edit *script, size_t n, bool color, struct buf *out)
{
    size_t i = 0, j = 0, at = 0; /* lines and edits already written */
    while (at < n) {
        size_t change = at;
        while (change < n && script[change] == EDIT_KEEP)
            change++;
        if (change == n)
            return;
        size_t from = change > at + CONTEXT ? change - CONTEXT : at, end = hunk_end(script, n, change);
        i += from - at;
        j += from - at;
        add_hunk(p, script + from, end - from, i, j, color, out);
        for (at = from; at < end; at++) {
            i += script[at] != EDIT_ADD;
            j += script[at] != EDIT_REMOVE;
        }
    }
}

void unified_diff(struct str name, struct str before, struct str after, bool color, struct buf *out)
{
    if (str_eq(before, after))
        return;
    struct pair p = {cut(before), cut(after)};
    AUTO_FREE enum edit *script = mem_alloc((p.before.n + p.after.n + 1) * sizeof *script);
    size_t n = lcs_edits(p.before.n, p.after.n, lines_equal, &p, script);
    for (int side = 0; side < 2; side++)
        text_addf(out, "%s%.*s\n", side ? "+++ " : "--- ", STR_ARG(name));
    add_hunks(&p, script, n, color, out);
    mem_free_ptr(&p.before.lines);
    mem_free_ptr(&p.after.lines);
}

/* Unchanged fields identify an item, so a short item is shown completely. */
static bool is_shown_whole(const struct value *item)
{
    bool whole = item->kind == VALUE_MAP && item->count <= ITEM_MAX;
    for (uint32_t i = 0; whole && i < item->count; i++)
        whole = !display_is_block(item->entries[i].value) ||
                display_inline_width(item->entries[i].value) <= INLINE_MAX;
    return whole;
}

static void change_item(struct pen *pen, struct value_display display, const struct value *before,
    const struct value *after, int indent)
{
    bool everything = pen->everything;
    pen->everything = everything || (before && after && is_shown_whole(before) && is_shown_whole(after));
    pen_change(pen, &(struct pen_entry){NULL, 0, indent, display, before, after});
    pen->everything = everything;
}

/* ---- sets ---- */

struct sides {
    const struct value **old, **new;
    int64_t *partners; /* for each old item the index of the equal or changed new item; -1: none */
    bool *taken;       /* for each new item: it has a partner */
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

/* Returns whether one map has all entries of the other, and more. */
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

/* Pairs equal items first, which are in the same order on both sides, then items that gained or lost
 * fields. */
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
    struct pen *pen, struct value_display display, const struct value *a, const struct value *b, int column)
{
    if (display.type)
        b = attr_without_nulls(pen->arena, display.type, b, false);
    struct sides s = {sorted_items(pen, a), sorted_items(pen, b),
        ARENA_ARRAY(pen->arena, int64_t, a->count + 1), ARENA_ARRAY(pen->arena, bool, b->count + 1), a->count,
        b->count};
    size_t unchanged = 0;
    struct value_display child = display_item(display);
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
    struct value_display display; /* for the items */
    const struct value *a, *b;
};

static bool items_equal(void *ctx, size_t i, size_t j)
{
    const struct lists *l = ctx;
    return display_same(l->display, l->a->items[i], l->b->items[j]);
}

/* Returns the similarity of two items: a changed item is shown beside the most similar one. */
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

/* Renders the items between two unchanged ones: each removed item is paired with the most similar added
 * one. */
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
            change_item(pen, l->display, NULL, l->b->items[j], indent);
        change_item(pen, l->display, l->a->items[i], at < new.to ? l->b->items[j++] : NULL, indent);
    }
    for (; j < new.to; j++)
        change_item(pen, l->display, NULL, l->b->items[j], indent);
}

void pen_change_list(
    struct pen *pen, struct value_display display, const struct value *a, const struct value *b, int column)
{
    struct lists lists = {display_item(display), a, b};
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
            pen_kept(pen, NULL, 0, lists.display, b->items[j], column + 2);
        else if (k < n)
            unchanged++;
        i++, j++;
        old = (struct range){i, i};
        new = (struct range){j, j};
    }
    pen_unchanged(pen, unchanged, column + 2);
}

/* ---- maps with secret values but open names: the changed names are shown ---- */

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
