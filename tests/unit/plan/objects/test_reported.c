/* What counts as another writing of what was given, and until when. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "base/json.h"
#include "plan/objects/objects.h"

static struct arena arena;

static const struct type any = {.kind = TYPE_ANY};
static const struct value modes = {.kind = VALUE_LIST};
static const struct attr attrs[] = {
    {.name = STR_INIT("key"), .type = &any, .settable = true},
    {.name = STR_INIT("mode"), .type = &any, .settable = true, .choices = &modes},
    {.name = STR_INIT("secret"), .type = &any, .settable = true, .sensitive = true},
};
static const struct schema schema = {
    .name = STR_INIT("fake.thing"), .attrs = attrs, .attr_count = sizeof attrs / sizeof *attrs};

static const struct value *json(const char *s)
{
    const struct value *v;
    struct err err = ERR_INIT;
    assert_int_equal(json_parse(&arena, str_z(s), &v, &err), 0);
    return v;
}

static bool otherwise(const char *given, const char *live)
{
    return reported_otherwise(&attrs[0], json(given), json(live));
}

static void test_only_texts(void **state)
{
    (void)state;
    assert_true(otherwise("\"alias/lake\"", "\"arn:aws:kms:eu-west-1:1:key/2\""));
    assert_true(otherwise("[\"b\",\"a\"]", "[\"a\",\"b\"]"));
    assert_true(
        otherwise("{\"zone\":\"Etc/UTC\",\"days\":3}", "{\"zone\":\"UTC\",\"days\":3,\"more\":true}"));
    assert_false(otherwise("\"same\"", "\"same\""));
    assert_false(otherwise("\"said\"", "\"\"")); /* it was left out */
    assert_false(otherwise("\"said\"", "null"));
    assert_false(otherwise("3", "4"));
    assert_false(otherwise("true", "false"));
    assert_false(otherwise("[\"a\",\"b\"]", "[\"a\"]"));
    assert_false(otherwise("{\"zone\":\"UTC\",\"days\":3}", "{\"zone\":\"utc\",\"days\":4}"));
    assert_false(reported_otherwise(&attrs[1], json("\"on\""), json("\"off\"")));
    assert_false(reported_otherwise(&attrs[2], json("\"a\""), json("\"b\"")));
}

static void test_as_long_as_both_stay(void **state)
{
    (void)state;
    const struct value *desired = json("{\"key\":\"alias/a\",\"mode\":\"on\"}"),
                       *whole = json("{\"key\":\"arn:a\",\"mode\":\"on\"}");
    struct reported_change change = {.schema = &schema, .desired = desired};
    const struct record record = {.attrs = whole, .reported = reported_found(&arena, &change, whole, NULL)};
    assert_int_equal(record.reported->count, 1);
    assert_true(reported_before(&record, &attrs[0], json("\"alias/a\""), json("\"arn:a\"")));
    assert_false(reported_before(&record, &attrs[0], json("\"alias/b\""), json("\"arn:a\"")));
    assert_false(reported_before(&record, &attrs[0], json("\"alias/a\""), json("\"arn:b\"")));
    assert_false(reported_before(NULL, &attrs[0], json("\"alias/a\""), json("\"arn:a\"")));
    assert_null(reported_found(&arena, &change, desired, NULL));

    /* A change of something else sends it as it is given, and the service goes on telling it its own way. */
    const struct attr_change mode = {.name = STR("mode"), .attr = &attrs[1]},
                             key = {.name = STR("key"), .attr = &attrs[0]};
    change = (struct reported_change){&schema, &record, &mode, 1, desired};
    const struct value *carried = reported_applied(&arena, &change, desired);
    assert_true(value_equal(value_getz(carried, "key"), json("\"arn:a\"")));
    change.changes = &key;
    assert_ptr_equal(reported_applied(&arena, &change, desired), desired);
}

static void test_doubts(void **state)
{
    (void)state;
    const struct record applied = {.attrs = json("{\"key\":\"alias/a\"}")};
    struct attr_change change = {.name = STR("key"), .attr = &attrs[0], .before = json("\"arn:a\"")};
    change.after = json("\"alias/a\""); /* as it was applied already */
    assert_int_equal(reported_unconfirmed(&arena, &applied, &change, 1)->count, 1);
    assert_int_equal(reported_unconfirmed(&arena, NULL, &change, 1)->count, 0);
    change.after = json("\"alias/b\""); /* new in the file */
    assert_int_equal(reported_unconfirmed(&arena, &applied, &change, 1)->count, 0);
}

/* What answers leave out although it was applied is recorded as that, until they tell it or the file changes.
 */
static void test_left_out(void **state)
{
    (void)state;
    const struct value *desired = json("{\"key\":\"alias/a\",\"mode\":\"on\"}"), *names = json("[\"mode\"]");
    const struct record applied = {.attrs = desired};
    struct attr_change change = {.name = STR("mode"), .attr = &attrs[1], .after = json("\"on\"")};
    assert_int_equal(reported_unconfirmed(&arena, &applied, &change, 1)->count, 1);
    assert_false(reported_before(&applied, &attrs[1], json("\"on\""), NULL));

    struct reported_change made = {.schema = &schema, .desired = desired};
    const struct record record = {
        .attrs = desired, .reported = reported_found(&arena, &made, desired, names)};
    assert_true(value_equal(record.reported, json("{\"mode\":\"on\"}")));
    assert_true(reported_before(&record, &attrs[1], json("\"on\""), NULL));
    assert_false(reported_before(&record, &attrs[1], json("\"off\""), NULL));
    assert_false(reported_before(&record, &attrs[0], json("\"alias/a\""), NULL));
    assert_false(reported_before(&record, &attrs[1], json("\"on\""), json("\"off\"")));

    const struct attr_change key = {.name = STR("key"), .attr = &attrs[0]};
    struct reported_change next = {&schema, &record, &key, 1, desired};
    assert_true(value_equal(reported_found(&arena, &next, desired, NULL), record.reported));
    next.changes = &change;
    assert_null(reported_found(&arena, &next, desired, NULL));
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
        cmocka_unit_test(test_only_texts),
        cmocka_unit_test(test_as_long_as_both_stay),
        cmocka_unit_test(test_doubts),
        cmocka_unit_test(test_left_out),
    };
    return cmocka_run_group_tests(tests, NULL, release);
}
