/* What is directly inside an expression, for all who walk over it, and which declarations one refers to. */
#include "stacks/expressions/expr_internal.h"
#include "stacks/stack.h"

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
        return i == EXPR_FOR_OVER        ? c->over
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

void expr_each_reference(
    const struct expr *e, void (*visit)(void *ctx, const struct decl *decl, struct str attr), void *ctx)
{
    const struct expr *base = e && e->op == EXPR_ATTR ? e->attr.base : NULL;
    while (base && base->op == EXPR_INDEX)
        base = base->index.base;
    const struct decl *named = e ? expr_named(base ? base : e) : NULL;
    if (named)
        visit(ctx, named, base ? e->attr.name : STR_EMPTY);
    if (e && (e->op == EXPR_EACH_KEY || e->op == EXPR_EACH_VALUE))
        visit(ctx, NULL, STR_EMPTY);
    for (uint32_t i = 0, n = e ? expr_child_count(e) : 0; i < n && !named; i++)
        expr_each_reference(expr_child(e, i), visit, ctx);
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
