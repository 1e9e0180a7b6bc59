/* The operators of conditions, and when one of them holds. */
#include "provider/iam/internal.h"

#include "base/clock.h"

#include <arpa/inet.h>

/* Does one value of the request agree with one of the policy? */
typedef bool agree_fn(const struct iam_pattern *wanted, struct str given, const struct value *context);

struct iam_operator {
    const char *name;
    agree_fn *agree;
    bool negated; /* holds where it agrees with none, also where the request has no such key */
    bool wild;
};

/* ---- texts ---- */

static bool text_is(const struct iam_pattern *wanted, struct str given, const struct value *context)
{
    return pattern_is(wanted, given, context);
}

static bool text_is_any_case(const struct iam_pattern *wanted, struct str given, const struct value *context)
{
    return pattern_is_like_case(wanted, given, context);
}

static bool arn_is(const struct iam_pattern *wanted, struct str given, const struct value *context)
{
    return pattern_is_arn(wanted, given, context);
}

static bool bool_is(const struct iam_pattern *wanted, struct str given, const struct value *context)
{
    return pattern_is_like_case(wanted, given, context);
}

/* ---- numbers and dates ---- */

/* -1, 0, 1; false: one of them is no number. */
static bool order_numbers(const struct iam_pattern *wanted, struct str given, int *order)
{
    double a, b;
    if (!str_to_double(given, &a) || !str_to_double(wanted->text, &b))
        return false;
    *order = a < b ? -1 : a > b;
    return true;
}

/* 2026-11-22T10:00:00Z, 2026-11-22, or seconds since 1970. */
static bool read_date(struct str text, int64_t *ms)
{
    AUTO_ARENA struct arena arena = ARENA_INIT;
    int64_t seconds;
    if (time_parse_rfc3339(text, ms))
        return true;
    if (str_to_int(text, &seconds) && seconds > -INT64_MAX / 1000 && seconds < INT64_MAX / 1000) {
        *ms = seconds * 1000;
        return true;
    }
    return text.n == 10 && time_parse_rfc3339(arena_printf(&arena, "%.*sT00:00:00Z", STR_ARG(text)), ms);
}

static bool order_dates(const struct iam_pattern *wanted, struct str given, int *order)
{
    int64_t a, b;
    if (!read_date(given, &a) || !read_date(wanted->text, &b))
        return false;
    *order = a < b ? -1 : a > b;
    return true;
}

#define ORDERED(name, compare, test)                                                                         \
    static bool name(const struct iam_pattern *wanted, struct str given, const struct value *context)        \
    {                                                                                                        \
        int r;                                                                                               \
        (void)context;                                                                                       \
        return compare(wanted, given, &r) && (test);                                                         \
    }
ORDERED(number_is, order_numbers, r == 0)
ORDERED(number_less, order_numbers, r < 0)
ORDERED(number_less_or_same, order_numbers, r <= 0)
ORDERED(number_more, order_numbers, r > 0)
ORDERED(number_more_or_same, order_numbers, r >= 0)
ORDERED(date_is, order_dates, r == 0)
ORDERED(date_less, order_dates, r < 0)
ORDERED(date_less_or_same, order_dates, r <= 0)
ORDERED(date_more, order_dates, r > 0)
ORDERED(date_more_or_same, order_dates, r >= 0)

/* ---- addresses ---- */

static bool read_address(struct str text, int family, unsigned char out[16])
{
    AUTO_ARENA struct arena arena = ARENA_INIT;
    return inet_pton(family, arena_strz(&arena, text), out) == 1;
}

static bool address_is(const struct iam_pattern *wanted, struct str given, const struct value *context UNUSED)
{
    unsigned char net[16], host[16];
    struct str bits_text, address = str_cut(wanted->text, '/', &bits_text);
    int family = str_find_char(address, ':', 0) >= 0 ? AF_INET6 : AF_INET;
    int64_t most = family == AF_INET6 ? 128 : 32, bits = most;
    if (!read_address(address, family, net) || !read_address(given, family, host) ||
        (bits_text.p && (!str_to_int(bits_text, &bits) || bits < 0 || bits > most)))
        return false;
    for (int64_t i = 0; i < bits; i++)
        if ((net[i / 8] ^ host[i / 8]) >> (7 - i % 8) & 1)
            return false;
    return true;
}

/* ---- all of them ---- */

static const struct iam_operator operators[] = {
    {"StringEquals", text_is, false, false},
    {"StringNotEquals", text_is, true, false},
    {"StringEqualsIgnoreCase", text_is_any_case, false, false},
    {"StringNotEqualsIgnoreCase", text_is_any_case, true, false},
    {"StringLike", text_is, false, true},
    {"StringNotLike", text_is, true, true},
    {"NumericEquals", number_is, false, false},
    {"NumericNotEquals", number_is, true, false},
    {"NumericLessThan", number_less, false, false},
    {"NumericLessThanEquals", number_less_or_same, false, false},
    {"NumericGreaterThan", number_more, false, false},
    {"NumericGreaterThanEquals", number_more_or_same, false, false},
    {"DateEquals", date_is, false, false},
    {"DateNotEquals", date_is, true, false},
    {"DateLessThan", date_less, false, false},
    {"DateLessThanEquals", date_less_or_same, false, false},
    {"DateGreaterThan", date_more, false, false},
    {"DateGreaterThanEquals", date_more_or_same, false, false},
    {"Bool", bool_is, false, false},
    {"BinaryEquals", text_is, false, false},
    {"IpAddress", address_is, false, false},
    {"NotIpAddress", address_is, true, false},
    {"ArnEquals", arn_is, false, true},
    {"ArnNotEquals", arn_is, true, true},
    {"ArnLike", arn_is, false, true},
    {"ArnNotLike", arn_is, true, true},
    {"Null", NULL, false, false},
};

const struct iam_operator *operator_find(struct str name)
{
    for (size_t i = 0; i < sizeof operators / sizeof *operators; i++)
        if (str_ieq(name, str_z(operators[i].name)))
            return &operators[i];
    return NULL;
}

bool operator_is_wild(const struct iam_operator *op)
{
    return op->wild;
}

static bool any_agrees(const struct iam_condition *condition, struct str given, const struct value *context)
{
    for (size_t i = 0; i < condition->values.n; i++)
        if (condition->operator->agree(&condition->values.items[i], given, context))
            return true;
    return false;
}

/* One value of the request, by the operator: negated, it agrees with none. */
static bool value_holds(
    const struct iam_condition *condition, const struct value *given, const struct value *context)
{
    return any_agrees(condition, value_text(given, STR_EMPTY), context) != condition->operator->negated;
}

/* "true": the key is not there. */
static bool null_holds(const struct iam_condition *condition, bool missing)
{
    for (size_t i = 0; i < condition->values.n; i++)
        if (str_ieq(condition->values.items[i].text, missing ? STR("true") : STR("false")))
            return true;
    return false;
}

bool condition_holds(const struct iam_condition *condition, const struct value *context)
{
    const struct value *given = value_get(context, condition->key);
    bool list = given && given->kind == VALUE_LIST, missing = value_is_null(given) || (list && !given->count);
    if (!condition->operator->agree)
        return null_holds(condition, missing);
    if (missing)
        return condition->if_exists || condition->over == IAM_FOR_ALL ||
               (condition->over == IAM_PLAIN && condition->operator->negated);
    uint32_t n = list ? given->count : 1, held = 0;
    for (uint32_t i = 0; i < n; i++)
        held += value_holds(condition, list ? given->items[i] : given, context);
    bool every =
        condition->over == IAM_FOR_ALL || (condition->over == IAM_PLAIN && condition->operator->negated);
    return every ? held == n : held > 0;
}
