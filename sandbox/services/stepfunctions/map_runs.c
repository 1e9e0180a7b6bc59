/*
 * Runs of distributed Maps, for DescribeMapRun and ListMapRuns; the list of executions; RedriveExecution.
 */
#include "base/clock.h"
#include "base/hash.h"
#include "base/mem.h"
#include "sandbox/engine/view.h"
#include "sandbox/services/stepfunctions/executions.h"

#include <stdlib.h>

/* ---- The list of executions: running ones, and the newest of those that have ended ---- */

enum { MAX_KEPT = 1000 };                             /* ended executions */
static const uint64_t max_stored = UINT64_C(1) << 30; /* bytes of their files */

struct executions *executions_new(struct services *services)
{
    struct executions *all = mem_zalloc(sizeof *all);
    all->services = services;
    all->jsonata = jsonata_new();
    pthread_mutex_init(&all->lock, NULL);
    return all;
}

void executions_stop(struct executions *all)
{
    if (!all)
        return;
    AUTO_UNLOCK pthread_mutex_t *held = mutex_hold(&all->lock);
    for (size_t i = 0; i < all->n; i++)
        atomic_store(&all->items[i]->scope.stopped, true);
}

void executions_free(struct executions *all)
{
    if (!all)
        return;
    for (size_t i = 0; i < all->n; i++)
        activity_release(all->items[i]->activity);
    free(all->items);
    jsonata_free(all->jsonata);
    pthread_mutex_destroy(&all->lock);
    free(all);
}

static struct execution *executions_list_find(struct executions *all, struct str arn)
{
    for (size_t i = all->n; i-- > 0;)
        if (str_eq(all->items[i]->arn, arn))
            return all->items[i];
    return NULL;
}

struct execution *execution_find(struct executions *all, struct str arn)
{
    AUTO_UNLOCK pthread_mutex_t *held = mutex_hold(&all->lock);
    executions_load(all);
    struct execution *found = executions_list_find(all, arn);
    if (found)
        activity_keep(found->activity);
    return found;
}

static void executions_list_drop(struct executions *all, size_t i)
{
    activity_release(all->items[i]->activity);
    memmove(&all->items[i], &all->items[i + 1], (all->n - i - 1) * sizeof *all->items);
    all->n--;
}

/* Removes the oldest ended executions, with their files, beyond the limits. */
static void remove_oldest(struct executions *all)
{
    size_t ended = 0;
    for (size_t i = 0; i < all->n; i++)
        ended += all->items[i]->ended;
    for (size_t i = 0; i < all->n && (ended > MAX_KEPT || all->stored > max_stored); i++) {
        struct execution *oldest = all->items[i];
        if (!oldest->ended)
            continue;
        all->stored -= oldest->stored;
        ended--;
        execution_forget(oldest);
        executions_list_drop(all, i--);
    }
}

/* A name may be reused only with the same input while the execution runs. */
int executions_add(struct executions *all, struct execution *made, struct execution **out, struct err *err)
{
    executions_load(all);
    struct execution *existing = executions_list_find(all, made->arn);
    if (!existing) {
        remove_oldest(all);
        MEM_GROW(all->items, all->cap, all->n + 1);
        all->items[all->n++] = made;
        *out = made;
        return 0;
    }
    if (existing->ended || !str_eq(existing->input, made->input))
        return service_refuse(
            err, 400, "ExecutionAlreadyExists", "Execution Already Exists: '%.*s'", STR_ARG(made->arn));
    *out = existing;
    return 0;
}

bool executions_replace(struct executions *all, struct execution *one, struct execution *other)
{
    size_t i = 0;
    while (i < all->n && all->items[i] != one)
        i++;
    if (i == all->n)
        return false;
    all->stored -= one->stored;
    if (!other) {
        executions_list_drop(all, i);
        return true;
    }
    all->items[i] = other;
    all->stored += other->stored;
    activity_release(one->activity);
    return true;
}

struct map_run {
    struct map_run *next; /* older */
    struct asl_map_run run;
    int64_t start_ms, stop_ms;
};

/* ---- while the execution runs ---- */

static struct map_run *executions_maps_find(const struct execution *execution, struct str arn)
{
    struct map_run *run = execution->map_runs;
    while (run && !str_eq(run->run.arn, arn))
        run = run->next;
    return run;
}

/* arn:aws:states:eu-west-1:000000000000:mapRun:nightly/LABEL:UUID */
static struct str arn_of(const struct execution *execution, struct arena *arena, struct str label)
{
    ptrdiff_t at = str_find(execution->arn, STR(":execution:"), 0);
    if (at < 0)
        at = str_find(execution->arn, STR(":express:"), 0);
    struct str front = str_slice(execution->arn, 0, at < 0 ? 0 : (size_t)at);
    return arena_printf(arena, "%.*s:mapRun:%.*s/%.*s:%.*s", STR_ARG(front), STR_ARG(execution->machine_name),
        STR_ARG(label.n ? label : uuid_random(arena)), STR_ARG(uuid_random(arena)));
}

void execution_map_run(void *ctx, struct arena *arena, struct asl_map_run *run)
{
    struct execution *execution = ctx;
    if (!run->arn.n)
        run->arn = arn_of(execution, arena, run->label);
    AUTO_UNLOCK pthread_mutex_t *held = mutex_hold(&execution->all->lock);
    struct map_run *known = executions_maps_find(execution, run->arn);
    if (!known) {
        known = ARENA_NEW(&execution->arena, struct map_run);
        known->next = execution->map_runs;
        known->run.arn = arena_str(&execution->arena, run->arn);
        known->start_ms = clock_wall_ms();
        execution->map_runs = known;
    }
    struct str arn = known->run.arn;
    known->run = *run;
    known->run.arn = arn;
    known->run.label = STR_EMPTY; /* it does not outlive the state */
    if (run->ended && !known->stop_ms)
        known->stop_ms = clock_wall_ms();
}

/* `from` has ended and does not change. */
void execution_copy_map_runs(struct execution *to, const struct execution *from)
{
    struct map_run **last = &to->map_runs;
    for (const struct map_run *run = from->map_runs; run; run = run->next) {
        struct map_run *copy = ARENA_NEW(&to->arena, struct map_run);
        *copy = *run;
        copy->next = NULL;
        copy->run.arn = arena_str(&to->arena, run->run.arn);
        *last = copy;
        last = &copy->next;
    }
}

/* ---- views ---- */

static const struct value *counts_of(struct arena *arena, const struct asl_map_counts *counts)
{
    const struct {
        const char *name;
        int64_t n;
    } all[] = {{"pending", counts->pending}, {"running", counts->running}, {"succeeded", counts->succeeded},
        {"failed", counts->failed}, {"timedOut", counts->timed_out}, {"aborted", counts->aborted},
        {"total", counts->total}, {"resultsWritten", counts->written}};
    AUTO_BUILDER struct value_builder b = VALUE_BUILDER(arena);
    for (size_t i = 0; i < sizeof all / sizeof *all; i++)
        view_int(&b, all[i].name, all[i].n);
    return value_builder_map(&b);
}

static void set_times(struct value_builder *b, const struct map_run *run)
{
    view_time(b, "startDate", run->start_ms);
    view_time(b, "stopDate", run->stop_ms);
}

static const struct value *executions_maps_described(
    struct arena *arena, const struct execution *execution, const struct map_run *run)
{
    static const char *const statuses[] = {"SUCCEEDED", "FAILED", "FAILED", "ABORTED"};
    AUTO_BUILDER struct value_builder b = VALUE_BUILDER(arena);
    view_text(&b, "mapRunArn", run->run.arn);
    view_text(&b, "executionArn", execution->arn);
    view_text(&b, "status", str_z(run->run.ended ? statuses[run->run.status] : "RUNNING"));
    set_times(&b, run);
    view_int(&b, "maxConcurrency", run->run.max_concurrency);
    view_set(&b, "toleratedFailurePercentage", value_float(arena, run->run.tolerated_percentage));
    view_int(&b, "toleratedFailureCount", run->run.tolerated_count);
    view_set(&b, "itemCounts", counts_of(arena, &run->run.items));
    view_set(&b, "executionCounts", counts_of(arena, &run->run.executions));
    view_int(&b, "redriveCount", 0);
    return value_builder_map(&b);
}

int do_describe_map_run(struct service_call *call, struct err *err)
{
    struct str arn = value_gets(call->input, "mapRunArn");
    struct executions *all = services_executions(call->services);
    pthread_mutex_lock(&all->lock);
    for (size_t i = 0; i < all->n && !call->output; i++) {
        const struct map_run *run = executions_maps_find(all->items[i], arn);
        if (run)
            call->output = executions_maps_described(call->arena, all->items[i], run);
    }
    pthread_mutex_unlock(&all->lock);
    return call->output
               ? 0
               : service_refuse(err, 400, "ResourceNotFound", "Resource not found: '%.*s'", STR_ARG(arn));
}

/* Returns the machine's ARN with the Map's label: …:stateMachine:nightly/LABEL for
 * …:mapRun:nightly/LABEL:ID. */
static const struct value *labelled(struct arena *arena, struct str machine, struct str run)
{
    struct str rest, label = str_cut(run, '/', &rest);
    label = rest.p ? str_cut(rest, ':', &rest) : STR_EMPTY;
    return value_string(arena, arena_printf(arena, "%.*s/%.*s", STR_ARG(machine), STR_ARG(label)));
}

int do_list_map_runs(struct service_call *call, struct err *err)
{
    struct str arn = value_gets(call->input, "executionArn");
    struct execution *execution = execution_find(services_executions(call->services), arn);
    if (!execution)
        return service_refuse(
            err, 400, "ExecutionDoesNotExist", "Execution Does Not Exist: '%.*s'", STR_ARG(arn));
    AUTO_BUILDER struct value_builder runs = VALUE_BUILDER(call->arena);
    pthread_mutex_lock(&execution->all->lock);
    for (const struct map_run *run = execution->map_runs; run; run = run->next) {
        AUTO_BUILDER struct value_builder b = VALUE_BUILDER(call->arena);
        view_text(&b, "executionArn", execution->arn);
        view_text(&b, "mapRunArn", run->run.arn);
        view_set(&b, "stateMachineArn", labelled(call->arena, execution->machine, run->run.arn));
        set_times(&b, run);
        value_builder_add(&runs, value_builder_map(&b));
    }
    pthread_mutex_unlock(&execution->all->lock);
    activity_release(execution->activity);
    return executions_answer_page(call, "mapRuns", value_builder_list(&runs), err);
}

/* ---- RedriveExecution: a failed execution continues at the state that failed, with its definition and the
 * input that the state had. Parallel and Map rerun branches and iterations that did not succeed; a
 * distributed Map starts anew. */

enum { MAX_DAYS = 14, MAX_EVENTS = 24999 };

const char *execution_not_redrivable(const struct execution *execution)
{
    const int64_t day_ms = INT64_C(86400000);
    if (!execution->ended)
        return "Execution is RUNNING and cannot be redriven";
    if (execution->status == ASL_SUCCEEDED)
        return "Execution is SUCCEEDED and cannot be redriven";
    if (clock_wall_ms() - execution->start_ms > MAX_DAYS * day_ms)
        return "Execution redrivable period exceeded";
    if (execution->event_count >= MAX_EVENTS)
        return "Execution history event limit exceeded";
    return execution->stored ? NULL : "Execution could not be written to the sandbox's folder";
}

static int executions_redrive_refuse(struct err *err, const struct execution *execution, const char *why)
{
    return service_refuse(err, 400, "ExecutionNotRedrivable", "Execution is not redrivable: '%.*s'. %s",
        STR_ARG(execution->arn), why);
}

/* Replaces the stored execution by the running one. */
static int executions_redrive_begin(const struct service_call *call, struct execution *stored,
    struct execution *live, const struct control_record *machine, int64_t now_ms, struct err *err)
{
    struct executions *all = stored->all;
    live->redrives++;
    live->redriven_ms = now_ms;
    live->redrive_token = arena_str(&live->arena, value_gets(call->input, "clientToken"));
    execution_log_prepare(live, value_getz(machine->attrs, "logging"));
    pthread_mutex_lock(&all->lock);
    bool first = executions_replace(all, stored, live);
    if (first)
        activity_keep(live->activity);
    pthread_mutex_unlock(&all->lock);
    if (first)
        execution_run(live);
    activity_release(live->activity);
    return first ? 0 : executions_redrive_refuse(err, stored, "Execution is RUNNING and cannot be redriven");
}

static int redrive(struct service_call *call, struct execution *execution, int64_t *when_ms, struct err *err)
{
    struct control_record machine;
    struct str token = value_gets(call->input, "clientToken");
    struct err why = ERR_INIT;
    *when_ms = execution->redriven_ms;
    if (token.n && str_eq(token, execution->redrive_token))
        return 0; /* the same request again */
    pthread_mutex_lock(&execution->all->lock);
    const char *wrong = execution_not_redrivable(execution);
    pthread_mutex_unlock(&execution->all->lock);
    if (wrong)
        return executions_redrive_refuse(err, execution, wrong);
    if (!control_find(services_control(call->services), call->arena, STR("aws.stepfunctions.state_machine"),
            execution->region, execution->machine, &machine))
        return executions_redrive_refuse(err, execution, "State machine is in DELETING status");
    struct execution *live = execution_restore(execution, &why);
    if (!live)
        return executions_redrive_refuse(err, execution, why.message);
    *when_ms = clock_wall_ms();
    return executions_redrive_begin(call, execution, live, &machine, *when_ms, err);
}

int do_redrive(struct service_call *call, struct err *err)
{
    struct execution *execution;
    int64_t when_ms;
    if (execution_of(call, &execution, err))
        return -1;
    int status = redrive(call, execution, &when_ms, err);
    if (!status)
        service_answer(call, "redriveDate", service_time(call, when_ms));
    activity_release(execution->activity);
    return status;
}
