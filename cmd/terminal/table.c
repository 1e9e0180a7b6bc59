/* Tables for people (columns aligned) and for programs (CSV, quoted as RFC 4180 has it): see table.h. */
#include "cmd/terminal/table.h"

#include "base/mask.h"
#include "base/mem.h"
#include "base/terminal_cells.h"

enum { CELL_MAX = 120 };

/* As it is shown: on one line, not endless. */
static void cell_text(const struct value *v, struct buf *out)
{
    AUTO_ARENA struct arena arena = ARENA_INIT;
    struct str text = value_is_null(v) ? STR("-") : value_scalar_text(&arena, v);
    AUTO_BUF struct buf shown = BUF_INIT; /* before it is cut: half a secret would not be known any more */
    mask_text(&shown, text);
    text = str_n(shown.p ? shown.p : "", shown.n);
    size_t n = cells_prefix(text, CELL_MAX);
    text_add_safe(out, str_n(text.p, n), false);
    if (n < text.n)
        buf_addz(out, "...");
}

static void add_row(const struct value *row, const size_t *widths, size_t count, struct buf *out)
{
    size_t start = out->n;
    for (size_t i = 0; i < count; i++) {
        AUTO_BUF struct buf cell = BUF_INIT;
        cell_text(i < row->count ? row->items[i] : NULL, &cell);
        buf_add_str(out, buf_str(&cell));
        size_t width = cells_width(buf_str(&cell));
        for (size_t pad = i + 1 < count && width < widths[i] ? widths[i] - width + 2
                          : i + 1 < count                    ? 2
                                                             : 0;
             pad; pad--)
            buf_add_char(out, ' ');
    }
    while (out->n > start && out->p[out->n - 1] == ' ')
        out->n--;
    buf_add_char(out, '\n');
}

static void table_measure(const struct value *row, size_t *widths, size_t count)
{
    for (size_t i = 0; i < count && i < row->count; i++) {
        AUTO_BUF struct buf cell = BUF_INIT;
        cell_text(row->items[i], &cell);
        size_t width = cells_width(buf_str(&cell));
        widths[i] = width > widths[i] ? width : widths[i];
    }
}

void table_add_text(const struct value *columns, const struct value *rows, bool color, struct buf *out)
{
    size_t count = columns->count;
    AUTO_FREE size_t *widths = mem_zalloc((count + 1) * sizeof *widths);
    table_measure(columns, widths, count);
    for (uint32_t i = 0; i < rows->count; i++)
        table_measure(rows->items[i], widths, count);
    style_on(out, color, STYLE_BOLD);
    add_row(columns, widths, count, out);
    style_off(out, color, STYLE_BOLD);
    for (uint32_t i = 0; i < rows->count; i++)
        add_row(rows->items[i], widths, count, out);
}

/* Without what steers a terminal, but for tabs and the ends of lines, which are data. */
static struct str harmless(struct arena *arena, struct str text)
{
    AUTO_BUF struct buf safe = BUF_INIT;
    for (size_t at = 0; at < text.n;) {
        size_t end = at;
        while (end < text.n && !strchr("\t\r\n", text.p[end] ? text.p[end] : ' '))
            end++;
        text_add_safe(&safe, str_slice(text, at, end), false);
        if (end < text.n)
            buf_add_char(&safe, text.p[end]);
        at = end + 1;
    }
    return arena_str(arena, buf_str(&safe));
}

static void add_field(const struct value *v, bool raw, struct buf *out)
{
    AUTO_ARENA struct arena arena = ARENA_INIT;
    struct str text = value_is_null(v) ? STR_EMPTY : value_scalar_text(&arena, v);
    if (!raw)
        text = harmless(&arena, text);
    bool quoted = value_is_null(v) ? false : !text.n; /* an empty text is not the same as none */
    for (size_t i = 0; i < text.n; i++)
        quoted = quoted || strchr(",\"\r\n", text.p[i]);
    if (!quoted) {
        buf_add_str(out, text);
        return;
    }
    buf_add_char(out, '"');
    for (size_t i = 0; i < text.n; i++) {
        if (text.p[i] == '"')
            buf_add_char(out, '"');
        buf_add_char(out, text.p[i]);
    }
    buf_add_char(out, '"');
}

static void add_record(const struct value *row, bool raw, struct buf *out)
{
    for (uint32_t i = 0; i < row->count; i++) {
        if (i)
            buf_add_char(out, ',');
        add_field(row->items[i], raw, out);
    }
    buf_add_char(out, '\n');
}

void table_add_csv(const struct value *columns, const struct value *rows, bool raw, struct buf *out)
{
    add_record(columns, raw, out);
    for (uint32_t i = 0; i < rows->count; i++)
        add_record(rows->items[i], raw, out);
}
