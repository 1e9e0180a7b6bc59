/*
 * What botocore's models do not have: groups, spreads, pairs, choices, JSON in text; and what must be
 * refused.
 */
#include "base/json.h"
#include "provider/wire/wire.h"
#include "tests/unit/support/json_text.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#define MEMBER(name_, wire_, ...)                                                                            \
    {                                                                                                        \
        .name = STR_INIT(name_), .wire = STR_INIT(wire_), __VA_ARGS__                                        \
    }
#define STRUCT(members_)                                                                                     \
    {                                                                                                        \
        .kind = SHAPE_STRUCT, .members = members_, .member_count = sizeof(members_) / sizeof(members_)[0]    \
    }

static const struct shape text = {.kind = SHAPE_STRING}, integer = {.kind = SHAPE_INT},
                          policy = {.kind = SHAPE_JSON_TEXT}, time = {.kind = SHAPE_TIMESTAMP},
                          blob = {.kind = SHAPE_BLOB}, real = {.kind = SHAPE_FLOAT},
                          boolean = {.kind = SHAPE_BOOL};
static struct arena arena;

static int release(void **state)
{
    (void)state;
    arena_release(&arena);
    return 0;
}

static const struct value *json(const char *source)
{
    return json_text(&arena, source);
}

static struct wire_message encode(
    const struct wire_operation *op, const struct shape *shape, const char *input)
{
    struct wire_message out;
    struct err err = ERR_INIT;
    if (wire_encode_request(&arena, op, shape, json(input), &out, &err))
        fail_msg("%s", err.message);
    return out;
}

static const char *body(enum wire_protocol protocol, const struct shape *shape, const char *input)
{
    const struct wire_operation op = {.name = STR_INIT("Op"),
        .protocol = protocol,
        .version = STR_INIT("1"),
        .method = STR_INIT("PUT"),
        .path = STR_INIT("/"),
        .target_prefix = STR_INIT("T"),
        .body = protocol == WIRE_REST_XML ? STR("R") : STR_EMPTY};
    return arena_strz(&arena, encode(&op, shape, input).body);
}

static const char *refusal(const struct wire_operation *op, const struct shape *shape, const char *input)
{
    struct wire_message out;
    struct err err = ERR_INIT;
    assert_int_equal(wire_encode_request(&arena, op, shape, json(input), &out, &err), -1);
    assert_int_equal(err.class, ERR_INVALID);
    return arena_strz(&arena, str_z(err.message));
}

/* A group is a structure only on the wire, a spread one only on our side. */
static void test_nesting(void **state)
{
    (void)state;
    static const struct shape_member inner[] = {MEMBER("port", "Port", .shape = &integer)};
    static const struct shape group = STRUCT(inner), spread = STRUCT(inner);
    static const struct shape_member members[] = {
        MEMBER("name", "Name", .shape = &text),
        MEMBER("", "Endpoint", .shape = &group, .group = true),
        MEMBER("net", "", .shape = &spread, .spread = true),
    };
    static const struct shape shape = STRUCT(members);
    assert_string_equal(body(WIRE_JSON11, &shape, "{\"name\":\"a\",\"port\":1}"),
        "{\"Endpoint\":{\"Port\":1},\"Name\":\"a\"}");
    assert_string_equal(body(WIRE_JSON11, &shape, "{\"net\":{\"port\":2}}"), "{\"Port\":2}");
    assert_string_equal(body(WIRE_JSON11, &shape, "{\"name\":\"a\",\"port\":null}"), "{\"Name\":\"a\"}");
    assert_string_equal(body(WIRE_QUERY, &shape, "{\"name\":\"a\",\"port\":1}"),
        "Action=Op&Version=1&Name=a&Endpoint.Port=1");
    assert_string_equal(body(WIRE_REST_XML, &shape, "{\"name\":\"a\",\"port\":1}"),
        "<R><Name>a</Name><Endpoint><Port>1</Port></Endpoint></R>");
    const struct value *back =
        wire_coerce(&arena, &shape, json("{\"Name\":\"a\",\"Endpoint\":{\"Port\":1},\"Port\":2,\"Else\":3}"));
    assert_true(value_equal(back, json("{\"name\":\"a\",\"port\":1,\"net\":{\"port\":2}}")));
}

/* A group may also be a list of one structure. */
static void test_list_of_one(void **state)
{
    (void)state;
    static const struct shape_member deeper[] = {MEMBER("jar", "Jar", .shape = &text)};
    static const struct shape jar = STRUCT(deeper);
    static const struct shape_member inner[] = {
        MEMBER("name", "Name", .shape = &text), MEMBER("", "Step", .shape = &jar, .group = true)};
    static const struct shape step = STRUCT(inner), list = {.kind = SHAPE_LIST, .elem = &step};
    static const struct shape_member members[] = {
        MEMBER("id", "Id", .shape = &text), MEMBER("", "Steps", .shape = &list, .group = true)};
    static const struct shape shape = STRUCT(members);
    const char *whole = "{\"id\":\"j\",\"name\":\"a\",\"jar\":\"b\"}";
    assert_string_equal(body(WIRE_JSON11, &shape, whole),
        "{\"Id\":\"j\",\"Steps\":[{\"Name\":\"a\",\"Step\":{\"Jar\":\"b\"}}]}");
    assert_string_equal(body(WIRE_JSON11, &shape, "{\"id\":\"j\"}"), "{\"Id\":\"j\"}");
    assert_string_equal(body(WIRE_QUERY, &shape, whole),
        "Action=Op&Version=1&Id=j&Steps.member.1.Name=a&Steps.member.1.Step.Jar=b");
    const struct value *back = wire_coerce(
        &arena, &shape, json("{\"Id\":\"j\",\"Steps\":[{\"Name\":\"a\",\"Step\":{\"Jar\":\"b\"}}]}"));
    assert_true(value_equal(back, json(whole)));
    assert_true(value_equal(wire_coerce(&arena, &shape, json("{\"Steps\":[]}")), &value_empty_map));
}

static void test_pairs(void **state)
{
    (void)state;
    static const struct shape tags = {.kind = SHAPE_PAIRS, .elem = &text},
                              kms = {.kind = SHAPE_PAIRS,
                                  .elem = &text,
                                  .key_name = STR_INIT("TagKey"),
                                  .value_name = STR_INIT("TagValue"),
                                  .item = STR_INIT("Tag")};
    static const struct shape_member members[] = {MEMBER("tags", "Tags", .shape = &tags)},
                                     others[] = {MEMBER("tags", "TagSet", .shape = &kms)};
    static const struct shape shape = STRUCT(members), other = STRUCT(others);
    const char *input = "{\"tags\":{\"b\":\"2\",\"a\":\"1\"}}";
    assert_string_equal(body(WIRE_JSON11, &shape, input),
        "{\"Tags\":[{\"Key\":\"a\",\"Value\":\"1\"},{\"Key\":\"b\",\"Value\":\"2\"}]}");
    assert_string_equal(body(WIRE_QUERY, &shape, input),
        "Action=Op&Version=1&Tags.member.1.Key=a&Tags.member.1.Value=1&Tags."
        "member.2.Key=b&Tags.member.2.Value=2");
    assert_string_equal(body(WIRE_EC2, &shape, "{\"tags\":{\"a\":\"1\"}}"),
        "Action=Op&Version=1&Tags.1.Key=a&Tags.1.Value=1");
    assert_string_equal(body(WIRE_REST_XML, &other, "{\"tags\":{\"a\":\"1\"}}"),
        "<R><TagSet><Tag><TagKey>a</TagKey><TagValue>1</TagValue></Tag></TagSet></R>");
    assert_true(
        value_equal(wire_coerce(&arena, &shape,
                        json("{\"Tags\":{\"member\":[{\"Key\":\"a\",\"Value\":\"1\"},{\"Key\":\"b\"}]}}")),
            json("{\"tags\":{\"a\":\"1\",\"b\":\"\"}}")));
    assert_true(value_equal(
        wire_coerce(&arena, &other, json("{\"TagSet\":{\"Tag\":{\"TagKey\":\"a\",\"TagValue\":\"1\"}}}")),
        json("{\"tags\":{\"a\":\"1\"}}")));
}

/* The value's members beside the key: an index of a table. */
static void test_pairs_that_lie_beside(void **state)
{
    (void)state;
    static const struct shape_member fields[] = {MEMBER("kind", "Kind", .shape = &text)};
    static const struct shape index = STRUCT(fields), indexes = {.kind = SHAPE_PAIRS,
                                                          .elem = &index,
                                                          .key_name = STR_INIT("IndexName"),
                                                          .value_name = STR_INIT(".")};
    static const struct shape_member members[] = {MEMBER("indexes", "Indexes", .shape = &indexes)};
    static const struct shape shape = STRUCT(members);
    const char *input = "{\"indexes\":{\"a\":{\"kind\":\"x\"},\"b\":{}}}";
    const char *sent = "{\"Indexes\":[{\"IndexName\":\"a\",\"Kind\":\"x\"},{\"IndexName\":\"b\"}]}";
    assert_string_equal(body(WIRE_JSON11, &shape, input), sent);
    assert_string_equal(body(WIRE_QUERY, &shape, "{\"indexes\":{\"a\":{\"kind\":\"x\"}}}"),
        "Action=Op&Version=1&Indexes.member.1.IndexName=a&Indexes.member.1.Kind=x");
    assert_true(value_equal(wire_coerce(&arena, &shape, json(sent)), json(input)));
}

/* A list here is one text there. */
static void test_joined(void **state)
{
    (void)state;
    static const struct shape joined = {.kind = SHAPE_JOINED, .item = STR_INIT(",")};
    static const struct shape_member members[] = {MEMBER("subnets", "VPCZoneIdentifier", .shape = &joined)};
    static const struct shape shape = STRUCT(members);
    const char *input = "{\"subnets\":[\"a\",\"b\"]}";
    assert_string_equal(body(WIRE_JSON11, &shape, input), "{\"VPCZoneIdentifier\":\"a,b\"}");
    assert_string_equal(body(WIRE_QUERY, &shape, input), "Action=Op&Version=1&VPCZoneIdentifier=a%2Cb");
    assert_string_equal(
        body(WIRE_REST_XML, &shape, input), "<R><VPCZoneIdentifier>a,b</VPCZoneIdentifier></R>");
    assert_true(
        value_equal(wire_coerce(&arena, &shape, json("{\"VPCZoneIdentifier\":\"a, b,\"}")), json(input)));
    assert_true(value_equal(
        wire_coerce(&arena, &shape, json("{\"VPCZoneIdentifier\":\"\"}")), json("{\"subnets\":[]}")));
}

static void test_choices(void **state)
{
    (void)state;
    const struct shape status = {.kind = SHAPE_BOOL,
        .choices_in = json("{\"true\":\"Enabled\",\"false\":\"Suspended\"}"),
        .choices_out = json("{\"Enabled\":true,\"Suspended\":false}")};
    const struct shape_member members[] = {MEMBER("versioning", "Status", .shape = &status)};
    const struct shape shape = STRUCT(members);
    assert_string_equal(
        body(WIRE_REST_XML, &shape, "{\"versioning\":true}"), "<R><Status>Enabled</Status></R>");
    assert_string_equal(body(WIRE_JSON11, &shape, "{\"versioning\":false}"), "{\"Status\":\"Suspended\"}");
    assert_true(value_equal(
        wire_coerce(&arena, &shape, json("{\"Status\":\"Enabled\"}")), json("{\"versioning\":true}")));
}

static void test_json_text(void **state)
{
    (void)state;
    static const struct shape_member members[] = {MEMBER("policy", "PolicyDocument", .shape = &policy)};
    static const struct shape shape = STRUCT(members);
    const char *wanted = "{\"PolicyDocument\":\"{\\\"a\\\":[1],\\\"b\\\":true}\"}";
    assert_string_equal(body(WIRE_JSON11, &shape, "{\"policy\":{\"b\":true,\"a\":[1]}}"), wanted);
    assert_string_equal(
        body(WIRE_JSON11, &shape, "{\"policy\":\" as given \"}"), "{\"PolicyDocument\":\" as given \"}");
    static const struct {
        const char *in, *out;
    } reads[] = {
        {"{\"PolicyDocument\":\"%7B%22a%22%3A%20%5B1%5D%7D\"}", "{\"policy\":{\"a\":[1]}}"}, /* IAM */
        {"{\"PolicyDocument\":\"{\\\"a\\\":[1]}\"}", "{\"policy\":{\"a\":[1]}}"},
        {"{\"PolicyDocument\":{\"a\":[1]}}", "{\"policy\":{\"a\":[1]}}"},
        {"{\"PolicyDocument\":\"{\\\\\\\"a\\\\\\\":[\\\\\\\"b\\\\/c\\\\\\\"]}\"}",
            "{\"policy\":{\"a\":[\"b/c\"]}}"}, /* API Gateway */
        {"{\"PolicyDocument\":\"{\\\\\\\"a\"}", "{\"policy\":\"{\\\\\\\"a\"}"},
        {"{\"PolicyDocument\":\"100%7B is text\"}", "{\"policy\":\"100%7B is text\"}"},
        {"{\"PolicyDocument\":\"{broken\"}", "{\"policy\":\"{broken\"}"},
    };
    for (size_t i = 0; i < sizeof reads / sizeof reads[0]; i++)
        assert_true(value_equal(wire_coerce(&arena, &shape, json(reads[i].in)), json(reads[i].out)));
}

static void test_empty(void **state)
{
    (void)state;
    static const struct shape list = {.kind = SHAPE_LIST, .elem = &text},
                              map = {.kind = SHAPE_MAP, .elem = &text};
    static const struct shape_member members[] = {
        MEMBER("list", "List", .shape = &list), MEMBER("map", "Map", .shape = &map)};
    static const struct shape shape = STRUCT(members);
    const char *input = "{\"list\":[],\"map\":{}}";
    assert_string_equal(body(WIRE_QUERY, &shape, input), "Action=Op&Version=1&List=");
    assert_string_equal(body(WIRE_EC2, &shape, input), "Action=Op&Version=1");
    assert_string_equal(body(WIRE_JSON11, &shape, input), "{\"List\":[],\"Map\":{}}");
    assert_string_equal(body(WIRE_REST_XML, &shape, input), "<R><List/><Map/></R>");
    assert_string_equal(body(WIRE_REST_JSON, &shape, "{}"), "{}");
    assert_true(value_equal(wire_coerce(&arena, &shape, json("{\"List\":\"\",\"Map\":\"\"}")), json(input)));
}

static void test_times(void **state)
{
    (void)state;
    static const struct shape iso = {.kind = SHAPE_TIMESTAMP, .time = WIRE_TIME_ISO};
    static const struct shape_member members[] = {MEMBER("t", "T", .shape = &time),
        MEMBER("iso", "Iso", .shape = &iso),
        MEMBER("since", "If-Modified-Since", .shape = &time, .location = WIRE_HEADER),
        MEMBER("at", "at", .shape = &time, .location = WIRE_QUERY_STRING)};
    static const struct shape shape = STRUCT(members);
    const char *input = "{\"t\":\"2026-11-21T09:30:00.25Z\",\"iso\":\"2026-11-21T09:30:00+09:00\"}";
    assert_string_equal(
        body(WIRE_JSON11, &shape, input), "{\"Iso\":\"2026-11-21T00:30:00Z\",\"T\":1795253400.25}");
    assert_string_equal(body(WIRE_QUERY, &shape, input),
        "Action=Op&Version=1&T=2026-11-21T09%3A30%3A00.250Z&Iso=2026-11-21T00%3A30%3A00Z");
    const struct wire_operation op = {
        .name = STR_INIT("Op"), .protocol = WIRE_REST_JSON, .path = STR_INIT("/x")};
    struct wire_message out =
        encode(&op, &shape, "{\"since\":\"2026-11-21T09:30:00Z\",\"at\":\"2026-11-21T09:30:00Z\"}");
    assert_string_equal(wire_header_get(&out, STR("if-modified-since")).p, "Sat, 21 Nov 2026 09:30:00 GMT");
    assert_string_equal(out.query.p, "at=2026-11-21T09%3A30%3A00Z");

    static const char *const same[] = {"1795253400", "1795253400.0", "\"1795253400\"",
        "\"2026-11-21T09:30:00Z\"", "\"2026-11-21T09:30:00.000Z\"", "\"2026-11-21T10:30:00+01:00\"",
        "\"Sat, 21 Nov 2026 09:30:00 GMT\""};
    for (size_t i = 0; i < sizeof same / sizeof same[0]; i++)
        assert_string_equal(
            value_text(wire_coerce(&arena, &time, json(same[i])), STR_EMPTY).p, "2026-11-21T09:30:00Z");
    assert_string_equal(
        value_text(wire_coerce(&arena, &time, json("1.5")), STR_EMPTY).p, "1970-01-01T00:00:01.500Z");
    assert_string_equal(value_text(wire_coerce(&arena, &time, json("\"soon\"")), STR_EMPTY).p, "soon");
    assert_string_equal(value_text(wire_coerce(&arena, &time, json("1e300")), STR_EMPTY).p, "1e+300");
}

static void test_scalars_read(void **state)
{
    (void)state;
    static const struct {
        const struct shape *shape;
        const char *in, *out;
    } cases[] = {
        {&integer, "\" 17 \"", "17"},
        {&integer, "17.0", "17"},
        {&integer, "\"x\"", "null"},
        {&integer, "\"\"", "null"},
        {&integer, "{}", "null"},
        {&real, "\"1.5\"", "1.5"},
        {&real, "2", "2"},
        {&boolean, "\"True\"", "true"},
        {&boolean, "\"false\"", "false"},
        {&boolean, "\"\"", "null"},
        {&boolean, "1", "null"},
        {&text, "12", "\"12\""},
        {&text, "true", "\"true\""},
        {&text, "{\"a\":1}", "null"},
        {&text, "\"\"", "\"\""},
        {&blob, "\"aGk=\"", "\"hi\""},
        {&blob, "\"?\"", "\"?\""},
        {&blob, "7", "null"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        const struct value *got = wire_coerce(&arena, cases[i].shape, json(cases[i].in));
        assert_int_equal(value_compare(got, json(cases[i].out)), 0);
    }
}

static void test_rest_places(void **state)
{
    (void)state;
    static const struct shape list = {.kind = SHAPE_LIST, .elem = &text},
                              map = {.kind = SHAPE_MAP, .elem = &text};
    static const struct shape_member members[] = {
        MEMBER("bucket", "Bucket", .shape = &text, .location = WIRE_PATH),
        MEMBER("key", "Key", .shape = &text, .location = WIRE_PATH),
        MEMBER("keys", "tagKeys", .shape = &list, .location = WIRE_QUERY_STRING),
        MEMBER("meta", "x-amz-meta-", .shape = &map, .location = WIRE_HEADER_MAP),
        MEMBER("policy", "Policy", .shape = &policy, .location = WIRE_RAW_BODY),
    };
    static const struct shape shape = STRUCT(members);
    const struct wire_operation op = {.name = STR_INIT("PutBucketPolicy"),
        .protocol = WIRE_REST_XML,
        .method = STR_INIT("PUT"),
        .path = STR_INIT("/{Bucket}/{Key+}"),
        .query = STR_INIT("policy"),
        .md5 = true};
    struct wire_message out = encode(&op, &shape,
        "{\"bucket\":\"b\",\"key\":\"a//b/../c "
        "d\",\"keys\":[\"x&y\",\"z\"],\"meta\":{\"k\":\"v\"},\"policy\":{\"a\":1}}");
    assert_string_equal(out.path.p, "/b/a//b/../c%20d");
    assert_string_equal(out.query.p, "policy&tagKeys=x%26y&tagKeys=z");
    assert_string_equal(wire_header_get(&out, STR("X-Amz-Meta-K")).p, "v");
    assert_string_equal(out.body.p, "{\"a\":1}");
    assert_string_equal(wire_header_get(&out, STR("Content-MD5")).p, "u2y1xo30ZSlByvZSo2by2A==");
    assert_int_equal(wire_header_get(&out, STR("Content-Type")).n, 0);

    assert_string_equal(refusal(&op, &shape, "{\"bucket\":\"b\"}"),
        "PutBucketPolicy: Key is missing, which is part of the path");
    assert_string_equal(refusal(&op, &shape, "{\"bucket\":\"\",\"key\":\"k\"}"),
        "PutBucketPolicy: Bucket is empty, which is part of the path");
    assert_string_equal(
        refusal(&op, &shape, "{\"bucket\":\"b\",\"key\":\"k\",\"meta\":{\"k\":\"a\\r\\nX: y\"}}"),
        "PutBucketPolicy: x-amz-meta-k: a header cannot hold a line break");
    assert_string_equal(refusal(&op, &shape, "{\"bucket\":\"b\",\"key\":\"k\",\"meta\":{\"k: y\":\"a\"}}"),
        "PutBucketPolicy: \"x-amz-meta-k: y\" is not a name for a header");
}

static void test_refusals(void **state)
{
    (void)state;
    static const struct shape list = {.kind = SHAPE_LIST, .elem = &integer};
    static const struct shape_member members[] = {MEMBER("n", "N", .shape = &integer),
        MEMBER("t", "T", .shape = &time), MEMBER("l", "L", .shape = &list), MEMBER("s", "S", .shape = &text)};
    static const struct shape shape = STRUCT(members);
    struct wire_operation op = {.name = STR_INIT("Op"), .body = STR_INIT("R")};
    for (int protocol = 0; protocol < WIRE_PROTOCOL_COUNT; protocol++) {
        op.protocol = (enum wire_protocol)protocol;
        op.body = op.protocol == WIRE_REST_XML ? STR("R") : STR_EMPTY;
        assert_string_equal(
            refusal(&op, &shape, "{\"n\":\"x\"}"), "Op: N: expected an integer, got a string");
        assert_string_equal(
            refusal(&op, &shape, "{\"l\":[1,{}]}"), "Op: L: item 2: expected an integer, got a map");
        assert_string_equal(refusal(&op, &shape, "{\"l\":1}"), "Op: L: expected a list, got an integer");
        assert_string_equal(refusal(&op, &shape, "{\"t\":\"today\"}"),
            "Op: T: \"today\" is not a timestamp (such as 2026-11-21T09:30:00Z)");
    }
    op.protocol = WIRE_REST_XML;
    op.body = STR("R");
    assert_string_equal(refusal(&op, &shape, "{\"s\":\"a\\u0001\"}"),
        "Op: S: the text has control characters, which XML cannot carry");
}

static void test_answers(void **state)
{
    (void)state;
    static const struct {
        enum wire_protocol protocol;
        const char *raw, *body, *document;
    } cases[] = {
        {WIRE_REST_XML, "", "<LocationConstraint xmlns=\"x\">eu-west-1</LocationConstraint>",
            "{\"LocationConstraint\":\"eu-west-1\"}"},
        {WIRE_REST_XML, "", "<?xml version=\"1.0\"?><LocationConstraint xmlns=\"x\"/>", "{}"},
        {WIRE_REST_XML, "", "<s3:V xmlns:s3=\"x\"><s3:Status>On</s3:Status></s3:V>", "{\"Status\":\"On\"}"},
        {WIRE_REST_XML, "", "", "{}"},
        {WIRE_REST_XML, "Policy", "{\"a\":1}", "{\"Policy\":\"{\\\"a\\\":1}\"}"},
        {WIRE_JSON11, "", " \r\n", "{}"},
        {WIRE_QUERY, "",
            "<OpResponse><ResponseMetadata><RequestId>1</RequestId></ResponseMetadata></OpResponse>", "{}"},
        {WIRE_QUERY, "", "<OpResponse><OpResult/></OpResponse>", "{}"},
        {WIRE_EC2, "",
            "<OpResponse><requestId>1</requestId><vpcSet><item><vpcId>v</vpcId></item></vpcSet></OpResponse>",
            "{\"VpcSet\":{\"item\":{\"VpcId\":\"v\"}}}"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct wire_operation op = {
            .name = STR_INIT("Op"), .protocol = cases[i].protocol, .raw = str_z(cases[i].raw)};
        struct wire_message response = {.status = 200, .body = str_z(cases[i].body)};
        const struct value *doc;
        struct err err = ERR_INIT;
        assert_int_equal(wire_decode_response(&arena, &op, &response, &doc, &err), 0);
        if (value_compare(doc, json(cases[i].document)) != 0)
            fail_msg("case %zu", i);
    }
}

static void test_broken_answers(void **state)
{
    (void)state;
    struct wire_operation op = {.name = STR_INIT("Op"), .protocol = WIRE_QUERY};
    struct wire_message response = {.status = 200, .body = STR_INIT("<OpResponse><OpResult>")};
    const struct value *doc;
    struct err err = ERR_INIT;
    assert_int_equal(wire_decode_response(&arena, &op, &response, &doc, &err), -1);
    assert_int_equal(err.class, ERR_PROTOCOL);
    assert_string_equal(
        err.message, "the answer to Op cannot be read: not valid XML at line 1, column 23: no element found");
    response.body = STR("<!DOCTYPE a [<!ENTITY x \"y\">]><a>&x;</a>");
    assert_int_equal(wire_decode_response(&arena, &op, &response, &doc, &err), -1);
    assert_non_null(strstr(err.message, "document type declaration"));
    response.body = STR("<!doctype html><html>");
    assert_int_equal(wire_decode_response(&arena, &op, &response, &doc, &err), -1);
    op.protocol = WIRE_JSON10;
    response.body = STR("{\"a\":");
    assert_int_equal(wire_decode_response(&arena, &op, &response, &doc, &err), -1);
    assert_int_equal(err.class, ERR_PROTOCOL);
    assert_true(err.lost);
}

/* Their answers always have a root of that name, whatever else they say. */
static void test_answers_that_are_none(void **state)
{
    (void)state;
    static const struct {
        enum wire_protocol protocol;
        const char *root, *body;
    } cases[] = {{WIRE_QUERY, "", ""}, {WIRE_EC2, "", " "}, {WIRE_QUERY, "", "<Response/>"},
        {WIRE_EC2, "", "<OtherResponse/>"}, {WIRE_EC2, "", "<OpResult/>"},
        {WIRE_REST_XML, "ListBucketResult", ""}, {WIRE_REST_XML, "ListBucketResult", "<Tagging/>"}};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct wire_operation op = {
            .name = STR_INIT("Op"), .protocol = cases[i].protocol, .root = str_z(cases[i].root)};
        struct wire_message response = {.status = 200, .body = str_z(cases[i].body)};
        const struct value *doc;
        struct err err = ERR_INIT;
        assert_int_equal(wire_decode_response(&arena, &op, &response, &doc, &err), -1);
        assert_true(err.lost && err.class == ERR_PROTOCOL);
    }
}

/* More than any service says in one answer: refused before it costs time and memory. */
static void test_answers_of_too_much(void **state)
{
    (void)state;
    enum { MANY = 1500 * 1000 };
    AUTO_BUF struct buf keys = BUF_INIT;
    AUTO_BUF struct buf elements = BUF_INIT;
    AUTO_BUF struct buf commas = BUF_INIT;
    for (int i = 0; i < MANY; i++) {
        buf_addf(&keys, "%s\"k%d\":1", i ? "," : "{", i);
        buf_addz(&elements, i ? "<a/>" : "<OpResponse>");
        buf_addz(&commas, i ? "," : "{\"text\":\"\\\"");
    }
    buf_addz(&keys, "}");
    buf_addz(&elements, "</OpResponse>");
    buf_addz(&commas, "\"}");
    const struct {
        enum wire_protocol protocol;
        struct str body;
        const char *why;
    } cases[] = {{WIRE_JSON11, buf_str(&keys), "more than 1000000 values"},
        {WIRE_QUERY, buf_str(&elements), "too many elements"}, {WIRE_JSON11, buf_str(&commas), NULL}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct wire_operation op = {.name = STR_INIT("Op"), .protocol = cases[i].protocol};
        struct wire_message response = {.status = 200, .body = cases[i].body};
        const struct value *doc;
        struct err err = ERR_INIT;
        int status = wire_decode_response(&arena, &op, &response, &doc, &err);
        assert_int_equal(status, cases[i].why ? -1 : 0);
        if (cases[i].why)
            assert_non_null(strstr(err.message, cases[i].why));
    }
}

/* Deeper than any service nests. */
static void test_deep_xml(void **state)
{
    (void)state;
    AUTO_BUF struct buf xml = BUF_INIT;
    for (int i = 0; i < 100000; i++)
        buf_addz(&xml, "<a>");
    struct wire_operation op = {.name = STR_INIT("Op"), .protocol = WIRE_REST_XML};
    struct wire_message response = {.status = 200, .body = buf_str(&xml)};
    const struct value *doc;
    struct err err = ERR_INIT;
    assert_int_equal(wire_decode_response(&arena, &op, &response, &doc, &err), -1);
    assert_non_null(strstr(err.message, "nested too deeply"));
}

static void test_value_within_a_text(void **state)
{
    (void)state;
    static const struct shape shape = {.kind = SHAPE_STRING, .within = STR_INIT("iamRoleArn")};
    static const struct {
        const char *text, *want;
    } cases[] = {{"\"IamRole(applyStatus=in-sync, iamRoleArn=arn:x:role/a)\"", "arn:x:role/a"},
        {"\"IamRole(iamRoleArn=arn:x:role/a, applyStatus=adding)\"", "arn:x:role/a"},
        {"\"arn:x:role/a\"", "arn:x:role/a"}, {"\"IamRole(other=b)\"", "IamRole(other=b)"}, {"\"()\"", "()"},
        {"\"\"", ""}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        assert_true(str_eqz(
            value_text(wire_coerce(&arena, &shape, json(cases[i].text)), STR("none")), cases[i].want));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_teardown(test_nesting, release),
        cmocka_unit_test_teardown(test_list_of_one, release),
        cmocka_unit_test_teardown(test_pairs, release),
        cmocka_unit_test_teardown(test_pairs_that_lie_beside, release),
        cmocka_unit_test_teardown(test_joined, release),
        cmocka_unit_test_teardown(test_choices, release),
        cmocka_unit_test_teardown(test_json_text, release),
        cmocka_unit_test_teardown(test_empty, release),
        cmocka_unit_test_teardown(test_value_within_a_text, release),
        cmocka_unit_test_teardown(test_times, release),
        cmocka_unit_test_teardown(test_scalars_read, release),
        cmocka_unit_test_teardown(test_rest_places, release),
        cmocka_unit_test_teardown(test_refusals, release),
        cmocka_unit_test_teardown(test_answers, release),
        cmocka_unit_test_teardown(test_broken_answers, release),
        cmocka_unit_test_teardown(test_answers_that_are_none, release),
        cmocka_unit_test_teardown(test_answers_of_too_much, release),
        cmocka_unit_test_teardown(test_deep_xml, release),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
