/* Which declarations an expression refers to, or one entry of a map that it writes out. */
#include "stacks/expressions/expr_internal.h"
#include "stacks/stack.h"

struct walk {
    void (*visit)(void *ctx, const struct decl *decl);
    void *ctx;
};

static void visit_all(const struct walk *w, const struct expr *e);

static void visit_list(const struct walk *w, struct expr *const *items, size_t n)
{
    for (size_t i = 0; i < n; i++)
        visit_all(w, items[i]);
}

static void visit_map(const struct walk *w, const struct expr *e)
{
    for (uint32_t i = 0; i < e->count; i++) {
        visit_all(w, e->map.entries[i].key_expr);
        visit_all(w, &e->map.entries[i].value);
    }
}

static void visit_for(const struct walk *w, const struct comprehension *c)
{
    visit_all(w, c->over);
    visit_all(w, c->key);
    visit_all(w, c->value);
    visit_all(w, c->condition);
}

static void visit_all(const struct walk *w, const struct expr *e)
{
    if (!e)
        return;
    switch ((enum expr_op)e->op) {
    case EXPR_DECL: w->visit(w->ctx, e->decl); break;
    case EXPR_LIST:
        for (uint32_t i = 0; i < e->count; i++)
            visit_all(w, &e->list.items[i]);
        break;
    case EXPR_MAP: visit_map(w, e); break;
    case EXPR_TEMPLATE: visit_list(w, e->parts, e->count); break;
    case EXPR_ATTR: visit_all(w, e->attr.base); break;
    case EXPR_INDEX:
        visit_all(w, e->index.base);
        visit_all(w, e->index.index);
        break;
    case EXPR_CALL: visit_list(w, e->call.args, e->count); break;
    case EXPR_FOR: visit_for(w, e->comprehension); break;
    case EXPR_CONST:
    case EXPR_BROKEN:
    case EXPR_NAME:
    case EXPR_CONSTANT_NAME:
    case EXPR_VARIABLE:
    case EXPR_EACH_KEY:
    case EXPR_EACH_VALUE: break;
    case EXPR_NOT:
    case EXPR_NEGATE: visit_list(w, e->operands, 1); break;
    case EXPR_COND: visit_list(w, e->operands, 3); break;
    case EXPR_OR:
    case EXPR_AND:
    case EXPR_EQUAL:
    case EXPR_NOT_EQUAL:
    case EXPR_LESS:
    case EXPR_LESS_EQUAL:
    case EXPR_GREATER:
    case EXPR_GREATER_EQUAL:
    case EXPR_ADD:
    case EXPR_SUBTRACT:
    case EXPR_MULTIPLY:
    case EXPR_DIVIDE:
    case EXPR_REMAINDER: visit_list(w, e->operands, 2); break;
    }
}

void expr_each_decl(
    const struct expr *expr, struct str key, void (*visit)(void *ctx, const struct decl *decl), void *ctx)
{
    struct walk w = {visit, ctx};
    if (!expr || expr->op != EXPR_MAP) {
        visit_all(&w, expr);
        return;
    }
    for (uint32_t i = 0; i < expr->count; i++)
        if (expr->map.entries[i].key_expr || str_eq(expr->map.entries[i].key, key))
            visit_all(&w, &expr->map.entries[i].value);
}

const struct decl *expr_named(const struct expr *expr)
{
    return expr && expr->op == EXPR_DECL ? expr->decl : NULL;
}

const struct expr *expr_owner(const struct expr *expr, const struct decl **decl)
{
    if (expr->op != EXPR_ATTR)
        return NULL;
    const struct expr *owner = expr->attr.base, *root = owner;
    while (root->op == EXPR_INDEX || root->op == EXPR_ATTR)
        root = root->op == EXPR_INDEX ? root->index.base : root->attr.base;
    if (root->op != EXPR_DECL || root->decl->kind != DECL_RESOURCE)
        return NULL;
    *decl = root->decl;
    return owner;
}
