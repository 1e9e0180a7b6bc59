/* What tasks do: operations called inside the sandbox, waiting for what they start, activities. */
#include "sandbox/services/stepfunctions/task_resource.h"

#include "base/clock.h"
#include "base/hash.h"
#include "base/json.h"
#include "sandbox/calls/services_state.h"

enum { LOOK_AGAIN_MS = 50 };

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
    output = errand->lambda ? with_payload(errand, output) : errand_answer(errand, output);
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
        .input = errand_request(errand),
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
            answer = errand_answer(errand, answer);
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
    if (control_find(services_control(execution->all->services), errand->arena, STR("aws.stepfunctions.activity"),
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
    if (!errand_read(&errand))
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
