/* Tokens, the state of the parser and the functions that its files share (see expr_internal.h), and strings
 * with ${…}. */
#include "stacks/expressions/expr_internal.h"

#include <ctype.h>
#include <math.h>

/* ---- Tokens of the expression language ---- */

static char peek(const struct lexer *lexer, size_t ahead)
{
    size_t at = lexer->at + ahead;
    return at < lexer->text.n ? lexer->text.p[at] : '\0';
}

static bool name_char(char c)
{
    return isalnum((unsigned char)c) || c == '_';
}

static struct token bad(struct lexer *lexer, size_t start, const char *problem, const char *label)
{
    lexer->problem = problem;
    lexer->label = label;
    return (struct token){.kind = TOKEN_BAD, .start = start, .end = lexer->at};
}

/* A hyphen belongs to a name if a letter or digit follows, since resources may be called `my-lake`. */
static struct token lex_name(struct lexer *lexer)
{
    size_t start = lexer->at;
    while (name_char(peek(lexer, 0)) || (peek(lexer, 0) == '-' && name_char(peek(lexer, 1))))
        lexer->at++;
    return (struct token){.kind = TOKEN_NAME, .start = start, .end = lexer->at};
}

static void skip_digits(struct lexer *lexer)
{
    while (isdigit((unsigned char)peek(lexer, 0)))
        lexer->at++;
}

static struct token lex_number(struct lexer *lexer)
{
    size_t start = lexer->at;
    bool integer = true;
    skip_digits(lexer);
    if (peek(lexer, 0) == '.' && isdigit((unsigned char)peek(lexer, 1))) {
        integer = false;
        lexer->at++;
        skip_digits(lexer);
    }
    char exponent = peek(lexer, 0), sign = peek(lexer, 1);
    size_t digits = sign == '+' || sign == '-' ? 2 : 1;
    if ((exponent == 'e' || exponent == 'E') && isdigit((unsigned char)peek(lexer, digits))) {
        integer = false;
        lexer->at += digits;
        skip_digits(lexer);
    }
    if (name_char(peek(lexer, 0))) {
        while (name_char(peek(lexer, 0)))
            lexer->at++;
        return bad(lexer, start, "not a number", "a name does not begin with a digit");
    }
    struct token token = {.kind = integer ? TOKEN_INT : TOKEN_FLOAT, .start = start, .end = lexer->at};
    struct str text = str_slice(lexer->text, start, lexer->at);
    if (integer ? !str_to_int(text, &token.integer) : !str_to_double(text, &token.number))
        return bad(lexer, start, "the number is too large", NULL);
    if (!integer && !isfinite(token.number))
        return bad(lexer, start, "the number is too large", NULL);
    return token;
}

static struct token lex_text(struct lexer *lexer)
{
    size_t start = lexer->at;
    ptrdiff_t end = str_find_char(lexer->text, '\'', start + 1);
    lexer->at = end < 0 ? lexer->text.n : (size_t)end + 1;
    if (end < 0)
        return bad(lexer, start, "the text that begins here has no closing '", NULL);
    return (struct token){.kind = TOKEN_TEXT, .start = start, .end = lexer->at};
}

static struct token lex_sign(struct lexer *lexer)
{
    static const struct {
        char text[3];
        int sign;
    } pairs[] = {{"||", SIGN_OR}, {"&&", SIGN_AND}, {"==", SIGN_EQUAL}, {"!=", SIGN_NOT_EQUAL},
        {"<=", SIGN_LESS_EQUAL}, {">=", SIGN_GREATER_EQUAL}, {"=>", SIGN_ARROW}};
    size_t start = lexer->at;
    char c = peek(lexer, 0);
    for (size_t i = 0; i < sizeof pairs / sizeof *pairs; i++) {
        if (c == pairs[i].text[0] && peek(lexer, 1) == pairs[i].text[1]) {
            lexer->at += 2;
            return (struct token){
                .kind = TOKEN_SIGN, .sign = pairs[i].sign, .start = start, .end = lexer->at};
        }
    }
    lexer->at++;
    if (strchr("?:+-*/%!.,()[]{}<>", c))
        return (struct token){.kind = TOKEN_SIGN, .sign = c, .start = start, .end = lexer->at};
    if (c == '=')
        return bad(lexer, start, "unexpected \"=\"", "did you mean \"==\"?");
    if (c == '&')
        return bad(lexer, start, "unexpected \"&\"", "did you mean \"&&\"?");
    if (c == '|')
        return bad(lexer, start, "unexpected \"|\"", "did you mean \"||\"?");
    if (c == '$')
        return bad(lexer, start, "unexpected \"$\"", "names inside ${ } stand alone");
    while (((unsigned char)peek(lexer, 0) & 0xc0) == 0x80)
        lexer->at++;
    return bad(lexer, start, "this character has no meaning here", NULL);
}

struct token lexer_next(struct lexer *lexer)
{
    while (lexer->at < lexer->text.n && isspace((unsigned char)peek(lexer, 0)))
        lexer->at++;
    size_t start = lexer->at;
    if (start >= lexer->text.n)
        return (struct token){.kind = TOKEN_END, .start = start, .end = start};
    char c = peek(lexer, 0);
    if (isdigit((unsigned char)c))
        return lex_number(lexer);
    if (name_char(c))
        return lex_name(lexer);
    if (c == '\'')
        return lex_text(lexer);
    if (c == '"') {
        lexer->at++;
        return (struct token){.kind = TOKEN_QUOTE, .start = start, .end = start + 1};
    }
    return lex_sign(lexer);
}

/* ---- errors: the first one ends parsing of the scalar ---- */

struct span parser_place(const struct parser *p, size_t start, size_t end)
{
    struct expr here = {
        .node = p->node, .offset = (uint32_t)start, .length = (uint32_t)(end > start ? end - start : 0)};
    if (start >= p->node->string.n && start > 0) { /* at the end of the text: use the last character */
        here.offset = (uint32_t)p->node->string.n - 1;
        here.length = 1;
    }
    return expr_span(&here);
}

struct expr *parser_fail(
    struct parser *p, size_t start, size_t end, const char *label, const char *format, ...)
{
    AUTO_ARENA struct arena scratch = ARENA_INIT;
    va_list args;
    va_start(args, format);
    struct str message = arena_vprintf(&scratch, format, args);
    va_end(args);
    struct diag *d = diag_error(p->diags, parser_place(p, start, end), "%s", message.p);
    if (label)
        diag_label(p->diags, d, "%s", label);
    return NULL;
}

struct expr *parser_fail_token(struct parser *p, const char *expected)
{
    struct str text = str_slice(p->lexer.text, p->token.start, p->token.end);
    if (p->token.kind == TOKEN_BAD)
        return parser_fail(p, p->token.start, p->token.end, p->lexer.label, "%s", p->lexer.problem);
    if (p->token.kind == TOKEN_END)
        return parser_fail(
            p, p->token.start, p->token.end, NULL, "expected %s, but the text ends here", expected);
    return parser_fail(p, p->token.start, p->token.end, NULL, "expected %s, got %s%.*s%s", expected,
        p->token.kind == TOKEN_QUOTE ? "" : "\"", STR_ARG(text), p->token.kind == TOKEN_QUOTE ? "" : "\"");
}

/* ---- tokens and nodes ---- */

void parser_advance(struct parser *p)
{
    p->token = lexer_next(&p->lexer);
}

bool parser_at(const struct parser *p, int sign)
{
    return p->token.kind == TOKEN_SIGN && p->token.sign == sign;
}

bool parser_take(struct parser *p, int sign)
{
    bool here = parser_at(p, sign);
    if (here)
        parser_advance(p);
    return here;
}

struct str parser_text(const struct parser *p)
{
    return str_slice(p->lexer.text, p->token.start, p->token.end);
}

bool parser_at_word(const struct parser *p, const char *word)
{
    return p->token.kind == TOKEN_NAME && str_eqz(parser_text(p), word);
}

struct expr *parser_expr(struct parser *p, enum expr_op op, size_t start, size_t end)
{
    struct expr *e = ARENA_NEW(p->arena, struct expr);
    e->op = (uint8_t)op;
    e->flags = EXPR_IS_CONST;
    e->node = p->node;
    e->offset = (uint32_t)start;
    e->length = (uint32_t)(end - start);
    return e;
}

bool parser_adopt(struct parser *p, struct expr *e, const struct expr *child)
{
    if (!(child->flags & EXPR_IS_CONST))
        e->flags &= (uint8_t)~EXPR_IS_CONST;
    if (child->height + 1 > e->height)
        e->height = (uint16_t)(child->height + 1);
    if (e->height > EXPR_MAX_HEIGHT)
        parser_fail(
            p, e->offset, expr_end(e), NULL, "the expression is more than %d levels deep", EXPR_MAX_HEIGHT);
    return e->height <= EXPR_MAX_HEIGHT;
}

void expr_list_add(struct parser *p, struct expr_list *list, struct expr *e)
{
    ARENA_GROW(p->arena, list->items, list->n, list->cap);
    list->items[list->n++] = e;
}

struct expr *parser_literal(struct parser *p, struct str text, size_t start, size_t end)
{
    struct expr *e = parser_expr(p, EXPR_CONST, start, end);
    e->constant = (struct value){.kind = VALUE_STRING, .string = text};
    return e;
}

/* ---- Strings with ${…}: whole scalars, or double-quoted strings, which may contain escapes too. Literal
 * parts stay slices of the text until they are joined. */

static void add_literal(struct parser *p, struct expr_list *parts, size_t from, size_t to)
{
    if (to > from)
        expr_list_add(p, parts, parser_literal(p, str_slice(p->lexer.text, from, to), from, to));
}

/* Parses the expression of a "${" at *at. *at moves past its "}". */
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

static bool hex4(struct str text, size_t at, uint32_t *out)
{
    *out = 0;
    for (size_t i = 0; i < 4; i++) {
        int digit = at + i < text.n ? str_hex_digit(text.p[at + i]) : -1;
        if (digit < 0)
            return false;
        *out = *out << 4 | (uint32_t)digit;
    }
    return true;
}

/* Reads \uXXXX, or a surrogate pair of two such escapes. */
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
    *out = arena_str(p->arena, str_n(bytes, str_utf8_encode(c, bytes)));
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

/* Parses from *at to the end of the text, or past the closing quote. Returns false after an error. */
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

struct expr *parser_end(struct parser *p, struct expr *e)
{
    if (e)
        return e;
    return ARENA_MAKE(p->arena, struct expr, .op = EXPR_BROKEN, .flags = EXPR_WHOLE_NODE, .node = p->node);
}

struct expr *template_compile(struct arena *arena, const struct node *node, struct diags *diags)
{
    struct parser p = {.arena = arena, .diags = diags, .node = node, .lexer = {.text = node->string}};
    struct expr *only; /* usually there is only one part, which needs no allocation */
    struct expr_list parts = {.items = &only, .cap = 1};
    size_t at = 0;
    struct expr *e = NULL;
    if (parse_parts(&p, false, &at, &parts))
        e = parts.n == 1 && !expr_is_text(parts.items[0]) ? parts.items[0] : join_parts(&p, &parts, 0, at);
    return parser_end(&p, e);
}
