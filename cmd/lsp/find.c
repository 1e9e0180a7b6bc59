/* Where a name is declared, and where it is used. */
#include "cmd/lsp/server.h"

/* ---- definition ---- */

/* The attribute's own key, where the file gives it; the resource's otherwise. */
static const struct entry *best_entry(const struct target *target)
{
    const struct outline *o = &target->spot.file->outline;
    int found = target->attribute.n ? outline_find(o, target->spot.entry, target->attribute) : OUTLINE_NONE;
    return &o->items[found == OUTLINE_NONE ? target->spot.entry : found];
}

/* `each` leads to the for_each that it comes from. */
static bool find_each(const struct cursor *cursor, size_t *from, size_t *to)
{
    const struct outline *o = &cursor->file->outline;
    if (cursor->word == WORD_NONE)
        return false;
    const struct word *first = &cursor->words.items[words_first(&cursor->words, cursor->word)];
    if (first->kind != WORD_NAME || !str_eqz(first->text, "each"))
        return false;
    for (int e = cursor->entry; e != OUTLINE_NONE; e = o->items[e].parent) {
        int each = outline_find(o, e, STR("for_each"));
        if (each == OUTLINE_NONE)
            continue;
        *from = o->items[each].key_at;
        *to = o->items[each].key_end;
        return true;
    }
    return false;
}

int lsp_definition(struct lsp *lsp, struct arena *arena, const struct value *params, struct buf *result,
    struct err *err UNUSED)
{
    struct cursor cursor;
    struct target target;
    size_t from, to;
    if (!cursor_at(lsp, arena, params, &cursor))
        return 0;
    if (find_each(&cursor, &from, &to)) {
        add_location(lsp, arena, result, cursor.file, from, to);
    } else if (cursor_target(&cursor, &target) && target.path.n) {
        struct file file = {.path = target.path, .outline = {.text = STR_EMPTY}};
        add_location(lsp, arena, result, &file, 0, 0);
    } else if (target.spot.file && !target.sketch->builtin) {
        const struct entry *e = best_entry(&target);
        add_location(lsp, arena, result, target.spot.file, e->key_at, e->key_end);
    }
    return 0;
}

/* ---- references ---- */

struct listing {
    struct lsp *lsp;
    struct arena *arena;
    struct buf *out;
    struct spot wanted;
};

static void list_place(struct listing *listing, const struct file *file, size_t from, size_t to)
{
    if (listing->out->n > 1)
        buf_add_char(listing->out, ',');
    add_location(listing->lsp, listing->arena, listing->out, file, from, to);
}

static void list_use(void *ctx, const struct file *file, struct target target)
{
    struct listing *listing = ctx;
    bool same = target.spot.file && str_eq(target.spot.file->path, listing->wanted.file->path) &&
                target.spot.entry == listing->wanted.entry;
    if (same)
        list_place(listing, file, target.from, target.to);
}

int lsp_references(struct lsp *lsp, struct arena *arena, const struct value *params, struct buf *result,
    struct err *err UNUSED)
{
    struct cursor cursor;
    struct target target;
    if (!cursor_at(lsp, arena, params, &cursor) || !cursor_target(&cursor, &target) || !target.spot.file)
        return 0;
    struct listing listing = {.lsp = lsp, .arena = arena, .out = result, .wanted = target.spot};
    const struct entry *e = &target.spot.file->outline.items[target.spot.entry];
    buf_add_char(result, '[');
    if (value_getb(value_getz(params, "context"), "includeDeclaration") && !target.sketch->builtin)
        list_place(&listing, target.spot.file, e->key_at, e->key_end);
    uses_everywhere(target.sketch, list_use, &listing);
    buf_add_char(result, ']');
    return 0;
}
