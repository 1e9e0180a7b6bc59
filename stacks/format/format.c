/* Computes where each line moves: a libyaml token that begins a line gives its column. Strings and flow
 * collections claim their continuation lines. Comments are placed with the token after them. */
#include "stacks/format/format.h"

#include "base/mem.h"
#include "stacks/stack.h"

#include <assert.h>
#include <stdlib.h>
#include <yaml.h>

/* ---- a text as lines: cutting and writing ---- */

/* Returns the length of the line break at p (n bytes remain), or 0. The same breaks as libyaml's. */
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

static void format_lines_cut(struct format_lines *lines, struct str text)
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

/* Removes a byte order mark, which libyaml skips at the start of any line outside of strings. */
static struct str format_line_without_mark(struct str text)
{
    return str_starts(text, byte_order_mark) ? str_slice(text, byte_order_mark.n, text.n) : text;
}

static bool is_blank(char c)
{
    return c == ' ' || c == '\t';
}

/* Returns the number of spaces at the start of the text. */
static size_t format_line_spaces(struct str text)
{
    size_t n = 0;
    while (n < text.n && text.p[n] == ' ')
        n++;
    return n;
}

/* Returns the first offset from `from` on that is neither a space nor a tab. */
static size_t format_line_blanks(struct str text, size_t from)
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

/* Returns whether a line of a block scalar (| or >) with this indentation is empty. */
static bool format_line_is_empty(struct str text, int32_t indent)
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
    int32_t floor =
        n && l->floor < 1
            ? 1
            : l->floor; /* avoids the first column, where the line could become a document marker */
    if (n == l->text.n && l->kind != LINE_VERBATIM)
        return;
    if (l->kind != LINE_VERBATIM)
        column = column > floor ? column : floor;
    else if (format_line_is_empty(l->text, l->indent))
        column = 0;
    add_spaces(out, column);
    buf_add_str(out, str_slice(l->text, n, l->text.n));
}

/* Keeps blanks after a backslash. They matter only in double quotes, but the other cases are too rare to
 * distinguish. */
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

static void format_lines_write(const struct format_lines *lines, struct buf *out)
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
    /* the last line of a block scalar has no line end if the file has none */
    bool of_text = lines->n && lines->items[lines->n - 1].kind == LINE_VERBATIM;
    if (out->n > start && out->p[out->n - 1] != '\n' && !of_text)
        buf_add_char(out, '\n');
}

/* Appends the lines without trailing blanks and with at most one empty line in a row. */
static void format_lines_release(struct format_lines *lines)
{
    free(lines->items);
    *lines = (struct format_lines){0};
}

/* ---- compares two texts event by event: formatting must not change any YAML event ---- */

static bool same_text(const yaml_char_t *a, const yaml_char_t *b)
{
    return (!a || !b) ? a == b : !strcmp((const char *)a, (const char *)b);
}

static bool same_scalar(const yaml_event_t *a, const yaml_event_t *b)
{
    return str_eq(str_n((const char *)a->data.scalar.value, a->data.scalar.length),
               str_n((const char *)b->data.scalar.value, b->data.scalar.length)) &&
           a->data.scalar.style == b->data.scalar.style &&
           a->data.scalar.plain_implicit == b->data.scalar.plain_implicit &&
           a->data.scalar.quoted_implicit == b->data.scalar.quoted_implicit &&
           same_text(a->data.scalar.anchor, b->data.scalar.anchor) &&
           same_text(a->data.scalar.tag, b->data.scalar.tag);
}

static bool same_event(const yaml_event_t *a, const yaml_event_t *b)
{
    if (a->type != b->type)
        return false;
    switch (a->type) {
    case YAML_SCALAR_EVENT: return same_scalar(a, b);
    case YAML_ALIAS_EVENT: return same_text(a->data.alias.anchor, b->data.alias.anchor);
    case YAML_SEQUENCE_START_EVENT:
        return a->data.sequence_start.style == b->data.sequence_start.style &&
               same_text(a->data.sequence_start.anchor, b->data.sequence_start.anchor) &&
               same_text(a->data.sequence_start.tag, b->data.sequence_start.tag);
    case YAML_MAPPING_START_EVENT:
        return a->data.mapping_start.style == b->data.mapping_start.style &&
               same_text(a->data.mapping_start.anchor, b->data.mapping_start.anchor) &&
               same_text(a->data.mapping_start.tag, b->data.mapping_start.tag);
    case YAML_DOCUMENT_START_EVENT: return a->data.document_start.implicit == b->data.document_start.implicit;
    case YAML_DOCUMENT_END_EVENT: return a->data.document_end.implicit == b->data.document_end.implicit;
    default: return true;
    }
}

static void parser_start(yaml_parser_t *parser, struct str text)
{
    if (!yaml_parser_initialize(parser))
        mem_exhausted(); /* it fails only without memory */
    yaml_parser_set_encoding(parser, YAML_UTF8_ENCODING);
    yaml_parser_set_input_string(parser, (const unsigned char *)(text.n ? text.p : ""), text.n);
}

/* Compares the next events. *end: both streams are at their end. */
static bool same_next(yaml_parser_t *a, yaml_parser_t *b, bool *end)
{
    yaml_event_t x, y;
    if (!yaml_parser_parse(a, &x))
        return false;
    if (!yaml_parser_parse(b, &y)) {
        yaml_event_delete(&x);
        return false;
    }
    bool same = same_event(&x, &y);
    *end = x.type == YAML_STREAM_END_EVENT;
    yaml_event_delete(&x);
    yaml_event_delete(&y);
    return same;
}

bool format_same(struct str a, struct str b)
{
    yaml_parser_t before, after;
    bool end = false, same = true;
    parser_start(&before, a);
    parser_start(&after, b);
    while (same && !end)
        same = same_next(&before, &after, &end);
    yaml_parser_delete(&before);
    yaml_parser_delete(&after);
    return same;
}

enum { STEP = 2 };

/* An open block collection. */
struct level {
    int32_t was, now; /* its column before and after formatting */
    bool is_list;
    bool without_token; /* a list in the column of its key, for which libyaml has neither a start nor an end
                           token */
};

struct formatter {
    struct str text;
    struct format_lines lines;
    struct level levels[YAML_MAX_DEPTH + 2];
    size_t depth;
    size_t last_depth; /* depth at the last token: levels above `depth` have ended since */
    int flow_depth;
    size_t flow_line; /* first line of the outermost flow collection */
    size_t commented; /* lines before this one have been placed */
    size_t at_line;   /* the line of the last token that begins a line or follows an indicator … */
    int32_t shift;    /* … and how many columns it moves */
    int32_t now;
    bool after_indicator;
    int32_t root; /* column of the outermost collection */
};

/* Returns the column of the outermost collection: not 0 if a line would mean something else in the first
 * column. */
static int32_t root_column(const struct formatter *f)
{
    static const struct str special[] = {STR_INIT("---"), STR_INIT("..."), STR_INIT("\xef\xbb\xbf")};
    for (size_t i = 0; i < f->lines.n; i++) {
        struct str text = format_line_without_mark(f->lines.items[i].text);
        struct str rest = str_slice(text, format_line_spaces(text), text.n);
        for (size_t k = 0; rest.n < f->lines.items[i].text.n && k < sizeof special / sizeof *special; k++)
            if (str_starts(rest, special[k]))
                return STEP;
    }
    return 0;
}

/* ---- levels ---- */

static struct level *format_top(struct formatter *f)
{
    return f->depth ? &f->levels[f->depth - 1] : NULL;
}

static int32_t format_inside(struct formatter *f)
{
    return f->depth ? format_top(f)->now + STEP : f->root;
}

static void format_push(struct formatter *f, int32_t column, bool is_list, bool without_token)
{
    assert(f->depth < sizeof f->levels / sizeof *f->levels); /* base/yaml.c refuses deeper nesting */
    int32_t now = f->depth || column ? format_inside(f) : 0;
    f->levels[f->depth++] = (struct level){column, now, is_list, without_token};
}

static void end_list_without_token(struct formatter *f)
{
    if (f->depth && format_top(f)->without_token)
        f->depth--;
}

/* ---- comments ---- */

/*
 * A comment that is not indented further than the next token gets the same column. A deeper comment belongs
 * to the block that ends before the token: the innermost one that is not deeper than the comment.
 */
static int32_t comment_column(const struct formatter *f, int32_t was, int32_t next_was, int32_t next_now)
{
    if (was <= next_was)
        return next_now;
    for (size_t i = f->last_depth; i-- > 0;)
        if (f->levels[i].was <= was)
            return f->levels[i].now > next_now ? f->levels[i].now : next_now;
    return next_now;
}

static void place_comments(struct formatter *f, size_t line, int32_t next_was, int32_t next_now)
{
    for (; f->commented < line; f->commented++) {
        struct format_line *l = &f->lines.items[f->commented];
        struct str text = format_line_without_mark(l->text);
        size_t was = format_line_blanks(text, 0);
        if (l->kind != LINE_FREE || was == text.n)
            continue;
        l->kind = LINE_COMMENT;
        l->column = comment_column(f, (int32_t)was, next_was, next_now);
    }
}

/* ---- tokens of several lines ---- */

static void claim(struct formatter *f, size_t from, size_t to, enum format_line_kind kind, int32_t floor)
{
    for (size_t i = from; i < to && i < f->lines.n; i++) {
        struct format_line *l = &f->lines.items[i];
        l->kind = kind;
        l->shift = f->shift;
        l->floor = floor;
    }
}

static size_t byte_of_column(struct str text, size_t column)
{
    size_t i = 0;
    for (; column && i < text.n; column--)
        for (i++; i < text.n && ((unsigned char)text.p[i] & 0xc0) == 0x80;)
            i++;
    return i;
}

/* Returns the indentation of the block scalar in lines [from, to): the number in its header, or the column of
 * its first line. */
static int32_t verbatim_indent(struct formatter *f, int explicit_indent, size_t from, size_t to)
{
    int32_t parent = f->depth ? format_top(f)->was : -1, indent = parent + 1 > 1 ? parent + 1 : 1;
    if (explicit_indent)
        return (parent > 0 ? parent : 0) + explicit_indent;
    for (size_t i = from; i < to; i++) {
        struct str text = f->lines.items[i].text;
        size_t n = format_line_spaces(text);
        indent = (int32_t)n > indent ? (int32_t)n : indent;
        if (n < text.n)
            break;
    }
    return indent;
}

static void claim_verbatim(struct formatter *f, const yaml_token_t *token)
{
    struct format_line *first = &f->lines.items[token->start_mark.line];
    size_t at = byte_of_column(first->text, token->start_mark.column) + 1, from = token->start_mark.line + 1;
    size_t to = token->end_mark.line + (token->end_mark.column ? 1 : 0);
    to = to < f->lines.n ? to : f->lines.n;
    bool keep = false;
    int explicit_indent = 0;
    for (; at < first->text.n && strchr("+-123456789", first->text.p[at]); at++) {
        keep |= first->text.p[at] == '+';
        if (first->text.p[at] >= '1')
            explicit_indent = first->text.p[at] - '0';
    }
    int32_t indent = verbatim_indent(f, explicit_indent, from, to);
    while (!keep && to > from && format_line_is_empty(f->lines.items[to - 1].text, indent))
        to--; /* empty lines after the scalar do not belong to it */
    for (size_t i = from; i < to; i++) {
        struct format_line *l = &f->lines.items[i];
        l->kind = LINE_VERBATIM;
        l->shift = f->depth ? format_top(f)->now - format_top(f)->was : 0;
        l->indent = indent;
    }
}

static void claim_scalar(struct formatter *f, const yaml_token_t *token)
{
    yaml_scalar_style_t style = token->data.scalar.style;
    if (style == YAML_LITERAL_SCALAR_STYLE || style == YAML_FOLDED_SCALAR_STYLE) {
        claim_verbatim(f, token);
        return;
    }
    bool deeper = style == YAML_PLAIN_SCALAR_STYLE && !f->flow_depth && f->depth;
    claim(f, token->start_mark.line + 1, token->end_mark.line + 1, LINE_FOLDED,
        deeper ? format_top(f)->now + 1 : 0);
}

/* ---- tokens ---- */

static bool is_indicator(const yaml_token_t *token)
{
    return token->type == YAML_BLOCK_ENTRY_TOKEN ||
           ((token->type == YAML_KEY_TOKEN || token->type == YAML_VALUE_TOKEN) &&
               token->end_mark.index > token->start_mark.index);
}

static bool is_entry(const yaml_token_t *token)
{
    return token->type == YAML_BLOCK_ENTRY_TOKEN || token->type == YAML_KEY_TOKEN ||
           token->type == YAML_VALUE_TOKEN;
}

static bool is_of_document(const yaml_token_t *token)
{
    return token->type == YAML_DOCUMENT_START_TOKEN || token->type == YAML_DOCUMENT_END_TOKEN ||
           token->type == YAML_VERSION_DIRECTIVE_TOKEN || token->type == YAML_TAG_DIRECTIVE_TOKEN;
}

/* Sets the column of a token that begins a line or follows the indicator that does. */
static void place_token(struct formatter *f, const yaml_token_t *token)
{
    size_t line = token->start_mark.line;
    int32_t was = (int32_t)token->start_mark.column;
    assert(line < f->lines.n);
    bool first = f->lines.items[line].kind == LINE_FREE;
    if (!first && !(f->after_indicator && f->at_line == line))
        return;
    if (is_of_document(token) || (!was && !f->depth))
        f->now = 0;
    else if (!first)
        f->now += STEP;
    else
        f->now = is_entry(token) && f->depth ? format_top(f)->now : format_inside(f);
    if (first) {
        place_comments(f, line, was, f->now);
        f->commented = line + 1;
        f->lines.items[line].kind = LINE_TOKEN;
        f->lines.items[line].column = f->now;
    } else {
        f->lines.items[line].links++;
    }
    f->at_line = line;
    f->shift = f->now - was;
    f->after_indicator = is_indicator(token);
}

static void on_flow(struct formatter *f, const yaml_token_t *token)
{
    bool start =
        token->type == YAML_FLOW_SEQUENCE_START_TOKEN || token->type == YAML_FLOW_MAPPING_START_TOKEN;
    if (start && f->flow_depth++ == 0)
        f->flow_line = token->start_mark.line;
    if (start || --f->flow_depth)
        return;
    for (size_t i = f->flow_line + 1; i <= token->end_mark.line; i++)
        if (f->lines.items[i].kind == LINE_FREE)
            claim(f, i, i + 1, LINE_FLOW, 0);
    f->commented = token->end_mark.line + 1;
}

/* In block context: opens and ends levels. */
static void on_block(struct formatter *f, const yaml_token_t *token)
{
    int32_t column = (int32_t)token->start_mark.column;
    if (token->type == YAML_BLOCK_ENTRY_TOKEN) {
        if (f->depth && !format_top(f)->is_list)
            format_push(f, column, true, true);
    } else if (token->type == YAML_KEY_TOKEN || token->type == YAML_VALUE_TOKEN ||
               token->type == YAML_BLOCK_END_TOKEN) {
        end_list_without_token(f);
    }
    if (token->type == YAML_BLOCK_END_TOKEN && f->depth)
        f->depth--;
    if (token->type == YAML_BLOCK_MAPPING_START_TOKEN || token->type == YAML_BLOCK_SEQUENCE_START_TOKEN)
        format_push(f, column, token->type == YAML_BLOCK_SEQUENCE_START_TOKEN, false);
}

static void on_token(struct formatter *f, const yaml_token_t *token)
{
    switch (token->type) {
    case YAML_STREAM_START_TOKEN: return;
    case YAML_STREAM_END_TOKEN: place_comments(f, f->lines.n, -1, 0); return;
    case YAML_BLOCK_END_TOKEN:
    case YAML_BLOCK_MAPPING_START_TOKEN:
    case YAML_BLOCK_SEQUENCE_START_TOKEN: on_block(f, token); return;
    default: break;
    }
    if (!f->flow_depth) {
        on_block(f, token);
        place_token(f, token);
        f->last_depth = f->depth;
    }
    if (token->type == YAML_SCALAR_TOKEN)
        claim_scalar(f, token);
    else if (token->type >= YAML_FLOW_SEQUENCE_START_TOKEN && token->type <= YAML_FLOW_MAPPING_END_TOKEN)
        on_flow(f, token);
}

static void read_tokens(struct formatter *f)
{
    yaml_parser_t parser;
    if (!yaml_parser_initialize(&parser))
        mem_exhausted(); /* it fails only without memory */
    yaml_parser_set_encoding(&parser, YAML_UTF8_ENCODING);
    yaml_parser_set_input_string(&parser, (const unsigned char *)f->text.p, f->text.n);
    for (bool end = false; !end;) {
        yaml_token_t token;
        if (!yaml_parser_scan(&parser, &token))
            break; /* cannot happen: the text has been parsed before; a missing part would fail the comparison
                    */
        on_token(f, &token);
        end = token.type == YAML_STREAM_END_TOKEN;
        yaml_token_delete(&token);
    }
    yaml_parser_delete(&parser);
}

/* ---- whole texts ---- */

static bool is_yaml(const struct source *source, struct diags *diags)
{
    AUTO_ARENA struct arena arena = ARENA_INIT;
    size_t errors = diags->errors;
    return stack_yaml_parse(&arena, source, diags) && diags->errors == errors;
}

int format_text(const struct source *source, struct diags *diags, struct buf *out, struct err *err)
{
    if (!is_yaml(source, diags))
        return -1;
    struct formatter f = {.text = format_line_without_mark(source->text)};
    size_t start = out->n;
    format_lines_cut(&f.lines, f.text);
    f.root = root_column(&f);
    read_tokens(&f);
    format_lines_write(&f.lines, out);
    format_lines_release(&f.lines);
    if (format_same(f.text, str_slice(buf_str(out), start, out->n)))
        return 0;
    err_set(err, ERR_FAILED, "%.*s would not mean the same in the canonical format, so it is left as it is",
        STR_ARG(source->path));
    return err_hint(err, "this is a mistake in weir, not in the file: please report it with the file");
}
