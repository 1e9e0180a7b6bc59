/* What values ask of each other: when it is asked, what meets it, and what is not known yet. */
#include "provider/schema.h"

#include "base/json.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static const struct type text_type = {.kind = TYPE_STRING}, number_type = {.kind = TYPE_INT},
                         list_type = {.kind = TYPE_LIST, .elem = &text_type},
                         object_type = {.kind = TYPE_OBJECT};
static const struct value single = {.kind = VALUE_STRING, .string = STR_INIT("single")};
static const struct attr attrs[] = {
    {.name = STR_INIT("kind"), .type = &text_type, .settable = true, .default_value = &single},
    {.name = STR_INIT("nodes"), .type = &number_type, .settable = true},
    {.name = STR_INIT("zones"), .type = &list_type, .settable = true},
    {.name = STR_INIT("source"), .type = &text_type, .settable = true},
    {.name = STR_INIT("window"), .type = &object_type, .settable = true},
};

static struct arena arena = ARENA_INIT;

static const struct value *list_of(const char *json)
{
    const struct value *v;
    struct err err = ERR_INIT;
    assert_int_equal(json_parse(&arena, str_z(json), &v, &err), 0);
    return v;
}

static struct value_test is(const char *path, enum test_kind kind, const char *values)
{
    return (struct value_test){.path = str_z(path), .kind = kind, .values = list_of(values)};
}

static struct value_test by(const char *path, enum test_kind kind, int64_t number)
{
    return (struct value_test){.path = str_z(path), .kind = kind, .number = number};
}

static bool is_broken(const struct value_test *when, struct value_test must, const struct value *object)
{
    const struct value_constraint constraint = {
        .when = {when, when ? 1 : 0}, .must = {&must, 1}, .message = STR("no")};
    const struct schema schema = {.name = STR("test"),
        .attrs = attrs,
        .attr_count = sizeof attrs / sizeof *attrs,
        .constraints = &constraint,
        .constraint_count = 1};
    struct constraint_break out = {0};
    bool broken = schema_constraint_broken(&arena, &schema, object, CHECKED_BY_WEIR, &out);
    assert_true(
        broken ? out.constraint == &constraint && str_starts(must.path, out.attribute) : !out.constraint);
    return broken;
}

static void test_values(void **state)
{
    (void)state;
    const struct value *none = list_of("{}"), *three = list_of("{\"nodes\": 3, \"zones\": [\"a\", \"b\"]}"),
                       *text = list_of("{\"nodes\": \"3\", \"window\": {\"mode\": \"OFF\"}}");
    assert_false(is_broken(NULL, is("kind", TEST_IS, "[\"single\"]"), none)); /* its default */
    assert_true(is_broken(NULL, is("nodes", TEST_IS, "[\"*\"]"), none));
    assert_false(is_broken(NULL, is("nodes", TEST_IS, "[null, 1]"), none));
    assert_true(is_broken(NULL, is("nodes", TEST_IS, "[null, 1]"), three));
    assert_false(is_broken(NULL, is("nodes", TEST_IS, "[3]"), text));
    assert_false(is_broken(NULL, is("zones", TEST_IS, "[\"b\"]"), three)); /* an item */
    assert_true(is_broken(NULL, is("zones", TEST_IS, "[\"c\"]"), three));
    assert_true(is_broken(NULL, is("window.mode", TEST_NOT, "[\"OFF\"]"), text));
    assert_false(is_broken(NULL, is("window.mode", TEST_NOT, "[\"OFF\"]"), three));
    struct value_test off = is("window.mode", TEST_NOT, "[\"off\"]");
    assert_false(is_broken(NULL, off, text));
    off.any_case = true; /* of an enumeration */
    assert_true(is_broken(NULL, off, text));
}

static void test_numbers(void **state)
{
    (void)state;
    const struct value *none = list_of("{}"), *three = list_of("{\"nodes\": 3, \"zones\": [\"a\", \"b\"]}");
    assert_false(is_broken(NULL, by("nodes", TEST_LEAST, 5), none));
    assert_true(is_broken(NULL, by("nodes", TEST_LEAST, 5), three));
    assert_false(is_broken(NULL, by("nodes", TEST_MOST, 3), three));
    assert_true(is_broken(NULL, by("nodes", TEST_TIMES, 2), three));
    assert_false(is_broken(NULL, by("zones", TEST_LEAST, 2), three));
    assert_true(is_broken(NULL, by("zones", TEST_MOST, 1), three));
}

/* Without the other number a condition is not met, and what has to be is. */
static void test_numbers_of_others(void **state)
{
    (void)state;
    static const struct str source = STR_INIT("source");
    const struct value_test above = {
        .path = STR_INIT("nodes"), .kind = TEST_ABOVE, .others = &source, .other_count = 1};
    const struct value *alone = list_of("{\"nodes\": 3, \"zones\": [\"a\"]}"),
                       *two = list_of("{\"nodes\": 3, \"zones\": [\"a\"], \"source\": \"2\"}"),
                       *three = list_of("{\"nodes\": 3, \"zones\": [\"a\"], \"source\": \"3\"}");
    assert_false(is_broken(&above, by("zones", TEST_LEAST, 2), alone));
    assert_true(is_broken(&above, by("zones", TEST_LEAST, 2), two));
    assert_false(is_broken(&above, by("zones", TEST_LEAST, 2), three));
    assert_false(is_broken(NULL, above, alone));
    assert_true(is_broken(NULL, above, three));
}

static void test_patterns(void **state)
{
    (void)state;
    struct err err = ERR_INIT;
    struct attr like = {.name = STR("source"), .pattern = STR("arn:[^:]+:sqs:.*")};
    assert_int_equal(attr_compile_pattern(&arena, &like, &err), 0);
    struct value_test queue = {.path = STR("source"), .kind = TEST_LIKE, .like = &like};
    struct value_test many = by("nodes", TEST_LEAST, 11), needs = is("kind", TEST_IS, "[\"batch\"]");
    const struct value *stream = list_of("{\"source\": \"arn:aws:kinesis:x\"}"),
                       *of_queue = list_of("{\"source\": \"arn:aws:sqs:x\"}");
    assert_true(is_broken(&queue, needs, of_queue));
    assert_false(is_broken(&queue, needs, stream));
    assert_false(is_broken(&queue, needs, list_of("{}"))); /* in a condition nothing is like that */
    assert_false(is_broken(&many, needs, of_queue));
}

static void test_unknown_meets_all(void **state)
{
    (void)state;
    const struct value *object = value_with(&arena, list_of("{}"), STR("nodes"), &value_unknown);
    struct value_test when = is("nodes", TEST_IS, "[\"*\"]");
    assert_false(is_broken(NULL, is("nodes", TEST_IS, "[1]"), object));
    assert_false(is_broken(NULL, by("nodes", TEST_LEAST, 5), object));
    assert_false(is_broken(&when, is("kind", TEST_IS, "[\"x\"]"), object));
}

/* Of what exists only what changes is asked. */
static void test_what_changes(void **state)
{
    (void)state;
    const struct value *object = list_of("{\"nodes\": 3, \"kind\": \"pair\"}");
    struct value_test when = is("kind", TEST_IS, "[\"pair\"]"), must = by("nodes", TEST_MOST, 2);
    const struct str limits[] = {STR("limit")};
    struct value_test measured = {
        .path = STR("nodes"), .kind = TEST_MOST, .others = limits, .other_count = 1};
    const struct value_constraint constraints[] = {
        {.when = {&when, 1}, .must = {&must, 1}, .message = STR("two")},
        {.must = {&measured, 1}, .message = STR("at most limit")}};
    const struct schema schema = {.name = STR("test"),
        .attrs = attrs,
        .attr_count = sizeof attrs / sizeof *attrs,
        .constraints = constraints,
        .constraint_count = 2};
    static const struct {
        const char *changed;
        bool broken;
    } rows[] = {{"[]", false}, {"[\"zones\"]", false}, {"[\"kind\"]", true}, {"[\"nodes\"]", true}};
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct constraint_break out = {.changed = list_of(rows[i].changed)};
        assert_int_equal(
            schema_constraint_broken(&arena, &schema, object, CHECKED_BY_WEIR, &out), rows[i].broken);
    }
    struct constraint_break out = {.changed = list_of("[\"limit\"]")};
    object = value_with(&arena, object, STR("limit"), list_of("1"));
    assert_true(schema_constraint_broken(&arena, &schema, object, CHECKED_BY_WEIR, &out));
    assert_ptr_equal(out.constraint, &constraints[1]);
}

/* Each that is not met, one after the other: all tests of one constraint, then the next constraint. */
static void test_one_after_the_other(void **state)
{
    (void)state;
    struct value_test first[] = {by("nodes", TEST_MOST, 3), by("zones", TEST_LEAST, 2)};
    struct value_test second[] = {is("source", TEST_IS, "[\"a\"]")};
    const struct value_constraint constraints[] = {
        {.must = {first, 2}, .message = STR("one")}, {.must = {second, 1}, .message = STR("two")}};
    const struct schema schema = {.name = STR("test"),
        .attrs = attrs,
        .attr_count = sizeof attrs / sizeof *attrs,
        .constraints = constraints,
        .constraint_count = 2};
    static const char *const wanted[] = {"nodes", "zones", "source"};
    struct constraint_break out = {0};
    const struct value *object = list_of("{\"nodes\": 4, \"zones\": [\"a\"], \"source\": \"b\"}");
    for (size_t i = 0; i < 3; i++) {
        assert_true(schema_constraint_broken(&arena, &schema, object, CHECKED_BY_WEIR, &out));
        assert_true(str_eqz(out.attribute, wanted[i]));
    }
    assert_false(schema_constraint_broken(&arena, &schema, object, CHECKED_BY_WEIR, &out));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_values),
        cmocka_unit_test(test_numbers),
        cmocka_unit_test(test_numbers_of_others),
        cmocka_unit_test(test_patterns),
        cmocka_unit_test(test_unknown_meets_all),
        cmocka_unit_test(test_what_changes),
        cmocka_unit_test(test_one_after_the_other),
    };
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    arena_release(&arena);
    return failed;
}
