/* Lists of changes: what leads from one document to another, and back. */
#include "base/json.h"
#include "provider/spec/spec.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static struct arena arena;

static const struct shape text = {.kind = SHAPE_STRING}, number = {.kind = SHAPE_INT};
static const struct shape texts = {.kind = SHAPE_LIST, .elem = &text},
                          map = {.kind = SHAPE_MAP, .elem = &text};
static const struct shape_member limits[] = {
    {.name = STR_INIT("rate"), .wire = STR_INIT("rate"), .shape = &number},
    {.name = STR_INIT("burst"), .wire = STR_INIT("burst"), .shape = &number}};
static const struct shape limit = {.kind = SHAPE_STRUCT, .members = limits, .member_count = 2};
static const struct shape by_method = {.kind = SHAPE_MAP, .elem = &limit};
static const struct shape_member of_stage[] = {
    {.name = STR_INIT("api"), .wire = STR_INIT("api"), .shape = &text},
    {.name = STR_INIT("stage"), .wire = STR_INIT("stage"), .shape = &text},
    {.name = STR_INIT("throttle"), .wire = STR_INIT("throttle"), .shape = &by_method}};
static const struct shape stage = {.kind = SHAPE_STRUCT, .members = of_stage, .member_count = 3};
static const struct shape stages = {.kind = SHAPE_LIST, .elem = &stage};
static const struct shape_member members[] = {
    {.name = STR_INIT("name"), .wire = STR_INIT("name"), .shape = &text},
    {.name = STR_INIT("size"), .wire = STR_INIT("size"), .shape = &number},
    {.name = STR_INIT("role"), .wire = STR_INIT("role"), .shape = &text},
    {.name = STR_INIT("vars"), .wire = STR_INIT("vars"), .shape = &map},
    {.name = STR_INIT("kinds"), .wire = STR_INIT("kinds"), .shape = &texts},
    {.name = STR_INIT("pools"), .wire = STR_INIT("pools"), .shape = &texts},
    {.name = STR_INIT("place"), .wire = STR_INIT("place"), .shape = &texts},
    {.name = STR_INIT("quota"), .wire = STR_INIT("quota"), .shape = &limit},
    {.name = STR_INIT("log"), .wire = STR_INIT("log"), .shape = &limit},
    {.name = STR_INIT("settings"), .wire = STR_INIT("settings"), .shape = &by_method},
    {.name = STR_INIT("stages"), .wire = STR_INIT("stages"), .shape = &stages}};
static const struct shape whole = {.kind = SHAPE_STRUCT, .members = members, .member_count = 11};

static const struct patch_rule rules[] = {{.member = STR_INIT("size"), .removed_as_null = true},
    {.member = STR_INIT("role"), .removed_as = STR_INIT("")},
    {.member = STR_INIT("pools"), .items = PATCH_BY_VALUE},
    {.member = STR_INIT("place"), .items = PATCH_BY_OLD}, {.member = STR_INIT("log"), .whole = true},
    {.member = STR_INIT("settings"), .at = STR_INIT(""), .segments = 2},
    {.member = STR_INIT("settings[].rate"), .at = STR_INIT("throttling/rate")},
    {.member = STR_INIT("stages"), .items = PATCH_BY_PARTS, .parts = STR_INIT("api:stage")}};
static const struct patch_spelling spelling = {.member = STR_INIT("patch"), .rules = rules, .count = 8};

static const struct value *read(const char *json)
{
    const struct value *v;
    struct err err = ERR_INIT;
    assert_int_equal(json_parse(&arena, str_z(json), &v, &err), 0);
    return v;
}

static const char *written(const struct value *v)
{
    AUTO_BUF struct buf out = BUF_INIT;
    json_write(&out, v, JSON_PLAIN);
    return arena_strz(&arena, buf_str(&out));
}

/* What leads there is `changes`, and it does lead there. */
static void check(const char *from, const char *to, const char *changes)
{
    const struct value *after, *list = patch_between(&arena, &spelling, &whole, read(from), read(to));
    struct str unknown = STR_EMPTY;
    assert_string_equal(written(list), changes);
    assert_true(patch_apply(&arena, &spelling, &whole, read(from), list, &after, &unknown));
    assert_string_equal(
        written(wire_coerce(&arena, &whole, after)), written(wire_coerce(&arena, &whole, read(to))));
}

static void test_members(void **state)
{
    (void)state;
    check("{}", "{}", "[]");
    check(
        "{\"name\":\"a\"}", "{\"name\":\"b\"}", "[{\"op\":\"replace\",\"path\":\"/name\",\"value\":\"b\"}]");
    check("{\"name\":\"a\"}", "{}", "[{\"op\":\"remove\",\"path\":\"/name\"}]");
    check("{\"size\":1}", "{}", "[{\"op\":\"replace\",\"path\":\"/size\"}]");
    check("{\"vars\":{\"a/b\":\"1\",\"c\":\"2\"}}", "{\"vars\":{\"a/b\":\"3\",\"d~\":\"4\"}}",
        "[{\"op\":\"replace\",\"path\":\"/vars/a~1b\",\"value\":\"3\"},{\"op\":\"remove\",\"path\":\"/vars/"
        "c\"},"
        "{\"op\":\"add\",\"path\":\"/vars/d~0\",\"value\":\"4\"}]");
    check("{\"quota\":{\"rate\":1,\"burst\":2}}", "{\"quota\":{\"rate\":3}}",
        "[{\"op\":\"replace\",\"path\":\"/quota/rate\",\"value\":\"3\"},{\"op\":\"remove\",\"path\":\"/quota/"
        "burst\"}]");
    check("{\"quota\":{\"rate\":1}}", "{}", "[{\"op\":\"remove\",\"path\":\"/quota\"}]");
}

static void test_structures_without_removable_members(void **state)
{
    (void)state;
    check("{\"log\":{\"rate\":1,\"burst\":2}}", "{\"log\":{\"rate\":1}}",
        "[{\"op\":\"remove\",\"path\":\"/log\"},{\"op\":\"add\",\"path\":\"/log/rate\",\"value\":\"1\"}]");
    check("{\"log\":{\"rate\":1}}", "{\"log\":{\"rate\":2,\"burst\":2}}",
        "[{\"op\":\"replace\",\"path\":\"/log/rate\",\"value\":\"2\"},"
        "{\"op\":\"add\",\"path\":\"/log/burst\",\"value\":\"2\"}]");
}

static void test_lists(void **state)
{
    (void)state;
    check("{\"kinds\":[\"a/a\",\"b\"]}", "{\"kinds\":[\"b\",\"c\"]}",
        "[{\"op\":\"remove\",\"path\":\"/kinds/a~1a\"},{\"op\":\"add\",\"path\":\"/kinds/c\"}]");
    check("{\"pools\":[\"a\"]}", "{\"pools\":[\"b\"]}",
        "[{\"op\":\"remove\",\"path\":\"/pools\",\"value\":\"a\"},{\"op\":\"add\",\"path\":\"/"
        "pools\",\"value\":\"b\"}]");
    check("{\"place\":[\"EDGE\"]}", "{\"place\":[\"REGIONAL\"]}",
        "[{\"op\":\"replace\",\"path\":\"/place/EDGE\",\"value\":\"REGIONAL\"}]");
    check("{\"stages\":[{\"api\":\"a\",\"stage\":\"x\"},{\"api\":\"a\",\"stage\":\"y\"}]}",
        "{\"stages\":[{\"api\":\"a\",\"stage\":\"y\",\"throttle\":{\"/b/GET\":{\"rate\":1}}}]}",
        "[{\"op\":\"remove\",\"path\":\"/stages\",\"value\":\"a:x\"},"
        "{\"op\":\"add\",\"path\":\"/stages/a:y/throttle/~1b~1GET/rate\",\"value\":\"1\"}]");
}

static void test_keys_as_they_stand(void **state)
{
    (void)state;
    check("{}", "{\"settings\":{\"~1a/GET\":{\"rate\":1}}}",
        "[{\"op\":\"add\",\"path\":\"/~1a/GET/throttling/rate\",\"value\":\"1\"}]");
    check("{\"settings\":{\"*/*\":{\"rate\":1}}}", "{\"settings\":{}}",
        "[{\"op\":\"remove\",\"path\":\"/*/*\"}]");
}

static void test_paths_that_lead_nowhere(void **state)
{
    (void)state;
    static const char *const lists[] = {"[{\"op\":\"replace\",\"path\":\"name\",\"value\":\"a\"}]",
        "[{\"op\":\"replace\",\"path\":\"/absent\",\"value\":\"a\"}]",
        "[{\"op\":\"replace\",\"path\":\"/name/below\",\"value\":\"a\"}]",
        "[{\"op\":\"replace\",\"path\":\"/quota\",\"value\":\"a\"}]",
        "[{\"op\":\"add\",\"path\":\"/stages/a:z/throttle/b/rate\",\"value\":\"1\"}]",
        "[{\"op\":\"add\",\"path\":\"/\"}]", "[{}]"};
    for (size_t i = 0; i < sizeof lists / sizeof *lists; i++) {
        const struct value *after;
        struct str unknown;
        assert_false(patch_apply(&arena, &spelling, &whole, read("{}"), read(lists[i]), &after, &unknown));
    }
}

/* A secret's place is emptied rather than removed. */
static void test_emptied(void **state)
{
    (void)state;
    const struct value *list = patch_between(&arena, &spelling, &whole, read("{\"role\":\"a\"}"), read("{}"));
    assert_string_equal(written(list), "[{\"op\":\"replace\",\"path\":\"/role\",\"value\":\"\"}]");
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_members),
        cmocka_unit_test(test_structures_without_removable_members), cmocka_unit_test(test_lists),
        cmocka_unit_test(test_keys_as_they_stand), cmocka_unit_test(test_paths_that_lead_nowhere),
        cmocka_unit_test(test_emptied)};
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    arena_release(&arena);
    return failed;
}
