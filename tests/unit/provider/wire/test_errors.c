/* What wire_decode_error makes of the ways in which services, proxies and emulators say no. */
#include "base/clock.h"
#include "provider/wire/wire.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

static const struct wire_operation json_op = {.name = STR_INIT("GetJob"), .protocol = WIRE_JSON11};
static const struct wire_operation xml_op = {.name = STR_INIT("GetBucketPolicy"), .protocol = WIRE_REST_XML};

static struct err decode(int status, const char *header, const char *header_value, const char *body)
{
    struct wire_header headers[] = {
        {str_z(header ? header : "Date"), str_z(header_value ? header_value : "now")}};
    struct wire_message response = {
        .status = status, .headers = headers, .header_count = 1, .body = str_z(body)};
    struct err err = ERR_INIT;
    wire_decode_error(body[0] == '<' ? &xml_op : &json_op, &response, &err);
    assert_int_equal(err.http_status, status);
    return err;
}

static void check(struct err err, enum err_class class, const char *code, const char *message, bool retryable)
{
    assert_int_equal(err.class, class);
    assert_string_equal(err.code, code);
    assert_string_equal(err.message, message);
    assert_int_equal(err.retryable, retryable);
}

static void test_json(void **state)
{
    (void)state;
    check(decode(400, NULL, NULL, "{\"__type\":\"EntityNotFoundException\",\"Message\":\"Job x not found\"}"),
        ERR_SERVICE, "EntityNotFoundException", "EntityNotFoundException: Job x not found", false);
    check(
        decode(400, NULL, NULL, "{\"__type\":\"com.amazon.coral#ThrottlingException\",\"message\":\"slow\"}"),
        ERR_THROTTLED, "ThrottlingException", "ThrottlingException: slow", true);
    check(
        decode(404, "x-amzn-ErrorType", "ResourceNotFoundException:http://internal/", "{\"message\":\"no\"}"),
        ERR_ABSENT, "ResourceNotFoundException", "ResourceNotFoundException: no", false);
    check(decode(400, NULL, NULL, "{\"code\":\"BadThing\",\"errorMessage\":\"why\"}"), ERR_SERVICE,
        "BadThing", "BadThing: why", false);
    check(decode(400, "x-amzn-query-error", "AWS.SimpleQueueService.NonExistentQueue;Sender",
              "{\"__type\":\"com.amazonaws.sqs#QueueDoesNotExist\",\"message\":\"no queue\"}"),
        ERR_SERVICE, "AWS.SimpleQueueService.NonExistentQueue",
        "AWS.SimpleQueueService.NonExistentQueue: no queue", false);
    check(decode(400, NULL, NULL, "{\"__type\":\"UnrecognizedClientException\"}"), ERR_AUTH,
        "UnrecognizedClientException", "UnrecognizedClientException (HTTP 400)", false);
}

static void test_xml(void **state)
{
    (void)state;
    struct err err = decode(404, NULL, NULL,
        "<?xml version=\"1.0\"?><ErrorResponse xmlns=\"https://iam.amazonaws.com/doc/2010-05-08/\"><Error>"
        "<Type>Sender</Type><Code>NoSuchEntity</Code><Message>role x</Message></Error>"
        "<RequestId>id-1</RequestId></ErrorResponse>");
    check(err, ERR_ABSENT, "NoSuchEntity", "NoSuchEntity: role x", false);
    assert_string_equal(err.request_id, "id-1");
    err = decode(400, NULL, NULL,
        "<Response><Errors><Error><Code>InvalidVpcID.NotFound</Code><Message>no "
        "vpc</Message></Error></Errors>"
        "<RequestID>id-2</RequestID></Response>");
    check(err, ERR_SERVICE, "InvalidVpcID.NotFound", "InvalidVpcID.NotFound: no vpc", false);
    assert_string_equal(err.request_id, "id-2");
    err = decode(503, "x-amz-request-id", "header-id", "<Error><Code>SlowDown</Code><Message/></Error>");
    check(err, ERR_THROTTLED, "SlowDown", "SlowDown (HTTP 503)", true);
    assert_string_equal(err.request_id, "header-id");
    check(decode(403, NULL, NULL, "<Error><Code>RequestTimeTooSkewed</Code><Message>m</Message></Error>"),
        ERR_AUTH, "RequestTimeTooSkewed", "RequestTimeTooSkewed: m", false);
    check(decode(403, NULL, NULL, "<Error><Code>InvalidObjectState</Code><Message>m</Message></Error>"),
        ERR_SERVICE, "InvalidObjectState", "InvalidObjectState: m", false);
    check(decode(400, NULL, NULL,
              "<Error><Code>InvalidArgument</Code><Message>m</Message><ArgumentName>arn:aws:sqs:r:a:q</"
              "ArgumentName>"
              "<ArgumentValue>no permission</ArgumentValue></Error>"),
        ERR_SERVICE, "InvalidArgument", "InvalidArgument: m (arn:aws:sqs:r:a:q: no permission)", false);
    check(decode(400, NULL, NULL,
              "<Error><Code>InvalidArgument</Code><Message>m</Message><ArgumentName>Authorization</"
              "ArgumentName>"
              "<ArgumentValue>what was sent</ArgumentValue></Error>"),
        ERR_SERVICE, "InvalidArgument", "InvalidArgument: m", false);
}

static void test_bare_status(void **state)
{
    (void)state;
    check(decode(404, NULL, NULL, ""), ERR_ABSENT, "", "HTTP 404 not found", false);
    check(decode(403, NULL, NULL, ""), ERR_AUTH, "", "HTTP 403 forbidden", false);
    check(decode(412, NULL, NULL, ""), ERR_SERVICE, "", "HTTP 412 a precondition failed", false);
    check(decode(503, NULL, NULL, "upstream\x1b[31m\r\n gone"), ERR_SERVICE, "",
        "HTTP 503 unavailable: upstream [31m gone", true);
    check(decode(429, NULL, NULL, ""), ERR_THROTTLED, "", "HTTP 429 too many requests", true);
}

/* An answer to HEAD never has a body: the hint makes up for it. */
static void test_head(void **state)
{
    (void)state;
    static const struct wire_operation head = {.name = STR_INIT("HeadBucket"),
        .protocol = WIRE_REST_XML,
        .method = STR_INIT("HEAD"),
        .path = STR_INIT("/{Bucket}")};
    const struct {
        int status;
        const char *word;
    } rows[] = {{400, "credentials"}, {301, "another region"}, {404, ""}};
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct err err = ERR_INIT;
        wire_decode_error(&head, &(struct wire_message){.status = rows[i].status}, &err);
        assert_non_null(strstr(err.hint, rows[i].word));
        assert_int_equal(err.hint[0] != 0, rows[i].word[0] != 0);
    }
    assert_string_equal(decode(400, NULL, NULL, "").hint, "");
}

/* A page for people must not look like "the resource you asked for does not exist". */
static void test_html(void **state)
{
    (void)state;
    struct err err = decode(404, NULL, NULL, "<!doctype html>\n<html><title>404 Not Found</title></html>");
    check(err, ERR_SERVICE, "", "HTTP 404 not found, with an HTML page", false);
    assert_string_equal(err.hint, "does this endpoint know GetBucketPolicy?");
    check(decode(500, "Content-Type", "text/html; charset=utf-8", "oops"), ERR_SERVICE, "",
        "HTTP 500 internal error, with an HTML page", true);
    check(decode(404, NULL, NULL, "{\"__type\":\"UnknownOperationException\"}"), ERR_SERVICE,
        "UnknownOperationException", "UnknownOperationException (HTTP 404)", false);
}

static void test_is_error(void **state)
{
    (void)state;
    AUTO_ARENA struct arena arena = ARENA_INIT;
    const struct {
        int status;
        const char *body;
        bool error;
    } cases[] = {
        {200, "<CopyObjectResult/>", false},
        {200, "<?xml version=\"1.0\"?>\n<Error><Code>InternalError</Code></Error>", true},
        {200, " <Error xmlns=\"x\"/>", true},
        {200, arena_printf(&arena, "<?xml version=\"1.0\"?>%1000s<Error></Error>", "").p, true},
        {200, "<Errors/>", false},
        {200, "", false},
        {204, "", false},
        {304, "", true},
        {404, "", true},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct wire_message m = {.status = cases[i].status, .body = str_z(cases[i].body)};
        assert_int_equal(wire_is_error(&m), cases[i].error);
    }
}

/* Longer than err's fields: cut, not overrun. */
static void test_long(void **state)
{
    (void)state;
    char body[4096], *p = body;
    p += sprintf(p, "<Error><Code>");
    memset(p, 'c', 1000);
    p += 1000;
    p += sprintf(p, "</Code><Message>");
    memset(p, 'm', 2000);
    p += 2000;
    sprintf(p, "</Message></Error>");
    struct err err = decode(400, NULL, NULL, body);
    assert_int_equal(strlen(err.code), sizeof err.code - 1);
    assert_int_equal(strlen(err.message), sizeof err.message - 1);
}

static void test_pause_asked_for(void **state)
{
    (void)state;
    AUTO_ARENA struct arena arena = ARENA_INIT;
    int64_t now_ms;
    assert_true(time_parse_rfc3339(STR("2026-11-21T09:30:00Z"), &now_ms));
    static const struct {
        const char *name, *value;
        int64_t want_ms;
    } cases[] = {{"Retry-After", "3", 3000}, {"retry-after", "Sat, 21 Nov 2026 09:30:07 GMT", 7000},
        {"Retry-After", "Sat, 21 Nov 2026 09:29:00 GMT", 0}, {"Retry-After", "soon", 0},
        {"Retry-After", "-1", 0}, {"Retry-After", "99999999999999", 0}, {"x-amz-retry-after", "1500", 1500},
        {"X-Other", "3", 0}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct wire_message message = {0};
        wire_header_add(&arena, &message, str_z(cases[i].name), str_z(cases[i].value));
        assert_int_equal(wire_retry_after_ms(&message, now_ms), cases[i].want_ms);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_json),
        cmocka_unit_test(test_xml),
        cmocka_unit_test(test_bare_status),
        cmocka_unit_test(test_head),
        cmocka_unit_test(test_html),
        cmocka_unit_test(test_is_error),
        cmocka_unit_test(test_long),
        cmocka_unit_test(test_pause_asked_for),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
