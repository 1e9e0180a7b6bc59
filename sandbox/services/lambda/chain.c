/*
 * Recursive loop detection: the trace header of an event counts how often its chain has called each function.
 *   Root=1-…;Parent=…;Sampled=0;Lineage=a87bd80c:1|68fd508a:5
 * https://docs.aws.amazon.com/lambda/latest/dg/invocation-recursion.html
 */
#include "sandbox/services/lambda/lambda.h"

#include "base/clock.h"
#include "base/hash.h"

enum { MAX_CALLS = 16 };

static struct str trace_part(struct str trace, const char *name)
{
    for (struct str rest = trace, value; rest.n;) {
        struct str one = str_trim(str_cut(rest, ';', &rest));
        if (str_eqz(str_cut(one, '=', &value), name))
            return value;
    }
    return STR_EMPTY;
}

/* HASH:COUNT of a lineage that is gone through; false: it ends. */
static bool lineage_next(struct str *rest, struct str *one, int64_t *count)
{
    struct str number;
    if (!rest->n)
        return false;
    *one = str_cut(*rest, '|', rest);
    str_cut(*one, ':', &number);
    if (!str_to_int(number, count) || *count < 0)
        *count = 0;
    return true;
}

int64_t lambda_chain_length(struct str trace)
{
    int64_t most = -1, count;
    for (struct str rest = trace_part(trace, "Lineage"), one; lineage_next(&rest, &one, &count);)
        most = count > most ? count : most;
    return most;
}

struct str lambda_chain_add(struct arena *arena, struct str trace, struct str function, bool *loops)
{
    AUTO_BUF struct buf lineage = BUF_INIT;
    struct str root = trace_part(trace, "Root"), sampled = trace_part(trace, "Sampled"),
               id = arena_printf(arena, "%08x", hash_crc32c(0, function.p, function.n)),
               unique = uuid_random(arena), one;
    int64_t calls = 0, count;
    for (struct str rest = trace_part(trace, "Lineage"); lineage_next(&rest, &one, &count);)
        if (str_starts(one, id))
            calls = count;
        else
            buf_addf(&lineage, "%.*s|", STR_ARG(one));
    *loops = calls >= MAX_CALLS;
    if (!root.n)
        root = arena_printf(arena, "1-%08llx-%.8s%.4s%.12s", (unsigned long long)(clock_wall_ms() / 1000),
            unique.p, unique.p + 9, unique.p + 24);
    return arena_printf(arena, "Root=%.*s;Parent=%.4s%.12s;Sampled=%s;Lineage=%.*s%s:%lld", STR_ARG(root),
        unique.p + 14, unique.p + 24, str_eqz(sampled, "1") ? "1" : "0", STR_ARG(buf_str(&lineage)), id.p,
        (long long)calls + 1);
}

bool lambda_chain_stops(struct service_call *call, const struct lambda_function *function)
{
    const struct value *ignored;
    struct arena *arena = call->arena;
    if (function->may_loop)
        return false;
    const struct value *dimension = VALUE_MAP(arena, {STR("Name"), value_stringz(arena, "FunctionName")},
                           {STR("Value"), value_string(arena, function->name)}),
                       *datum = VALUE_MAP(arena,
                           {STR("MetricName"), value_stringz(arena, "RecursiveInvocationsDropped")},
                           {STR("Value"), value_int(arena, 1)}, {STR("Unit"), value_stringz(arena, "Count")},
                           {STR("Dimensions"), value_list(arena, &dimension, 1)});
    const struct service_request request = {.service = STR("monitoring"),
        .operation = STR("PutMetricData"),
        .region = call->region,
        .input = VALUE_MAP(arena, {STR("Namespace"), value_stringz(arena, "AWS/Lambda")},
            {STR("MetricData"), value_list(arena, &datum, 1)})};
    services_call(call->services, arena, &request, &ignored, ERR_IGNORED);
    return true;
}
