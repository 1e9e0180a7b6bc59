#include "base/threads.h"

#include "base/clock.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

static int64_t slept_ms, set_at_ms;
static atomic_bool cancel;

static int64_t stands_still(void *ctx)
{
    (void)ctx;
    return 0;
}

static void note_sleep(void *ctx, int64_t ms)
{
    (void)ctx;
    slept_ms += ms;
    if (set_at_ms && slept_ms >= set_at_ms)
        atomic_store(&cancel, true);
}

static const struct clock_ops noting = {stands_still, stands_still, note_sleep, NULL};

static int start(void **state)
{
    (void)state;
    slept_ms = set_at_ms = 0;
    atomic_store(&cancel, false);
    clock_install(&noting);
    return 0;
}

static int stop(void **state)
{
    (void)state;
    clock_install(NULL);
    return 0;
}

static void test_nobody_gives_up(void **state)
{
    struct err err = ERR_INIT;
    (void)state;
    assert_int_equal(cancel_sleep_ms(NULL, 1234, &err), 0);
    assert_int_equal(cancel_sleep_ms(&cancel, 66, &err), 0);
    assert_int_equal(slept_ms, 1300);
    assert_int_equal(err.class, ERR_NONE);
}

static void test_given_up_before(void **state)
{
    struct err err = ERR_INIT;
    (void)state;
    atomic_store(&cancel, true);
    assert_int_equal(cancel_sleep_ms(&cancel, 1000, &err), -1);
    assert_int_equal(slept_ms, 0);
    assert_int_equal(err.class, ERR_INTERRUPTED);
}

/* Seen long before the end, and in the last moment too. */
static void test_given_up_meanwhile(void **state)
{
    struct err err = ERR_INIT;
    (void)state;
    set_at_ms = 300;
    assert_int_equal(cancel_sleep_ms(&cancel, 60 * 1000, &err), -1);
    assert_true(slept_ms < 1000);
    start(NULL);
    set_at_ms = 50;
    assert_int_equal(cancel_sleep_ms(&cancel, 50, &err), -1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_nobody_gives_up, start, stop),
        cmocka_unit_test_setup_teardown(test_given_up_before, start, stop),
        cmocka_unit_test_setup_teardown(test_given_up_meanwhile, start, stop),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
