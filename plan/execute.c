/*
 * The executor: worker threads that take what is ready of the scheduled operations, and the bookkeeping of a
 * run.
 *
 * An operation starts when all it waits for is done. A failure skips what waits for it and nothing else. The
 * first signal stops starting; what is in flight is finished and recorded. The second makes waits give up;
 * the log takes care of the rest.
 */
#include "plan/connections.h"
#include "plan/executor.h"

#include "base/clock.h"
#include "base/mem.h"
#include "plan/context.h"
#include "plan/evaluate.h"
#include "plan/objects.h"
#include "plan/sources.h"
#include "plan/work.h"

#include <stdio.h>
#include <stdlib.h>

enum { DEFAULT_WORKERS = 32, WATCH_MS = 50 /* how late a signal may be seen */ };

void executor_event(struct executor *x, const struct event *event)
{
    pthread_mutex_lock(&x->observer_lock);
    observe(&x->options->observer, event);
    pthread_mutex_unlock(&x->observer_lock);
}

/* ---- running; the lock is held unless said otherwise ---- */

static bool is_change(const struct op *op)
{
    return op->kind == OP_APPLY || op->kind == OP_DELETE;
}

/* The old one of a replacement: its resource is told of with the new one. */
static bool is_aside(const struct op *op)
{
    return op->kind == OP_DELETE && op->change->instance;
}

static enum action op_action(const struct op *op)
{
    return is_aside(op) ? ACTION_DELETE : op->change->decision.action;
}

static struct str op_address(const struct op *op)
{
    return op->kind == OP_DECL ? op->decl->address : op->change->subject.address;
}

/* Of a replacement one half is told of, unless the other was done: then something is left over. */
static bool is_told_elsewhere(const struct executor *x, const struct op *op, const struct op *blocker)
{
    if (op->change->decision.action != ACTION_REPLACE)
        return false;
    if (blocker && blocker->change == op->change)
        return true;
    return is_aside(op) && x->ops[op->change->instance->op].state != OP_DONE;
}

static void announce_op(struct executor *x, const struct op *op, enum event_kind kind, int64_t ms,
    const struct err *err, const char *text)
{
    struct event event = {.kind = kind,
        .address = op_address(op),
        .action = op_action(op),
        .ms = ms,
        .err = err,
        .text = text,
        .aside = is_aside(op)};
    executor_event(x, &event);
}

static void skip_dependents(struct executor *x, uint32_t failed)
{
    uint32_t *stack = mem_realloc_array(NULL, x->op_count, sizeof *stack), n = 0;
    stack[n++] = failed;
    while (n) {
        uint32_t at = stack[--n];
        for (uint32_t e = x->graph.first[at]; e < x->graph.first[at + 1]; e++) {
            struct op *op = &x->ops[x->graph.targets[e]];
            if (op->state != OP_WAITING)
                continue;
            op->state = OP_SKIPPED;
            op->blocker = &x->ops[failed];
            x->unfinished--;
            stack[n++] = x->graph.targets[e];
            if (!is_change(op) || is_told_elsewhere(x, op, op->blocker))
                continue;
            x->result->skipped++;
            char why[512];
            snprintf(why, sizeof why, "%.*s failed", STR_ARG(op_address(op->blocker)));
            announce_op(x, op, EVENT_SKIPPED, 0, NULL, why);
        }
    }
    free(stack);
}

static void finish_op(struct executor *x, uint32_t at, bool ok)
{
    struct op *op = &x->ops[at];
    op->state = ok ? OP_DONE : OP_FAILED;
    x->unfinished--;
    if (!ok) {
        skip_dependents(x, at);
        return;
    }
    for (uint32_t e = x->graph.first[at]; e < x->graph.first[at + 1]; e++) {
        uint32_t target = x->graph.targets[e];
        if (--x->graph.waiting[target] == 0 && x->ops[target].state == OP_WAITING)
            x->ready[(x->ready_first + x->ready_count++) % x->op_count] = target;
    }
}

/* Nothing may be changed that cannot be recorded, nor by a run that lost its lock; without credentials
 * nothing can be, nor where no request is sent at all. */
static bool ends_the_run(struct executor *x, const struct err *err)
{
    bool expired = err->class == ERR_AUTH && (!err->code[0] || str_starts(str_z(err->code), STR("Expired")));
    return expired || err->everywhere || err->class == ERR_LOCKED || state_is_broken(x->p->workspace->state);
}

/* Gives up the lock while it works. */
static bool run_change(struct executor *x, struct op *op)
{
    pthread_mutex_unlock(&x->lock);
    struct err err = ERR_INIT;
    int64_t start = clock_mono_ms();
    announce_op(x, op, EVENT_START, 0, NULL, NULL);
    int status = op->kind == OP_DELETE ? work_delete(x, op->change, &err) : work_apply(x, op->change, &err);
    int64_t ms = clock_mono_ms() - start;
    announce_op(x, op, status ? EVENT_FAILED : EVENT_DONE, ms, status ? &err : NULL, NULL);
    pthread_mutex_lock(&x->lock);
    if (status) {
        x->result->failed++;
        if (x->result->first_error.class == ERR_NONE) {
            x->result->first_error = err;
            err_context(&x->result->first_error, "%.*s", STR_ARG(op_address(op)));
        }
        x->stopping |= ends_the_run(x, &err);
    } else if (!is_aside(op)) {
        enum action action = op_action(op);
        x->result->done[action]++;
        x->result->done[ACTION_UPDATE] += action == ACTION_ADOPT && op->change->attr_count;
    }
    return status == 0;
}

/* An output or local that cannot be computed from what the services answered. */
static bool run_decl(struct executor *x, const struct decl *decl)
{
    const struct diags *diags = x->p->diags;
    size_t errors = diags->n;
    if (evaluate_decl(x->p, decl))
        return true;
    x->result->failed++;
    if (x->result->first_error.class == ERR_NONE && diags->n > errors)
        err_set(&x->result->first_error, ERR_INVALID, "%.*s: %.*s", STR_ARG(decl->address),
            STR_ARG(diags->items[errors].message));
    return false;
}

static void *work_off(void *arg)
{
    struct executor *x = arg;
    pthread_mutex_lock(&x->lock);
    while (x->unfinished && !x->stopping) {
        if (!x->ready_count) {
            pthread_cond_wait(&x->wake, &x->lock);
            continue;
        }
        uint32_t at = x->ready[x->ready_first];
        x->ready_first = (x->ready_first + 1) % x->op_count;
        x->ready_count--;
        struct op *op = &x->ops[at];
        if (op->state != OP_WAITING)
            continue;
        x->running++;
        bool ok = op->kind == OP_JOIN   ? true
                  : op->kind == OP_DECL ? run_decl(x, op->decl)
                                        : run_change(x, op);
        x->running--;
        uint32_t before = x->ready_count;
        finish_op(x, at, ok);
        if (!x->unfinished || x->stopping || x->ready_count > before + 1)
            pthread_cond_broadcast(&x->wake);
        else if (x->ready_count)
            pthread_cond_signal(&x->wake);
    }
    pthread_cond_broadcast(&x->wake);
    pthread_cond_signal(&x->ended);
    pthread_mutex_unlock(&x->lock);
    return NULL;
}

static int worker_count(const struct executor *x)
{
    int most = x->options->parallelism > 0 ? x->options->parallelism : DEFAULT_WORKERS;
    int remote = 0; /* what only evaluates and records gains nothing from a second thread */
    for (uint32_t i = 0; i < x->op_count && remote < most; i++) {
        const struct op *op = &x->ops[i];
        if (!is_change(op))
            continue;
        const struct schema *schema = op->change->schema;
        remote += schema && schema->ops->read != NULL;
    }
    return remote ? remote : 1;
}

static void watch_signals(struct executor *x)
{
    int seen = x->options->signals ? atomic_load(x->options->signals) : 0;
    if (seen >= 1 && !x->result->interrupted) {
        x->result->interrupted = true;
        x->stopping = true;
        executor_event(x, &(struct event){.kind = EVENT_STOPPING});
        pthread_cond_broadcast(&x->wake);
    }
    if (seen >= 2)
        atomic_store(&x->cancel, true);
}

/* The calling thread only watches: for signals, and for the end. */
static void run_workers(struct executor *x)
{
    int count = worker_count(x), started = 0;
    pthread_t *threads = mem_zalloc((size_t)count * sizeof *threads);
    while (started < count && pthread_create(&threads[started], NULL, work_off, x) == 0)
        started++;
    if (!started)
        work_off(x);
    pthread_mutex_lock(&x->lock);
    while (x->unfinished && !(x->stopping && !x->running)) {
        clock_cond_wait(&x->ended, &x->lock, clock_mono_ms() + WATCH_MS);
        watch_signals(x);
    }
    pthread_cond_broadcast(&x->wake);
    pthread_mutex_unlock(&x->lock);
    for (int i = 0; i < started; i++)
        pthread_join(threads[i], NULL);
    free(threads);
}

static void count_not_started(struct executor *x)
{
    for (uint32_t i = 0; i < x->op_count; i++) {
        struct op *op = &x->ops[i];
        if (op->state != OP_WAITING || !is_change(op) || is_told_elsewhere(x, op, NULL))
            continue;
        x->result->skipped++;
        announce_op(
            x, op, EVENT_SKIPPED, 0, NULL, x->result->interrupted ? "interrupted" : "the run was stopped");
    }
}

static void run_ops(struct executor *x)
{
    pthread_mutex_init(&x->lock, NULL);
    pthread_cond_init(&x->wake, NULL);
    clock_cond_init(&x->ended);
    executor_schedule(x);
    if (x->op_count)
        run_workers(x);
    count_not_started(x);
    graph_release(&x->graph);
    free(x->ops);
    free(x->ready);
    pthread_cond_destroy(&x->wake);
    pthread_cond_destroy(&x->ended);
    pthread_mutex_destroy(&x->lock);
}

/* ---- the run around it ---- */

static int record_moves(struct planner *p, struct err *err)
{
    for (size_t i = 0; i < p->recorded.count; i++) {
        const struct seen *seen = &p->recorded.seen[i];
        if (seen->claimed && !str_eq(seen->address, seen->record->subject.address) &&
            state_move(p->workspace->state, seen->record->subject.address, seen->address, err))
            return -1;
    }
    return 0;
}

/* All root outputs as they are now; one that could not be computed keeps its old value. */
static int record_outputs(struct executor *x, struct err *err)
{
    struct planner *p = x->p;
    struct state *state = p->workspace->state;
    const struct value *old = state_outputs(state);
    struct value_builder now = VALUE_BUILDER(p->arena);
    for (size_t i = 0; i < p->stack->root->decl_count && !x->plan->destroy; i++) {
        const struct decl *decl = p->stack->root->decls[i];
        if (decl->kind != DECL_OUTPUT)
            continue;
        const struct value *v = p->evaluated.values[decl->index];
        if (!v || !value_is_known(v))
            v = value_get(old, decl->name);
        if (v)
            value_builder_set(&now, decl->name, v);
    }
    x->result->outputs = value_builder_map(&now);
    if (!x->plan->output_count && !x->plan->change_count)
        return 0;
    return value_equal(old, x->result->outputs) ? 0 : state_set_outputs(state, x->result->outputs, err);
}

static const struct value *counts_value(const struct executor *x)
{
    struct value_builder counts = VALUE_BUILDER(x->p->arena);
    for (int i = 0; i < ACTION_COUNT; i++)
        if (x->result->done[i])
            value_builder_set(&counts, str_z(action_name((enum action)i)),
                value_int(x->p->arena, (int64_t)x->result->done[i]));
    value_builder_set(&counts, STR("failed"), value_int(x->p->arena, (int64_t)x->result->failed));
    value_builder_set(&counts, STR("skipped"), value_int(x->p->arena, (int64_t)x->result->skipped));
    return value_builder_map(&counts);
}

static int run_outcome(struct executor *x, struct err *err)
{
    struct apply_result *result = x->result;
    if (result->interrupted)
        return err_set(
            err, ERR_INTERRUPTED, "interrupted; what was done is recorded, the same command carries on");
    if (!result->failed)
        return 0;
    *err = result->first_error;
    return -1;
}

static bool brings_secrets(const struct plan *plan)
{
    for (size_t i = 0; i < plan->change_count; i++) {
        const struct change *change = &plan->changes[i];
        if (change->instance && object_tells_secrets(change->schema, change->instance->desired))
            return true;
    }
    for (size_t i = 0; i < plan->output_count; i++)
        if (value_is_sensitive(plan->outputs[i].after))
            return true;
    return false;
}

static bool has_secrets(const struct planner *p)
{
    for (size_t i = 0; i < p->recorded.count; i++) {
        const struct record *record = p->recorded.seen[i].record;
        const struct schema *schema = catalog_find(p->workspace->catalog, record->subject.type, false, NULL);
        if (schema && object_tells_secrets(schema, record->attrs))
            return true;
    }
    return value_is_sensitive(state_outputs(p->workspace->state));
}

static void warn_user(struct executor *x, const char *text)
{
    executor_event(x, &(struct event){.kind = EVENT_WARNING, .text = text});
}

/* What the user should know of the state before it is written to. */
static void warn_of_state(struct executor *x)
{
    const struct state *state = x->p->workspace->state;
    if (state_was_torn(state))
        warn_user(
            x, "the state ended in half a record, which was dropped: a run was cut off while writing it");
    if (!state_has_key(state) && brings_secrets(x->plan) && !has_secrets(x->p))
        warn_user(x,
            "the state has no key: it keeps hashes of secrets, which tell a change but cannot be shown "
            "again (`weir state key` makes a key)");
}

/* Of which recovery could not say what became of them. */
static void note_open_intents(struct executor *x)
{
    size_t n;
    const struct intent *const *intents = state_open_intents(x->p->workspace->state, &n);
    for (size_t i = 0; i < n; i++)
        if (str_eqz(intents[i]->action, "create"))
            map_set(&x->open, intents[i]->subject.address, (void *)intents[i]);
}

static int run_locked(struct executor *x, struct err *err)
{
    struct state *state = x->p->workspace->state;
    const char *command = x->plan->destroy ? "destroy" : "apply";
    if (state_begin(state, command, NULL, err) || sources_keep(x->p, err) || record_moves(x->p, err))
        return -1;
    if (connections_apply_begins(x->p, &x->options->observer, &x->observer_lock, &x->cancel, err))
        return -1;
    warn_of_state(x);
    note_open_intents(x);
    run_ops(x);
    connections_apply_ends(x->p, &x->options->observer);
    map_release(&x->open);
    map_release(&x->claimed);
    int status = run_outcome(x, err);
    struct err late = ERR_INIT;
    const char *word = x->result->interrupted ? "interrupted" : status ? "failed" : "done";
    if (record_outputs(x, &late) || state_end(state, word, counts_value(x), &late) ||
        state_flush(state, &late) || state_compact(state, &late)) {
        if (!status)
            *err = late;
        return -1;
    }
    return status;
}

int plan_apply(
    struct plan *plan, const struct apply_options *options, struct apply_result *result, struct err *err)
{
    *result = (struct apply_result){.outputs = &value_empty_map};
    struct state *state = plan->workspace->state;
    struct executor x = {.p = plan->planner,
        .plan = plan,
        .options = options,
        .result = result,
        .observer_lock = PTHREAD_MUTEX_INITIALIZER};
    planner_hand_over(plan->planner, NULL);      /* from here on what is in flight is finished */
    bool locked_before = state_is_locked(state); /* by the command, before it planned */
    uint64_t planned_at = state_seq(state);
    if (!locked_before &&
        state_lock(state, plan->destroy ? "destroy" : "apply", options->lock_timeout_ms, err))
        return -1;
    int status;
    if (state_seq(state) != planned_at) {
        status = err_set(err, ERR_STALE, "the state moved on since this plan was made");
        err_hint(err, "run `weir plan` again");
    } else {
        status = run_locked(&x, err);
    }
    if (!locked_before)
        state_unlock(state);
    return status;
}
