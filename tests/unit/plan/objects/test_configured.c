/* What the file said within attributes and does not say any more: in objects, lists, sets and maps. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <time.h>

#include <cmocka.h>

#include "base/buf.h"
#include "base/json.h"
#include "plan/objects/diff.h"

static struct arena arena;

static const struct type text = {.kind = TYPE_STRING}, number = {.kind = TYPE_INT}, any = {.kind = TYPE_ANY};
static const struct value seven = {.kind = VALUE_INT, .integer = 7};
static const struct attr inner_fields[] = {
    {.name = STR_INIT("a"), .type = &text, .settable = true},
    {.name = STR_INIT("b"), .type = &text, .settable = true},
};
static const struct type inner = {.kind = TYPE_OBJECT, .fields = inner_fields, .field_count = 2};
static const struct attr fields[] = {
    {.name = STR_INIT("chosen"), .type = &text, .settable = true, .computed = true},
    {.name = STR_INIT("days"), .type = &number, .settable = true, .default_value = &seven},
    {.name = STR_INIT("fixed"), .type = &text, .settable = true, .replace = true},
    {.name = STR_INIT("in"), .type = &inner, .settable = true},
    {.name = STR_INIT("key"), .type = &text, .settable = true, .write_only = true},
    {.name = STR_INIT("note"), .type = &text, .settable = true},
    {.name = STR_INIT("port"), .type = &number, .settable = true},
};
static const struct type object = {.kind = TYPE_OBJECT, .fields = fields, .field_count = 7};
static const struct type list = {.kind = TYPE_LIST, .elem = &object},
                         set = {.kind = TYPE_SET, .elem = &object}, map = {.kind = TYPE_MAP, .elem = &object},
                         maps = {.kind = TYPE_MAP, .elem = &map};
static const struct attr attrs[] = {
    {.name = STR_INIT("o"), .type = &object, .settable = true},
    {.name = STR_INIT("l"), .type = &list, .settable = true},
    {.name = STR_INIT("s"), .type = &set, .settable = true},
    {.name = STR_INIT("m"), .type = &maps, .settable = true},
    {.name = STR_INIT("d"), .type = &any, .settable = true, .compare = COMPARE_CONFIGURED},
    {.name = STR_INIT("t"), .type = &text, .settable = true},
};
static const struct schema schema = {
    .name = STR_INIT("fake.thing"), .attrs = attrs, .attr_count = sizeof attrs / sizeof *attrs};

static const struct value *json(const char *s)
{
    const struct value *v;
    struct err err = ERR_INIT;
    if (json_parse(&arena, str_z(s), &v, &err))
        fail_msg("%s: %s", err.message, s);
    return v;
}

static const char *as_text(const struct value *v)
{
    AUTO_BUF struct buf out = BUF_INIT;
    json_write(&out, v, JSON_PLAIN);
    return arena_strz(&arena, buf_str(&out));
}

static const struct value *names_of(const struct value *object_)
{
    AUTO_BUILDER struct value_builder names = VALUE_BUILDER(&arena);
    for (uint32_t i = 0; i < object_->count; i++)
        value_builder_add(&names, value_string(&arena, object_->entries[i].key));
    return value_builder_list(&names);
}

/* Recorded as `given`, when there was `whole`. */
static struct record record_of(const char *given, const char *whole)
{
    return (struct record){.attrs = json(whole),
        .set = names_of(json(given)),
        .configured = configured_fields(&arena, &schema, json(given), json(whole))};
}

/* What is to change, under each attribute's name; "{}": nothing. */
static const char *changes(const struct record *record, const char *wanted, const char *live)
{
    struct comparison c = {.arena = &arena, .schema = &schema, .live = json(live), .record = record};
    struct attr_change *list_;
    size_t n = diff_objects(&c, json(wanted), &list_);
    AUTO_BUILDER struct value_builder out = VALUE_BUILDER(&arena);
    for (size_t i = 0; i < n; i++)
        value_builder_set(&out, list_[i].name,
            list_[i].replaces ? value_stringz(&arena, "replaces")
            : list_[i].after  ? list_[i].after
                              : &value_null);
    return as_text(value_builder_map(&out));
}

static void test_names_alone_are_kept(void **state)
{
    (void)state;
    assert_string_equal(
        as_text(record_of("{\"o\":{\"note\":\"n\"}}", "{\"o\":{\"note\":\"n\",\"port\":1}}").configured),
        "{\"o\":{\"note\":true}}");
    /* What is recorded is what was given, */
    assert_string_equal(
        as_text(record_of("{\"o\":{\"note\":\"n\"}}", "{\"o\":{\"note\":\"n\"}}").configured), "{}");
    /* and here there is nothing that could be taken out. */
    assert_null(record_of("{\"t\":\"x\"}", "{\"t\":\"x\"}").configured);
}

static void test_taken_out(void **state)
{
    (void)state;
    const char *both = "{\"o\":{\"note\":\"n\",\"port\":1}}";
    struct record r = record_of(both, both);
    assert_string_equal(changes(&r, both, both), "{}");
    assert_string_equal(changes(&r, "{\"o\":{\"port\":1}}", both), "{\"o\":{\"note\":null,\"port\":1}}");
    assert_string_equal(changes(&r, "{\"o\":{\"port\":2}}", both), "{\"o\":{\"note\":null,\"port\":2}}");
    /* It is gone already. */
    assert_string_equal(changes(&r, "{\"o\":{\"port\":1}}", "{\"o\":{\"port\":1}}"), "{}");
    assert_string_equal(changes(&r, "{\"o\":{\"port\":1}}", "{\"o\":{\"port\":1,\"note\":\"\"}}"), "{}");
    /* All of it. */
    assert_string_equal(changes(&r, "{}", both), "{\"o\":null}");
    struct record deep =
        record_of("{\"o\":{\"in\":{\"a\":\"x\",\"b\":\"y\"}}}", "{\"o\":{\"in\":{\"a\":\"x\",\"b\":\"y\"}}}");
    assert_string_equal(
        changes(&deep, "{\"o\":{\"in\":{\"a\":\"x\"}}}", "{\"o\":{\"in\":{\"a\":\"x\",\"b\":\"y\"}}}"),
        "{\"o\":{\"in\":{\"a\":\"x\",\"b\":null}}}");
}

static void test_what_others_set_stays(void **state)
{
    (void)state;
    struct record r = record_of("{\"o\":{\"port\":1}}", "{\"o\":{\"port\":1,\"chosen\":\"c\"}}");
    assert_string_equal(
        changes(&r, "{\"o\":{\"port\":1}}", "{\"o\":{\"port\":1,\"chosen\":\"c\",\"note\":\"theirs\"}}"),
        "{}");
    /* Records of before know nothing. */
    struct record old = r;
    old.configured = NULL;
    assert_string_equal(changes(&old, "{\"o\":{}}", "{\"o\":{\"port\":1}}"), "{}");
}

static void test_back_to_what_the_service_has(void **state)
{
    (void)state;
    const char *given = "{\"o\":{\"port\":1,\"days\":9,\"chosen\":\"c\"}}";
    struct record r = record_of(given, given);
    assert_string_equal(changes(&r, "{\"o\":{\"port\":1}}", given), "{\"o\":{\"days\":null,\"port\":1}}");
    assert_string_equal(
        changes(&r, "{\"o\":{\"port\":1}}", "{\"o\":{\"port\":1,\"days\":7,\"chosen\":\"c\"}}"), "{}");
    /* Applied, the service has put something of its own there: that was never said. */
    struct record after = record_of("{\"o\":{\"port\":1}}", "{\"o\":{\"port\":1,\"days\":30}}");
    assert_string_equal(changes(&after, "{\"o\":{\"port\":1}}", "{\"o\":{\"port\":1,\"days\":30}}"), "{}");
}

static void test_items(void **state)
{
    (void)state;
    const char *two = "{\"l\":[{\"port\":1,\"note\":\"x\"},{\"port\":2}]}",
               *live = "{\"l\":[{\"port\":1,\"note\":\"x\",\"days\":5},{\"port\":2,\"note\":\"theirs\"}]}";
    struct record r = record_of(two, live);
    assert_string_equal(as_text(r.configured), "{\"l\":[{\"note\":true,\"port\":true},{\"port\":true}]}");
    assert_string_equal(changes(&r, two, live), "{}");
    assert_string_equal(changes(&r, "{\"l\":[{\"port\":1},{\"port\":2}]}", live),
        "{\"l\":[{\"note\":null,\"port\":1},{\"port\":2}]}");
    assert_string_equal(changes(&r, "{\"l\":[{\"port\":1}]}", live), "{\"l\":[{\"port\":1}]}");
}

static void test_items_of_sets(void **state)
{
    (void)state;
    const char *two = "{\"s\":[{\"note\":\"x\",\"port\":1},{\"port\":2}]}",
               *live = "{\"s\":[{\"note\":\"theirs\",\"port\":2},{\"note\":\"x\",\"port\":1}]}",
               *turned = "{\"s\":[{\"note\":\"x\",\"port\":1},{\"note\":\"theirs\",\"port\":2}]}";
    struct record r = record_of(two, live);
    assert_string_equal(changes(&r, two, turned), "{}");
    assert_string_equal(changes(&r, "{\"s\":[{\"port\":1},{\"port\":2}]}", turned),
        "{\"s\":[{\"note\":null,\"port\":1},{\"port\":2}]}");
    /* One that is still said whole is that one, though another has all of it and more. */
    const char *alike = "{\"s\":[{\"note\":\"x\",\"port\":1},{\"note\":\"x\",\"days\":2,\"port\":1}]}";
    struct record close = record_of(alike, alike);
    assert_string_equal(
        changes(&close, "{\"s\":[{\"note\":\"x\",\"port\":1},{\"note\":\"x\",\"port\":1}]}", alike),
        "{\"s\":[{\"note\":\"x\",\"port\":1},{\"days\":null,\"note\":\"x\",\"port\":1}]}");
}

static const char *many(int n, int changed)
{
    AUTO_BUF struct buf out = BUF_INIT;
    for (int i = 0; i < n; i++)
        buf_addf(&out, "%s{\"days\":%d,\"port\":%d}", i ? "," : "{\"s\":[", i == changed ? 1 : 2, 10000 + i);
    buf_addz(&out, "]}");
    return arena_strz(&arena, buf_str(&out));
}

/* Of processor time, which does not depend on what else runs. */
static double time_of_sets(int n)
{
    const char *given = many(n, -1), *other = many(n, n / 2);
    clock_t begun = clock();
    struct record r = record_of(given, given);
    assert_string_equal(changes(&r, given, given), "{}");
    assert_string_not_equal(changes(&r, other, given), "{}");
    return (double)(clock() - begun);
}

/* Eight times as many take eight times as long, not 64 times. */
static void test_items_of_large_sets(void **state)
{
    (void)state;
    double few = time_of_sets(1000);
    assert_true(time_of_sets(8000) < 24 * few);
}

/* What is kept as a hash is what is there: the item is known by the rest of it. */
static void test_secrets_in_sets(void **state)
{
    (void)state;
    const char *given = "{\"s\":[{\"note\":\"x\",\"port\":1},{\"port\":2}]}";
    struct record r = record_of(given, given);
    const struct value *item = json("{\"note\":\"x\",\"port\":1}"),
                       *recorded[] = {NULL, json("{\"port\":2}")},
                       *hash = json("{\"$hash\":\"scrypt:00000000000000000000000000000000:"
                                    "0000000000000000000000000000000000000000000000000000000000000000\"}");
    recorded[0] = value_with(&arena, item, STR("note"), value_mark(&arena, hash, VALUE_SENSITIVE));
    assert_true(state_is_hash(value_getz(recorded[0], "note")));
    r.attrs = value_with(&arena, r.attrs, STR("s"), value_list(&arena, recorded, 2));
    assert_string_equal(changes(&r, given, given), "{}");
    assert_string_equal(changes(&r, "{\"s\":[{\"port\":1},{\"port\":2}]}", given),
        "{\"s\":[{\"note\":null,\"port\":1},{\"port\":2}]}");
}

static void test_maps_in_maps(void **state)
{
    (void)state;
    const char *given = "{\"m\":{\"x\":{\"y\":{\"port\":1,\"note\":\"n\"}}}}",
               *live = "{\"m\":{\"x\":{\"y\":{\"port\":1,\"note\":\"n\",\"days\":3}}}}";
    struct record r = record_of(given, live);
    assert_string_equal(changes(&r, "{\"m\":{\"x\":{\"y\":{\"port\":1}}}}", live),
        "{\"m\":{\"x\":{\"y\":{\"note\":null,\"port\":1}}}}");
}

static void test_documents(void **state)
{
    (void)state;
    const char *given = "{\"d\":{\"a\":{\"b\":1,\"c\":2}}}",
               *live = "{\"d\":{\"a\":{\"b\":1,\"c\":2,\"own\":3}}}";
    struct record r = record_of(given, live);
    assert_string_equal(changes(&r, given, live), "{}");
    assert_string_equal(changes(&r, "{\"d\":{\"a\":{\"b\":1}}}", live), "{\"d\":{\"a\":{\"b\":1}}}");
}

static void test_what_cannot_be_read_or_changed(void **state)
{
    (void)state;
    struct record r =
        record_of("{\"o\":{\"port\":1,\"key\":\"k\"}}", "{\"o\":{\"port\":1,\"key\":\"hash\"}}");
    assert_string_equal(
        changes(&r, "{\"o\":{\"port\":1}}", "{\"o\":{\"port\":1}}"), "{\"o\":{\"key\":null,\"port\":1}}");
    const char *fixed = "{\"o\":{\"port\":1,\"fixed\":\"f\"}}";
    r = record_of(fixed, fixed);
    assert_string_equal(changes(&r, "{\"o\":{\"port\":1}}", fixed), "{\"o\":\"replaces\"}");
}

/* An update was cut off: what was said before is still known beside what is there by now. */
static void test_cut_off(void **state)
{
    (void)state;
    struct record r =
        record_of("{\"o\":{\"port\":1,\"note\":\"n\"},\"s\":[{\"port\":1},{\"port\":2,\"note\":\"n\"}]}",
            "{\"o\":{\"port\":1,\"note\":\"n\"},\"s\":[{\"note\":\"n\",\"port\":2},{\"port\":1}]}");
    const struct value *now = json(
        "{\"o\":{\"days\":3,\"port\":1,\"note\":\"n\"},\"s\":[{\"port\":1},{\"note\":\"n\",\"port\":2}]}");
    r.configured = configured_after_update(&arena, &schema, &r, now);
    r.attrs = now;
    assert_string_equal(as_text(r.configured), "{\"o\":{\"note\":true,\"port\":true}}");
    assert_string_equal(changes(&r, "{\"o\":{\"port\":1},\"s\":[{\"port\":1},{\"port\":2}]}", as_text(now)),
        "{\"o\":{\"note\":null,\"port\":1},\"s\":[{\"port\":1},{\"note\":null,\"port\":2}]}");
}

static void note_kept(void *ctx, struct str path, const struct value *v)
{
    buf_addf(ctx, "%.*s=%s ", STR_ARG(path), as_text(v));
}

static void test_what_is_kept(void **state)
{
    (void)state;
    const struct attr_change change = {.name = STR("l"),
        .attr = &attrs[1],
        .before = json("[{\"port\":1,\"note\":\"x\",\"days\":9}]"),
        .after = json("[{\"port\":1,\"note\":null,\"days\":null}]")};
    AUTO_BUF struct buf kept = BUF_INIT;
    configured_each_unremoved(
        &arena, &change, json("{\"l\":[{\"port\":1,\"note\":\"x\",\"days\":7}]}"), note_kept, &kept);
    assert_string_equal(kept.p, "l[0].note=\"x\" ");
}

/* What goes out of it where an attribute is put as a whole, and where what else is there stays. */
static void test_what_is_sent(void **state)
{
    (void)state;
    const struct value
        *wanted = json("{\"days\":null,\"in\":{\"a\":\"x\",\"b\":null},\"note\":null,\"port\":2}"),
        *live =
            json("{\"days\":9,\"fixed\":\"f\",\"in\":{\"a\":\"w\",\"b\":\"y\"},\"note\":\"n\",\"port\":1}");
    assert_true(attr_removes_fields(&object, wanted));
    assert_false(attr_removes_fields(&object, live));
    assert_string_equal(as_text(attr_without_nulls(&arena, &object, wanted, true)),
        "{\"days\":7,\"in\":{\"a\":\"x\"},\"port\":2}");
    assert_string_equal(
        as_text(attr_without_nulls(&arena, &object, wanted, false)), "{\"in\":{\"a\":\"x\"},\"port\":2}");
    assert_string_equal(as_text(attr_after_update(&arena, &object, wanted, live)),
        "{\"fixed\":\"f\",\"in\":{\"a\":\"x\"},\"port\":2}");
    static const struct attr choice_fields[] = {
        {.name = STR_INIT("a"), .type = &text, .settable = true, .compare = COMPARE_CHOICE},
        {.name = STR_INIT("b"), .type = &text, .settable = true, .compare = COMPARE_CHOICE},
    };
    static const struct type chosen = {.kind = TYPE_OBJECT, .fields = choice_fields, .field_count = 2};
    assert_string_equal(as_text(attr_after_update(&arena, &chosen, json("{\"a\":\"on\",\"b\":\"off\"}"),
                            json("{\"a\":\"ON\",\"b\":\"ON\"}"))), /* as it is reported */
        "{\"a\":\"ON\",\"b\":\"off\"}");
    assert_string_equal(as_text(attr_restricted(&arena, &object, wanted, live, true)),
        "{\"days\":9,\"in\":{\"a\":\"w\",\"b\":\"y\"},\"note\":\"n\",\"port\":1}");
    assert_string_equal(
        as_text(attr_restricted(&arena, &list, json("[{\"port\":2},{\"port\":4},{\"port\":5}]"),
            json("[{\"days\":7,\"note\":\"n\",\"port\":1},{\"days\":9,\"port\":3}]"),
            false)), /* 7 is the default */
        "[{\"note\":\"n\",\"port\":1},{\"days\":9,\"port\":3}]");
}

/* What goes out where a service replaces the whole: all that a file could have given stays. */
static void test_what_stays_beside(void **state)
{
    (void)state;
    const struct value *live = json(
        "{\"@More\":{\"x\":\"\"},\"chosen\":\"c\",\"days\":9,\"in\":{\"a\":\"w\",\"b\":\"y\"},\"note\":\"\","
        "\"port\":1}");
    const struct attr attr = {.name = STR("o"), .type = &object}, items = {.name = STR("l"), .type = &list};
    assert_string_equal(as_text(attr_completed(&arena, &attr, json("{\"days\":null,\"port\":2}"), live)),
        "{\"@More\":{\"x\":\"\"},\"chosen\":\"c\",\"days\":null,\"in\":{\"a\":\"w\",\"b\":\"y\"},\"port\":"
        "2}");
    const struct value *two = json("[{\"note\":\"n\",\"port\":1},{\"note\":\"m\",\"port\":2}]");
    assert_string_equal(as_text(attr_completed(&arena, &items, json("[{\"port\":3},{\"port\":2}]"), two)),
        "[{\"port\":3},{\"note\":\"m\",\"port\":2}]"); /* an item that is changed is a new one */

    static const struct attr rivals[] = {
        {.name = STR_INIT("days"), .type = &number, .settable = true, .conflicts = STR_INIT("schedule")},
        {.name = STR_INIT("schedule"), .type = &text, .settable = true},
        {.name = STR_INIT("told"), .type = &text},
        {.name = STR_INIT("least"), .type = &number, .settable = true, .has_min = true, .min = 1},
    };
    static const struct type rules = {.kind = TYPE_OBJECT, .fields = rivals, .field_count = 4};
    const struct attr rotation = {.name = STR("rotation"), .type = &rules};
    assert_string_equal(as_text(attr_completed(&arena, &rotation, json("{\"schedule\":\"b\"}"),
                            json("{\"days\":7,\"least\":0,\"schedule\":\"a\",\"told\":\"x\"}"))),
        "{\"schedule\":\"b\"}"); /* excluded, out of range, the service's own */
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
        cmocka_unit_test(test_names_alone_are_kept),
        cmocka_unit_test(test_taken_out),
        cmocka_unit_test(test_what_others_set_stays),
        cmocka_unit_test(test_back_to_what_the_service_has),
        cmocka_unit_test(test_what_stays_beside),
        cmocka_unit_test(test_items),
        cmocka_unit_test(test_items_of_sets),
        cmocka_unit_test(test_items_of_large_sets),
        cmocka_unit_test(test_secrets_in_sets),
        cmocka_unit_test(test_maps_in_maps),
        cmocka_unit_test(test_documents),
        cmocka_unit_test(test_what_cannot_be_read_or_changed),
        cmocka_unit_test(test_cut_off),
        cmocka_unit_test(test_what_is_kept),
        cmocka_unit_test(test_what_is_sent),
    };
    return cmocka_run_group_tests(tests, NULL, release);
}
