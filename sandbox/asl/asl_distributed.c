/*
 * Map in mode DISTRIBUTED: a reader may supply the items, each item or batch is a child execution, a number
 * of failures may be tolerated, and a writer may store the results.
 */
#include "base/clock.h"
#include "base/hash.h"
#include "base/json.h"
#include "base/mem.h"
#include "sandbox/asl/asl_internal.h"

#include <stdlib.h>

enum { EXPRESS_MS = 300000, MAX_AT_A_TIME = 10000 };

/* A child execution: of an item or a batch. */
struct child {
    struct arena arena;
    struct asl_map_result result;
    int64_t items, skipped_ms;
};

struct distributed {
    struct asl_visit *visit;
    struct asl_scope scope;
    struct child *children;
    size_t n;
    const struct value *processor;
    bool express;
    pthread_mutex_t lock; /* guards the members below */
    struct asl_map_run run;
    bool exceeded;
    int64_t started_event; /* id of MapRunStarted */
};

/* ---- settings ---- */

/* Returns a number that `holder` has as a literal or by a path, or `fallback` if it has none. */
static int64_t limit_of(struct asl_visit *visit, const struct value *holder, const char *member,
    const struct value *input, int64_t fallback)
{
    const struct value *state = visit->state;
    int64_t n = fallback;
    visit->state = holder;
    if (holder && !visit->eval.error.name.n)
        asl_number(visit, member, input, &n);
    visit->state = state;
    return n;
}

static double percentage_of(struct asl_visit *visit, const struct value *input)
{
    const struct value *v = value_getz(visit->state, "ToleratedFailurePercentage"),
                       *path = value_getz(visit->state, "ToleratedFailurePercentagePath");
    if (path)
        v = asl_find(&visit->eval, value_text(path, STR_EMPTY), input);
    else if (v && visit->eval.jsonata)
        v = asl_jsonata_as(&visit->eval, v, "ToleratedFailurePercentage", "number");
    if (!v)
        return 0;
    double n = value_is_number(v) ? value_number(v) : -1;
    if (path && !value_is_number(v))
        asl_fail(&visit->eval, "States.Runtime",
            "The ToleratedFailurePercentagePath field refers to value \"%.*s\" which is not a valid float: "
            "%.*s",
            STR_ARG(asl_text(visit->eval.arena, v)), STR_ARG(value_text(path, STR_EMPTY)));
    if (n < 0 || n > 100)
        asl_fail(&visit->eval, "States.Runtime", "ToleratedFailurePercentage must be between 0 and 100.");
    return n;
}

static void read_settings(struct distributed *d, const struct value *input)
{
    struct asl_visit *visit = d->visit;
    struct asl_map_run *run = &d->run;
    run->label = value_gets(visit->state, "Label");
    run->tolerated_count = limit_of(visit, visit->state, "ToleratedFailureCount", input, 0);
    run->tolerated_percentage = percentage_of(visit, input);
    d->processor = asl_processor(visit->state);
    d->express = str_eqz(value_gets(value_getz(d->processor, "ProcessorConfig"), "ExecutionType"), "EXPRESS");
}

/* ---- items ---- */

/* Evaluates the parameters of a reader or a writer (Arguments in JSONata); the host receives them as
 * Parameters. */
static const struct value *with_parameters(
    struct asl_visit *visit, const struct value *holder, const char *name, const struct value *input)
{
    struct arena *arena = visit->eval.arena;
    const char *member = visit->eval.jsonata ? "Arguments" : "Parameters";
    const struct value *given = value_getz(holder, member);
    if (!given)
        return holder;
    given = asl_fill(&visit->eval, given, arena_printf(arena, "%s/%s", name, member).p, input);
    return given ? value_with(arena, holder, STR("Parameters"), given) : NULL;
}

static const struct value *filled_reader(
    struct asl_visit *visit, const struct value *reader, const struct value *input)
{
    struct arena *arena = visit->eval.arena;
    const struct value *config = value_getz(reader, "ReaderConfig");
    reader = with_parameters(visit, reader, "ItemReader", input);
    if (!reader)
        return NULL;
    int64_t most = limit_of(visit, config, "MaxItems", input, 0);
    if (visit->eval.error.name.n)
        return NULL;
    return config && most ? value_with(arena, reader, STR("ReaderConfig"),
                                value_with(arena, config, STR("MaxItems"), value_int(arena, most)))
                          : reader;
}

/* ---- batches ---- */

struct batching {
    struct distributed *d;
    const struct value *common; /* evaluated BatchInput; NULL: none */
    int64_t max_items, max_bytes;
    struct value_builder items;
    int64_t bytes;
    size_t cap;
};

static struct child *add_child(struct distributed *d, size_t *cap, const struct value *input, int64_t items)
{
    MEM_GROW(d->children, *cap, d->n + 1);
    d->children[d->n] = (struct child){.result.input = input, .items = items};
    return &d->children[d->n++];
}

static void asl_distributed_flush(struct batching *b)
{
    struct arena *arena = b->d->visit->eval.arena;
    int64_t n = (int64_t)b->items.n;
    if (!n)
        return;
    struct value_entry parts[] = {
        {STR("Items"), value_builder_list(&b->items)}, {STR("BatchInput"), b->common}};
    add_child(b->d, &b->cap, value_map(arena, parts, b->common ? 2 : 1), n);
    b->bytes = 0;
}

static void add_to_batch(struct batching *b, const struct value *item)
{
    int64_t bytes = b->max_bytes ? (int64_t)json_as_text(b->d->visit->eval.arena, item)->string.n + 1 : 0;
    if (b->max_bytes && b->bytes + bytes > b->max_bytes)
        asl_distributed_flush(b);
    value_builder_add(&b->items, item);
    b->bytes += bytes;
    if (b->max_items && (int64_t)b->items.n >= b->max_items)
        asl_distributed_flush(b);
}

static int make_children(struct distributed *d, const struct value *items, const struct value *input)
{
    struct asl_visit *visit = d->visit;
    const struct value *batcher = value_getz(visit->state, "ItemBatcher"),
                       *template = value_getz(batcher, "BatchInput"), *map;
    struct batching b = {.d = d,
        .items = VALUE_BUILDER(visit->eval.arena),
        .max_items = limit_of(visit, batcher, "MaxItemsPerBatch", input, 0),
        .max_bytes = limit_of(visit, batcher, "MaxInputBytesPerBatch", input, 0)};
    b.common = template ? asl_fill(&visit->eval, template, "ItemBatcher/BatchInput", input) : NULL;
    for (uint32_t i = 0; i < items->count && !visit->eval.error.name.n; i++) {
        const struct value *item = asl_item(visit, i, items->items[i], input, &map);
        if (item && batcher)
            add_to_batch(&b, item);
        else if (item)
            add_child(d, &b.cap, item, 1);
    }
    asl_distributed_flush(&b);
    value_builder_release(&b.items);
    d->run.items.total = d->run.items.pending = items->count;
    d->run.executions.total = d->run.executions.pending = (int64_t)d->n;
    return visit->eval.error.name.n ? -1 : 0;
}

/* ---- counts ---- */

static void asl_distributed_report(struct distributed *d)
{
    const struct asl_host *host = d->visit->line->execution->host;
    host->map_run(host->ctx, d->visit->eval.arena, &d->run);
}

static void asl_distributed_count(struct asl_map_counts *counts, enum asl_status status, int64_t n)
{
    int64_t *const ends[] = {&counts->succeeded, &counts->failed, &counts->timed_out, &counts->aborted};
    *ends[status] += n;
}

static bool is_exceeded(const struct asl_map_run *run)
{
    int64_t failed = run->items.failed + run->items.timed_out;
    bool by_count = failed > run->tolerated_count;
    bool by_share = (double)failed * 100 > run->tolerated_percentage * (double)run->items.total;
    /* With both limits, exceeding either is enough; otherwise only the configured one counts. */
    return run->tolerated_count && run->tolerated_percentage > 0 ? by_count || by_share
           : run->tolerated_percentage > 0                       ? by_share
                                                                 : by_count;
}

/* Counts a child as running, or as ended with its status; stops the run if the threshold is exceeded. */
static void count_child(struct distributed *d, const struct child *child, bool running)
{
    const struct asl_host *host = d->visit->line->execution->host;
    bool over = false;
    pthread_mutex_lock(&d->lock);
    int64_t was_running = child->result.start_ms && !running;
    *(was_running ? &d->run.items.running : &d->run.items.pending) -= child->items;
    *(was_running ? &d->run.executions.running : &d->run.executions.pending) -= 1;
    if (running) {
        d->run.items.running += child->items;
        d->run.executions.running++;
    } else {
        asl_distributed_count(&d->run.items, child->result.status, child->items);
        asl_distributed_count(&d->run.executions, child->result.status, 1);
        over = !d->exceeded && is_exceeded(&d->run);
        d->exceeded = d->exceeded || over;
    }
    asl_distributed_report(d);
    pthread_mutex_unlock(&d->lock);
    if (over) {
        atomic_store(&d->scope.stopped, true);
        host->wake(host->ctx);
    }
}

/* ---- child executions ---- */

/* arn:aws:states:eu-west-1:000000000000:execution:nightly/LABEL:NAME */
static void name_child(struct distributed *d, struct child *child)
{
    const struct value *context = d->visit->line->execution->context;
    struct str id = value_gets(value_getz(context, "Execution"), "Id"), run = d->run.arn;
    ptrdiff_t at = str_find(id, STR(":execution:"), 0), map = str_find(run, STR(":mapRun:"), 0);
    struct str front = str_slice(id, 0, at < 0 ? 0 : (size_t)at);
    struct str label = map < 0 ? STR_EMPTY : str_slice(run, (size_t)map + 8, run.n), rest;
    label = str_cut(label, ':', &rest);
    child->result.name = uuid_random(&child->arena);
    child->result.arn = arena_printf(&child->arena, "%.*s:%s:%.*s:%.*s", STR_ARG(front),
        d->express ? "express" : "execution", STR_ARG(label), STR_ARG(child->result.name));
}

static const struct value *context_of(struct distributed *d, struct child *child)
{
    struct arena *arena = &child->arena;
    const struct value *context = d->visit->line->execution->context;
    const struct value *own = value_getz(context, "Execution");
    own = value_with(arena, own, STR("Id"), value_string(arena, child->result.arn));
    own = value_with(arena, own, STR("Name"), value_string(arena, child->result.name));
    own = value_with(arena, own, STR("Input"), child->result.input);
    own = value_with(
        arena, own, STR("StartTime"), value_string(arena, time_rfc3339(arena, child->result.start_ms, true)));
    return value_with(arena, context, STR("Execution"), own);
}

static int64_t deadline_of(const struct distributed *d, int64_t now)
{
    int64_t all = d->visit->line->deadline_ms, own = d->express ? now + EXPRESS_MS : 0;
    return !all ? own : !own ? all : all < own ? all : own;
}

static void run_child(void *ctx, size_t i)
{
    struct distributed *d = ctx;
    struct child *child = &d->children[i];
    struct asl_outcome outcome = {.status = ASL_ABORTED};
    struct asl_execution execution = *d->visit->line->execution;
    if (!asl_stopped(&d->scope)) {
        struct asl_line line = {.execution = &execution,
            .scope = &d->scope,
            .machine = d->processor,
            .threads = d->visit->line->threads,
            .jsonata = d->visit->eval.jsonata,
            .skipped_ms = d->visit->line->skipped_ms};
        child->result.start_ms = asl_now(&line);
        name_child(d, child);
        execution.definition = d->processor;
        execution.input = child->result.input;
        execution.context = context_of(d, child);
        execution.scope = &d->scope;
        execution.quiet = true;
        line.deadline_ms = deadline_of(d, child->result.start_ms);
        count_child(d, child, true);
        asl_line_run(&child->arena, &line, child->result.input, &outcome);
        child->skipped_ms = line.skipped_ms;
        child->result.stop_ms = asl_now(&line);
    }
    child->result.status = outcome.status;
    child->result.output = outcome.output;
    child->result.error = outcome.error;
    if (outcome.status == ASL_TIMED_OUT)
        child->result.error.name = STR("States.Timeout");
    count_child(d, child, false);
}

/* ---- results ---- */

/* Returns the outputs of the children in the order of their items; tolerated failures are left out. */
static const struct value *outputs_of(struct distributed *d, bool flat)
{
    struct arena *arena = d->visit->eval.arena;
    AUTO_BUILDER struct value_builder b = VALUE_BUILDER(arena);
    for (size_t i = 0; i < d->n; i++) {
        const struct value *output = d->children[i].result.output;
        if (!output)
            continue;
        output = value_copy(arena, output);
        for (uint32_t k = 0; flat && output->kind == VALUE_LIST && k < output->count; k++)
            value_builder_add(&b, output->items[k]);
        if (!flat || output->kind != VALUE_LIST)
            value_builder_add(&b, output);
    }
    return value_builder_list(&b);
}

/* ---- ResultWriter ---- */

static const struct value *write_results(
    struct distributed *d, const struct value *writer, const struct value *input)
{
    struct asl_visit *visit = d->visit;
    struct arena *arena = visit->eval.arena;
    const struct asl_host *host = visit->line->execution->host;
    struct asl_error error = {.name = STR_EMPTY};
    writer = with_parameters(visit, writer, "ResultWriter", input);
    if (!writer)
        return NULL;
    struct asl_map_result *results = ARENA_ARRAY(arena, struct asl_map_result, d->n + 1);
    for (size_t i = 0; i < d->n; i++)
        results[i] = d->children[i].result;
    const struct value *details =
        host->write_results(host->ctx, arena, &d->run, writer, results, d->n, &error);
    if (!details) {
        visit->eval.error = error;
        return NULL;
    }
    return VALUE_MAP(
        arena, {STR("MapRunArn"), value_string(arena, d->run.arn)}, {STR("ResultWriterDetails"), details});
}

static const struct value *result_of(struct distributed *d, const struct value *input)
{
    struct asl_visit *visit = d->visit;
    const struct value *writer = value_getz(visit->state, "ResultWriter");
    const struct value *shape = value_getz(value_getz(writer, "WriterConfig"), "Transformation");
    visit->timed_out = visit->line->deadline_ms && asl_now(visit->line) >= visit->line->deadline_ms;
    if (visit->timed_out || asl_stopped(visit->line->scope))
        return NULL;
    d->run.items.written = d->run.items.succeeded + d->run.items.failed + d->run.items.timed_out;
    d->run.executions.written =
        d->run.executions.succeeded + d->run.executions.failed + d->run.executions.timed_out;
    const struct value *written = value_getz(writer, "Resource") ? write_results(d, writer, input) : NULL;
    if (d->exceeded && !visit->eval.error.name.n)
        visit->eval.error = (struct asl_error){STR("States.ExceedToleratedFailureThreshold"),
            STR("The specified tolerated failure threshold was exceeded")};
    if (visit->eval.error.name.n)
        return NULL;
    return written ? written : outputs_of(d, str_eqz(value_text(shape, STR_EMPTY), "FLATTEN"));
}

/* ---- history and the whole run ---- */

/* Returns false if no Map Run was started. */
static bool asl_distributed_begin(
    struct distributed *d, const struct value *items, const struct value *input, const struct value **reader)
{
    struct asl_visit *visit = d->visit;
    struct arena *arena = visit->eval.arena;
    struct value_entry length = {STR("length"), value_int(arena, items ? items->count : 0)};
    d->run.max_concurrency = limit_of(visit, visit->state, "MaxConcurrency", input, 0);
    if (visit->eval.error.name.n)
        return false;
    asl_event(visit->line, "MapStateStarted", "mapStateStartedEventDetails", value_map(arena, &length, 1));
    read_settings(d, input);
    if (*reader)
        *reader = filled_reader(visit, *reader, input);
    if (visit->eval.error.name.n)
        return false;
    d->run.status = ASL_SUCCEEDED;
    asl_distributed_report(d);
    struct value_entry arn = {STR("mapRunArn"), value_string(arena, d->run.arn)};
    asl_event(visit->line, "MapRunStarted", "mapRunStartedEventDetails", value_map(arena, &arn, 1));
    d->started_event = visit->line->event;
    return true;
}

static void asl_distributed_end(struct distributed *d, bool succeeded)
{
    struct asl_visit *visit = d->visit;
    struct arena *arena = visit->eval.arena;
    const struct asl_error *error = &visit->eval.error;
    bool aborted = asl_stopped(visit->line->scope);
    struct value_entry why[] = {
        {STR("error"), value_string(arena, error->name)}, {STR("cause"), value_string(arena, error->cause)}};
    d->run.ended = true;
    d->run.status = succeeded ? ASL_SUCCEEDED : aborted ? ASL_ABORTED : ASL_FAILED;
    asl_distributed_report(d);
    if (succeeded)
        asl_event(visit->line, "MapRunSucceeded", NULL, NULL);
    else if (aborted)
        asl_event(visit->line, "MapRunAborted", NULL, NULL);
    else
        asl_event(visit->line, "MapRunFailed", error->name.n ? "mapRunFailedEventDetails" : NULL,
            error->name.n ? value_map(arena, why, 2) : NULL);
    if (succeeded)
        asl_event_aside(visit->line, "MapStateSucceeded", NULL, NULL);
    if (succeeded &&
        visit->before_event) /* observed at AWS for most Maps that are not a machine's first state */
        visit->line->event = d->started_event;
}

static void asl_distributed_release(struct distributed *d)
{
    for (size_t i = 0; i < d->n; i++)
        arena_release(&d->children[i].arena);
    free(d->children);
    pthread_mutex_destroy(&d->lock);
}

const struct value *asl_distributed(struct asl_visit *visit, const struct value *input)
{
    struct distributed d = {.visit = visit, .scope.parent = visit->line->scope};
    const struct asl_host *host = visit->eval.host;
    const struct value *reader = value_getz(visit->state, "ItemReader"), *result = NULL;
    const struct value *items = reader ? NULL : asl_items(visit, input);
    if (!asl_distributed_begin(&d, items, input, &reader))
        return NULL;
    pthread_mutex_init(&d.lock, NULL);
    if (reader)
        items = host->read_items(host->ctx, visit->eval.arena, reader, &visit->eval.error);
    if (items && !make_children(&d, items, input)) {
        int64_t most = d.run.max_concurrency;
        asl_spread(
            visit->line, d.n, most > 0 && most < MAX_AT_A_TIME ? (size_t)most : MAX_AT_A_TIME, run_child, &d);
        for (size_t i = 0; i < d.n; i++)
            if (d.children[i].skipped_ms > visit->line->skipped_ms)
                visit->line->skipped_ms = d.children[i].skipped_ms;
        result = result_of(&d, input);
    }
    asl_distributed_end(&d, result != NULL);
    asl_distributed_release(&d);
    return result;
}
