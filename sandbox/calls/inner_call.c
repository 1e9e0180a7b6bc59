/* Operations that the sandbox itself calls: tasks of machines, targets of rules, sources of functions. */
#include "sandbox/calls/services_state.h"

#include <ctype.h>

/* Names that SDKs have for services, where requests are signed with others and errors are called otherwise.
 */
static const struct {
    const char *sdk, *signing, *errors;
} sdk_names[] = {
    {"cloudwatch", "monitoring", "CloudWatch"},
    {"cloudwatchlogs", "logs", "CloudWatchLogs"},
    {"dynamodb", "dynamodb", "DynamoDb"},
    {"emrserverless", "emr-serverless", "EmrServerless"},
    {"eventbridge", "events", "EventBridge"},
    {"mwaa", "airflow", "Mwaa"},
    {"redshiftdata", "redshift-data", "RedshiftData"},
    {"redshiftserverless", "redshift-serverless", "RedshiftServerless"},
    {"s3tables", "s3tables", "S3Tables"},
    {"secretsmanager", "secretsmanager", "SecretsManager"},
    {"sfn", "states", "Sfn"},
};

struct str services_sdk_service(struct str sdk)
{
    for (size_t i = 0; i < sizeof sdk_names / sizeof *sdk_names; i++)
        if (str_eqz(sdk, sdk_names[i].sdk))
            return str_z(sdk_names[i].signing);
    return sdk;
}

struct str services_sdk_errors(struct arena *arena, struct str sdk)
{
    for (size_t i = 0; i < sizeof sdk_names / sizeof *sdk_names; i++)
        if (str_eqz(sdk, sdk_names[i].sdk))
            return str_z(sdk_names[i].errors);
    char *name = arena_strz(arena, sdk);
    name[0] = (char)toupper((unsigned char)name[0]);
    return str_n(name, sdk.n);
}

/* A client's error begins with the code; what is answered has it beside the text. */
static void without_code(struct err *err)
{
    size_t n = strlen(err->code);
    if (n && !strncmp(err->message, err->code, n) && !strncmp(err->message + n, ": ", 2))
        memmove(err->message, err->message + n + 2, strlen(err->message + n + 2) + 1);
}

int services_call_control(struct services *services, struct arena *arena,
    const struct service_request *request, const struct value **output, struct err *err)
{
    struct wire_message in, out;
    struct wire_operation wire;
    /* What others call from inside has the names of SDKs, which are not those on the wire in EC2. */
    if (request->as && control_protocol(services->control, request->service, &wire) &&
        wire.protocol == WIRE_EC2)
        return err_set(err, ERR_INVALID, "the sandbox does not carry out %.*s of %.*s from inside",
            STR_ARG(request->operation), STR_ARG(request->service));
    if (control_request(
            services->control, arena, request->service, request->operation, request->input, &wire, &in, err))
        return -1;
    if (!control_handle(
            services->control, arena, request->service, request->region, &in, STR("inside"), &out))
        return err_set(err, ERR_INVALID, "the sandbox has no service %.*s", STR_ARG(request->service));
    if (!wire_is_error(&out))
        return wire_decode_response(arena, &wire, &out, output, err);
    wire_decode_error(&wire, &out, err);
    without_code(err);
    return -1;
}

struct session services_role_session(struct str role, struct str name)
{
    return (struct session){.role = str_last_part(role, "/"), .name = name};
}

static int may_call_inside(
    struct services *services, struct arena *arena, const struct service_request *request, struct err *err)
{
    if (!request->as)
        return 0;
    const struct gate_request asked = {.who = *request->as,
        .service = request->service,
        .operation = request->operation,
        .region = request->region,
        .input = request->input ? request->input : &value_empty_map};
    return gate_check(sandbox_gate(services->sandbox), arena, &asked, err);
}

static int carry_out(struct service_call *call, const struct service_request *request, struct err *err)
{
    if (service_check_members(call, err) || call->operation->handler(call, err))
        return -1;
    if (call->forward || call->declined) {
        struct service_request changed = *request;
        changed.input = call->forward ? call->forward : request->input;
        return services_call_control(call->services, call->arena, &changed, &call->output, err);
    }
    if (!call->output)
        call->output = &value_empty_map;
    return 0;
}

static int call_inside(struct services *services, struct arena *arena, const struct service_request *request,
    bool wants_activity, struct service_call *call, struct err *err)
{
    struct wire_operation common;
    const struct service_operation *operation =
        service_operation_find(services, request->service, request->operation);
    if (may_call_inside(services, arena, request, err))
        return -1;
    if (!operation)
        return services_call_control(services, arena, request, &call->output, err);
    *call = (struct service_call){.services = services,
        .arena = arena,
        .region = request->region,
        .operation = operation,
        .protocol =
            control_protocol(services->control, request->service, &common) ? common.protocol : WIRE_JSON11,
        .input = request->input ? request->input : &value_empty_map,
        .wants_activity = wants_activity,
        .caller = request->as && session_is_limited(request->as->session) ? request->as->session : NULL};
    AUTO_UNLOCK pthread_mutex_t *held = service_enter(services, operation);
    return carry_out(call, request, err);
}

int services_call(struct services *services, struct arena *arena, const struct service_request *request,
    const struct value **output, struct err *err)
{
    struct service_call call = {0};
    if (call_inside(services, arena, request, false, &call, err))
        return -1;
    *output = call.output;
    return 0;
}

int services_start(struct services *services, struct arena *arena, const struct service_request *request,
    const struct value **output, struct activity **out, struct err *err)
{
    struct service_call call = {0};
    if (call_inside(services, arena, request, true, &call, err))
        return -1;
    if (!call.activity)
        return err_set(err, ERR_INVALID, "%.*s of %.*s starts nothing whose end could be waited for",
            STR_ARG(request->operation), STR_ARG(request->service));
    *output = call.output;
    *out = call.activity;
    return 0;
}
