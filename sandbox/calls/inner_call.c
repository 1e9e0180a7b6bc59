/* Operations called by the sandbox itself; activities and waiting for their end; notes beside records. */
#include "base/clock.h"
#include "base/file.h"
#include "base/hash.h"
#include "base/json.h"
#include "base/mem.h"
#include "sandbox/calls/services_state.h"

#include <ctype.h>
#include <stdlib.h>

/* Service names in SDK integrations, with the signing name and the prefix of error names. */
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

/* Removes the code that a decoded error's message begins with, since a response has it separately. */
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
    /* Inner calls of state machines use the SDK's member names, which differ from EC2's wire names. */
    if (request->as && control_protocol(services->control, request->service, &wire) &&
        wire.protocol == WIRE_EC2)
        return err_set(err, ERR_INVALID, "the sandbox does not execute %.*s of %.*s for its own services",
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
        .trace = request->trace,
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

/* ---- activities ---- */

struct activity {
    struct services *services;
    const struct activity_ops *ops;
    void *ctx;
    atomic_int references;
    /* guarded by services->lock */
    enum activity_state state;
    struct arena arena; /* holds error and cause */
    struct str error, cause;
};

int services_start(struct services *services, struct arena *arena, const struct service_request *request,
    const struct value **output, struct activity **out, struct err *err)
{
    struct service_call call = {0};
    if (call_inside(services, arena, request, true, &call, err))
        return -1;
    if (!call.activity)
        return err_set(err, ERR_INVALID, "%.*s of %.*s starts nothing that can be waited for",
            STR_ARG(request->operation), STR_ARG(request->service));
    *output = call.output;
    *out = call.activity;
    return 0;
}

struct activity *activity_new(struct services *services, const struct activity_ops *ops, void *ctx)
{
    struct activity *activity = mem_zalloc(sizeof *activity);
    activity->services = services;
    activity->ops = ops;
    activity->ctx = ctx;
    atomic_init(&activity->references, 1);
    return activity;
}

struct activity *activity_keep(struct activity *activity)
{
    atomic_fetch_add(&activity->references, 1);
    return activity;
}

void activity_release(struct activity *activity)
{
    if (!activity || atomic_fetch_sub(&activity->references, 1) > 1)
        return;
    if (activity->ops->free)
        activity->ops->free(activity->ctx);
    arena_release(&activity->arena);
    free(activity);
}

void activity_set_state(struct activity *activity, enum activity_state state)
{
    AUTO_UNLOCK pthread_mutex_t *held = mutex_hold(&activity->services->lock);
    if (activity->state < ACTIVITY_SUCCEEDED)
        activity->state = state;
}

enum activity_state activity_state_locked(const struct activity *activity)
{
    return activity->state;
}

static enum activity_state state_now(struct activity *activity)
{
    AUTO_UNLOCK pthread_mutex_t *held = mutex_hold(&activity->services->lock);
    enum activity_state state = activity->state;
    return state;
}

void activity_end(struct activity *activity, enum activity_state state, struct str error, struct str cause)
{
    AUTO_UNLOCK pthread_mutex_t *held = mutex_hold(&activity->services->lock);
    if (activity->state < ACTIVITY_SUCCEEDED) {
        activity->state = state;
        activity->error = arena_str(&activity->arena, error);
        activity->cause = arena_str(&activity->arena, cause);
        pthread_cond_broadcast(&activity->services->changed);
    }
}

bool activity_wait(struct activity *activity, int64_t timeout_ms)
{
    struct services *services = activity->services;
    int64_t deadline = timeout_ms < 0 ? -1 : clock_mono_ms() + timeout_ms;
    AUTO_UNLOCK pthread_mutex_t *held = mutex_hold(&services->lock);
    while (activity->state < ACTIVITY_SUCCEEDED && !services->stopping && services_wait(services, deadline))
        ;
    return activity->state >= ACTIVITY_SUCCEEDED;
}

void activity_stop(struct activity *activity)
{
    if (state_now(activity) < ACTIVITY_SUCCEEDED && activity->ops->stop)
        activity->ops->stop(activity->ctx);
}

void activity_result(struct activity *activity, struct arena *arena, struct activity_result *out)
{
    pthread_mutex_lock(&activity->services->lock);
    *out = (struct activity_result){.state = activity->state,
        .error = arena_str(arena, activity->error),
        .cause = arena_str(arena, activity->cause)};
    pthread_mutex_unlock(&activity->services->lock);
    out->output = activity->ops->output ? activity->ops->output(activity->ctx, arena) : &value_empty_map;
}

/* ---- notes: files that services store beside a record of the control plane ---- */

enum { MAX_FILE = 64 * 1024 * 1024 };

static int path_of(const struct service_call *call, const char *kind, const struct control_record *record,
    struct str *out, struct err *err)
{
    struct str dir;
    struct str whole = arena_printf(call->arena, "%.*s\n%.*s", STR_ARG(record->region), STR_ARG(record->id));
    if (services_dir(call->services, call->arena, kind, &dir, err))
        return -1;
    *out = arena_printf(call->arena, "%s/%.32s.json", dir.p, sha256_hex(call->arena, whole).p);
    return 0;
}

const struct value *service_note_read(
    const struct service_call *call, const char *kind, const struct control_record *record)
{
    struct str path, text;
    const struct value *note;
    if (path_of(call, kind, record, &path, ERR_IGNORED) ||
        file_read(call->arena, path.p, MAX_FILE, &text, ERR_IGNORED) ||
        json_parse(call->arena, text, &note, ERR_IGNORED) ||
        service_int(note, "made", 0) != record->created_ms)
        return &value_empty_map;
    return note;
}

/* Refuses to overwrite a note that cannot be read, so that its data is not lost. */
static int check_kept(const struct service_call *call, struct str path, struct err *err)
{
    struct str text;
    const struct value *kept;
    if (!path_exists(path.p) ||
        (!file_read(call->arena, path.p, MAX_FILE, &text, err) && !json_parse(call->arena, text, &kept, err)))
        return 0;
    err_context(err, "%.*s is kept as it is", STR_ARG(path));
    return -1;
}

int service_cannot_store(const struct service_call *call, const struct err *why, struct err *err)
{
    static const struct {
        const char *service, *code;
    } codes[] = {{"ec2", "InternalError"}, {"kms", "KMSInternalException"},
        {"glue", "InternalServiceException"}, {"monitoring", "InternalServiceFault"},
        {"lambda", "ServiceException"}, {"states", "InternalServerException"}, {"ecr", "ServerException"},
        {"secretsmanager", "InternalServiceError"}, {"ssm", "InternalServerError"}};
    const char *code = "InternalFailure";
    for (size_t i = 0; call->operation && i < sizeof codes / sizeof *codes; i++)
        if (!strcmp(call->operation->service, codes[i].service))
            code = codes[i].code;
    return service_refuse(err, 500, code, "%s", why->message);
}

int service_note_write(const struct service_call *call, const char *kind, const struct control_record *record,
    const struct value *note, struct err *err)
{
    AUTO_BUF struct buf text = BUF_INIT;
    struct str path;
    struct err why = ERR_INIT;
    note = value_with(call->arena, note, STR("id"), value_string(call->arena, record->id));
    note = value_with(call->arena, note, STR("made"), value_int(call->arena, record->created_ms));
    json_write(&text, note, JSON_PLAIN);
    return path_of(call, kind, record, &path, &why) || check_kept(call, path, &why) ||
                   file_write_atomic(path.p, buf_str(&text), 0600, &why)
               ? service_cannot_store(call, &why, err)
               : 0;
}

const struct value *service_note_list(const struct service_call *call, const char *kind,
    const struct control_record *record, const char *member)
{
    return value_as_list(value_getz(service_note_read(call, kind, record), member));
}

int service_note_list_write(const struct service_call *call, const char *kind,
    const struct control_record *record, const char *member, const struct value *list, struct err *err)
{
    return service_note_write(call, kind, record, value_with(call->arena, NULL, str_z(member), list), err);
}
