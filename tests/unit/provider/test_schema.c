#include "provider/schema.h"

#include "base/json.h"
#include "tests/unit/support/json_text.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

/* ---- the types under test ---- */

static const struct type string_type = {.kind = TYPE_STRING}, int_type = {.kind = TYPE_INT},
                         float_type = {.kind = TYPE_FLOAT}, bool_type = {.kind = TYPE_BOOL},
                         time_type = {.kind = TYPE_TIMESTAMP}, json_type = {.kind = TYPE_JSON},
                         policy_type = {.kind = TYPE_POLICY}, tags_type = {.kind = TYPE_TAGS},
                         any_type = {.kind = TYPE_ANY}, blob_type = {.kind = TYPE_BLOB};
static const struct type strings_type = {.kind = TYPE_LIST, .elem = &string_type};
static const struct type string_set_type = {.kind = TYPE_SET, .elem = &string_type};
static const struct type int_map_type = {.kind = TYPE_MAP, .elem = &int_type};
static const struct type string_map_type = {.kind = TYPE_MAP, .elem = &string_type};

#define FIELD(name_, type_) .name = STR_INIT(name_), .type = (type_), .settable = true
static const struct value eight = {.kind = VALUE_INT, .integer = 8};
static const struct attr rule_fields[] = {
    {FIELD("id", &string_type), .required = true},
    {FIELD("days", &int_type), .has_min = true, .has_max = true, .min = 1, .max = 365},
    {FIELD("size", &int_type), .default_value = &eight},
    {FIELD("prefix", &string_type), .conflicts = STR_INIT("filter")},
    {FIELD("filter", &string_map_type)},
    {FIELD("password", &string_type), .write_only = true, .sensitive = true},
    {.name = STR_INIT("arn"), .type = &string_type, .computed = true},
};
static const struct type rule_type = {.kind = TYPE_OBJECT, .fields = rule_fields, .field_count = 7};
static const struct type rules_type = {.kind = TYPE_LIST, .elem = &rule_type};
static const struct type rule_set_type = {.kind = TYPE_SET, .elem = &rule_type};

static struct attr plain(const struct type *type)
{
    return (struct attr){.name = STR("x"), .type = type, .settable = true};
}

static struct arena arena;

static int teardown(void **state)
{
    (void)state;
    arena_release(&arena);
    return 0;
}

static const struct value *json(const char *text)
{
    return json_text(&arena, text);
}

static const char *text_of(const struct value *v)
{
    struct buf out = BUF_INIT;
    json_write(&out, v, JSON_PLAIN);
    const char *text = arena_strz(&arena, buf_str(&out));
    buf_release(&out);
    return text;
}

static void assert_str(struct str got, const char *wanted)
{
    assert_string_equal(arena_strz(&arena, got), wanted);
}

/* ---- conversion ---- */

static void test_convert(void **state)
{
    (void)state;
    static const struct {
        const struct type *type;
        const char *given, *wanted;
    } rows[] = {
        {&string_type, "\"a\"", "\"a\""},
        {&string_type, "12", "\"12\""},
        {&string_type, "1.5", "\"1.5\""},
        {&string_type, "2.0", "\"2\""},
        {&string_type, "0.1", "\"0.1\""},
        {&string_type, "true", "\"true\""},
        {&int_type, "\"-12\"", "-12"},
        {&int_type, "3.0", "3"},
        {&float_type, "3", "3"},
        {&float_type, "\"2.5\"", "2.5"},
        {&bool_type, "\"true\"", "true"},
        {&bool_type, "false", "false"},
        {&time_type, "\"2026-11-21T09:30:00+09:00\"", "\"2026-11-21T09:30:00+09:00\""},
        {&blob_type, "\"x\"", "\"x\""},
        {&json_type, "{\"b\":1,\"a\":[null]}", "{\"a\":[null],\"b\":1}"},
        {&json_type, "\"{ \\\"b\\\": 1}\"", "\"{ \\\"b\\\": 1}\""},
        {&policy_type, "{\"Statement\":[]}", "{\"Statement\":[]}"},
        {&tags_type, "{\"a\":1,\"b\":\"x\",\"c\":null,\"d\":false}",
            "{\"a\":\"1\",\"b\":\"x\",\"d\":\"false\"}"},
        {&strings_type, "[\"b\",\"a\",\"b\",1]", "[\"b\",\"a\",\"b\",\"1\"]"},
        {&string_set_type, "[\"b\",\"a\",\"b\",1,\"1\"]", "[\"1\",\"a\",\"b\"]"},
        {&int_map_type, "{\"a\":\"1\"}", "{\"a\":1}"},
        {&any_type, "{\"a\":[1,null]}", "{\"a\":[1,null]}"},
        {&rules_type, "[{\"id\":1,\"days\":\"30\",\"prefix\":null}]", "[{\"days\":30,\"id\":\"1\"}]"},
        {&string_type, "null", "null"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        const struct attr attr = plain(rows[i].type);
        const struct value *out = NULL;
        struct schema_issue issue;
        if (schema_convert(&arena, &attr, json(rows[i].given), &out, &issue))
            fail_msg("%s: %.*s", rows[i].given, STR_ARG(issue.message));
        assert_string_equal(text_of(out), rows[i].wanted);
    }
}

static void test_convert_issues(void **state)
{
    (void)state;
    static const struct {
        const struct type *type;
        const char *given, *message, *label, *path;
    } rows[] = {
        {&string_type, "[]", "expected a string, got a list", "", "[]"},
        {&int_type, "\"1a\"", "expected an integer, got a string", "", "[]"},
        {&int_type, "\" 1\"", "expected an integer, got a string", "", "[]"},
        {&int_type, "1.5", "expected an integer, got a number", "", "[]"},
        {&int_type, "1e30", "expected an integer, got a number", "", "[]"},
        {&float_type, "\"nan\"", "expected a number, got a string", "", "[]"},
        {&float_type, "\"1e999\"", "expected a number, got a string", "", "[]"},
        {&float_type, "\"-007\"", "-007 begins with a zero", "write -7", "[]"},
        {&int_type, "\"0644\"", "0644 begins with a zero", "write 644, or 0o644 where it is octal", "[]"},
        {&float_type, "\"0x10\"", "expected a number, got a string", "", "[]"},
        {&bool_type, "\"yes\"", "expected a boolean, got a string", "write true", "[]"},
        {&bool_type, "1", "expected a boolean, got an integer", "write true", "[]"},
        {&time_type, "\"tomorrow\"", "expected a timestamp, got a string", "such as 2026-11-21T09:30:00Z",
            "[]"},
        {&json_type, "5", "expected a map, a list or JSON text, got an integer", "", "[]"},
        {&policy_type, "[1]", "expected a policy document, got a list", "", "[]"},
        {&policy_type, "{\"statement\":[]}", "a policy document needs \"Statement\"", "", "[]"},
        {&strings_type, "\"a\"", "expected a list, got a string", "write [ ] around it", "[]"},
        {&strings_type, "[\"a\",null]", "expected a string, got null", "", "[1]"},
        {&tags_type, "{\"a\":[]}", "expected a string, got a list", "", "[\"a\"]"},
        {&rules_type, "[{\"id\":\"a\"},{\"id\":\"b\",\"dayz\":1}]", "unknown attribute \"dayz\"",
            "did you mean \"days\"?", "[1,\"dayz\"]"},
        {&rules_type, "[{\"days\":1}]", "\"id\" is missing", "", "[0]"},
        {&rules_type, "[{\"id\":null}]", "\"id\" is missing", "", "[0]"},
        {&rules_type, "[{\"id\":\"a\",\"days\":0}]", "0 is out of range: 1 to 365", "", "[0,\"days\"]"},
        {&rules_type, "[{\"id\":\"a\",\"arn\":\"b\"}]", "\"arn\" is set by the service and cannot be given",
            "", "[0,\"arn\"]"},
        {&rules_type, "[{\"id\":\"a\",\"prefix\":\"b\",\"filter\":{}}]",
            "\"prefix\" and \"filter\" exclude each other", "", "[0,\"prefix\"]"},
        {&rules_type, "[{\"id\":\"a\",\"filter\":{\"k\":{}}}]", "expected a string, got a map", "",
            "[0,\"filter\",\"k\"]"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        const struct attr attr = plain(rows[i].type);
        const struct value *out = NULL;
        struct schema_issue issue;
        if (!schema_convert(&arena, &attr, json(rows[i].given), &out, &issue))
            fail_msg("%s was accepted", rows[i].given);
        assert_str(issue.message, rows[i].message);
        assert_str(issue.label, rows[i].label);
        assert_string_equal(text_of(issue.path), rows[i].path);
    }
}

/* Keys that are addresses come out as services write them; of two that are one neither is dropped. */
static void test_address_keys(void **state)
{
    (void)state;
    struct attr attr = plain(&int_map_type);
    const struct value *out;
    struct schema_issue issue;
    attr.compare = COMPARE_CIDR;
    assert_int_equal(schema_convert(&arena, &attr, json("{\"10.1.2.0/8\":1,\"::/0\":2}"), &out, &issue), 0);
    assert_string_equal(text_of(out), "{\"10.0.0.0/8\":1,\"::/0\":2}");
    assert_int_equal(
        schema_convert(&arena, &attr, json("{\"10.1.2.0/8\":1,\"10.1.3.0/8\":2,\"::/0\":3}"), &out, &issue),
        -1);
    assert_str(issue.message, "\"10.1.2.0/8\" and \"10.1.3.0/8\" are both 10.0.0.0/8");
    assert_string_equal(text_of(issue.path), "[\"10.1.3.0/8\"]");
}

static void test_issue_keys(void **state)
{
    (void)state;
    const struct attr attr = plain(&rule_type);
    const struct value *out;
    struct schema_issue issue;
    assert_int_equal(schema_convert(&arena, &attr, json("{\"id\":\"a\",\"zzz\":1}"), &out, &issue), -1);
    assert_str(issue.key, "zzz");
    assert_true(issue.at_key);
    assert_str(issue.label, "");
    assert_int_equal(schema_convert(&arena, &attr, json("{}"), &out, &issue), -1);
    assert_str(issue.key, "id");
    assert_false(issue.at_key);
}

static void test_checks(void **state)
{
    (void)state;
    static const struct value enabled = {.kind = VALUE_STRING, .string = STR_INIT("Enabled")},
                              suspended = {.kind = VALUE_STRING, .string = STR_INIT("Suspended")};
    static const struct value *choice_items[] = {&enabled, &suspended};
    const struct value choices = {.kind = VALUE_LIST, .count = 2, .items = choice_items};
    const struct attr choice = {FIELD("status", &string_type), .choices = &choices};
    const struct attr nocase = {
        FIELD("status", &string_type), .choices = &choices, .compare = COMPARE_NOCASE};
    const struct attr each = {
        FIELD("statuses", &strings_type), .choices = &choices, .has_max = true, .max = 2};
    const struct attr spelt = {
        FIELD("statuses", &strings_type), .choices = &choices, .compare = COMPARE_CHOICE};
    struct attr name = {
        FIELD("name", &string_type), .pattern = STR("[a-z]+|[0-9]{2}"), .has_min = true, .min = 2};
    const struct attr secret = {FIELD("pw", &string_type), .pattern = STR("[a-z]+"), .sensitive = true};
    const struct {
        const struct attr *attr;
        const char *given, *message, *label;
    } rows[] = {
        {&choice, "\"Suspended\"", NULL, NULL},
        {&choice, "\"Suspendet\"", "\"Suspendet\" is not one of Enabled, Suspended",
            "did you mean \"Suspended\"?"},
        {&choice, "\"enabled\"", "\"enabled\" is not one of Enabled, Suspended", "did you mean \"Enabled\"?"},
        {&nocase, "\"enabled\"", NULL, NULL},
        {&each, "[\"Enabled\",\"x\"]", "\"x\" is not one of Enabled, Suspended", ""},
        {&each, "[\"Enabled\",\"Enabled\",\"Enabled\"]", "wanted at most 2 items, got 3", ""},
        {&name, "\"ab\"", NULL, NULL},
        {&name, "\"12\"", NULL, NULL},
        {&name, "\"123\"", "\"123\" does not match [a-z]+|[0-9]{2}", ""},
        {&name, "\"ab\\n\"", "\"ab\n\" does not match [a-z]+|[0-9]{2}",
            "chomp() removes the line break at its end"},
        {&name, "\"a\"", "wanted at least 2 characters, got 1", ""},
        {&secret, "\"12345\"", "the value does not match [a-z]+", ""},
    };
    for (int compiled = 0; compiled < 2; compiled++) {
        for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
            const struct value *out = NULL;
            struct schema_issue issue;
            int status = schema_convert(&arena, rows[i].attr, json(rows[i].given), &out, &issue);
            if (!rows[i].message) {
                assert_int_equal(status, 0);
                continue;
            }
            assert_int_equal(status, -1);
            assert_str(issue.message, rows[i].message);
            assert_str(issue.label, rows[i].label);
        }
        struct err err = ERR_INIT;
        assert_int_equal(attr_compile_pattern(&arena, &name, &err), 0);
        assert_non_null(name.pattern_code);
    }
    const struct value *out = NULL;
    struct schema_issue issue;
    assert_int_equal(schema_convert(&arena, &spelt, json("[\"enabled\",\"SUSPENDED\"]"), &out, &issue), 0);
    assert_true(value_equal(out, json("[\"Enabled\",\"Suspended\"]")));
    assert_int_equal(schema_convert_exact(&arena, &spelt, json("[\"Enabled\"]"), &out, &issue), 0);
    assert_int_equal(schema_convert_exact(&arena, &spelt, json("[\"enabled\"]"), &out, &issue), -1);
    struct attr broken = {.pattern = STR("[a-")};
    struct err err = ERR_INIT;
    assert_int_equal(attr_compile_pattern(&arena, &broken, &err), -1);
    assert_int_equal(err.class, ERR_INVALID);
    assert_non_null(strstr(err.message, "pattern \"[a-\""));
}

static void test_marks(void **state)
{
    (void)state;
    const struct attr attr = plain(&rule_type);
    const struct value *out;
    struct schema_issue issue;
    assert_int_equal(
        schema_convert(&arena, &attr, json("{\"id\":\"a\",\"password\":\"p\"}"), &out, &issue), 0);
    assert_true(value_getz(out, "password")->marks & VALUE_SENSITIVE);
    assert_false(out->marks & VALUE_SENSITIVE);
    assert_true(value_is_sensitive(out));

    const struct attr number = plain(&int_type);
    const struct value *secret = value_mark(&arena, json("\"12\""), VALUE_SENSITIVE);
    assert_int_equal(schema_convert(&arena, &number, secret, &out, &issue), 0);
    assert_int_equal(out->integer, 12);
    assert_true(out->marks & VALUE_SENSITIVE);

    const struct attr document = plain(&json_type);
    secret = value_mark(&arena, json("\"hunter2\""), VALUE_SENSITIVE);
    assert_int_equal(schema_convert(&arena, &document, secret, &out, &issue), -1);
    assert_str(issue.message, "not valid JSON at line 1, column 6: invalid token");

    const struct attr set = plain(&string_set_type);
    const struct value *items[] = {&value_unknown, json("\"a\""), &value_unknown, json("\"a\"")};
    assert_int_equal(schema_convert(&arena, &set, value_list(&arena, items, 4), &out, &issue), 0);
    assert_int_equal(out->count, 3);
    assert_int_equal(schema_convert(&arena, &set, &value_unknown, &out, &issue), 0);
    assert_true(value_is_unknown(out));
}

static void test_type_name(void **state)
{
    (void)state;
    static const struct type nested = {.kind = TYPE_MAP, .elem = &string_set_type};
    assert_str(type_name(&arena, &nested), "map(set(string))");
    assert_str(type_name(&arena, &rules_type), "list(object)");
}

/* ---- comparison ---- */

static void test_attr_equal(void **state)
{
    (void)state;
    static const struct {
        const struct type *type;
        const char *desired, *live;
        bool equal;
    } rows[] = {
        {&string_type, "\"a\"", "\"a\"", true},
        {&string_type, "\"a\"", "\"A\"", false},
        {&string_type, "\"12\"", "12", true},
        {&string_type, "\"\"", "null", true},
        {&string_type, "\"a\"", "null", false},
        {&int_type, "12", "\"12\"", true},
        {&int_type, "12", "12.0", true},
        {&int_type, "9007199254740993", "9007199254740992", false},
        {&float_type, "0.5", "\"0.50\"", true},
        {&float_type, "0.5", "0.6", false},
        {&bool_type, "true", "\"true\"", true},
        {&bool_type, "true", "false", false},
        {&bool_type, "false", "null", true},
        {&bool_type, "true", "null", false},
        {&any_type, "false", "null", false},
        {&time_type, "\"2026-11-21T09:30:00+09:00\"", "\"2026-11-21T00:30:00Z\"", true},
        {&time_type, "\"2026-11-21T09:30:00+09:00\"", "\"2026-11-21T09:30:00Z\"", false},
        {&json_type, "{\"a\":1,\"b\":[1,2]}", "\"{\\\"b\\\":[1, 2],\\\"a\\\":1.0}\"", true},
        {&json_type, "{\"a\":1}", "{\"a\":1,\"b\":2}", false},
        {&json_type, "\"[1]\"", "\" [ 1 ]\"", true},
        {&tags_type, "{\"a\":\"1\"}", "{\"a\":\"1\",\"b\":\"2\"}", false},
        {&tags_type, "{\"a\":\"1\"}", "{\"a\":\"1\"}", true},
        {&tags_type, "{}", "null", true},
        {&tags_type, "{\"a\":\"1\"}", "{\"b\":\"1\"}", false},
        {&strings_type, "[\"a\",\"b\"]", "[\"b\",\"a\"]", false},
        {&strings_type, "[]", "null", true},
        {&string_set_type, "[\"a\",\"b\"]", "[\"b\",\"a\",\"b\"]", true},
        {&string_set_type, "[\"a\",\"b\"]", "[\"b\"]", false},
        {&string_set_type, "[\"a\",\"c\"]", "[\"b\",\"a\"]", false},
        {&rule_type, "{\"id\":\"a\"}", "{\"id\":\"a\",\"days\":3}", true},
        {&rule_type, "{\"id\":\"a\",\"days\":3}", "{\"id\":\"a\"}", false},
        {&rule_type, "{\"id\":\"a\",\"size\":8}", "{\"id\":\"a\"}", true},
        {&rule_type, "{\"id\":\"a\",\"size\":9}", "{\"id\":\"a\"}", false},
        {&rule_type, "{\"id\":\"a\",\"password\":\"p\"}", "{\"id\":\"a\"}", true},
        {&rule_type, "{\"size\":8}", "null", true},
        {&rule_type, "{\"id\":\"a\",\"filter\":{\"k\":\"v\"}}",
            "{\"id\":\"a\",\"filter\":{\"k\":\"v\",\"l\":\"w\"}}", false},
        {&rules_type, "[{\"id\":\"a\"},{\"id\":\"b\"}]",
            "[{\"id\":\"a\",\"days\":1},{\"id\":\"b\",\"days\":2}]", true},
        {&rules_type, "[{\"id\":\"a\"}]", "[{\"id\":\"a\"},{\"id\":\"b\"}]", false},
        {&rule_set_type, "[{\"id\":\"a\"},{\"id\":\"b\"}]",
            "[{\"id\":\"b\",\"days\":1},{\"id\":\"a\",\"days\":2}]", true},
        /* the first wanted item fits both live ones, the second only one of them */
        {&rule_set_type, "[{\"id\":\"a\"},{\"id\":\"a\",\"days\":1}]",
            "[{\"id\":\"a\",\"days\":1},{\"id\":\"a\",\"days\":2}]", true},
        {&rule_set_type, "[{\"id\":\"a\",\"days\":1},{\"id\":\"a\",\"days\":1,\"size\":2}]",
            "[{\"id\":\"a\",\"days\":1},{\"id\":\"a\",\"days\":2}]", false},
        {&any_type, "{\"a\":1}", "{\"a\":1,\"b\":2}", false},
        {&any_type, "\"\"", "null", false},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        const struct attr attr = plain(rows[i].type);
        if (attr_equal(&attr, json(rows[i].desired), json(rows[i].live)) != rows[i].equal)
            fail_msg("row %zu: %s and %s", i, rows[i].desired, rows[i].live);
    }
}

static void test_compare_modes(void **state)
{
    (void)state;
    static const struct {
        enum attr_compare mode;
        const char *desired, *live;
        bool equal;
    } rows[] = {
        {COMPARE_NOCASE, "\"Mixed\"", "\"mIXED\"", true},
        {COMPARE_NOCASE, "\"Mixed\"", "\"mIXE\"", false},
        {COMPARE_ARN, "\"arn:aws:iam::1:role/etl/jobs\"", "\"etl/jobs\"", true},
        {COMPARE_ARN, "\"arn:aws:iam::1:role/jobs\"", "\"obs\"", false},
        {COMPARE_CHOICE, "\"source\"", "\"SOURCE\"", true},
        {COMPARE_CHOICE, "\"source\"", "\"target\"", false},
        {COMPARE_PROTOCOL, "\"all\"", "\"-1\"", true},
        {COMPARE_PROTOCOL, "\"6\"", "\"tcp\"", true},
        {COMPARE_PROTOCOL, "\"TCP\"", "\"tcp\"", true},
        {COMPARE_PROTOCOL, "\"17\"", "\"tcp\"", false},
        {COMPARE_PREFIX, "\"8.0\"", "\"8.0.36\"", true},
        {COMPARE_PREFIX, "8.4", "\"8.4.1\"", true},
        {COMPARE_PREFIX, "\"8.0\"", "\"8.01\"", false},
        {COMPARE_PREFIX, "\"8.0.36\"", "\"8.0\"", false},
        {COMPARE_PREFIX, "\"8\"", "\"80\"", false},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        const struct attr attr = {FIELD("x", &string_type), .compare = rows[i].mode};
        if (attr_equal(&attr, json(rows[i].desired), json(rows[i].live)) != rows[i].equal)
            fail_msg("row %zu: %s and %s", i, rows[i].desired, rows[i].live);
    }
    const struct attr with_default = {FIELD("x", &int_type), .default_value = &eight};
    assert_true(attr_equal(&with_default, json("8"), NULL));
    assert_false(attr_equal(&with_default, json("9"), NULL));
    const struct attr set = {FIELD("x", &string_set_type), .compare = COMPARE_NOCASE};
    assert_true(attr_equal(&set, json("[\"a\",\"B\"]"), json("[\"b\",\"A\"]")));
}

#define S(body) "{\"Version\":\"2012-10-17\",\"Statement\":[{\"Effect\":\"Allow\"," body "}]}"
static void test_policy_equal(void **state)
{
    (void)state;
    static const struct {
        const char *a, *b;
        bool equal;
    } rows[] = {
        {S("\"Action\":\"s3:*\",\"Resource\":\"*\""), S("\"Resource\":[\"*\"],\"Action\":[\"s3:*\"]"), true},
        {S("\"Action\":[\"a:x\",\"a:y\"]"), S("\"Action\":[\"a:y\",\"a:x\",\"a:x\"]"), true},
        {S("\"Action\":[\"a:x\",\"a:y\"]"), S("\"Action\":[\"a:y\"]"), false},
        {S("\"Action\":\"S3:getobject\""), S("\"Action\":\"s3:GetObject\""), true},
        {S("\"NotAction\":\"a:x\""), S("\"NotAction\":[\"a:x\"]"), true},
        {S("\"NotAction\":\"a:x\""), S("\"Action\":\"a:x\""), false},
        {S("\"Resource\":\"arn:A\""), S("\"Resource\":\"arn:a\""), false},
        {S("\"NotResource\":[\"b\",\"a\"]"), S("\"NotResource\":[\"a\",\"b\"]"), true},
        {S("\"Principal\":{\"AWS\":\"123456789012\"}"),
            S("\"Principal\":{\"AWS\":[\"arn:aws:iam::123456789012:root\"]}"), true},
        {S("\"Principal\":{\"AWS\":123456789012}"),
            S("\"Principal\":{\"AWS\":\"arn:aws-cn:iam::123456789012:root\"}"), true},
        {S("\"Principal\":{\"AWS\":\"123456789012\"}"),
            S("\"Principal\":{\"AWS\":\"arn:aws:iam::123456789012:role/root\"}"), false},
        {S("\"Principal\":\"*\""), S("\"Principal\":{\"AWS\":\"*\"}"), true},
        {S("\"Principal\":{\"Service\":[\"b\",\"a\"]}"), S("\"Principal\":{\"Service\":[\"a\",\"b\"]}"),
            true},
        {S("\"Principal\":{\"Service\":\"a\"}"), S("\"Principal\":{\"AWS\":\"a\"}"), false},
        {S("\"Condition\":{\"Bool\":{\"aws:SecureTransport\":false}}"),
            S("\"Condition\":{\"Bool\":{\"AWS:SecureTransport\":[\"false\"]}}"), true},
        {S("\"Condition\":{\"NumericLessThan\":{\"k\":5}}"),
            S("\"Condition\":{\"NumericLessThan\":{\"k\":\"5\"}}"), true},
        {S("\"Condition\":{\"StringEquals\":{\"k\":\"a\"}}"),
            S("\"Condition\":{\"StringLike\":{\"k\":\"a\"}}"), false},
        {S("\"Action\":\"a\",\"Condition\":{}"), S("\"Action\":\"a\""), true},
        {S("\"Action\":\"a\",\"Sid\":\"\""), S("\"Action\":\"a\""), true},
        {S("\"Action\":\"a\",\"Sid\":\"x\""), S("\"Action\":\"a\""), false},
        {"{\"Statement\":{\"Effect\":\"Deny\"}}",
            "{\"Version\":\"2008-10-17\",\"Statement\":[{\"Effect\":\"Deny\"}]}", true},
        {"{\"Statement\":{\"Effect\":\"Deny\"}}",
            "{\"Version\":\"2012-10-17\",\"Statement\":[{\"Effect\":\"Deny\"}]}", false},
        {"{\"Statement\":[{\"Sid\":\"a\"},{\"Sid\":\"b\"}]}",
            "{\"Statement\":[{\"Sid\":\"b\"},{\"Sid\":\"a\"}]}", true},
        {"{\"Statement\":[],\"Id\":\"a\"}", "{\"Statement\":[],\"Id\":\"b\"}", false},
        {"\"{\\\"Statement\\\": {\\\"Action\\\": \\\"a\\\"}}\"", "{\"Statement\":[{\"Action\":[\"a\"]}]}",
            true},
        {"\"not json\"", "\"not json\"", true},
        {"\"not json\"", "{\"Statement\":[]}", false},
        {"null", "null", true},
        {"null", "{\"Statement\":[]}", false},
        {"{\"Statement\":[1]}", "{\"Statement\":[\"1\"]}", false},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        const struct value *a = json(rows[i].a), *b = json(rows[i].b);
        if (policy_equal(a, b) != rows[i].equal || policy_equal(b, a) != rows[i].equal)
            fail_msg("row %zu: %s and %s", i, rows[i].a, rows[i].b);
        const struct attr attr = plain(&policy_type);
        assert_true(attr_equal(&attr, a, b) == rows[i].equal);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_teardown(test_convert, teardown),
        cmocka_unit_test_teardown(test_convert_issues, teardown),
        cmocka_unit_test_teardown(test_address_keys, teardown),
        cmocka_unit_test_teardown(test_issue_keys, teardown),
        cmocka_unit_test_teardown(test_checks, teardown),
        cmocka_unit_test_teardown(test_marks, teardown),
        cmocka_unit_test_teardown(test_type_name, teardown),
        cmocka_unit_test_teardown(test_attr_equal, teardown),
        cmocka_unit_test_teardown(test_compare_modes, teardown),
        cmocka_unit_test_teardown(test_policy_equal, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
