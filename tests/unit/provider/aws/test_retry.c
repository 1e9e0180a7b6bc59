#include "provider/aws/client.h"
#include "provider/aws/client_state.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

static void delays_grow_to_a_cap(void **state)
{
    (void)state;
    assert_int_equal(retry_delay_ms(RETRY_FAILURE, 1, 0, 0), 0);
    assert_int_equal(retry_delay_ms(RETRY_FAILURE, 1, 0.5, 0), 100);
    assert_int_equal(retry_delay_ms(RETRY_FAILURE, 3, 0.5, 0), 400);
    assert_int_equal(retry_delay_ms(RETRY_FAILURE, 60, 0.5, 0), 10 * 1000);
    assert_int_equal(retry_delay_ms(RETRY_THROTTLED, 2, 0.5, 0), 1000);
    assert_int_equal(retry_delay_ms(RETRY_UNSETTLED, 1, 0, 0), 500);
    assert_int_equal(retry_delay_ms(RETRY_UNSETTLED, 9, 0, 0), 2500);
    assert_int_equal(retry_delay_ms(RETRY_FAILURE, 1, 0.5, 3000), 3000);
    assert_int_equal(retry_delay_ms(RETRY_FAILURE, 1, 0.5, 3600 * 1000), 60 * 1000);
}

static void chances_differ_and_stay_below_one(void **state)
{
    (void)state;
    double least = 1, most = 0;
    for (int i = 0; i < 1000; i++) {
        double chance = retry_chance();
        assert_true(chance >= 0 && chance < 1);
        least = chance < least ? chance : least;
        most = chance > most ? chance : most;
    }
    assert_true(least < 0.1 && most > 0.9);
}

static void the_budget_runs_out_and_fills_up(void **state)
{
    (void)state;
    atomic_int budget = RETRY_BUDGET;
    int retries = 0;
    while (retry_budget_take(&budget, RETRY_COST))
        retries++;
    assert_int_equal(retries, RETRY_BUDGET / RETRY_COST);
    retry_budget_give(&budget, RETRY_COST);
    assert_true(retry_budget_take(&budget, RETRY_COST));
    retry_budget_give(&budget, 10 * RETRY_BUDGET);
    assert_int_equal(budget, RETRY_BUDGET);
}

/* A service that allows `limit` requests a second; clients send as fast as they may for `seconds`. Returns
 * how many were refused in the second half. */
static int simulate(double limit, int seconds, int *accepted)
{
    struct throttle t;
    throttle_init(&t);
    double tokens = limit;
    int refused = 0;
    *accepted = 0;
    int64_t now = 0, end = seconds * 1000, last = 0;
    while (now < end) {
        int64_t wait = throttle_reserve(&t, now);
        now += wait > 0 ? wait : 5; /* unhindered: 200 a second */
        tokens += (double)(now - last) * limit / 1000.0;
        tokens = tokens > limit ? limit : tokens;
        last = now;
        if (tokens >= 1) {
            tokens -= 1;
            throttle_accepted(&t);
            *accepted += now > end / 2;
        } else {
            throttle_refused(&t, now);
            refused += now > end / 2;
        }
    }
    throttle_release(&t);
    return refused;
}

static void a_throttled_service_gets_what_it_allows(void **state)
{
    (void)state;
    static const double limits[] = {2, 10, 50};
    for (size_t i = 0; i < sizeof limits / sizeof *limits; i++) {
        int accepted, refused = simulate(limits[i], 60, &accepted);
        /* Most of what it allows is used, and few are refused. */
        assert_true(accepted > (int)(limits[i] * 30 * 0.6));
        assert_true(refused < accepted / 5 + 10);
    }
    int accepted;
    assert_int_equal(simulate(1000, 10, &accepted), 0);
    assert_true(accepted > 900); /* unhindered */
}

static void one_burst_is_one_refusal(void **state)
{
    (void)state;
    struct throttle t;
    throttle_init(&t);
    for (int i = 0; i < 100; i++)
        assert_int_equal(throttle_reserve(&t, i), 0);
    for (int i = 0; i < 50; i++)
        throttle_refused(&t, 100 + i);
    assert_true(t.rate > 60 && t.rate < 80);
    throttle_refused(&t, 1000);
    assert_true(t.rate < 60);
    for (int i = 0; i < 100000; i++)
        throttle_accepted(&t);
    assert_false(t.active); /* forgotten after a long time of peace */
    assert_int_equal(throttle_reserve(&t, 5000), 0);
    throttle_release(&t);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(delays_grow_to_a_cap),
        cmocka_unit_test(chances_differ_and_stay_below_one),
        cmocka_unit_test(the_budget_runs_out_and_fills_up),
        cmocka_unit_test(a_throttled_service_gets_what_it_allows),
        cmocka_unit_test(one_burst_is_one_refusal),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
