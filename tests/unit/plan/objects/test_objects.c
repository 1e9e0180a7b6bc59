/* What an object is after an operation and in the state: whole, marked, and without what must not be kept. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "base/json.h"
#include "plan/objects/objects.h"

static struct arena arena;

static const struct type text = {.kind = TYPE_STRING}, tags = {.kind = TYPE_TAGS};
static const struct attr fields[] = {
    {.name = STR_INIT("user"), .type = &text, .settable = true},
    {.name = STR_INIT("pass"), .type = &text, .settable = true, .write_only = true, .sensitive = true},
};
static const struct type login = {.kind = TYPE_OBJECT, .fields = fields, .field_count = 2};
static const struct attr attrs[] = {
    {.name = STR_INIT("login"), .type = &login, .settable = true},
    {.name = STR_INIT("name"), .type = &text, .settable = true, .replace = true},
    {.name = STR_INIT("note"), .type = &text, .settable = true},
    {.name = STR_INIT("token"), .type = &text, .settable = true, .sensitive = true},
    {.name = STR_INIT("password"), .type = &text, .settable = true, .sensitive = true, .write_only = true},
    {.name = STR_INIT("source"), .type = &text, .settable = true, .local = true},
    {.name = STR_INIT("force"), .type = &text, .settable = true, .local = true, .weir_only = true},
    {.name = STR_INIT("labels"), .type = &tags, .settable = true, .shared = true},
    {.name = STR_INIT("id"), .type = &text, .computed = true},
    {.name = STR_INIT("hash"), .type = &text, .computed = true, .prepared = true},
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

static const struct value *secret(const char *s)
{
    return value_mark(&arena, value_stringz(&arena, s), VALUE_SENSITIVE);
}

static void assert_same(const struct value *v, const char *expected)
{
    assert_true(value_equal(v, json(expected)));
}

/* ---- after an operation ---- */

static void the_service_has_the_last_word(void **state)
{
    (void)state;
    assert_same(object_whole(&arena, &schema, json("{\"name\":\"a\",\"note\":\"x\"}"),
                    json("{\"name\":\"A\",\"id\":\"1\"}"), NULL),
        "{\"name\":\"A\",\"id\":\"1\",\"note\":\"x\"}");
    assert_same(object_whole(&arena, &schema, json("{}"), NULL, NULL), "{}");
}

/* A local attribute of that name in an answer is another resource. */
static void the_file_says_what_no_service_tells(void **state)
{
    (void)state;
    assert_same(
        object_whole(&arena, &schema, json("{\"source\":\"mine\"}"), json("{\"source\":\"its\"}"), NULL),
        "{\"source\":\"mine\"}");
}

/* A password within is kept in its place. With a secret of the stack's beside it, all is one secret, and as
 * the service tells it: it would never be equal otherwise. */
static void what_cannot_be_read_back_within(void **state)
{
    (void)state;
    const struct value *live = json("{\"login\":{\"user\":\"u\"}}");
    struct value_entry given[] = {{STR("pass"), secret("p")}, {STR("user"), value_stringz(&arena, "u")}};
    struct value_entry login_given = {STR("login"), value_map(&arena, given, 2)};
    const struct value *whole = object_whole(&arena, &schema, value_map(&arena, &login_given, 1), live, NULL);
    assert_same(whole, "{\"login\":{\"pass\":\"p\",\"user\":\"u\"}}");
    assert_false(attr_secret_beyond(schema_attr(&schema, STR("login")), value_getz(whole, "login")));
    assert_true(object_holds_hash(value_getz(object_for_state(&arena, &schema, whole), "login")));
    given[1].value = secret("u");
    login_given.value = value_map(&arena, given, 2);
    whole = object_whole(&arena, &schema, value_map(&arena, &login_given, 1), live, NULL);
    assert_same(whole, "{\"login\":{\"user\":\"u\"}}");
    assert_true(value_getz(whole, "login")->marks & VALUE_SENSITIVE);
}

/* Also one that the service tells: it comes from nowhere in clear. */
static void what_is_secret_within_comes_out_marked(void **state)
{
    (void)state;
    const struct value *seen =
        object_mark(&arena, &schema, json("{\"login\":{\"user\":\"u\",\"pass\":\"p\"}}"), NULL);
    const struct value *within = value_getz(seen, "login");
    assert_true(value_getz(within, "pass")->marks & VALUE_SENSITIVE);
    assert_false(value_is_sensitive(value_getz(within, "user")) || (within->marks & VALUE_SENSITIVE));
}

static void secrets_come_out_marked(void **state)
{
    (void)state;
    struct value_entry given = {STR("note"), secret("s")}, recorded = {STR("name"), secret("n")};
    const struct value *whole = object_whole(&arena, &schema,
        value_merge(&arena, json("{\"password\":\"p\"}"), value_map(&arena, &given, 1)),
        json("{\"name\":\"n\",\"note\":\"s\",\"token\":\"t\",\"id\":\"1\"}"),
        value_map(&arena, &recorded, 1));
    for (uint32_t i = 0; i < whole->count; i++)
        assert_int_equal(value_is_sensitive(whole->entries[i].value), !str_eqz(whole->entries[i].key, "id"));
}

/* It was secret because of an input, and the file gives it in clear now. */
static void what_is_given_in_clear_is_no_secret_any_more(void **state)
{
    (void)state;
    struct value_entry recorded = {STR("note"), secret("x")};
    const struct value *before = value_map(&arena, &recorded, 1);
    const struct value *whole =
        object_whole(&arena, &schema, json("{\"note\":\"x\"}"), json("{\"note\":\"x\"}"), before);
    assert_false(value_is_sensitive(value_getz(whole, "note")));
    whole = object_whole(&arena, &schema, json("{\"note\":\"y\"}"), json("{\"note\":\"x\"}"), before);
    assert_true(value_is_sensitive(value_getz(whole, "note"))); /* that is not what is there */
    whole = object_whole(&arena, &schema, json("{\"token\":\"t\"}"), json("{\"token\":\"t\"}"), NULL);
    assert_true(value_is_sensitive(value_getz(whole, "token"))); /* the schema says so in any case */
}

static void what_is_kept_has_hashes_of_what_is_only_written(void **state)
{
    (void)state;
    const struct value *whole =
        object_whole(&arena, &schema, json("{\"password\":\"p\",\"name\":\"a\"}"), json("{}"), NULL);
    const struct value *kept = object_for_state(&arena, &schema, whole), *hash = value_getz(kept, "password");
    assert_string_equal(value_getz(whole, "password")->string.p, "p");
    assert_true(state_is_hash(hash));
    assert_true(object_hash_matches(hash, value_stringz(&arena, "p")));
    assert_false(object_hash_matches(hash, value_stringz(&arena, "q")));
    assert_true(value_equal(object_for_state(&arena, &schema, kept), kept)); /* a hash is not hashed again */
    assert_string_equal(value_getz(kept, "name")->string.p, "a");
}

/* ---- after a refresh ---- */

static void of_shared_maps_only_our_keys_are_seen(void **state)
{
    (void)state;
    struct record record = {.attrs = json("{\"labels\":{\"a\":\"1\"}}"), .set = json("[\"labels\"]")};
    assert_same(
        object_from_live(&arena, &schema, &record, json("{\"labels\":{\"a\":\"2\",\"theirs\":\"x\"}}")),
        "{\"labels\":{\"a\":\"2\"}}");
    record.set = json("[]");
    assert_null(
        value_getz(object_from_live(&arena, &schema, &record, json("{\"labels\":{\"a\":\"2\"}}")), "labels"));
}

static void what_was_not_asked_is_as_recorded(void **state)
{
    (void)state;
    struct record record = {
        .attrs = json("{\"id\":\"1\",\"note\":\"gone\",\"hash\":\"h\"}"), .set = json("[\"note\"]")};
    const struct value *seen = object_from_live(&arena, &schema, &record, json("{\"name\":\"a\"}"));
    assert_same(seen, "{\"name\":\"a\",\"id\":\"1\"}"); /* what the file gives is gone, a file's hash is not
                                                           recorded there */
    assert_true(value_equal(object_from_live(&arena, &schema, &record, seen), seen));
    assert_same(object_from_live(&arena, &schema, &record, json("{\"id\":\"2\"}")), "{\"id\":\"2\"}");
    assert_null(object_from_live(&arena, &schema, &record, NULL));
}

/* ---- telling apart ---- */

static void another_differs_in_what_never_changes(void **state)
{
    (void)state;
    const struct value *desired = json("{\"name\":\"a\",\"note\":\"x\"}");
    assert_false(object_is_another(&schema, desired, json("{\"name\":\"a\",\"note\":\"y\"}")));
    assert_true(object_is_another(&schema, desired, json("{\"name\":\"b\"}")));
    assert_false(object_is_another(&schema, desired, json("{}"))); /* nobody says */
}

static void what_steers_is_as_the_stack_has_it_now(void **state)
{
    (void)state;
    const struct value *prior = json("{\"name\":\"a\",\"force\":\"yes\"}");
    assert_same(object_with_weir_only(&arena, &schema, prior, json("{\"force\":\"no\",\"name\":\"b\"}")),
        "{\"name\":\"a\",\"force\":\"no\"}");
    assert_same(object_with_weir_only(&arena, &schema, prior, json("{\"name\":\"b\"}")), "{\"name\":\"a\"}");
    struct value_entry unknown = {STR("force"), &value_unknown};
    assert_true(
        value_equal(object_with_weir_only(&arena, &schema, prior, value_map(&arena, &unknown, 1)), prior));
}

static void what_only_the_service_says_is_unknown(void **state)
{
    (void)state;
    const struct value *v = object_unknown(&arena, &schema, json("{\"name\":\"a\",\"hash\":\"h\"}"));
    assert_true(value_is_unknown(value_getz(v, "id")));
    assert_string_equal(value_getz(v, "hash")->string.p, "h");
    assert_same(object_set(&arena, &schema, v), "[\"hash\",\"name\"]");
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
        cmocka_unit_test(the_service_has_the_last_word),
        cmocka_unit_test(the_file_says_what_no_service_tells),
        cmocka_unit_test(what_cannot_be_read_back_within),
        cmocka_unit_test(what_is_secret_within_comes_out_marked),
        cmocka_unit_test(secrets_come_out_marked),
        cmocka_unit_test(what_is_given_in_clear_is_no_secret_any_more),
        cmocka_unit_test(what_is_kept_has_hashes_of_what_is_only_written),
        cmocka_unit_test(of_shared_maps_only_our_keys_are_seen),
        cmocka_unit_test(what_was_not_asked_is_as_recorded),
        cmocka_unit_test(another_differs_in_what_never_changes),
        cmocka_unit_test(what_steers_is_as_the_stack_has_it_now),
        cmocka_unit_test(what_only_the_service_says_is_unknown),
    };
    return cmocka_run_group_tests(tests, NULL, release);
}
