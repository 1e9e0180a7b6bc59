/* What tasks do: operations called inside the sandbox, waiting for what they start, activities. */
#include "sandbox/services/stepfunctions/task_resource.h"

#include "base/clock.h"
#include "base/hash.h"
#include "base/json.h"
#include "sandbox/calls/services_state.h"

enum { LOOK_AGAIN_MS = 50 };

static const struct value *executions_tasks_fail(struct task_resource *task_resource, const char *name,
    const char *format, ...) __attribute__((format(printf, 3, 4)));

static const struct value *executions_tasks_fail(
    struct task_resource *task_resource, const char *name, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    task_resource->error->cause = arena_vprintf(task_resource->arena, format, args);
    va_end(args);
    task_resource->error->name = arena_str(task_resource->arena, str_z(name));
    return NULL;
}

/* ---- history ---- */

static void executions_tasks_put(struct value_builder *b, const char *key, const struct value *v)
{
    if (v)
        value_builder_set(b, str_z(key), v);
}

static const struct value *text_or_null(struct task_resource *task_resource, struct str s)
{
    return s.n ? value_string(task_resource->arena, s) : NULL;
}

/* What a task that was begun tells of itself. */
static void put_begin(struct task_resource *task_resource, struct value_builder *b)
{
    bool named = task_resource->function || task_resource->activity;
    if (named) {
        executions_tasks_put(
            b, "resource", value_string(task_resource->arena, task_resource->task->resource));
    } else {
        executions_tasks_put(b, "resourceType", value_string(task_resource->arena, task_resource->service));
        executions_tasks_put(b, "resource", value_string(task_resource->arena, task_resource->action));
        executions_tasks_put(
            b, "region", value_string(task_resource->arena, task_resource->execution->region));
    }
    if (task_resource->task->timeout_ms)
        executions_tasks_put(b, "timeoutInSeconds",
            value_int(task_resource->arena, (task_resource->task->timeout_ms + 999) / 1000));
    if (task_resource->task->heartbeat_ms && !task_resource->function)
        executions_tasks_put(b, "heartbeatInSeconds",
            value_int(task_resource->arena, task_resource->task->heartbeat_ms / 1000));
    executions_tasks_put(
        b, named ? "input" : "parameters", json_as_text(task_resource->arena, task_resource->task->input));
}

/* TaskScheduled and its kin, or LambdaFunctionScheduled, or ActivityScheduled and theirs. */
static void executions_tasks_note(
    struct task_resource *task_resource, const char *what, const struct value *output)
{
    static const char *const kinds[][2] = {
        {"Task", "task"}, {"LambdaFunction", "lambdaFunction"}, {"Activity", "activity"}};
    const char *const *kind = kinds[task_resource->function ? 1 : task_resource->activity ? 2 : 0];
    struct arena *arena = task_resource->arena;
    if (task_resource->task->quiet)
        return;
    AUTO_BUILDER struct value_builder b = VALUE_BUILDER(arena);
    bool scheduled = str_eqz(str_z(what), "Scheduled"),
         bare = task_resource->function && str_eqz(str_z(what), "Started");
    if (scheduled) {
        put_begin(task_resource, &b);
    } else if (!task_resource->function && !task_resource->activity) {
        executions_tasks_put(&b, "resourceType", value_string(arena, task_resource->service));
        executions_tasks_put(&b, "resource", value_string(arena, task_resource->action));
    }
    if (task_resource->activity && str_eqz(str_z(what), "Started"))
        executions_tasks_put(&b, "workerName", text_or_null(task_resource, task_resource->worker));
    if (output)
        executions_tasks_put(&b, "output", json_as_text(arena, output));
    if (task_resource->error->name.n) {
        executions_tasks_put(&b, "error", text_or_null(task_resource, task_resource->error->name));
        executions_tasks_put(&b, "cause", text_or_null(task_resource, task_resource->error->cause));
    }
    task_resource->task->event = execution_event(task_resource->execution, task_resource->task->event,
        arena_printf(arena, "%s%s", kind[0], what).p,
        bare ? NULL : arena_printf(arena, "%s%sEventDetails", kind[1], what).p,
        bare ? NULL : value_builder_map(&b));
}

/* ---- waiting ---- */

static bool is_over(const struct task_resource *task_resource)
{
    return task_resource->deadline_ms && clock_mono_ms() >= task_resource->deadline_ms;
}

/* With the sandbox the whole execution ends; otherwise it may be just this branch that was stopped. */
static void stopped(struct task_resource *task_resource)
{
    if (services_stopping(task_resource->execution->all->services))
        atomic_store(&task_resource->execution->scope.stopped, true);
}

/* The end of the run. NULL with the error: timed out, or stopped with all of the branch. */
static bool wait_for_run(struct task_resource *task_resource)
{
    while (!activity_wait(task_resource->run, LOOK_AGAIN_MS)) {
        stopped(task_resource);
        bool over = is_over(task_resource);
        if (!over && !asl_stopped(task_resource->task->scope))
            continue;
        activity_stop(task_resource->run);
        if (over)
            executions_tasks_fail(task_resource, "States.Timeout", "The task did not end within %lld seconds",
                (long long)task_resource->task->timeout_ms / 1000);
        return false;
    }
    return true;
}

static struct str executions_tasks_text_of(struct arena *arena, const struct value *v)
{
    return value_is_null(v) ? STR_EMPTY : json_as_text(arena, v)->string;
}

/* A function's answer is JSON text; its own ARN gives just that, lambda:invoke what surrounds it too. */
static const struct value *with_payload(struct task_resource *task_resource, const struct value *output)
{
    const struct value *payload = value_getz(output, "Payload"), *parsed;
    struct err err = ERR_INIT;
    if (payload && payload->kind == VALUE_STRING &&
        !json_parse(task_resource->arena, payload->string, &parsed, &err))
        payload = parsed;
    if (task_resource->function)
        return payload ? payload : &value_null;
    return payload ? value_with(task_resource->arena, output, STR("Payload"), payload) : output;
}

static const struct value *end_of_run(struct task_resource *task_resource)
{
    struct activity_result result;
    activity_result(task_resource->run, task_resource->arena, &result);
    const struct value *output = result.output ? result.output : &value_empty_map;
    output = task_resource->lambda ? with_payload(task_resource, output)
                                   : task_resource_answer(task_resource, output);
    if (task_resource->around)
        output = value_with(task_resource->arena, NULL, str_z(task_resource->around), output);
    if (result.state == ACTIVITY_SUCCEEDED)
        return output;
    struct str said = task_resource->lambda && result.cause.n
                          ? result.cause
                          : executions_tasks_text_of(task_resource->arena, output);
    return executions_tasks_fail(task_resource,
        task_resource->lambda && result.error.n ? result.error.p : "States.TaskFailed", "%.*s",
        STR_ARG(said));
}

/* ---- calling ---- */

static const struct value *executions_tasks_refused(
    struct task_resource *task_resource, const struct err *err)
{
    if (!err->code[0] || str_starts(str_z(err->code), STR("UnknownOperation")))
        return executions_tasks_fail(task_resource, "States.Runtime",
            "The sandbox cannot carry out the resource '%.*s': %s", STR_ARG(task_resource->task->resource),
            err->message);
    struct str code = str_z(err->code);
    bool suffix = str_ends(code, STR("Exception")) || str_ends(code, STR("Error"));
    return executions_tasks_fail(task_resource,
        arena_printf(task_resource->arena, "%.*s.%s%s", STR_ARG(task_resource->errors), err->code,
            suffix ? "" : "Exception")
            .p,
        "%s", err->message);
}

static int executions_tasks_call(struct task_resource *task_resource, const struct value **answer)
{
    struct err err = ERR_INIT;
    struct services *services = task_resource->execution->all->services;
    struct str kind = value_gets(task_resource->task->input, "InvocationType");
    bool alone = !task_resource->function && (str_eqz(kind, "Event") || str_eqz(kind, "DryRun"));
    bool waits = task_resource->sync || (task_resource->lambda && !alone);
    const struct session session =
        services_role_session(task_resource->execution->role, task_resource->execution->name);
    const struct gate_caller caller = {.session = &session};
    struct service_request request = {.service = task_resource->signing_name,
        .operation = task_resource->operation,
        .region = task_resource->execution->region,
        .input = task_resource_request(task_resource),
        .as = &caller};
    int status =
        waits ? services_start(services, task_resource->arena, &request, answer, &task_resource->run, &err)
              : services_call(services, task_resource->arena, &request, answer, &err);
    if (status)
        executions_tasks_refused(task_resource, &err);
    return status;
}

static const struct value *wait_for_token(struct task_resource *task_resource, struct task_token *token)
{
    const struct value *output = NULL;
    switch (
        task_token_wait(token, task_resource->arena, task_resource->task, &output, task_resource->error)) {
    case TOKEN_DONE: return output;
    case TOKEN_FAILED: return NULL;
    case TOKEN_TIMEOUT:
        return executions_tasks_fail(
            task_resource, "States.Timeout", "Nobody answered for the task's token in time");
    case TOKEN_NO_HEARTBEAT:
        return executions_tasks_fail(
            task_resource, "States.HeartbeatTimeout", "There was no heartbeat in time");
    case TOKEN_STOPPED: stopped(task_resource); return NULL;
    }
    return NULL;
}

static const struct value *executions_tasks_carry_out(struct task_resource *task_resource)
{
    const struct value *answer = NULL;
    struct task_token *token = task_resource->token
                                   ? task_token_new(task_resource->execution->all, task_resource->task->token)
                                   : NULL;
    executions_tasks_note(task_resource, "Started", NULL);
    if (!executions_tasks_call(task_resource, &answer)) {
        if (task_resource->token || task_resource->sync)
            executions_tasks_note(task_resource, "Submitted", answer);
        if (task_resource->run && wait_for_run(task_resource))
            answer = end_of_run(task_resource);
        else if (task_resource->run)
            answer = NULL;
        else
            answer = task_resource_answer(task_resource, answer);
        if (answer && token)
            answer = wait_for_token(task_resource, token);
    } else {
        answer = NULL;
        task_resource->refused = task_resource->token || task_resource->sync;
    }
    activity_release(task_resource->run);
    if (token)
        task_token_free(task_resource->execution->all, token);
    return answer;
}

/* ---- activities ---- */

static bool activity_exists(struct task_resource *task_resource)
{
    struct control_record record;
    struct execution *execution = task_resource->execution;
    if (control_find(services_control(execution->all->services), task_resource->arena,
            STR("aws.stepfunctions.activity"), execution->region, task_resource->task->resource, &record))
        return true;
    executions_tasks_fail(task_resource, "ActivityDoesNotExist", "The activity '%.*s' does not exist",
        STR_ARG(task_resource->task->resource));
    return false;
}

/* Its time begins when a worker takes it; the execution's has begun. */
static const struct value *wait_for_worker(struct task_resource *task_resource, struct task_token *token)
{
    int64_t deadline = clock_mono_ms() + task_resource->task->left_ms;
    switch (task_token_wait_taken(token, task_resource->task, &task_resource->worker)) {
    case TOKEN_DONE: break;
    case TOKEN_STOPPED: stopped(task_resource); return NULL;
    default: return executions_tasks_fail(task_resource, "States.Timeout", "No worker took the task in time");
    }
    executions_tasks_note(task_resource, "Started", NULL);
    int64_t left = task_resource->task->left_ms ? deadline - clock_mono_ms() : INT64_MAX;
    if (task_resource->task->timeout_ms > left)
        task_resource->task->timeout_ms = left > 1 ? left : 1;
    return wait_for_token(task_resource, token);
}

static const struct value *carry_out_activity(struct task_resource *task_resource)
{
    uint64_t random[4];
    hash_random(random, sizeof random);
    struct str input = json_as_text(task_resource->arena, task_resource->task->input)->string;
    struct task_token *token = task_token_new(
        task_resource->execution->all, hex_encode(task_resource->arena, random, sizeof random));
    task_token_offer(token, task_resource->task->resource, input);
    const struct value *answer = wait_for_worker(task_resource, token);
    task_token_free(task_resource->execution->all, token);
    return answer;
}

const struct value *execution_task(
    struct execution *execution, struct arena *arena, struct asl_task *task, struct asl_error *error)
{
    struct task_resource task_resource = {
        .execution = execution, .arena = arena, .task = task, .error = error};
    task_resource.deadline_ms = task->timeout_ms ? clock_mono_ms() + task->timeout_ms : 0;
    if (!task_resource_read(&task_resource))
        return executions_tasks_fail(&task_resource, "States.Runtime",
            "The sandbox cannot carry out the resource '%.*s'", STR_ARG(task->resource));
    if (task_resource.activity && !activity_exists(&task_resource)) {
        executions_tasks_note(&task_resource, "ScheduleFailed", NULL);
        return NULL;
    }
    executions_tasks_note(&task_resource, "Scheduled", NULL);
    const struct value *answer = task_resource.activity ? carry_out_activity(&task_resource)
                                                        : executions_tasks_carry_out(&task_resource);
    if (answer)
        executions_tasks_note(&task_resource, "Succeeded", answer);
    else if (str_eqz(error->name, "States.Timeout") || str_eqz(error->name, "States.HeartbeatTimeout"))
        executions_tasks_note(&task_resource, "TimedOut", NULL);
    else if (error->name.n)
        executions_tasks_note(&task_resource, task_resource.refused ? "SubmitFailed" : "Failed", NULL);
    return answer;
}
