/* Starts, runs, ends and stops executions. */
#include "sandbox/services/stepfunctions/executions.h"

#include "base/clock.h"
#include "base/hash.h"
#include "base/json.h"
#include "base/mem.h"
#include "provider/notation/asl_check.h"
#include "sandbox/calls/services_state.h"
#include "sandbox/engine/view.h"

#include <stdlib.h>

enum {
    MAX_EVENTS = 25000, /* the service's limit */
    MAX_THREADS = 64,
    EXPRESS_MS = 300000,
    MAX_HISTORY = 64 * 1024 * 1024, /* bytes; beyond it events have no inputs and outputs */
};

/* ---- one execution ---- */

static void stop_run(void *ctx)
{
    execution_stop(ctx, STR_EMPTY, STR_EMPTY);
}

static const struct value *output_of_run(void *ctx, struct arena *arena)
{
    return execution_describe(ctx, arena);
}

static void free_run(void *ctx)
{
    struct execution *execution = ctx;
    free(execution->events);
    arena_release(&execution->arena);
    free(execution);
}

const struct activity_ops execution_run_ops = {stop_run, output_of_run, free_run};

static const char *status_name(int64_t status)
{
    static const char *const names[] = {"SUCCEEDED", "FAILED", "TIMED_OUT", "ABORTED"};
    return status < 0 ? "RUNNING" : names[status];
}

const char *execution_status(const struct execution *execution)
{
    return status_name(execution->ended ? (int64_t)execution->status : -1);
}

static void executions_put(struct value_builder *b, const char *key, struct str text)
{
    if (text.p)
        value_builder_set(b, str_z(key), value_string(b->arena, text));
}

const struct value *execution_describe(struct execution *execution, struct arena *arena)
{
    static const char *const data[] = {"input", "output", "error", "cause"};
    AUTO_BUILDER struct value_builder b = VALUE_BUILDER(arena);
    const struct value *details = value_with(arena, NULL, STR("included"), &value_true);
    const struct value *record = execution_record(execution, arena);
    executions_put(&b, "executionArn", execution->arn);
    executions_put(&b, "stateMachineArn", execution->machine);
    executions_put(&b, "name", execution->name);
    view_text(&b, "stateMachineVersionArn", execution->version);
    view_text(&b, "stateMachineAliasArn", execution->alias);
    executions_put(&b, "status", str_z(status_name(service_int(record, "status", -1))));
    view_time(&b, "startDate", execution->start_ms);
    view_time(&b, "stopDate", service_int(record, "stop_ms", 0));
    for (size_t i = 0; i < sizeof data / sizeof *data; i++)
        executions_put(&b, data[i], value_text(value_getz(record, data[i]), (struct str){NULL, 0}));
    value_builder_set(&b, STR("inputDetails"), details);
    if (!value_is_null(value_getz(record, "output")))
        value_builder_set(&b, STR("outputDetails"), details);
    return value_builder_map(&b);
}

/* Adds the details that say that the data is complete. */
static const struct value *with_truncated(struct arena *arena, const struct value *details)
{
    static const char *const data[] = {"input", "output", "assignedVariables"};
    for (size_t i = 0; details && i < sizeof data / sizeof *data; i++)
        if (value_getz(details, data[i]))
            details = value_with(arena, details, arena_printf(arena, "%sDetails", data[i]),
                value_with(arena, NULL, STR("truncated"), &value_false));
    return details;
}

int64_t execution_event(
    void *ctx, int64_t previous, const char *type, const char *name, const struct value *details)
{
    struct execution *execution = ctx;
    AUTO_ARENA struct arena scratch = ARENA_INIT;
    details = with_truncated(&scratch, details);
    pthread_mutex_lock(&execution->all->lock);
    struct arena *arena = &execution->arena;
    int64_t id = (int64_t)++execution->event_count;
    if (!execution->express) {
        const struct value *kept = details;
        if (kept && execution->history > MAX_HISTORY)
            kept = execution_without_data(&scratch, kept);
        execution->history += kept ? value_size(kept) : 0;
        struct value_entry entries[] = {
            {STR("timestamp"), value_float(arena, (double)clock_wall_ms() / 1000)},
            {STR("type"), value_stringz(arena, type)},
            {STR("id"), value_int(arena, id)},
            {STR("previousEventId"), value_int(arena, previous)},
            {name ? arena_str(arena, str_z(name)) : STR_EMPTY, value_copy(arena, kept)},
        };
        MEM_GROW(execution->events, execution->event_cap, execution->event_count);
        execution->events[id - 1] = value_map(arena, entries, name ? 5 : 4);
    }
    pthread_mutex_unlock(&execution->all->lock);
    execution_log_event(execution, id, previous, type, details);
    return id;
}

/* ---- functions of struct asl_host ---- */

static int64_t host_wall(void *ctx UNUSED)
{
    return clock_wall_ms();
}

static bool host_sleep(void *ctx, const struct asl_scope *scope, int64_t ms)
{
    struct execution *execution = ctx;
    struct services *services = execution->all->services;
    int64_t deadline = clock_mono_ms() + ms;
    pthread_mutex_lock(&services->lock);
    while (!services->stopping && !asl_stopped(scope) && clock_mono_ms() < deadline)
        services_wait(services, deadline);
    if (services->stopping)
        atomic_store(&execution->scope.stopped, true);
    pthread_mutex_unlock(&services->lock);
    return !asl_stopped(scope);
}

static void host_wake(void *ctx)
{
    struct services *services = ((struct execution *)ctx)->all->services;
    AUTO_UNLOCK pthread_mutex_t *held = mutex_hold(&services->lock);
    pthread_cond_broadcast(&services->changed);
}

static uint64_t host_random(void *ctx UNUSED)
{
    uint64_t n;
    hash_random(&n, sizeof n);
    return n;
}

static const struct value *host_jsonata(
    void *ctx, struct arena *arena, const struct value *request, struct str *why)
{
    return jsonata_evaluate(((struct execution *)ctx)->all->jsonata, arena, request, why);
}

/* ---- running ---- */

static const struct value *context_of(
    const struct execution *execution, struct arena *arena, const struct value *input)
{
    struct value_entry own[] = {
        {STR("Id"), value_string(arena, execution->arn)},
        {STR("Input"), input},
        {STR("Name"), value_string(arena, execution->name)},
        {STR("RoleArn"), value_string(arena, execution->role)},
        {STR("StartTime"), value_string(arena, time_rfc3339(arena, execution->start_ms, true))},
        {STR("RedriveCount"), value_int(arena, execution->redrives)},
        {STR("RedriveTime"), value_string(arena, time_rfc3339(arena, execution->redriven_ms, true))},
    };
    size_t n = sizeof own / sizeof *own - !execution->redrives;
    struct value_entry machine[] = {{STR("Id"), value_string(arena, execution->machine)},
        {STR("Name"), value_string(arena, execution->machine_name)}};
    return VALUE_MAP(arena, {STR("Execution"), value_map(arena, own, n)},
        {STR("StateMachine"), value_map(arena, machine, 2)});
}

/* Returns 0: the events that follow do not name this one as the previous event. */
static int64_t started_event(struct execution *execution, struct arena *arena)
{
    execution_event(execution, 0, "ExecutionStarted", "executionStartedEventDetails",
        VALUE_MAP(arena, {STR("input"), value_string(arena, execution->input)},
            {STR("roleArn"), value_string(arena, execution->role)}));
    return 0;
}

static int64_t redriven_event(struct execution *execution, struct arena *arena)
{
    struct value_entry details = {STR("redriveCount"), value_int(arena, execution->redrives)};
    return execution_event(execution, (int64_t)execution->event_count, "ExecutionRedriven",
        "executionRedrivenEventDetails", value_map(arena, &details, 1));
}

static const struct value *error_details(struct arena *arena, struct str error, struct str cause)
{
    struct value_builder b = VALUE_BUILDER(arena);
    if (error.n)
        executions_put(&b, "error", error);
    if (cause.n)
        executions_put(&b, "cause", cause);
    return value_builder_map(&b);
}

static void ended_event(struct execution *execution, struct arena *arena, const struct asl_outcome *outcome)
{
    static const struct {
        const char *type, *details;
    } names[] = {
        {"ExecutionSucceeded", "executionSucceededEventDetails"},
        {"ExecutionFailed", "executionFailedEventDetails"},
        {"ExecutionTimedOut", "executionTimedOutEventDetails"},
        {"ExecutionAborted", "executionAbortedEventDetails"},
    };
    struct value_entry output = {STR("output"), value_string(arena, execution->output)};
    const struct value *details = outcome->status == ASL_SUCCEEDED
                                      ? value_map(arena, &output, 1)
                                      : error_details(arena, execution->error, execution->cause);
    execution_event(execution, outcome->status == ASL_ABORTED ? 0 : outcome->event,
        names[outcome->status].type, names[outcome->status].details, details);
}

/* Sets the result, which others see once the execution is `ended`. */
static void set_outcome(struct execution *execution, const struct asl_outcome *outcome)
{
    AUTO_BUF struct buf output = BUF_INIT;
    if (outcome->output)
        json_write(&output, outcome->output, JSON_PLAIN);
    struct str error = outcome->unnamed ? STR_EMPTY : outcome->error.name, cause = outcome->error.cause;
    AUTO_UNLOCK pthread_mutex_t *held = mutex_hold(&execution->all->lock);
    execution->status = outcome->status;
    if (outcome->status == ASL_ABORTED) {
        error = execution->stop_error;
        cause = execution->stop_cause;
    }
    if (outcome->status == ASL_SUCCEEDED)
        execution->output = arena_str(&execution->arena, buf_str(&output));
    if (outcome->status == ASL_TIMED_OUT)
        error = STR("States.Timeout");
    execution->at =
        asl_point_of(value_copy(&execution->arena, asl_point_value(&execution->arena, &outcome->at)));
    if (outcome->status != ASL_SUCCEEDED && error.n)
        execution->error = arena_str(&execution->arena, error);
    if (outcome->status != ASL_SUCCEEDED && cause.n)
        execution->cause = arena_str(&execution->arena, cause);
}

static void executions_finish(
    struct execution *execution, struct arena *arena, const struct asl_outcome *outcome)
{
    static const enum activity_state states[] = {
        ACTIVITY_SUCCEEDED, ACTIVITY_FAILED, ACTIVITY_TIMEOUT, ACTIVITY_STOPPED};
    struct executions *all = execution->all;
    set_outcome(execution, outcome);
    pthread_mutex_lock(&all->lock);
    execution->ending = true;
    pthread_mutex_unlock(&all->lock);
    ended_event(execution, arena, outcome);
    pthread_mutex_lock(&all->lock);
    execution->stop_ms = clock_wall_ms();
    pthread_mutex_unlock(&all->lock);
    /* Saved before the end is reported, so that a reported end survives a kill. */
    struct execution *stored = execution->express ? NULL : execution_save(execution);
    pthread_mutex_lock(&all->lock);
    execution->ended = true;
    if (stored || execution->express)
        executions_replace(all, execution, stored);
    pthread_mutex_unlock(&all->lock);
    activity_end(execution->activity, states[outcome->status], execution->error, execution->cause);
}

static struct asl_host interpreter_host(struct execution *execution)
{
    return (struct asl_host){.ctx = execution,
        .wall_ms = host_wall,
        .sleep = host_sleep,
        .wake = host_wake,
        .task = execution_task,
        .event = execution_event,
        .random = host_random,
        .jsonata = host_jsonata,
        .read_items = execution_read_items,
        .write_results = execution_write_results,
        .map_run = execution_map_run,
        .speed = sandbox_speed(services_sandbox(execution->all->services)),
        .threads = MAX_THREADS,
        .events = execution->express ? 0 : MAX_EVENTS};
}

static void executions_run(void *ctx)
{
    struct execution *execution = ctx;
    AUTO_ARENA struct arena arena = ARENA_INIT;
    const struct value *input = &value_empty_map;
    const struct asl_host host = interpreter_host(execution);
    struct asl_outcome outcome = {.status = ASL_FAILED};
    json_parse(&arena, execution->input, &input, ERR_IGNORED); /* checked when it was received */
    const struct asl_execution what = {.host = &host,
        .definition = execution->definition,
        .input = input,
        .input_text = execution->input,
        .context = context_of(execution, &arena, input),
        .scope = &execution->scope,
        .timeout_ms = execution->express ? EXPRESS_MS : 0,
        .event = execution->redrives ? redriven_event(execution, &arena) : started_event(execution, &arena),
        .from = execution->at};
    activity_set_state(execution->activity, ACTIVITY_RUNNING);
    asl_run(&arena, &what, &outcome);
    executions_finish(execution, &arena, &outcome);
    activity_release(execution->activity);
}

/* ---- stopping ---- */

void execution_stop(struct execution *execution, struct str error, struct str cause)
{
    pthread_mutex_lock(&execution->all->lock);
    if (!execution->ended) {
        execution->stop_error = arena_str(&execution->arena, error);
        execution->stop_cause = arena_str(&execution->arena, cause);
    }
    pthread_mutex_unlock(&execution->all->lock);
    atomic_store(&execution->scope.stopped, true);
    host_wake(execution);
}

/* ---- starting ---- */

static struct str arn_of(struct execution *execution)
{
    struct arena *arena = &execution->arena;
    /* the machine's ARN: arn:aws:states:eu-west-1:000000000000:stateMachine:nightly */
    ptrdiff_t kind = str_find(execution->machine, STR(":stateMachine:"), 0);
    struct str front = str_slice(execution->machine, 0, (size_t)(kind < 0 ? 0 : kind));
    if (!execution->express)
        return arena_printf(arena, "%.*s:execution:%.*s:%.*s", STR_ARG(front),
            STR_ARG(execution->machine_name), STR_ARG(execution->name));
    return arena_printf(arena, "%.*s:express:%.*s:%.*s:%.*s", STR_ARG(front),
        STR_ARG(execution->machine_name), STR_ARG(execution->name), STR_ARG(uuid_random(arena)));
}

static struct str attr(const struct control_record *record, const char *name)
{
    return value_gets(record->attrs, name);
}

static struct execution *executions_make(struct executions *all, const struct execution_request *request)
{
    struct execution *execution = mem_zalloc(sizeof *execution);
    struct arena *arena = &execution->arena;
    const struct control_record *machine = &request->machine->record;
    execution->all = all;
    execution->activity = activity_new(all->services, &execution_run_ops, execution);
    execution->version = arena_str(arena, request->machine->version);
    execution->alias = arena_str(arena, request->machine->alias);
    execution->machine = arena_str(arena, attr(machine, "arn"));
    execution->machine_name = arena_str(arena, attr(machine, "name"));
    execution->role = arena_str(arena, attr(machine, "role"));
    execution->express = str_eqz(attr(machine, "workflow_type"), "EXPRESS");
    execution->region = arena_str(arena, request->region);
    execution->name = request->name.n ? arena_str(arena, request->name) : uuid_random(arena);
    execution->input = arena_str(arena, request->input.p ? request->input : STR("{}"));
    execution->definition = value_copy(arena, value_getz(machine->attrs, "definition"));
    execution->start_ms = clock_wall_ms();
    execution->arn = arn_of(execution);
    execution_log_prepare(execution, value_getz(machine->attrs, "logging"));
    return execution;
}

void execution_try(struct executions *all, const struct service_call *call,
    const struct execution_trial *what, struct asl_trial *trial, struct asl_outcome *out)
{
    struct arena *arena = call->arena;
    struct str name = uuid_random(arena);
    struct value_entry attrs[] = {{STR("name"), value_string(arena, name)},
        {STR("arn"), value_string(arena, arena_printf(arena, "arn:aws:states:%.*s:%.*s:stateMachine:%.*s",
                                             STR_ARG(call->region), STR_ARG(services_account(call->services)),
                                             STR_ARG(name)))},
        {STR("role"), value_string(arena, what->role)},
        {STR("workflow_type"), value_stringz(arena, "EXPRESS")}, {STR("definition"), what->definition}};
    const struct machine machine = {.record = {.attrs = value_map(arena, attrs, 5)}};
    const struct execution_request request = {.machine = &machine, .region = call->region};
    struct execution *execution = executions_make(all, &request);
    const struct asl_host host = interpreter_host(execution);
    const struct value *context = what->context ? what->context : context_of(execution, arena, what->input);
    const struct asl_execution asl = {.host = &host,
        .definition = what->definition,
        .input = what->input,
        .context = context,
        .scope = &execution->scope,
        .timeout_ms = EXPRESS_MS,
        .from = {.state = what->state, .input = what->input}};
    asl_try(arena, &asl, trial, out);
    activity_end(execution->activity, ACTIVITY_SUCCEEDED, STR_EMPTY, STR_EMPTY);
    activity_release(execution->activity);
}

static int executions_check(const struct execution_request *request, struct arena *arena, struct err *err)
{
    const struct value *input;
    if (request->name.n > 80 || !asl_is_name(request->name))
        return service_refuse(err, 400, "InvalidName", "Invalid Name: '%.*s'", STR_ARG(request->name));
    if (request->input.n > ASL_MAX_DATA)
        return service_refuse(err, 400, "InvalidExecutionInput", "The input is longer than 262144 bytes");
    if (request->input.p && json_parse(arena, request->input, &input, ERR_IGNORED))
        return service_refuse(err, 400, "InvalidExecutionInput",
            "Invalid State Machine Execution Input: '%.*s'",
            STR_ARG(executions_not_json(arena, request->input, &(size_t){0})));
    return 0;
}

static void fail_without_thread(struct execution *execution)
{
    struct asl_outcome outcome = {
        .status = ASL_FAILED, .error = {STR("States.Runtime"), STR("The sandbox has no thread for it")}};
    AUTO_ARENA struct arena arena = ARENA_INIT;
    executions_finish(execution, &arena, &outcome);
    activity_release(execution->activity);
}

void execution_run(struct execution *execution)
{
    execution_log_open(execution);
    if (!execution->express)
        execution_save(execution);
    activity_keep(execution->activity); /* held by the thread */
    if (services_thread(execution->all->services, executions_run, execution))
        fail_without_thread(execution);
}

int execution_start(
    struct executions *all, const struct execution_request *request, struct execution **out, struct err *err)
{
    AUTO_ARENA struct arena arena = ARENA_INIT;
    if (executions_check(request, &arena, err))
        return -1;
    struct execution *made = executions_make(all, request);
    pthread_mutex_lock(&all->lock);
    int status = executions_add(all, made, out, err);
    if (!status)
        activity_keep((*out)->activity); /* held by the caller */
    pthread_mutex_unlock(&all->lock);
    if (status || *out != made) {
        activity_release(made->activity);
        return status;
    }
    execution_run(made);
    return 0;
}
