/* replace_triggered_by: what is planned beside what the last apply had. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "tests/unit/support/toy_world.h"

/* A stack in which t is replaced when the expression comes out otherwise. */
static void stack(const char *locals, const char *by, const char *a)
{
    AUTO_ARENA struct arena arena = ARENA_INIT;
    write_stack(arena_printf(&arena,
        "%s\nresources:\n  a: {type: fake.thing, name: a, %s}\n"
        "  t: {type: fake.thing, name: t, lifecycle: {replace_triggered_by: ['${%s}']}}\n",
        locals, a, by)
                    .p);
}

static void another_resource_triggers(void **state)
{
    (void)state;
    stack("", "a.size", "size: large");
    apply("create a;create t;");
    assert_nothing_to_do();
    stack("", "a.size", "size: huge");
    apply("update a;delete t;create t;");
    stack("", "a.size", "size: huge, ref: x");
    apply("update a;"); /* something else of it */
}

/* What is known only after apply may be another. */
static void what_is_unknown_triggers(void **state)
{
    (void)state;
    stack("", "a.id", "kind: x");
    apply("create a;create t;");
    stack("", "a.id", "kind: y");
    apply("delete t;delete a;create a;create t;");
}

static void it_is_followed_through_locals(void **state)
{
    (void)state;
    static const char *const locals = "locals: {l: '${a.size}!'}";
    stack(locals, "locals.l", "size: large");
    apply("create a;create t;");
    stack(locals, "locals.l", "size: huge");
    apply("update a;delete t;create t;");
}

/* What has no record yet triggers nothing. */
static void what_is_new_does_not(void **state)
{
    (void)state;
    write_stack("resources:\n  t: {type: fake.thing, name: t}\n");
    apply("create t;");
    stack("", "a.name", "size: large");
    apply("create a;");
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, new_folder, remove_folder)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(another_resource_triggers),
        TEST(what_is_unknown_triggers),
        TEST(it_is_followed_through_locals),
        TEST(what_is_new_does_not),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
