/* Operators, attributes and indices. */
#include "stacks/expressions/expr_internal.h"
#include "stacks/stack.h"

#include <math.h>

static const char *const signs[] = {
    [EXPR_NOT] = "!",
    [EXPR_NEGATE] = "-",
    [EXPR_OR] = "||",
    [EXPR_AND] = "&&",
    [EXPR_LESS] = "<",
    [EXPR_LESS_EQUAL] = "<=",
    [EXPR_GREATER] = ">",
    [EXPR_GREATER_EQUAL] = ">=",
    [EXPR_ADD] = "+",
    [EXPR_SUBTRACT] = "-",
    [EXPR_MULTIPLY] = "*",
    [EXPR_DIVIDE] = "/",
    [EXPR_REMAINDER] = "%",
};

/* ---- logic ---- */

bool eval_is_bool(struct eval *ev, const struct expr *e, const struct value *v, const char *what)
{
    if (v->kind == VALUE_BOOL || v->kind == VALUE_UNKNOWN)
        return true;
    eval_error(ev, e, "%s must be true or false, got %s", what, value_with_article(v));
    return false;
}

static const struct value *eval_bool(struct eval *ev, const struct expr *e, const char *what)
{
    const struct value *v = eval(ev, e);
    return v && eval_is_bool(ev, e, v, what) ? v : NULL;
}

/* Either operand can decide alone: false for &&, true for ||. */
static const struct value *eval_logic(struct eval *ev, const struct expr *e)
{
    bool decides = e->op == EXPR_OR;
    const char *what = decides ? "what stands beside ||" : "what stands beside &&";
    const struct value *left = eval_bool(ev, e->operands[0], what);
    if (!left || (left->kind == VALUE_BOOL && left->boolean == decides))
        return left;
    const struct value *right = eval_bool(ev, e->operands[1], what);
    if (!right)
        return NULL;
    if (right->kind == VALUE_BOOL && right->boolean != decides && left->kind == VALUE_UNKNOWN)
        right = left;
    return eval_marked(ev, right, left->marks | right->marks);
}

static const struct value *eval_not(struct eval *ev, const struct expr *e)
{
    const struct value *v = eval_bool(ev, e->operands[0], "what stands after !");
    if (!v || v->kind == VALUE_UNKNOWN)
        return v;
    return eval_marked(ev, value_bool(!v->boolean), v->marks);
}

static const struct value *eval_conditional(struct eval *ev, const struct expr *e)
{
    const struct value *condition = eval_bool(ev, e->operands[0], "the condition");
    if (!condition || condition->kind == VALUE_UNKNOWN)
        return condition;
    const struct value *v = eval(ev, e->operands[condition->boolean ? 1 : 2]);
    return v ? eval_marked(ev, v, condition->marks) : NULL;
}

/* ---- comparison ---- */

static const struct value *fail_operands(
    struct eval *ev, const struct expr *e, const char *wanted, const struct value *a, const struct value *b)
{
    struct diag *d;
    if (b)
        d = eval_error(ev, e, "\"%s\" needs %s, got %s and %s", signs[e->op], wanted, value_with_article(a),
            value_with_article(b));
    else
        d = eval_error(ev, e, "\"%s\" needs %s, got %s", signs[e->op], wanted, value_with_article(a));
    struct diags *diags = ev->scope->diags;
    bool add = e->op == EXPR_ADD;
    if (add && (a->kind == VALUE_STRING || b->kind == VALUE_STRING))
        diag_hint(diags, d, "texts are joined in a template: \"${a}${b}\"");
    else if (add && a->kind == VALUE_LIST)
        diag_hint(diags, d, "lists are joined by concat(a, b)");
    else if (add && a->kind == VALUE_MAP)
        diag_hint(diags, d, "maps are joined by merge(a, b)");
    else if (a->kind == VALUE_STRING || (b && b->kind == VALUE_STRING))
        diag_hint(diags, d, "tonumber(text) makes a number of text");
    return NULL;
}

static const struct value *order_result(enum expr_op op, int order)
{
    switch (op) {
    case EXPR_LESS: return value_bool(order < 0);
    case EXPR_LESS_EQUAL: return value_bool(order <= 0);
    case EXPR_GREATER: return value_bool(order > 0);
    default: return value_bool(order >= 0);
    }
}

static const struct value *binary_result(
    struct eval *ev, const struct expr *e, const struct value *a, const struct value *b);

static const struct value *eval_binary(struct eval *ev, const struct expr *e)
{
    const struct value *a = eval(ev, e->operands[0]), *b = eval(ev, e->operands[1]);
    if (!a || !b)
        return NULL;
    const struct value *result = &value_unknown;
    bool equality = e->op == EXPR_EQUAL || e->op == EXPR_NOT_EQUAL;
    bool known =
        equality ? value_is_known(a) && value_is_known(b) : !value_is_unknown(a) && !value_is_unknown(b);
    if (known)
        result = binary_result(ev, e, a, b);
    return result ? eval_marked(ev, result, a->marks | b->marks) : NULL;
}

/* ---- arithmetic ---- */

static const struct value *fail_overflow(struct eval *ev, const struct expr *e)
{
    eval_error(ev, e, "the result of \"%s\" is too large", signs[e->op]);
    return NULL;
}

static const struct value *float_arithmetic(struct eval *ev, const struct expr *e, double a, double b)
{
    double result;
    switch ((enum expr_op)e->op) {
    case EXPR_ADD: result = a + b; break;
    case EXPR_SUBTRACT: result = a - b; break;
    case EXPR_MULTIPLY: result = a * b; break;
    case EXPR_DIVIDE: result = a / b; break;
    default: result = fmod(a, b); break;
    }
    return isfinite(result) ? value_float(ev->arena, result) : fail_overflow(ev, e);
}

static const struct value *integer_arithmetic(struct eval *ev, const struct expr *e, int64_t a, int64_t b)
{
    int64_t result;
    bool overflow = false;
    switch ((enum expr_op)e->op) {
    case EXPR_ADD: overflow = __builtin_add_overflow(a, b, &result); break;
    case EXPR_SUBTRACT: overflow = __builtin_sub_overflow(a, b, &result); break;
    case EXPR_MULTIPLY: overflow = __builtin_mul_overflow(a, b, &result); break;
    case EXPR_REMAINDER: result = b == -1 ? 0 : a % b; break;
    default:
        if (b == -1)
            overflow = __builtin_sub_overflow((int64_t)0, a, &result);
        else if (a % b)
            return float_arithmetic(ev, e, (double)a, (double)b);
        else
            result = a / b;
        break;
    }
    return overflow ? fail_overflow(ev, e) : value_int(ev->arena, result);
}

static const struct value *arithmetic(
    struct eval *ev, const struct expr *e, const struct value *a, const struct value *b)
{
    if (!value_is_number(a) || !value_is_number(b))
        return fail_operands(ev, e, "numbers", a, b);
    if ((e->op == EXPR_DIVIDE || e->op == EXPR_REMAINDER) && value_number(b) == 0) {
        eval_error(ev, e, "division by zero");
        return NULL;
    }
    if (a->kind == VALUE_INT && b->kind == VALUE_INT)
        return integer_arithmetic(ev, e, a->integer, b->integer);
    return float_arithmetic(ev, e, value_number(a), value_number(b));
}

static const struct value *binary_result(
    struct eval *ev, const struct expr *e, const struct value *a, const struct value *b)
{
    switch ((enum expr_op)e->op) {
    case EXPR_EQUAL: return value_bool(value_equal(a, b));
    case EXPR_NOT_EQUAL: return value_bool(!value_equal(a, b));
    case EXPR_LESS:
    case EXPR_LESS_EQUAL:
    case EXPR_GREATER:
    case EXPR_GREATER_EQUAL:
        if ((value_is_number(a) && value_is_number(b)) ||
            (a->kind == VALUE_STRING && b->kind == VALUE_STRING))
            return order_result(e->op, value_compare(a, b));
        return fail_operands(ev, e, "two numbers or two texts", a, b);
    default: return arithmetic(ev, e, a, b);
    }
}

static const struct value *eval_negate(struct eval *ev, const struct expr *e)
{
    const struct value *v = eval(ev, e->operands[0]);
    if (!v || v->kind == VALUE_UNKNOWN)
        return v;
    const struct value *result;
    int64_t negated;
    if (!value_is_number(v))
        return fail_operands(ev, e, "a number", v, NULL);
    if (v->kind == VALUE_FLOAT)
        result = value_float(ev->arena, -v->number);
    else if (__builtin_sub_overflow((int64_t)0, v->integer, &negated))
        return fail_overflow(ev, e);
    else
        result = value_int(ev->arena, negated);
    return eval_marked(ev, result, v->marks);
}

const struct value *eval_operator(struct eval *ev, const struct expr *e)
{
    switch ((enum expr_op)e->op) {
    case EXPR_COND: return eval_conditional(ev, e);
    case EXPR_NOT: return eval_not(ev, e);
    case EXPR_NEGATE: return eval_negate(ev, e);
    case EXPR_OR:
    case EXPR_AND: return eval_logic(ev, e);
    default: return eval_binary(ev, e);
    }
}

/* ---- attributes and indices ---- */

static void hint_keys(struct eval *ev, struct diag *d, const struct value *map, struct str wanted)
{
    AUTO_ARENA struct arena scratch = ARENA_INIT;
    AUTO_BUF struct buf list = BUF_INIT;
    struct str *keys = ARENA_ARRAY(&scratch, struct str, map->count);
    for (uint32_t i = 0; i < map->count; i++) {
        keys[i] = map->entries[i].key;
        if (i < 10)
            buf_addf(&list, "%s%.*s", i ? ", " : "", STR_ARG(keys[i]));
    }
    diag_did_you_mean(ev->scope->diags, d, wanted, keys, map->count);
    if (d->label.n)
        return;
    if (map->count)
        diag_hint(ev->scope->diags, d, "it has %s%s", list.p, map->count > 10 ? " …" : "");
    else
        diag_hint(ev->scope->diags, d, "it is empty");
}

static const struct value *fail_key(
    struct eval *ev, const struct expr *e, const struct expr *base, const struct value *map, struct str key)
{
    struct str name = eval_source(base, STR("the map"));
    struct diag *d = eval_error(ev, e, "%.*s has no key \"%.*s\"", STR_ARG(name), STR_ARG(key));
    if (ev->quiet)
        return NULL;
    if (base->op == EXPR_DECL && base->decl->for_each && base->decl->schema)
        diag_hint(ev->scope->diags, d, "%.*s has for_each: its instances are %.*s[\"KEY\"]", STR_ARG(name),
            STR_ARG(name));
    else if (!(map->marks & VALUE_SENSITIVE))
        hint_keys(ev, d, map, key);
    return NULL;
}

const struct value *eval_attr(struct eval *ev, const struct expr *e)
{
    const struct value *base = eval(ev, e->attr.base);
    if (!base || base->kind == VALUE_UNKNOWN)
        return base;
    if (base->kind == VALUE_NULL && (e->flags & EXPR_IS_FIELD))
        return base;
    struct str name = e->attr.name;
    if (base->kind != VALUE_MAP) {
        struct str source = eval_source(e->attr.base, STR("this"));
        struct diag *d = eval_error(ev, e, "%.*s is %s and has no attribute \"%.*s\"", STR_ARG(source),
            value_with_article(base), STR_ARG(name));
        if (base->kind == VALUE_LIST)
            diag_hint(ev->scope->diags, d, "of every item: [for x in %.*s : x.%.*s]", STR_ARG(source),
                STR_ARG(name));
        return NULL;
    }
    const struct value *v = value_get(base, name);
    if (!v && (e->flags & EXPR_IS_FIELD))
        v = &value_null;
    if (!v)
        return fail_key(ev, e, e->attr.base, base, name);
    return eval_marked(ev, v, base->marks & VALUE_SENSITIVE);
}

static const struct value *list_item(
    struct eval *ev, const struct expr *e, const struct value *list, const struct value *index)
{
    int64_t at = index->integer;
    if (index->kind == VALUE_FLOAT && index->number >= 0 && index->number < 4294967296.0 &&
        !(floor(index->number) < index->number))
        at = (int64_t)index->number;
    else if (index->kind != VALUE_INT) {
        eval_error(
            ev, e->index.index, "the index of a list is an integer, got %s", value_with_article(index));
        return NULL;
    }
    if (at >= 0 && at < list->count)
        return list->items[at];
    struct diag *d;
    if (index->marks & VALUE_SENSITIVE)
        d = eval_error(ev, e->index.index, "the index is out of range");
    else
        d = eval_error(ev, e->index.index, "index %lld is out of range", (long long)at);
    if (list->marks & VALUE_SENSITIVE)
        return NULL;
    if (list->count)
        diag_label(
            ev->scope->diags, d, "the list has %u item%s, from 0", list->count, list->count == 1 ? "" : "s");
    else
        diag_label(ev->scope->diags, d, "the list is empty");
    return NULL;
}

static const struct value *map_item(
    struct eval *ev, const struct expr *e, const struct value *map, const struct value *index)
{
    struct str key = value_scalar_text(ev->arena, index);
    if (!key.p) {
        eval_error(ev, e->index.index, "the key of a map is a string, got %s", value_with_article(index));
        return NULL;
    }
    const struct value *v = value_get(map, key);
    if (v)
        return v;
    if (index->marks & VALUE_SENSITIVE) {
        eval_error(ev, e, "the map has no such key");
        return NULL;
    }
    return fail_key(ev, e, e->index.base, map, key);
}

const struct value *eval_index(struct eval *ev, const struct expr *e)
{
    const struct value *base = eval(ev, e->index.base), *index = eval(ev, e->index.index);
    if (!base || !index)
        return NULL;
    unsigned marks = (base->marks | index->marks) & VALUE_SENSITIVE;
    if (base->kind == VALUE_UNKNOWN || index->kind == VALUE_UNKNOWN)
        return eval_marked(ev, &value_unknown, marks);
    const struct value *v = NULL;
    if (base->kind == VALUE_LIST)
        v = list_item(ev, e, base, index);
    else if (base->kind == VALUE_MAP)
        v = map_item(ev, e, base, index);
    else
        eval_error(ev, e, "%.*s is %s, not a list or a map", STR_ARG(eval_source(e->index.base, STR("this"))),
            value_with_article(base));
    return v ? eval_marked(ev, v, marks) : NULL;
}
