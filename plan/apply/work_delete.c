/*
 * Deleting what is recorded, or letting go of it; of a replacement the old one.
 */
#include "plan/apply/work.h"

#include "base/clock.h"
#include "plan/apply/abandoned.h"
#include "plan/destroy/teardown.h"
#include "plan/evaluate/adopted.h"
#include "plan/evaluate/context.h"
#include "plan/evaluate/locations.h"
#include "plan/objects/address.h"
#include "plan/objects/objects.h"
#include "plan/refresh/unreachable.h"

enum { OWNED_FOR_MS = 60000 }; /* whose a resource is is asked once more after that */

/* What is deleted: as recorded and seen, in the way that the stack wants it now. */
static const struct value *prior_of(struct work *work)
{
    const struct change *change = work->change;
    const struct value *prior = change->seen->record->attrs;
    if (!change->instance)
        return change->prior ? change->prior : prior;
    if (change->seen->live)
        prior = value_merge(&work->arena, prior, change->seen->live);
    return object_steered(&work->arena, change->schema, prior, change->instance->desired);
}

/* What the stack says of it; NULL: nothing any more. */
static const struct decl *decl_of(const struct work *work)
{
    const struct instance *instance = work->change->instance;
    const struct stack *stack = work->x->p->stack;
    return instance ? instance->decl
                    : stack_find(stack, address_declared(work->change->seen->record->subject.address));
}

/* The provider is opened, and the context made. */
static int begin_delete(struct work *work, struct err *err)
{
    const struct record *record = work->change->seen->record;
    const struct decl *decl = decl_of(work);
    pthread_mutex_lock(&work->x->lock);
    int opened = place_provider(work->x->p, record->subject.provider, record->place, &work->provider, err);
    pthread_mutex_unlock(&work->x->lock);
    if (opened)
        return -1;
    work->place = record->place;
    work_context(work, decl && decl->kind == DECL_RESOURCE ? decl->timeout_delete_ms : 0);
    work->ctx.dir = decl ? local_dir(decl) : work->x->p->stack->dir; /* what takes it back may be a file */
    work->ctx.replaces = work->change->instance && !work->x->plan->destroy;
    const struct planner *p = work->x->p;
    int64_t looked_ms = work->change->owned_at_ms;
    adopted_owner(&work->ctx.owner, record, decl);
    work->ctx.owner.unmarked |= p->options->delete_adopted;
    work->ctx.owner.found_out = looked_ms && clock_mono_ms() - looked_ms < OWNED_FOR_MS;
    return 0;
}

/* A silent service of the stack's own takes it along; of any other one nobody knows whether it is gone. */
static int cannot_delete(struct work *work, struct err *err)
{
    const struct record *record = work->change->seen->record;
    if (abandoned_is(work->x, record, err))
        return WORK_LEFT;
    struct str address = record->subject.address, provider = record->subject.provider;
    pthread_mutex_lock(&work->x->lock);
    const struct unreachable *unreachable = unreachable_find(work->x->p, provider);
    struct str maker = unreachable ? unreachable_maker(work->x->p, unreachable) : STR_EMPTY;
    pthread_mutex_unlock(&work->x->lock);
    if (unreachable)
        return err_hint(
            err, "its service is made by %.*s, which this destroys not: it goes with that", STR_ARG(maker));
    if (!work->x->plan->destroy || !unreachable_is(err) || (err->http_status && err->hint[0]))
        return -1; /* what answers, and is understood, has its own hint */
    return err_hint(err,
        "the service of provider \"%.*s\" is none that this stack makes, so nobody knows whether it is gone: "
        "destroy again when it answers; `weir state rm '%.*s'` forgets what is gone for good",
        STR_ARG(provider), STR_ARG(address));
}

static int delete_recorded(struct work *work, struct err *err)
{
    struct planner *p = work->x->p;
    struct state *state = p->workspace->state;
    const struct resource_ops *ops = work->change->schema->ops;
    struct outcome gone = {.record.subject = work->subject, .action = STR("delete")};
    const struct record *record = work->change->seen->record;
    if (abandoned_is(work->x, record, NULL))
        return WORK_LEFT;
    if (begin_delete(work, err))
        return cannot_delete(work, err);
    const struct value *prior = prior_of(work);
    if (ops->read && work_intent(work, STR("delete"), work->subject.id, err))
        return -1;
    if (ops->delete &&ops->delete (&work->ctx, p->options->teardown, prior, err)) {
        struct err write_error = ERR_INIT;
        if (cannot_delete(work, err) == WORK_LEFT)
            return WORK_LEFT; /* its intent stays open until its service went */
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
    struct work work = {.x = x, .change = change, .subject = change->seen->record->subject};
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
