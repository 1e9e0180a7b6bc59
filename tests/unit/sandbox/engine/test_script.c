#include "sandbox/engine/script.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

static void assert_says(const char *tail, const char *expected)
{
    struct str said = script_exception(str_z(tail));
    assert_int_equal(said.n, strlen(expected));
    assert_memory_equal(said.p, expected, said.n);
}

static void test_what_a_traceback_says(void **state)
{
    (void)state;
    assert_says(
        "some line\nTraceback (most recent call last):\n  File \"x.py\", line 3, in <module>\n    f()\n"
        "ValueError: no such film: Alien 9\n",
        "ValueError: no such film: Alien 9");
    /* of two, one caused by the other, the last counts */
    assert_says(
        "Traceback (most recent call last):\n  File \"a\"\nKeyError: 'a'\n\nDuring handling of the above "
        "exception, another exception occurred:\n\nTraceback (most recent call last):\n  File \"b\"\n"
        "RuntimeError: b\n",
        "RuntimeError: b");
    /* Java's own story comes after Python's, which says nothing */
    assert_says(
        "Traceback (most recent call last):\n  File \"a\"\npy4j.protocol.Py4JJavaError: An error occurred "
        "while calling o31.csv.\n: org.apache.spark.SparkException: …\n\tat org.apache\n",
        "org.apache.spark.SparkException: …");
    assert_says(
        "Traceback (most recent call last):\n  File \"a\"\npy4j.protocol.Py4JJavaError: An error occurred "
        "while calling o31.csv.\n",
        "py4j.protocol.Py4JJavaError: An error occurred while calling o31.csv.");
    assert_says("Traceback (most recent call last):\n  File \"cut sho", "");
    assert_says("nothing of the kind\nValueError: is only text here\n", "");
    assert_says("", "");
}

static void test_versions(void **state)
{
    (void)state;
    assert_true(script_version_before(STR("5.0"), 5, 1));
    assert_false(script_version_before(STR("5.1"), 5, 1));
    assert_true(script_version_before(STR("emr-7.9.0"), 7, 10));
    assert_false(script_version_before(STR("emr-7.10.0"), 7, 10));
    assert_false(script_version_before(STR("emr-8.0.0"), 7, 10));
    assert_true(script_version_before(STR_EMPTY, 5, 1));
}

static const char *value_of(const struct environment *env, const char *name)
{
    size_t found = 0;
    const char *value = NULL;
    for (size_t i = 0; i + 1 < env->n; i++)
        if (!strncmp(env->items[i], name, strlen(name)) && env->items[i][strlen(name)] == '=') {
            value = env->items[i] + strlen(name) + 1;
            found++;
        }
    assert_true(found < 2);
    assert_null(env->items[env->n - 1]);
    return value;
}

static void test_an_environment_has_each_name_once(void **state)
{
    (void)state;
    struct arena arena = ARENA_INIT;
    struct environment env = {.arena = &arena};
    environment_set(&env, "A", STR("1"));
    environment_set(&env, "AB", STR("2"));
    environment_set(&env, "A", STR("3=4"));
    environment_set(&env, "EMPTY", STR_EMPTY);
    assert_string_equal(value_of(&env, "A"), "3=4");
    assert_string_equal(value_of(&env, "AB"), "2");
    assert_string_equal(value_of(&env, "EMPTY"), "");
    assert_int_equal(env.n, 4);
    environment_release(&env);
    arena_release(&arena);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_versions),
        cmocka_unit_test(test_what_a_traceback_says),
        cmocka_unit_test(test_an_environment_has_each_name_once),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
