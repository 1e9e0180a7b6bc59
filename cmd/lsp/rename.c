/*
 * Renaming: a new name wherever the old one is used, and for what has a place in the state `moved:`, so that
 * it stays as it is. Whatever is renamed back to what it was called takes that entry away again.
 */
#include "cmd/lsp/server.h"

#include "base/json.h"
#include "base/map.h"

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

/* The same place is met twice where a file belongs to two modules. */
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

/* The item that says from where the new name came; OUTLINE_NONE: none does. */
static int item_from(const struct spot *moved, struct str name)
{
    const struct outline *o = &moved->file->outline;
    int item = moved->entry == OUTLINE_NONE ? OUTLINE_NONE : outline_next(o, moved->entry, OUTLINE_NONE);
    while (item != OUTLINE_NONE && !str_eq(outline_value(o, outline_find(o, item, STR("from"))), name))
        item = outline_next(o, moved->entry, item);
    return item;
}

/* The whole lines of one item of a block, or of the section where it is the only one. */
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

/* ---- may it be called so? ---- */

static int check_name(const struct renaming *r, struct err *err)
{
    if (!stack_is_name(r->name) || (r->target.kind == NAME_THING && stack_is_reserved(r->name)))
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

/* ---- answers ---- */

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
        return err_set(err, ERR_INVALID, "what is here cannot be renamed");
    const struct entry *e = &r.target.spot.file->outline.items[r.target.spot.entry];
    r.old = e->key;
    if (str_eq(r.old, r.name))
        return 0;
    bool kept = r.target.kind == NAME_THING && !str_eqz(r.target.spot.section, "data");
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
    position_add_range(result, cursor.file->outline.text, lsp->documents.unit, target.from, target.to);
    buf_addz(result, ",\"placeholder\":");
    json_write_string(result, spot_name(target.spot));
    buf_add_char(result, '}');
    return 0;
}
