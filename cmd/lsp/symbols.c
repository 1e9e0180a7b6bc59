/* What is in a file, and the file in the usual layout. */
#include "cmd/lsp/server.h"

#include "base/json.h"
#include "stacks/format/format.h"

/* As the protocol numbers them. */
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
    position_add_range(s->out, text, s->lsp->documents.unit, e->key_at, outline_end(s->outline, entry));
    buf_addz(s->out, ",\"selectionRange\":");
    AUTO_BUF struct buf range = BUF_INIT;
    position_add_range(&range, text, s->lsp->documents.unit, e->key_at, e->key_end);
    buf_add_str(s->out, str_slice(buf_str(&range), strlen("\"range\":"), range.n));
}

static enum symbol_kind kind_in(struct str section)
{
    return str_eqz(section, "modules")                                 ? SYMBOL_MODULE
           : str_eqz(section, "resources") || str_eqz(section, "data") ? SYMBOL_OBJECT
                                                                       : SYMBOL_VARIABLE;
}

static void add_section(struct symbols *s, int section)
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
            add_section(&symbols, e);
    buf_add_char(result, ']');
    return 0;
}

/* ---- the usual layout ---- */

/* What is the same at both ends stays, so that an editor's cursors and marks do. */
static void add_difference(struct lsp *lsp, struct buf *out, struct str old, struct str now)
{
    size_t from = 0, end = 0, least = old.n < now.n ? old.n : now.n;
    if (str_find_char(old, '\r', 0) >= 0) { /* within a line end of two bytes there is no place */
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
