/* What takes another resource to change: attributes that are fixed, at whatever depth. */
#include "base/json.h"
#include "provider/schema.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <time.h>

#include <cmocka.h>

static struct arena arena;

static const struct value *json(const char *text)
{
    const struct value *v;
    struct err err = ERR_INIT;
    assert_int_equal(json_parse(&arena, str_z(text), &v, &err), 0);
    return v;
}

static const struct type integer = {.kind = TYPE_INT}, word = {.kind = TYPE_STRING};
static const struct attr fields[] = {{.name = STR_INIT("kind"), .type = &word, .replace = true},
    {.name = STR_INIT("count"), .type = &integer}};
static const struct type group = {.kind = TYPE_OBJECT, .fields = fields, .field_count = 2},
                         words = {.kind = TYPE_MAP, .elem = &word},
                         groups = {.kind = TYPE_MAP, .elem = &group},
                         list = {.kind = TYPE_LIST, .elem = &group};
static const struct attr outer_fields[] = {{.name = STR_INIT("fixed"), .type = &group, .replace = true},
    {.name = STR_INIT("group"), .type = &group}};
static const struct type outer = {.kind = TYPE_OBJECT, .fields = outer_fields, .field_count = 2};

static bool replaces(const struct type *type, const char *wanted, const char *before)
{
    const struct attr attr = {.name = STR_INIT("it"), .type = type};
    return attr_replaces_within(&attr, json(wanted), json(before));
}

static void test_entries_of_a_map(void **state)
{
    (void)state;
    const char *before = "{\"a\":{\"kind\":\"x\",\"count\":1}}";
    assert_false(replaces(&groups, before, before));
    assert_false(replaces(&groups, "{\"a\":{\"kind\":\"x\",\"count\":2}}", before));
    assert_true(replaces(&groups, "{\"a\":{\"kind\":\"y\",\"count\":1}}", before));
    assert_true(replaces(&groups, "{\"b\":{\"kind\":\"x\",\"count\":1}}", before));
    assert_true(replaces(&groups, "{}", before));
    assert_true(replaces(&groups, before, "{}"));
    assert_false(replaces(&words, "{\"a\":\"1\"}", "{\"b\":\"2\"}"));
}

static void test_items_of_a_list(void **state)
{
    (void)state;
    assert_false(replaces(&list, "[{\"kind\":\"x\",\"count\":2}]", "[{\"kind\":\"x\",\"count\":1}]"));
    assert_true(replaces(&list, "[{\"kind\":\"y\",\"count\":1}]", "[{\"kind\":\"x\",\"count\":1}]"));
    assert_false(attr_replaces_within(&fields[0], NULL, json("\"x\"")));
}

/* Out of what is fixed as a whole, or with what is fixed in it. */
static void test_what_is_taken_out(void **state)
{
    (void)state;
    const char *before = "{\"fixed\":{\"kind\":\"x\",\"count\":1},\"group\":{\"kind\":\"x\",\"count\":1}}";
    assert_false(replaces(&outer, "{\"fixed\":{\"kind\":\"x\"}}", before));
    assert_true(replaces(&outer, "{\"fixed\":{\"kind\":\"x\",\"count\":null}}", before));
    assert_false(replaces(&outer, "{\"group\":{\"kind\":\"x\",\"count\":null}}", before));
    assert_true(replaces(&outer, "{\"group\":null}", before));
    assert_false(replaces(&outer, "{\"group\":null}", "{\"group\":{\"count\":1}}"));
}

/* Of processor time, which does not depend on what else runs. */
static double time_of_sets(int n)
{
    static const struct type set = {.kind = TYPE_SET, .elem = &word};
    static const struct attr attr = {.name = STR_INIT("it"), .type = &set, .compare = COMPARE_NOCASE};
    AUTO_BUILDER struct value_builder wanted = VALUE_BUILDER(&arena), live = VALUE_BUILDER(&arena);
    for (int i = 0; i < n; i++) {
        value_builder_add(&wanted, value_string(&arena, arena_printf(&arena, "%05da", i)));
        value_builder_add(&live, value_string(&arena, arena_printf(&arena, "%05dA", i)));
    }
    const struct value *a = value_builder_list(&wanted), *b = value_builder_list(&live);
    clock_t begun = clock();
    assert_true(attr_equal(&attr, a, b));
    return (double)(clock() - begun);
}

/* Eight times as many take eight times as long, not 64 times. */
static void test_large_sets(void **state)
{
    (void)state;
    double few = time_of_sets(1000);
    assert_true(time_of_sets(8000) < 24 * few);
}

static double time_of_pairs(int n)
{
    static const struct attr elem = {.name = STR_INIT("it"), .type = &group};
    AUTO_BUILDER struct value_builder wanted = VALUE_BUILDER(&arena), live = VALUE_BUILDER(&arena);
    for (int i = 0; i < n; i++) {
        value_builder_add(&wanted, json(arena_printf(&arena, "{\"kind\":\"x\",\"count\":%d}", i).p));
        value_builder_add(
            &live, json(arena_printf(&arena, "{\"kind\":\"x\",\"count\":%d,\"more\":1}", n - 1 - i).p));
    }
    const struct value *a = value_builder_list(&wanted), *b = value_builder_list(&live);
    clock_t begun = clock();
    const int64_t *pairs = attr_items_paired(&arena, &elem, a, b);
    double took = (double)(clock() - begun);
    for (int i = 0; i < n; i++)
        assert_int_equal(pairs[i], n - 1 - i);
    return took;
}

/* The same where live items have fields that are not configured, so that none is identical. */
static void test_items_with_more_fields(void **state)
{
    (void)state;
    double few = time_of_pairs(1000);
    assert_true(time_of_pairs(8000) < 24 * few);
}

static int release(void **state)
{
    (void)state;
    arena_release(&arena);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_teardown(test_entries_of_a_map, release),
        cmocka_unit_test_teardown(test_items_of_a_list, release),
        cmocka_unit_test_teardown(test_what_is_taken_out, release),
        cmocka_unit_test_teardown(test_large_sets, release),
        cmocka_unit_test_teardown(test_items_with_more_fields, release),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
