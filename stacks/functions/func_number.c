/* Numbers. Integers stay integers if the result is one; an overflow is an error. */
#include "stacks/expressions/func.h"

#include <math.h>
#include <stdlib.h>

static const struct value *too_large(struct call *call)
{
    return call_fail(call, call->n, "the result of %.*s() is too large", STR_ARG(call->function->name));
}

static const struct value *float_result(struct call *call, double number)
{
    return isfinite(number) ? value_float(call->arena, number) : too_large(call);
}

/* Returns a whole number as an integer if it fits. */
static const struct value *whole_result(struct call *call, double number)
{
    if (number >= -9223372036854775808.0 && number < 9223372036854775808.0)
        return value_int(call->arena, (int64_t)number);
    return float_result(call, number);
}

const struct value *func_abs(struct call *call)
{
    const struct value *v = call->args[0];
    if (v->kind == VALUE_FLOAT)
        return value_float(call->arena, fabs(v->number));
    if (v->integer == INT64_MIN)
        return too_large(call);
    return v->integer < 0 ? value_int(call->arena, -v->integer) : v;
}

const struct value *func_ceil(struct call *call)
{
    const struct value *v = call->args[0];
    return v->kind == VALUE_INT ? v : whole_result(call, ceil(v->number));
}

const struct value *func_floor(struct call *call)
{
    const struct value *v = call->args[0];
    return v->kind == VALUE_INT ? v : whole_result(call, floor(v->number));
}

const struct value *func_round(struct call *call)
{
    const struct value *v = call->args[0];
    int64_t digits = call->n > 1 ? arg_int(call, 1) : 0;
    if (digits < 0 || digits > 15)
        return call_fail(call, 1, "round() takes 0 to 15 digits, got %lld", (long long)digits);
    if (v->kind == VALUE_INT)
        return v;
    if (!digits)
        return whole_result(call, round(v->number));
    /* Rounds by formatting: multiplying and dividing would add rounding errors. */
    double number = strtod(arena_printf(call->arena, "%.*f", (int)digits, v->number).p, NULL);
    return float_result(call, number);
}

const struct value *func_log(struct call *call)
{
    double number = value_number(call->args[0]), base = value_number(call->args[1]);
    if (!(number > 0))
        return call_fail(call, 0, "log() takes a number above 0");
    if (!(base > 0) || !(base < 1 || base > 1))
        return call_fail(call, 1, "the base of log() must be above 0 and not 1");
    return float_result(call, log(number) / log(base));
}

static bool integer_power(int64_t base, int64_t exponent, int64_t *result)
{
    for (*result = 1; exponent; exponent >>= 1) {
        if ((exponent & 1) && __builtin_mul_overflow(*result, base, result))
            return false;
        if (exponent > 1 && __builtin_mul_overflow(base, base, &base))
            return false;
    }
    return true;
}

const struct value *func_pow(struct call *call)
{
    const struct value *base = call->args[0], *exponent = call->args[1];
    int64_t result;
    if (base->kind == VALUE_INT && exponent->kind == VALUE_INT && exponent->integer >= 0)
        return integer_power(base->integer, exponent->integer, &result) ? value_int(call->arena, result)
                                                                        : too_large(call);
    double number = pow(value_number(base), value_number(exponent));
    if (isnan(number))
        return call_fail(call, call->n, "pow() has no result for these");
    return float_result(call, number);
}

/* Returns the numbers to compare: the arguments, or the items of a single list. Returns false after an
 * error. */
static bool as_numbers(struct call *call, const struct value *const **items, size_t *n)
{
    bool list = call->n == 1 && call->args[0]->kind == VALUE_LIST;
    *items = list ? call->args[0]->items : call->args;
    *n = list ? call->args[0]->count : call->n;
    for (size_t i = 0; i < *n; i++) {
        const struct value *v = (*items)[i];
        if (v->kind != VALUE_INT && v->kind != VALUE_FLOAT) {
            call_fail(call, list ? 0 : i, "%.*s() takes numbers, got %s", STR_ARG(call->function->name),
                value_with_article(v));
            return false;
        }
    }
    return true;
}

static const struct value *extreme(struct call *call, int direction)
{
    const struct value *const *items, *best;
    size_t n;
    if (!as_numbers(call, &items, &n))
        return NULL;
    if (!n)
        return call_fail(call, 0, "%.*s() of nothing", STR_ARG(call->function->name));
    best = items[0];
    for (size_t i = 1; i < n; i++)
        if (value_compare(items[i], best) * direction > 0)
            best = items[i];
    return best;
}

const struct value *func_max(struct call *call)
{
    return extreme(call, 1);
}

const struct value *func_min(struct call *call)
{
    return extreme(call, -1);
}

const struct value *func_sum(struct call *call)
{
    const struct value *const *items;
    size_t n;
    int64_t whole = 0;
    double number = 0;
    bool exact = true;
    if (!as_numbers(call, &items, &n))
        return NULL;
    for (size_t i = 0; i < n; i++) {
        exact = exact && items[i]->kind == VALUE_INT;
        if (exact && __builtin_add_overflow(whole, items[i]->integer, &whole))
            return too_large(call);
        number += value_number(items[i]);
    }
    return exact ? value_int(call->arena, whole) : float_result(call, number);
}

const struct value *func_parseint(struct call *call)
{
    struct str text = arg_text(call, 0);
    int64_t base = call->n > 1 ? arg_int(call, 1) : 10, result = 0;
    if (base < 2 || base > 36)
        return call_fail(call, 1, "the base of parseint() is 2 to 36, got %lld", (long long)base);
    bool negative = text.n && text.p[0] == '-';
    bool ok = text.n > (negative ? 1u : 0u);
    for (size_t i = negative; ok && i < text.n; i++) {
        static const char digits[] = "0123456789abcdefghijklmnopqrstuvwxyz";
        char c = text.p[i] >= 'A' && text.p[i] <= 'Z' ? (char)(text.p[i] + 32) : text.p[i];
        const char *digit = c ? memchr(digits, c, (size_t)base) : NULL;
        ok = digit && !__builtin_mul_overflow(result, base, &result) &&
             !__builtin_sub_overflow(result, (int64_t)(digit - digits), &result);
    }
    if (ok && !negative)
        ok = !__builtin_sub_overflow((int64_t)0, result, &result);
    if (!ok)
        return call_fail(
            call, 0, "%s is not an integer of base %lld", call_quote(call, 0).p, (long long)base);
    return value_int(call->arena, result);
}
