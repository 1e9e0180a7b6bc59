/*
 * Renames a name at all its uses and adds `moved:` for recorded resources; renaming back removes that entry.
 * Also the symbols of a file, and formatting.
 */
#include "base/json.h"
#include "cmd/lsp/server.h"
#include "stacks/format/format.h"

/* ---- symbols and formatting of a file ---- */

/* Numbers of the protocol. */
enum symbol_kind {
    SYMBOL_MODULE = 2,
    SYMBOL_NAMESPACE = 3,
    SYMBOL_PROPERTY = 7,
    SYMBOL_VARIABLE = 13,
    SYMBOL_OBJECT = 19
};

struct symbols {
    struct lsp *lsp;
    const struct outline *outline;
    struct buf *out;
};

static void add_symbol(struct symbols *s, int entry, enum symbol_kind kind, struct str detail)
{
    const struct entry *e = &s->outline->items[entry];
    struct str text = s->outline->text;
    if (s->out->p[s->out->n - 1] == '}')
        buf_add_char(s->out, ',');
    buf_addz(s->out, "{\"name\":");
    json_write_string(s->out, e->key.n ? e->key : STR("-"));
    if (detail.n) {
        buf_addz(s->out, ",\"detail\":");
        json_write_string(s->out, detail);
    }
    buf_addf(s->out, ",\"kind\":%d,", kind);
    position_add_range(s->out, &s->lsp->documents.positions, text, e->key_at, outline_end(s->outline, entry));
    buf_addz(s->out, ",\"selectionRange\":");
    AUTO_BUF struct buf range = BUF_INIT;
    position_add_range(&range, &s->lsp->documents.positions, text, e->key_at, e->key_end);
    buf_add_str(s->out, str_slice(buf_str(&range), strlen("\"range\":"), range.n));
}

static enum symbol_kind kind_in(struct str section)
{
    return str_eqz(section, "modules")                                 ? SYMBOL_MODULE
           : str_eqz(section, "resources") || str_eqz(section, "data") ? SYMBOL_OBJECT
                                                                       : SYMBOL_VARIABLE;
}

static void symbols_add_section(struct symbols *s, int section)
{
    const struct outline *o = s->outline;
    enum name_kind kind;
    bool named = name_kind_of(o->items[section].key, &kind);
    add_symbol(s, section, named ? SYMBOL_NAMESPACE : SYMBOL_PROPERTY, STR_EMPTY);
    buf_addz(s->out, ",\"children\":[");
    for (int e = named ? outline_next(o, section, OUTLINE_NONE) : OUTLINE_NONE; e != OUTLINE_NONE;
         e = outline_next(o, section, e)) {
        struct str type = outline_value(o, outline_find(o, e, STR("type")));
        struct str source = outline_value(o, outline_find(o, e, STR("source")));
        add_symbol(s, e, kind_in(o->items[section].key), type.n ? type : source);
        buf_add_char(s->out, '}');
    }
    buf_addz(s->out, "]}");
}

int lsp_symbols(struct lsp *lsp, struct arena *arena, const struct value *params, struct buf *result,
    struct err *err UNUSED)
{
    struct cursor cursor;
    if (!cursor_in(lsp, arena, params, &cursor))
        return 0;
    const struct outline *o = &cursor.file->outline;
    struct symbols symbols = {.lsp = lsp, .outline = o, .out = result};
    buf_add_char(result, '[');
    for (int e = outline_next(o, OUTLINE_NONE, OUTLINE_NONE); e != OUTLINE_NONE;
         e = outline_next(o, OUTLINE_NONE, e))
        if (!o->items[e].item)
            symbols_add_section(&symbols, e);
    buf_add_char(result, ']');
    return 0;
}

/* ---- the canonical format ---- */

/* Adds an edit of the part that differs, so that the editor keeps cursors and marks outside of it. */
static void add_difference(struct lsp *lsp, struct buf *out, struct str old, struct str now)
{
    size_t from = 0, end = 0, least = old.n < now.n ? old.n : now.n;
    if (str_find_char(old, '\r', 0) >= 0) { /* a position cannot be within a CRLF */
        add_edit(lsp, out, old, 0, old.n, now);
        return;
    }
    while (from < least && old.p[from] == now.p[from])
        from++;
    from = position_line_start(old, from);
    while (end < least - from && old.p[old.n - end - 1] == now.p[now.n - end - 1])
        end++;
    while (end && old.p[old.n - end] != '\n')
        end--;
    if (from == old.n && from == now.n)
        return;
    add_edit(lsp, out, old, from, old.n - end, str_slice(now, from, now.n - end));
}

int lsp_format(
    struct lsp *lsp, struct arena *arena, const struct value *params, struct buf *result, struct err *err)
{
    struct cursor cursor;
    if (!cursor_in(lsp, arena, params, &cursor))
        return 0;
    struct source source = {.path = cursor.file->path, .text = cursor.file->outline.text};
    AUTO_DIAGS struct diags diags = DIAGS_INIT;
    AUTO_BUF struct buf out = BUF_INIT;
    if (format_text(&source, &diags, &out, err))
        return diags.n ? err_set(err, ERR_INVALID, "line %u: %.*s", diags.items[0].span.line,
                             STR_ARG(diags.items[0].message))
                       : -1;
    buf_add_char(result, '[');
    add_difference(lsp, result, source.text, buf_str(&out));
    buf_add_char(result, ']');
    return 0;
}

struct edit {
    const struct file *file;
    size_t from, to;
    struct str text;
};

struct renaming {
    struct lsp *lsp;
    struct arena *arena;
    struct target target;
    struct str old, name;
    struct edit *edits;
    size_t count, cap;
};

/* A file that belongs to two modules is visited twice. */
static void add_change(struct renaming *r, const struct file *file, size_t from, size_t to, struct str text)
{
    for (size_t i = 0; i < r->count; i++)
        if (str_eq(r->edits[i].file->path, file->path) && from < r->edits[i].to && r->edits[i].from < to)
            return;
    ARENA_GROW(r->arena, r->edits, r->count, r->cap);
    r->edits[r->count++] = (struct edit){file, from, to, text};
}

static void change_use(void *ctx, const struct file *file, struct target target)
{
    struct renaming *r = ctx;
    if (target.spot.file && str_eq(target.spot.file->path, r->target.spot.file->path) &&
        target.spot.entry == r->target.spot.entry)
        add_change(r, file, target.from, target.to, r->name);
}

/* ---- moved ---- */

static struct spot moved_in(struct renaming *r)
{
    struct spot spot = {.file = r->target.spot.file, .entry = OUTLINE_NONE, .section = STR("moved")};
    const struct sketch *sketch = r->target.sketch;
    for (size_t i = 0; i < sketch->count && spot.entry == OUTLINE_NONE; i++) {
        int found = outline_find(&sketch->files[i].outline, OUTLINE_NONE, spot.section);
        if (found != OUTLINE_NONE)
            spot = (struct spot){&sketch->files[i], found, spot.section};
    }
    return spot;
}

/* Returns the item with this `from`, or OUTLINE_NONE. */
static int item_from(const struct spot *moved, struct str name)
{
    const struct outline *o = &moved->file->outline;
    int item = moved->entry == OUTLINE_NONE ? OUTLINE_NONE : outline_next(o, moved->entry, OUTLINE_NONE);
    while (item != OUTLINE_NONE && !str_eq(outline_value(o, outline_find(o, item, STR("from"))), name))
        item = outline_next(o, moved->entry, item);
    return item;
}

/* Removes the whole lines of a list item, or of the section if the item is its only one. */
static void take_item(struct renaming *r, const struct spot *moved, int item)
{
    const struct outline *o = &moved->file->outline;
    int first = outline_next(o, moved->entry, OUTLINE_NONE);
    bool only = first == item && outline_next(o, moved->entry, item) == OUTLINE_NONE;
    int taken = only ? moved->entry : item;
    if (!only && o->items[item].flow) {
        int next = outline_next(o, moved->entry, item);
        size_t from = o->items[item].key_at, to = o->items[item].value_end;
        if (next != OUTLINE_NONE)
            to = o->items[next].key_at;
        else
            while (from && o->text.p[from] != ',')
                from--;
        add_change(r, moved->file, from, to, STR_EMPTY);
        return;
    }
    size_t from = position_line_start(o->text, o->items[taken].key_at);
    size_t to = position_line_end(
        o->text, only && o->items[taken].opens ? o->items[taken].value_end : outline_end(o, taken));
    while (to < o->text.n && (o->text.p[to] == '\r' || o->text.p[to] == '\n'))
        if (o->text.p[to++] == '\n')
            break;
    add_change(r, moved->file, from, to, STR_EMPTY);
}

static void add_section(struct renaming *r, const struct file *file, struct str item)
{
    struct str text = file->outline.text;
    const char *before = !text.n ? "" : text.p[text.n - 1] == '\n' ? "\n" : "\n\n";
    add_change(
        r, file, text.n, text.n, arena_printf(r->arena, "%smoved:\n  - %.*s\n", before, STR_ARG(item)));
}

static void add_item(struct renaming *r, const struct spot *moved, struct str item)
{
    const struct outline *o = &moved->file->outline;
    const struct entry *section = &o->items[moved->entry];
    int first = outline_next(o, moved->entry, OUTLINE_NONE);
    if (section->opens == '[') {
        size_t at = section->value_end - 1;
        add_change(r, moved->file, at, at,
            arena_printf(r->arena, "%s%.*s", first == OUTLINE_NONE ? "" : ", ", STR_ARG(item)));
        return;
    }
    size_t at = position_line_end(o->text, outline_end(o, moved->entry));
    int column = first == OUTLINE_NONE ? 2 : (int)o->items[first].column;
    add_change(r, moved->file, at, at, arena_printf(r->arena, "\n%*s- %.*s", column, "", STR_ARG(item)));
}

static int write_moved(struct renaming *r, struct err *err)
{
    struct spot moved = moved_in(r);
    struct str item = arena_printf(r->arena, "{from: %.*s, to: %.*s}", STR_ARG(r->old), STR_ARG(r->name));
    int back = item_from(&moved, r->name);
    if (back != OUTLINE_NONE) {
        const struct outline *o = &moved.file->outline;
        struct str to = outline_value(o, outline_find(o, back, STR("to")));
        if (!str_eq(to, r->old))
            return err_set(err, ERR_INVALID,
                "\"%.*s\" was something else's name: `moved` says it is \"%.*s\" now", STR_ARG(r->name),
                STR_ARG(to));
        take_item(r, &moved, back);
    } else if (moved.entry == OUTLINE_NONE) {
        add_section(r, moved.file, item);
    } else {
        add_item(r, &moved, item);
    }
    return 0;
}

/* ---- checking the new name ---- */

static int check_name(const struct renaming *r, struct err *err)
{
    if (!stack_is_name(r->name) || (r->target.kind == NAME_RESOURCE && stack_is_reserved(r->name)))
        return err_set(err, ERR_INVALID,
            "\"%.*s\" is not a name: letters, digits, _ and -, beginning with a letter, and no word of the "
            "language",
            STR_ARG(r->name));
    if (sketch_find(r->target.sketch, r->target.kind, r->name).file)
        return err_set(err, ERR_INVALID, "the name \"%.*s\" is taken", STR_ARG(r->name));
    return 0;
}

static bool may_rename(const struct cursor *cursor, struct target *target)
{
    if (!cursor_target(cursor, target) || !target->spot.file || target->attribute.n ||
        target->sketch->foreign)
        return false;
    return target->kind != NAME_PROVIDER && target->kind != NAME_CONNECTION;
}

/* ---- responses ---- */

static void add_edits(struct renaming *r, struct buf *result)
{
    AUTO_MAP struct map done = MAP_INIT;
    buf_addz(result, "{\"changes\":{");
    for (size_t i = 0; i < r->count; i++) {
        const struct file *file = r->edits[i].file;
        if (map_set(&done, file->path, r))
            continue;
        if (i)
            buf_add_char(result, ',');
        json_write_string(result, documents_uri(&r->lsp->documents, r->arena, file->path));
        buf_addz(result, ":[");
        for (size_t k = i; k < r->count; k++) {
            if (!str_eq(r->edits[k].file->path, file->path))
                continue;
            if (k > i)
                buf_add_char(result, ',');
            add_edit(r->lsp, result, file->outline.text, r->edits[k].from, r->edits[k].to, r->edits[k].text);
        }
        buf_add_char(result, ']');
    }
    buf_addz(result, "}}");
}

int lsp_rename(
    struct lsp *lsp, struct arena *arena, const struct value *params, struct buf *result, struct err *err)
{
    struct cursor cursor;
    struct renaming r = {.lsp = lsp, .arena = arena, .name = value_gets(params, "newName")};
    if (!cursor_at(lsp, arena, params, &cursor) || !may_rename(&cursor, &r.target))
        return err_set(err, ERR_INVALID, "nothing here can be renamed");
    const struct entry *e = &r.target.spot.file->outline.items[r.target.spot.entry];
    r.old = e->key;
    if (str_eq(r.old, r.name))
        return 0;
    bool kept = r.target.kind == NAME_RESOURCE && !str_eqz(r.target.spot.section, "data");
    if (check_name(&r, err) || (kept && write_moved(&r, err)))
        return -1;
    add_change(&r, r.target.spot.file, e->key_at, e->key_end, r.name);
    uses_everywhere(r.target.sketch, change_use, &r);
    add_edits(&r, result);
    return 0;
}

int lsp_prepare_rename(struct lsp *lsp, struct arena *arena, const struct value *params, struct buf *result,
    struct err *err UNUSED)
{
    struct cursor cursor;
    struct target target;
    if (!cursor_at(lsp, arena, params, &cursor) || !may_rename(&cursor, &target))
        return 0;
    buf_add_char(result, '{');
    position_add_range(result, &lsp->documents.positions, cursor.file->outline.text, target.from, target.to);
    buf_addz(result, ",\"placeholder\":");
    json_write_string(result, spot_name(target.spot));
    buf_add_char(result, '}');
    return 0;
}
