/* CSV: see csv.h. */
#include "base/csv.h"

#include "base/buf.h"

/* Reads one field; *last: it is the last of its line. False: a quote is not closed. */
static bool csv_field(struct csv *csv, struct arena *arena, struct str *field, bool *last)
{
    struct str text = csv->text;
    AUTO_BUF struct buf out = BUF_INIT;
    if (csv->at < text.n && text.p[csv->at] == '"') {
        for (csv->at++;; csv->at++) {
            ptrdiff_t quote = str_find_char(text, '"', csv->at);
            if (quote < 0)
                return false;
            buf_add_str(&out, str_slice(text, csv->at, (size_t)quote));
            csv->at = (size_t)quote + 1;
            if (csv->at >= text.n || text.p[csv->at] != '"')
                break;
            buf_add_char(&out, '"');
        }
    }
    size_t start = csv->at;
    while (csv->at < text.n && text.p[csv->at] != csv->separator && text.p[csv->at] != '\n')
        csv->at++;
    size_t end = csv->at;
    *last = end >= text.n || text.p[end] == '\n';
    if (*last && end > start && text.p[end - 1] == '\r')
        end--;
    buf_add_str(&out, str_slice(text, start, end));
    *field = arena_str(arena, buf_str(&out));
    csv->at++;
    return true;
}

bool csv_row(struct csv *csv, struct arena *arena, struct value_builder *row)
{
    bool last = false;
    row->n = 0;
    while (!last) {
        struct str field;
        if (!csv_field(csv, arena, &field, &last))
            return false;
        value_builder_add(row, value_string_ref(arena, field));
    }
    return true;
}

bool csv_row_is_empty(const struct value_builder *row)
{
    return row->n == 1 && !row->entries[0].value->string.n;
}
