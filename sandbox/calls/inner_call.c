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

struct str jobs_sdk_service(struct str sdk)
{
    for (size_t i = 0; i < sizeof sdk_names / sizeof *sdk_names; i++)
        if (str_eqz(sdk, sdk_names[i].sdk))
            return str_z(sdk_names[i].signing);
    return sdk;
}

struct str jobs_sdk_errors(struct arena *arena, struct str sdk)
{
    for (size_t i = 0; i < sizeof sdk_names / sizeof *sdk_names; i++)
        if (str_eqz(sdk, sdk_names[i].sdk))
            return str_z(sdk_names[i].errors);
    char *name = arena_strz(arena, sdk);
    name[0] = (char)toupper((unsigned char)name[0]);
    return str_n(name, sdk.n);
}

int jobs_call_control(struct jobs *jobs, struct arena *arena, const struct job_request *request,
    const struct value **output, struct err *err)
{
    struct wire_message in, out;
    struct wire_operation wire;
    if (control_request(
            jobs->control, arena, request->service, request->operation, request->input, &wire, &in, err))
        return -1;
    if (!control_handle(jobs->control, arena, request->service, request->region, &in, STR("inside"), &out))
        return err_set(err, ERR_INVALID, "the sandbox has no service %.*s", STR_ARG(request->service));
    if (!wire_is_error(&out))
        return wire_decode_response(arena, &wire, &out, output, err);
    wire_decode_error(&wire, &out, err);
    return -1;
}

static int call_inside(struct jobs *jobs, struct arena *arena, const struct job_request *request,
    bool wants_run, struct job_call *call, struct err *err)
{
    struct wire_operation common;
    const struct job_operation *operation = job_operation_find(request->service, request->operation);
    if (!operation)
        return jobs_call_control(jobs, arena, request, &call->output, err);
    *call = (struct job_call){.jobs = jobs,
        .arena = arena,
        .region = request->region,
        .operation = operation,
        .protocol =
            control_protocol(jobs->control, request->service, &common) ? common.protocol : WIRE_JSON11,
        .input = request->input ? request->input : &value_empty_map,
        .wants_run = wants_run};
    if (job_check_members(call, err) || operation->handler(call, err))
        return -1;
    if (call->forward || call->declined) {
        struct job_request changed = *request;
        changed.input = call->forward ? call->forward : request->input;
        return jobs_call_control(jobs, arena, &changed, &call->output, err);
    }
    if (!call->output)
        call->output = &value_empty_map;
    return 0;
}

int jobs_call(struct jobs *jobs, struct arena *arena, const struct job_request *request,
    const struct value **output, struct err *err)
{
    struct job_call call = {0};
    if (call_inside(jobs, arena, request, false, &call, err))
        return -1;
    *output = call.output;
    return 0;
}

int jobs_start(struct jobs *jobs, struct arena *arena, const struct job_request *request,
    const struct value **output, struct job_run **out, struct err *err)
{
    struct job_call call = {0};
    if (call_inside(jobs, arena, request, true, &call, err))
        return -1;
    if (!call.run)
        return err_set(err, ERR_INVALID, "%.*s of %.*s starts nothing whose end could be waited for",
            STR_ARG(request->operation), STR_ARG(request->service));
    *output = call.output;
    *out = call.run;
    return 0;
}
