/* Parallel and Map: concurrent lines of states. The first failure stops the others. */
#include "sandbox/asl/asl_internal.h"

#include "base/json.h"
#include "base/mem.h"
#include "base/threads.h"

#include <stdlib.h>

enum {
    MAX_CONCURRENCY = 40, /* the service's limit for an inline Map */
    MAX_LEFT = 64 * 1024 * 1024,
    MAX_LEFT_DEPTH = 240, /* JSON is parsed to a depth of 256 */
};

struct branch {
    struct arena arena;
    struct asl_line line;
    const struct value *input;
    const struct value *before; /* output or position from an earlier attempt; NULL: none */
    struct asl_outcome outcome;
    struct asl_point at; /* position after a failure */
};

struct branches {
    struct asl_visit *visit;
    struct asl_scope scope;
    struct branch *items;
    size_t n, at_a_time;
    bool map;
    int64_t started;      /* history: id of the event before all branches */
    atomic_llong last;    /* history: latest event of the branch that ended last */
    atomic_size_t failed; /* index + 1 of the first failed branch */
};

/* ---- history ---- */

static void map_event(struct branches *all, struct branch *branch, const char *type)
{
    struct arena *arena = &branch->arena;
    if (!all->map)
        return;
    struct value_entry details[] = {{STR("name"), value_string(arena, all->visit->name)},
        {STR("index"), value_int(arena, branch - all->items)}};
    const char *name = arena_printf(arena, "m%sEventDetails", type + 1).p;
    if (str_ends(str_z(type), STR("Failed")))
        asl_event_aside(&branch->line, type, name, value_map(arena, details, 2));
    else
        asl_event(&branch->line, type, name, value_map(arena, details, 2));
}

static void started_event(struct branches *all)
{
    struct arena *arena = all->visit->eval.arena;
    if (all->map)
        asl_event(all->visit->line, "MapStateStarted", "mapStateStartedEventDetails",
            value_with(arena, NULL, STR("length"), value_int(arena, (int64_t)all->n)));
    else
        asl_event(all->visit->line, "ParallelStateStarted", NULL, NULL);
}

/* ---- one branch ---- */

static void run_branch(void *ctx, size_t i)
{
    struct branches *all = ctx;
    struct branch *branch = &all->items[i];
    const struct asl_host *host = all->visit->line->execution->host;
    branch->outcome.status = ASL_ABORTED;
    const struct value *output = value_getz(branch->before, "output");
    if (output)
        branch->outcome = (struct asl_outcome){.status = ASL_SUCCEEDED, .output = output};
    if (output || asl_stopped(&all->scope))
        return;
    struct asl_point from = asl_point_of(branch->before);
    branch->line.event = i < all->at_a_time ? all->started : atomic_load(&all->last);
    if (!from.state.n) {
        from.input = branch->input;
        map_event(all, branch, "MapIterationStarted");
    }
    asl_line_resume(&branch->arena, &branch->line, &from, &branch->outcome, &branch->at);
    atomic_store(&all->last, branch->line.event);
    enum asl_status status = branch->outcome.status;
    map_event(all, branch,
        status == ASL_SUCCEEDED ? "MapIterationSucceeded"
        : status == ASL_ABORTED ? "MapIterationAborted"
                                : "MapIterationFailed");
    if (status == ASL_SUCCEEDED || status == ASL_ABORTED)
        return;
    size_t nobody = 0;
    atomic_compare_exchange_strong(&all->failed, &nobody, i + 1);
    atomic_store(&all->scope.stopped, true);
    host->wake(host->ctx);
}

/* ---- all branches ---- */

static struct branches *branches_new(struct asl_visit *visit, size_t n, bool map)
{
    struct branches *all = mem_zalloc(sizeof *all);
    all->visit = visit;
    all->scope.parent = visit->line->scope;
    all->n = n;
    all->map = map;
    all->items = mem_zalloc((n + 1) * sizeof *all->items);
    const struct value *before = visit->left_before;
    if (!before)
        started_event(all);
    all->started = visit->line->event;
    atomic_init(&all->last, all->started);
    for (size_t i = 0; i < n; i++) {
        if (before && before->kind == VALUE_LIST && i < before->count)
            all->items[i].before = before->items[i];
        all->items[i].line = *visit->line;
        all->items[i].line.scope = &all->scope;
        all->items[i].line.jsonata = visit->eval.jsonata;
        all->items[i].line.outer = visit->eval.variables;
        all->items[i].line.own = NULL;
        all->items[i].line.trial = NULL;
        all->items[i].line.own_arena = (struct arena)ARENA_INIT;
    }
    return all;
}

static void branches_free(struct branches *all)
{
    for (size_t i = 0; i < all->n; i++)
        arena_release(&all->items[i].arena);
    free(all->items);
    free(all);
}

/* If no more threads may be started, the caller's thread runs all branches in turn. */
void asl_spread(
    struct asl_line *line, size_t n, size_t at_a_time, void (*work)(void *ctx, size_t i), void *ctx)
{
    atomic_int *left = line->threads;
    int want = (int)(at_a_time < n ? at_a_time : n) - 1, got = 0;
    while (got < want) {
        int have = atomic_load(left);
        if (have < 1)
            break;
        if (atomic_compare_exchange_weak(left, &have, have - 1))
            got++;
    }
    pool_run(got + 1, n, work, ctx);
    atomic_fetch_add(left, got);
}

/* Returns the outputs and positions of the branches for a redrive. NULL if they exceed the limits: then all
 * branches run again. */
static const struct value *unfinished_branches(struct branches *all, struct arena *arena)
{
    AUTO_BUILDER struct value_builder list = VALUE_BUILDER(arena);
    for (size_t i = 0; i < all->n; i++) {
        const struct branch *branch = &all->items[i];
        struct value_entry done = {STR("output"), branch->outcome.output};
        const struct value *stands = asl_point_value(arena, &branch->at);
        if (!stands && branch->before)
            stands = branch->before; /* the branch did not start again */
        value_builder_add(&list, branch->outcome.output ? value_map(arena, &done, 1)
                                 : stands               ? stands
                                                        : &value_null);
    }
    const struct value *all_of_it = value_builder_list(&list);
    bool fits = value_size(all_of_it) <= MAX_LEFT && all_of_it->depth <= MAX_LEFT_DEPTH;
    return fits ? value_copy(arena, all_of_it) : NULL;
}

static const struct value *asl_branches_gather(struct branches *all)
{
    struct asl_visit *visit = all->visit;
    struct arena *arena = visit->eval.arena;
    AUTO_BUILDER struct value_builder results = VALUE_BUILDER(arena);
    for (size_t i = 0; i < all->n; i++) {
        const struct branch *branch = &all->items[i];
        if (branch->line.skipped_ms > visit->line->skipped_ms)
            visit->line->skipped_ms = branch->line.skipped_ms;
        if (branch->line.event > visit->line->event)
            visit->line->event = branch->line.event;
        if (branch->outcome.output)
            value_builder_add(&results, value_copy(arena, branch->outcome.output));
    }
    size_t failed = atomic_load(&all->failed);
    if (results.n < all->n && visit->line->keeps_point)
        visit->left = unfinished_branches(all, arena);
    if (!failed)
        return results.n == all->n ? value_builder_list(&results) : NULL;
    const struct asl_outcome *why = &all->items[failed - 1].outcome;
    visit->line->event = all->items[failed - 1].line.event;
    visit->timed_out = why->status == ASL_TIMED_OUT;
    visit->eval.unnamed = why->unnamed;
    visit->eval.error =
        (struct asl_error){arena_str(arena, why->error.name), arena_str(arena, why->error.cause)};
    return NULL;
}

static const struct value *asl_branches_finish(struct branches *all, size_t at_a_time)
{
    all->at_a_time = at_a_time;
    asl_spread(all->visit->line, all->n, at_a_time, run_branch, all);
    const struct value *result = asl_branches_gather(all);
    if (result)
        asl_event_aside(
            all->visit->line, all->map ? "MapStateSucceeded" : "ParallelStateSucceeded", NULL, NULL);
    branches_free(all);
    return result;
}

const struct value *asl_parallel(struct asl_visit *visit, const struct value *input)
{
    const struct value *machines = value_getz(visit->state, "Branches");
    size_t n = machines && machines->kind == VALUE_LIST ? machines->count : 0;
    struct branches *all = branches_new(visit, n, false);
    for (size_t i = 0; i < n; i++) {
        all->items[i].line.machine = machines->items[i];
        all->items[i].input = input;
    }
    return asl_branches_finish(all, n);
}

/* ---- Map ---- */

const struct value *asl_items(struct asl_visit *visit, const struct value *input)
{
    struct asl_eval *eval = &visit->eval;
    const struct value *path = value_getz(visit->state, "ItemsPath"),
                       *items = value_getz(visit->state, "Items");
    if (eval->jsonata && items)
        return asl_jsonata_as(eval, items, "Items", "array");
    if (path)
        input = asl_find(eval, value_text(path, STR_EMPTY), input);
    if (input && input->kind != VALUE_LIST && eval->jsonata)
        asl_fail(eval, "States.QueryEvaluationError", "Map state input must be an array but was: %.*s",
            STR_ARG(json_as_text(eval->arena, input)->string));
    else if (input && input->kind != VALUE_LIST)
        asl_fail(eval, "States.Runtime", "The items of the Map state '%.*s' are not an array",
            STR_ARG(visit->name));
    return eval->error.name.n ? NULL : input;
}

/* Parameters is the deprecated name of ItemSelector. */
const struct value *asl_item(struct asl_visit *visit, int64_t index, const struct value *item,
    const struct value *input, const struct value **map)
{
    struct arena *arena = visit->eval.arena;
    const struct value *selector = value_getz(visit->state, "ItemSelector");
    if (!selector)
        selector = value_getz(visit->state, "Parameters");
    struct value_entry parts[] = {{STR("Index"), value_int(arena, index)}, {STR("Value"), item}};
    *map = value_with(arena, NULL, STR("Item"), value_map(arena, parts, 2));
    if (!selector)
        return item;
    const struct value *outside = visit->eval.context;
    visit->eval.context = value_with(arena, outside, STR("Map"), *map);
    const struct value *made = asl_fill(&visit->eval, selector, "ItemSelector", input);
    visit->eval.context = outside;
    return made;
}

const struct value *asl_map(struct asl_visit *visit, const struct value *input)
{
    if (asl_is_distributed(visit->state))
        return asl_distributed(visit, input);
    const struct value *machine = asl_processor(visit->state);
    const struct value *items = asl_items(visit, input);
    int64_t at_a_time = 0;
    asl_number(visit, "MaxConcurrency", input, &at_a_time);
    if (!items || visit->eval.error.name.n)
        return NULL;
    struct branches *all = branches_new(visit, items->count, true);
    for (uint32_t i = 0; i < items->count; i++) {
        all->items[i].line.machine = machine;
        all->items[i].input = asl_item(visit, i, items->items[i], input, &all->items[i].line.map);
        if (!all->items[i].input) {
            branches_free(all);
            return NULL;
        }
    }
    return asl_branches_finish(
        all, at_a_time > 0 && at_a_time < MAX_CONCURRENCY ? (size_t)at_a_time : MAX_CONCURRENCY);
}
