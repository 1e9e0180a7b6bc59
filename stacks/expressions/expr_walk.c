/*
 * Walks over expressions: direct sub-expressions, referenced declarations, source locations, and whether a
 * secret is written in an expression.
 */
#include "stacks/expressions/func.h"
#include "stacks/stack.h"

#include <ctype.h>

uint32_t expr_child_count(const struct expr *e)
{
    switch ((enum expr_op)e->op) {
    case EXPR_CONST:
    case EXPR_BROKEN:
    case EXPR_NAME:
    case EXPR_DECL:
    case EXPR_CONSTANT_NAME:
    case EXPR_VARIABLE:
    case EXPR_EACH_KEY:
    case EXPR_EACH_VALUE: return 0;
    case EXPR_ATTR: return 1;
    case EXPR_INDEX: return 2;
    case EXPR_FOR: return 4;
    case EXPR_LIST:
    case EXPR_TEMPLATE:
    case EXPR_CALL: return e->count;
    case EXPR_MAP: return 2 * e->count;
    default: return 3; /* operators */
    }
}

struct expr *expr_child(const struct expr *e, uint32_t i)
{
    switch ((enum expr_op)e->op) {
    case EXPR_LIST: return &e->list.items[i];
    case EXPR_MAP: return i % 2 ? &e->map.entries[i / 2].value : e->map.entries[i / 2].key_expr;
    case EXPR_TEMPLATE: return e->parts[i];
    case EXPR_CALL: return e->call.args[i];
    case EXPR_ATTR: return e->attr.base;
    case EXPR_INDEX: return i ? e->index.index : e->index.base;
    case EXPR_FOR: {
        struct comprehension *c = e->comprehension;
        return i == EXPR_FOR_OVER        ? c->source
               : i == EXPR_FOR_CONDITION ? c->condition
               : i == 2                  ? c->key
                                         : c->value;
    }
    default: return e->operands[i];
    }
}

static void visit_all(const struct expr *e, void (*visit)(void *ctx, const struct decl *decl), void *ctx)
{
    if (e && e->op == EXPR_DECL)
        visit(ctx, e->decl);
    for (uint32_t i = 0, n = e ? expr_child_count(e) : 0; i < n; i++)
        visit_all(expr_child(e, i), visit, ctx);
}

void expr_each_decl(
    const struct expr *expr, struct str key, void (*visit)(void *ctx, const struct decl *decl), void *ctx)
{
    if (!expr || expr->op != EXPR_MAP) {
        visit_all(expr, visit, ctx);
        return;
    }
    for (uint32_t i = 0; i < expr->count; i++)
        if (expr->map.entries[i].key_expr || str_eq(expr->map.entries[i].key, key))
            visit_all(&expr->map.entries[i].value, visit, ctx);
}

static void each_reference(const struct expr *e, bool part, expr_visit_reference *visit, void *ctx)
{
    const struct expr *base = e && e->op == EXPR_ATTR ? e->attr.base : NULL;
    while (base && base->op == EXPR_INDEX)
        base = base->index.base;
    const struct decl *named = e ? expr_named(base ? base : e) : NULL;
    if (named)
        visit(ctx, named, base ? e->attr.name : STR_EMPTY, part);
    if (e && (e->op == EXPR_EACH_KEY || e->op == EXPR_EACH_VALUE))
        visit(ctx, NULL, STR_EMPTY, part);
    for (uint32_t i = 0, n = e ? expr_child_count(e) : 0; i < n && !named; i++) {
        bool whole = e->op == EXPR_LIST || (e->op == EXPR_MAP && i % 2) || (e->op == EXPR_COND && i);
        each_reference(expr_child(e, i), part || !whole, visit, ctx);
    }
}

void expr_each_reference(const struct expr *expr, expr_visit_reference *visit, void *ctx)
{
    each_reference(expr, false, visit, ctx);
}

size_t expr_count_constant(const struct expr *expr, struct str name)
{
    bool named = expr && (expr->op == EXPR_CONSTANT_NAME || expr->op == EXPR_NAME);
    size_t found = named && str_eq(expr->name, name);
    for (uint32_t i = 0, n = expr ? expr_child_count(expr) : 0; i < n; i++)
        found += expr_count_constant(expr_child(expr, i), name);
    return found;
}

bool expr_names_member(const struct expr *expr, struct str constant, struct str member)
{
    bool found = expr && expr->op == EXPR_ATTR && str_eq(expr->attr.name, member) &&
                 expr_count_constant(expr->attr.base, constant);
    for (uint32_t i = 0, n = expr ? expr_child_count(expr) : 0; i < n && !found; i++)
        found = expr_names_member(expr_child(expr, i), constant, member);
    return found;
}

const struct decl *expr_named(const struct expr *expr)
{
    return expr && expr->op == EXPR_DECL ? expr->decl : NULL;
}

const struct decl *expr_root(const struct expr *expr)
{
    while (expr && (expr->op == EXPR_INDEX || expr->op == EXPR_ATTR))
        expr = expr->op == EXPR_INDEX ? expr->index.base : expr->attr.base;
    return expr_named(expr);
}

const struct expr *expr_owner(const struct expr *expr, const struct decl **decl)
{
    const struct decl *root = expr->op == EXPR_ATTR ? expr_root(expr->attr.base) : NULL;
    if (!root || root->kind != DECL_RESOURCE)
        return NULL;
    *decl = root;
    return expr->attr.base;
}

/* ---- source locations of sub-expressions ---- */

/* Bytes of an escape in a double-quoted scalar. The decoded length is approximated for rare escapes. */
static size_t escape_size(char c)
{
    return c == 'x' ? 4 : c == 'u' ? 6 : c == 'U' ? 10 : 2;
}

/* Returns the offset of the scalar's first character. */
static size_t content_start(struct str raw)
{
    if (!raw.n || !strchr("\"'|>", raw.p[0]))
        return 0;
    if (raw.p[0] == '"' || raw.p[0] == '\'')
        return 1;
    ptrdiff_t newline = str_find_char(raw, '\n', 0);
    return newline < 0 ? raw.n : (size_t)newline + 1;
}

/*
 * The raw text has quotes, escapes, indentation and folded lines that the decoded text does not have. Both
 * are walked in parallel: blanks that occur on one side only are skipped there.
 */
size_t node_raw_offset(const struct node *node, size_t offset)
{
    if (!node->source)
        return 0;
    struct str raw = node_raw(node), text = node->string;
    char style = raw.n ? raw.p[0] : ' ';
    size_t at = 0, j = content_start(raw);
    while (at < text.n && j < raw.n) {
        char c = raw.p[j];
        if (style == '"' && c == '\\' && j + 1 < raw.n && raw.p[j + 1] != '\n') {
            if (at >= offset)
                break;
            at += str_char_size(text, at);
            j += escape_size(raw.p[j + 1]);
        } else if (c == text.p[at]) {
            if (at >= offset)
                break;
            at++;
            j += style == '\'' && c == '\'' ? 2 : 1;
        } else if (isspace((unsigned char)c) || (style == '"' && c == '\\')) {
            j++;
        } else {
            if (at >= offset)
                break;
            at++;
            j += isspace((unsigned char)text.p[at - 1]) ? 0 : 1;
        }
    }
    return node->offset + (j < raw.n ? j : raw.n);
}

struct span expr_span(const struct expr *expr)
{
    if (!expr->node)
        return (struct span){0};
    if (expr->flags & EXPR_WHOLE_NODE)
        return node_span(expr->node);
    size_t from = node_raw_offset(expr->node, expr->offset);
    size_t to = from;
    if (expr->length)
        to = node_raw_offset(expr->node, expr->offset + expr->length - 1) + 1;
    return (struct span){.source = expr->node->source,
        .offset = (uint32_t)from,
        .length = (uint32_t)(to > from ? to - from : 1)};
}

static const struct expr_entry *find_entry(const struct expr *map, struct str key)
{
    for (uint32_t i = 0; i < map->count; i++)
        if (!map->map.entries[i].key_expr && str_eq(map->map.entries[i].key, key))
            return &map->map.entries[i];
    return NULL;
}

const struct expr *expr_follow(
    const struct expr *expr, const struct value *path, const struct expr_entry **entry, uint32_t *rest)
{
    uint32_t n = path && path->kind == VALUE_LIST ? path->count : 0, i = 0;
    *entry = NULL;
    for (; i < n; i++) {
        const struct value *step = path->items[i];
        const struct expr *inner = NULL;
        *entry = NULL;
        if (expr->op == EXPR_MAP && step->kind == VALUE_STRING && (*entry = find_entry(expr, step->string)))
            inner = &(*entry)->value;
        else if (expr->op == EXPR_LIST && step->kind == VALUE_INT && step->integer >= 0 &&
                 step->integer < expr->count)
            inner = &expr->list.items[step->integer];
        if (!inner)
            break;
        expr = inner;
    }
    *rest = n - i;
    return expr;
}

const struct expr *expr_at(const struct expr *expr, const struct value *path, bool holder)
{
    const struct expr_entry *entry;
    uint32_t rest;
    const struct expr *found = expr_follow(expr, path, &entry, &rest);
    return rest == (uint32_t)holder ? found : NULL;
}

struct span expr_span_at(const struct expr *expr, const struct value *path, bool at_key)
{
    const struct expr_entry *entry;
    uint32_t rest;
    const struct expr *found = expr_follow(expr, path, &entry, &rest);
    return at_key && !rest && entry && entry->origin ? node_key_span(entry->origin) : expr_span(found);
}

bool expr_is_const(const struct expr *expr)
{
    return expr->flags & EXPR_IS_CONST;
}

/* ---- Finds secrets that are written in an expression, to decide whether stack files may be recorded
 * unencrypted. The value of an expression is known only after evaluation and only for the branch that was
 * taken. Literals are visible to every reader of the file. */

enum { SECRET_MIN = 4 /* shorter secrets can be found by trying all */ };

static bool is_text(const struct value *v)
{
    if (v->kind == VALUE_STRING)
        return str_trim(v->string).n >= SECRET_MIN;
    if (v->kind == VALUE_INT)
        return v->integer >= 1000 || v->integer <= -1000;
    if (v->kind != VALUE_LIST && v->kind != VALUE_MAP)
        return v->kind == VALUE_FLOAT;
    for (uint32_t i = 0; i < v->count; i++)
        if (is_text(v->kind == VALUE_LIST ? v->items[i] : v->entries[i].value))
            return true;
    return false;
}

static bool is_function(const struct expr *e, const char *prefix)
{
    return e->op == EXPR_CALL && e->call.function && str_starts(e->call.function->name, str_z(prefix));
}

/* Returns whether child i is the name of a file or a format, which is not a secret. */
static bool is_name(const struct expr *e, uint32_t i)
{
    return i == 0 && expr_child(e, i)->op == EXPR_CONST &&
           (is_function(e, "file") || is_function(e, "template") || is_function(e, "format"));
}

/* Returns whether child i is only a key of an index or a condition: these are not secret even if the result
 * is. */
static bool is_key_or_condition(const struct expr *e, uint32_t i)
{
    return (e->op == EXPR_INDEX && i == 1) || (e->op == EXPR_FOR && i == EXPR_FOR_CONDITION) ||
           (e->op == EXPR_COND && i == 0);
}

static bool writes(const struct expr *e, bool within)
{
    if (e->op == EXPR_CONST)
        return within && is_text(&e->constant);
    bool secret = within || is_function(e, "sensitive");
    for (uint32_t i = 0, n = expr_child_count(e); i < n; i++) {
        const struct expr *child = expr_child(e, i);
        if (child && !is_name(e, i) && writes(child, secret && !is_key_or_condition(e, i)))
            return true;
    }
    return false;
}

bool expr_writes_secret(const struct expr *expr, bool within)
{
    return expr && writes(expr, within);
}

/* ---- references to a whole resource, data source or module where an attribute must be meant ---- */

/* Returns the attribute that is usually meant: the name or, for types without a name, the id. */
static struct str usual_attribute(const struct decl *decl)
{
    if (decl->kind == DECL_MODULE)
        return STR("OUTPUT");
    if (!decl->schema || schema_attr(decl->schema, STR("name")))
        return STR("name");
    return decl->schema->id.n ? decl->schema->id : STR("ATTRIBUTE");
}

bool expr_hint_whole(const struct expr *e, struct diags *diags, struct diag *d)
{
    bool indexed = e->op == EXPR_INDEX && e->index.base->op == EXPR_DECL;
    const struct decl *decl = e->op == EXPR_DECL ? e->decl : indexed ? e->index.base->decl : NULL;
    if (!decl || (decl->kind != DECL_RESOURCE && decl->kind != DECL_DATA && decl->kind != DECL_MODULE))
        return false;
    bool several = decl->for_each || decl_is_keyed_module(decl);
    if (indexed && !several) /* lake["tags"] names an attribute */
        return false;
    struct str text = eval_source(e, decl->name), attribute = usual_attribute(decl);
    diag_hint(diags, d, "this is the whole %s; name an attribute: %.*s%s.%.*s",
        decl->kind == DECL_RESOURCE ? "resource"
        : decl->kind == DECL_DATA   ? "data"
                                    : "module",
        STR_ARG(text), several && !indexed ? "[KEY]" : "", STR_ARG(attribute));
    return true;
}

/* Hints that a whole resource cannot be the object value of another resource's attribute: its keys have to be
 * given one by one. */
static void hint_piece_by_piece(
    const struct expr *e, const struct schema_issue *issue, struct diags *diags, struct diag *d)
{
    const struct decl *decl = e->op == EXPR_DECL ? e->decl : NULL;
    if (!decl || decl->kind != DECL_RESOURCE || !schema_attr(decl->schema, issue->key))
        return;
    d->label = STR_EMPTY;
    diag_hint(diags, d,
        "this is the whole resource; name the attribute of each key: {KEY: \"${%.*s.ATTRIBUTE}\"}",
        STR_ARG(eval_source(e, decl->name)));
}

void expr_hint_issue(
    const struct expr *expr, const struct schema_issue *issue, struct diags *diags, struct diag *d)
{
    const struct expr *e = expr_at(expr, issue->path, issue->at_key);
    if (e && issue->at_key)
        hint_piece_by_piece(e, issue, diags, d);
    else if (e)
        expr_hint_whole(e, diags, d);
}
