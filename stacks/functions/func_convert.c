/* Conversion between types, selection of values, marks. */
#include "stacks/expressions/func.h"

#include "base/mask.h"

#include <math.h>

/* Evaluates e without reporting errors. Returns NULL if it fails. */
static const struct value *func_convert_attempt(struct call *call, const struct expr *e)
{
    bool quiet = call->ev->quiet;
    call->ev->quiet = true;
    const struct value *v = eval(call->ev, e);
    call->ev->quiet = quiet;
    return v;
}

/* An exceeded budget has been reported, and try() and can() must not hide it. */
static bool spent(const struct call *call)
{
    return call->ev->budget->spent;
}

const struct value *func_can(struct call *call)
{
    const struct value *v = func_convert_attempt(call, call->expr->call.args[0]);
    if (spent(call))
        return NULL;
    return v && v->kind == VALUE_UNKNOWN ? v : value_bool(v != NULL);
}

const struct value *func_try(struct call *call)
{
    const struct expr *e = call->expr;
    for (uint32_t i = 0; i + 1 < e->count && !spent(call); i++) {
        const struct value *v = func_convert_attempt(call, e->call.args[i]);
        if (v)
            return v;
    }
    return spent(call) ? NULL : eval(call->ev, e->call.args[e->count - 1]);
}

const struct value *func_default(struct call *call)
{
    const struct value *v = func_convert_attempt(call, call->expr->call.args[0]);
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
    mask_add_value(call->args[0], MASK_GIVEN);
    return value_mark(call->arena, call->args[0], VALUE_SENSITIVE);
}

const struct value *func_nonsensitive(struct call *call)
{
    mask_allow_value(call->args[0]);
    return value_unmark(call->arena, call->args[0]);
}

/* ---- types ---- */

const struct value *func_type(struct call *call)
{
    return value_stringz(call->arena, value_kind_name(call->args[0]->kind));
}

const struct value *func_tostring(struct call *call)
{
    const struct value *v = call->args[0];
    if (v->kind == VALUE_NULL || v->kind == VALUE_STRING)
        return v;
    struct str text = value_scalar_text(call->arena, v);
    if (!text.p)
        return call_fail(
            call, 0, "%s cannot become text; jsonencode() writes it as JSON", value_with_article(v));
    return value_string_ref(call->arena, text);
}

const struct value *func_tonumber(struct call *call)
{
    const struct value *v = call->args[0];
    int64_t integer;
    double number;
    if (v->kind != VALUE_STRING && v->kind != VALUE_BOOL && v->kind != VALUE_LIST && v->kind != VALUE_MAP)
        return v;
    if (v->kind != VALUE_STRING)
        return call_fail(call, 0, "%s cannot become a number", value_with_article(v));
    if (str_to_int(v->string, &integer))
        return value_int(call->arena, integer);
    bool plain = true; /* excludes "nan" and hexadecimal numbers */
    for (size_t i = 0; i < v->string.n; i++)
        plain = plain && char_is_among(v->string.p[i], "0123456789+-.eE");
    if (plain && str_to_double(v->string, &number) && isfinite(number))
        return value_float(call->arena, number);
    return call_fail(call, 0, "%s is not a number", call_quote(call, 0).p);
}

const struct value *func_tobool(struct call *call)
{
    const struct value *v = call->args[0];
    if (v->kind == VALUE_NULL || v->kind == VALUE_BOOL)
        return v;
    if (v->kind == VALUE_STRING && str_eqz(v->string, "true"))
        return &value_true;
    if (v->kind == VALUE_STRING && str_eqz(v->string, "false"))
        return &value_false;
    return call_fail(call, 0, "%s is neither \"true\" nor \"false\"", call_quote(call, 0).p);
}

const struct value *func_tolist(struct call *call)
{
    const struct value *v = call->args[0];
    if (v->kind == VALUE_NULL)
        return &value_empty_list;
    return v->kind == VALUE_LIST ? v : value_list(call->arena, &v, 1);
}

/* The reverse of entries(). */
const struct value *func_tomap(struct call *call)
{
    const struct value *list = call->args[0];
    if (list->kind == VALUE_MAP)
        return list;
    AUTO_BUILDER struct value_builder map = VALUE_BUILDER(call->arena);
    unsigned marks = 0;
    for (uint32_t i = 0; i < list->count; i++) {
        const struct value *item = list->items[i];
        const struct value *key = value_getz(item, "key"), *value = value_getz(item, "value");
        if (item->kind == VALUE_UNKNOWN || value_is_unknown(key))
            return &value_unknown;
        struct str text = value_scalar_text(call->arena, key);
        if (!text.p || !value)
            return call_fail(call, 0, "tomap() takes a list of {key, value}, but item %u is not one", i);
        marks |= key->marks;
        value_builder_set(&map, text, eval_marked(call->ev, value, item->marks & VALUE_SENSITIVE));
    }
    return eval_marked(call->ev, value_builder_map(&map), marks);
}
