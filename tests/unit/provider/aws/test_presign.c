/* Presigned requests: the signatures are botocore's (SigV4QueryAuth) for the same keys at the same time. */
#include "provider/aws/client.h"
#include "tests/unit/support/aws_env.h"
#include "tests/unit/support/json_text.h"
#include "tests/unit/support/manual_clock.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#define NOW_MS 1795253400000 /* Sat, 21 Nov 2026 09:30:00 GMT */

static struct str presigned(struct arena *arena, const char *token)
{
    struct http_engine *engine;
    struct aws_client *client;
    struct err err = ERR_INIT;
    struct str url;
    int64_t ends_ms;
    const char *config = arena_printf(arena,
        "{\"region\": \"eu-west-1\", \"access_key\": \"AKIDEXAMPLE\", \"secret_key\": "
        "\"iam/secret+Key-77\"%s}",
        token)
                             .p;
    aws_env_begin();
    manual_clock_install(NOW_MS);
    assert_int_equal(http_engine_new(&(struct http_options){0}, &engine, &err), 0);
    struct aws_options options = {.name = STR("aws"), .http = engine, .config = json_text(arena, config)};
    assert_int_equal(aws_client_new(&options, &client, &err), 0);
    const struct presign what = {.service = STR("kafka-cluster"),
        .host = STR("kafka.eu-west-1.amazonaws.com"),
        .query = STR("Action=kafka-cluster%3AConnect"),
        .seconds = 900};
    assert_int_equal(aws_presign(client, &what, arena, &url, &ends_ms, &err), 0);
    assert_int_equal(ends_ms, NOW_MS + 900 * 1000);
    aws_client_free(client);
    http_engine_free(engine);
    manual_clock_remove();
    aws_env_end();
    return url;
}

static void signed_by_keys(void **state)
{
    (void)state;
    AUTO_ARENA struct arena arena = ARENA_INIT;
    assert_string_equal(presigned(&arena, "").p,
        "https://kafka.eu-west-1.amazonaws.com/"
        "?Action=kafka-cluster%3AConnect&X-Amz-Algorithm=AWS4-HMAC-SHA256"
        "&X-Amz-Credential=AKIDEXAMPLE%2F20261121%2Feu-west-1%2Fkafka-cluster%2Faws4_request"
        "&X-Amz-Date=20261121T093000Z&X-Amz-Expires=900&X-Amz-SignedHeaders=host"
        "&X-Amz-Signature=31844fdc11af2babfc7a3121208f7b0777a7ac55c45f8cbdc57d5bb68a0d6b84");
}

static void signed_by_a_session(void **state)
{
    (void)state;
    AUTO_ARENA struct arena arena = ARENA_INIT;
    struct str url = presigned(&arena, ", \"session_token\": \"token/Of+session==\"");
    assert_true(str_find(url, STR("&X-Amz-Security-Token=token%2FOf%2Bsession%3D%3D&"), 0) > 0);
    assert_true(str_ends(
        url, STR("&X-Amz-Signature=20480d120d2b195ce95193cf316fc987629c29d08d2256af72d2e3b0c88d6908")));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(signed_by_keys),
        cmocka_unit_test(signed_by_a_session),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
