/* Plans that decide the same are known by it, and of others it is told in what they differ. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "base/json.h"
#include "plan/saved/saved.h"
#include "tests/unit/support/toy_world.h"

static struct arena arena;

#define THING(rest) "resources:\n  a: {type: fake.thing, name: a" rest "}\n"

/* What a plan of the stack decides, to be compared with another's. */
static const struct value *decided(const char *stack, struct str *fingerprint)
{
    struct command s;
    write_stack(stack);
    make(&s, (struct plan_options){0});
    assert_int_equal(s.status, 0);
    const struct value *decisions = value_copy(&arena, decisions_of(s.plan, &arena));
    *fingerprint = decisions_fingerprint(s.plan, &arena);
    finish(&s);
    return decisions;
}

static void the_same_decisions_have_one_fingerprint(void **state)
{
    (void)state;
    struct str one, again, other;
    decided(THING(", size: large"), &one);
    decided(THING(", size: large"), &again);
    decided(THING(", size: huge"), &other);
    assert_true(str_eq(one, again));
    assert_false(str_eq(one, other));
}

static void secrets_are_not_in_it(void **state)
{
    (void)state;
    struct str fingerprint;
    AUTO_BUF struct buf written = BUF_INIT;
    json_write(
        &written, decided(THING(", secret: '${inputs.pw}', ref: '${inputs.pw}'"), &fingerprint), JSON_PLAIN);
    assert_null(strstr(written.p, "one"));
    assert_non_null(strstr(written.p, "#")); /* a digest stands there */
}

/* The message of a plan of `now` beside what was decided of `then`. */
static const char *difference(const char *then, const char *now)
{
    struct command s;
    struct str ignored;
    const struct value *before = decided(then, &ignored);
    write_stack(now);
    make(&s, (struct plan_options){0});
    assert_int_equal(decisions_differ(s.plan, before, &s.err), -1);
    assert_int_equal(s.err.class, ERR_STALE);
    const char *message = arena_str(&arena, str_z(s.err.message)).p;
    finish(&s);
    return message;
}

static void it_is_reported_in_what_another_plan_differs(void **state)
{
    (void)state;
    assert_string_equal(difference(THING(", size: large"), THING(", size: huge")),
        "a differs from this plan: size is now \"huge\", not \"large\"");
    assert_string_equal(difference(THING(""), "resources: {}\n"),
        "a differs from this plan: it would be left as it is now, and not created");
    assert_string_equal(
        difference("resources: {}\n",
            "resources:\n  a: {type: fake.thing, name: a}\n  b: {type: fake.thing, name: b}\n"),
        "a differs from this plan: it would be created now, and not left as it is (1 more differs)");
    assert_string_equal(
        difference(THING("") "outputs: {o: {value: 1}}\n", THING("") "outputs: {o: {value: 2}}\n"),
        "the outputs differ from this plan");
}

/* Of two that differ the one that the other follows from is named. */
static void the_first_one_is_named(void **state)
{
    (void)state;
    static const char *const a = "resources:\n  a: {type: fake.thing, name: a, ref: '${z.name}'}\n  z: ";
    const char *x = arena_printf(&arena, "%s{type: fake.thing, name: x}\n", a).p,
               *y = arena_printf(&arena, "%s{type: fake.thing, name: y}\n", a).p;
    assert_string_equal(
        difference(x, y), "z differs from this plan: name is now \"y\", not \"x\" (1 more differs)");
}

static int clean(void **state)
{
    arena_release(&arena);
    return remove_folder(state);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, new_folder, clean)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(the_same_decisions_have_one_fingerprint),
        TEST(secrets_are_not_in_it),
        TEST(it_is_reported_in_what_another_plan_differs),
        TEST(the_first_one_is_named),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
