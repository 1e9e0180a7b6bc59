/*
 * Is a secret written out in an expression? For whether the stack's files may be kept in clear.
 *
 * What an expression gives is known only when it is evaluated, and then only of the branch that was taken;
 * what is written in it is there for everybody who reads the file.
 */
#include "stacks/expressions/expr_internal.h"
#include "stacks/expressions/func.h"

enum { SECRET_MIN = 4 /* shorter ones are found by trying */ };

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

/* The name of a file, or of a format, is no secret. */
static bool is_name(const struct expr *e, uint32_t i)
{
    return i == 0 && expr_child(e, i)->op == EXPR_CONST &&
           (is_function(e, "file") || is_function(e, "template") || is_function(e, "format"));
}

/* What is looked up by name is secret, the name is not; nor is what is only decided on. */
static bool is_only_asked(const struct expr *e, uint32_t i)
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
        if (child && !is_name(e, i) && writes(child, secret && !is_only_asked(e, i)))
            return true;
    }
    return false;
}

bool expr_writes_secret(const struct expr *expr, bool within)
{
    return expr && writes(expr, within);
}
