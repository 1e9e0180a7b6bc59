/*
 * Resolves names once, by rewriting EXPR_NAME (and the step after it that the resolver used) in place. The
 * lookup order of a name: variables of enclosing comprehensions, `each`, declarations of the resolver,
 * constants.
 */
#include "stacks/expressions/expr_internal.h"
#include "stacks/stack.h"

struct variables {
    const struct variables *up;
    const struct comprehension *comprehension;
};

struct resolve {
    const struct resolver *resolver; /* NULL in template files, which have only constants */
    const struct value *constants;   /* of template files; NULL: the constants of every stack */
    struct diags *diags;
    const struct variables *variables;
};

static void expr_resolve_any(struct resolve *r, struct expr *e);

static struct span name_span(const struct expr *e, struct str name)
{
    struct expr here = *e;
    if (e->op == EXPR_ATTR) {
        here.offset = e->offset + e->length - (uint32_t)name.n;
        here.length = (uint32_t)name.n;
    }
    return expr_span(&here);
}

/* ---- hints for an unknown name ---- */

static size_t visible_names(
    struct resolve *r, struct str prefix, struct arena *arena, const struct str **names)
{
    if (!r->resolver || !r->resolver->names)
        return 0;
    return r->resolver->names(r->resolver->ctx, prefix, arena, names);
}

static void suggest_name(struct resolve *r, struct diag *d, struct str name, struct str prefix)
{
    AUTO_ARENA struct arena scratch = ARENA_INIT;
    const struct str *names = NULL;
    size_t n = visible_names(r, prefix, &scratch, &names);
    diag_did_you_mean(r->diags, d, name, names, n);
    if (n && !d->label.n && n <= 8 && prefix.n) {
        AUTO_BUF struct buf list = BUF_INIT;
        for (size_t i = 0; i < n; i++)
            buf_addf(&list, "%s%.*s", i ? ", " : "", STR_ARG(names[i]));
        diag_hint(r->diags, d, "there are: %s", list.p);
    }
}

static void report_member(
    struct resolve *r, const struct expr *e, struct str name, struct str next, struct span span)
{
    struct diag *d;
    if (str_eqz(name, "inputs") || str_eqz(name, "locals")) {
        const char *what = str_eqz(name, "inputs") ? "input" : "local value";
        if (!next.n) {
            d = diag_error(r->diags, expr_span(e), "\"%.*s\" is not a value by itself", STR_ARG(name));
            diag_label(r->diags, d, "write %.*s.NAME", STR_ARG(name));
            return;
        }
        d = diag_error(r->diags, span, "there is no %s \"%.*s\"", what, STR_ARG(next));
    } else {
        d = diag_error(
            r->diags, span, "module \"%.*s\" has no output \"%.*s\"", STR_ARG(name), STR_ARG(next));
    }
    suggest_name(r, d, next, name);
    if (!d->label.n && str_find_char(next, '-', 0) >= 0)
        diag_hint(r->diags, d, "a name may hold hyphens; write spaces around - to subtract");
    else if (!d->label.n && !d->hint.n && str_eqz(name, "inputs"))
        diag_hint(r->diags, d, "an input is declared in the section `inputs:`");
}

static void report_template_name(struct resolve *r, const struct expr *e, struct str name)
{
    struct diag *d = diag_error(r->diags, expr_span(e), "the template was not given \"%.*s\"", STR_ARG(name));
    const struct value *constants = r->constants;
    AUTO_ARENA struct arena scratch = ARENA_INIT;
    struct str *names = ARENA_ARRAY(&scratch, struct str, constants->count);
    for (uint32_t i = 0; i < constants->count; i++)
        names[i] = constants->entries[i].key;
    diag_did_you_mean(r->diags, d, name, names, constants->count);
}

/* Adds a label if there is an input (or a local value) with that name. */
static bool hint_member(struct resolve *r, struct diag *d, struct str name, struct str space)
{
    AUTO_ARENA struct arena scratch = ARENA_INIT;
    const struct str *names = NULL;
    size_t n = visible_names(r, space, &scratch, &names);
    for (size_t i = 0; i < n; i++)
        if (str_eq(names[i], name)) {
            diag_label(r->diags, d, "did you mean %.*s.%.*s?", STR_ARG(space), STR_ARG(name));
            return true;
        }
    return false;
}

static void report_name(struct resolve *r, const struct expr *e, struct str name)
{
    static const struct {
        struct str name;
        const char *hint;
    } habits[] = {
        {STR_INIT("var"), "inputs are written inputs.NAME"},
        {STR_INIT("local"), "local values are written locals.NAME"},
        {STR_INIT("input"), "inputs are written inputs.NAME"},
        {STR_INIT("module"), "a module is written by its name alone: NAME.OUTPUT"},
        {STR_INIT("data"), "data is written by its name alone: NAME.ATTRIBUTE"},
        {STR_INIT("resource"), "a resource is written by its name alone: NAME.ATTRIBUTE"},
        {STR_INIT("resources"), "a resource is written by its name alone: NAME.ATTRIBUTE"},
        {STR_INIT("count"), "use for_each with a list: each.key, each.value"},
        {STR_INIT("self"), "a resource cannot refer to itself"},
    };
    struct diag *d = diag_error(r->diags, expr_span(e), "unknown name \"%.*s\"", STR_ARG(name));
    for (size_t i = 0; i < sizeof habits / sizeof *habits; i++) {
        if (str_eq(name, habits[i].name)) {
            diag_hint(r->diags, d, "%s", habits[i].hint);
            return;
        }
    }
    if (str_starts(name, STR("aws_"))) {
        diag_hint(r->diags, d, "a resource is written by its name alone, without its type: NAME.ATTRIBUTE");
        return;
    }
    if (hint_member(r, d, name, STR("inputs")) || hint_member(r, d, name, STR("locals")))
        return;
    suggest_name(r, d, name, STR_EMPTY);
    if (!d->label.n && str_find_char(name, '-', 0) >= 0)
        diag_hint(r->diags, d, "a name may hold hyphens; write spaces around - to subtract");
}

/* ---- names ---- */

static bool find_variable(struct resolve *r, struct expr *e, struct str name)
{
    uint32_t depth = 0;
    for (const struct variables *v = r->variables; v; v = v->up, depth++) {
        bool is_key = v->comprehension->key_name.n && str_eq(v->comprehension->key_name, name);
        if (!is_key && !str_eq(v->comprehension->value_name, name))
            continue;
        e->op = EXPR_VARIABLE;
        e->variable.depth = depth;
        e->variable.is_key = is_key;
        return true;
    }
    return false;
}

static bool is_constant(const struct resolve *r, struct str name)
{
    return r->constants ? value_get(r->constants, name) != NULL : str_is_any(name, "stack path");
}

/* Resolves `each` with the step `outer` after it; outer becomes the result. */
static void resolve_each(struct resolve *r, struct expr *e, struct expr *outer, struct str next)
{
    static const struct str members[] = {STR_INIT("key"), STR_INIT("value")};
    if (!r->resolver->each_allowed) {
        struct diag *d = diag_error(r->diags, expr_span(outer ? outer : e), "\"each\" means nothing here");
        diag_hint(r->diags, d, "each.key and each.value are for resources with for_each");
        e->op = EXPR_BROKEN;
        return;
    }
    if (outer && (str_eq(next, members[0]) || str_eq(next, members[1]))) {
        outer->op = str_eq(next, members[0]) ? EXPR_EACH_KEY : EXPR_EACH_VALUE;
        return;
    }
    struct diag *d = diag_error(
        r->diags, outer ? name_span(outer, next) : expr_span(e), "each has key and value, nothing else");
    diag_did_you_mean(r->diags, d, next, members, 2);
    e->op = EXPR_BROKEN;
}

/*
 * Resolves the name in e. `outer` is the step after it (NULL: none) and `next` is that step's name. Returns
 * true if the step was used and `outer` is now the result.
 */
static bool resolve_name(struct resolve *r, struct expr *e, struct expr *outer, struct str next)
{
    struct str name = e->name;
    if (find_variable(r, e, name))
        return false;
    if (r->resolver && r->resolver->extra_names && value_get(r->resolver->extra_names, name)) {
        e->op = EXPR_CONSTANT_NAME;
        return false;
    }
    if (r->resolver && str_eqz(name, "each")) {
        resolve_each(r, e, outer, next);
        return true;
    }
    bool consumed = false;
    struct decl *decl = r->resolver ? r->resolver->lookup(r->resolver->ctx, name, next, &consumed) : NULL;
    if (decl) {
        struct expr *whole = consumed && outer ? outer : e;
        whole->op = EXPR_DECL;
        whole->decl = decl;
        if (r->resolver->depends)
            r->resolver->depends(r->resolver->ctx, decl);
        return whole == outer;
    }
    if (is_constant(r, name)) {
        e->op = EXPR_CONSTANT_NAME;
        return false;
    }
    bool space = str_eqz(name, "inputs") || str_eqz(name, "locals");
    if (!r->resolver)
        report_template_name(r, e, name);
    else if (space || (next.n && r->resolver->lookup(r->resolver->ctx, name, STR_EMPTY, &consumed)))
        report_member(r, e, name, next, outer ? name_span(outer, next) : expr_span(e));
    else
        report_name(r, e, name);
    e->op = EXPR_BROKEN;
    return true;
}

/* ---- attributes of resources ---- */

static bool is_object(const struct decl *decl)
{
    return decl->kind == DECL_RESOURCE || decl->kind == DECL_DATA;
}

/* Returns the resource of which e is an instance, `lake` or `bronze[key]`, or NULL. */
static struct decl *instance_of(const struct expr *e)
{
    if (e->op == EXPR_DECL && is_object(e->decl) && !e->decl->for_each)
        return e->decl;
    const struct expr *base = e->op == EXPR_INDEX ? e->index.base : e->op == EXPR_ATTR ? e->attr.base : NULL;
    if (base && base->op == EXPR_DECL && is_object(base->decl) && base->decl->for_each)
        return base->decl;
    return NULL;
}

/* Returns whether e is `self.attribute` of a constant with a schema. */
static bool is_member(const struct resolve *r, const struct expr *e)
{
    return e->op == EXPR_ATTR && e->attr.base->op == EXPR_CONSTANT_NAME && r->resolver->member &&
           str_eq(e->attr.base->name, r->resolver->typed);
}

/* Returns the type of e by the schema, or NULL if the schema does not tell. */
static const struct type *type_of(struct resolve *r, const struct expr *e)
{
    const struct str *candidates = NULL;
    size_t n = 0;
    if (e->op == EXPR_INDEX) {
        const struct type *type = type_of(r, e->index.base);
        bool collection =
            type && (type->kind == TYPE_LIST || type->kind == TYPE_SET || type->kind == TYPE_MAP);
        return collection ? type->elem : NULL;
    }
    if (e->op != EXPR_ATTR || !(e->flags & EXPR_IS_FIELD))
        return NULL;
    const struct decl *decl = instance_of(e->attr.base);
    const struct attr *attr = NULL;
    if (decl && decl->schema) {
        attr = schema_attr(decl->schema, e->attr.name);
    } else if (is_member(r, e)) {
        attr = r->resolver->member(r->resolver->ctx, e->attr.base->name, e->attr.name, &candidates, &n);
    } else {
        const struct type *type = type_of(r, e->attr.base);
        attr = type && type->kind == TYPE_OBJECT ? type_field(type, e->attr.name) : NULL;
    }
    return attr ? attr->type : NULL;
}

static void check_field(struct resolve *r, struct expr *e, const struct type *type)
{
    if (type_field(type, e->attr.name)) {
        e->flags |= EXPR_IS_FIELD;
        return;
    }
    AUTO_ARENA struct arena scratch = ARENA_INIT;
    struct str *names = ARENA_ARRAY(&scratch, struct str, type->field_count);
    for (size_t i = 0; i < type->field_count; i++)
        names[i] = type->fields[i].name;
    struct diag *d = diag_error(r->diags, name_span(e, e->attr.name), "%s has no attribute \"%.*s\"",
        e->attr.base->op == EXPR_ATTR ? arena_strz(&scratch, e->attr.base->attr.name) : "this",
        STR_ARG(e->attr.name));
    diag_did_you_mean(r->diags, d, e->attr.name, names, type->field_count);
}

/* Checks an attribute of a constant with a schema. */
static void check_member(struct resolve *r, struct expr *e)
{
    const struct str *candidates = NULL;
    size_t n = 0;
    struct str name = e->attr.base->name;
    if (r->resolver->member(r->resolver->ctx, name, e->attr.name, &candidates, &n)) {
        e->flags |= EXPR_IS_FIELD;
        return;
    }
    struct diag *d = diag_error(r->diags, name_span(e, e->attr.name), "%.*s has no attribute \"%.*s\"",
        STR_ARG(name), STR_ARG(e->attr.name));
    diag_did_you_mean(r->diags, d, e->attr.name, candidates, n);
}

static void check_output(struct resolve *r, struct expr *e, struct decl *shared)
{
    const struct str *candidates = NULL;
    size_t n = 0;
    if (!r->resolver->has_attr ||
        r->resolver->has_attr(r->resolver->ctx, shared, &e->attr.name, &candidates, &n))
        return;
    struct diag *d = diag_error(r->diags, name_span(e, e->attr.name),
        "the shared stack has no output \"%.*s\"", STR_ARG(e->attr.name));
    diag_did_you_mean(r->diags, d, e->attr.name, candidates, n);
}

/* Lists the attributes that are known after apply. */
static void hint_computed(struct resolve *r, struct diag *d, const struct schema *schema)
{
    AUTO_BUF struct buf list = BUF_INIT;
    for (size_t i = 0; i < schema->attr_count; i++)
        if (schema->attrs[i].computed)
            buf_addf(&list, "%s%.*s", list.n ? ", " : "", STR_ARG(schema->attrs[i].name));
    if (list.n)
        diag_hint(r->diags, d, "known after apply: %s", list.p);
}

static void check_attr(struct resolve *r, struct expr *e)
{
    struct decl *decl = instance_of(e->attr.base);
    if (e->attr.base->op == EXPR_DECL && e->attr.base->decl->kind == DECL_SHARED) {
        check_output(r, e, e->attr.base->decl);
        return;
    }
    if (is_member(r, e)) {
        check_member(r, e);
        return;
    }
    if (!decl) {
        const struct type *type = type_of(r, e->attr.base);
        if (type && type->kind == TYPE_OBJECT)
            check_field(r, e, type);
        return;
    }
    const struct str *candidates = NULL;
    size_t n = 0;
    if (!r->resolver->has_attr)
        return;
    if (r->resolver->has_attr(r->resolver->ctx, decl, &e->attr.name, &candidates, &n)) {
        e->flags |= EXPR_IS_FIELD;
        return;
    }
    struct diag *d = diag_error(r->diags, name_span(e, e->attr.name),
        "%.*s%s%.*s%s has no attribute \"%.*s\"", STR_ARG(decl->name), decl->schema ? " (" : "",
        STR_ARG(decl->schema ? decl->schema->name : STR_EMPTY), decl->schema ? ")" : "",
        STR_ARG(e->attr.name));
    if (!r->resolver->hint_word || !r->resolver->hint_word(r->resolver->ctx, d, decl, e->attr.name))
        diag_did_you_mean(r->diags, d, e->attr.name, candidates, n);
    if (!d->label.n && decl->schema && decl->schema->id.n && str_eqz(e->attr.name, "id"))
        diag_hint(r->diags, d, "what identifies it is its attribute \"%.*s\"", STR_ARG(decl->schema->id));
    else if (!d->label.n && decl->schema)
        hint_computed(r, d, decl->schema);
}

/* ---- the walk ---- */

static void resolve_step(struct resolve *r, struct expr *e)
{
    struct expr *base = e->op == EXPR_ATTR ? e->attr.base : e->index.base;
    struct expr *index = e->op == EXPR_INDEX ? e->index.index : NULL;
    if (index)
        expr_resolve_any(r, index);
    if (base->op != EXPR_NAME) {
        expr_resolve_any(r, base);
    } else {
        bool text = index && index->op == EXPR_CONST && index->constant.kind == VALUE_STRING;
        struct str next = text ? index->constant.string : e->op == EXPR_ATTR ? e->attr.name : STR_EMPTY;
        if (resolve_name(r, base, next.n ? e : NULL, next))
            return;
    }
    if (e->op == EXPR_ATTR && r->resolver)
        check_attr(r, e);
}

static void resolve_for(struct resolve *r, struct comprehension *c)
{
    expr_resolve_any(r, c->source);
    struct variables variables = {.up = r->variables, .comprehension = c};
    r->variables = &variables;
    if (c->condition)
        expr_resolve_any(r, c->condition);
    if (c->key)
        expr_resolve_any(r, c->key);
    expr_resolve_any(r, c->value);
    r->variables = variables.up;
}

static void expr_resolve_any(struct resolve *r, struct expr *e)
{
    if (e->flags & EXPR_IS_CONST)
        return;
    switch ((enum expr_op)e->op) {
    case EXPR_NAME: resolve_name(r, e, NULL, STR_EMPTY); return;
    case EXPR_ATTR:
    case EXPR_INDEX: resolve_step(r, e); return;
    case EXPR_FOR: resolve_for(r, e->comprehension); return;
    default: break;
    }
    for (uint32_t i = 0, n = expr_child_count(e); i < n; i++) {
        struct expr *child = expr_child(e, i);
        if (child)
            expr_resolve_any(r, child);
    }
}

void expr_resolve(struct expr *expr, const struct resolver *resolver, struct diags *diags)
{
    struct resolve r = {.resolver = resolver, .diags = diags};
    expr_resolve_any(&r, expr);
}

static struct decl *no_declaration(
    void *ctx UNUSED, struct str name UNUSED, struct str next UNUSED, bool *consumed UNUSED)
{
    return NULL;
}

void expr_resolve_alone(struct expr *expr, const struct value *further, struct diags *diags)
{
    expr_resolve(expr, &(struct resolver){.lookup = no_declaration, .extra_names = further}, diags);
}

void template_resolve(struct expr *expr, const struct value *names, struct diags *diags)
{
    struct resolve r = {.constants = names, .diags = diags};
    expr_resolve_any(&r, expr);
}
