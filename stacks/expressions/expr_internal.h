/*
 * What the files expr_*.c and func_*.c share; nobody else includes it.
 *
 * An expression is a tree of `struct expr`, 48 bytes each, in the arena that expr_compile() was given. A node
 * does not know its line and column: it knows the YAML node it came from and its bytes in that node's decoded
 * text, from which expr_span() works out the place when something is reported.
 */
#pragma once

#include "stacks/expr.h"

enum {
    EXPR_MAX_DEPTH = 100,  /* of brackets within one scalar: bounds the parser's recursion */
    EXPR_MAX_HEIGHT = 500, /* of one scalar's tree: bounds everybody else's */
    /* Of values: what many expressions build up together is bounded, too, well below what JSON is read to. */
    EXPR_VALUE_DEPTH = 200,
    EXPR_VALUE_SIZE = 256 * 1024 * 1024,
};

enum expr_op {
    EXPR_CONST,
    EXPR_BROKEN, /* a syntax error, already reported */
    EXPR_LIST,
    EXPR_MAP,
    EXPR_TEMPLATE,
    EXPR_NAME, /* before resolving only, except in template files */
    EXPR_DECL,
    EXPR_CONSTANT_NAME, /* an entry of the scope's constants */
    EXPR_VARIABLE,      /* of a comprehension */
    EXPR_EACH_KEY,
    EXPR_EACH_VALUE,
    EXPR_ATTR,
    EXPR_INDEX,
    EXPR_CALL,
    EXPR_FOR,
    EXPR_COND,
    EXPR_NOT,
    EXPR_NEGATE,
    EXPR_OR,
    EXPR_AND,
    EXPR_EQUAL,
    EXPR_NOT_EQUAL,
    EXPR_LESS,
    EXPR_LESS_EQUAL,
    EXPR_GREATER,
    EXPR_GREATER_EQUAL,
    EXPR_ADD,
    EXPR_SUBTRACT,
    EXPR_MULTIPLY,
    EXPR_DIVIDE,
    EXPR_REMAINDER,
};

enum expr_flags {
    EXPR_IS_CONST = 1,   /* no reference and no function anywhere inside */
    EXPR_WHOLE_NODE = 2, /* offset and length mean nothing: the place is the node's own */
    EXPR_IS_FIELD = 4,   /* of an EXPR_ATTR: the schema has it, so where the value lacks it, it is null */
};

struct function;
struct expr_entry;
struct comprehension;

struct expr {
    uint8_t op, flags;
    uint16_t height;         /* of the tree below it, within one scalar */
    uint32_t count;          /* items, entries, parts, arguments */
    uint32_t offset, length; /* in node->string */
    const struct node *node;
    union {
        struct value constant;
        struct {
            struct expr *items;
            const struct value *folded; /* all of it is constant */
        } list;
        struct {
            struct expr_entry *entries;
            const struct value *folded;
        } map;
        struct expr **parts; /* of a template; literal text is EXPR_CONST without a NUL after it */
        struct str name;
        struct decl *decl;
        struct {
            uint32_t depth; /* 0: of the innermost comprehension */
            bool is_key;
        } variable;
        struct {
            struct expr *base;
            struct str name;
        } attr;
        struct {
            struct expr *base, *index;
        } index;
        struct {
            const struct function *function; /* NULL: unknown, already reported */
            struct expr **args;
        } call;
        struct comprehension *comprehension;
        struct expr *operands[3]; /* of operators and c ? a : b */
    };
};

struct expr_entry {
    struct str key;
    struct expr *key_expr;           /* NULL: the key is constant */
    const struct node_entry *origin; /* NULL: written inside ${ } */
    struct expr value;
};

struct comprehension {
    struct str key_name, value_name; /* key_name may be empty */
    struct expr *over;
    struct expr *key; /* of the result; NULL: the result is a list */
    struct expr *value;
    struct expr *condition; /* NULL: none */
};

/* ---- expr_walk.c ---- */

/* Of a comprehension's children; behind them are the key and the value of the result. */
enum { EXPR_FOR_OVER, EXPR_FOR_CONDITION };

/* What is directly inside: items, arguments, operands, a map's keys and values by turns. */
uint32_t expr_child_count(const struct expr *e);
/* NULL where it is not there: a constant key, a comprehension's condition, an operator's third operand. */
struct expr *expr_child(const struct expr *e, uint32_t i);

/* As far as constructors lead along the path: *rest is how many steps are left. *entry is the last step's,
 * NULL in a list. */
const struct expr *expr_follow(
    const struct expr *expr, const struct value *path, const struct expr_entry **entry, uint32_t *rest);
/* Where this byte of a scalar's decoded text is in its source. */
size_t node_raw_offset(const struct node *node, size_t offset);

/* Where e is a whole resource, data or module: a hint that something of it has to be named. */
bool expr_hint_whole(const struct expr *e, struct diags *diags, struct diag *d);

/* ---- expr_parser.c, expr_parse.c ---- */

/*
 * Compiles text with ${…} in it. Text without any is not worth calling it for. `node` is where
 * the text is; node->string is the text.
 */
struct expr *template_compile(struct arena *arena, const struct node *node, struct diags *diags);
/* The same for one bare expression. */
struct expr *bare_compile(struct arena *arena, const struct node *node, struct diags *diags);

/* ---- expr_compile.c ---- */

/* The node of a whole source's text. */
const struct node *source_node(struct arena *arena, const struct source *source);

/* Stands in texts for what is not known. */
extern const struct str unknown_spelt;
/* The value with that instead of what is not known, at any depth. */
const struct value *unknown_spell(struct arena *arena, const struct value *v);

/* ---- expr_resolve.c ---- */

/* For template files: every free name is an entry of the scope's constants. */
void template_resolve(struct expr *expr, const struct value *names, struct diags *diags);

/* ---- expr_eval.c ---- */

/* What one comprehension has bound, innermost first. */
struct binding {
    const struct binding *up;
    const struct value *key, *value;
};

/* Bounds on what one evaluation may produce, so that a loop over loops is an error and not a hang. */
struct budget {
    size_t items, bytes;
    bool spent; /* reported; nothing may hide it */
};
enum { BUDGET_ITEMS = 1000 * 1000, BUDGET_BYTES = 64 * 1024 * 1024 };

struct eval {
    const struct scope *scope;
    struct arena *arena;
    bool quiet; /* inside try(): errors are not reported */
    const struct binding *binding;
    struct budget *budget;
    unsigned template_depth; /* template files that include each other */
};

/* NULL after an error has been reported. */
const struct value *eval(struct eval *ev, const struct expr *e);
/* Reports an error at e; returns the diagnostic for eval_label() and eval_hint(). */
struct diag *eval_error(struct eval *ev, const struct expr *e, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
/* Whether e is in the source as one short line, and what is there; else the fallback. */
struct str eval_source(const struct expr *e, struct str fallback);
/* False, after an error at e, when the evaluation has produced too much. */
bool eval_take_items(struct eval *ev, const struct expr *e, size_t n);
bool eval_take_bytes(struct eval *ev, const struct expr *e, size_t n);
/* v, or NULL after an error at e where it is nested too deep or too large. */
const struct value *eval_checked(struct eval *ev, const struct expr *e, const struct value *v);
/* v, made sensitive where `marks` has a sensitive mark, deep or not. NULL stays NULL. */
const struct value *eval_marked(struct eval *ev, const struct value *v, unsigned marks);
/* False, with an error at the expression: only the hash of a secret is there (see scope.is_lost), or `deep`:
 * somewhere in it. */
bool eval_has(struct eval *ev, const struct expr *e, const struct value *v, bool deep);
/* A text as part of a template or where a function wants text: NULL after an error at e. */
const struct value *eval_as_text(struct eval *ev, const struct expr *e, const struct value *v);

/* ---- expr_ops.c ---- */

const struct value *eval_operator(struct eval *ev, const struct expr *e);
const struct value *eval_attr(struct eval *ev, const struct expr *e);
const struct value *eval_index(struct eval *ev, const struct expr *e);
/* Is v, the value of e, a known boolean? Otherwise false, after an error at e. */
bool eval_is_bool(struct eval *ev, const struct expr *e, const struct value *v, const char *what);

/* ---- ../functions/func.c ---- */

const struct value *eval_call(struct eval *ev, const struct expr *e);

/* ---- expr_parser.c: the parser's state and what its three files share: expr_parser.c (errors and small
 * tools), expr_parser.c (text with ${…} in it), expr_parse.c (the grammar). A parser reads one scalar; the
 * first error ends it. */

/* ---- expr_parser.c: Tokens of the expression language. Text in double quotes is not one token: the
 * parser reads it itself. */
enum token_kind {
    TOKEN_END,
    TOKEN_BAD,  /* lexer->problem says why */
    TOKEN_NAME, /* keywords too */
    TOKEN_INT,
    TOKEN_FLOAT,
    TOKEN_QUOTE, /* the opening " alone */
    TOKEN_TEXT,  /* '…' with its quotes */
    TOKEN_SIGN,
};

/* Signs of one character are that character. */
enum sign {
    SIGN_OR = 256,
    SIGN_AND,
    SIGN_EQUAL,
    SIGN_NOT_EQUAL,
    SIGN_LESS_EQUAL,
    SIGN_GREATER_EQUAL,
    SIGN_ARROW,
};

struct token {
    enum token_kind kind;
    int sign;
    size_t start, end;
    union {
        int64_t integer;
        double number;
    };
};

struct lexer {
    struct str text;
    size_t at;
    const char *problem, *label; /* of the last TOKEN_BAD; label may be NULL */
};

struct token lexer_next(struct lexer *lexer);

/* ---- expr_parser.c ---- */

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
/* What was parsed; where it failed, a broken expression. */
struct expr *parser_end(struct parser *p, struct expr *e);
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
