/* A text cut into lines, and written again with each line where it goes: see format.h. */
#include "stacks/format/format.h"

#include "base/mem.h"

#include <stdlib.h>

/* Length of the line end at p, which has n bytes; 0: none. What libyaml takes for one. */
static size_t break_length(const char *p, size_t n)
{
    if (*p == '\n')
        return 1;
    if (*p == '\r')
        return n > 1 && p[1] == '\n' ? 2 : 1;
    if (n > 1 && !memcmp(p, "\xc2\x85", 2))
        return 2;
    return n > 2 && (!memcmp(p, "\xe2\x80\xa8", 3) || !memcmp(p, "\xe2\x80\xa9", 3)) ? 3 : 0;
}

static void add_line(struct format_lines *lines, struct str text, struct str end)
{
    MEM_GROW(lines->items, lines->cap, lines->n + 1);
    lines->items[lines->n++] =
        (struct format_line){.text = text, .end = end.n == 3 || !end.n ? end : STR("\n")};
}

void format_lines_cut(struct format_lines *lines, struct str text)
{
    size_t start = 0;
    for (size_t i = 0; i < text.n;) {
        size_t n = break_length(text.p + i, text.n - i);
        if (n) {
            add_line(lines, str_slice(text, start, i), str_slice(text, i, i + n));
            start = i + n;
        }
        i += n ? n : 1;
    }
    if (start < text.n)
        add_line(lines, str_slice(text, start, text.n), STR_EMPTY);
}

static const struct str byte_order_mark = STR_INIT("\xef\xbb\xbf");

struct str format_line_without_mark(struct str text)
{
    return str_starts(text, byte_order_mark) ? str_slice(text, byte_order_mark.n, text.n) : text;
}

static bool is_blank(char c)
{
    return c == ' ' || c == '\t';
}

size_t format_line_spaces(struct str text)
{
    size_t n = 0;
    while (n < text.n && text.p[n] == ' ')
        n++;
    return n;
}

size_t format_line_blanks(struct str text, size_t from)
{
    while (from < text.n && is_blank(text.p[from]))
        from++;
    return from;
}

static struct str without_trailing_blanks(struct str text)
{
    while (text.n && is_blank(text.p[text.n - 1]))
        text.n--;
    return text;
}

bool format_line_is_empty(struct str text, int32_t indent)
{
    size_t n = format_line_spaces(text);
    return n == text.n && (int32_t)n <= indent;
}

/* ---- writing ---- */

static void add_spaces(struct buf *out, int32_t n)
{
    buf_addf(out, "%*s", (int)n, "");
}

static void write_token_line(const struct format_line *l, struct buf *out)
{
    size_t at = format_line_blanks(l->text, 0);
    add_spaces(out, l->column);
    for (uint32_t i = 0; i < l->links; i++) {
        buf_add_char(out, l->text.p[at]);
        buf_add_char(out, ' ');
        at = format_line_blanks(l->text, at + 1);
    }
    buf_add_str(out, str_slice(l->text, at, l->text.n));
}

static void write_shifted_line(const struct format_line *l, struct buf *out)
{
    size_t n = format_line_spaces(l->text);
    int32_t column = (int32_t)n + l->shift;
    int32_t floor = n && l->floor < 1 ? 1 : l->floor; /* no document's mark comes to be */
    if (n == l->text.n && l->kind != LINE_VERBATIM)
        return;
    if (l->kind != LINE_VERBATIM)
        column = column > floor ? column : floor;
    else if (format_line_is_empty(l->text, l->indent))
        column = 0;
    add_spaces(out, column);
    buf_add_str(out, str_slice(l->text, n, l->text.n));
}

/* A backslash makes a blank after it count; only double quotes have that, but it is not worth knowing. */
static void cut_trailing_blanks(struct buf *out, size_t from)
{
    size_t n = without_trailing_blanks(str_slice(buf_str(out), from, out->n)).n;
    if (n && out->p[from + n - 1] == '\\')
        return;
    out->n = from + n;
    out->p[out->n] = '\0';
}

static void write_line(const struct format_line *l, struct buf *out)
{
    size_t from = out->n;
    if (l->kind == LINE_TOKEN) {
        write_token_line(l, out);
    } else if (l->kind == LINE_COMMENT) {
        add_spaces(out, l->column);
        buf_add_str(out, str_slice(l->text, format_line_blanks(l->text, 0), l->text.n));
    } else {
        write_shifted_line(l, out);
    }
    if (l->kind != LINE_VERBATIM && out->n > from)
        cut_trailing_blanks(out, from);
    buf_add_str(out, l->end);
}

void format_lines_write(const struct format_lines *lines, struct buf *out)
{
    bool gap = false;
    size_t start = out->n;
    for (size_t i = 0; i < lines->n; i++) {
        struct format_line *l = &lines->items[i];
        bool of_text = l->kind == LINE_FOLDED || l->kind == LINE_VERBATIM;
        if (!of_text && str_starts(l->text, byte_order_mark)) {
            l->text = format_line_without_mark(l->text);
            l->floor = 1;
        }
        if (!of_text && format_line_blanks(l->text, 0) == l->text.n) {
            gap = true;
            continue;
        }
        if (gap && out->n > start)
            buf_add_char(out, '\n');
        gap = false;
        write_line(l, out);
    }
    /* the last line of a text after | or > has no line end where the file has none */
    bool of_text = lines->n && lines->items[lines->n - 1].kind == LINE_VERBATIM;
    if (out->n > start && out->p[out->n - 1] != '\n' && !of_text)
        buf_add_char(out, '\n');
}

void format_lines_release(struct format_lines *lines)
{
    free(lines->items);
    *lines = (struct format_lines){0};
}
