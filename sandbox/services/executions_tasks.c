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
struct errand {
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

static const struct value *executions_tasks_fail(
    struct errand *errand, const char *name, const char *format, ...) __attribute__((format(printf, 3, 4)));

static const struct value *executions_tasks_fail(
    struct errand *errand, const char *name, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    errand->error->cause = arena_vprintf(errand->arena, format, args);
    va_end(args);
    errand->error->name = arena_str(errand->arena, str_z(name));
    return NULL;
}

/* ---- reading the resource ---- */

static struct str capitalized(struct arena *arena, struct str name)
{
    char *copy = arena_strz(arena, name);
    copy[0] = (char)toupper((unsigned char)copy[0]);
    return str_n(copy, name.n);
}

static bool read_sdk(struct errand *errand, struct str rest)
{
    struct str action, service = str_cut(rest, ':', &action);
    if (!action.n)
        return false;
    errand->service = arena_printf(errand->arena, "aws-sdk:%.*s", STR_ARG(service));
    errand->signing_name = services_sdk_service(service);
    errand->operation = capitalized(errand->arena, action);
    errand->errors = services_sdk_errors(errand->arena, service);
    bool camel = control_is_camel(services_control(errand->execution->all->services), errand->signing_name);
    errand->flags = TOKEN | (camel ? CAMEL : 0);
    return true;
}

static bool read_integration(struct errand *errand, struct str action)
{
    for (size_t i = 0; i < sizeof integrations / sizeof *integrations; i++) {
        const struct integration *known = &integrations[i];
        if (!str_eqz(errand->service, known->service) || !str_eqz(action, known->action))
            continue;
        errand->signing_name = str_z(known->signing_name);
        errand->operation = str_z(known->operation);
        errand->errors = str_z(known->errors);
        errand->flags = known->flags;
        errand->text = known->text;
        errand->around = known->around;
        return true;
    }
    return false;
}

static bool read_pattern(struct errand *errand, struct str pattern)
{
    errand->token = str_eqz(pattern, "waitForTaskToken");
    errand->json_output = str_eqz(pattern, "sync:2");
    errand->sync = errand->json_output || str_eqz(pattern, "sync");
    return !pattern.n || (errand->token && (errand->flags & TOKEN)) ||
           (errand->sync && (errand->flags & SYNC));
}

/* arn:aws:states:::SERVICE:ACTION[.PATTERN], or a function's ARN. */
static bool read_resource(struct errand *errand)
{
    struct str resource = errand->task->resource, pattern;
    if (str_find(resource, STR(":lambda:"), 0) > 0 && str_find(resource, STR(":function:"), 0) > 0) {
        errand->function = errand->lambda = true;
        errand->signing_name = STR("lambda");
        errand->operation = STR("Invoke");
        errand->errors = STR("Lambda");
        return true;
    }
    errand->activity =
        str_find(resource, STR(":states:"), 0) > 0 && str_find(resource, STR(":activity:"), 0) > 0;
    ptrdiff_t start = str_find(resource, STR(":states:::"), 0);
    if (start < 0)
        return errand->activity;
    struct str rest = str_slice(resource, (size_t)start + 10, resource.n), action;
    errand->service = str_cut(rest, ':', &action);
    errand->action = action.p ? action : STR_EMPTY;
    bool sdk = str_eqz(errand->service, "aws-sdk");
    rest = str_cut(errand->action, '.', &pattern);
    pattern = pattern.p ? pattern : STR_EMPTY;
    if (sdk) {
        str_cut(errand->action, ':', &action);
        errand->action = action.p ? action : STR_EMPTY;
    }
    bool known =
        (sdk ? read_sdk(errand, rest) : read_integration(errand, rest)) && read_pattern(errand, pattern);
    errand->lambda = known && str_eqz(errand->signing_name, "lambda") && str_eqz(errand->operation, "Invoke");
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
static const struct value *with_text(struct errand *errand, const struct value *input)
{
    struct arena *arena = errand->arena;
    const struct value *v = errand->text ? value_getz(input, errand->text) : NULL;
    const struct value *entries = errand->text ? value_getz(input, "Entries") : NULL;
    if (v && v->kind != VALUE_STRING)
        return value_with(arena, input, str_z(errand->text), json_as_text(arena, v));
    if (!entries || entries->kind != VALUE_LIST)
        return input;
    struct value_builder b = VALUE_BUILDER(arena);
    for (uint32_t i = 0; i < entries->count; i++)
        value_builder_add(&b, with_text(errand, entries->items[i]));
    return value_with(arena, input, STR("Entries"), value_builder_list(&b));
}

static const struct value *request_of(struct errand *errand)
{
    const struct value *input = errand->task->input;
    if (errand->function) {
        struct value_entry call[] = {
            {STR("FunctionName"), value_string(errand->arena, errand->task->resource)},
            {STR("Payload"), json_as_text(errand->arena, input)}};
        return value_map(errand->arena, call, 2);
    }
    const struct value *payload = errand->lambda ? value_getz(input, "Payload") : NULL;
    if (payload)
        return value_with(errand->arena, input, STR("Payload"), json_as_text(errand->arena, payload));
    input = with_text(errand, input->kind == VALUE_MAP ? input : &value_empty_map);
    return errand->flags & CAMEL ? recased(errand->arena, input, tolower) : input;
}

/* ---- history ---- */

static void executions_tasks_put(struct value_builder *b, const char *key, const struct value *v)
{
    if (v)
        value_builder_set(b, str_z(key), v);
}

static const struct value *text_or_null(struct errand *errand, struct str s)
{
    return s.n ? value_string(errand->arena, s) : NULL;
}

/* What a task that was begun tells of itself. */
static void put_begin(struct errand *errand, struct value_builder *b)
{
    bool named = errand->function || errand->activity;
    if (named) {
        executions_tasks_put(b, "resource", value_string(errand->arena, errand->task->resource));
    } else {
        executions_tasks_put(b, "resourceType", value_string(errand->arena, errand->service));
        executions_tasks_put(b, "resource", value_string(errand->arena, errand->action));
        executions_tasks_put(b, "region", value_string(errand->arena, errand->execution->region));
    }
    if (errand->task->timeout_ms)
        executions_tasks_put(
            b, "timeoutInSeconds", value_int(errand->arena, (errand->task->timeout_ms + 999) / 1000));
    if (errand->task->heartbeat_ms && !errand->function)
        executions_tasks_put(
            b, "heartbeatInSeconds", value_int(errand->arena, errand->task->heartbeat_ms / 1000));
    executions_tasks_put(b, named ? "input" : "parameters", json_as_text(errand->arena, errand->task->input));
}

/* TaskScheduled and its kin, or LambdaFunctionScheduled, or ActivityScheduled and theirs. */
static void executions_tasks_note(struct errand *errand, const char *what, const struct value *output)
{
    static const char *const kinds[][2] = {
        {"Task", "task"}, {"LambdaFunction", "lambdaFunction"}, {"Activity", "activity"}};
    const char *const *kind = kinds[errand->function ? 1 : errand->activity ? 2 : 0];
    struct arena *arena = errand->arena;
    if (errand->task->quiet)
        return;
    AUTO_BUILDER struct value_builder b = VALUE_BUILDER(arena);
    bool scheduled = str_eqz(str_z(what), "Scheduled"),
         bare = errand->function && str_eqz(str_z(what), "Started");
    if (scheduled) {
        put_begin(errand, &b);
    } else if (!errand->function && !errand->activity) {
        executions_tasks_put(&b, "resourceType", value_string(arena, errand->service));
        executions_tasks_put(&b, "resource", value_string(arena, errand->action));
    }
    if (errand->activity && str_eqz(str_z(what), "Started"))
        executions_tasks_put(&b, "workerName", text_or_null(errand, errand->worker));
    if (output)
        executions_tasks_put(&b, "output", json_as_text(arena, output));
    if (errand->error->name.n) {
        executions_tasks_put(&b, "error", text_or_null(errand, errand->error->name));
        executions_tasks_put(&b, "cause", text_or_null(errand, errand->error->cause));
    }
    errand->task->event =
        execution_event(errand->execution, errand->task->event, arena_printf(arena, "%s%s", kind[0], what).p,
            bare ? NULL : arena_printf(arena, "%s%sEventDetails", kind[1], what).p,
            bare ? NULL : value_builder_map(&b));
}

/* ---- waiting ---- */

static bool is_over(const struct errand *errand)
{
    return errand->deadline_ms && clock_mono_ms() >= errand->deadline_ms;
}

/* With the sandbox the whole execution ends; otherwise it may be just this branch that was stopped. */
static void stopped(struct errand *errand)
{
    if (services_stopping(errand->execution->all->services))
        atomic_store(&errand->execution->scope.stopped, true);
}

/* The end of the run. NULL with the error: timed out, or stopped with all of the branch. */
static bool wait_for_run(struct errand *errand)
{
    while (!activity_wait(errand->run, LOOK_AGAIN_MS)) {
        stopped(errand);
        bool over = is_over(errand);
        if (!over && !asl_stopped(errand->task->scope))
            continue;
        activity_stop(errand->run);
        if (over)
            executions_tasks_fail(errand, "States.Timeout", "The task did not end within %lld seconds",
                (long long)errand->task->timeout_ms / 1000);
        return false;
    }
    return true;
}

static struct str executions_tasks_text_of(struct arena *arena, const struct value *v)
{
    return value_is_null(v) ? STR_EMPTY : json_as_text(arena, v)->string;
}

/* A nested execution's output: text, or with sync:2 what the text says. */
static const struct value *with_json(struct errand *errand, const struct value *output)
{
    static const char *const members[] = {"Input", "Output"};
    for (size_t i = 0; i < 2 && errand->json_output; i++) {
        const struct value *v = value_getz(output, members[i]), *parsed;
        struct err err = ERR_INIT;
        if (v && v->kind == VALUE_STRING && !json_parse(errand->arena, v->string, &parsed, &err))
            output = value_with(errand->arena, output, str_z(members[i]), parsed);
    }
    return output;
}

static const struct value *named_output(struct errand *errand, const struct value *output)
{
    output = errand->flags & CAMEL ? recased(errand->arena, output, toupper) : output;
    return with_json(errand, output);
}

/* A function's answer is JSON text; its own ARN gives just that, lambda:invoke what surrounds it too. */
static const struct value *with_payload(struct errand *errand, const struct value *output)
{
    const struct value *payload = value_getz(output, "Payload"), *parsed;
    struct err err = ERR_INIT;
    if (payload && payload->kind == VALUE_STRING &&
        !json_parse(errand->arena, payload->string, &parsed, &err))
        payload = parsed;
    if (errand->function)
        return payload ? payload : &value_null;
    return payload ? value_with(errand->arena, output, STR("Payload"), payload) : output;
}

static const struct value *end_of_run(struct errand *errand)
{
    struct activity_result result;
    activity_result(errand->run, errand->arena, &result);
    const struct value *output = result.output ? result.output : &value_empty_map;
    output = errand->lambda ? with_payload(errand, output) : named_output(errand, output);
    if (errand->around)
        output = value_with(errand->arena, NULL, str_z(errand->around), output);
    if (result.state == ACTIVITY_SUCCEEDED)
        return output;
    struct str said =
        errand->lambda && result.cause.n ? result.cause : executions_tasks_text_of(errand->arena, output);
    return executions_tasks_fail(errand,
        errand->lambda && result.error.n ? result.error.p : "States.TaskFailed", "%.*s", STR_ARG(said));
}

/* ---- calling ---- */

static const struct value *executions_tasks_refused(struct errand *errand, const struct err *err)
{
    if (!err->code[0] || str_starts(str_z(err->code), STR("UnknownOperation")))
        return executions_tasks_fail(errand, "States.Runtime",
            "The sandbox cannot carry out the resource '%.*s': %s", STR_ARG(errand->task->resource),
            err->message);
    struct str code = str_z(err->code);
    bool suffix = str_ends(code, STR("Exception")) || str_ends(code, STR("Error"));
    return executions_tasks_fail(errand,
        arena_printf(
            errand->arena, "%.*s.%s%s", STR_ARG(errand->errors), err->code, suffix ? "" : "Exception")
            .p,
        "%s", err->message);
}

static int executions_tasks_call(struct errand *errand, const struct value **answer)
{
    struct err err = ERR_INIT;
    struct services *services = errand->execution->all->services;
    struct str kind = value_gets(errand->task->input, "InvocationType");
    bool alone = !errand->function && (str_eqz(kind, "Event") || str_eqz(kind, "DryRun"));
    bool waits = errand->sync || (errand->lambda && !alone);
    const struct session session = services_role_session(errand->execution->role, errand->execution->name);
    const struct gate_caller caller = {.session = &session};
    struct service_request request = {.service = errand->signing_name,
        .operation = errand->operation,
        .region = errand->execution->region,
        .input = request_of(errand),
        .as = &caller};
    int status = waits ? services_start(services, errand->arena, &request, answer, &errand->run, &err)
                       : services_call(services, errand->arena, &request, answer, &err);
    if (status)
        executions_tasks_refused(errand, &err);
    return status;
}

static const struct value *wait_for_token(struct errand *errand, struct task_token *token)
{
    const struct value *output = NULL;
    switch (task_token_wait(token, errand->arena, errand->task, &output, errand->error)) {
    case TOKEN_DONE: return output;
    case TOKEN_FAILED: return NULL;
    case TOKEN_TIMEOUT:
        return executions_tasks_fail(
            errand, "States.Timeout", "Nobody answered for the task's token in time");
    case TOKEN_NO_HEARTBEAT:
        return executions_tasks_fail(errand, "States.HeartbeatTimeout", "There was no heartbeat in time");
    case TOKEN_STOPPED: stopped(errand); return NULL;
    }
    return NULL;
}

static const struct value *executions_tasks_carry_out(struct errand *errand)
{
    const struct value *answer = NULL;
    struct task_token *token =
        errand->token ? task_token_new(errand->execution->all, errand->task->token) : NULL;
    executions_tasks_note(errand, "Started", NULL);
    if (!executions_tasks_call(errand, &answer)) {
        if (errand->token || errand->sync)
            executions_tasks_note(errand, "Submitted", answer);
        if (errand->run && wait_for_run(errand))
            answer = end_of_run(errand);
        else if (errand->run)
            answer = NULL;
        else
            answer = named_output(errand, answer);
        if (answer && token)
            answer = wait_for_token(errand, token);
    } else {
        answer = NULL;
        errand->refused = errand->token || errand->sync;
    }
    activity_release(errand->run);
    if (token)
        task_token_free(errand->execution->all, token);
    return answer;
}

/* ---- activities ---- */

static bool activity_exists(struct errand *errand)
{
    struct control_record record;
    struct execution *execution = errand->execution;
    if (control_find(services_control(execution->all->services), errand->arena, STR("aws.states.activity"),
            execution->region, errand->task->resource, &record))
        return true;
    executions_tasks_fail(errand, "ActivityDoesNotExist", "The activity '%.*s' does not exist",
        STR_ARG(errand->task->resource));
    return false;
}

/* Its time begins when a worker takes it; the execution's has begun. */
static const struct value *wait_for_worker(struct errand *errand, struct task_token *token)
{
    int64_t deadline = clock_mono_ms() + errand->task->left_ms;
    switch (task_token_wait_taken(token, errand->task, &errand->worker)) {
    case TOKEN_DONE: break;
    case TOKEN_STOPPED: stopped(errand); return NULL;
    default: return executions_tasks_fail(errand, "States.Timeout", "No worker took the task in time");
    }
    executions_tasks_note(errand, "Started", NULL);
    int64_t left = errand->task->left_ms ? deadline - clock_mono_ms() : INT64_MAX;
    if (errand->task->timeout_ms > left)
        errand->task->timeout_ms = left > 1 ? left : 1;
    return wait_for_token(errand, token);
}

static const struct value *carry_out_activity(struct errand *errand)
{
    uint64_t random[4];
    hash_random(random, sizeof random);
    struct str input = json_as_text(errand->arena, errand->task->input)->string;
    struct task_token *token =
        task_token_new(errand->execution->all, hex_encode(errand->arena, random, sizeof random));
    task_token_offer(token, errand->task->resource, input);
    const struct value *answer = wait_for_worker(errand, token);
    task_token_free(errand->execution->all, token);
    return answer;
}

const struct value *execution_task(
    struct execution *execution, struct arena *arena, struct asl_task *task, struct asl_error *error)
{
    struct errand errand = {.execution = execution, .arena = arena, .task = task, .error = error};
    errand.deadline_ms = task->timeout_ms ? clock_mono_ms() + task->timeout_ms : 0;
    if (!read_resource(&errand))
        return executions_tasks_fail(&errand, "States.Runtime",
            "The sandbox cannot carry out the resource '%.*s'", STR_ARG(task->resource));
    if (errand.activity && !activity_exists(&errand)) {
        executions_tasks_note(&errand, "ScheduleFailed", NULL);
        return NULL;
    }
    executions_tasks_note(&errand, "Scheduled", NULL);
    const struct value *answer =
        errand.activity ? carry_out_activity(&errand) : executions_tasks_carry_out(&errand);
    if (answer)
        executions_tasks_note(&errand, "Succeeded", answer);
    else if (str_eqz(error->name, "States.Timeout") || str_eqz(error->name, "States.HeartbeatTimeout"))
        executions_tasks_note(&errand, "TimedOut", NULL);
    else if (error->name.n)
        executions_tasks_note(&errand, errand.refused ? "SubmitFailed" : "Failed", NULL);
    return answer;
}
