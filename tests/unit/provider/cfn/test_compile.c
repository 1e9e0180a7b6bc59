/* Schemas of CloudFormation's registry: out of the binary, and as what the rest of weir knows of types. */
#include "provider/cfn/cfn.h"

#include "base/json.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>

#include <cmocka.h>

static struct arena arena;

static const struct cfn_type *compiled(const struct value *document)
{
    struct cfn_type *type = NULL;
    struct err err = ERR_INIT;
    assert_non_null(document);
    if (cfn_compile(&arena, document, &type, &err))
        fail_msg("%s", err.message);
    return type;
}

static const struct cfn_type *published(const char *name)
{
    return compiled(cfn_published(&arena, str_z(name)));
}

static const struct attr *attr(const struct cfn_type *type, const char *name)
{
    const struct attr *found = schema_attr(&type->schema, str_z(name));
    if (!found)
        fail_msg("no attribute %s", name);
    return found;
}

static const struct value *json(const char *text)
{
    const struct value *v;
    struct err err = ERR_INIT;
    if (json_parse(&arena, str_z(text), &v, &err))
        fail_msg("%s: %s", err.message, text);
    return v;
}

/* What is wrong with a value; "" nothing. */
static struct str issue_of(const struct attr *a, const char *text)
{
    struct schema_issue issue = {0};
    const struct value *out;
    return schema_convert(&arena, a, json(text), &out, &issue) ? issue.message : STR_EMPTY;
}

#define ASSERT_ISSUE(attr_, text_, said_) assert_string_equal(issue_of(attr_, text_).p, said_)

static void test_every_type(void **state)
{
    (void)state;
    size_t n, settable = 0;
    const struct str *names = cfn_published_names(&n);
    assert_true(n > 1700);
    for (size_t i = 0; i < n; i++) {
        AUTO_ARENA struct arena own = ARENA_INIT;
        const struct value *document = cfn_published(&own, names[i]);
        struct cfn_type *type = NULL;
        struct err err = ERR_INIT;
        if (!document || cfn_compile(&own, document, &type, &err))
            fail_msg("%.*s: %s", STR_ARG(names[i]), err.message);
        assert_true(str_eq(type->schema.name, names[i]));
        assert_non_null(schema_attr(&type->schema, type->schema.id));
        for (size_t k = 0; k < type->schema.attr_count; k++) {
            struct attr copy = type->schema.attrs[k];
            settable += copy.settable;
            assert_false(copy.choices && copy.compare == COMPARE_EXACT); /* case says nothing */
            if (attr_compile_pattern(&own, &copy, &err))
                fail_msg("%.*s.%.*s: %s", STR_ARG(names[i]), STR_ARG(copy.name), err.message);
        }
    }
    assert_true(settable > 10000);
}

static void test_names(void **state)
{
    (void)state;
    assert_true(cfn_is_type_name(STR("AWS::Kinesis::Stream")));
    assert_false(cfn_is_type_name(STR("aws.kinesis.stream")));
    assert_false(cfn_is_type_name(STR("AWS::Kinesis")));
    assert_false(cfn_is_type_name(STR("AWS::../x::y")));
    assert_null(cfn_published(&arena, STR("AWS::Kinesis::Straem")));
    assert_null(cfn_published(&arena, STR("AWS::K::S")));
    assert_null(cfn_published(&arena, STR("AWS::::Stream")));
}

static void test_marks(void **state)
{
    (void)state;
    const struct cfn_type *stream = published("AWS::Kinesis::Stream");
    assert_string_equal(stream->schema.id.p, "Name");
    assert_true(
        attr(stream, "Name")->replace && attr(stream, "Name")->settable && attr(stream, "Name")->computed);
    assert_true(attr(stream, "Arn")->computed && !attr(stream, "Arn")->settable);
    assert_true(
        attr(stream, "WarmThroughputMiBps")->write_only && !attr(stream, "WarmThroughputMiBps")->sensitive);
    assert_true(attr(published("AWS::RDS::DBInstance"), "MasterUserPassword")->sensitive);
    assert_true(attr(published("AWS::Cognito::UserPoolClient"), "ClientSecret")->sensitive);
    assert_false(attr(published("AWS::RDS::DBInstance"), "DBSnapshotIdentifier")->sensitive);
    assert_int_equal(attr(stream, "Tags")->type->kind, TYPE_TAGS);
    assert_ptr_equal(stream->tags, attr(stream, "Tags"));
    assert_int_equal(attr(stream, "DesiredShardLevelMetrics")->type->kind, TYPE_SET);
    assert_true(stream->has_update && stream->has_list && !stream->list_needs_input);
    assert_non_null(cfn_permissions(stream, "create"));
    ASSERT_ISSUE(attr(stream, "ShardCount"), "0", "0 is out of range: 1 to 100000");
    ASSERT_ISSUE(attr(stream, "Name"), "\"a b\"", "\"a b\" does not match ^[a-zA-Z0-9_.-]+$");
    ASSERT_ISSUE(attr(stream, "StreamEncryption"), "{\"EncryptionType\": \"KMS\"}", "\"KeyId\" is missing");
    ASSERT_ISSUE(attr(stream, "Tags"), "[{\"Key\": \"a\", \"Value\": \"b\"}]", "");
    ASSERT_ISSUE(attr(stream, "Tags"),
        "[{\"Key\": \"a\", \"Value\": \"b\"}, {\"Key\": \"a\", \"Value\": \"c\"}]",
        "the tag \"a\" is given twice");
    ASSERT_ISSUE(attr(stream, "Tags"), "[{\"Key\": \"a\", \"Valve\": \"b\"}]",
        "expected a map of tags, or a list of {Key: …, Value: …}");
}

/* Read-only within, composed identifiers, types within themselves. */
static void test_nested(void **state)
{
    (void)state;
    const struct attr *endpoint = attr(published("AWS::RDS::DBInstance"), "Endpoint");
    assert_true(endpoint->computed && !endpoint->settable);
    const struct cfn_type *table = published("AWS::ApiGateway::Stage");
    assert_true(table->id_composed && table->id_count == 2);
    assert_string_equal(table->schema.id.p, "id");
    const struct value *object = json("{\"RestApiId\": \"a\", \"StageName\": \"b\"}");
    assert_string_equal(cfn_identifier(table, &arena, object).p, "a|b");
    assert_string_equal(cfn_identifier(table, &arena, json("{\"RestApiId\": \"a\"}")).p, "");
    const struct attr *rules = attr(published("AWS::WAFv2::WebACL"), "Rules");
    ASSERT_ISSUE(rules,
        "[{\"Name\": \"a\", \"Priority\": 1, \"VisibilityConfig\": {\"SampledRequestsEnabled\": true, "
        "\"CloudWatchMetricsEnabled\": true, \"MetricName\": \"m\"}, \"Statement\": {\"NotStatement\": "
        "{\"Statement\": {\"NotStatement\": {\"Statment\": {}}}}}}]",
        "unknown attribute \"Statment\"");
}

/* Schemas of private types come from elsewhere, and from a file that can be damaged. */
static void test_odd_schemas(void **state)
{
    (void)state;
    struct cfn_type *type;
    struct err err = ERR_INIT;
    assert_int_equal(
        cfn_compile(&arena,
            json("{\"typeName\": \"A::B::C\", \"primaryIdentifier\": [\"/properties/Id\"], \"handlers\": "
                 "{\"create\": {}, \"delete\": {}}, \"properties\": {\"Name\": {\"type\": \"string\"}}}"),
            &type, &err),
        -1);
    assert_string_equal(err.message, "the schema of \"A::B::C\" has no property \"Id\", its identifier");
    const struct cfn_type *odd = compiled(json("{\"typeName\": \"A::B::C\", \"primaryIdentifier\": "
                                               "[\"/properties/Id\"], \"handlers\": {\"create\": {}, "
                                               "\"delete\": {}}, \"definitions\": {\"X\": {\"type\": "
                                               "\"object\", \"properties\": {\"Inner\": {\"anyOf\": "
                                               "[{\"$ref\": \"#/definitions/X\"}]}, \"N\": {\"type\": "
                                               "\"integer\"}}}}, \"properties\": {\"Id\": {\"type\": "
                                               "\"string\"}, \"X\": {\"$ref\": \"#/definitions/X\"}, "
                                               "\"List\": {\"type\": \"object\", \"properties\": [1]}}}"));
    const struct type *x = attr(odd, "X")->type, *inner = type_field(x, STR("Inner"))->type,
                      *innermost = type_field(inner, STR("Inner"))->type;
    assert_ptr_equal(
        type_field(innermost, STR("Inner"))->type, innermost); /* it is in itself, by alternatives */
    assert_int_equal(type_field(innermost, STR("N"))->type->kind, TYPE_INT);
    assert_int_equal(attr(odd, "List")->type->kind, TYPE_JSON);
}

static void test_rules(void **state)
{
    (void)state;
    const struct cfn_type *type = compiled(json(
        "{\"typeName\": \"A::B::C\", \"primaryIdentifier\": [\"/properties/Id\"], \"readOnlyProperties\": "
        "[\"/properties/Id\"], \"handlers\": {\"create\": {}, \"delete\": {}}, \"properties\": {\"Id\": "
        "{\"type\": "
        "\"string\"}, \"O\": {\"type\": \"object\", \"properties\": {\"A\": {\"type\": \"string\"}, \"B\": "
        "{\"type\": "
        "\"string\"}, \"C\": {\"type\": \"string\"}}, \"oneOf\": [{\"required\": [\"A\"]}, {\"required\": "
        "[\"B\", "
        "\"C\"]}]}, \"P\": {\"oneOf\": [{\"type\": \"object\", \"properties\": {\"X\": {\"type\": "
        "\"integer\"}}, "
        "\"required\": [\"X\"]}, {\"type\": \"object\", \"properties\": {\"Y\": {\"type\": \"integer\"}}, "
        "\"required\": "
        "[\"Y\"]}]}, \"Q\": {\"type\": [\"object\", \"string\"]}, \"R\": {\"type\": \"object\"}}}"));
    ASSERT_ISSUE(attr(type, "O"), "{}", "\"A\" or \"B\" and \"C\" is missing");
    ASSERT_ISSUE(
        attr(type, "O"), "{\"A\": \"a\", \"B\": \"b\", \"C\": \"c\"}", "\"A\" excludes \"B\" and \"C\"");
    ASSERT_ISSUE(attr(type, "O"), "{\"A\": \"a\", \"B\": \"b\"}", "");
    ASSERT_ISSUE(attr(type, "P"), "{\"X\": 1, \"Y\": 2}", "\"X\" excludes \"Y\"");
    ASSERT_ISSUE(attr(type, "P"), "{\"Y\": 2}", "");
    ASSERT_ISSUE(attr(type, "Q"), "\"{\\\"a\\\": 1}\"", "");
    assert_true(attr(type, "R")->type->parsed);
    assert_true(attr(type, "O")->replace); /* no handler changes it */
}

static void test_values(void **state)
{
    (void)state;
    const struct attr *tags = attr(published("AWS::Kinesis::Stream"), "Tags");
    const struct value *map = json("{\"b\": \"2\", \"a\": \"1\"}");
    const struct value *list =
        json("[{\"Key\": \"a\", \"Value\": \"1\"}, {\"Key\": \"b\", \"Value\": \"2\"}]");
    assert_true(value_equal(cfn_to_service(&arena, tags->type, map), list));
    assert_true(value_equal(cfn_from_service(&arena, tags->type, list), map));
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
        cmocka_unit_test(test_every_type),
        cmocka_unit_test(test_names),
        cmocka_unit_test(test_marks),
        cmocka_unit_test(test_nested),
        cmocka_unit_test(test_odd_schemas),
        cmocka_unit_test(test_rules),
        cmocka_unit_test(test_values),
    };
    return cmocka_run_group_tests(tests, NULL, release);
}
