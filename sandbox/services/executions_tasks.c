/*
 * What tasks do. arn:aws:states:::glue:startJobRun.sync is StartJobRun of Glue, called inside the sandbox,
 * and the end of what it starts; aws-sdk:glue:getJob is GetJob as it is.
 */
#include "sandbox/services/executions.h"

#include "base/clock.h"
#include "base/hash.h"
#include "base/json.h"
#include "sandbox/calls/services_state.h"

#include <ctype.h>

enum { LOOK_AGAIN_MS = 50 };

enum {
    SYNC = 1,  /* .sync is there */
    TOKEN = 2, /* .waitForTaskToken too */
    CAMEL = 4, /* the service's members begin with a small letter; in a machine they do not */
};

static const struct integration {
    const char *service, *action, *signing_name, *operation, *errors;
    unsigned flags;
    const char *text;   /* a member that may be given as JSON and goes as text */
    const char *around; /* what the end is a member of */
} integrations[] = {
    {"lambda", "invoke", "lambda", "Invoke", "Lambda", .flags = TOKEN},
    {"glue", "startJobRun", "glue", "StartJobRun", "Glue", .flags = SYNC},
    {"batch", "submitJob", "batch", "SubmitJob", "Batch", .flags = SYNC | CAMEL},
    {"ecs", "runTask", "ecs", "RunTask", "ECS", .flags = SYNC | TOKEN | CAMEL},
    {"emr-serverless", "startJobRun", "emr-serverless", "StartJobRun", "EmrServerless",
        .flags = SYNC | CAMEL},
    {"athena", "startQueryExecution", "athena", "StartQueryExecution", "Athena", .flags = SYNC,
        .around = "QueryExecution"},
    {"athena", "stopQueryExecution", "athena", "StopQueryExecution", "Athena", .flags = 0},
    {"athena", "getQueryExecution", "athena", "GetQueryExecution", "Athena", .flags = 0},
    {"athena", "getQueryResults", "athena", "GetQueryResults", "Athena", .flags = 0},
    {"states", "startExecution", "states", "StartExecution", "StepFunctions", .flags = SYNC | TOKEN | CAMEL,
        .text = "Input"},
    {"sns", "publish", "sns", "Publish", "SNS", .flags = TOKEN, .text = "Message"},
    {"sqs", "sendMessage", "sqs", "SendMessage", "SQS", .flags = TOKEN, .text = "MessageBody"},
    {"events", "putEvents", "events", "PutEvents", "EventBridge", .flags = TOKEN, .text = "Detail"},
    {"dynamodb", "getItem", "dynamodb", "GetItem", "DynamoDB", .flags = 0},
    {"dynamodb", "putItem", "dynamodb", "PutItem", "DynamoDB", .flags = 0},
    {"dynamodb", "updateItem", "dynamodb", "UpdateItem", "DynamoDB", .flags = 0},
    {"dynamodb", "deleteItem", "dynamodb", "DeleteItem", "DynamoDB", .flags = 0},
};

/* What a task is to do, read from its resource. */
struct work {
    struct execution *execution;
    struct arena *arena;
    struct asl_task *task;
    struct asl_error *error;
    struct str service, action; /* as in the ARN: "glue", "startJobRun.sync" */
    struct str signing_name, operation, errors;
    unsigned flags;
    const char *text, *around;
    bool sync, json_output, token;
    bool refused;          /* before anything was started whose end is waited for */
    bool lambda, function; /* function: a Lambda function's own ARN */
    bool activity;
    struct str worker; /* of an activity */
    struct activity *run;
    int64_t deadline_ms; /* on the monotonic clock; 0: none */
};

static const struct value *executions_tasks_fail(struct work *work, const char *name, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

static const struct value *executions_tasks_fail(struct work *work, const char *name, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    work->error->cause = arena_vprintf(work->arena, format, args);
    va_end(args);
    work->error->name = arena_str(work->arena, str_z(name));
    return NULL;
}

/* ---- reading the resource ---- */

static struct str capitalized(struct arena *arena, struct str name)
{
    char *copy = arena_strz(arena, name);
    copy[0] = (char)toupper((unsigned char)copy[0]);
    return str_n(copy, name.n);
}

static bool read_sdk(struct work *work, struct str rest)
{
    struct str action, service = str_cut(rest, ':', &action);
    if (!action.n)
        return false;
    work->service = arena_printf(work->arena, "aws-sdk:%.*s", STR_ARG(service));
    work->signing_name = services_sdk_service(service);
    work->operation = capitalized(work->arena, action);
    work->errors = services_sdk_errors(work->arena, service);
    bool camel = control_is_camel(services_control(work->execution->all->services), work->signing_name);
    work->flags = TOKEN | (camel ? CAMEL : 0);
    return true;
}

static bool read_integration(struct work *work, struct str action)
{
    for (size_t i = 0; i < sizeof integrations / sizeof *integrations; i++) {
        const struct integration *known = &integrations[i];
        if (!str_eqz(work->service, known->service) || !str_eqz(action, known->action))
            continue;
        work->signing_name = str_z(known->signing_name);
        work->operation = str_z(known->operation);
        work->errors = str_z(known->errors);
        work->flags = known->flags;
        work->text = known->text;
        work->around = known->around;
        return true;
    }
    return false;
}

static bool read_pattern(struct work *work, struct str pattern)
{
    work->token = str_eqz(pattern, "waitForTaskToken");
    work->json_output = str_eqz(pattern, "sync:2");
    work->sync = work->json_output || str_eqz(pattern, "sync");
    return !pattern.n || (work->token && (work->flags & TOKEN)) || (work->sync && (work->flags & SYNC));
}

/* arn:aws:states:::SERVICE:ACTION[.PATTERN], or a function's ARN. */
static bool read_resource(struct work *work)
{
    struct str resource = work->task->resource, pattern;
    if (str_find(resource, STR(":lambda:"), 0) > 0 && str_find(resource, STR(":function:"), 0) > 0) {
        work->function = work->lambda = true;
        work->signing_name = STR("lambda");
        work->operation = STR("Invoke");
        work->errors = STR("Lambda");
        return true;
    }
    work->activity =
        str_find(resource, STR(":states:"), 0) > 0 && str_find(resource, STR(":activity:"), 0) > 0;
    ptrdiff_t start = str_find(resource, STR(":states:::"), 0);
    if (start < 0)
        return work->activity;
    struct str rest = str_slice(resource, (size_t)start + 10, resource.n), action;
    work->service = str_cut(rest, ':', &action);
    work->action = action.p ? action : STR_EMPTY;
    bool sdk = str_eqz(work->service, "aws-sdk");
    rest = str_cut(work->action, '.', &pattern);
    pattern = pattern.p ? pattern : STR_EMPTY;
    if (sdk) {
        str_cut(work->action, ':', &action);
        work->action = action.p ? action : STR_EMPTY;
    }
    bool known = (sdk ? read_sdk(work, rest) : read_integration(work, rest)) && read_pattern(work, pattern);
    work->lambda = known && str_eqz(work->signing_name, "lambda") && str_eqz(work->operation, "Invoke");
    return known;
}

/* ---- names of members ---- */

/* Maps whose keys are the user's own. */
static bool is_free(struct str key)
{
    static const char *const names[] = {"tags", "parameters", "properties", "variables", "arguments"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if (str_ieq(key, str_z(names[i])))
            return true;
    return false;
}

static const struct value *recased(struct arena *arena, const struct value *v, int (*change)(int))
{
    struct value_builder b = VALUE_BUILDER(arena);
    if (v->kind != VALUE_LIST && v->kind != VALUE_MAP)
        return v;
    for (uint32_t i = 0; v->kind == VALUE_LIST && i < v->count; i++)
        value_builder_add(&b, recased(arena, v->items[i], change));
    if (v->kind == VALUE_LIST)
        return value_builder_list(&b);
    for (uint32_t i = 0; i < v->count; i++) {
        char *key = arena_strz(arena, v->entries[i].key);
        key[0] = (char)change((unsigned char)key[0]);
        struct str name = str_n(key, v->entries[i].key.n);
        const struct value *inner = v->entries[i].value;
        value_builder_set(&b, name, is_free(name) ? inner : recased(arena, inner, change));
    }
    return value_builder_map(&b);
}

/* JSON where the service wants text; of events in each entry. */
static const struct value *with_text(struct work *work, const struct value *input)
{
    struct arena *arena = work->arena;
    const struct value *v = work->text ? value_getz(input, work->text) : NULL;
    const struct value *entries = work->text ? value_getz(input, "Entries") : NULL;
    if (v && v->kind != VALUE_STRING)
        return value_with(arena, input, str_z(work->text), json_as_text(arena, v));
    if (!entries || entries->kind != VALUE_LIST)
        return input;
    struct value_builder b = VALUE_BUILDER(arena);
    for (uint32_t i = 0; i < entries->count; i++)
        value_builder_add(&b, with_text(work, entries->items[i]));
    return value_with(arena, input, STR("Entries"), value_builder_list(&b));
}

static const struct value *request_of(struct work *work)
{
    const struct value *input = work->task->input;
    if (work->function) {
        struct value_entry call[] = {{STR("FunctionName"), value_string(work->arena, work->task->resource)},
            {STR("Payload"), json_as_text(work->arena, input)}};
        return value_map(work->arena, call, 2);
    }
    const struct value *payload = work->lambda ? value_getz(input, "Payload") : NULL;
    if (payload)
        return value_with(work->arena, input, STR("Payload"), json_as_text(work->arena, payload));
    input = with_text(work, input->kind == VALUE_MAP ? input : &value_empty_map);
    return work->flags & CAMEL ? recased(work->arena, input, tolower) : input;
}

/* ---- history ---- */

static void executions_tasks_put(struct value_builder *b, const char *key, const struct value *v)
{
    if (v)
        value_builder_set(b, str_z(key), v);
}

static const struct value *text_or_null(struct work *work, struct str s)
{
    return s.n ? value_string(work->arena, s) : NULL;
}

/* What a task that was begun tells of itself. */
static void put_begin(struct work *work, struct value_builder *b)
{
    bool named = work->function || work->activity;
    if (named) {
        executions_tasks_put(b, "resource", value_string(work->arena, work->task->resource));
    } else {
        executions_tasks_put(b, "resourceType", value_string(work->arena, work->service));
        executions_tasks_put(b, "resource", value_string(work->arena, work->action));
        executions_tasks_put(b, "region", value_string(work->arena, work->execution->region));
    }
    if (work->task->timeout_ms)
        executions_tasks_put(
            b, "timeoutInSeconds", value_int(work->arena, (work->task->timeout_ms + 999) / 1000));
    if (work->task->heartbeat_ms && !work->function)
        executions_tasks_put(
            b, "heartbeatInSeconds", value_int(work->arena, work->task->heartbeat_ms / 1000));
    executions_tasks_put(b, named ? "input" : "parameters", json_as_text(work->arena, work->task->input));
}

/* TaskScheduled and its kin, or LambdaFunctionScheduled, or ActivityScheduled and theirs. */
static void executions_tasks_note(struct work *work, const char *what, const struct value *output)
{
    static const char *const kinds[][2] = {
        {"Task", "task"}, {"LambdaFunction", "lambdaFunction"}, {"Activity", "activity"}};
    const char *const *kind = kinds[work->function ? 1 : work->activity ? 2 : 0];
    struct arena *arena = work->arena;
    if (work->task->quiet)
        return;
    AUTO_BUILDER struct value_builder b = VALUE_BUILDER(arena);
    bool scheduled = str_eqz(str_z(what), "Scheduled"),
         bare = work->function && str_eqz(str_z(what), "Started");
    if (scheduled) {
        put_begin(work, &b);
    } else if (!work->function && !work->activity) {
        executions_tasks_put(&b, "resourceType", value_string(arena, work->service));
        executions_tasks_put(&b, "resource", value_string(arena, work->action));
    }
    if (work->activity && str_eqz(str_z(what), "Started"))
        executions_tasks_put(&b, "workerName", text_or_null(work, work->worker));
    if (output)
        executions_tasks_put(&b, "output", json_as_text(arena, output));
    if (work->error->name.n) {
        executions_tasks_put(&b, "error", text_or_null(work, work->error->name));
        executions_tasks_put(&b, "cause", text_or_null(work, work->error->cause));
    }
    work->task->event =
        execution_event(work->execution, work->task->event, arena_printf(arena, "%s%s", kind[0], what).p,
            bare ? NULL : arena_printf(arena, "%s%sEventDetails", kind[1], what).p,
            bare ? NULL : value_builder_map(&b));
}

/* ---- waiting ---- */

static bool is_over(const struct work *work)
{
    return work->deadline_ms && clock_mono_ms() >= work->deadline_ms;
}

/* With the sandbox the whole execution ends; otherwise it may be just this branch that was stopped. */
static void stopped(struct work *work)
{
    if (services_stopping(work->execution->all->services))
        atomic_store(&work->execution->scope.stopped, true);
}

/* The end of the run. NULL with the error: timed out, or stopped with all of the branch. */
static bool wait_for_run(struct work *work)
{
    while (!activity_wait(work->run, LOOK_AGAIN_MS)) {
        stopped(work);
        bool over = is_over(work);
        if (!over && !asl_stopped(work->task->scope))
            continue;
        activity_stop(work->run);
        if (over)
            executions_tasks_fail(work, "States.Timeout", "The task did not end within %lld seconds",
                (long long)work->task->timeout_ms / 1000);
        return false;
    }
    return true;
}

static struct str executions_tasks_text_of(struct arena *arena, const struct value *v)
{
    return value_is_null(v) ? STR_EMPTY : json_as_text(arena, v)->string;
}

/* A nested execution's output: text, or with sync:2 what the text says. */
static const struct value *with_json(struct work *work, const struct value *output)
{
    static const char *const members[] = {"Input", "Output"};
    for (size_t i = 0; i < 2 && work->json_output; i++) {
        const struct value *v = value_getz(output, members[i]), *parsed;
        struct err err = ERR_INIT;
        if (v && v->kind == VALUE_STRING && !json_parse(work->arena, v->string, &parsed, &err))
            output = value_with(work->arena, output, str_z(members[i]), parsed);
    }
    return output;
}

static const struct value *named_output(struct work *work, const struct value *output)
{
    output = work->flags & CAMEL ? recased(work->arena, output, toupper) : output;
    return with_json(work, output);
}

/* A function's answer is JSON text; its own ARN gives just that, lambda:invoke what surrounds it too. */
static const struct value *with_payload(struct work *work, const struct value *output)
{
    const struct value *payload = value_getz(output, "Payload"), *parsed;
    struct err err = ERR_INIT;
    if (payload && payload->kind == VALUE_STRING && !json_parse(work->arena, payload->string, &parsed, &err))
        payload = parsed;
    if (work->function)
        return payload ? payload : &value_null;
    return payload ? value_with(work->arena, output, STR("Payload"), payload) : output;
}

static const struct value *end_of_run(struct work *work)
{
    struct activity_result result;
    activity_result(work->run, work->arena, &result);
    const struct value *output = result.output ? result.output : &value_empty_map;
    output = work->lambda ? with_payload(work, output) : named_output(work, output);
    if (work->around)
        output = value_with(work->arena, NULL, str_z(work->around), output);
    if (result.state == ACTIVITY_SUCCEEDED)
        return output;
    struct str said =
        work->lambda && result.cause.n ? result.cause : executions_tasks_text_of(work->arena, output);
    return executions_tasks_fail(
        work, work->lambda && result.error.n ? result.error.p : "States.TaskFailed", "%.*s", STR_ARG(said));
}

/* ---- calling ---- */

static const struct value *executions_tasks_refused(struct work *work, const struct err *err)
{
    if (!err->code[0] || str_starts(str_z(err->code), STR("UnknownOperation")))
        return executions_tasks_fail(work, "States.Runtime",
            "The sandbox cannot carry out the resource '%.*s': %s", STR_ARG(work->task->resource),
            err->message);
    struct str code = str_z(err->code);
    bool suffix = str_ends(code, STR("Exception")) || str_ends(code, STR("Error"));
    return executions_tasks_fail(work,
        arena_printf(work->arena, "%.*s.%s%s", STR_ARG(work->errors), err->code, suffix ? "" : "Exception").p,
        "%s", err->message);
}

static int executions_tasks_call(struct work *work, const struct value **answer)
{
    struct err err = ERR_INIT;
    struct services *services = work->execution->all->services;
    struct str kind = value_gets(work->task->input, "InvocationType");
    bool alone = !work->function && (str_eqz(kind, "Event") || str_eqz(kind, "DryRun"));
    bool waits = work->sync || (work->lambda && !alone);
    const struct session session = services_role_session(work->execution->role, work->execution->name);
    const struct gate_caller caller = {.session = &session};
    struct service_request request = {.service = work->signing_name,
        .operation = work->operation,
        .region = work->execution->region,
        .input = request_of(work),
        .as = &caller};
    int status = waits ? services_start(services, work->arena, &request, answer, &work->run, &err)
                       : services_call(services, work->arena, &request, answer, &err);
    if (status)
        executions_tasks_refused(work, &err);
    return status;
}

static const struct value *wait_for_token(struct work *work, struct task_token *token)
{
    const struct value *output = NULL;
    switch (task_token_wait(token, work->arena, work->task, &output, work->error)) {
    case TOKEN_DONE: return output;
    case TOKEN_FAILED: return NULL;
    case TOKEN_TIMEOUT:
        return executions_tasks_fail(work, "States.Timeout", "Nobody answered for the task's token in time");
    case TOKEN_NO_HEARTBEAT:
        return executions_tasks_fail(work, "States.HeartbeatTimeout", "There was no heartbeat in time");
    case TOKEN_STOPPED: stopped(work); return NULL;
    }
    return NULL;
}

static const struct value *executions_tasks_carry_out(struct work *work)
{
    const struct value *answer = NULL;
    struct task_token *token = work->token ? task_token_new(work->execution->all, work->task->token) : NULL;
    executions_tasks_note(work, "Started", NULL);
    if (!executions_tasks_call(work, &answer)) {
        if (work->token || work->sync)
            executions_tasks_note(work, "Submitted", answer);
        if (work->run && wait_for_run(work))
            answer = end_of_run(work);
        else if (work->run)
            answer = NULL;
        else
            answer = named_output(work, answer);
        if (answer && token)
            answer = wait_for_token(work, token);
    } else {
        answer = NULL;
        work->refused = work->token || work->sync;
    }
    activity_release(work->run);
    if (token)
        task_token_free(work->execution->all, token);
    return answer;
}

/* ---- activities ---- */

static bool activity_exists(struct work *work)
{
    struct control_record record;
    struct execution *execution = work->execution;
    if (control_find(services_control(execution->all->services), work->arena, STR("aws.states.activity"),
            execution->region, work->task->resource, &record))
        return true;
    executions_tasks_fail(
        work, "ActivityDoesNotExist", "The activity '%.*s' does not exist", STR_ARG(work->task->resource));
    return false;
}

/* Its time begins when a worker takes it; the execution's has begun. */
static const struct value *wait_for_worker(struct work *work, struct task_token *token)
{
    int64_t deadline = clock_mono_ms() + work->task->left_ms;
    switch (task_token_wait_taken(token, work->task, &work->worker)) {
    case TOKEN_DONE: break;
    case TOKEN_STOPPED: stopped(work); return NULL;
    default: return executions_tasks_fail(work, "States.Timeout", "No worker took the task in time");
    }
    executions_tasks_note(work, "Started", NULL);
    int64_t left = work->task->left_ms ? deadline - clock_mono_ms() : INT64_MAX;
    if (work->task->timeout_ms > left)
        work->task->timeout_ms = left > 1 ? left : 1;
    return wait_for_token(work, token);
}

static const struct value *carry_out_activity(struct work *work)
{
    uint64_t random[4];
    hash_random(random, sizeof random);
    struct str input = json_as_text(work->arena, work->task->input)->string;
    struct task_token *token =
        task_token_new(work->execution->all, hex_encode(work->arena, random, sizeof random));
    task_token_offer(token, work->task->resource, input);
    const struct value *answer = wait_for_worker(work, token);
    task_token_free(work->execution->all, token);
    return answer;
}

const struct value *execution_task(
    struct execution *execution, struct arena *arena, struct asl_task *task, struct asl_error *error)
{
    struct work work = {.execution = execution, .arena = arena, .task = task, .error = error};
    work.deadline_ms = task->timeout_ms ? clock_mono_ms() + task->timeout_ms : 0;
    if (!read_resource(&work))
        return executions_tasks_fail(&work, "States.Runtime",
            "The sandbox cannot carry out the resource '%.*s'", STR_ARG(task->resource));
    if (work.activity && !activity_exists(&work)) {
        executions_tasks_note(&work, "ScheduleFailed", NULL);
        return NULL;
    }
    executions_tasks_note(&work, "Scheduled", NULL);
    const struct value *answer =
        work.activity ? carry_out_activity(&work) : executions_tasks_carry_out(&work);
    if (answer)
        executions_tasks_note(&work, "Succeeded", answer);
    else if (str_eqz(error->name, "States.Timeout") || str_eqz(error->name, "States.HeartbeatTimeout"))
        executions_tasks_note(&work, "TimedOut", NULL);
    else if (error->name.n)
        executions_tasks_note(&work, work.refused ? "SubmitFailed" : "Failed", NULL);
    return answer;
}
