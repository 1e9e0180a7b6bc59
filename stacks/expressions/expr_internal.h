/*
 * Declarations that the files expr_*.c and func_*.c share; no other file includes this header.
 *
 * An expression is a tree of `struct expr`, 48 bytes each, in the arena passed to expr_compile(). A tree node
 * has no line and column. It refers to its YAML node and a byte range of that node's decoded text, from which
 * expr_span() computes the source location for a diagnostic.
 */
#pragma once

#include "stacks/expr.h"

enum {
    EXPR_MAX_DEPTH = 100,  /* of brackets within one scalar: limits the recursion of the parser */
    EXPR_MAX_HEIGHT = 500, /* of one scalar's tree: limits the recursion of all other functions */
    /* Limits of values, which several expressions may build up together. They are below the limits for
     * parsing JSON. */
    EXPR_VALUE_DEPTH = 200,
    EXPR_VALUE_SIZE = 256 * 1024 * 1024,
};

enum expr_op {
    EXPR_CONST,
    EXPR_BROKEN, /* a syntax error, already reported */
    EXPR_LIST,
    EXPR_MAP,
    EXPR_TEMPLATE,
    EXPR_NAME, /* only before resolving, except in template files */
    EXPR_DECL,
    EXPR_CONSTANT_NAME, /* an entry of the scope's constants */
    EXPR_VARIABLE,      /* a variable of a comprehension */
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
    EXPR_WHOLE_NODE = 2, /* offset and length are not used: the source location is the whole node */
    EXPR_IS_FIELD =
        4, /* an EXPR_ATTR whose attribute is in the schema: it is null if the value does not have it */
};

struct function;
struct expr_entry;
struct comprehension;

struct expr {
    uint8_t op, flags;
    uint16_t height;         /* of the tree below, within one scalar */
    uint32_t count;          /* number of items, entries, parts or arguments */
    uint32_t offset, length; /* in node->string */
    const struct node *node;
    union {
        struct value constant;
        struct {
            struct expr *items;
            const struct value *folded; /* set if all items are constant */
        } list;
        struct {
            struct expr_entry *entries;
            const struct value *folded;
        } map;
        struct expr *
            *parts; /* of a template; a literal part is an EXPR_CONST whose string is not NUL-terminated */
        struct str name;
        struct decl *decl;
        struct {
            uint32_t depth; /* 0: a variable of the innermost comprehension */
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
    struct str key_name, value_name; /* key_name may be "" */
    struct expr *source;
    struct expr *key; /* the key of a result entry; NULL: the result is a list */
    struct expr *value;
    struct expr *condition; /* NULL: none */
};

/* ---- expr_walk.c ---- */

/* Indices of a comprehension's first children. The key and the value of the result follow them. */
enum { EXPR_FOR_OVER, EXPR_FOR_CONDITION };

/* Number of direct sub-expressions: items, arguments, operands; for a map keys and values alternate. */
uint32_t expr_child_count(const struct expr *e);
/* Returns a direct sub-expression. NULL if it is absent: a constant key, a comprehension without condition,
 * the third operand of a binary operator. */
struct expr *expr_child(const struct expr *e, uint32_t i);

/* Follows the path through constructors as far as possible. *rest is the number of remaining steps. *entry is
 * the map entry of the last step, NULL for a list item. */
const struct expr *expr_follow(
    const struct expr *expr, const struct value *path, const struct expr_entry **entry, uint32_t *rest);
/* Returns the offset in the source of a byte of a scalar's decoded text. */
size_t node_raw_offset(const struct node *node, size_t offset);

/* If e is a whole resource, data source or module, adds the hint that an attribute or output has to be
 * named. */
bool expr_hint_whole(const struct expr *e, struct diags *diags, struct diag *d);

/* ---- expr_parser.c, expr_parse.c ---- */

/*
 * Compiles a string with ${…} in it. A string without ${…} need not be compiled. node->string is the string,
 * and `node` gives its source location.
 */
struct expr *template_compile(struct arena *arena, const struct node *node, struct diags *diags);
/* The same for one bare expression. */
struct expr *bare_compile(struct arena *arena, const struct node *node, struct diags *diags);

/* ---- expr_compile.c ---- */

/* Returns a node for the whole text of a source. */
const struct node *source_node(struct arena *arena, const struct source *source);

/* The placeholder for an unknown value within strings. */
extern const struct str unknown_spelt;
/* Returns the value with that placeholder for each unknown value, at any depth. */
const struct value *unknown_spell(struct arena *arena, const struct value *v);

/* ---- expr_resolve.c ---- */

/* For template files: resolves each free name to an entry of the scope's constants. */
void template_resolve(struct expr *expr, const struct value *names, struct diags *diags);

/* ---- expr_eval.c ---- */

/* The variables that a comprehension binds, innermost first. */
struct binding {
    const struct binding *up;
    const struct value *key, *value;
};

/* Limits of what one evaluation may produce, so that nested loops give an error instead of a hang. */
struct budget {
    size_t items, bytes;
    bool spent; /* the error was reported; try() must not hide it */
};
enum { BUDGET_ITEMS = 1000 * 1000, BUDGET_BYTES = 64 * 1024 * 1024 };

struct eval {
    const struct scope *scope;
    struct arena *arena;
    bool quiet; /* inside try(): errors are not reported */
    const struct binding *binding;
    struct budget *budget;
    unsigned template_depth; /* depth of template files that include each other */
};

/* Evaluates e. Returns NULL after an error was reported. */
const struct value *eval(struct eval *ev, const struct expr *e);
/* Reports an error at e; returns the diagnostic for eval_label() and eval_hint(). */
struct diag *eval_error(struct eval *ev, const struct expr *e, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
/* Returns the source text of e if it is one short line, otherwise `fallback`. */
struct str eval_source(const struct expr *e, struct str fallback);
/* Count items or bytes that the evaluation produces. Return false, after an error at e, if it has produced
 * too many. */
bool eval_take_items(struct eval *ev, const struct expr *e, size_t n);
bool eval_take_bytes(struct eval *ev, const struct expr *e, size_t n);
/* Returns v, or NULL after an error at e if v is nested too deeply or is too large. */
const struct value *eval_checked(struct eval *ev, const struct expr *e, const struct value *v);
/* Returns v, made sensitive if `marks` has a sensitive mark, deep or not. NULL stays NULL. */
const struct value *eval_marked(struct eval *ev, const struct value *v, unsigned marks);
/* Returns false, after an error at e, if v is a secret of which only the hash is recorded (see
 * scope.is_lost). `deep`: also if v contains such a secret. */
bool eval_has(struct eval *ev, const struct expr *e, const struct value *v, bool deep);
/* Converts v to a string, for a template or a function's string parameter. Returns NULL after an error at
 * e. */
const struct value *eval_as_text(struct eval *ev, const struct expr *e, const struct value *v);

/* ---- expr_ops.c ---- */

const struct value *eval_operator(struct eval *ev, const struct expr *e);
const struct value *eval_attr(struct eval *ev, const struct expr *e);
const struct value *eval_index(struct eval *ev, const struct expr *e);
/* Returns whether v, the value of e, is a boolean or unknown. Returns false after an error at e. */
bool eval_is_bool(struct eval *ev, const struct expr *e, const struct value *v, const char *what);

/* ---- ../functions/func.c ---- */

const struct value *eval_call(struct eval *ev, const struct expr *e);

/* ---- expr_parser.c: the state of the parser, shared by expr_parser.c (errors, tokens, strings with ${…})
 * and expr_parse.c (the grammar). A parser reads one scalar and stops at the first error. */

/* ---- expr_parser.c: tokens of the expression language. A double-quoted string is not one token: the parser
 * reads it itself. */
enum token_kind {
    TOKEN_END,
    TOKEN_BAD,  /* lexer->problem has the reason */
    TOKEN_NAME, /* includes keywords */
    TOKEN_INT,
    TOKEN_FLOAT,
    TOKEN_QUOTE, /* only the opening " */
    TOKEN_TEXT,  /* a '…' string with its quotes */
    TOKEN_SIGN,
};

/* A sign of one character has that character as its value. */
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
    struct token token; /* the current token */
    unsigned depth;
};

/* ---- errors ---- */

struct span parser_place(const struct parser *p, size_t start, size_t end);
/* Both report an error and return NULL as the result of the parse. label may be NULL. */
struct expr *parser_fail(struct parser *p, size_t start, size_t end, const char *label, const char *format,
    ...) __attribute__((format(printf, 5, 6)));
/* Reports at the current token that `expected` was expected. */
struct expr *parser_fail_token(struct parser *p, const char *expected);

/* ---- tokens ---- */

void parser_advance(struct parser *p);
/* Returns the parsed expression, or a broken expression after an error. */
struct expr *parser_end(struct parser *p, struct expr *e);
bool parser_at(const struct parser *p, int sign);
bool parser_take(struct parser *p, int sign); /* advances past the sign if it is the current token */
bool parser_at_word(const struct parser *p, const char *word);
struct str parser_text(const struct parser *p); /* the text of the current token */

/* ---- nodes ---- */

struct expr *parser_expr(struct parser *p, enum expr_op op, size_t start, size_t end);
struct expr *parser_literal(struct parser *p, struct str text, size_t start, size_t end);
/* Adds the height of a child. Returns false, after an error, if the tree is too high. */
bool parser_adopt(struct parser *p, struct expr *e, const struct expr *child);

static inline size_t expr_end(const struct expr *e)
{
    return (size_t)e->offset + e->length;
}
static inline bool expr_is_text(const struct expr *e)
{
    return e->op == EXPR_CONST && e->constant.kind == VALUE_STRING;
}

/* A growing array in the arena. Outgrown arrays waste memory, but these lists are short. */
struct expr_list {
    struct expr **items;
    size_t n, cap;
};
void expr_list_add(struct parser *p, struct expr_list *list, struct expr *e);

/* ---- the grammar ---- */

/* Parses an expression within brackets, braces or ${ }, one level deeper. */
struct expr *parser_inner(struct parser *p);
/* Parses a double-quoted string. The current token is the opening quote. */
struct expr *parser_quoted(struct parser *p);
