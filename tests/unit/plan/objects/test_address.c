/* Which addresses belong together. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "plan/objects/objects.h"

static void the_declaration_is_what_stands_before_the_key(void **state)
{
    (void)state;
    static const char *const rows[][2] = {{"a", "a"}, {"a[\"k\"]", "a"}, {"net[\"eu\"]/a", "net[\"eu\"]/a"},
        {"net[\"eu\"]/a[\"k\"]", "net[\"eu\"]/a"}, {"a[\"x]\"]", "a"}, {"a#old", "a"}};
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        assert_true(str_eqz(address_declared(str_z(rows[i][0])), rows[i][1]));
}

static void what_is_replaced_keeps_a_name_of_its_own(void **state)
{
    (void)state;
    AUTO_ARENA struct arena arena = ARENA_INIT;
    struct str old = address_deposed(&arena, STR("a[\"k\"]"));
    assert_false(str_eqz(old, "a[\"k\"]"));
    assert_true(str_eqz(address_current(old), "a[\"k\"]"));
    assert_true(str_eqz(address_current(STR("a")), "a"));
}

static void a_name_means_itself_its_instances_and_what_is_in_it(void **state)
{
    (void)state;
    static const struct {
        const char *name, *address;
        bool matches;
    } rows[] = {
        {"a", "a", true},
        {"a", "a[\"k\"]", true},
        {"a[\"k\"]", "a[\"k\"]", true},
        {"a[\"k\"]", "a[\"l\"]", false},
        {"a[\"k\"]", "a", false},
        {"a", "ab", false},
        {"net", "net/a", true},
        {"net", "net[\"eu\"]/a[\"k\"]", true},
        {"net[\"eu\"]", "net[\"eu\"]/a", true},
        {"net[\"eu\"]", "net[\"us\"]/a", false},
        {"net/a", "net/a[\"k\"]", true},
        {"net/a", "net/b", false},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct str name = str_z(rows[i].name);
        assert_int_equal(address_matches(str_z(rows[i].address), &name, 1), rows[i].matches);
    }
    assert_false(address_matches(STR("a"), NULL, 0));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_declaration_is_what_stands_before_the_key),
        cmocka_unit_test(what_is_replaced_keeps_a_name_of_its_own),
        cmocka_unit_test(a_name_means_itself_its_instances_and_what_is_in_it),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
