/*
 * Expressions of the stack language: `${ … }` in YAML scalars, and whole YAML trees of them.
 *
 * Order of calls: expr_compile() a node (syntax), expr_resolve() once all names are known (names, functions,
 * dependencies), expr_eval() as often as wanted. Compiled expressions are immutable after resolving and may
 * be evaluated by several threads at once, each with its own scope and arena.
 *
 * Grammar, operators from the loosest to the tightest:
 *
 *     c ? a : b     ||     &&     == !=     < <= > >=     + -     * / %     ! -     .attr [index] f(args)
 *     null  true  false  12  1.5  "text with ${…} and \n \t \r \" \\ \u00e9"  'text as is'
 *     [a, b]  {k: v, "k": v, (expr): v}
 *     [for v in list : expr if cond]  [for k, v in map : expr]  {for k, v in map : key => value if cond}
 *
 * `${…}` inside double-quoted text nests. A scalar that is exactly one `${…}` keeps the type; otherwise the
 * pieces are joined as text. `$${` is a literal `${`.
 *
 * Bounds, so that no input hangs or overflows the stack: brackets nest 100 deep, one evaluation makes a
 * million items or 64 MiB of text, a value is 200 levels deep and 256 MiB when written out.
 *
 * Unknown and sensitive: an operation on an unknown is unknown (but `false && unknown` is false, a map with
 * one unknown entry is known otherwise); a result made from something sensitive is sensitive.
 */
#pragma once

#include "base/yaml.h"

struct expr;
struct attr;
struct decl; /* stacks/stack.h: a declaration, to which expressions can refer */
struct schema_issue;

/*
 * Compiles a tree of nodes. Maps and lists become constructors, scalars with ${…} templates (keys too), and
 * others constants. Never returns NULL: syntax errors, unknown functions and wrong numbers of arguments are
 * diagnosed. The nodes must live as long as the expression, which shares constants with them and finds source
 * locations by them.
 */
struct expr *expr_compile(struct arena *arena, const struct node *node, struct diags *diags);
/* Parses the whole text of the source as one bare expression (console, tests). Returns NULL on a syntax
 * error. */
struct expr *expr_parse(struct arena *arena, const struct source *source, struct diags *diags);

/* Resolves the first name of a reference to a declaration. */
struct resolver {
    /*
     * Returns the declaration that `name` refers to, or NULL without a diagnostic. `next` is the step that
     * follows the name (".attr" -> attr), "" without one. If the resolver used that step (inputs.NAME,
     * locals.NAME, module.OUTPUT), it sets *consumed.
     */
    struct decl *(*lookup)(void *ctx, struct str name, struct str next, bool *consumed);
    /* Lists names for "did you mean": all visible names, or with a `prefix` ("inputs") the names that may
     * follow it. */
    size_t (*names)(void *ctx, struct str prefix, struct arena *arena, const struct str **names);
    /* Called for each declaration that the expression refers to. May be NULL. */
    void (*depends)(void *ctx, struct decl *decl);
    /* Checks the attribute of a resource reference (`lake.arn`), after `depends`. Returns false and
     * candidates for a hint if the type has no such attribute, else sets *attr to the schema's string, which
     * is the key of values, too. */
    bool (*has_attr)(
        void *ctx, struct decl *decl, struct str *attr, const struct str **candidates, size_t *n);
    /* Adds a hint to `d` if `word` is another tool's name for an attribute of the declaration. Returns false
     * if it is not. May be NULL. */
    bool (*hint_word)(void *ctx, struct diag *d, struct decl *decl, struct str word);
    bool each_allowed; /* the expression may use each.key and each.value */
    void *ctx;
    const struct value
        *extra_names; /* map: further constants, looked up before all other names; NULL: none */
    /* Returns the attribute that `constant.member` refers to, if a schema describes the constant. Returns
     * NULL and candidates for a hint if the schema has no such attribute. May be NULL. */
    const struct attr *(*member)(
        void *ctx, struct str constant, struct str member, const struct str **candidates, size_t *n);
    struct str typed; /* the further constant whose schema `member` uses */
};

void expr_resolve(struct expr *expr, const struct resolver *resolver, struct diags *diags);
/* Resolves an expression outside a stack, where only the names in `further` are known (see struct
 * resolver). */
void expr_resolve_alone(struct expr *expr, const struct value *further, struct diags *diags);

/* File contents that replace files on disk, such as unsaved buffers of an editor. `find` is called for each
 * file that a function reads and for the folders of fileset(). It returns false if the file on disk applies.
 * The contents live as long as the values made from them. */
struct open_files {
    bool (*find)(void *ctx, struct str path, struct str *text);
    void *ctx;
};

struct scope {
    const struct value *(*value_of)(
        void *ctx, const struct decl *decl); /* never NULL; an unknown value until the value is known */
    void *ctx;
    const struct value *each_key, *each_value; /* NULL outside for_each */
    const struct value
        *constants;      /* map: stack {name, env, dir}, path … under their first names; see stack.h */
    struct str dir;      /* relative file names in functions start here (the module's folder) */
    struct diags *diags; /* receives evaluation errors, with the span of the sub-expression */
    /* Returns whether the value is a placeholder for a secret of which only the hash is recorded. Such a
     * value can be passed on, but an expression cannot use its content. May be NULL. */
    bool (*is_lost)(const struct value *v);
    const struct open_files *open; /* file contents that replace files on disk; NULL: none */
    bool spells_unknown;           /* templates and documents are built although a part is unknown: see
                                      expr_eval_document() */
};

extern const char lost_secret_hint[]; /* the hint for an error about such a secret */

/* Evaluates the expression. Returns a value in the arena, or NULL after an error has been reported. Constants
 * may point into the expression's own arena. */
const struct value *expr_eval(const struct expr *expr, const struct scope *scope, struct arena *arena);

/*
 * Returns the JSON document that a string will hold, although parts of it are unknown: templates,
 * templatefile() and jsonencode() are evaluated around the unknown parts, which are unknown values in the
 * document. Returns NULL if the document cannot be determined.
 */
const struct value *expr_eval_document(
    const struct expr *expr, const struct scope *scope, struct arena *arena);

/* If the value that violates a schema is a whole resource, adds a hint that one of its attributes is
 * meant. */
void expr_hint_issue(
    const struct expr *expr, const struct schema_issue *issue, struct diags *diags, struct diag *d);

bool expr_is_const(const struct expr
        *expr); /* true if it has no reference and no function, so that its value is always the same */
/*
 * Returns whether a secret string or number is written in the expression. With `within` the whole expression
 * is secret; otherwise only arguments of sensitive() are.
 */
bool expr_writes_secret(const struct expr *expr, bool within);
/* Calls `visit` for each declaration that the value of `key` refers to, if the expression is a map
 * constructor; for any other expression, for each declaration in it. */
void expr_each_decl(
    const struct expr *expr, struct str key, void (*visit)(void *ctx, const struct decl *decl), void *ctx);
/* Called for each reference in an expression, with the attribute: "" for `x` as a whole. `decl` is NULL for
 * each.key and each.value, whose values come from for_each. `part`: the value is only an operand of another
 * value, such as a part of a string. */
typedef void expr_visit_reference(void *ctx, const struct decl *decl, struct str attr, bool part);
void expr_each_reference(const struct expr *expr, expr_visit_reference *visit, void *ctx);
/* For `${x.attribute}` and `${x[key].attribute}`, where x is a resource: returns the sub-expression of the
 * resource, and x itself. Returns NULL for any other expression. */
const struct expr *expr_owner(const struct expr *expr, const struct decl **decl);
/* For exactly `${locals.x}`, `${inputs.x}` or `${module.output}`: returns the declaration. Returns NULL for
 * any other expression. */
const struct decl *expr_named(const struct expr *expr);
/* For `${x.a["b"].c}`: returns the declaration x. Returns NULL for any other expression. */
const struct decl *expr_root(const struct expr *expr);
/* Returns how often the expression names a constant such as `self`. Before resolving, any name that is equal
 * to it counts. */
size_t expr_count_constant(const struct expr *expr, struct str name);
/* Returns whether the expression contains `constant.member`. */
bool expr_names_member(const struct expr *expr, struct str constant, struct str member);
struct span expr_span(const struct expr *expr);
/* Returns the sub-expression at a path of keys and indices within constructors. `holder`: returns the map
 * whose entry has the last key. Returns NULL if the path leads out of the constructors. */
const struct expr *expr_at(const struct expr *expr, const struct value *path, bool holder);
/* Returns the span of the sub-expression at a path of keys and indices within constructors, or of the nearest
 * one on the path. Used to locate schema issues. `at_key`: the span of the key. */
struct span expr_span_at(const struct expr *expr, const struct value *path, bool at_key);

/*
 * The same if the expression gives a document as a string: JSON written in the stack, or a file read with
 * file() or templatefile(). The text of such a file lives as long as the scope's diagnostics.
 */
struct span expr_span_within(
    const struct expr *expr, const struct scope *scope, const struct value *path, bool at_key);

/* ---- functions (stacks/expressions/func.h has the table) ---- */

struct function_doc {
    struct str name, signature, doc, group;
    struct str example, result; /* an expression and its value as JSON; empty if the example needs files */
};
/* Returns all functions, sorted by name; used by `weir docs`, completion and docs/functions.md. */
const struct function_doc *function_docs(size_t *n);
