/*
 * Platform applications and SMS, which the sandbox does not send to. Invalid requests get AWS's errors, valid
 * ones are refused by name.
 */
#include "sandbox/services/sns/sns.h"

#include "sandbox/services/shared/tables.h"

static int refuse_devices(const struct service_call *call, struct err *err)
{
    return service_refuse(
        err, 400, "InvalidAction", "%s: the sandbox sends nothing to phones and apps", call->operation->name);
}

/* ---- platform applications ---- */

static int create_app(struct service_call *call, struct err *err)
{
    const struct value *given = sns_by_name(call->arena, value_getz(call->input, "Attributes"));
    bool principal = value_getz(given, "PlatformPrincipal"), secret = value_getz(given, "PlatformCredential");
    if (!given->count)
        return sns_refuse_null("attributes", err);
    if (principal != secret)
        return sns_refuse(err, "Attributes Reason: %s attribute provided without %s",
            principal ? "PlatformPrincipal" : "PlatformCredential",
            principal ? "PlatformCredential" : "PlatformPrincipal");
    return refuse_devices(call, err);
}

static int check_app(const struct service_call *call, struct err *err)
{
    return sns_check_arn(
        call, value_gets(call->input, "PlatformApplicationArn"), "PlatformApplicationArn", err);
}

static int no_app(struct service_call *call, struct err *err)
{
    if (check_app(call, err))
        return -1;
    return service_refuse(err, 404, "NotFound", "PlatformApplication does not exist");
}

static int no_endpoint(struct service_call *call, struct err *err)
{
    if (sns_check_arn(call, value_gets(call->input, "EndpointArn"), "EndpointArn", err))
        return -1;
    return service_refuse(err, 404, "NotFound", "Endpoint does not exist");
}

static bool lacks_attributes(const struct service_call *call)
{
    return !sns_by_name(call->arena, value_getz(call->input, "Attributes"))->count;
}

static int set_app(struct service_call *call, struct err *err)
{
    if (check_app(call, err))
        return -1;
    return lacks_attributes(call) ? sns_refuse_null("attributes", err) : no_app(call, err);
}

static int set_endpoint(struct service_call *call, struct err *err)
{
    return lacks_attributes(call) ? sns_refuse_null("attributes", err) : no_endpoint(call, err);
}

/* ---- SMS ---- */

static int set_sms(struct service_call *call, struct err *err)
{
    const struct value *given = sns_by_name(call->arena, value_getz(call->input, "attributes"));
    for (uint32_t i = 0; i < given->count; i++) {
        struct str key = given->entries[i].key, v = value_text(given->entries[i].value, STR_EMPTY);
        if (!str_is_any(key, "MonthlySpendLimit DeliveryStatusIAMRole DeliveryStatusSuccessSamplingRate "
                             "DefaultSenderID DefaultSMSType UsageReportS3Bucket"))
            return service_refuse(
                err, 400, "InvalidParameter", "%.*s is not a valid attribute", STR_ARG(key));
        if (str_eqz(key, "DefaultSMSType") && !str_eqz(v, "Promotional") && !str_eqz(v, "Transactional"))
            return service_refuse(err, 400, "InvalidParameter", "DefaultSMSType is invalid");
    }
    return refuse_devices(call, err);
}

/* Succeeds, since no number has opted out. */
static int opt_in(struct service_call *call, struct err *err)
{
    if (!sns_is_phone_number(value_gets(call->input, "phoneNumber")))
        return sns_refuse(err, "PhoneNumber Reason: input incorrectly formatted");
    return 0;
}

const struct service_operation devices_operations[] = {
    {"sns", "CreatePlatformApplication", create_app},
    {"sns", "GetPlatformApplicationAttributes", no_app},
    {"sns", "SetPlatformApplicationAttributes", set_app},
    {"sns", "ListEndpointsByPlatformApplication", no_app},
    {"sns", "CreatePlatformEndpoint", no_app},
    {"sns", "GetEndpointAttributes", no_endpoint},
    {"sns", "SetEndpointAttributes", set_endpoint},
    {"sns", "SetSMSAttributes", set_sms},
    {"sns", "OptInPhoneNumber", opt_in},
    {0},
};
