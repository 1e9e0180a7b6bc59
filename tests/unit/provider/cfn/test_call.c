/* Requests of the Cloud Control API: how they are followed, and what goes wrong in them: whatever it is
 * called, there is something to do about it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "provider/cfn/cfn.h"
#include "tests/unit/support/toy_aws.h"

#include <stdio.h>

/* HandlerErrorCode, and the API's exceptions (botocore, cloudcontrol). */
static const char *const codes[] = {"NotUpdatable", "InvalidRequest", "AccessDenied",
    "UnauthorizedTaggingOperation", "InvalidCredentials", "AlreadyExists", "NotFound", "ResourceConflict",
    "Throttling", "ServiceLimitExceeded", "NotStabilized", "GeneralServiceException", "ServiceInternalError",
    "ServiceTimeout", "NetworkFailure", "InternalFailure", "AlreadyExistsException",
    "ClientTokenConflictException", "ConcurrentModificationException", "ConcurrentOperationException",
    "GeneralServiceException", "HandlerFailureException", "HandlerInternalFailureException",
    "InvalidCredentialsException", "InvalidRequestException", "NetworkFailureException",
    "NotStabilizedException", "NotUpdatableException", "PrivateTypeException", "ResourceConflictException",
    "ResourceNotFoundException", "ServiceInternalErrorException", "ServiceLimitExceededException",
    "ThrottlingException", "TypeNotFoundException", "UnsupportedActionException"};

static void every_code_has_a_hint(void **state)
{
    (void)state;
    const struct op_ctx ctx = {.address = STR("lake")};
    for (size_t i = 0; i < sizeof codes / sizeof *codes; i++) {
        struct err err = ERR_INIT;
        err_set(&err, ERR_SERVICE, "%s", codes[i]);
        snprintf(err.code, sizeof err.code, "%s", codes[i]);
        cfn_explain(&ctx, &err);
        if (!err.hint[0])
            fail_msg("%s has no hint", codes[i]);
    }
}

static void classes(void **state)
{
    (void)state;
    static const struct {
        const char *code;
        enum err_class class;
    } cases[] = {{"NotFound", ERR_ABSENT}, {"ResourceNotFoundException", ERR_ABSENT},
        {"AlreadyExists", ERR_EXISTS}, {"Throttling", ERR_THROTTLED}, {"ThrottlingException", ERR_THROTTLED},
        {"AccessDenied", ERR_AUTH}, {"NotStabilized", ERR_SERVICE}};
    const struct op_ctx ctx = {.address = STR("lake")};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct err err = ERR_INIT;
        snprintf(err.code, sizeof err.code, "%s", cases[i].code);
        cfn_explain(&ctx, &err);
        assert_int_equal(err.class, cases[i].class);
    }
}

/* However long it takes, it is looked at every few seconds. */
static void a_long_request(void **state)
{
    (void)state;
    enum { LOOKS = 200 };
    static const char goes_on[] =
        "{\"ProgressEvent\": {\"RequestToken\": \"t1\", \"OperationStatus\": \"IN_PROGRESS\"}}";
    static struct exchange exchanges[LOOKS];
    for (size_t i = 0; i < LOOKS; i++)
        exchanges[i] =
            (struct exchange){"GetResourceRequestStatus", "{\"RequestToken\":\"t1\"}", goes_on, NULL};
    exchanges[LOOKS - 1].answer =
        "{\"ProgressEvent\": {\"RequestToken\": \"t1\", \"OperationStatus\": \"SUCCESS\"}}";
    play(exchanges, LOOKS);
    struct provider *provider = NULL;
    struct arena arena = ARENA_INIT;
    struct err err = ERR_INIT;
    manual_clock_install(0);
    assert_int_equal(fixed_provider(&provider, &err), 0);
    struct op_ctx ctx = {.arena = &arena, .provider = provider};
    struct cfn_event event = {.token = STR("t1"), .status = STR("IN_PROGRESS")};
    assert_int_equal(cfn_follow(&ctx, &event, &err), 0);
    PLAYED();
    int64_t slept = manual_clock_slept();
    assert_true(slept > (LOOKS - 10) * 5000 && slept < LOOKS * 5000);
    provider_free(provider);
    fixed_release();
    arena_release(&arena);
    manual_clock_remove();
}

#define PROGRESS(status, rest)                                                                               \
    "{\"ProgressEvent\": {\"RequestToken\": \"t\", \"OperationStatus\": \"" status "\"" rest "}}"

/* A role that was created a minute ago is known; before that it may be unknown to a handler. */
static void a_new_role(void **state)
{
    (void)state;
    enum { REFUSED = 12 };
    static const char refused[] =
        PROGRESS("FAILED", ", \"ErrorCode\": \"InvalidRequest\", \"StatusMessage\": \"The role defined for "
                           "the function cannot be "
                           "assumed by Lambda.\"");
    static struct exchange exchanges[REFUSED + 1];
    for (size_t i = 0; i < REFUSED; i++)
        exchanges[i] = (struct exchange){"CreateResource", NULL, refused, NULL};
    exchanges[REFUSED] = (struct exchange){"CreateResource", NULL, PROGRESS("SUCCESS", ""), NULL};
    struct provider *provider = NULL;
    struct arena arena = ARENA_INIT;
    struct err err = ERR_INIT;
    manual_clock_install(1000);
    assert_int_equal(fixed_provider(&provider, &err), 0);
    static const struct schema schema = {.name = STR_INIT("")};
    struct op_ctx ctx = {.arena = &arena, .provider = provider, .schema = &schema};
    const struct cfn_request request = {.operation = "CreateResource", .input = &value_empty_map};
    struct cfn_event event;
    play(exchanges, 1);
    fixed_client.created_ms = 0;
    assert_int_equal(cfn_carry_out(&ctx, &request, &event, &err), -1); /* nothing was created lately */
    PLAYED();
    play(exchanges, REFUSED + 1);
    aws_note_created(provider_aws(provider));
    assert_int_equal(cfn_carry_out(&ctx, &request, &event, &err), 0);
    PLAYED();
    provider_free(provider);
    fixed_release();
    arena_release(&arena);
    manual_clock_remove();
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(every_code_has_a_hint), cmocka_unit_test(classes),
        cmocka_unit_test(a_long_request), cmocka_unit_test(a_new_role)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
