/* References to a whole resource, data or module, where only something of it can be meant. */
#include "stacks/expressions/expr_internal.h"
#include "stacks/stack.h"

/* What most want: its name or, where it has none, what identifies it. */
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
    bool several = decl->for_each || decl->keyed;
    if (indexed && !several) /* lake["tags"] is something of it */
        return false;
    struct str text = eval_source(e, decl->name), attribute = usual_attribute(decl);
    diag_hint(diags, d, "this is the whole %s; say what of it: %.*s%s.%.*s",
        decl->kind == DECL_RESOURCE ? "resource"
        : decl->kind == DECL_DATA   ? "data"
                                    : "module",
        STR_ARG(text), several && !indexed ? "[KEY]" : "", STR_ARG(attribute));
    return true;
}

/* What is all a resource has is no object of another's attribute: only some of it is meant, under other keys.
 */
static void hint_piece_by_piece(
    const struct expr *e, const struct schema_issue *issue, struct diags *diags, struct diag *d)
{
    const struct decl *decl = e->op == EXPR_DECL ? e->decl : NULL;
    if (!decl || decl->kind != DECL_RESOURCE || !schema_attr(decl->schema, issue->key))
        return;
    d->label = STR_EMPTY;
    diag_hint(diags, d,
        "this is the whole resource; give the keys that are wanted one by one: {KEY: \"${%.*s.ATTRIBUTE}\"}",
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
