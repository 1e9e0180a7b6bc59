/* The parser's state and what its three files share: see expr_parser.h. */
#include "stacks/expressions/expr_parser.h"

/* ---- errors: the first one ends the scalar ---- */

struct span parser_place(const struct parser *p, size_t start, size_t end)
{
    struct expr here = {
        .node = p->node, .offset = (uint32_t)start, .length = (uint32_t)(end > start ? end - start : 0)};
    if (start >= p->node->string.n && start > 0) { /* past the end: at the last character */
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
