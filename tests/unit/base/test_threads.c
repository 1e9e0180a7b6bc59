/* Work on several threads: each piece once, and what comes of a failure. */
#include "base/threads.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

enum { PIECES = 500 };

struct work {
    atomic_int times[PIECES];
    atomic_size_t begun;
    size_t fails_at;
};

static int do_piece(void *ctx, size_t i, struct err *err)
{
    struct work *work = ctx;
    work->times[i]++;
    work->begun++;
    return i < work->fails_at ? 0 : err_set(err, ERR_FAILED, "piece %zu", i);
}

static void test_each_piece_is_done_once(void **state)
{
    (void)state;
    static struct work work = {.fails_at = PIECES};
    struct err err = ERR_INIT;
    assert_int_equal(pool_try(8, PIECES, do_piece, &work, &err), 0);
    for (size_t i = 0; i < PIECES; i++)
        assert_int_equal(work.times[i], 1);
    assert_int_equal(err.class, ERR_NONE);
    assert_int_equal(pool_try(8, 0, do_piece, &work, &err), 0);
    assert_int_equal(work.begun, PIECES);
}

static void test_nothing_begins_after_a_failure(void **state)
{
    (void)state;
    static struct work alone = {.fails_at = 7}, many = {.fails_at = 7};
    struct err err = ERR_INIT;
    assert_int_equal(pool_try(1, PIECES, do_piece, &alone, &err), -1);
    assert_string_equal(err.message, "piece 7");
    assert_int_equal(alone.begun, 8);
    assert_int_equal(pool_try(8, PIECES, do_piece, &many, &err), -1);
    assert_int_equal(err.class, ERR_FAILED);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_each_piece_is_done_once),
        cmocka_unit_test(test_nothing_begins_after_a_failure),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
