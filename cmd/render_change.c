/* One change as people read it: the action, each attribute before and after, and why. */
#include "cmd/render_pen.h"

#include "base/mem.h"
#include "cmd/lcs.h"
#include "cmd/term.h"
#include "plan/state/state.h"

#include <assert.h>
#include <stdlib.h>

enum {
    CHANGE_MAX = 100,  /* old and new value on one line up to this width */
    CONTEXT_LINES = 2, /* unchanged lines around changed ones */
};

/* ---- differences ---- */

static void change_rest(
    struct pen *pen, struct look look, const struct value *before, const struct value *after, int column);

struct entry {
    const struct str *name; /* NULL: an item of a list */
    int width, indent;
    struct look look;
    const struct value *before, *after;
};

static void change_entry(struct pen *pen, const struct entry *e)
{
    pen_sign(pen, e->indent, !e->before ? '+' : !e->after ? '-' : '~');
    if (e->name)
        pen_name(pen, *e->name, e->width);
    if (e->before && e->after)
        change_rest(pen, e->look, e->before, e->after, e->indent + 2);
    else
        pen_block(pen, e->look, e->before ? e->before : e->after, e->indent + 2);
}

static void unchanged_note(struct pen *pen, size_t n, int indent)
{
    if (!n)
        return;
    pen_blanks(pen, indent + 2);
    style_on(pen->out, pen->color, STYLE_DIM);
    buf_addf(pen->out, "# %zu unchanged", n);
    style_off(pen->out, pen->color, STYLE_DIM);
    pen_newline(pen);
}

static void kept_entry(
    struct pen *pen, const struct str *name, int width, struct look look, const struct value *v, int indent)
{
    pen_sign(pen, indent, ' ');
    if (name)
        pen_name(pen, *name, width);
    pen_block(pen, look, v, indent + 2);
}

static const struct value *policy_item(const struct value *v)
{
    return v && v->kind == VALUE_LIST && v->count == 1 ? v->items[0] : v;
}

static bool policy_same(const struct value *a, const struct value *b);

static bool policy_has(const struct value *list, const struct value *item)
{
    for (uint32_t i = 0; i < list->count; i++)
        if (policy_same(list->items[i], item))
            return true;
    return false;
}

/* Parts of policies: lists are sets, and a list of one is its item. */
static bool policy_same(const struct value *a, const struct value *b)
{
    a = policy_item(a);
    b = policy_item(b);
    if (!look_is_block(a) || !look_is_block(b) || a->kind != b->kind || a->count != b->count)
        return value_equal(a, b);
    for (uint32_t i = 0; i < a->count; i++) {
        const struct value *other = a->kind == VALUE_MAP ? value_get(b, a->entries[i].key) : NULL;
        if (a->kind == VALUE_LIST ? !policy_has(b, a->items[i])
                                  : !other || !policy_same(a->entries[i].value, other))
            return false;
    }
    return true;
}

static bool render_change_same(struct look look, const struct value *a, const struct value *b)
{
    return look.policy ? policy_same(a, b) : value_equal(a, b);
}

/* Items that have nothing inside to be compared. */
static bool is_scalar_list(const struct value *list)
{
    for (uint32_t i = 0; i < list->count; i++)
        if (look_is_block(list->items[i]))
            return false;
    return true;
}

struct tally {
    size_t added, changed, removed, unchanged;
};

/* Where there are too many to show them all. */
static void tally_note(struct pen *pen, const struct tally *t, int indent)
{
    pen_blanks(pen, indent + 2);
    style_on(pen->out, pen->color, STYLE_DIM);
    buf_addf(pen->out, "# and so on: %zu added, %zu changed, %zu removed, %zu unchanged", t->added,
        t->changed, t->removed, t->unchanged);
    style_off(pen->out, pen->color, STYLE_DIM);
    pen_newline(pen);
}

/* Taken out of the file, and the service does not tell it. */
static void untold_entry(struct pen *pen, struct str key, int width, int indent)
{
    pen_sign(pen, indent, '-');
    pen_name(pen, key, width);
    pen_note(pen, "(kept as a hash)");
    pen_newline(pen);
}

static void change_map(
    struct pen *pen, struct look look, const struct value *a, const struct value *b, int column)
{
    int left = pen_widest_key(a), right = pen_widest_key(b), width = left > right ? left : right;
    struct tally t = {0};
    for (uint32_t i = 0, j = 0; i < a->count || j < b->count;) {
        int order = i == a->count ? 1 : j == b->count ? -1 : str_cmp(a->entries[i].key, b->entries[j].key);
        const struct value_entry *old = order <= 0 ? &a->entries[i++] : NULL;
        const struct value_entry *new = order >= 0 ? &b->entries[j++] : NULL;
        assert(old || new);
        const struct str *key = old ? &old->key : &new->key;
        if (look.type && look.type->kind == TYPE_OBJECT && new &&new->value->kind == VALUE_NULL) {
            if (!old)
                untold_entry(pen, *key, width, column + 2);
            t.removed += !old;
            new = NULL;
        }
        if (!old && !new)
            continue;
        struct look child = look_entry(look, *key);
        if (old && new &&render_change_same(child, old->value, new->value)) {
            t.unchanged++;
            if (pen->everything)
                kept_entry(pen, key, width, child, new->value, column + 2);
            continue;
        }
        *(!old ? &t.added : !new ? &t.removed : &t.changed) += 1;
        if (pen->everything || t.added + t.changed + t.removed <= ENTRIES_MAX)
            change_entry(pen, &(struct entry){key, width, column + 2, child, old ? old->value : NULL,
                                  new ? new->value : NULL});
    }
    if (!pen->everything && t.added + t.changed + t.removed > ENTRIES_MAX)
        tally_note(pen, &t, column + 2);
    else if (!pen->everything)
        unchanged_note(pen, t.unchanged, column + 2);
}

static const struct value **sorted_items(struct pen *pen, const struct value *list)
{
    const struct value **items = ARENA_ARRAY(pen->arena, const struct value *, list->count + 1);
    if (list->count)
        memcpy(items, list->items, list->count * sizeof *items);
    qsort(items, list->count, sizeof *items, value_order);
    return items;
}

static void change_set(
    struct pen *pen, struct look look, const struct value *a, const struct value *b, int column)
{
    if (look.type)
        b = attr_left(pen->arena, look.type, b, false);
    const struct value **old = sorted_items(pen, a), **new = sorted_items(pen, b);
    size_t unchanged = 0;
    struct look child = look_item(look);
    for (uint32_t i = 0, j = 0; i < a->count || j < b->count;) {
        int order = i == a->count ? 1 : j == b->count ? -1 : value_compare(old[i], new[j]);
        const struct value *before = order <= 0 ? old[i++] : NULL, *after = order >= 0 ? new[j++] : NULL;
        if (!before || !after)
            change_entry(pen, &(struct entry){NULL, 0, column + 2, child, before, after});
        else if (pen->everything)
            kept_entry(pen, NULL, 0, child, after, column + 2);
        else
            unchanged++;
    }
    unchanged_note(pen, unchanged, column + 2);
}

struct lists {
    struct look look; /* of the items */
    const struct value *a, *b;
};

static bool items_equal(void *ctx, size_t i, size_t j)
{
    const struct lists *l = ctx;
    return render_change_same(l->look, l->a->items[i], l->b->items[j]);
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
            change_entry(pen, &(struct entry){NULL, 0, indent, l->look, NULL, l->b->items[j]});
        change_entry(pen,
            &(struct entry){NULL, 0, indent, l->look, l->a->items[i], at < new.to ? l->b->items[j++] : NULL});
    }
    for (; j < new.to; j++)
        change_entry(pen, &(struct entry){NULL, 0, indent, l->look, NULL, l->b->items[j]});
}

static void change_list(
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
            kept_entry(pen, NULL, 0, lists.look, b->items[j], column + 2);
        else if (k < n)
            unchanged++;
        i++, j++;
        old = (struct range){i, i};
        new = (struct range){j, j};
    }
    unchanged_note(pen, unchanged, column + 2);
}

/* ---- texts of several lines ---- */

struct text_pair {
    struct str *a, *b;
};

static bool lines_equal(void *ctx, size_t i, size_t j)
{
    const struct text_pair *t = ctx;
    return str_eq(t->a[i], t->b[j]);
}

static struct str *split_lines(struct pen *pen, struct str text, size_t *n)
{
    size_t count = 1;
    for (size_t i = 0; i < text.n; i++)
        count += text.p[i] == '\n';
    struct str *lines = ARENA_ARRAY(pen->arena, struct str, count);
    *n = 0;
    for (struct str rest = text; rest.n;)
        lines[(*n)++] = str_cut(rest, '\n', &rest);
    return lines;
}

/* Is there a change within a few lines? */
static bool near_change(const enum edit *script, size_t n, size_t k)
{
    size_t from = k > CONTEXT_LINES ? k - CONTEXT_LINES : 0,
           to = k + CONTEXT_LINES < n ? k + CONTEXT_LINES : n - 1;
    for (size_t i = from; i <= to; i++)
        if (script[i] != EDIT_KEEP)
            return true;
    return false;
}

static void change_lines(struct pen *pen, struct str before, struct str after, int column)
{
    size_t n, m, i = 0, j = 0, hidden = 0;
    struct text_pair pair;
    pair.a = split_lines(pen, before, &n);
    pair.b = split_lines(pen, after, &m);
    AUTO_FREE enum edit *script = mem_alloc((n + m + 1) * sizeof *script);
    size_t count = lcs_edits(n, m, lines_equal, &pair, script);
    buf_add_char(pen->out, '|');
    pen_newline(pen);
    for (size_t k = 0; k < count; k++) {
        struct str line = script[k] == EDIT_REMOVE ? pair.a[i] : pair.b[j];
        i += script[k] != EDIT_ADD;
        j += script[k] != EDIT_REMOVE;
        if (!pen->everything && !near_change(script, count, k)) {
            hidden++;
            continue;
        }
        unchanged_note(pen, hidden, column + 2);
        hidden = 0;
        pen_sign(pen, column + 2, script[k] == EDIT_REMOVE ? '-' : script[k] == EDIT_ADD ? '+' : ' ');
        text_add_safe(pen->out, line, false);
        pen_newline(pen);
    }
    unchanged_note(pen, hidden, column + 2);
}

/* ---- one change ---- */

static void add_arrow(struct pen *pen)
{
    style_add(pen->out, pen->color, STYLE_DIM, " -> ");
}

static void change_scalars(
    struct pen *pen, struct look look, const struct value *before, const struct value *after, int column)
{
    if (look_is_block(before) && look_inline_width(before) > INLINE_MAX)
        buf_addf(pen->out, "(%s of %u)", value_kind_name((enum value_kind)before->kind), before->count);
    else
        pen_inline(pen, look, before);
    if (look_inline_width(before) + look_inline_width(after) > CHANGE_MAX && !look_is_block(after)) {
        pen_newline(pen);
        pen_blanks(pen, column + 1);
    }
    add_arrow(pen);
    pen_block(pen, look, after, column);
}

static bool is_text_with_lines(const struct value *v)
{
    return v->kind == VALUE_STRING && look_has_lines(v->string);
}

static const struct value *policy_list(struct pen *pen, const struct value *v)
{
    return v->kind == VALUE_STRING ? value_list(pen->arena, &v, 1) : v;
}

/* What follows "name: " when both sides are there. */
static void change_rest(
    struct pen *pen, struct look look, const struct value *before, const struct value *after, int column)
{
    if (state_is_hash(before) && !look_hides(look, after) && value_is_known(after)) {
        pen_note(pen, "(kept as a hash)"); /* it cannot be read back, which makes it no secret */
        add_arrow(pen);
        pen_block(pen, look, after, column);
        return;
    }
    if (look_hides(look, before) || look_hides(look, after)) {
        pen_note(pen, "(sensitive)");
        add_arrow(pen);
        pen_note(pen, after->kind == VALUE_UNKNOWN ? "(known after apply)" : "(sensitive)");
        pen_newline(pen);
        return;
    }
    if (look.policy && before->kind != after->kind) { /* "a" and ["a", "b"] are both lists */
        before = policy_list(pen, before);
        after = policy_list(pen, after);
    }
    const struct value *old_json = pen_json(pen, before), *new_json = pen_json(pen, after);
    bool old_block = old_json || look_is_block(before), new_block = new_json || look_is_block(after);
    if (old_block && new_block) {
        if (old_json && new_json && !look.policy && (!look.type || look.type->kind == TYPE_STRING))
            pen_note(pen, "JSON ");
        before = old_json ? old_json : before;
        after = new_json ? new_json : after;
    }
    if (before->kind == VALUE_MAP && after->kind == VALUE_MAP) {
        buf_add_char(pen->out, '{');
        pen_newline(pen);
        change_map(pen, look, before, after, column);
        pen_blanks(pen, column);
        buf_add_char(pen->out, '}');
        pen_newline(pen);
    } else if (before->kind == VALUE_LIST && after->kind == VALUE_LIST) {
        buf_add_char(pen->out, '[');
        pen_newline(pen);
        bool set = (look.type && look.type->kind == TYPE_SET) ||
                   (look.policy && is_scalar_list(before) && is_scalar_list(after));
        (set ? change_set : change_list)(pen, look, before, after, column);
        pen_blanks(pen, column);
        buf_add_char(pen->out, ']');
        pen_newline(pen);
    } else if (before->kind == VALUE_STRING && after->kind == VALUE_STRING &&
               (is_text_with_lines(before) || is_text_with_lines(after))) {
        change_lines(pen, before->string, after->string, column);
    } else {
        change_scalars(pen, look, before, after, column);
    }
}

void render_change(const struct render_change *c, const struct render_options *options, struct buf *out)
{
    AUTO_ARENA struct arena arena = ARENA_INIT;
    struct pen pen = pen_new(options, c->suffix, &arena, out);
    struct look look = {.type = c->type, .hidden = c->hidden};
    if (c->brief && !c->before) {
        pen_sign(&pen, c->indent, '+');
        pen_name(&pen, c->name, c->name_width);
        pen_brief(&pen, look, c->after);
        return;
    }
    change_entry(&pen, &(struct entry){&c->name, c->name_width, c->indent, look, c->before, c->after});
}
