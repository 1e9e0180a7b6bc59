/* What differs between the file, the record and the service, and what of a shown difference is left. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "base/buf.h"
#include "base/json.h"
#include "plan/objects/diff.h"
#include "plan/state/state.h"

static struct arena arena;

static const struct type text = {.kind = TYPE_STRING};
static const struct value small = {.kind = VALUE_STRING, .string = STR_INIT("small")};
static const struct value scaling = {.kind = VALUE_STRING, .string = STR_INIT("scales")};
static const struct value *modes_items[] = {&scaling};
static const struct value modes = {.kind = VALUE_LIST, .count = 1, .items = modes_items};
static const struct value_test scales = {.path = STR_INIT("note"), .kind = TEST_IS, .values = &modes};
static const struct attr attrs[] = {
    {.name = STR_INIT("name"), .type = &text, .settable = true, .replace = true},
    {.name = STR_INIT("size"), .type = &text, .settable = true, .default_value = &small},
    {.name = STR_INIT("note"), .type = &text, .settable = true},
    {.name = STR_INIT("zone"), .type = &text, .settable = true, .computed = true},
    {.name = STR_INIT("source"), .type = &text, .settable = true, .local = true, .replace = true},
    {.name = STR_INIT("manner"), .type = &text, .settable = true, .local = true, .default_value = &small},
    {.name = STR_INIT("password"), .type = &text, .settable = true, .sensitive = true, .write_only = true},
    {.name = STR_INIT("hash"), .type = &text, .computed = true, .prepared = true},
    {.name = STR_INIT("id"), .type = &text, .computed = true},
    {.name = STR_INIT("network"), .type = &text, .settable = true, .replace = true, .attached = true},
    {.name = STR_INIT("shards"), .type = &text, .settable = true, .others = {.items = &scales, .count = 1}},
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

/* As "name! size -note": replaces, changes, is taken out. */
static const char *listed(const struct attr_change *list, size_t n)
{
    AUTO_BUF struct buf out = BUF_INIT;
    for (size_t i = 0; i < n; i++)
        buf_addf(&out, "%s%s%.*s%s", i ? " " : "", list[i].after ? "" : "-", STR_ARG(list[i].name),
            list[i].replaces ? "!" : "");
    return arena_str(&arena, buf_str(&out)).p;
}

static struct comparison with(const char *live, const struct record *record)
{
    return (struct comparison){.arena = &arena, .schema = &schema, .live = json(live), .record = record};
}

static const char *diff(const char *desired, const char *live, const struct record *record)
{
    struct attr_change *list;
    struct comparison comparison = with(live, record);
    size_t n = diff_objects(&comparison, json(desired), &list);
    return listed(list, n);
}

static void what_the_file_gives_is_compared_with_what_is_there(void **state)
{
    (void)state;
    assert_string_equal(diff("{\"name\":\"a\"}", "{\"name\":\"a\",\"note\":\"not ours\"}", NULL), "");
    assert_string_equal(diff("{\"name\":\"b\",\"note\":\"x\"}", "{\"name\":\"a\"}", NULL), "name! note");
    assert_string_equal(diff("{\"size\":\"small\"}", "{}", NULL), ""); /* a sub-resource that is not there */
    assert_string_equal(diff("{\"hash\":\"2\"}", "{\"hash\":\"1\"}", NULL), "hash");
    assert_string_equal(diff("{\"id\":\"2\"}", "{\"id\":\"1\"}", NULL), ""); /* nobody can give that */
}

static void what_was_taken_out_is_put_back(void **state)
{
    (void)state;
    struct record record = {.set = json("[\"size\",\"note\",\"zone\",\"source\"]"), .attrs = json("{}")};
    assert_string_equal(
        diff("{}", "{\"size\":\"large\",\"note\":\"x\",\"zone\":\"1\"}", &record), "-size -note");
    assert_string_equal(diff("{}", "{\"size\":\"small\"}", &record), ""); /* it is the default already */
    assert_string_equal(diff("{}", "{\"size\":\"large\"}", NULL), "");    /* not ours */
}

/* Of local and write-only attributes no service tells: the record does. */
static void what_no_service_tells_is_compared_with_the_record(void **state)
{
    (void)state;
    const struct value *hash = state_hash_secret(&arena, value_stringz(&arena, "one"));
    struct value_entry kept[] = {{STR("source"), value_stringz(&arena, "a")}, {STR("password"), hash}};
    struct record record = {.set = json("[]"), .attrs = value_map(&arena, kept, 2)};
    assert_string_equal(diff("{\"source\":\"a\",\"password\":\"one\"}", "{}", &record), "");
    assert_string_equal(diff("{\"source\":\"b\",\"password\":\"two\"}", "{}", &record), "password source!");
    struct value_entry large[] = {{STR("manner"), value_stringz(&arena, "large")}};
    struct record bent = {.set = json("[\"manner\"]"), .attrs = value_map(&arena, large, 1)};
    assert_string_equal(
        diff("{}", "{}", &bent), "-manner"); /* what it means without that is another resource */
    /* What was there before weir is not made anew for what nobody knows of it. */
    struct record adopted = {.set = json("[]"), .attrs = json("{}"), .adopted = true};
    assert_string_equal(diff("{\"source\":\"b\"}", "{}", &adopted), "source");
}

/* An answer may leave out what never changes; what has a call of its own, such as an attachment, is not there
 * then. */
static void what_an_answer_leaves_out(void **state)
{
    (void)state;
    struct record record = {
        .set = json("[\"name\",\"network\"]"), .attrs = json("{\"name\":\"a\",\"network\":\"n\"}")};
    assert_string_equal(diff("{\"name\":\"a\"}", "{}", &record), "");
    assert_string_equal(diff("{\"name\":\"a\",\"network\":\"n\"}", "{\"name\":\"a\"}", &record), "network!");
}

static void what_is_ignored_does_not_differ(void **state)
{
    (void)state;
    struct str names[] = {STR("note"), STR("size")};
    struct lifecycle lifecycle = {.ignore_changes = names, .ignore_count = 2};
    struct record record = {.set = json("[\"size\"]"), .attrs = json("{}")};
    struct attr_change *list;
    struct comparison comparison = with("{\"size\":\"large\"}", &record);
    comparison.lifecycle = &lifecycle;
    assert_int_equal(diff_objects(&comparison, json("{\"note\":\"x\"}"), &list), 0);
}

/* The service sets shards itself while the note says that it scales. */
static void what_others_change_does_not_differ(void **state)
{
    (void)state;
    const char *live = "{\"note\":\"scales\",\"shards\":\"4\"}";
    assert_string_equal(diff("{\"shards\":\"8\"}", live, NULL), "");
    assert_string_equal(diff("{\"note\":\"scales\",\"shards\":\"8\"}", live, NULL), "");
    assert_string_equal(diff("{\"note\":\"fixed\",\"shards\":\"8\"}", live, NULL), "note shards");
    assert_string_equal(diff("{\"shards\":\"8\"}", "{\"note\":\"fixed\",\"shards\":\"4\"}", NULL), "shards");
}

/* ---- what was shown, carried out ---- */

static const struct value *unknown_note(const char *rest)
{
    return value_with(&arena, json(rest), STR("note"), &value_unknown);
}

/* Shown of `then` against `live`; then with `now` in place of it. */
static const char *carried_out(
    const struct value *then, const char *now, const char *live, const struct record *record)
{
    struct attr_change *shown, *list;
    struct comparison comparison = with(live, record);
    struct planned_diff was = {then, NULL, diff_objects(&comparison, then, &shown)};
    was.changes = shown;
    size_t n = diff_known(&comparison, &was, json(now), &list);
    return listed(list, n);
}

static void what_was_unknown_is_compared_when_it_is_known(void **state)
{
    (void)state;
    const struct value *then = unknown_note("{\"size\":\"large\"}");
    assert_string_equal(
        carried_out(then, "{\"size\":\"large\",\"note\":\"x\"}", "{\"note\":\"x\",\"size\":\"small\"}", NULL),
        "size");
    assert_string_equal(
        carried_out(then, "{\"size\":\"large\",\"note\":\"y\"}", "{\"note\":\"x\",\"size\":\"small\"}", NULL),
        "size note");
}

static void what_was_unknown_and_is_not_given_then_is_taken_out(void **state)
{
    (void)state;
    struct record record = {.set = json("[\"note\"]"), .attrs = json("{\"note\":\"x\"}")};
    const struct value *then = unknown_note("{}");
    assert_string_equal(carried_out(then, "{}", "{\"note\":\"x\"}", &record), "-note");
    assert_string_equal(carried_out(then, "{}", "{\"note\":\"x\"}", NULL), ""); /* never ours */
}

/* What was known is not looked at again: the difference that was shown is the one that is made. */
static void what_was_known_stays_as_it_was_shown(void **state)
{
    (void)state;
    struct record record = {.set = json("[\"size\"]"), .attrs = json("{}")};
    const struct value *then = unknown_note("{\"name\":\"a\"}");
    struct attr_change *shown, *list;
    struct comparison then_there = with("{\"name\":\"a\",\"size\":\"large\"}", &record),
                      there = with("{\"name\":\"other by now\",\"size\":\"small\"}", &record);
    size_t n = diff_objects(&then_there, then, &shown);
    struct planned_diff was = {then, shown, n};
    n = diff_known(&there, &was, json("{\"name\":\"a\",\"note\":\"x\"}"), &list);
    assert_string_equal(listed(list, n), "-size note");
}

/* ---- what is only told ---- */

static void drift_is_of_what_was_set(void **state)
{
    (void)state;
    struct record record = {
        .set = json("[\"size\",\"note\",\"source\"]"), .attrs = json("{\"size\":\"large\",\"note\":\"x\"}")};
    struct attr_change *list;
    struct comparison comparison =
        with("{\"size\":\"huge\",\"note\":\"x\",\"zone\":\"1\",\"source\":\"y\"}", &record);
    size_t n = diff_drift(&comparison, &list);
    assert_int_equal(n, 1);
    assert_true(str_eqz(list[0].name, "size"));
    assert_string_equal(list[0].before->string.p, "large");
    assert_string_equal(list[0].after->string.p, "huge");
}

static void drift_of_a_secret_is_secret(void **state)
{
    (void)state;
    struct value_entry kept = {
        STR("note"), value_mark(&arena, value_stringz(&arena, "was"), VALUE_SENSITIVE)};
    struct record record = {.set = json("[\"note\"]"), .attrs = value_map(&arena, &kept, 1)};
    struct attr_change *list;
    struct comparison comparison = with("{\"note\":\"is\"}", &record);
    assert_int_equal(diff_drift(&comparison, &list), 1);
    assert_true(value_is_sensitive(list[0].after));
}

static void a_new_one_has_all_that_is_set(void **state)
{
    (void)state;
    struct value_entry planned[] = {{STR("id"), &value_unknown}, {STR("name"), value_stringz(&arena, "b")},
        {STR("note"), &value_null}, {STR("source"), value_stringz(&arena, "s")}};
    struct record record = {.attrs = json("{\"source\":\"r\"}")};
    struct attr_change *list;
    struct comparison comparison = with("{\"name\":\"a\"}", &record);
    size_t n = diff_made(&comparison, value_map(&arena, planned, 4), &list);
    assert_int_equal(n, 3);
    assert_string_equal(list[1].before->string.p, "a");
    assert_string_equal(list[2].before->string.p, "r");
    assert_null(list[0].before);
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
        cmocka_unit_test(what_the_file_gives_is_compared_with_what_is_there),
        cmocka_unit_test(what_was_taken_out_is_put_back),
        cmocka_unit_test(what_no_service_tells_is_compared_with_the_record),
        cmocka_unit_test(what_an_answer_leaves_out),
        cmocka_unit_test(what_is_ignored_does_not_differ),
        cmocka_unit_test(what_others_change_does_not_differ),
        cmocka_unit_test(what_was_unknown_is_compared_when_it_is_known),
        cmocka_unit_test(what_was_unknown_and_is_not_given_then_is_taken_out),
        cmocka_unit_test(what_was_known_stays_as_it_was_shown),
        cmocka_unit_test(drift_is_of_what_was_set),
        cmocka_unit_test(drift_of_a_secret_is_secret),
        cmocka_unit_test(a_new_one_has_all_that_is_set),
    };
    return cmocka_run_group_tests(tests, NULL, release);
}
