/* Deleting by thousands: what the service says of single keys. */
#include "base/json.h"
#include "cmd/invocation/kinds.h"
#include "provider/aws/s3/s3.h"
#include "provider/http/http.h"
#include "tests/unit/support/aws_env.h"
#include "tests/unit/support/manual_clock.h"
#include "tests/unit/support/script_server.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#define ANSWER(text)     "<?xml version=\"1.0\"?><DeleteResult>" text "</DeleteResult>"
#define ERROR(key, code) "<Error><Key>" key "</Key><Code>" code "</Code><Message>because</Message></Error>"

static int remove_two(struct op_ctx *ctx, struct err *err)
{
    const struct str keys[] = {STR_INIT("a"), STR_INIT("b")};
    return s3_delete_objects(ctx, STR("bucket"), keys, 2, err);
}

static void ignore(void *ctx, const struct s3_listed *object)
{
    (void)ctx, (void)object;
}

static int list_all(struct op_ctx *ctx, struct err *err)
{
    bool cut;
    return s3_list_objects(ctx, &(struct s3_list){.bucket = STR("bucket")}, ignore, NULL, &cut, err);
}

static int against(const struct script_step *steps, size_t n, size_t *requests,
    int (*work)(struct op_ctx *ctx, struct err *err), struct err *err)
{
    AUTO_ARENA struct arena arena = ARENA_INIT;
    struct http_engine *engine;
    struct provider *provider;
    const struct value *config;
    aws_env_begin();
    manual_clock_install(1795253400000);
    struct script_server *server = script_server_start(steps, n);
    struct str text = arena_printf(&arena,
        "{\"endpoint\": \"%s\", \"region\": \"x\", \"access_key\": \"a\", \"secret_key\": \"s\"}",
        script_server_url(server));
    assert_int_equal(json_parse(&arena, text, &config, err), 0);
    assert_int_equal(http_engine_new(&(struct http_options){0}, &engine, err), 0);
    struct provider_options options = {
        .kinds = &cmd_kinds, .name = STR("aws"), .config = config, .http = engine};
    assert_int_equal(provider_new(&options, &provider, err), 0);
    struct op_ctx ctx = {.arena = &arena, .provider = provider};
    int status = work(&ctx, err);
    *requests = script_server_count(server);
    provider_free(provider);
    http_engine_free(engine);
    script_server_stop(server);
    manual_clock_remove();
    aws_env_end();
    return status;
}

static int delete_with(const struct script_step *steps, size_t n, size_t *requests, struct err *err)
{
    return against(steps, n, requests, remove_two, err);
}

static void keys_that_pass_are_tried_again(void **state)
{
    (void)state;
    const struct script_step steps[] = {
        {.uses = 2, .body = ANSWER(ERROR("a", "InternalError") ERROR("b", "SlowDown"))},
        {.body = ANSWER("")}};
    struct err err = ERR_INIT;
    size_t requests;
    if (delete_with(steps, 2, &requests, &err))
        fail_msg("%s", err.message);
    assert_int_equal(requests, 3);
}

static void not_for_ever(void **state)
{
    (void)state;
    const struct script_step step = {.body = ANSWER(ERROR("a", "InternalError"))};
    struct err err = ERR_INIT;
    size_t requests;
    assert_int_equal(delete_with(&step, 1, &requests, &err), -1);
    assert_string_equal(err.message, "deleting object \"a\": InternalError: because");
    assert_int_equal(requests, 5);
}

static void what_is_refused_is_an_error_at_once(void **state)
{
    (void)state;
    const struct script_step step = {.body = ANSWER(ERROR("a", "SlowDown") ERROR("b", "AccessDenied"))};
    struct err err = ERR_INIT;
    size_t requests;
    assert_int_equal(delete_with(&step, 1, &requests, &err), -1);
    assert_int_equal(err.class, ERR_AUTH);
    assert_string_equal(err.message, "deleting object \"b\": AccessDenied: because");
    assert_int_equal(requests, 1);
}

static void an_answer_that_is_none_deletes_nothing(void **state)
{
    (void)state;
    const struct script_step empty = {.body = ""}, other = {.body = "<ListBucketResult/>"};
    struct err err = ERR_INIT;
    size_t requests;
    assert_int_equal(delete_with(&empty, 1, &requests, &err), -1);
    assert_true(err.lost);
    err = (struct err)ERR_INIT;
    assert_int_equal(delete_with(&other, 1, &requests, &err), -1);
    assert_true(err.lost);
}

#define PAGE(more)                                                                                           \
    "<ListBucketResult><Name>bucket</Name><IsTruncated>true</IsTruncated>" more "</ListBucketResult>"
#define NEXT(token) PAGE("<NextContinuationToken>" token "</NextContinuationToken>")

static void a_listing_that_never_ends_is_an_error(void **state)
{
    (void)state;
    const struct script_step same[] = {{.body = NEXT("a")}},
                             batch[] = {{.uses = 1, .body = NEXT("a")}, {.uses = 1, .body = NEXT("b")},
                                 {.uses = 1, .body = NEXT("a")}},
                             lost[] = {{.body = PAGE("")}};
    struct err err = ERR_INIT;
    size_t requests;
    assert_int_equal(against(same, 1, &requests, list_all, &err), -1);
    assert_string_equal(err.message, "ListObjectsV2 repeats the same page");
    assert_int_equal(requests, 2);
    assert_int_equal(against(batch, 3, &requests, list_all, &err), -1);
    assert_string_equal(err.message, "ListObjectsV2 repeats the same page");
    assert_int_equal(requests, 3);
    assert_int_equal(against(lost, 1, &requests, list_all, &err), -1);
    assert_non_null(strstr(err.message, "it is truncated, and has no token"));
}

static void an_empty_listing_is_asked_for_again(void **state)
{
    (void)state;
    const struct script_step once[] = {{.uses = 2, .body = ""}, {.body = "<ListBucketResult/>"}},
                             always[] = {{.body = ""}};
    struct err err = ERR_INIT;
    size_t requests;
    assert_int_equal(against(once, 2, &requests, list_all, &err), 0);
    assert_int_equal(requests, 3);
    assert_int_equal(against(always, 1, &requests, list_all, &err), -1);
    assert_int_equal(err.class, ERR_PROTOCOL);
    assert_int_equal(requests, 4);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(keys_that_pass_are_tried_again),
        cmocka_unit_test(not_for_ever),
        cmocka_unit_test(what_is_refused_is_an_error_at_once),
        cmocka_unit_test(an_answer_that_is_none_deletes_nothing),
        cmocka_unit_test(a_listing_that_never_ends_is_an_error),
        cmocka_unit_test(an_empty_listing_is_asked_for_again),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
