/* What --target and --replace mean. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "tests/unit/support/toy_world.h"

#define A    "  a: {type: fake.thing, name: a}\n"
#define B    "  b: {type: fake.thing, name: b, ref: \"${a.id}\"}\n"
#define EACH "  e: {type: fake.thing, for_each: [k, l], name: \"${each.key}\"}\n"

static struct plan_options of(const struct str *target)
{
    return (struct plan_options){.targets = target, .target_count = 1};
}

static void a_target_takes_what_it_needs_along(void **state)
{
    (void)state;
    struct str b = STR("b");
    write_stack("resources:\n" A B EACH);
    apply_with(of(&b), "create a;create b;");
    struct command s;
    make(&s, of(&b));
    assert_int_equal(s.plan->change_count, 0);
    assert_int_equal(s.plan->untargeted_count, 0); /* there are no others yet */
    finish(&s);
    apply("create k;create l;");
}

static void one_instance_is_meant_alone(void **state)
{
    (void)state;
    struct str one = STR("e[\"l\"]");
    write_stack("resources:\n" EACH);
    apply_with(of(&one), "create l;");
    apply_with((struct plan_options){.replaces = &one, .replace_count = 1}, "create k;delete l;create l;");
}

static void assert_refused(struct plan_options options, const char *message, const char *hint)
{
    struct command s;
    make(&s, options);
    assert_int_equal(s.status, -1);
    assert_string_equal(s.diags.items[0].message.p, message);
    assert_non_null(strstr(s.diags.items[0].hint.p, hint));
    finish(&s);
}

static void a_name_that_nobody_has_is_refused(void **state)
{
    (void)state;
    struct str none = STR("nothing"), key = STR("e[\"m\"]");
    write_stack("resources:\n" EACH);
    assert_refused(of(&none), "--target nothing: neither the stack nor the state has it", "weir state list");
    assert_refused((struct plan_options){.replaces = &none, .replace_count = 1},
        "--replace nothing: neither the stack nor the state has it", "weir state list");
    assert_refused(of(&key), "there is no e[\"m\"]", "there are e[\"k\"], e[\"l\"]");
}

/* What is no target any more is neither changed nor deleted. */
static void others_stay_as_they_are(void **state)
{
    (void)state;
    struct str a = STR("a");
    write_stack("resources:\n" A EACH);
    apply("create a;create k;create l;");
    write_stack("resources:\n  a: {type: fake.thing, name: a, size: large}\n"
                "  e: {type: fake.thing, for_each: [k], name: \"${each.key}\", size: large}\n");
    apply_with(of(&a), "update a;");
    apply("update k;delete l;");
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, new_folder, remove_folder)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_target_takes_what_it_needs_along),
        TEST(one_instance_is_meant_alone),
        TEST(a_name_that_nobody_has_is_refused),
        TEST(others_stay_as_they_are),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
