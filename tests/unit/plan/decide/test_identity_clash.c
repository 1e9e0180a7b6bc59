/* Two resources that would be the same thing are refused when they are planned. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "tests/unit/support/toy_world.h"

/* Planning is refused with one mistake, in these words. */
static void assert_refused(const char *message, const char *hint)
{
    struct command s;
    make(&s, (struct plan_options){0});
    assert_int_equal(s.status, -1);
    assert_int_equal(s.diags.n, 1);
    assert_string_equal(s.diags.items[0].message.p, message);
    assert_non_null(strstr(s.diags.items[0].hint.p, hint));
    finish(&s);
}

/* Whoever renames a resource means the same thing. */
static void a_renamed_one_is_not_made_beside_itself(void **state)
{
    (void)state;
    write_stack("resources:\n  a: {type: fake.thing, name: x}\n");
    apply("create x;");
    write_stack("resources:\n  b: {type: fake.thing, name: x}\n");
    assert_refused("b would be the same fake.thing as a, which was removed from the configuration: x",
        "`moved: [{from: a, to: b}]` takes it along");
    write_stack("resources:\n  b: {type: fake.thing, name: x}\nmoved: [{from: a, to: b}]\n");
    apply("");
    assert_nothing_to_do();
}

static void an_address_with_a_key_is_quoted(void **state)
{
    (void)state;
    write_stack("resources:\n  a: {type: fake.thing, for_each: [k], name: x}\n");
    apply("create x;");
    write_stack("resources:\n  b: {type: fake.thing, name: x}\n");
    assert_refused("b would be the same fake.thing as a[\"k\"], which was removed from the configuration: x",
        "moved: [{from: 'a[\"k\"]', to: b}]");
}

/* What is forgotten stays where it is: another may take it over. */
static void what_is_forgotten_is_free(void **state)
{
    (void)state;
    write_stack("resources:\n  a: {type: fake.thing, name: x}\n");
    apply("create x;");
    write_stack("resources:\n  b: {type: fake.thing, name: x, adopt: existing}\n"
                "removed: [{address: a, destroy: false}]\n");
    apply("");
    assert_nothing_to_do();
}

static void two_are_not_one(void **state)
{
    (void)state;
    write_stack(
        "resources:\n  a: {type: fake.thing, name: x}\n  b: {type: fake.thing, name: x, size: large}\n");
    assert_refused("a and b would be the same fake.thing: x", "give one of them another name");
    write_stack("resources:\n  a: {type: fake.thing, name: x}\n  b: {type: fake.thing, name: y}\n");
    apply("create x;create y;");
    write_stack("resources:\n  a: {type: fake.thing, name: y}\n  b: {type: fake.thing, name: z}\n");
    assert_refused("a would be the same fake.thing as b still is: y", "apply that first, with --target");
}

/* Their names are known only when the first resource is there. */
static const char late[] = "resources:\n  a: {type: fake.thing, name: x}\n"
                           "  b: {type: fake.thing, name: '${a.id}'}\n"
                           "  c: {type: fake.thing, name: '${a.id}', size: large, adopt: existing}\n";

static void what_batch_out_to_be_one_is_made_once(void **state)
{
    (void)state;
    write_stack(late);
    struct command s;
    struct apply_result result;
    make(&s, (struct plan_options){0});
    assert_int_equal(s.status, 0);
    assert_int_equal(run(&s, (struct apply_options){0}, &result), -1);
    assert_string_equal(world.log.p, "create x;create id-x;");
    assert_int_equal(result.failed, 1);
    assert_non_null(strstr(result.first_error.message, "it would be the same fake.thing as b: id-x"));
    finish(&s);
    assert_refused("b and c would be the same fake.thing: id-x", "give one of them another name");
}

/* With another value of what never changes it is another resource of the same name. */
static void another_thing_of_that_name_is_no_clash(void **state)
{
    (void)state;
    write_stack("resources:\n  a: {type: fake.thing, name: x, kind: one}\n");
    apply("create x;");
    write_stack("resources:\n  b: {type: fake.thing, name: x, kind: two}\n");
    struct command s;
    make(&s, (struct plan_options){0});
    assert_int_equal(s.status, 0);
    assert_int_equal(s.plan->counts[ACTION_CREATE], 1);
    assert_int_equal(s.plan->counts[ACTION_DELETE], 1);
    finish(&s);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, new_folder, remove_folder)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_renamed_one_is_not_made_beside_itself),
        TEST(an_address_with_a_key_is_quoted),
        TEST(what_is_forgotten_is_free),
        TEST(two_are_not_one),
        TEST(what_batch_out_to_be_one_is_made_once),
        TEST(another_thing_of_that_name_is_no_clash),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
