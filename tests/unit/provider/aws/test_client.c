/* The client against a scripted service: signing, retries, redirects, refreshed credentials, settings. Time
 * does not pass by itself here. */
#include "base/clock.h"
#include "base/mem.h"
#include "provider/aws/client.h"
#include "tests/unit/support/aws_env.h"
#include "tests/unit/support/json_text.h"
#include "tests/unit/support/manual_clock.h"
#include "tests/unit/support/script_server.h"

#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <cmocka.h>

#define NOW_MS 1795253400000 /* Sat, 21 Nov 2026 09:30:00 GMT */

static const struct aws_service glue = {
    .id = STR_INIT("glue"), .endpoint_prefix = STR_INIT("glue"), .signing_name = STR_INIT("glue")};
static const struct aws_service s3 = {
    .id = STR_INIT("s3"), .endpoint_prefix = STR_INIT("s3"), .signing_name = STR_INIT("s3"), .s3 = true};
static const struct wire_operation get_jobs = {.name = STR_INIT("GetJobs"), .protocol = WIRE_JSON11};
static const struct wire_operation put_object = {.name = STR_INIT("PutObject"), .protocol = WIRE_REST_XML};

struct fixture {
    struct arena arena;
    struct script_server *server;
    struct http_engine *engine;
    struct aws_client *client;
};

/* `more`: settings beside the endpoint, as JSON members. */
static void start(struct fixture *f, const struct script_step *steps, size_t n, const char *more)
{
    *f = (struct fixture){0};
    aws_env_begin();
    manual_clock_install(NOW_MS);
    f->server = script_server_start(steps, n);
    struct err err = ERR_INIT;
    assert_int_equal(http_engine_new(&(struct http_options){0}, &f->engine, &err), 0);
    struct aws_options options = {.name = STR("aws"), .http = f->engine};
    options.config =
        json_text(&f->arena, arena_printf(&f->arena, "{\"endpoint\": \"%s\", \"region\": \"eu-west-1\"%s%s}",
                                 script_server_url(f->server), *more ? ", " : "", more)
                                 .p);
    if (aws_client_new(&options, &f->client, &err))
        fail_msg("%s", err.message);
}

static void stop(struct fixture *f)
{
    aws_client_free(f->client);
    http_engine_free(f->engine);
    script_server_stop(f->server);
    arena_release(&f->arena);
    manual_clock_remove();
    aws_env_end();
}

#define KEYS "\"access_key\": \"AK\", \"secret_key\": \"SK\""
#define START(f, more, ...)                                                                                  \
    struct fixture f;                                                                                        \
    const struct script_step steps_[] = {__VA_ARGS__};                                                       \
    start(&f, steps_, sizeof steps_ / sizeof *steps_, more)

static struct aws_call call_glue(struct fixture *f, bool idempotent)
{
    struct aws_call call = {.service = &glue, .op = &get_jobs, .idempotent = idempotent};
    call.request = (struct wire_message){.method = STR("POST"), .path = STR("/"), .body = STR("{}")};
    wire_header_add(&f->arena, &call.request, STR("X-Amz-Target"), STR("AWSGlue.GetJobs"));
    return call;
}

static struct aws_call call_s3(const char *method, const char *path)
{
    return (struct aws_call){.service = &s3,
        .op = &put_object,
        .idempotent = true,
        .request = {.method = str_z(method), .path = str_z(path)}};
}

static struct wire_message must_send(struct fixture *f, const struct aws_call *call)
{
    struct wire_message answer;
    struct err err = ERR_INIT;
    if (aws_send(f->client, call, &f->arena, &answer, &err))
        fail_msg("%s", err.message);
    return answer;
}

static struct err must_fail(struct fixture *f, const struct aws_call *call)
{
    struct wire_message answer;
    struct err err = ERR_INIT;
    assert_int_equal(aws_send(f->client, call, &f->arena, &answer, &err), -1);
    return err;
}

static void assert_contains(const char *text, const char *part)
{
    if (!strstr(text, part))
        fail_msg("\"%s\" does not contain \"%s\"", text, part);
}

static const char *header_of(struct fixture *f, size_t request, const char *name)
{
    return script_request_header(script_server_request(f->server, request), name);
}

/* ---- sending ---- */

static void a_call_is_signed(void **state)
{
    (void)state;
    START(f, KEYS ", \"session_token\": \"T/1\"", {.body = "{\"Jobs\":[]}"});
    struct aws_call call = call_glue(&f, true);
    struct wire_message answer = must_send(&f, &call);
    assert_int_equal(answer.status, 200);
    assert_true(str_eqz(answer.body, "{\"Jobs\":[]}"));
    const char *authorization = header_of(&f, 0, "Authorization");
    assert_contains(authorization,
        "AWS4-HMAC-SHA256 Credential=AK/20261121/eu-west-1/glue/aws4_request, "
        "SignedHeaders=host;x-amz-date;x-amz-security-token;x-amz-target, Signature=");
    assert_string_equal(header_of(&f, 0, "X-Amz-Date"), "20261121T093000Z");
    assert_string_equal(header_of(&f, 0, "X-Amz-Security-Token"), "T/1");
    assert_string_equal(header_of(&f, 0, "X-Amz-Target"), "AWSGlue.GetJobs");
    assert_int_equal(call.request.header_count, 1); /* the caller's message is left alone */
    assert_int_equal(aws_requests(f.client), 1);
    stop(&f);
}

static void uploads_carry_their_hash(void **state)
{
    (void)state;
    START(f, KEYS, {.action = SCRIPT_ECHO});
    char path[] = "/tmp/weir-client-XXXXXX";
    int fd = mkstemp(path);
    unlink(path);
    assert_int_equal(write(fd, "xxhello", 7), 7);
    struct aws_call call = call_s3("PUT", "/lake/a%20b");
    call.body_fd = fd;
    call.body_offset = 2;
    call.body_length = 5;
    assert_true(str_eqz(must_send(&f, &call).body, "hello"));
    assert_string_equal(header_of(&f, 0, "x-amz-content-sha256"),
        "2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824");
    assert_string_equal(script_server_request(f.server, 0)->target, "/lake/a%20b");
    call.payload_hash = STR("UNSIGNED-PAYLOAD");
    must_send(&f, &call);
    assert_string_equal(header_of(&f, 1, "x-amz-content-sha256"), "UNSIGNED-PAYLOAD");
    call.payload_hash = STR_EMPTY;
    call.body_length = 6;
    assert_contains(must_fail(&f, &call).message, "became shorter");
    assert_int_equal(script_server_count(f.server), 2);
    close(fd);
    stop(&f);
}

static void service_errors_come_with_code_and_id(void **state)
{
    (void)state;
    START(f, KEYS,
        {.status = 400,
            .headers = "x-amzn-RequestId: r-7\r\n",
            .body = "{\"__type\":\"EntityNotFoundException\",\"Message\":\"no job x\"}"});
    struct aws_call call = call_glue(&f, true);
    struct err err = must_fail(&f, &call);
    assert_string_equal(err.code, "EntityNotFoundException");
    assert_string_equal(err.request_id, "r-7");
    assert_contains(err.message, "no job x");
    assert_int_equal(script_server_count(f.server), 1);
    stop(&f);
}

/* ---- retries ---- */

static void failures_are_repeated_where_that_is_safe(void **state)
{
    (void)state;
    START(f, KEYS, {.uses = 1, .status = 503}, {.uses = 1, .action = SCRIPT_RESET},
        {.uses = 1, .action = SCRIPT_TRUNCATE, .body = "{\"Jobs\":[]}"}, {.body = "{}"});
    struct aws_call call = call_glue(&f, true);
    assert_true(str_eqz(must_send(&f, &call).body, "{}"));
    assert_int_equal(script_server_count(f.server), 4);
    assert_true(manual_clock_slept() > 0);
    stop(&f);
}

static void what_may_have_been_done_is_not_repeated(void **state)
{
    (void)state;
    static const struct script_step steps[] = {{.uses = 1, .status = 500},
        {.uses = 1, .action = SCRIPT_RESET}, {.uses = 1, .action = SCRIPT_CLOSE},
        {.uses = 1, .action = SCRIPT_TRUNCATE, .body = "{\"a\":1}"}, {0}};
    struct fixture f;
    start(&f, steps, 5, KEYS);
    for (size_t i = 0; i < 4; i++) {
        struct aws_call call = call_glue(&f, false);
        struct err err = must_fail(&f, &call);
        assert_int_equal(err.class, i == 0 ? ERR_SERVICE : ERR_NETWORK);
        assert_true(err.lost && !err.unsure);
        assert_int_equal(script_server_count(f.server), i + 1);
    }
    assert_int_equal(manual_clock_slept(), 0);
    stop(&f);
}

/* What the last attempt says of itself, and what stays open from those before it. */
static void a_lost_answer_is_reported(void **state)
{
    (void)state;
    static const struct {
        struct script_step first, second;
        bool lost, unsure;
    } cases[] = {
        {{.status = 400, .body = "{\"__type\":\"E\"}"}, {0}, false, false},
        {{.status = 429}, {.status = 501}, false, false},
        {{.status = 500}, {.status = 400, .body = "{\"__type\":\"E\"}"}, false, true},
        {{.action = SCRIPT_RESET}, {.status = 501}, false, true},
        {{.status = 400, .body = "{\"__type\":\"ThrottlingException\"}"}, {.status = 500}, true, true},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct script_step steps[] = {cases[i].first, cases[i].second};
        steps[0].uses = 1;
        struct fixture f;
        start(&f, steps, 2, KEYS ", \"max_attempts\": 2");
        struct aws_call call = call_glue(&f, true);
        struct err err = must_fail(&f, &call);
        assert_int_equal(err.lost, cases[i].lost);
        assert_int_equal(err.unsure, cases[i].unsure);
        stop(&f);
    }
}

static void a_refused_connection_is_repeated_even_so(void **state)
{
    (void)state;
    START(f, KEYS, {0});
    script_server_stop(f.server);
    struct aws_call call = call_glue(&f, false);
    struct err err = must_fail(&f, &call);
    assert_contains(err.message, "connection refused");
    assert_int_equal(aws_requests(f.client), 4);
    assert_true(!err.lost && !err.unsure); /* nothing was ever sent */
    f.server = script_server_start(NULL, 0);
    stop(&f);
}

static void an_answer_that_trickles_ends(void **state)
{
    (void)state;
    START(f, KEYS ", \"max_attempts\": 1", {.action = SCRIPT_TRICKLE, .body = " "});
    struct aws_call call = call_glue(&f, true);
    call.answers_in_ms = 1000;
    struct err err = must_fail(&f, &call);
    assert_int_equal(err.class, ERR_TIMEOUT);
    assert_contains(err.message, "answers too slowly");
    stop(&f);
}

struct reported {
    int times, nth, status;
    enum err_class class;
};

static void note_repetition(void *ctx, const struct err *failure, int nth)
{
    struct reported *reported = ctx;
    assert_int_equal(nth, ++reported->times + 1);
    *reported = (struct reported){reported->times, nth, failure->http_status, failure->class};
}

static void who_watches_is_reported_of_each_repetition(void **state)
{
    (void)state;
    START(f, KEYS, {.uses = 2, .status = 503},
        {.uses = 2, .status = 400, .body = "{\"__type\":\"ThrottlingException\"}"}, {.body = "{}"});
    struct reported reported = {0};
    struct aws_call call = call_glue(&f, true);
    call.repeats = note_repetition;
    call.repeats_ctx = &reported;
    must_send(&f, &call);
    assert_int_equal(reported.nth, 5); /* of one kind or another, all are tries */
    assert_int_equal(reported.class, ERR_THROTTLED);
    reported = (struct reported){0};
    must_send(&f, &call);
    assert_int_equal(reported.times, 0);
    stop(&f);
}

static void who_watches_is_reported_why(void **state)
{
    (void)state;
    START(f, KEYS, {.uses = 1, .status = 503}, {.body = "{}"});
    struct reported reported = {0};
    struct aws_call call = call_glue(&f, true);
    call.repeats = note_repetition;
    call.repeats_ctx = &reported;
    must_send(&f, &call);
    assert_int_equal(reported.nth, 2);
    assert_int_equal(reported.status, 503);
    stop(&f);
}

static void throttled_calls_are_repeated_and_slowed(void **state)
{
    (void)state;
    START(f, KEYS,
        {.uses = 6,
            .status = 400,
            .body = "{\"__type\":\"ThrottlingException\",\"message\":\"Rate exceeded\"}"},
        {.body = "{}"});
    struct aws_call call = call_glue(&f, false); /* was not processed: safe for any call */
    must_send(&f, &call);
    assert_int_equal(script_server_count(f.server), 7);
    int64_t slept = manual_clock_slept();
    assert_true(slept > 1000);
    for (int i = 0; i < 5; i++)
        must_send(&f, &call);
    assert_true(manual_clock_slept() - slept > 2000); /* the service is spared for a while */
    stop(&f);
}

static void throttling_without_end_is_reported(void **state)
{
    (void)state;
    START(f, KEYS, {.status = 429});
    struct aws_call call = call_glue(&f, true);
    struct err err = must_fail(&f, &call);
    assert_int_equal(err.class, ERR_THROTTLED);
    assert_contains(err.hint, "--parallelism");
    assert_int_equal(script_server_count(f.server), 10);
    stop(&f);
}

static void the_number_of_attempts_can_be_set(void **state)
{
    (void)state;
    START(f, KEYS ", \"max_attempts\": 2", {.status = 503});
    struct aws_call call = call_glue(&f, true);
    must_fail(&f, &call);
    assert_int_equal(script_server_count(f.server), 2);
    stop(&f);
}

static void a_dead_service_uses_up_the_budget(void **state)
{
    (void)state;
    START(f, KEYS, {.status = 500});
    struct aws_call call = call_glue(&f, true);
    for (int i = 0; i < 100; i++)
        must_fail(&f, &call);
    assert_int_equal(script_server_count(f.server), 100 + 100); /* 500 / 5 retries in all */
    stop(&f);
}

static void a_service_may_ask_for_a_pause(void **state)
{
    (void)state;
    START(f, KEYS, {.uses = 1, .status = 503, .headers = "Retry-After: 30\r\n"}, {.body = "{}"});
    struct aws_call call = call_glue(&f, true);
    must_send(&f, &call);
    assert_int_equal(manual_clock_slept(), 30 * 1000);
    stop(&f);
}

static bool role_is_new(void *ctx, const struct err *err)
{
    (void)ctx;
    return !strcmp(err->code, "InvalidInputException") && strstr(err->message, "should be able to assume");
}

static void what_is_not_visible_yet_is_waited_for(void **state)
{
    (void)state;
    static const char later[] =
        "{\"__type\":\"InvalidInputException\",\"Message\":\"Service should be able to assume the role\"}";
    START(f, KEYS, {.uses = 15, .status = 400, .body = later}, {.uses = 1, .body = "{}"},
        {.status = 400, .body = later});
    struct aws_call call = call_glue(&f, false);
    call.transient = role_is_new;
    must_send(&f, &call);
    assert_int_equal(script_server_count(f.server), 16);
    int64_t before = manual_clock_slept();
    call.transient_for_ms = 60 * 1000;
    struct err err = must_fail(&f, &call); /* and never becomes visible */
    assert_string_equal(err.code, "InvalidInputException");
    int64_t waited = manual_clock_slept() - before;
    assert_true(waited >= 60 * 1000 && waited < 70 * 1000);
    stop(&f);
}

static void an_emulator_has_nothing_that_becomes_visible_late(void **state)
{
    (void)state;
    START(f, KEYS ", \"account_id\": \"000000000000\"",
        {.status = 400,
            .body =
                "{\"__type\":\"InvalidInputException\",\"Message\":\"Service should be able to assume\"}"});
    struct aws_call call = call_glue(&f, false);
    call.transient = role_is_new;
    must_fail(&f, &call);
    assert_in_range(manual_clock_slept(), 15 * 1000, 30 * 1000);
    stop(&f);
}

static void an_interrupt_ends_the_pause(void **state)
{
    (void)state;
    START(f, KEYS, {.status = 503});
    atomic_bool cancel = true;
    struct aws_call call = call_glue(&f, true);
    call.cancel = &cancel;
    assert_int_equal(must_fail(&f, &call).class, ERR_INTERRUPTED);
    assert_int_equal(script_server_count(f.server), 0);
    stop(&f);
}

static int keep(void *ctx, const void *bytes, size_t n)
{
    buf_add(ctx, bytes, n);
    return 0;
}

static void a_sink_gets_nothing_twice(void **state)
{
    (void)state;
    START(f, KEYS, {.uses = 1, .action = SCRIPT_TRUNCATE, .body = "12345678"}, {.body = "12345678"});
    AUTO_BUF struct buf got = BUF_INIT;
    struct aws_call call = call_s3("GET", "/lake/a");
    call.sink = keep;
    call.sink_ctx = &got;
    assert_contains(must_fail(&f, &call).message, "cut short after 4 of 8 bytes");
    assert_string_equal(got.p, "1234");
    assert_int_equal(script_server_count(f.server), 1);
    stop(&f);
}

/* ---- clocks, credentials, regions ---- */

static void a_wrong_clock_is_corrected(void **state)
{
    (void)state;
    START(f, KEYS,
        {.uses = 1,
            .status = 403,
            .headers = "Date: Sat, 21 Nov 2026 11:00:00 GMT\r\n",
            .body = "<Error><Code>RequestTimeTooSkewed</Code><Message>x</Message></Error>"},
        {0});
    struct aws_call call = call_s3("PUT", "/lake/a");
    call.idempotent = false;
    must_send(&f, &call);
    assert_string_equal(header_of(&f, 0, "X-Amz-Date"), "20261121T093000Z");
    assert_string_equal(header_of(&f, 1, "X-Amz-Date"), "20261121T110000Z");
    must_send(&f, &call); /* and stays corrected */
    assert_string_equal(header_of(&f, 2, "X-Amz-Date"), "20261121T110000Z");
    stop(&f);
}

/* Also by how little it is off; what has no date changes nothing. */
static void the_services_clock_is_known(void **state)
{
    (void)state;
    START(f, KEYS, {.headers = "Date: Sat, 21 Nov 2026 09:27:00 GMT\r\n"}, {.status = 200});
    struct aws_call call = call_glue(&f, true);
    assert_int_equal(aws_clock_ahead_ms(f.client), 0);
    must_send(&f, &call);
    assert_int_equal(aws_clock_ahead_ms(f.client), -180000);
    must_send(&f, &call);
    assert_int_equal(aws_clock_ahead_ms(f.client), -180000);
    stop(&f);
}

static void a_refused_head_may_be_about_the_clock(void **state)
{
    (void)state;
    START(f, KEYS, {.uses = 1, .status = 403, .headers = "Date: Sat, 21 Nov 2026 06:30:00 GMT\r\n"},
        {.uses = 1}, {.status = 403, .headers = "Date: Sat, 21 Nov 2026 06:30:00 GMT\r\n"});
    struct aws_call call = call_s3("HEAD", "/lake");
    must_send(&f, &call);
    assert_string_equal(header_of(&f, 1, "X-Amz-Date"), "20261121T063000Z");
    assert_int_equal(
        must_fail(&f, &call).http_status, 403); /* by the right clock it is no matter of clocks */
    assert_int_equal(script_server_count(f.server), 3);
    stop(&f);
}

static void a_wrong_signature_is_no_matter_of_clocks(void **state)
{
    (void)state;
    START(f, KEYS,
        {.status = 403,
            .headers = "Date: Sat, 21 Nov 2026 09:30:20 GMT\r\n",
            .body = "<Error><Code>SignatureDoesNotMatch</Code><Message>x</Message></Error>"});
    struct aws_call call = call_s3("PUT", "/lake/a");
    struct err err = must_fail(&f, &call);
    assert_int_equal(err.class, ERR_AUTH);
    assert_contains(err.hint, "provider settings");
    assert_int_equal(script_server_count(f.server), 1);
    stop(&f);
}

static void expired_credentials_are_renewed(void **state)
{
    (void)state;
    START(f, "",
        {.uses = 1, .status = 400, .body = "{\"__type\":\"ExpiredTokenException\",\"message\":\"expired\"}"},
        {.body = "{}"});
    aws_env_write("process",
        "#!/bin/sh\necho '{\"Version\":1,\"AccessKeyId\":\"AK'`wc -l < $HOME/.aws/calls`'\","
        "\"SecretAccessKey\":\"s\",\"SessionToken\":\"t\"}'\necho >> $HOME/.aws/calls\n");
    aws_env_write("calls", "");
    aws_env_write("config", "[default]\ncredential_process = sh $HOME/.aws/process\n");
    struct aws_call call = call_glue(&f, false);
    must_send(&f, &call);
    assert_contains(header_of(&f, 0, "Authorization"), "Credential=AK0/");
    assert_contains(header_of(&f, 1, "Authorization"), "Credential=AK1/");
    must_send(&f, &call);
    assert_contains(header_of(&f, 2, "Authorization"), "Credential=AK1/");
    stop(&f);
}

static void the_same_credentials_are_not_tried_twice(void **state)
{
    (void)state;
    START(f, KEYS, {.status = 400, .body = "{\"__type\":\"ExpiredTokenException\",\"message\":\"expired\"}"});
    struct aws_call call = call_glue(&f, true);
    assert_int_equal(must_fail(&f, &call).class, ERR_AUTH);
    assert_int_equal(script_server_count(f.server), 1);
    stop(&f);
}

static void a_bucket_is_followed_to_its_region(void **state)
{
    (void)state;
    START(f, KEYS,
        {.match = "PUT /lake/", .uses = 1, .status = 301, .headers = "x-amz-bucket-region: eu-central-1\r\n"},
        {.match = "HEAD /other", .uses = 1, .status = 400, .headers = "x-amz-bucket-region: us-east-2\r\n"},
        {.match = "GET /third",
            .uses = 1,
            .status = 400,
            .body = "<Error><Code>AuthorizationHeaderMalformed</Code><Region>sa-east-1</Region></Error>"},
        {.match = "PUT /lost", .status = 301, .headers = "x-amz-bucket-region: eu-west-3\r\n"}, {0});
    static const struct {
        const char *method, *path, *region;
    } cases[] = {{"PUT", "/lake/a", "/eu-central-1/s3/"}, {"HEAD", "/other", "/us-east-2/s3/"},
        {"GET", "/third/x", "/sa-east-1/s3/"}};
    for (size_t i = 0; i < 3; i++) {
        struct aws_call call = call_s3(cases[i].method, cases[i].path);
        must_send(&f, &call);
        assert_contains(header_of(&f, 2 * i, "Authorization"), "/eu-west-1/s3/");
        assert_contains(header_of(&f, 2 * i + 1, "Authorization"), cases[i].region);
    }
    struct aws_call again = call_s3("GET", "/lake/b"); /* remembered */
    must_send(&f, &again);
    assert_contains(header_of(&f, 6, "Authorization"), "/eu-central-1/s3/");
    struct aws_call lost = call_s3("PUT", "/lost/a"); /* once only */
    assert_int_equal(must_fail(&f, &lost).http_status, 301);
    assert_int_equal(script_server_count(f.server), 9);
    stop(&f);
}

static void an_error_may_hide_in_a_good_answer(void **state)
{
    (void)state;
    static const char error[] = "<?xml version=\"1.0\"?>\n<Error><Code>InternalError</Code></Error>";
    START(f, KEYS, {.match = "POST", .uses = 1, .body = error}, {.match = "POST", .body = "<Result/>"},
        {.match = "GET", .body = error});
    struct aws_call call = call_s3("POST", "/lake/a");
    assert_true(str_eqz(must_send(&f, &call).body, "<Result/>"));
    struct aws_call get = call_s3("GET", "/lake/error.xml"); /* somebody keeps such a file */
    assert_true(str_eqz(must_send(&f, &get).body, error));
    stop(&f);
}

/* ---- account ---- */

static void *ask_account(void *arg)
{
    struct fixture *f = arg;
    AUTO_ARENA struct arena arena = ARENA_INIT;
    struct str account;
    struct err err = ERR_INIT;
    return !aws_account(f->client, &arena, &account, &err) && str_eqz(account, "123456789012") ? NULL
                                                                                               : "failed";
}

static void the_account_is_asked_for_once(void **state)
{
    (void)state;
    START(f, KEYS,
        {.body = "<GetCallerIdentityResponse><GetCallerIdentityResult><Account>123456789012</Account>"
                 "</GetCallerIdentityResult></GetCallerIdentityResponse>"});
    pthread_t threads[8];
    for (int i = 0; i < 8; i++)
        pthread_create(&threads[i], NULL, ask_account, &f);
    for (int i = 0; i < 8; i++) {
        void *failed;
        pthread_join(threads[i], &failed);
        assert_null(failed);
    }
    assert_int_equal(script_server_count(f.server), 1);
    assert_contains(header_of(&f, 0, "Authorization"), "/eu-west-1/sts/");
    stop(&f);
}

static void a_configured_account_is_not_asked_for(void **state)
{
    (void)state;
    START(f, KEYS ", \"account_id\": 12345678901", {0});
    struct str account;
    assert_int_equal(aws_account(f.client, &f.arena, &account, NULL), 0);
    assert_true(str_eqz(account, "012345678901"));
    assert_int_equal(script_server_count(f.server), 0);
    stop(&f);
}

/* ---- settings ---- */

static struct err settings_fail(struct fixture *f, const char *config)
{
    struct aws_options options = {
        .name = STR("aws.tokyo"), .config = json_text(&f->arena, config), .http = f->engine};
    struct aws_client *client = NULL;
    struct err err = ERR_INIT;
    if (!aws_client_new(&options, &client, &err))
        fail_msg("%s is accepted", config);
    return err;
}

static void settings_are_checked(void **state)
{
    (void)state;
    START(f, "", {0});
    static const struct {
        const char *config, *message, *hint;
    } cases[] = {
        {"{\"regoin\": \"eu-west-1\"}", "aws.tokyo has no setting \"regoin\"", "did you mean \"region\"?"},
        {"{\"region\": [\"eu-west-1\"]}", "aws.tokyo: region must be text, not list", ""},
        {"{\"insecure\": \"yes\"}", "insecure must be true or false, not string", ""},
        {"{\"region\": \"eu-west1\"}", "aws.tokyo: region: \"eu-west1\" is not an AWS region", "eu-west-1"},
        {"{}", "aws.tokyo has no region", "AWS_REGION"},
        {"{\"access_key\": \"a\"}", "access_key and secret_key go together", ""},
        {"{\"assume_role\": {\"rolle\": \"x\"}}", "assume_role has no setting \"rolle\"", "\"role\""},
        {"{\"assume_role\": {\"external_id\": \"x\"}}", "assume_role has no `role`", ""},
        {"{\"account_id\": \"12\"}", "account_id must have twelve digits", ""},
        {"{\"max_attempts\": 0}", "max_attempts must be a whole number", ""},
        {"{\"profile\": \"defualt\"}", "there is no profile \"defualt\"", "did you mean \"default\"?"},
        {"{\"endpoints\": {\"s3\": 1}}", "endpoints: s3 must be a URL", ""}};
    aws_env_write("config", "[default]\noutput = json\n");
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct err err = settings_fail(&f, cases[i].config);
        assert_int_equal(err.class, ERR_INVALID);
        assert_contains(err.message, cases[i].message);
        assert_contains(err.hint, cases[i].hint);
    }
    setenv("AWS_REGION", "eu-west-1", 1);
    setenv("AWS_MAX_ATTEMPTS", "many", 1);
    assert_contains(settings_fail(&f, "{}").message, "AWS_MAX_ATTEMPTS \"many\"");
    stop(&f);
}

static void the_region_comes_from_many_places(void **state)
{
    (void)state;
    START(f, "", {0});
    static const struct {
        const char *variable, *config, *want;
    } cases[] = {{NULL, NULL, "ap-south-1"}, {"AWS_DEFAULT_REGION", NULL, "eu-north-1"},
        {"AWS_REGION", NULL, "ca-west-1"}, {NULL, "{\"region\": \"cn-north-1\"}", "cn-north-1"},
        {"AWS_ENDPOINT_URL", "{\"region\": \"garage\"}", "garage"}};
    aws_env_write("config", "[default]\nregion = ap-south-1\n");
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        if (cases[i].variable)
            setenv(cases[i].variable, i == 4 ? "http://localhost:1" : cases[i].want, 1);
        struct aws_options options = {.name = STR("aws"), .http = f.engine};
        options.config = cases[i].config ? json_text(&f.arena, cases[i].config) : NULL;
        struct aws_client *client;
        struct err err = ERR_INIT;
        assert_int_equal(aws_client_new(&options, &client, &err), 0);
        assert_true(str_eqz(aws_region(client), cases[i].want));
        assert_true(str_eqz(aws_partition(client), i == 3 ? "aws-cn" : "aws"));
        aws_client_free(client);
    }
    stop(&f);
}

/* ---- many at once ---- */

enum { THREADS = 16, EACH = 50 };

static void *send_many(void *arg)
{
    struct fixture *f = arg;
    for (int i = 0; i < EACH; i++) {
        struct fixture mine = {.arena = ARENA_INIT};
        struct aws_call call = call_glue(&mine, true);
        struct wire_message answer;
        struct err err = ERR_INIT;
        int failed = aws_send(f->client, &call, &mine.arena, &answer, &err);
        arena_release(&mine.arena);
        if (failed)
            return mem_strdup(err.message);
    }
    return NULL;
}

static void many_threads_share_a_client(void **state)
{
    (void)state;
    START(f, KEYS, {.uses = 20, .body = "{}"}, {.uses = 9, .status = 429},
        {.uses = 3, .action = SCRIPT_TRUNCATE, .body = "{}"}, {.body = "{}"});
    /* No more trouble than one call can take: its thread may be the only one yet. */
    pthread_t threads[THREADS];
    for (int i = 0; i < THREADS; i++)
        pthread_create(&threads[i], NULL, send_many, &f);
    for (int i = 0; i < THREADS; i++) {
        void *failed;
        pthread_join(threads[i], &failed);
        if (failed)
            fail_msg("%s", (char *)failed);
    }
    assert_int_equal(aws_requests(f.client), THREADS * EACH + 12);
    stop(&f);
}

/* ---- many calls of one thread ---- */

enum { MANY = 48 }; /* whole batches: all are on their way once they are added */

struct many {
    struct aws_call calls[MANY];
    struct aws_sending sendings[MANY];
    struct aws_flight *flight;
    size_t good, failed[ERR_CLASS_COUNT];
};

static void begin_many(struct fixture *f, struct many *m, const atomic_bool *cancel)
{
    *m = (struct many){.flight = aws_flight_new(f->client)};
    for (size_t i = 0; i < MANY; i++) {
        m->calls[i] = call_s3("PUT", "/lake/a");
        m->calls[i].request.body = arena_printf(&f->arena, "%zu", i);
        m->calls[i].cancel = cancel;
        m->sendings[i] =
            (struct aws_sending){.call = &m->calls[i], .arena = &f->arena, .owner = &m->calls[i]};
        aws_flight_add(m->flight, &m->sendings[i]);
    }
    assert_int_equal(aws_flight_count(m->flight), MANY);
}

static void end_many(struct many *m)
{
    for (struct aws_sending *back; (back = aws_flight_next(m->flight, -1));) {
        assert_ptr_equal(back->owner, back->call);
        m->good += !back->result && str_eq(back->response.body, back->call->request.body);
        m->failed[back->err.class]++;
    }
    assert_int_equal(aws_flight_count(m->flight), 0);
    aws_flight_free(m->flight);
}

static void many_calls_of_one_thread_go_their_ways(void **state)
{
    (void)state;
    START(f, KEYS, {.uses = 20, .action = SCRIPT_ECHO}, {.uses = 5, .status = 503},
        {.uses = 5, .status = 503, .body = "<Error><Code>SlowDown</Code></Error>"},
        {.uses = 2, .action = SCRIPT_TRUNCATE, .body = "{}"},
        {.uses = 1, .status = 403, .body = "<Error><Code>AccessDenied</Code></Error>"},
        {.action = SCRIPT_ECHO});
    struct many m;
    begin_many(&f, &m, NULL);
    end_many(&m);
    assert_int_equal(m.good, MANY - 1);
    assert_int_equal(m.failed[ERR_AUTH], 1);
    assert_int_equal(aws_requests(f.client), MANY + 12);
    assert_true(manual_clock_slept() > 0);
    stop(&f);
}

/* All are signed before the first answer tells of the clock. */
static void many_first_calls_with_a_wrong_clock_all_succeed(void **state)
{
    (void)state;
    START(f, KEYS,
        {.uses = MANY,
            .status = 403,
            .headers = "Date: Sat, 21 Nov 2026 12:30:00 GMT\r\n",
            .body = "<Error><Code>RequestTimeTooSkewed</Code><Message>x</Message></Error>"},
        {.action = SCRIPT_ECHO});
    struct many m;
    begin_many(&f, &m, NULL);
    while (script_server_count(f.server) < MANY)
        usleep(1000);
    end_many(&m);
    assert_int_equal(m.good, MANY);
    assert_string_equal(header_of(&f, 2 * MANY - 1, "X-Amz-Date"), "20261121T123000Z");
    stop(&f);
}

static void what_waits_to_be_repeated_ends_with_an_interrupt(void **state)
{
    (void)state;
    START(f, KEYS, {.uses = MANY - 1, .action = SCRIPT_ECHO},
        {.status = 503, .headers = "Retry-After: 50\r\n"});
    atomic_bool cancel = false;
    struct many m;
    begin_many(&f, &m, &cancel);
    for (size_t i = 0; i < MANY - 1; i++)
        assert_int_equal(aws_flight_next(m.flight, -1)->result, 0);
    while (script_server_count(f.server) < MANY)
        assert_null(aws_flight_next(m.flight, 10));
    assert_null(aws_flight_next(m.flight, 1000));
    cancel = true;
    end_many(&m);
    assert_int_equal(m.failed[ERR_INTERRUPTED], 1);
    assert_true(manual_clock_slept() < 30 * 1000);
    stop(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_call_is_signed),
        cmocka_unit_test(uploads_carry_their_hash),
        cmocka_unit_test(service_errors_come_with_code_and_id),
        cmocka_unit_test(failures_are_repeated_where_that_is_safe),
        cmocka_unit_test(what_may_have_been_done_is_not_repeated),
        cmocka_unit_test(a_lost_answer_is_reported),
        cmocka_unit_test(a_refused_connection_is_repeated_even_so),
        cmocka_unit_test(an_answer_that_trickles_ends),
        cmocka_unit_test(who_watches_is_reported_of_each_repetition),
        cmocka_unit_test(who_watches_is_reported_why),
        cmocka_unit_test(throttled_calls_are_repeated_and_slowed),
        cmocka_unit_test(throttling_without_end_is_reported),
        cmocka_unit_test(the_number_of_attempts_can_be_set),
        cmocka_unit_test(a_dead_service_uses_up_the_budget),
        cmocka_unit_test(a_service_may_ask_for_a_pause),
        cmocka_unit_test(what_is_not_visible_yet_is_waited_for),
        cmocka_unit_test(an_emulator_has_nothing_that_becomes_visible_late),
        cmocka_unit_test(an_interrupt_ends_the_pause),
        cmocka_unit_test(a_sink_gets_nothing_twice),
        cmocka_unit_test(a_wrong_clock_is_corrected),
        cmocka_unit_test(the_services_clock_is_known),
        cmocka_unit_test(a_refused_head_may_be_about_the_clock),
        cmocka_unit_test(a_wrong_signature_is_no_matter_of_clocks),
        cmocka_unit_test(expired_credentials_are_renewed),
        cmocka_unit_test(the_same_credentials_are_not_tried_twice),
        cmocka_unit_test(a_bucket_is_followed_to_its_region),
        cmocka_unit_test(an_error_may_hide_in_a_good_answer),
        cmocka_unit_test(the_account_is_asked_for_once),
        cmocka_unit_test(a_configured_account_is_not_asked_for),
        cmocka_unit_test(settings_are_checked),
        cmocka_unit_test(the_region_comes_from_many_places),
        cmocka_unit_test(many_threads_share_a_client),
        cmocka_unit_test(many_calls_of_one_thread_go_their_ways),
        cmocka_unit_test(many_first_calls_with_a_wrong_clock_all_succeed),
        cmocka_unit_test(what_waits_to_be_repeated_ends_with_an_interrupt),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
