#include "provider/host/host.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

static void expect_lines(const struct value *reported, const char *name, const char *const *lines, size_t n)
{
    const struct value *v = value_getz(reported, name);
    assert_non_null(v);
    assert_int_equal(v->count, n);
    for (size_t i = 0; i < n; i++)
        assert_true(str_eqz(v->items[i]->string, lines[i]));
}

static void answers_are_names_and_lines(void **state)
{
    (void)state;
    AUTO_ARENA struct arena arena = ARENA_INIT;
    const struct value *reported = machine_reported(&arena, STR("noise of a profile\n"
                                                                "=path|/etc/it's|here\n"
                                                                "=groups|a\n"
                                                                "=output\n|one\n|\n|=two|x\n"
                                                                "=groups|b\n"
                                                                "=files\n"));
    expect_lines(reported, "path", (const char *[]){"/etc/it's|here"}, 1);
    expect_lines(reported, "groups", (const char *[]){"a", "b"}, 2);
    expect_lines(reported, "output", (const char *[]){"one", "", "=two|x"}, 3);
    expect_lines(reported, "files", NULL, 0);
    assert_int_equal(reported->count, 4);
}

static void nothing_reported_is_nothing_there(void **state)
{
    (void)state;
    AUTO_ARENA struct arena arena = ARENA_INIT;
    assert_int_equal(machine_reported(&arena, STR_EMPTY)->count, 0);
    assert_int_equal(machine_reported(&arena, STR("|stray\nwords"))->count, 0);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(answers_are_names_and_lines),
        cmocka_unit_test(nothing_reported_is_nothing_there),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
