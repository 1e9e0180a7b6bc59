/* Invoke and its responses, and recursive loop detection. */
#include "base/clock.h"
#include "base/file.h"
#include "base/json.h"
#include "base/mem.h"
#include "sandbox/services/lambda/lambda.h"

#include <stdlib.h>

/* ---- Recursive loop detection: the trace header counts how often the chain of events has called each
 * function. Root=1-…;Parent=…;Sampled=0;Lineage=a87bd80c:1|68fd508a:5
 * https://docs.aws.amazon.com/lambda/latest/dg/invocation-recursion.html ---- */

enum { MAX_CALLS = 16 };

static struct str trace_part(struct str trace, const char *name)
{
    for (struct str rest = trace, value; rest.n;) {
        struct str one = str_trim(str_cut(rest, ';', &rest));
        if (str_eqz(str_cut(one, '=', &value), name))
            return value;
    }
    return STR_EMPTY;
}

/* Reads the next HASH:COUNT of a lineage. False: no more. */
static bool lineage_next(struct str *rest, struct str *one, int64_t *count)
{
    struct str number;
    if (!rest->n)
        return false;
    *one = str_cut(*rest, '|', rest);
    str_cut(*one, ':', &number);
    if (!str_to_int(number, count) || *count < 0)
        *count = 0;
    return true;
}

int64_t lambda_chain_length(struct str trace)
{
    int64_t most = -1, count;
    for (struct str rest = trace_part(trace, "Lineage"), one; lineage_next(&rest, &one, &count);)
        most = count > most ? count : most;
    return most;
}

/* Returns the trace header for a call of the function that continues `trace` ("": a new chain). *loops: the
 * chain has called the function too often. */
static struct str lambda_chain_add(struct arena *arena, struct str trace, struct str function, bool *loops)
{
    AUTO_BUF struct buf lineage = BUF_INIT;
    struct str root = trace_part(trace, "Root"), sampled = trace_part(trace, "Sampled"),
               id = arena_printf(arena, "%08x", hash_crc32c(0, function.p, function.n)),
               unique = uuid_random(arena), one;
    int64_t calls = 0, count;
    for (struct str rest = trace_part(trace, "Lineage"); lineage_next(&rest, &one, &count);)
        if (str_starts(one, id))
            calls = count;
        else
            buf_addf(&lineage, "%.*s|", STR_ARG(one));
    *loops = calls >= MAX_CALLS;
    if (!root.n)
        root = arena_printf(arena, "1-%08llx-%.8s%.4s%.12s", (unsigned long long)(clock_wall_ms() / 1000),
            unique.p, unique.p + 9, unique.p + 24);
    return arena_printf(arena, "Root=%.*s;Parent=%.4s%.12s;Sampled=%s;Lineage=%.*s%s:%lld", STR_ARG(root),
        unique.p + 14, unique.p + 24, str_eqz(sampled, "1") ? "1" : "0", STR_ARG(buf_str(&lineage)), id.p,
        (long long)calls + 1);
}

/* Counts a loop in CloudWatch and returns true, unless the function allows loops. */
static bool lambda_chain_stops(struct service_call *call, const struct lambda_function *function)
{
    const struct value *ignored;
    struct arena *arena = call->arena;
    if (function->may_loop)
        return false;
    const struct value *dimension = VALUE_MAP(arena, {STR("Name"), value_stringz(arena, "FunctionName")},
                           {STR("Value"), value_string(arena, function->name)}),
                       *datum = VALUE_MAP(arena,
                           {STR("MetricName"), value_stringz(arena, "RecursiveInvocationsDropped")},
                           {STR("Value"), value_int(arena, 1)}, {STR("Unit"), value_stringz(arena, "Count")},
                           {STR("Dimensions"), value_list(arena, &dimension, 1)});
    const struct service_request request = {.service = STR("monitoring"),
        .operation = STR("PutMetricData"),
        .region = call->region,
        .input = VALUE_MAP(arena, {STR("Namespace"), value_stringz(arena, "AWS/Lambda")},
            {STR("MetricData"), value_list(arena, &datum, 1)})};
    services_call(call->services, arena, &request, &ignored, ERR_IGNORED);
    return true;
}

enum {
    MAX_EVENT = 6 * 1024 * 1024,
    MAX_ASYNC_EVENT = 1024 * 1024,
};

/* ---- one event ---- */

/* Serialised without line breaks, since it becomes a header. */
static int read_client_context(const struct service_call *call, struct str *out, struct err *err)
{
    struct str context = value_gets(call->input, "ClientContext"), text;
    const struct value *v;
    if (!context.n)
        return 0;
    if (!base64_decode(call->arena, context, &text) || json_parse(call->arena, text, &v, ERR_IGNORED) ||
        v->kind != VALUE_MAP)
        return service_refuse(err, 400, "InvalidRequestContentException",
            "Client context must be a valid Base64-encoded JSON object.");
    *out = json_as_text(call->arena, v)->string;
    return 0;
}

static int read_event(
    const struct service_call *call, bool async, struct lambda_invocation *out, struct err *err)
{
    const struct value *parsed;
    struct err wrong = ERR_INIT;
    struct str event = value_gets(call->input, "Payload");
    if (!str_trim(event).n)
        event = STR("{}");
    if (event.n > (async ? MAX_ASYNC_EVENT : MAX_EVENT))
        return service_refuse(err, 413, "RequestTooLargeException",
            "%zu byte payload is too large for the %s invocation type", event.n,
            async ? "Event" : "RequestResponse");
    if (json_parse(call->arena, event, &parsed, &wrong))
        return service_refuse(err, 400, "InvalidRequestContentException",
            "Could not parse request body into json: %s", wrong.message);
    *out = (struct lambda_invocation){.event = event, .client_context = STR_EMPTY};
    if (!async && read_client_context(call, &out->client_context, err))
        return -1;
    out->wants_log = str_eqz(value_gets(call->input, "LogType"), "Tail");
    memcpy(out->id, uuid_random(call->arena).p, sizeof out->id);
    return 0;
}

static const struct value *answer_of(
    struct arena *arena, const struct lambda_function *function, const struct lambda_invocation *invocation)
{
    struct value_builder b = VALUE_BUILDER(arena);
    value_builder_set(&b, STR("StatusCode"), value_int(arena, 200));
    value_builder_set(&b, STR("ExecutedVersion"), value_string(arena, function->version));
    value_builder_set(&b, STR("Payload"), value_string(arena, invocation->answer));
    if (invocation->failed) /* AWS reports handled errors as Unhandled, too */
        value_builder_set(&b, STR("FunctionError"), value_stringz(arena, "Unhandled"));
    if (invocation->wants_log)
        value_builder_set(&b, STR("LogResult"), value_string(arena, base64_encode(arena, invocation->log)));
    return value_builder_map(&b);
}

/* ---- background invocations ---- */

struct lambda_background *lambda_background_new(struct functions *functions,
    const struct lambda_function *function, const struct lambda_invocation *invocation)
{
    struct lambda_background *b = mem_zalloc(sizeof *b);
    struct arena *arena = &b->arena;
    b->functions = functions;
    b->function = lambda_copy(arena, function);
    b->invocation = (struct lambda_invocation){.event = arena_str(arena, invocation->event),
        .trace = arena_str(arena, invocation->trace),
        .loops = invocation->loops,
        .client_context = arena_str(arena, invocation->client_context)};
    memcpy(b->invocation.id, invocation->id, sizeof b->invocation.id);
    return b;
}

void lambda_background_free(void *ctx)
{
    struct lambda_background *b = ctx;
    arena_release(&b->invocation.arena);
    arena_release(&b->arena);
    free(b);
}

static void run_awaited(void *ctx)
{
    struct lambda_background *b = ctx;
    struct err err = ERR_INIT;
    struct activity *activity = b->activity;
    if (instance_invoke(b->functions, &b->function, &b->invocation, &err)) {
        activity_end(activity, ACTIVITY_FAILED, str_z(err.code), str_z(err.message));
    } else {
        b->answer = answer_of(&b->arena, &b->function, &b->invocation);
        bool failed = b->invocation.failed;
        activity_end(activity, failed ? ACTIVITY_FAILED : ACTIVITY_SUCCEEDED,
            failed ? b->invocation.error_type : STR_EMPTY, failed ? b->invocation.answer : STR_EMPTY);
    }
    activity_release(activity);
}

static const struct value *output_of(void *ctx, struct arena *arena)
{
    const struct lambda_background *b = ctx;
    return b->answer ? value_copy(arena, b->answer) : &value_empty_map;
}

int lambda_no_thread(struct err *err)
{
    return service_refuse(err, 500, "ServiceException", "the sandbox can start no more threads");
}

static int invoke_awaited(struct service_call *call, const struct lambda_function *function,
    const struct lambda_invocation *invocation, struct err *err)
{
    static const struct activity_ops ops = {NULL, output_of, lambda_background_free};
    struct lambda_background *b =
        lambda_background_new(services_functions(call->services), function, invocation);
    b->activity = activity_new(call->services, &ops, b);
    activity_set_state(b->activity, ACTIVITY_RUNNING);
    call->activity = activity_keep(b->activity);
    if (!services_thread(call->services, run_awaited, b))
        return 0;
    activity_release(b->activity);
    activity_release(call->activity);
    call->activity = NULL;
    return lambda_no_thread(err);
}

/* ---- the operation ---- */

static void answer_without_payload(struct service_call *call, int status)
{
    call->status = status;
    call->output = VALUE_MAP(call->arena, {STR("StatusCode"), value_int(call->arena, status)},
        {STR("Payload"), &value_empty_string});
}

/* The response body of throttling names the exceeded limit. */
static const struct value *throttling(
    struct arena *arena, const struct lambda_function *function, const struct err *err)
{
    return VALUE_MAP(arena, {STR("Type"), value_stringz(arena, "User")},
        {STR("message"), value_stringz(arena, err->message)},
        {STR("Reason"), value_stringz(arena, function->at_once < 0
                                                 ? "ConcurrentInvocationLimitExceeded"
                                                 : "ReservedFunctionConcurrentInvocationLimitExceeded")});
}

static int lambda_invoke(struct service_call *call, struct err *err)
{
    struct lambda_function function;
    struct lambda_invocation invocation;
    struct functions *functions = services_functions(call->services);
    struct str kind = value_text(value_getz(call->input, "InvocationType"), STR("RequestResponse"));
    bool async = str_eqz(kind, "Event");
    if (lambda_find(call, &function, err) || read_event(call, async, &invocation, err))
        return -1;
    call->request_id = arena_str(call->arena, str_z(invocation.id));
    if (str_eqz(kind, "DryRun")) {
        answer_without_payload(call, 204);
        return 0;
    }
    invocation.trace = lambda_chain_add(call->arena, call->trace, function.arn, &invocation.loops);
    invocation.loops = invocation.loops && lambda_chain_stops(call, &function);
    if (async) {
        answer_without_payload(call, 202);
        return lambda_invoke_async(functions, &function, &invocation, err);
    }
    if (!str_eqz(kind, "RequestResponse"))
        return service_refuse(err, 400, "InvalidParameterValueException",
            "InvocationType is Event, RequestResponse or DryRun, not %.*s", STR_ARG(kind));
    if (invocation.loops)
        return service_refuse(err, 400, "RecursiveInvocationException", LAMBDA_LOOPS);
    if (call->wants_activity)
        return invoke_awaited(call, &function, &invocation, err);
    int status = instance_invoke(functions, &function, &invocation, err);
    if (!status)
        call->output = answer_of(call->arena, &function, &invocation);
    else if (str_eqz(str_z(err->code), "TooManyRequestsException"))
        call->refusal = throttling(call->arena, &function, err);
    arena_release(&invocation.arena);
    return status;
}

const struct service_operation lambda_operations[] = {
    {"lambda", "Invoke", lambda_invoke},
    {"lambda", "GetAccountSettings", lambda_account_settings},
    {"lambda", "CreateFunction", lambda_create_function},
    {"lambda", "UpdateFunctionCode", lambda_update_code},
    {"lambda", "UpdateFunctionConfiguration", lambda_update_configuration},
    {"lambda", "PublishVersion", lambda_publish_version},
    {"lambda", "ListVersionsByFunction", lambda_list_versions},
    {"lambda", "ListFunctions", lambda_list_functions},
    {"lambda", "GetFunction", lambda_get_function},
    {"lambda", "GetFunctionConfiguration", lambda_get_configuration},
    {"lambda", "DeleteFunction", lambda_delete_function},
    {"lambda", "PublishLayerVersion", lambda_publish_layer},
    {"lambda", "GetLayerVersion", lambda_get_layer},
    {"lambda", "GetLayerVersionPolicy", lambda_get_layer_policy},
    {"lambda", "AddLayerVersionPermission", lambda_add_layer_permission},
    {"lambda", "RemoveLayerVersionPermission", lambda_remove_layer_permission},
    {"lambda", "GetPolicy", lambda_get_policy},
    {"lambda", "AddPermission", lambda_add_permission},
    {"lambda", "RemovePermission", lambda_remove_permission},
    {"lambda", "PutFunctionConcurrency", lambda_put_concurrency},
    {"lambda", "ListProvisionedConcurrencyConfigs", lambda_list_provisioned},
    {"lambda", "PutProvisionedConcurrencyConfig", lambda_put_provisioned},
    {"lambda", "GetProvisionedConcurrencyConfig", lambda_get_provisioned},
    {"lambda", "DeleteProvisionedConcurrencyConfig", lambda_delete_provisioned},
    {"lambda", "CreateEventSourceMapping", lambda_create_source},
    {"lambda", "UpdateEventSourceMapping", lambda_update_source},
    {"lambda", "PutFunctionEventInvokeConfig", lambda_put_invoke},
    {"lambda", "UpdateFunctionEventInvokeConfig", lambda_put_invoke},
    {"lambda", "ListFunctionEventInvokeConfigs", lambda_list_invoke},
    {"lambda", "CreateAlias", lambda_alias},
    {"lambda", "UpdateAlias", lambda_alias},
    {"lambda", "CreateFunctionUrlConfig", lambda_url},
    {"lambda", "UpdateFunctionUrlConfig", lambda_url},
    {"lambda", "ListFunctionUrlConfigs", lambda_url},
    {"lambda", "GetLayerVersionByArn", lambda_get_layer_by_arn},
    {"lambda", "ListLayers", lambda_list_layers},
    {0},
};

/* ---- start and end ---- */

int functions_open(struct services *services, struct functions **out, struct err *err)
{
    AUTO_ARENA struct arena arena = ARENA_INIT;
    struct str dir;
    struct functions *functions = mem_zalloc(sizeof *functions);
    functions->services = services;
    pthread_mutex_init(&functions->lock, NULL);
    clock_cond_init(&functions->changed);
    *out = functions;
    /* Files that a killed sandbox left would mix with the code of new instances. */
    tree_remove(arena_printf(&arena, "%s/jobs/functions", sandbox_dir(services_sandbox(services))).p);
    lambda_code_sweep(services);
    return services_dir(services, &arena, "functions", &dir, err);
}

void functions_close(struct functions *functions)
{
    if (!functions)
        return;
    free(functions->instances);
    pthread_cond_destroy(&functions->changed);
    pthread_mutex_destroy(&functions->lock);
    free(functions);
}
