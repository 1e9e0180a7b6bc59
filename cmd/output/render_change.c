/* Renders a change: the action, each attribute before and after, and the reason. */
#include "cmd/output/render.h"

#include "base/mem.h"
#include "cmd/terminal/term.h"

#include <assert.h>

enum {
    CHANGE_MAX = 100,  /* maximum width of old and new value on one line */
    CONTEXT_LINES = 2, /* unchanged lines around changed ones */
};

/* ---- differences ---- */

static void change_rest(struct pen *pen, struct value_display display, const struct value *before,
    const struct value *after, int column);

void pen_change(struct pen *pen, const struct pen_entry *e)
{
    pen_sign(pen, e->indent, !e->before ? '+' : !e->after ? '-' : '~');
    if (e->name)
        pen_name(pen, *e->name, e->width);
    if (e->before && e->after)
        change_rest(pen, e->display, e->before, e->after, e->indent + 2);
    else
        pen_block(pen, e->display, e->before ? e->before : e->after, e->indent + 2);
}

void pen_unchanged(struct pen *pen, size_t n, int indent)
{
    if (!n)
        return;
    pen_blanks(pen, indent + 2);
    style_addf(pen->out, pen->color, STYLE_DIM, "# %zu unchanged", n);
    pen_newline(pen);
}

void pen_kept(struct pen *pen, const struct str *name, int width, struct value_display display,
    const struct value *v, int indent)
{
    pen_sign(pen, indent, ' ');
    if (name)
        pen_name(pen, *name, width);
    pen_block(pen, display, v, indent + 2);
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

/* Compares parts of policies: lists are sets, and a list of one item equals the item. */
static bool policy_same(const struct value *a, const struct value *b)
{
    a = policy_item(a);
    b = policy_item(b);
    if (!display_is_block(a) || !display_is_block(b) || a->kind != b->kind || a->count != b->count)
        return value_equal(a, b);
    for (uint32_t i = 0; i < a->count; i++) {
        const struct value *other = a->kind == VALUE_MAP ? value_get(b, a->entries[i].key) : NULL;
        if (a->kind == VALUE_LIST ? !policy_has(b, a->items[i])
                                  : !other || !policy_same(a->entries[i].value, other))
            return false;
    }
    return true;
}

bool display_same(struct value_display display, const struct value *a, const struct value *b)
{
    const struct attr attr = {.type = display.type};
    if (display.policy || !display.type)
        return display.policy ? policy_same(a, b) : value_equal(a, b);
    return value_equal(a, b) || (attr_equal(&attr, a, b) && attr_equal(&attr, b, a));
}

/* Returns whether no item is a list or map. */
static bool is_scalar_list(const struct value *list)
{
    for (uint32_t i = 0; i < list->count; i++)
        if (display_is_block(list->items[i]))
            return false;
    return true;
}

struct tally {
    size_t added, changed, removed, unchanged;
};

/* Writes the counts if there are too many entries to show. */
static void tally_note(struct pen *pen, const struct tally *t, int indent)
{
    pen_blanks(pen, indent + 2);
    style_addf(pen->out, pen->color, STYLE_DIM,
        "# and so on: %zu added, %zu changed, %zu removed, %zu unchanged", t->added, t->changed, t->removed,
        t->unchanged);
    pen_newline(pen);
}

/* Writes an entry that was removed from the configuration and that the service does not report. */
static void unreported_entry(struct pen *pen, struct str key, int width, int indent)
{
    pen_sign(pen, indent, '-');
    pen_name(pen, key, width);
    pen_note(pen, "(kept as a hash)");
    pen_newline(pen);
}

/* Returns the remark for a field that is no longer configured. */
static const char *taken_out(const struct type *type, struct str key)
{
    const struct attr *field = type_field(type, key);
    return field && field->default_value ? "# back to the default"
                                         : "# back to what the service has by itself";
}

static void change_map(
    struct pen *pen, struct value_display display, const struct value *a, const struct value *b, int column)
{
    int left = pen_widest_key(a), right = pen_widest_key(b), width = left > right ? left : right;
    struct tally t = {0};
    for (uint32_t i = 0, j = 0; i < a->count || j < b->count;) {
        int order = i == a->count ? 1 : j == b->count ? -1 : str_cmp(a->entries[i].key, b->entries[j].key);
        const struct value_entry *old = order <= 0 ? &a->entries[i++] : NULL;
        const struct value_entry *new = order >= 0 ? &b->entries[j++] : NULL;
        assert(old || new);
        const struct str *key = old ? &old->key : &new->key;
        const char *becomes = NULL;
        if (display.type && display.type->kind == TYPE_OBJECT && new &&new->value->kind == VALUE_NULL) {
            if (!old)
                unreported_entry(pen, *key, width, column + 2);
            t.removed += !old;
            becomes = taken_out(display.type, *key);
            new = NULL;
        }
        if (!old && !new)
            continue;
        struct value_display child = display_entry(display, *key);
        if (old && new &&display_same(child, old->value, new->value)) {
            t.unchanged++;
            if (pen->everything)
                pen_kept(pen, key, width, child, new->value, column + 2);
            continue;
        }
        *(!old ? &t.added : !new ? &t.removed : &t.changed) += 1;
        if (!pen->everything && t.added + t.changed + t.removed > ENTRIES_MAX)
            continue;
        pen->suffix = becomes;
        pen_change(pen, &(struct pen_entry){
                            key, width, column + 2, child, old ? old->value : NULL, new ? new->value : NULL});
    }
    if (!pen->everything && t.added + t.changed + t.removed > ENTRIES_MAX)
        tally_note(pen, &t, column + 2);
    else if (!pen->everything)
        pen_unchanged(pen, t.unchanged, column + 2);
}

/* ---- strings of several lines ---- */

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

/* Returns whether a line near line k changed. */
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
        pen_unchanged(pen, hidden, column + 2);
        hidden = 0;
        pen_sign(pen, column + 2, script[k] == EDIT_REMOVE ? '-' : script[k] == EDIT_ADD ? '+' : ' ');
        text_add_safe(pen->out, line, false);
        pen_newline(pen);
    }
    pen_unchanged(pen, hidden, column + 2);
}

/* ---- one change ---- */

static void add_arrow(struct pen *pen)
{
    style_add(pen->out, pen->color, STYLE_DIM, " -> ");
}

static void change_scalars(struct pen *pen, struct value_display display, const struct value *before,
    const struct value *after, int column)
{
    if (display_is_block(before) && display_inline_width(before) > INLINE_MAX)
        buf_addf(pen->out, "(%s of %u)", value_kind_name((enum value_kind)before->kind), before->count);
    else
        pen_inline(pen, display, before);
    if (display_inline_width(before) + display_inline_width(after) > CHANGE_MAX && !display_is_block(after)) {
        pen_newline(pen);
        pen_blanks(pen, column + 1);
    }
    add_arrow(pen);
    pen_block(pen, display, after, column);
}

static bool is_text_with_lines(const struct value *v)
{
    return v->kind == VALUE_STRING && display_has_lines(v->string);
}

static const struct value *policy_list(struct pen *pen, const struct value *v)
{
    return v->kind == VALUE_STRING ? value_list(pen->arena, &v, 1) : v;
}

/* Writes the rest of the line after "name: " if both values exist. */
static void change_rest(struct pen *pen, struct value_display display, const struct value *before,
    const struct value *after, int column)
{
    if (state_is_hash(before) && !display_hides(display, after) && value_is_known(after)) {
        pen_note(pen, "(kept as a hash)"); /* only its hash is recorded, since the service does not report it;
                                              it is not a secret */
        add_arrow(pen);
        pen_block(pen, display, after, column);
        return;
    }
    if (display_hides(display, before) || display_hides(display, after)) {
        pen_note(pen, "(sensitive)");
        add_arrow(pen);
        pen_note(pen, after->kind == VALUE_UNKNOWN ? "(known after apply)" : "(sensitive)");
        pen_newline(pen);
        return;
    }
    if (display.policy && before->kind != after->kind) { /* "a" and ["a", "b"] are both compared as lists */
        before = policy_list(pen, before);
        after = policy_list(pen, after);
    }
    const struct value *old_json = pen_json(pen, before), *new_json = pen_json(pen, after);
    bool old_block = old_json || display_is_block(before), new_block = new_json || display_is_block(after);
    if (old_block && new_block) {
        if (old_json && new_json && !display.policy && (!display.type || display.type->kind == TYPE_STRING))
            pen_note(pen, "JSON ");
        before = old_json ? old_json : before;
        after = new_json ? new_json : after;
    }
    if (before->kind == VALUE_MAP && after->kind == VALUE_MAP) {
        buf_add_char(pen->out, '{');
        pen_newline(pen);
        change_map(pen, display, before, after, column);
        pen_blanks(pen, column);
        buf_add_char(pen->out, '}');
        pen_newline(pen);
    } else if (before->kind == VALUE_LIST && after->kind == VALUE_LIST) {
        buf_add_char(pen->out, '[');
        pen_newline(pen);
        bool set = (display.type && display.type->kind == TYPE_SET) ||
                   (display.policy && is_scalar_list(before) && is_scalar_list(after));
        (set ? pen_change_set : pen_change_list)(pen, display, before, after, column);
        pen_blanks(pen, column);
        buf_add_char(pen->out, ']');
        pen_newline(pen);
    } else if (before->kind == VALUE_STRING && after->kind == VALUE_STRING &&
               (is_text_with_lines(before) || is_text_with_lines(after))) {
        change_lines(pen, before->string, after->string, column);
    } else {
        change_scalars(pen, display, before, after, column);
    }
}

void render_change(const struct render_change *c, const struct render_options *options, struct buf *out)
{
    AUTO_ARENA struct arena arena = ARENA_INIT;
    struct pen pen = pen_new(options, c->suffix, &arena, out);
    struct value_display display = {.type = c->type, .hidden = c->hidden};
    if (c->brief && !c->before) {
        pen_sign(&pen, c->indent, '+');
        pen_name(&pen, c->name, c->name_width);
        pen_brief(&pen, display, c->after);
        return;
    }
    pen_change(&pen, &(struct pen_entry){&c->name, c->name_width, c->indent, display, c->before, c->after});
}
