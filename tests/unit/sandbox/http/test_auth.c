#include "sandbox/http/exchange.h"

#include "base/hash.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

static const struct str master = STR_INIT("the sandbox's secret");
static struct arena arena = ARENA_INIT;

static void assert_str(struct str found, const char *expected)
{
    assert_int_equal(found.n, strlen(expected));
    assert_memory_equal(found.p, expected, found.n);
}

static void test_a_token_says_what_it_is_good_for(void **state)
{
    (void)state;
    const struct session session = {.role = STR("etl"), .name = STR("run-1"), .expires_ms = 1763721000000};
    struct session_key key = session_new(&arena, master, &session), again;
    struct session read;
    assert_int_equal(key.access_key.n, 20);
    assert_true(str_starts(key.access_key, STR("ASIA")));
    assert_int_equal(key.secret_key.n, 40);
    assert_true(session_read(&arena, master, key.token, &read, &again));
    assert_str(read.role, "etl");
    assert_str(read.name, "run-1");
    assert_true(read.expires_ms == session.expires_ms);
    assert_true(str_eq(again.access_key, key.access_key) && str_eq(again.secret_key, key.secret_key));
    assert_str(
        session_arn(&arena, STR("123456789012"), &read), "arn:aws:sts::123456789012:assumed-role/etl/run-1");
}

static void test_no_two_are_the_same(void **state)
{
    (void)state;
    const struct session session = {.role = STR("etl"), .name = STR("run-1"), .expires_ms = 0};
    struct session_key one = session_new(&arena, master, &session),
                       two = session_new(&arena, master, &session);
    assert_false(str_eq(one.token, two.token) || str_eq(one.access_key, two.access_key) ||
                 str_eq(one.secret_key, two.secret_key));
}

/* Who makes up a token has neither its key nor its secret. */
static void test_without_the_master_it_is_another_key(void **state)
{
    (void)state;
    const struct session session = {.role = STR("etl"), .name = STR("run-1"), .expires_ms = 0};
    struct session_key key = session_new(&arena, STR("a guess"), &session), found;
    struct session read;
    assert_true(session_read(&arena, master, key.token, &read, &found));
    assert_false(str_eq(found.access_key, key.access_key) || str_eq(found.secret_key, key.secret_key));
}

static void test_what_is_no_token(void **state)
{
    (void)state;
    static const char *const texts[] = {"", "\n", "weir-session-2", "weir-session-2\na\nb\nsoon\nff\n\n\n\n",
        "weir-session-0\na\nb\n1\nff", "weir-session-2\na\nb\n"};
    struct session read;
    struct session_key key;
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++)
        assert_false(session_read(&arena, master, base64_encode(&arena, str_z(texts[i])), &read, &key));
    assert_false(session_read(&arena, master, STR("weir-session-2"), &read, &key));
    assert_false(session_read(&arena, master, STR("==="), &read, &key));
}

static int tear_down(void **state)
{
    (void)state;
    arena_release(&arena);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_token_says_what_it_is_good_for),
        cmocka_unit_test(test_no_two_are_the_same),
        cmocka_unit_test(test_without_the_master_it_is_another_key),
        cmocka_unit_test(test_what_is_no_token),
    };
    return cmocka_run_group_tests(tests, NULL, tear_down);
}
