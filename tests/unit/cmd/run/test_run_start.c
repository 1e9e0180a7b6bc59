/* What stands behind the job on the command line, in the form that each kind of job takes. */
#include "cmd/run/jobs.h"

#include "base/json.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

static struct arena arena;

static int release(void **state)
{
    (void)state;
    arena_release(&arena);
    return 0;
}

/* `expected` as JSON, or "!" and the message. */
static void check(enum job_takes takes, const char *const *words, size_t n, const char *expected)
{
    struct job_ops ops = {.takes = takes};
    struct schema schema = {.name = STR("toy.job"), .job = &ops};
    struct job job = {.schema = &schema};
    struct str given[8];
    const struct value *v;
    struct err err = ERR_INIT;
    AUTO_BUF struct buf out = BUF_INIT;
    for (size_t i = 0; i < n; i++)
        given[i] = str_z(words[i]);
    if (job_arguments(&job, given, n, NULL, &arena, &v, &err)) {
        buf_addf(&out, "!%s", err.message);
        assert_int_equal(err.class, ERR_USAGE);
    } else {
        json_write(&out, v ? v : &value_null, JSON_PLAIN);
    }
    assert_string_equal(out.p, expected);
}
#define CHECK(takes, expected, ...)                                                                          \
    do {                                                                                                     \
        const char *const words_[] = {__VA_ARGS__};                                                          \
        check(takes, words_, sizeof words_ / sizeof *words_, expected);                                      \
    } while (0)

static void test_maps_hold_texts(void **state)
{
    (void)state;
    CHECK(JOB_TAKES_MAP, "{\"a\":\"1\",\"b\":\"x=y\",\"c\":\"\"}", "a=1", "b=x=y", "c=");
    CHECK(JOB_TAKES_MAP, "{\"a\":\"2\"}", "a=1", "a=2");
    CHECK(JOB_TAKES_MAP, "{\"a\":\"[1,{\\\"b\\\":null}]\",\"n\":\"7\",\"t\":\"true\"}",
        "a:=[1, {\"b\": null}]", "n:=7", "t:=true");
    check(JOB_TAKES_MAP, NULL, 0, "null");
}

static void test_documents_hold_anything(void **state)
{
    (void)state;
    CHECK(JOB_TAKES_JSON, "\"{\\\"a\\\":\\\"1\\\",\\\"b\\\":[2]}\"", "a=1", "b:=[2]");
    check(JOB_TAKES_JSON, NULL, 0, "null");
}

static void test_lists(void **state)
{
    (void)state;
    CHECK(JOB_TAKES_FLAGS, "[\"a\",\"--b\",\"1\",\"--c=2\",\"-d=3\",\"--\",\"=e\"]", "a", "b=1", "--c=2",
        "-d=3", "--", "=e");
    CHECK(JOB_TAKES_LIST, "[\"a=1\",\"'x'\"]", "a=1", "'x'");
    check(JOB_TAKES_LIST, NULL, 0, "null");
}

static void test_mistakes(void **state)
{
    (void)state;
    CHECK(JOB_TAKES_MAP, "!\"word\" is not an argument", "word");
    CHECK(JOB_TAKES_JSON, "!\"=x\" is not an argument", "=x");
    CHECK(JOB_TAKES_NOTHING, "!a run of toy.job takes no arguments", "a=1");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_teardown(test_maps_hold_texts, release),
        cmocka_unit_test_teardown(test_documents_hold_anything, release),
        cmocka_unit_test_teardown(test_lists, release),
        cmocka_unit_test_teardown(test_mistakes, release),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
