/*
 * Deletes or forgets recorded resources, and the old ones of replacements.
 */
#include "base/clock.h"
#include "base/mem.h"
#include "plan/apply/work.h"
#include "plan/destroy/teardown.h"
#include "plan/evaluate/attributes.h"
#include "plan/evaluate/context.h"
#include "plan/refresh/refresh.h"

#include <stdlib.h>

/* ---- resources that are deleted with their service, in a destroy ---- */

/* By a worker, without the lock: true if the record may be left after that error. err NULL: true if the
 * service is known to be unreachable. */
static bool abandoned_is(struct executor *x, const struct record *record, const struct err *err)
{
    if (!x->plan->destroy)
        return false;
    AUTO_UNLOCK pthread_mutex_t *held = mutex_hold(&x->lock);
    const struct unreachable *unreachable =
        err ? unreachable_note_of(x->p, record, err) : unreachable_find(x->p, record->subject.provider);
    return unreachable && unreachable_is_deleted(x->p, unreachable);
}

void abandoned_add(struct executor *x, const struct op *op, int64_t start_ms)
{
    const struct unreachable *unreachable = unreachable_find(x->p, op->change->subject.provider);
    struct str maker = unreachable_maker(x->p, unreachable);
    char text[512];
    MEM_GROW(x->abandoned, x->abandoned_cap, x->abandoned_count + 1);
    x->abandoned[x->abandoned_count++] = (struct abandoned){.op = op, .start_ms = start_ms};
    snprintf(text, sizeof text, "its service is unreachable; it is deleted with %.*s", STR_ARG(maker));
    executor_report(x, op, EVENT_PROGRESS, 0, NULL, text);
}

static bool record_gone(struct executor *x, struct abandoned *one, struct err *err)
{
    struct outcome gone = {.record.subject = one->op->change->subject, .action = STR("delete")};
    struct str *unseen = (struct str *)x->result->unverified;
    if (state_done(x->p->workspace->state, &gone, err))
        return false;
    one->gone = true;
    unseen[x->result->unverified_count++] = gone.record.subject.address;
    x->result->done[ACTION_DELETE]++;
    executor_report(x, one->op, EVENT_DONE, clock_mono_ms() - one->start_ms, NULL, NULL);
    return true;
}

static void fail_one(struct executor *x, const struct abandoned *one, struct err *err)
{
    struct str address = one->op->change->subject.address;
    struct err ignored = ERR_INIT;
    state_fail(x->p->workspace->state, address, STR("delete"), err, NULL, &ignored);
    x->result->failed++;
    if (x->result->first_error.class == ERR_NONE) {
        x->result->first_error = *err;
        err_context(&x->result->first_error, "%.*s", STR_ARG(address));
    }
    executor_report(x, one->op, EVENT_FAILED, clock_mono_ms() - one->start_ms, err, NULL);
}

/* Drops intents of an interrupted creation whose service no longer exists. */
static void drop_open(struct executor *x)
{
    struct state *state = x->p->workspace->state;
    size_t n;
    const struct intent *const *intents = state_open_intents(state, &n);
    for (size_t i = 0; i < n; i++) {
        struct subject subject = intents[i]->subject;
        const struct unreachable *unreachable = unreachable_find(x->p, subject.provider);
        if (!state_get(state, subject.address) && unreachable && unreachable_is_deleted(x->p, unreachable) &&
            unreachable_is_over(x->p, unreachable))
            state_drop(state, subject.address, ERR_IGNORED);
    }
}

void abandoned_finish(struct executor *x)
{
    x->result->unverified = ARENA_ARRAY(x->p->arena, struct str, x->abandoned_count + 1);
    for (bool again = true; again;) { /* the maker of one service may be in another */
        again = false;
        for (size_t i = 0; i < x->abandoned_count; i++) {
            struct abandoned *one = &x->abandoned[i];
            const struct unreachable *unreachable = unreachable_find(x->p, one->op->change->subject.provider);
            if (!one->gone && unreachable_is_over(x->p, unreachable))
                again |= record_gone(x, one, &one->err);
        }
    }
    for (size_t i = 0; i < x->abandoned_count; i++) {
        struct abandoned *one = &x->abandoned[i];
        if (one->gone)
            continue;
        if (one->err.class == ERR_NONE)
            one->err = unreachable_find(x->p, one->op->change->subject.provider)->err;
        fail_one(x, one, &one->err);
    }
    if (x->plan->destroy)
        drop_open(x);
    qsort((struct str *)x->result->unverified, x->result->unverified_count, sizeof(struct str), str_order);
    free(x->abandoned);
}

enum { OWNED_FOR_MS = 60000 }; /* the owner is read again after that time */

/* The object to delete: recorded and live, with the stack's present attributes for weir itself. */
static const struct value *prior_of(struct work *work)
{
    const struct change *change = work->change;
    const struct value *prior = change->recorded->record->attrs;
    if (!change->instance)
        return change->prior ? change->prior : prior;
    if (change->recorded->live)
        prior = value_merge(&work->arena, prior, change->recorded->live);
    return object_with_weir_only(&work->arena, change->schema, prior, change->instance->desired);
}

/* Its declaration; NULL: none. */
static const struct decl *decl_of(const struct work *work)
{
    const struct instance *instance = work->change->instance;
    const struct stack *stack = work->x->p->stack;
    return instance ? instance->decl
                    : stack_find(stack, address_declared(work->change->recorded->record->subject.address));
}

/* Opens the provider and creates the context. */
static int begin_delete(struct work *work, struct err *err)
{
    const struct record *record = work->change->recorded->record;
    const struct decl *decl = decl_of(work);
    pthread_mutex_lock(&work->x->lock);
    int opened =
        location_provider(work->x->p, record->subject.provider, record->location, &work->provider, err);
    pthread_mutex_unlock(&work->x->lock);
    if (opened)
        return -1;
    work->location = record->location;
    work_context(work, decl && decl->kind == DECL_RESOURCE ? decl_lifecycle(decl)->timeout_delete_ms : 0);
    work->ctx.dir = decl ? local_dir(decl) : work->x->p->stack->dir; /* a deletion may need local files */
    work->ctx.replaces = work->change->instance && !work->x->plan->destroy;
    const struct planner *p = work->x->p;
    int64_t looked_ms = work->change->owned_at_ms;
    adopted_owner(&work->ctx.owner, record, decl);
    work->ctx.owner.untagged |= p->options->delete_adopted;
    work->ctx.owner.owner_checked = looked_ms && clock_mono_ms() - looked_ms < OWNED_FOR_MS;
    return 0;
}

/* Handles an unreachable service: the stack's own one is deleted with the resource; for any other it is
 * unknown whether the resource exists. */
static int cannot_delete(struct work *work, struct err *err)
{
    const struct record *record = work->change->recorded->record;
    if (abandoned_is(work->x, record, err))
        return WORK_ABANDONED;
    struct str address = record->subject.address, provider = record->subject.provider;
    pthread_mutex_lock(&work->x->lock);
    const struct unreachable *unreachable = unreachable_find(work->x->p, provider);
    struct str maker = unreachable ? unreachable_maker(work->x->p, unreachable) : STR_EMPTY;
    pthread_mutex_unlock(&work->x->lock);
    if (unreachable)
        return err_hint(err,
            "its service is a part of %.*s, which this run does not delete: it is deleted with that",
            STR_ARG(maker));
    if (!work->x->plan->destroy || !unreachable_is(err) || (err->http_status && err->hint[0]))
        return -1; /* an understood response has its own hint */
    return err_hint(err,
        "the service of provider \"%.*s\" is not a part of this stack, so whether the resource still exists "
        "is unknown: destroy again when the service answers; `weir state rm '%.*s'` forgets a resource that "
        "no longer exists",
        STR_ARG(provider), STR_ARG(address));
}

static int delete_recorded(struct work *work, struct err *err)
{
    struct planner *p = work->x->p;
    struct state *state = p->workspace->state;
    const struct resource_ops *ops = work->change->schema->ops;
    struct outcome gone = {.record.subject = work->subject, .action = STR("delete")};
    const struct record *record = work->change->recorded->record;
    if (abandoned_is(work->x, record, NULL))
        return WORK_ABANDONED;
    if (begin_delete(work, err))
        return cannot_delete(work, err);
    const struct value *prior = prior_of(work);
    if (ops->read && work_intent(work, STR("delete"), work->subject.id, err))
        return -1;
    if (ops->delete &&ops->delete (&work->ctx, p->options->teardown, prior, err)) {
        struct err write_error = ERR_INIT;
        if (cannot_delete(work, err) == WORK_ABANDONED)
            return WORK_ABANDONED; /* its intent stays open until its service is deleted */
        state_fail(state, work->subject.address, STR("delete"), err, NULL, &write_error);
        return -1;
    }
    if (state_done(state, &gone, err))
        return -1;
    if (work->x->plan->destroy)
        teardown_leaves(p, &work->ctx, prior);
    return 0;
}

int work_delete(struct executor *x, struct change *change, struct err *err)
{
    struct work work = {.x = x, .change = change, .subject = change->recorded->record->subject};
    if (change->instance)
        work.subject.address = change->instance->address;
    if (change->instance && change->decision.create_first)
        work.subject.address = address_deposed(&work.arena, work.subject.address);
    int status = change->decision.action == ACTION_FORGET
                     ? state_drop(x->p->workspace->state, work.subject.address, err)
                     : delete_recorded(&work, err);
    arena_release(&work.arena);
    return status;
}
