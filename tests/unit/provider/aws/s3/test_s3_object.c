/* aws.s3.object: what is known before the upload, what is sent, what counts as changed. */
#include "base/file.h"

#include "base/json.h"
#include "provider/aws/s3/s3.h"
#include "provider/aws/s3/upload.h"
#include "provider/provider.h"
#include "provider/spec/spec.h"
#include "tests/unit/support/fixed_aws.h"

#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <cmocka.h>

#define SHA_OF_HELLO "2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824"

/* ---- a service that keeps the last call and gives one answer ---- */

static struct aws_call last;
static struct wire_header answer_headers[8];
static size_t answer_count;
static int answer_status;

static int fixed_answer(
    const struct aws_call *call, struct arena *arena, struct wire_message *response, struct err *err)
{
    (void)arena;
    last = *call;
    *response = (struct wire_message){
        .status = answer_status, .headers = answer_headers, .header_count = answer_count};
    if (answer_status < 300)
        return 0;
    wire_decode_error(call->op, response, err);
    return -1;
}

/* ---- */

static struct provider *provider;
static struct arena arena;
static char file[64];

static int set_up(void **state)
{
    (void)state;
    struct err err = ERR_INIT;
    snprintf(file, sizeof file, "/tmp/weir-object-XXXXXX");
    int fd = mkstemp(file);
    if (fd < 0 || write(fd, "hello", 5) != 5)
        return -1;
    close(fd);
    return fixed_provider(&provider, &err);
}

static int tear_down(void **state)
{
    (void)state;
    unlink(file);
    provider_free(provider);
    fixed_release();
    arena_release(&arena);
    return 0;
}

static const struct attempt plain;

static struct op_ctx ctx_of(void)
{
    answer_count = 0;
    answer_status = 200;
    return (struct op_ctx){
        .arena = &arena, .provider = provider, .schema = spec_reader.describe(&aws_s3_object_schema, &arena)};
}

static void answer(const char *name, const char *value)
{
    answer_headers[answer_count++] = (struct wire_header){str_z(name), str_z(value)};
}

__attribute__((format(printf, 1, 2))) static const struct value *object(const char *format, ...)
{
    char text[512];
    va_list args;
    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    const struct value *v;
    struct err err = ERR_INIT;
    if (json_parse(&arena, str_z(text), &v, &err))
        fail_msg("%s: %s", text, err.message);
    return v;
}

static void assert_text(const struct value *map, const char *key, const char *text)
{
    assert_string_equal(value_text(value_getz(map, key), STR("(none)")).p, text);
}

static const struct resource_ops *ops(void)
{
    return aws_s3_object_schema.ops;
}

static void test_predicted(void **state)
{
    (void)state;
    struct op_ctx ctx = ctx_of();
    struct preparation how = {0};
    struct err err = ERR_INIT;
    const struct value *planned;
    const struct value *desired = object("{\"bucket\":\"b\",\"key\":\"x/y.csv\",\"source\":\"%s\"}", file);
    assert_int_equal(ops()->predict(&ctx, desired, NULL, &planned, &err), 0);
    assert_text(planned, "sha256", SHA_OF_HELLO);
    assert_text(planned, "url", "s3://b/x/y.csv");
    assert_text(planned, "arn", "arn:aws:s3:::b/x/y.csv");
    assert_text(planned, "content_type", "text/csv");
    assert_true(value_is_unknown(value_getz(planned, "etag")));
    /* the content itself may be known only later */
    desired = value_with(&arena, object("{\"bucket\":\"b\",\"key\":\"k\"}"), STR("content"), &value_unknown);
    assert_int_equal(ops()->prepare(&ctx, &how, desired, &planned, &err), 0);
    assert_true(value_is_unknown(value_getz(planned, "sha256")));
}

static void test_sources(void **state)
{
    (void)state;
    struct op_ctx ctx = ctx_of();
    struct preparation how = {0};
    const struct value *prepared;
    struct err err = ERR_INIT;
    assert_int_equal(
        ops()->prepare(&ctx, &how, object("{\"bucket\":\"b\",\"key\":\"k\"}"), &prepared, &err), -1);
    assert_string_equal(err.message, "an aws.s3.object needs \"source\" or \"content\"");
    assert_int_equal(ops()->prepare(&ctx, &how, object("{\"source\":\"/tmp\"}"), &prepared, &err), -1);
    assert_string_equal(err.message, "source \"/tmp\" is not a file");
    assert_int_equal(
        ops()->prepare(&ctx, &how, object("{\"source\":\"/nonexistent/x\"}"), &prepared, &err), -1);
    assert_int_equal(err.class, ERR_IO);
    /* what is only to be made is hashed while it is uploaded, unless it is small */
    char large[] = "/tmp/weir-large-XXXXXX";
    int fd = mkstemp(large);
    assert_int_equal(ftruncate(fd, S3_PARTS_FROM), 0);
    close(fd);
    const struct value *desired = object("{\"source\":\"%s\"}", large);
    assert_int_equal(ops()->prepare(&ctx, &how, desired, &prepared, &err), 0);
    assert_null(value_getz(prepared, "sha256"));
    how.recorded = desired;
    assert_int_equal(ops()->prepare(&ctx, &how, desired, &prepared, &err), 0);
    assert_int_equal(value_gets(prepared, "sha256").n, 64);
    unlink(large);
}

static void test_upload(void **state)
{
    (void)state;
    struct op_ctx ctx = ctx_of();
    struct err err = ERR_INIT;
    const struct value *live;
    answer("ETag", "\"abc\"");
    answer("x-amz-version-id", "v1");
    const struct value *desired = object("{\"bucket\":\"b\",\"key\":\"a b/ü.py\",\"source\":\"%s\","
                                         "\"metadata\":{\"team\":\"x\"},\"tags\":{\"k\":\"v w\"}}",
        file);
    assert_int_equal(ops()->create(&ctx, &plain, desired, &live, &err), 0);
    assert_string_equal(last.request.path.p, "/b/a%20b/%C3%BC.py");
    assert_string_equal(last.payload_hash.p, SHA_OF_HELLO);
    assert_string_equal(last.request.body.p, "hello"); /* a small file, too, in one piece with the head */
    assert_int_equal(last.body_length, 0);
    assert_true(last.idempotent);
    assert_string_equal(wire_header_get(&last.request, STR("x-amz-meta-weir-sha256")).p, SHA_OF_HELLO);
    assert_string_equal(wire_header_get(&last.request, STR("x-amz-meta-team")).p, "x");
    assert_string_equal(wire_header_get(&last.request, STR("x-amz-tagging")).p, "k=v%20w");
    assert_string_equal(wire_header_get(&last.request, STR("Content-Type")).p, "text/x-python");
    assert_text(live, "etag", "abc");
    assert_text(live, "version_id", "v1");
    assert_int_equal(value_getz(live, "size")->integer, 5);
    /* a text goes as the body */
    assert_int_equal(ops()->create(&ctx, &plain,
                         object("{\"bucket\":\"b\",\"key\":\"k\",\"content\":\"hello\"}"), &live, &err),
        0);
    assert_string_equal(last.request.body.p, "hello");
    assert_int_equal(last.body_length, 0);
}

static void test_read(void **state)
{
    (void)state;
    struct op_ctx ctx = ctx_of();
    struct err err = ERR_INIT;
    const struct value *live, *wanted = object("[\"sha256\"]");
    answer("ETag", "\"abc\"");
    answer("x-amz-meta-weir-sha256", SHA_OF_HELLO);
    answer("x-amz-meta-team", "x");
    assert_int_equal(ops()->read(&ctx, object("{\"url\":\"s3://b/k/l\"}"), wanted, &live, &err), 0);
    assert_string_equal(last.request.path.p, "/b/k/l"); /* an import gives no more than the URL */
    assert_text(live, "sha256", SHA_OF_HELLO);
    assert_int_equal(value_getz(live, "metadata")->count, 1); /* ours is not the user's */
    /* another entity tag with the same hash: somebody wrote other content and kept the metadata */
    assert_int_equal(
        ops()->read(&ctx, object("{\"bucket\":\"b\",\"key\":\"k\",\"etag\":\"old\"}"), wanted, &live, &err),
        0);
    assert_true(value_is_null(value_getz(live, "sha256")));
    answer_status = 404;
    assert_int_equal(ops()->read(&ctx, object("{\"bucket\":\"b\",\"key\":\"k\"}"), wanted, &live, &err), 0);
    assert_null(live);
    assert_int_equal(ops()->delete (&ctx, 0, object("{\"bucket\":\"b\",\"key\":\"k\"}"), &err), 0);
    answer_status = 403;
    assert_int_equal(ops()->read(&ctx, object("{\"bucket\":\"b\",\"key\":\"k\"}"), wanted, &live, &err), -1);
    assert_int_equal(err.class, ERR_AUTH);
}

static void test_content_types(void **state)
{
    (void)state;
    assert_true(str_eqz(content_type_of(STR("a/b.JSON")), "application/json"));
    assert_true(str_eqz(content_type_of(STR("a.csv/b")), "application/octet-stream"));
    assert_true(str_eqz(content_type_of(STR(".gz")), "application/octet-stream")); /* a name, not an ending */
    assert_true(str_eqz(content_type_of(STR("x.tar.gz")), "application/gzip"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_predicted),
        cmocka_unit_test(test_sources),
        cmocka_unit_test(test_upload),
        cmocka_unit_test(test_read),
        cmocka_unit_test(test_content_types),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
