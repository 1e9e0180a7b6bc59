/* What goes wrong in the Cloud Control API: whatever it is called, there is something to do about it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "provider/cfn/cfn.h"

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

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(every_code_has_a_hint), cmocka_unit_test(classes)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
