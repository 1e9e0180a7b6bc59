/* Deleting by thousands: what the service says of single keys. */
#include "base/json.h"
#include "provider/aws/s3_keys.h"
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

static int delete_with(const struct script_step *steps, size_t n, size_t *requests, struct err *err)
{
    AUTO_ARENA struct arena arena = ARENA_INIT;
    struct http_engine *engine;
    struct provider *provider;
    const struct value *config;
    const struct str keys[] = {STR_INIT("a"), STR_INIT("b")};
    aws_env_begin();
    manual_clock_install(1795253400000);
    struct script_server *server = script_server_start(steps, n);
    struct str text = arena_printf(&arena,
        "{\"endpoint\": \"%s\", \"region\": \"x\", \"access_key\": \"a\", \"secret_key\": \"s\"}",
        script_server_url(server));
    assert_int_equal(json_parse(&arena, text, &config, err), 0);
    assert_int_equal(http_engine_new(&(struct http_options){0}, &engine, err), 0);
    struct provider_options options = {.name = STR("aws"), .config = config, .http = engine};
    assert_int_equal(provider_new(&options, &provider, err), 0);
    struct op_ctx ctx = {.arena = &arena, .provider = provider};
    int status = s3_delete_objects(&ctx, STR("bucket"), keys, 2, err);
    *requests = script_server_count(server);
    provider_free(provider);
    http_engine_free(engine);
    script_server_stop(server);
    manual_clock_remove();
    aws_env_end();
    return status;
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

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(keys_that_pass_are_tried_again),
        cmocka_unit_test(not_for_ever),
        cmocka_unit_test(what_is_refused_is_an_error_at_once),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
