/* Runs of distributed Maps, as DescribeMapRun and ListMapRuns show them: in memory, with their execution. */
#include "base/clock.h"
#include "base/hash.h"
#include "base/mem.h"
#include "sandbox/services/stepfunctions/executions.h"

struct map_run {
    struct map_run *next; /* older */
    struct asl_map_run run;
    int64_t start_ms, stop_ms;
};

/* ---- while it runs ---- */

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

void execution_map_run(struct execution *execution, struct arena *arena, struct asl_map_run *run)
{
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
    known->run.label = STR_EMPTY; /* it lives no longer than the state */
    if (run->ended && !known->stop_ms)
        known->stop_ms = clock_wall_ms();
}

/* After it has ended: it is at rest. */
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

/* ---- shown ---- */

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
        value_builder_set(&b, str_z(all[i].name), value_int(arena, all[i].n));
    return value_builder_map(&b);
}

static void set_times(struct value_builder *b, const struct map_run *run)
{
    value_builder_set(b, STR("startDate"), value_float(b->arena, (double)run->start_ms / 1000));
    if (run->stop_ms)
        value_builder_set(b, STR("stopDate"), value_float(b->arena, (double)run->stop_ms / 1000));
}

static const struct value *executions_maps_described(
    struct arena *arena, const struct execution *execution, const struct map_run *run)
{
    static const char *const statuses[] = {"SUCCEEDED", "FAILED", "FAILED", "ABORTED"};
    AUTO_BUILDER struct value_builder b = VALUE_BUILDER(arena);
    value_builder_set(&b, STR("mapRunArn"), value_string(arena, run->run.arn));
    value_builder_set(&b, STR("executionArn"), value_string(arena, execution->arn));
    value_builder_set(
        &b, STR("status"), value_stringz(arena, run->run.ended ? statuses[run->run.status] : "RUNNING"));
    set_times(&b, run);
    value_builder_set(&b, STR("maxConcurrency"), value_int(arena, run->run.max_concurrency));
    value_builder_set(
        &b, STR("toleratedFailurePercentage"), value_float(arena, run->run.tolerated_percentage));
    value_builder_set(&b, STR("toleratedFailureCount"), value_int(arena, run->run.tolerated_count));
    value_builder_set(&b, STR("itemCounts"), counts_of(arena, &run->run.items));
    value_builder_set(&b, STR("executionCounts"), counts_of(arena, &run->run.executions));
    value_builder_set(&b, STR("redriveCount"), value_int(arena, 0));
    return value_builder_map(&b);
}

int do_describe_map_run(struct service_call *call, struct err *err)
{
    struct str arn;
    struct executions *all = services_executions(call->services);
    if (service_required(call, "mapRunArn", &arn, err))
        return -1;
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

/* The machine's ARN with the Map's label: …:stateMachine:nightly/LABEL, of …:mapRun:nightly/LABEL:ID. */
static const struct value *labelled(struct arena *arena, struct str machine, struct str run)
{
    struct str rest, label = str_cut(run, '/', &rest);
    label = rest.p ? str_cut(rest, ':', &rest) : STR_EMPTY;
    return value_string(arena, arena_printf(arena, "%.*s/%.*s", STR_ARG(machine), STR_ARG(label)));
}

int do_list_map_runs(struct service_call *call, struct err *err)
{
    struct str arn;
    size_t n = 0, first, end;
    const struct value *next;
    if (service_required(call, "executionArn", &arn, err))
        return -1;
    struct execution *execution = execution_find(services_executions(call->services), arn);
    if (!execution)
        return service_refuse(
            err, 400, "ExecutionDoesNotExist", "Execution Does Not Exist: '%.*s'", STR_ARG(arn));
    AUTO_BUILDER struct value_builder runs = VALUE_BUILDER(call->arena), page = VALUE_BUILDER(call->arena);
    pthread_mutex_lock(&execution->all->lock);
    for (const struct map_run *run = execution->map_runs; run; run = run->next, n++) {
        AUTO_BUILDER struct value_builder b = VALUE_BUILDER(call->arena);
        value_builder_set(&b, STR("executionArn"), value_string(call->arena, execution->arn));
        value_builder_set(&b, STR("mapRunArn"), value_string(call->arena, run->run.arn));
        value_builder_set(
            &b, STR("stateMachineArn"), labelled(call->arena, execution->machine, run->run.arn));
        set_times(&b, run);
        value_builder_add(&runs, value_builder_map(&b));
    }
    pthread_mutex_unlock(&execution->all->lock);
    activity_release(execution->activity);
    if (executions_page(call, n, &first, &end, &next, err))
        return -1;
    const struct value *list = value_builder_list(&runs);
    for (size_t i = first; i < end; i++)
        value_builder_add(&page, list->items[i]);
    struct value_entry output[] = {{STR("mapRuns"), value_builder_list(&page)}, {STR("nextToken"), next}};
    call->output = value_map(call->arena, output, next ? 2 : 1);
    return 0;
}
