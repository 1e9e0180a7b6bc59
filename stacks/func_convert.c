/* Conversion between types, choice among values, marks. */
#include "stacks/func.h"

/* The value, or NULL without a word where it fails. */
static const struct value *attempt(struct call *call, const struct expr *e)
{
    bool quiet = call->ev->quiet;
    call->ev->quiet = true;
    const struct value *v = eval(call->ev, e);
    call->ev->quiet = quiet;
    return v;
}

/* Having produced too much is reported already and cannot be made up for. */
static bool spent(const struct call *call)
{
    return call->ev->budget->spent;
}

const struct value *func_can(struct call *call)
{
    const struct value *v = attempt(call, call->expr->call.args[0]);
    if (spent(call))
        return NULL;
    return v && v->kind == VALUE_UNKNOWN ? v : value_bool(v != NULL);
}

const struct value *func_try(struct call *call)
{
    const struct expr *e = call->expr;
    for (uint32_t i = 0; i + 1 < e->count && !spent(call); i++) {
        const struct value *v = attempt(call, e->call.args[i]);
        if (v)
            return v;
    }
    return spent(call) ? NULL : eval(call->ev, e->call.args[e->count - 1]);
}

const struct value *func_default(struct call *call)
{
    const struct value *v = attempt(call, call->expr->call.args[0]);
    if (spent(call))
        return NULL;
    return value_is_null(v) ? eval(call->ev, call->expr->call.args[1]) : v;
}

const struct value *func_coalesce(struct call *call)
{
    for (size_t i = 0; i < call->n; i++)
        if (call->args[i]->kind != VALUE_NULL)
            return call->args[i];
    return call_fail(call, call->n, "all arguments of coalesce() are null");
}

const struct value *func_sensitive(struct call *call)
{
    return value_mark(call->arena, call->args[0], VALUE_SENSITIVE);
}

const struct value *func_nonsensitive(struct call *call)
{
    return value_unmark(call->arena, call->args[0]);
}
