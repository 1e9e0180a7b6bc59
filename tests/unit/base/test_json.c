#include "base/json.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

/* Text that comes back as it was, canonically ordered. */
static void reads_and_writes(void **state)
{
    (void)state;
    static const char *const cases[][2] = {
        {"{\"b\":1,\"a\":[true,false,null]}", "{\"a\":[true,false,null],\"b\":1}"},
        {"\"\\u00fc\\n\\\"\\\\\\u0001\"", "\"\xc3\xbc\\n\\\"\\\\\\u0001\""},
        {"-9223372036854775808", "-9223372036854775808"},
        {"0.1", "0.1"},
        {"1e300", "1e+300"},
        {"1.0", "1.0"},
        {"[]", "[]"},
        {"{}", "{}"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        AUTO_ARENA struct arena arena = ARENA_INIT;
        AUTO_BUF struct buf out = BUF_INIT;
        struct err err = ERR_INIT;
        const struct value *v;
        assert_int_equal(json_parse(&arena, str_z(cases[i][0]), &v, &err), 0);
        json_write(&out, v, JSON_PLAIN);
        assert_string_equal(out.p, cases[i][1]);
    }
}

static void refuses_what_is_not_json(void **state)
{
    (void)state;
    static const char *const cases[] = {
        "", "{", "[1,]", "{\"a\":1,\"a\":2}", "nul", "1 2", "\"\xff\"", "[NaN]"};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        AUTO_ARENA struct arena arena = ARENA_INIT;
        struct err err = ERR_INIT;
        const struct value *v;
        assert_int_equal(json_parse(&arena, str_z(cases[i]), &v, &err), -1);
        assert_int_equal(err.class, ERR_PROTOCOL);
        assert_true(err.message[0] != '\0');
    }
}

static void says_what_is_expected(void **state)
{
    (void)state;
    static const char *const cases[][2] = {
        {"{hunter2}", "not valid JSON at line 1, column 7: string or '}' expected"},
        {"\"\\uzzzz\"", "not valid JSON at line 1, column 4: invalid escape"}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        AUTO_ARENA struct arena arena = ARENA_INIT;
        struct err err = ERR_INIT;
        const struct value *v;
        assert_int_equal(json_parse(&arena, str_z(cases[i][0]), &v, &err), -1);
        assert_string_equal(err.message, cases[i][1]);
    }
}

static void hides_secrets_and_marks_unknowns(void **state)
{
    (void)state;
    AUTO_ARENA struct arena arena = ARENA_INIT;
    struct value_entry entries[] = {
        {STR("password"), value_mark(&arena, value_string(&arena, STR("hunter2")), VALUE_SENSITIVE)},
        {STR("arn"), &value_unknown},
    };
    AUTO_BUF struct buf out = BUF_INIT;
    json_write(&out, value_map(&arena, entries, 2), JSON_REDACT | JSON_MARK_UNKNOWN);
    assert_string_equal(out.p, "{\"arn\":\"(known after apply)\",\"password\":\"(sensitive)\"}");
}

static void writes_members(void **state)
{
    (void)state;
    AUTO_ARENA struct arena arena = ARENA_INIT;
    AUTO_BUF struct buf out = BUF_INIT;
    json_write_member(&out, "a", STR("\"1\""));
    json_write_member(&out, "b", STR_EMPTY);
    json_write_member_if_any(&out, "c", STR_EMPTY);
    json_write_member_if_any(&out, "d", STR("2"));
    assert_string_equal(out.p, ",\"a\":\"\\\"1\\\"\",\"b\":\"\",\"d\":\"2\"");
    assert_string_equal(json_or_text(&arena, &value_true).p, "true");
    assert_string_equal(json_or_text(&arena, &value_empty_list).p, "[]");
}

/* Text that is none can still be read. */
static void writes_only_text(void **state)
{
    (void)state;
    static const char *const both[][2] = {{"\xff", "\"\xef\xbf\xbd\""},
        {"a\xc3\xa9\xff\xc3\n", "\"a\xc3\xa9\xef\xbf\xbd\xef\xbf\xbd\\n\""},
        {"\xf0\x9f\x98\x80", "\"\xf0\x9f\x98\x80\""}, {"\xe2\x82", "\"\xef\xbf\xbd\xef\xbf\xbd\""}};
    for (size_t i = 0; i < sizeof both / sizeof *both; i++) {
        AUTO_BUF struct buf out = BUF_INIT;
        json_write_string(&out, str_z(both[i][0]));
        assert_string_equal(out.p, both[i][1]);
        assert_true(str_is_utf8(buf_str(&out)));
    }
}

/* The names of RFC 6901's section 5, and what is no escape. */
static void spells_steps_of_pointers(void **state)
{
    (void)state;
    static const char *const both[][2] = {{"foo", "foo"}, {"", ""}, {"a/b", "a~1b"}, {"c%d", "c%d"},
        {"m~n", "m~0n"}, {"~1", "~01"}, {"~/", "~0~1"}, {"//", "~1~1"}};
    static const char *const read[][2] = {
        {"~01", "~1"}, {"~", "~"}, {"a~", "a~"}, {"~2", "~2"}, {"~~1", "~/"}};
    AUTO_ARENA struct arena arena = ARENA_INIT;
    for (size_t i = 0; i < sizeof both / sizeof *both; i++) {
        assert_string_equal(json_pointer_escaped(&arena, str_z(both[i][0])).p, both[i][1]);
        assert_string_equal(json_pointer_unescaped(&arena, str_z(both[i][1])).p, both[i][0]);
    }
    for (size_t i = 0; i < sizeof read / sizeof *read; i++)
        assert_string_equal(json_pointer_unescaped(&arena, str_z(read[i][0])).p, read[i][1]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(reads_and_writes),
        cmocka_unit_test(refuses_what_is_not_json),
        cmocka_unit_test(says_what_is_expected),
        cmocka_unit_test(hides_secrets_and_marks_unknowns),
        cmocka_unit_test(writes_members),
        cmocka_unit_test(writes_only_text),
        cmocka_unit_test(spells_steps_of_pointers),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
