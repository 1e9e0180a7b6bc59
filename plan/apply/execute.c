/*
 * The executor: worker threads that execute ready operations, and the counters of a run.
 */
#include "plan/apply/work.h"

#include "base/clock.h"
#include "base/mem.h"
#include "plan/evaluate/context.h"
#include "plan/evaluate/evaluate.h"

#include <stdlib.h>

/*
 * An operation starts when all that it waits for are done. A failure skips its dependents only. The first
 * signal starts no more operations; those in flight are finished and recorded. The second one stops waiting;
 * the log allows recovery.
 */

enum { DEFAULT_WORKERS = 32, WATCH_MS = 50 /* delay until a signal is noticed */ };

void executor_event(struct executor *x, const struct event *event)
{
    AUTO_UNLOCK pthread_mutex_t *held = mutex_hold(&x->observer_lock);
    observe(&x->options->observer, event);
}

/* ---- running; the lock is held unless stated otherwise ---- */

static bool is_change(const struct op *op)
{
    return op->kind == OP_APPLY || op->kind == OP_DELETE;
}

/* True for the deletion of a replacement, which is reported with its creation. */
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

/* True if only the other half of a replacement is reported. If that half succeeded, this one is reported,
 * too. */
static bool is_reported_elsewhere(const struct executor *x, const struct op *op, const struct op *blocker)
{
    if (op->change->decision.action != ACTION_REPLACE)
        return false;
    if (blocker && blocker->change == op->change)
        return true;
    return is_aside(op) && x->ops[op->change->instance->op].state != OP_DONE;
}

/* The attribute that the message begins with, otherwise the resource. */
static struct span failure_span(const struct decl *decl, const struct err *err)
{
    struct str rest, name = str_cut(str_z(err->message), ':', &rest);
    if (!decl)
        return (struct span){0};
    for (size_t i = 0; rest.p && i < decl->attr_count; i++)
        if (str_eq(decl->attrs[i].name, name))
            return node_key_span(decl->attrs[i].entry);
    return decl->span;
}

void executor_report(struct executor *x, const struct op *op, enum event_kind kind, int64_t ms,
    const struct err *err, const char *text)
{
    struct event event = {.kind = kind,
        .address = op_address(op),
        .action = op_action(op),
        .ms = ms,
        .err = err,
        .text = text,
        .step = (uint32_t)(op - x->ops) + 1,
        .of_replacement = is_aside(op)};
    if (kind == EVENT_FAILED && err)
        event.span = failure_span(op->change->decl, err);
    executor_event(x, &event);
}

static void skip_op(struct executor *x, struct op *op, const struct op *blocker, const char *why)
{
    op->state = OP_SKIPPED;
    x->unfinished--;
    if (!is_change(op) || is_reported_elsewhere(x, op, blocker))
        return;
    x->result->skipped++;
    executor_report(x, op, EVENT_SKIPPED, 0, NULL, why);
}

static void skip_dependents(struct executor *x, uint32_t failed, const char *what)
{
    uint32_t *stack = mem_realloc_array(NULL, x->op_count, sizeof *stack), n = 0;
    char why[512];
    snprintf(why, sizeof why, "%.*s %s", STR_ARG(op_address(&x->ops[failed])), what);
    stack[n++] = failed;
    while (n) {
        uint32_t at = stack[--n];
        for (uint32_t e = x->graph.first[at]; e < x->graph.first[at + 1]; e++) {
            struct op *op = &x->ops[x->graph.targets[e]];
            if (op->state != OP_WAITING)
                continue;
            skip_op(x, op, &x->ops[failed], why);
            stack[n++] = x->graph.targets[e];
        }
    }
    free(stack);
}

/* Skips changes that other runs claim, and their dependents. */
static void skip_left(struct executor *x)
{
    for (uint32_t i = 0; i < x->op_count; i++) {
        struct op *op = &x->ops[i];
        if (!is_change(op) || !op->change->claimed_by.n || op->state != OP_WAITING)
            continue;
        x->result->claimed_by_others += !is_aside(op);
        skip_op(x, op, NULL, arena_strz(x->p->arena, op->change->claimed_by));
        skip_dependents(x, i, "is left");
    }
}

static void finish_op(struct executor *x, uint32_t at, bool ok)
{
    struct op *op = &x->ops[at];
    op->state = ok ? OP_DONE : OP_FAILED;
    x->unfinished--;
    if (!ok) {
        skip_dependents(x, at, "failed");
        return;
    }
    for (uint32_t e = x->graph.first[at]; e < x->graph.first[at + 1]; e++) {
        uint32_t target = x->graph.targets[e];
        if (--x->graph.waiting[target] == 0 && x->ops[target].state == OP_WAITING)
            x->ready[(x->ready_first + x->ready_count++) % x->op_count] = target;
    }
}

/* True if the whole run must stop: the state cannot be written, the lock is lost, credentials have expired,
 * or no request can be sent at all. */
static bool ends_the_run(struct executor *x, const struct err *err)
{
    bool expired = err->class == ERR_AUTH && (!err->code[0] || str_starts(str_z(err->code), STR("Expired")));
    return expired || err->everywhere || err->class == ERR_LOCKED || state_is_broken(x->p->workspace->state);
}

/* Releases the lock while it works. */
static bool run_change(struct executor *x, struct op *op)
{
    pthread_mutex_unlock(&x->lock);
    struct err err = ERR_INIT;
    int64_t start = clock_mono_ms();
    executor_report(x, op, EVENT_START, 0, NULL, NULL);
    int status = op->kind == OP_DELETE ? work_delete(x, op->change, &err) : work_apply(x, op->change, &err);
    int64_t ms = clock_mono_ms() - start;
    if (status != WORK_ABANDONED)
        executor_report(x, op, status ? EVENT_FAILED : EVENT_DONE, ms, status ? &err : NULL, NULL);
    pthread_mutex_lock(&x->lock);
    if (status == WORK_ABANDONED) {
        abandoned_add(x, op, start);
        return true;
    }
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

static void fail_unshared(struct executor *x)
{
    struct err *err = &x->result->first_error;
    err_set(err, ERR_FAILED, "the stack that all members share is not applied, or only in part: %.*s",
        STR_ARG(x->p->stack->shared.file));
    err_hint(err, "`weir fleet apply` applies it, and then the members");
}

/* Evaluates an output or local from the services' responses. */
static bool run_decl(struct executor *x, const struct decl *decl)
{
    const struct diags *diags = x->p->diags;
    size_t errors = diags->n;
    bool good = evaluate_decl(x->p, decl);
    bool missing = decl->kind == DECL_SHARED && !value_is_known(planner_value(x->p, decl));
    if (good && !missing)
        return true;
    x->result->failed++;
    if (missing && x->result->first_error.class == ERR_NONE)
        fail_unshared(x);
    if (x->result->first_error.class == ERR_NONE && diags->n > errors)
        err_set(&x->result->first_error, ERR_INVALID, "%.*s: %.*s", STR_ARG(decl->address),
            STR_ARG(diags->items[errors].message));
    return false;
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

static void *work_off(void *arg)
{
    struct executor *x = arg;
    AUTO_UNLOCK pthread_mutex_t *held = mutex_hold(&x->lock);
    while (x->unfinished && !x->stopping) {
        if (!x->ready_count) {
            pthread_cond_wait(&x->wake, &x->lock);
            continue;
        }
        watch_signals(x); /* the watching thread may be late */
        if (x->stopping)
            break;
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
    return NULL;
}

static int worker_count(const struct executor *x)
{
    int most = x->options->parallelism > 0 ? x->options->parallelism : DEFAULT_WORKERS;
    int remote = 0; /* changes in the state only need no second thread */
    for (uint32_t i = 0; i < x->op_count && remote < most; i++) {
        const struct op *op = &x->ops[i];
        if (!is_change(op))
            continue;
        const struct schema *schema = op->change->schema;
        remote += schema && schema->ops->read != NULL;
    }
    return remote ? remote : 1;
}

/* The calling thread only watches signals and waits for the end. */
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
        if (op->state != OP_WAITING || !is_change(op) || is_reported_elsewhere(x, op, NULL))
            continue;
        x->result->skipped++;
        executor_report(
            x, op, EVENT_SKIPPED, 0, NULL, x->result->interrupted ? "interrupted" : "the run was stopped");
    }
}

static void announce_exec_graph(struct executor *x)
{
    struct exec_graph_step *steps = mem_zalloc((x->op_count + 1) * sizeof *steps);
    struct exec_graph exec_graph = {steps, x->graph.first, x->graph.targets, x->op_count};
    for (uint32_t i = 0; i < x->op_count; i++)
        if (is_change(&x->ops[i]))
            steps[i] =
                (struct exec_graph_step){op_address(&x->ops[i]), op_action(&x->ops[i]), is_aside(&x->ops[i])};
    executor_event(x, &(struct event){.kind = EVENT_SCHEDULED, .exec_graph = &exec_graph});
    free(steps);
}

void executor_run(struct executor *x)
{
    pthread_mutex_init(&x->lock, NULL);
    pthread_cond_init(&x->wake, NULL);
    clock_cond_init(&x->ended);
    executor_build_graph(x);
    if (x->options->observer.event)
        announce_exec_graph(x);
    skip_left(x);
    if (x->unfinished)
        run_workers(x);
    count_not_started(x);
    abandoned_finish(x);
    graph_release(&x->graph);
    free(x->ops);
    free(x->ready);
    pthread_cond_destroy(&x->wake);
    pthread_cond_destroy(&x->ended);
    pthread_mutex_destroy(&x->lock);
}
