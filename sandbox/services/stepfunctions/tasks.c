/* Tasks: calls inside the sandbox, waiting for what they start, and activities. */
#include "sandbox/services/stepfunctions/executions.h"

#include "base/clock.h"
#include "base/hash.h"
#include "base/json.h"
#include "sandbox/calls/services_state.h"
#include "sandbox/engine/view.h"

enum { LOOK_AGAIN_MS = 50 };

static const struct value *tasks_fail(struct task_resource *call, const char *name, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

static const struct value *tasks_fail(struct task_resource *call, const char *name, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    call->error->cause = arena_vprintf(call->arena, format, args);
    va_end(args);
    call->error->name = arena_str(call->arena, str_z(name));
    return NULL;
}

/* ---- history ---- */

/* Adds the details of a task's Scheduled event. */
static void put_begin(struct task_resource *call, struct value_builder *b)
{
    bool named = call->function || call->activity;
    if (named) {
        view_text(b, "resource", call->task->resource);
    } else {
        view_text(b, "resourceType", call->service);
        view_text(b, "resource", call->action);
        view_text(b, "region", call->execution->region);
    }
    if (call->task->timeout_ms)
        view_int(b, "timeoutInSeconds", (call->task->timeout_ms + 999) / 1000);
    if (call->task->heartbeat_ms && !call->function)
        view_int(b, "heartbeatInSeconds", call->task->heartbeat_ms / 1000);
    view_set(b, named ? "input" : "parameters", json_as_text(call->arena, call->task->input));
}

/* Adds an event such as TaskScheduled, LambdaFunctionScheduled or ActivityScheduled to the history. */
static void tasks_note(struct task_resource *call, const char *what, const struct value *output)
{
    static const char *const kinds[][2] = {
        {"Task", "task"}, {"LambdaFunction", "lambdaFunction"}, {"Activity", "activity"}};
    const char *const *kind = kinds[call->function ? 1 : call->activity ? 2 : 0];
    struct arena *arena = call->arena;
    if (call->task->quiet)
        return;
    AUTO_BUILDER struct value_builder b = VALUE_BUILDER(arena);
    bool scheduled = str_eqz(str_z(what), "Scheduled"),
         bare = call->function && str_eqz(str_z(what), "Started");
    if (scheduled) {
        put_begin(call, &b);
    } else if (!call->function && !call->activity) {
        view_text(&b, "resourceType", call->service);
        view_text(&b, "resource", call->action);
    }
    if (call->activity && str_eqz(str_z(what), "Started"))
        view_text(&b, "workerName", call->worker);
    if (output)
        view_set(&b, "output", json_as_text(arena, output));
    if (call->error->name.n) {
        view_text(&b, "error", call->error->name);
        view_text(&b, "cause", call->error->cause);
    }
    call->task->event =
        execution_event(call->execution, call->task->event, arena_printf(arena, "%s%s", kind[0], what).p,
            bare ? NULL : arena_printf(arena, "%s%sEventDetails", kind[1], what).p,
            bare ? NULL : value_builder_map(&b));
}

/* ---- waiting ---- */

/* Stops the whole execution if the sandbox is stopping; otherwise only a branch was stopped. */
static void stopped(struct task_resource *call)
{
    if (services_stopping(call->execution->all->services))
        atomic_store(&call->execution->scope.stopped, true);
}

/* Waits for the run's end. False: timed out (with the error), or the branch was stopped. */
static bool wait_for_run(struct task_resource *call)
{
    while (!activity_wait(call->run, LOOK_AGAIN_MS)) {
        stopped(call);
        bool over = call->deadline_ms && clock_mono_ms() >= call->deadline_ms;
        if (!over && !asl_stopped(call->task->scope))
            continue;
        activity_stop(call->run);
        if (over)
            tasks_fail(call, "States.Timeout", "The task did not end within %lld seconds",
                (long long)call->task->timeout_ms / 1000);
        return false;
    }
    return true;
}

/* Parses the function's response. A function's ARN returns it alone, lambda:invoke in its envelope. */
static const struct value *with_payload(struct task_resource *call, const struct value *output)
{
    const struct value *payload = value_getz(output, "Payload");
    if (payload && payload->kind == VALUE_STRING)
        payload = json_or_string(call->arena, payload->string);
    if (call->function)
        return payload ? payload : &value_null;
    return payload ? value_with(call->arena, output, STR("Payload"), payload) : output;
}

/* Returns the error name, which a function's runtime sets; some runtimes report it only in the response. */
static const char *error_name(
    const struct task_resource *call, const struct activity_result *result, struct str message)
{
    const struct value *answer = NULL;
    if (call->lambda && result->error.n)
        return arena_strz(call->arena, result->error);
    bool reported = call->lambda && !json_parse(call->arena, message, &answer, ERR_IGNORED);
    struct str type = reported ? value_gets(answer, "errorType") : STR_EMPTY;
    return type.n ? arena_strz(call->arena, type) : "States.TaskFailed";
}

static const struct value *end_of_run(struct task_resource *call)
{
    struct activity_result result;
    activity_result(call->run, call->arena, &result);
    const struct value *output = result.output ? result.output : &value_empty_map;
    output = call->lambda ? with_payload(call, output) : task_resource_answer(call, output);
    if (call->around)
        output = value_with(call->arena, NULL, str_z(call->around), output);
    if (result.state == ACTIVITY_SUCCEEDED)
        return output;
    struct str message = call->lambda && result.cause.n ? result.cause
                         : value_is_null(output)        ? STR_EMPTY
                                                        : json_as_text(call->arena, output)->string;
    return tasks_fail(call, error_name(call, &result, message), "%.*s", STR_ARG(message));
}

/* ---- calling ---- */

static const struct value *tasks_refused(struct task_resource *call, const struct err *err)
{
    if (!err->code[0] || str_starts(str_z(err->code), STR("UnknownOperation")))
        return tasks_fail(call, "States.Runtime", "The sandbox cannot carry out the resource '%.*s': %s",
            STR_ARG(call->task->resource), err->message);
    struct str code = str_z(err->code);
    bool suffix = str_ends(code, STR("Exception")) || str_ends(code, STR("Error"));
    return tasks_fail(call,
        arena_printf(call->arena, "%.*s.%s%s", STR_ARG(call->errors), err->code, suffix ? "" : "Exception").p,
        "%s", err->message);
}

static int tasks_call(struct task_resource *call, const struct value **answer)
{
    struct err err = ERR_INIT;
    struct services *services = call->execution->all->services;
    struct str kind = value_gets(call->task->input, "InvocationType");
    bool alone = !call->function && (str_eqz(kind, "Event") || str_eqz(kind, "DryRun"));
    bool waits = call->sync || (call->lambda && !alone);
    const struct session session = services_role_session(call->execution->role, call->execution->name);
    const struct gate_caller caller = {.session = &session};
    struct service_request request = {.service = call->signing_name,
        .operation = call->operation,
        .region = call->execution->region,
        .input = task_resource_request(call),
        .as = &caller};
    int status = waits ? services_start(services, call->arena, &request, answer, &call->run, &err)
                       : services_call(services, call->arena, &request, answer, &err);
    if (status)
        tasks_refused(call, &err);
    return status;
}

static const struct value *wait_for_token(struct task_resource *call, struct task_token *token)
{
    const struct value *output = NULL;
    switch (task_token_wait(token, call->arena, call->task, &output, call->error)) {
    case TOKEN_DONE: return output;
    case TOKEN_FAILED: return NULL;
    case TOKEN_TIMEOUT:
        return tasks_fail(call, "States.Timeout", "Nobody answered for the task's token in time");
    case TOKEN_NO_HEARTBEAT:
        return tasks_fail(call, "States.HeartbeatTimeout", "There was no heartbeat in time");
    case TOKEN_STOPPED: stopped(call); return NULL;
    }
    return NULL;
}

static const struct value *run_task(struct task_resource *call)
{
    const struct value *answer = NULL;
    struct task_token *token = call->token ? task_token_new(call->execution->all, call->task->token) : NULL;
    tasks_note(call, "Started", NULL);
    if (!tasks_call(call, &answer)) {
        if (call->token || call->sync)
            tasks_note(call, "Submitted", answer);
        if (call->run && wait_for_run(call))
            answer = end_of_run(call);
        else if (call->run)
            answer = NULL;
        else
            answer = task_resource_answer(call, answer);
        if (answer && token)
            answer = wait_for_token(call, token);
    } else {
        answer = NULL;
        call->refused = call->token || call->sync;
    }
    activity_release(call->run);
    if (token)
        task_token_free(call->execution->all, token);
    return answer;
}

/* ---- activities ---- */

static bool activity_exists(struct task_resource *call)
{
    struct control_record record;
    struct execution *execution = call->execution;
    if (control_find(services_control(execution->all->services), call->arena,
            STR("aws.stepfunctions.activity"), execution->region, call->task->resource, &record))
        return true;
    tasks_fail(
        call, "ActivityDoesNotExist", "The activity '%.*s' does not exist", STR_ARG(call->task->resource));
    return false;
}

/* The task's timeout starts when a worker takes it, within the execution's own timeout. */
static const struct value *wait_for_worker(struct task_resource *call, struct task_token *token)
{
    int64_t deadline = clock_mono_ms() + call->task->left_ms;
    switch (task_token_wait_taken(token, call->task, &call->worker)) {
    case TOKEN_DONE: break;
    case TOKEN_STOPPED: stopped(call); return NULL;
    default: return tasks_fail(call, "States.Timeout", "No worker took the task in time");
    }
    tasks_note(call, "Started", NULL);
    int64_t left = call->task->left_ms ? deadline - clock_mono_ms() : INT64_MAX;
    if (call->task->timeout_ms > left)
        call->task->timeout_ms = left > 1 ? left : 1;
    return wait_for_token(call, token);
}

static const struct value *run_activity(struct task_resource *call)
{
    uint64_t random[4];
    hash_random(random, sizeof random);
    struct str input = json_as_text(call->arena, call->task->input)->string;
    struct task_token *token =
        task_token_new(call->execution->all, hex_encode(call->arena, random, sizeof random));
    task_token_offer(token, call->task->resource, input);
    const struct value *answer = wait_for_worker(call, token);
    task_token_free(call->execution->all, token);
    return answer;
}

const struct value *execution_task(
    void *ctx, struct arena *arena, struct asl_task *task, struct asl_error *error)
{
    struct task_resource call = {.execution = ctx, .arena = arena, .task = task, .error = error};
    call.deadline_ms = task->timeout_ms ? clock_mono_ms() + task->timeout_ms : 0;
    if (!task_resource_read(&call))
        return tasks_fail(&call, "States.Runtime", "The sandbox cannot carry out the resource '%.*s'",
            STR_ARG(task->resource));
    if (call.activity && !activity_exists(&call)) {
        tasks_note(&call, "ScheduleFailed", NULL);
        return NULL;
    }
    tasks_note(&call, "Scheduled", NULL);
    const struct value *answer = call.activity ? run_activity(&call) : run_task(&call);
    if (answer)
        tasks_note(&call, "Succeeded", answer);
    else if (str_eqz(error->name, "States.Timeout") || str_eqz(error->name, "States.HeartbeatTimeout"))
        tasks_note(&call, "TimedOut", NULL);
    else if (error->name.n)
        tasks_note(&call, call.refused ? "SubmitFailed" : "Failed", NULL);
    return answer;
}
