/* Policies of IAM that stand in a stack: what IAM would not take, and actions that there are none of. */
#include "plan/evaluate/evaluate.h"
#include "plan/planner.h"
#include "provider/iam/policy.h"

/* ---- actions that nothing knows ---- */

struct reported_actions {
    struct planner *p;
    const struct attr_expr *given;
    const struct value *path[6]; /* to where the action stands */
    size_t depth;
};

static void tell_action(const struct reported_actions *t, struct arena *arena, struct str action)
{
    struct str nearest;
    if (iam_action_is_known(arena, action, &nearest))
        return;
    struct span span = expr_span_at(t->given->expr, value_list(arena, t->path, t->depth), false);
    struct diag *d = diag_warning(t->p->diags, span,
        "\"%.*s\" is not an action that IAM knows, so nothing is said by it", STR_ARG(action));
    if (nearest.n)
        diag_label(t->p->diags, d, "did you mean \"%.*s\"?", STR_ARG(nearest));
    else
        diag_hint(t->p->diags, d,
            "look it up in the Service Authorization Reference; an action that is newer than this "
            "weir is right all the same");
}

static void tell_actions(struct reported_actions *t, struct arena *arena, const struct value *statement)
{
    static const char *const elements[] = {"Action", "NotAction"};
    for (size_t e = 0; e < 2; e++) {
        const struct value *actions = value_getz(statement, elements[e]);
        size_t depth = t->depth;
        t->path[t->depth++] = value_stringz(arena, elements[e]);
        if (actions && actions->kind == VALUE_STRING)
            tell_action(t, arena, actions->string);
        for (uint32_t i = 0; actions && actions->kind == VALUE_LIST && i < actions->count; i++) {
            t->path[t->depth++] = value_int(arena, i);
            if (actions->items[i]->kind == VALUE_STRING)
                tell_action(t, arena, actions->items[i]->string);
            t->depth--;
        }
        t->depth = depth;
    }
}

/* A misspelt action allows nothing, and nobody says so until something is denied. */
static void check_actions(
    struct planner *p, const struct attr_expr *given, struct str key, const struct value *document)
{
    AUTO_ARENA struct arena scratch = ARENA_INIT;
    struct reported_actions t = {.p = p, .given = given};
    const struct value *statements = value_getz(document, "Statement");
    if (key.p)
        t.path[t.depth++] = value_string(&scratch, key);
    t.path[t.depth++] = value_stringz(&scratch, "Statement");
    if (statements && statements->kind == VALUE_MAP)
        tell_actions(&t, &scratch, statements);
    for (uint32_t i = 0; statements && statements->kind == VALUE_LIST && i < statements->count; i++) {
        t.path[t.depth++] = value_int(&scratch, i);
        tell_actions(&t, &scratch, statements->items[i]);
        t.depth--;
    }
}

/* Would IAM take it? Said at the statement, where that stands in the file. */
static bool check_policy(struct planner *p, const struct attr_expr *given, struct str key,
    const struct type *type, const struct value *document)
{
    AUTO_ARENA struct arena scratch = ARENA_INIT;
    const struct value *path[3], *statements = value_getz(document, "Statement");
    struct err err = ERR_INIT;
    size_t statement, depth = 0;
    if (!iam_policy_check(&scratch, document, type->place, &statement, &err)) {
        check_actions(p, given, key, document);
        return true;
    }
    if (key.p)
        path[depth++] = value_string(&scratch, key);
    if (statement) {
        path[depth++] = value_stringz(&scratch, "Statement");
        if (statements && statements->kind == VALUE_LIST)
            path[depth++] = value_int(&scratch, (int64_t)statement - 1);
    }
    struct str message =
        statement ? arena_printf(&scratch, "statement %zu: %s", statement, err.message) : str_z(err.message);
    const struct schema_issue issue = {
        .message = message, .label = STR_EMPTY, .key = STR_EMPTY, .path = value_list(&scratch, path, depth)};
    evaluate_issue(p, given->expr, given->key_span, "attribute", given->name, &issue);
    return false;
}

bool policies_check(struct planner *p, const struct attr_expr *given, const struct value *v)
{
    const struct type *type = given->attr->type;
    bool ok = true;
    if (type->kind == TYPE_POLICY && !value_is_null(v) && v->kind != VALUE_UNKNOWN)
        return check_policy(p, given, (struct str){0}, type, v);
    if (type->kind != TYPE_MAP || type->elem->kind != TYPE_POLICY || v->kind != VALUE_MAP)
        return true;
    for (uint32_t i = 0; i < v->count; i++)
        if (!value_is_null(v->entries[i].value) && v->entries[i].value->kind != VALUE_UNKNOWN)
            ok &= check_policy(p, given, v->entries[i].key, type->elem, v->entries[i].value);
    return ok;
}
