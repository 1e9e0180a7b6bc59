/* When to send again: see retry.h. */
#include "provider/aws/retry.h"

#include "base/clock.h"
#include "base/hash.h"

static const struct {
    int64_t first_ms, cap_ms;
} waits[] = {
    [RETRY_FAILURE] = {200, 20 * 1000},
    [RETRY_THROTTLED] = {1000, 20 * 1000},
    [RETRY_UNSETTLED] = {1000, 5 * 1000},
};

enum { AFTER_CAP_MS = 60 * 1000 };

int64_t retry_delay_ms(enum retry_kind kind, int nth, double chance, int64_t after_ms)
{
    int64_t most = waits[kind].first_ms;
    for (int i = 1; i < nth && most < waits[kind].cap_ms; i++)
        most *= 2;
    if (most > waits[kind].cap_ms)
        most = waits[kind].cap_ms;
    int64_t delay = (int64_t)((double)most * chance);
    /* What is waited for takes seconds: asking again at once is of no use. */
    if (kind == RETRY_UNSETTLED)
        delay = most / 2 + delay / 2;
    if (after_ms > AFTER_CAP_MS)
        after_ms = AFTER_CAP_MS;
    return delay > after_ms ? delay : after_ms;
}

double retry_chance(void)
{
    uint32_t bits;
    hash_random(&bits, sizeof bits);
    return (double)bits / 4294967296.0;
}

int64_t retry_after_ms(const struct wire_message *response, int64_t wall_ms)
{
    int64_t number;
    if (str_to_int(wire_header_get(response, STR("x-amz-retry-after")), &number) && number > 0)
        return number;
    struct str after = wire_header_get(response, STR("Retry-After"));
    if (str_to_int(after, &number))
        return number > 0 && number < INT32_MAX ? number * 1000 : 0;
    if (time_parse_http(after, &number) && number > wall_ms)
        return number - wall_ms;
    return 0;
}

bool retry_budget_take(atomic_int *budget, int cost)
{
    int have = atomic_load(budget);
    do {
        if (have < cost)
            return false;
    } while (!atomic_compare_exchange_weak(budget, &have, have - cost));
    return true;
}

void retry_budget_give(atomic_int *budget, int amount)
{
    int have = atomic_load(budget), sum;
    do
        sum = have + amount > RETRY_BUDGET ? RETRY_BUDGET : have + amount;
    while (!atomic_compare_exchange_weak(budget, &have, sum));
}

static atomic_uint counts[RETRY_UNSETTLED + 1];

void retry_counted(enum retry_kind kind)
{
    atomic_fetch_add(&counts[kind], 1);
}

struct retry_counts retry_counts(void)
{
    return (struct retry_counts){atomic_load(&counts[RETRY_FAILURE]), atomic_load(&counts[RETRY_THROTTLED])};
}
