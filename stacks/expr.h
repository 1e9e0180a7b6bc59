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
struct decl; /* stacks/stack.h: something that can be referred to */
struct schema_issue;

/*
 * Compiles a tree of nodes: maps and lists become constructors, scalars with ${…} templates (keys too),
 * others constants. Never NULL; syntax errors, unknown functions and wrong numbers of arguments are
 * diagnosed. The nodes must live as long as the expression: constants are shared with them, and places are
 * found by them.
 */
struct expr *expr_compile(struct arena *arena, const struct node *node, struct diags *diags);
/* One bare expression (console, tests); the whole text of the source. NULL on a syntax error. */
struct expr *expr_parse(struct arena *arena, const struct source *source, struct diags *diags);

/* Gives meaning to the first name of a reference. */
struct resolver {
    /*
     * The declaration that `name` means here, or NULL (then it has reported nothing). `next` is the step
     * after it (".attr" -> attr), "" when there is none; when the resolver used it up (inputs.NAME,
     * locals.NAME, module.OUTPUT) it sets *consumed.
     */
    struct decl *(*lookup)(void *ctx, struct str name, struct str next, bool *consumed);
    /* For "did you mean": all names visible here, and the names after `prefix` ("inputs"). */
    size_t (*names)(void *ctx, struct str prefix, struct arena *arena, const struct str **names);
    /* Called for every declaration referred to. May be NULL. */
    void (*depends)(void *ctx, struct decl *decl);
    /* Static check of the attribute after a resource reference (`lake.arn`), after `depends`: false when
     * there is no such attribute, with candidates for a hint. */
    bool (*has_attr)(void *ctx, struct decl *decl, struct str attr, const struct str **candidates, size_t *n);
    /* Says in `d` which attribute of the declaration another tool calls `word`; false: none. May be NULL. */
    bool (*hint_word)(void *ctx, struct diag *d, struct decl *decl, struct str word);
    bool each_allowed; /* each.key and each.value mean something here */
    void *ctx;
    const struct value *further; /* map: more constants, which go before all else; NULL: none */
    /* The attribute that `constant.member` is, where a schema says what such a constant is. NULL, with
     * candidates for a hint: it has no such attribute. May be NULL. */
    const struct attr *(*member)(
        void *ctx, struct str constant, struct str member, const struct str **candidates, size_t *n);
    struct str typed; /* the further constant that `member` knows */
};

void expr_resolve(struct expr *expr, const struct resolver *resolver, struct diags *diags);
/* Outside a stack: no name but those of `further` (as in struct resolver) means anything. */
void expr_resolve_alone(struct expr *expr, const struct value *further, struct diags *diags);

/* What evaluation needs from outside. */
/* Texts that go before the files on disk, as an editor has them. False: as it is on disk. They live as long
 * as what is made of them. Asked of every file that a function reads, and of the folders of fileset(). */
struct open_files {
    bool (*find)(void *ctx, struct str path, struct str *text);
    void *ctx;
};

struct scope {
    const struct value *(*value_of)(
        void *ctx, const struct decl *decl); /* never NULL; unknown while it is not there yet */
    void *ctx;
    const struct value *each_key, *each_value; /* NULL outside for_each */
    const struct value
        *constants;      /* map: stack {name, env, dir}, path … under their first names; see stack.h */
    struct str dir;      /* relative file names in functions start here (the module's folder) */
    struct diags *diags; /* evaluation errors, with the span of the sub-expression */
    /* Does the value only stand for a secret that nobody has any more? It can be handed on, but nothing can
     * be made of it. NULL: there are none. */
    bool (*is_lost)(const struct value *v);
    const struct open_files *open; /* what functions read instead of files; NULL: nothing */
    bool spells_unknown; /* texts are made although a part is not known yet: see expr_eval_document() */
};

extern const char lost_secret_advice[]; /* what to do about such a secret */

/* NULL after an error has been reported; otherwise a value in the arena (constants may point into the
 * expression's own arena). */
const struct value *expr_eval(const struct expr *expr, const struct scope *scope, struct arena *arena);

/*
 * The JSON document that a text is going to be, although parts of it are not known yet: templates,
 * templatefile() and jsonencode() are executed around them, and what is in the document there is
 * unknown. NULL: it cannot be told.
 */
const struct value *expr_eval_document(
    const struct expr *expr, const struct scope *scope, struct arena *arena);

/* Where the value that a schema objects to is a whole resource: a hint that one of its attributes is meant.
 */
void expr_hint_issue(
    const struct expr *expr, const struct schema_issue *issue, struct diags *diags, struct diag *d);

bool expr_is_const(const struct expr *expr); /* no reference, no function: the same everywhere */
/*
 * Is a text or number written in it that is secret? `within`: whatever it gives is. Otherwise only what is
 * given to sensitive().
 */
bool expr_writes_secret(const struct expr *expr, bool within);
/* Calls `visit` for each declaration that is referred to under the key of a map that is written out; of any
 * other expression, anywhere in it. */
void expr_each_decl(
    const struct expr *expr, struct str key, void (*visit)(void *ctx, const struct decl *decl), void *ctx);
/* Calls `visit` for each that is referred to anywhere in it, with the attribute: "" for `x` as a whole. With
 * NULL for each.key and each.value, which are made of what for_each refers to. `part`: something else is made
 * of it, such as a text that it is in. */
typedef void expr_visit_reference(void *ctx, const struct decl *decl, struct str attr, bool part);
void expr_each_reference(const struct expr *expr, expr_visit_reference *visit, void *ctx);
/* Of `${x.attribute}` and `${x[key].attribute}`, where x is a resource: the part that gives it, and x itself.
 * NULL for all else. */
const struct expr *expr_owner(const struct expr *expr, const struct decl **decl);
/* Of `${locals.x}`, `${inputs.x}` and `${module.output}`, and nothing besides, what it names. NULL for all
 * else. */
const struct decl *expr_named(const struct expr *expr);
/* The same of `${x.a["b"].c}`: what x is. */
const struct decl *expr_root(const struct expr *expr);
/* How often a constant is named in it, such as `self`; before resolving, whatever is called so. */
size_t expr_count_constant(const struct expr *expr, struct str name);
/* Is `constant.member` in it? */
bool expr_names_member(const struct expr *expr, struct str constant, struct str member);
struct span expr_span(const struct expr *expr);
/* The sub-expression at a path of keys and indices within constructors; `holder`: that which gives the last
 * key as a whole. NULL where they do not lead there. */
const struct expr *expr_at(const struct expr *expr, const struct value *path, bool holder);
/* The sub-expression at a path of keys and indices within constructors, for placing schema issues; falls back
 * to the nearest. `at_key`: the key's span. */
struct span expr_span_at(const struct expr *expr, const struct value *path, bool at_key);

/*
 * The same where the expression gives a document as text: written here in JSON, or in a file that is given
 * with file() or templatefile(). What it reads lives as long as the scope's diagnostics.
 */
struct span expr_span_within(
    const struct expr *expr, const struct scope *scope, const struct value *path, bool at_key);

/* ---- functions (stacks/expressions/func.h has the table) ---- */

struct function_doc {
    struct str name, signature, doc, group;
    struct str example, result; /* an expression, and what it gives as JSON; empty where it needs files */
};
/* All functions, sorted by name; for `weir docs`, completion and docs/functions.md. */
const struct function_doc *function_docs(size_t *n);
