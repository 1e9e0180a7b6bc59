/*
 * The parser's state and what its three files share: expr_parser.c (errors and small tools), expr_template.c
 * (text with ${…} in it), expr_parse.c (the grammar). A parser reads one scalar; the first error ends it.
 */
#pragma once

#include "stacks/expressions/expr_internal.h"
#include "stacks/expressions/expr_lex.h"

struct parser {
    struct arena *arena;
    struct diags *diags;
    const struct node *node;
    struct lexer lexer;
    struct token token; /* the current one */
    unsigned depth;
};

/* ---- errors ---- */

struct span parser_place(const struct parser *p, size_t start, size_t end);
/* Both report and return NULL, the failed parse. label may be NULL. */
struct expr *parser_fail(struct parser *p, size_t start, size_t end, const char *label, const char *format,
    ...) __attribute__((format(printf, 5, 6)));
/* At the current token, where something else was expected. */
struct expr *parser_fail_token(struct parser *p, const char *expected);

/* ---- tokens ---- */

void parser_advance(struct parser *p);
bool parser_at(const struct parser *p, int sign);
bool parser_take(struct parser *p, int sign); /* advances past the sign where it is there */
bool parser_at_word(const struct parser *p, const char *word);
struct str parser_text(const struct parser *p); /* of the current token */

/* ---- nodes ---- */

struct expr *parser_expr(struct parser *p, enum expr_op op, size_t start, size_t end);
struct expr *parser_literal(struct parser *p, struct str text, size_t start, size_t end);
/* Accounts for a child: false, after an error, when the tree has grown too high. */
bool parser_adopt(struct parser *p, struct expr *e, const struct expr *child);

static inline size_t expr_end(const struct expr *e)
{
    return (size_t)e->offset + e->length;
}
static inline bool expr_is_text(const struct expr *e)
{
    return e->op == EXPR_CONST && e->constant.kind == VALUE_STRING;
}

/* A growing array in the arena; what it outgrows is wasted, which lists this short do not mind. */
struct expr_list {
    struct expr **items;
    size_t n, cap;
};
void expr_list_add(struct parser *p, struct expr_list *list, struct expr *e);

/* ---- the grammar ---- */

/* An expression within brackets, braces or ${ }, one level deeper. */
struct expr *parser_inner(struct parser *p);
/* At the opening quote: the text in double quotes. */
struct expr *parser_quoted(struct parser *p);
