/*
 * Text with ${…} in it: a scalar's, or between double quotes, where there are escapes, too. What is literal
 * stays a slice of the text until it is joined.
 */
#include "stacks/expressions/expr_parser.h"

static void add_literal(struct parser *p, struct expr_list *parts, size_t from, size_t to)
{
    if (to > from)
        expr_list_add(p, parts, parser_literal(p, str_slice(p->lexer.text, from, to), from, to));
}

/* At "${": the expression in it; *at moves past its "}". */
static struct expr *parse_embedded(struct parser *p, size_t *at)
{
    size_t start = *at;
    p->lexer.at = start + 2;
    parser_advance(p);
    if (parser_at(p, '}'))
        return parser_fail(p, start, p->token.end, NULL, "an empty ${}");
    if (p->token.kind == TOKEN_END)
        return parser_fail(p, start, start + 2, "no \"}\" follows", "this expression has no end");
    struct expr *e = parser_inner(p);
    if (!e)
        return NULL;
    if (p->token.kind == TOKEN_END)
        return parser_fail(p, start, start + 2, "no \"}\" follows", "this expression has no end");
    if (!parser_at(p, '}'))
        return parser_fail_token(p, "an operator or \"}\"");
    *at = p->token.end;
    return e;
}

static size_t utf8_encode(uint32_t c, char out[4])
{
    if (c < 0x80)
        return out[0] = (char)c, 1;
    if (c < 0x800) {
        out[0] = (char)(0xc0 | c >> 6);
        out[1] = (char)(0x80 | (c & 0x3f));
        return 2;
    }
    if (c < 0x10000) {
        out[0] = (char)(0xe0 | c >> 12);
        out[1] = (char)(0x80 | (c >> 6 & 0x3f));
        out[2] = (char)(0x80 | (c & 0x3f));
        return 3;
    }
    out[0] = (char)(0xf0 | c >> 18);
    out[1] = (char)(0x80 | (c >> 12 & 0x3f));
    out[2] = (char)(0x80 | (c >> 6 & 0x3f));
    out[3] = (char)(0x80 | (c & 0x3f));
    return 4;
}

static bool hex4(struct str text, size_t at, uint32_t *out)
{
    *out = 0;
    for (size_t i = 0; i < 4; i++) {
        char c = at + i < text.n ? text.p[at + i] : ' ';
        unsigned digit = c >= '0' && c <= '9'   ? (unsigned)(c - '0')
                         : c >= 'a' && c <= 'f' ? (unsigned)(c - 'a' + 10)
                         : c >= 'A' && c <= 'F' ? (unsigned)(c - 'A' + 10)
                                                : 16;
        if (digit > 15)
            return false;
        *out = *out << 4 | digit;
    }
    return true;
}

/* \uXXXX, or two of them that make one character. */
static bool unicode_escape(struct parser *p, size_t *at, struct str *out)
{
    struct str text = p->lexer.text;
    size_t start = *at;
    uint32_t c, low;
    if (!hex4(text, start + 2, &c)) {
        parser_fail(p, start, start + 2, "four hexadecimal digits follow, as in \\u00e9", "a broken escape");
        return false;
    }
    *at = start + 6;
    bool high = c >= 0xd800 && c < 0xdc00;
    if (high && str_starts(str_slice(text, *at, text.n), STR("\\u")) && hex4(text, *at + 2, &low) &&
        low >= 0xdc00 && low < 0xe000) {
        c = 0x10000 + ((c - 0xd800) << 10) + (low - 0xdc00);
        *at += 6;
    } else if (c >= 0xd800 && c < 0xe000) {
        parser_fail(p, start, *at, NULL, "this escape is half a character");
        return false;
    }
    char bytes[4];
    *out = arena_str(p->arena, str_n(bytes, utf8_encode(c, bytes)));
    return true;
}

static bool parse_escape(struct parser *p, struct expr_list *parts, size_t *at)
{
    static const struct {
        char letter;
        struct str text;
    } escapes[] = {{'n', STR_INIT("\n")}, {'t', STR_INIT("\t")}, {'r', STR_INIT("\r")}, {'"', STR_INIT("\"")},
        {'\\', STR_INIT("\\")}};
    size_t start = *at;
    char letter = start + 1 < p->lexer.text.n ? p->lexer.text.p[start + 1] : '\0';
    struct str text = {NULL, 0};
    for (size_t i = 0; i < sizeof escapes / sizeof *escapes; i++)
        if (letter == escapes[i].letter)
            text = escapes[i].text;
    if (text.p) {
        *at += 2;
    } else if (letter == 'u') {
        if (!unicode_escape(p, at, &text))
            return false;
    } else {
        parser_fail(p, start, start + 2, "a backslash itself is \\\\", "an unknown escape");
        return false;
    }
    expr_list_add(p, parts, parser_literal(p, text, start, *at));
    return true;
}

/* Reads from *at to the end of the text, or past the closing quote. False after an error. */
static bool parse_parts(struct parser *p, bool quoted, size_t *at, struct expr_list *parts)
{
    struct str text = p->lexer.text;
    size_t start = *at, literal = *at;
    while (*at < text.n) {
        char c = text.p[*at];
        struct str rest = str_slice(text, *at, text.n);
        if (c == '$' && str_starts(rest, STR("$${"))) {
            add_literal(p, parts, literal, *at + 1);
            literal = *at + 2;
            *at += 3;
        } else if (c == '$' && str_starts(rest, STR("${"))) {
            add_literal(p, parts, literal, *at);
            struct expr *e = parse_embedded(p, at);
            if (!e)
                return false;
            expr_list_add(p, parts, e);
            literal = *at;
        } else if (quoted && c == '\\') {
            add_literal(p, parts, literal, *at);
            if (!parse_escape(p, parts, at))
                return false;
            literal = *at;
        } else if (quoted && c == '"') {
            add_literal(p, parts, literal, *at);
            ++*at;
            return true;
        } else {
            ++*at;
        }
    }
    add_literal(p, parts, literal, *at);
    if (quoted)
        parser_fail(p, start - 1, start, NULL, "the text that begins here has no closing \"");
    return !quoted;
}

static struct expr *join_parts(struct parser *p, const struct expr_list *parts, size_t start, size_t end)
{
    bool literal = true;
    for (size_t i = 0; i < parts->n; i++)
        literal = literal && expr_is_text(parts->items[i]);
    if (literal) {
        struct str *texts = ARENA_ARRAY(p->arena, struct str, parts->n + 1);
        for (size_t i = 0; i < parts->n; i++)
            texts[i] = parts->items[i]->constant.string;
        return parser_literal(p, arena_concat(p->arena, texts, parts->n), start, end);
    }
    struct expr *e = parser_expr(p, EXPR_TEMPLATE, start, end);
    e->parts = parts->items;
    e->count = (uint32_t)parts->n;
    for (size_t i = 0; i < parts->n; i++)
        if (!parser_adopt(p, e, parts->items[i]))
            return NULL;
    return e;
}

struct expr *parser_quoted(struct parser *p)
{
    size_t start = p->token.start, at = p->token.end;
    struct expr_list parts = {0};
    if (!parse_parts(p, true, &at, &parts))
        return NULL;
    struct expr *e = join_parts(p, &parts, start, at);
    p->lexer.at = at;
    parser_advance(p);
    return e;
}

void template_compile(struct arena *arena, const struct node *node, struct expr *out, struct diags *diags)
{
    struct parser p = {.arena = arena, .diags = diags, .node = node, .lexer = {.text = node->string}};
    struct expr_list parts = {0};
    size_t at = 0;
    struct expr *e = NULL;
    if (parse_parts(&p, false, &at, &parts))
        e = parts.n == 1 && !expr_is_text(parts.items[0]) ? parts.items[0] : join_parts(&p, &parts, 0, at);
    *out = e ? *e : (struct expr){.op = EXPR_BROKEN, .flags = EXPR_WHOLE_NODE, .node = node};
}
