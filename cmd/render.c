#include "cmd/render.h"

#include "base/json.h"
#include "base/mem.h"
#include "cmd/lcs.h"
#include "cmd/term.h"

#include <assert.h>
#include <ctype.h>
#include <inttypes.h>
#include <stdlib.h>

enum {
    INLINE_MAX = 72,    /* a list or map up to this width stays on its line */
    CHANGE_MAX = 100,   /* old and new value on one line up to this width */
    TEXT_MAX = 2000,    /* characters shown of a text without line ends */
    LINES_MAX = 40,     /* lines shown of a text with them */
    ENTRIES_MAX = 20,   /* entries shown of a map, or of its changes */
    CONTEXT_LINES = 2,  /* unchanged lines around changed ones */
    KEY_WIDTH_MAX = 32, /* longer names do not push the others' values to the right */
    STEP = 4,           /* columns from a block's sign to the signs inside */
};

/* `suffix` waits for the end of the first line. */
struct pen {
    struct buf *out;
    bool color, everything;
    const char *suffix;
    struct arena *arena; /* for JSON texts taken apart */
};

/* How a value is to be looked at: what its type says about it. */
struct look {
    const struct type *type;
    bool policy; /* inside an IAM policy: lists are sets, a list of one is its item */
    bool hidden;
};

static struct look look_item(struct look look)
{
    const struct type *t = look.type;
    bool policy = look.policy || (t && t->kind == TYPE_POLICY);
    return (struct look){.type = t ? t->elem : NULL, .policy = policy, .hidden = look.hidden};
}

static struct look look_entry(struct look look, struct str key)
{
    struct look child = look_item(look);
    const struct attr *field =
        look.type && look.type->kind == TYPE_OBJECT ? type_field(look.type, key) : NULL;
    if (field) {
        child.type = field->type;
        child.hidden |= field->sensitive || field->write_only;
    }
    return child;
}

static bool is_hidden(struct look look, const struct value *v)
{
    return look.hidden || (v && (v->marks & VALUE_SENSITIVE));
}

/* ---- lines ---- */

static void newline(struct pen *pen)
{
    if (pen->suffix) {
        buf_addz(pen->out, "  ");
        style_add(pen->out, pen->color, STYLE_RED, pen->suffix);
        pen->suffix = NULL;
    }
    buf_add_char(pen->out, '\n');
}

static void blanks(struct pen *pen, int n)
{
    static const char room[] = "                                                                ";
    for (; n > 0; n -= (int)sizeof room - 1)
        buf_add(pen->out, room, (size_t)(n < (int)sizeof room - 1 ? n : (int)sizeof room - 1));
}

static void sign(struct pen *pen, int indent, char c)
{
    char text[2] = {c, 0};
    blanks(pen, indent);
    style_add(pen->out, pen->color,
        c == '+'   ? STYLE_GREEN
        : c == '-' ? STYLE_RED
        : c == '~' ? STYLE_YELLOW
                   : STYLE_PLAIN,
        text);
    buf_add_char(pen->out, ' ');
}

static bool is_plain_key(struct str key)
{
    for (size_t i = 0; i < key.n; i++)
        if (!isalnum((unsigned char)key.p[i]) && !strchr("_-./:@", key.p[i]))
            return false;
    return key.n > 0;
}

static void add_key(struct pen *pen, struct str key)
{
    if (is_plain_key(key))
        buf_add_str(pen->out, key);
    else
        text_add_quoted(pen->out, key);
}

static int key_width(struct str key)
{
    return (int)str_code_points(key) + (is_plain_key(key) ? 0 : 2);
}

/* "name:   ", so that what follows lines up; width 0: nothing to line up with. */
static void name_column(struct pen *pen, struct str name, int width)
{
    add_key(pen, name);
    buf_addz(pen->out, ": ");
    blanks(pen, width - key_width(name));
}

static int cap_width(int width)
{
    return width > KEY_WIDTH_MAX ? KEY_WIDTH_MAX : width;
}

/* ---- values ---- */

static void add_note(struct pen *pen, const char *text)
{
    style_add(pen->out, pen->color, STYLE_DIM, text);
}

static void add_text(struct pen *pen, struct str text)
{
    size_t n = pen->everything || text.n <= TEXT_MAX ? text.n : str_utf8_prefix(str_slice(text, 0, TEXT_MAX));
    text_add_quoted(pen->out, str_slice(text, 0, n));
    if (n < text.n)
        buf_addf(pen->out, " (and %zu more bytes)", text.n - n);
}

static void add_scalar(struct pen *pen, const struct value *v)
{
    char number[32];
    switch ((enum value_kind)v->kind) {
    case VALUE_NULL: buf_addz(pen->out, "null"); break;
    case VALUE_BOOL: buf_addz(pen->out, v->boolean ? "true" : "false"); break;
    case VALUE_INT: buf_addf(pen->out, "%" PRId64, v->integer); break;
    case VALUE_FLOAT:
        snprintf(number, sizeof number, "%.15g", v->number);
        if (strtod(number, NULL) != v->number)
            snprintf(number, sizeof number, "%.17g", v->number);
        buf_addz(pen->out, number);
        break;
    case VALUE_STRING: add_text(pen, v->string); break;
    case VALUE_UNKNOWN: add_note(pen, "(known after apply)"); break;
    case VALUE_LIST:
    case VALUE_MAP: break;
    }
}

static bool is_block_kind(const struct value *v)
{
    return v && (v->kind == VALUE_LIST || v->kind == VALUE_MAP);
}

static void add_inline(struct pen *pen, struct look look, const struct value *v)
{
    if (is_hidden(look, v)) {
        add_note(pen, "(sensitive)");
        return;
    }
    if (!v)
        v = &value_null;
    if (!is_block_kind(v)) {
        add_scalar(pen, v);
        return;
    }
    bool map = v->kind == VALUE_MAP;
    buf_add_char(pen->out, map ? '{' : '[');
    for (uint32_t i = 0; i < v->count; i++) {
        if (i)
            buf_addz(pen->out, ", ");
        if (map)
            name_column(pen, v->entries[i].key, 0);
        struct look child = map ? look_entry(look, v->entries[i].key) : look_item(look);
        add_inline(pen, child, map ? v->entries[i].value : v->items[i]);
    }
    buf_add_char(pen->out, map ? '}' : ']');
}

static bool has_lines(struct str text)
{
    return str_find_char(text, '\n', 0) >= 0;
}

/* Columns that it takes on one line, or something larger than INLINE_MAX. */
static size_t inline_width(const struct value *v)
{
    size_t width = 2;
    if (!v)
        return 4;
    switch ((enum value_kind)v->kind) {
    case VALUE_STRING: return has_lines(v->string) ? INLINE_MAX + 1 : v->string.n + 2;
    case VALUE_UNKNOWN: return 19;
    case VALUE_LIST:
        for (uint32_t i = 0; i < v->count && width <= INLINE_MAX; i++)
            width += inline_width(v->items[i]) + 2;
        return width;
    case VALUE_MAP:
        for (uint32_t i = 0; i < v->count && width <= INLINE_MAX; i++)
            width += v->entries[i].key.n + 2 + inline_width(v->entries[i].value) + 2;
        return width;
    default: return 8;
    }
}

/* The lists and maps that a text of JSON stands for, or NULL. */
static const struct value *json_in_text(struct pen *pen, const struct value *v)
{
    const struct value *parsed = NULL;
    if (!v || v->kind != VALUE_STRING || v->string.n < 2 || (v->string.p[0] != '{' && v->string.p[0] != '['))
        return NULL;
    return json_parse(pen->arena, v->string, &parsed, NULL) == 0 && is_block_kind(parsed) ? parsed : NULL;
}

static void text_lines(struct pen *pen, int column, struct str text)
{
    size_t shown = 0, left = 0;
    struct str rest = text;
    buf_add_char(pen->out, '|');
    newline(pen);
    while (rest.n) {
        struct str line = str_cut(rest, '\n', &rest);
        if (!pen->everything && shown == LINES_MAX) {
            left++;
            continue;
        }
        shown++;
        blanks(pen, line.n ? column + STEP : 0);
        text_add_safe(pen->out, line, false);
        newline(pen);
    }
    if (left) {
        blanks(pen, column + STEP);
        style_on(pen->out, pen->color, STYLE_DIM);
        buf_addf(pen->out, "# %zu more lines", left);
        style_off(pen->out, pen->color, STYLE_DIM);
        newline(pen);
    }
}

static int widest_key(const struct value *map)
{
    int width = 0;
    for (uint32_t i = 0; map && map->kind == VALUE_MAP && i < map->count; i++) {
        int n = key_width(map->entries[i].key);
        width = n > width ? n : width;
    }
    return cap_width(width);
}

/* The rest of a line and, where it does not fit there, a block that closes in `column`. */
static void add_block(struct pen *pen, struct look look, const struct value *v, int column)
{
    const struct value *json;
    bool hidden = is_hidden(look, v);
    if (!hidden && v && v->kind == VALUE_STRING && inline_width(v) > INLINE_MAX &&
        (json = json_in_text(pen, v))) {
        add_note(pen, "JSON ");
        v = json;
    }
    if (!hidden && v && v->kind == VALUE_STRING && has_lines(v->string)) {
        text_lines(pen, column, v->string);
        return;
    }
    if (hidden || !is_block_kind(v) || inline_width(v) <= INLINE_MAX) {
        add_inline(pen, look, v);
        newline(pen);
        return;
    }
    bool map = v->kind == VALUE_MAP;
    int width = widest_key(v);
    buf_add_char(pen->out, map ? '{' : '[');
    newline(pen);
    uint32_t shown = map && !pen->everything && v->count > ENTRIES_MAX ? ENTRIES_MAX : v->count;
    for (uint32_t i = 0; i < shown; i++) {
        blanks(pen, column + STEP);
        if (map)
            name_column(pen, v->entries[i].key, width);
        struct look child = map ? look_entry(look, v->entries[i].key) : look_item(look);
        add_block(pen, child, map ? v->entries[i].value : v->items[i], column + STEP);
    }
    if (shown < v->count) {
        blanks(pen, column + STEP);
        style_on(pen->out, pen->color, STYLE_DIM);
        buf_addf(pen->out, "# %u more", v->count - shown);
        style_off(pen->out, pen->color, STYLE_DIM);
        newline(pen);
    }
    blanks(pen, column);
    buf_add_char(pen->out, map ? '}' : ']');
    newline(pen);
}

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
    sign(pen, e->indent, !e->before ? '+' : !e->after ? '-' : '~');
    if (e->name)
        name_column(pen, *e->name, e->width);
    if (e->before && e->after)
        change_rest(pen, e->look, e->before, e->after, e->indent + 2);
    else
        add_block(pen, e->look, e->before ? e->before : e->after, e->indent + 2);
}

static void unchanged_note(struct pen *pen, size_t n, int indent)
{
    if (!n)
        return;
    blanks(pen, indent + 2);
    style_on(pen->out, pen->color, STYLE_DIM);
    buf_addf(pen->out, "# %zu unchanged", n);
    style_off(pen->out, pen->color, STYLE_DIM);
    newline(pen);
}

static void kept_entry(
    struct pen *pen, const struct str *name, int width, struct look look, const struct value *v, int indent)
{
    sign(pen, indent, ' ');
    if (name)
        name_column(pen, *name, width);
    add_block(pen, look, v, indent + 2);
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
    if (!is_block_kind(a) || !is_block_kind(b) || a->kind != b->kind || a->count != b->count)
        return value_equal(a, b);
    for (uint32_t i = 0; i < a->count; i++) {
        const struct value *other = a->kind == VALUE_MAP ? value_get(b, a->entries[i].key) : NULL;
        if (a->kind == VALUE_LIST ? !policy_has(b, a->items[i])
                                  : !other || !policy_same(a->entries[i].value, other))
            return false;
    }
    return true;
}

static bool same(struct look look, const struct value *a, const struct value *b)
{
    return look.policy ? policy_same(a, b) : value_equal(a, b);
}

/* Items that have nothing inside to be compared. */
static bool is_scalar_list(const struct value *list)
{
    for (uint32_t i = 0; i < list->count; i++)
        if (is_block_kind(list->items[i]))
            return false;
    return true;
}

struct tally {
    size_t added, changed, removed, unchanged;
};

/* Where there are too many to show them all. */
static void tally_note(struct pen *pen, const struct tally *t, int indent)
{
    blanks(pen, indent + 2);
    style_on(pen->out, pen->color, STYLE_DIM);
    buf_addf(pen->out, "# and so on: %zu added, %zu changed, %zu removed, %zu unchanged", t->added,
        t->changed, t->removed, t->unchanged);
    style_off(pen->out, pen->color, STYLE_DIM);
    newline(pen);
}

static void change_map(
    struct pen *pen, struct look look, const struct value *a, const struct value *b, int column)
{
    int left = widest_key(a), right = widest_key(b), width = left > right ? left : right;
    struct tally t = {0};
    for (uint32_t i = 0, j = 0; i < a->count || j < b->count;) {
        int order = i == a->count ? 1 : j == b->count ? -1 : str_cmp(a->entries[i].key, b->entries[j].key);
        const struct value_entry *old = order <= 0 ? &a->entries[i++] : NULL;
        const struct value_entry *new = order >= 0 ? &b->entries[j++] : NULL;
        assert(old || new);
        const struct str *key = old ? &old->key : &new->key;
        struct look child = look_entry(look, *key);
        if (old && new &&same(child, old->value, new->value)) {
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

static int compare_items(const void *a, const void *b)
{
    return value_compare(*(const struct value *const *)a, *(const struct value *const *)b);
}

static const struct value **sorted_items(struct pen *pen, const struct value *list)
{
    const struct value **items = ARENA_ARRAY(pen->arena, const struct value *, list->count + 1);
    if (list->count)
        memcpy(items, list->items, list->count * sizeof *items);
    qsort(items, list->count, sizeof *items, compare_items);
    return items;
}

static void change_set(
    struct pen *pen, struct look look, const struct value *a, const struct value *b, int column)
{
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
    return same(l->look, l->a->items[i], l->b->items[j]);
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
    newline(pen);
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
        sign(pen, column + 2, script[k] == EDIT_REMOVE ? '-' : script[k] == EDIT_ADD ? '+' : ' ');
        text_add_safe(pen->out, line, false);
        newline(pen);
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
    if (is_block_kind(before) && inline_width(before) > INLINE_MAX)
        buf_addf(pen->out, "(%s of %u)", value_kind_name((enum value_kind)before->kind), before->count);
    else
        add_inline(pen, look, before);
    if (inline_width(before) + inline_width(after) > CHANGE_MAX && !is_block_kind(after)) {
        newline(pen);
        blanks(pen, column + 1);
    }
    add_arrow(pen);
    add_block(pen, look, after, column);
}

static bool is_text_with_lines(const struct value *v)
{
    return v->kind == VALUE_STRING && has_lines(v->string);
}

static const struct value *policy_list(struct pen *pen, const struct value *v)
{
    return v->kind == VALUE_STRING ? value_list(pen->arena, &v, 1) : v;
}

/* What follows "name: " when both sides are there. */
static void change_rest(
    struct pen *pen, struct look look, const struct value *before, const struct value *after, int column)
{
    if (is_hidden(look, before) || is_hidden(look, after)) {
        add_note(pen, "(sensitive)");
        add_arrow(pen);
        add_note(pen, after->kind == VALUE_UNKNOWN ? "(known after apply)" : "(sensitive)");
        newline(pen);
        return;
    }
    if (look.policy && before->kind != after->kind) { /* "a" and ["a", "b"] are both lists */
        before = policy_list(pen, before);
        after = policy_list(pen, after);
    }
    const struct value *old_json = json_in_text(pen, before), *new_json = json_in_text(pen, after);
    bool old_block = old_json || is_block_kind(before), new_block = new_json || is_block_kind(after);
    if (old_block && new_block) {
        if (old_json && new_json && !look.policy && (!look.type || look.type->kind == TYPE_STRING))
            add_note(pen, "JSON ");
        before = old_json ? old_json : before;
        after = new_json ? new_json : after;
    }
    if (before->kind == VALUE_MAP && after->kind == VALUE_MAP) {
        buf_add_char(pen->out, '{');
        newline(pen);
        change_map(pen, look, before, after, column);
        blanks(pen, column);
        buf_add_char(pen->out, '}');
        newline(pen);
    } else if (before->kind == VALUE_LIST && after->kind == VALUE_LIST) {
        buf_add_char(pen->out, '[');
        newline(pen);
        bool set = (look.type && look.type->kind == TYPE_SET) ||
                   (look.policy && is_scalar_list(before) && is_scalar_list(after));
        (set ? change_set : change_list)(pen, look, before, after, column);
        blanks(pen, column);
        buf_add_char(pen->out, ']');
        newline(pen);
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
    struct pen pen = {out, options->color, options->everything, c->suffix, &arena};
    change_entry(&pen, &(struct entry){&c->name, c->name_width, c->indent,
                           {.type = c->type, .hidden = c->hidden}, c->before, c->after});
}

void render_value(const struct value *v, int indent, const struct render_options *options, struct buf *out)
{
    AUTO_ARENA struct arena arena = ARENA_INIT;
    struct pen pen = {out, options->color, options->everything, NULL, &arena};
    add_block(&pen, (struct look){0}, v, indent);
}

void render_outputs(const struct value *outputs, const struct render_options *options, struct buf *out)
{
    AUTO_ARENA struct arena arena = ARENA_INIT;
    struct pen pen = {out, options->color, options->everything, NULL, &arena};
    int width = widest_key(outputs);
    for (uint32_t i = 0; outputs && i < outputs->count; i++) {
        name_column(&pen, outputs->entries[i].key, width);
        add_block(&pen, (struct look){0}, outputs->entries[i].value, 0);
    }
}
