/* Something that was started: its state, its end, and who waits for that. */
#include "sandbox/calls/services_state.h"

#include "base/clock.h"
#include "base/mem.h"

#include <stdatomic.h>
#include <stdlib.h>

struct activity {
    struct services *services;
    const struct activity_ops *ops;
    void *ctx;
    atomic_int references;
    /* under jobs->lock */
    enum activity_state state;
    struct arena arena; /* of error and cause */
    struct str error, cause;
};

struct activity *activity_new(struct services *services, const struct activity_ops *ops, void *ctx)
{
    struct activity *activity = mem_zalloc(sizeof *activity);
    activity->services = services;
    activity->ops = ops;
    activity->ctx = ctx;
    atomic_init(&activity->references, 1);
    return activity;
}

struct activity *activity_keep(struct activity *activity)
{
    atomic_fetch_add(&activity->references, 1);
    return activity;
}

void activity_release(struct activity *activity)
{
    if (!activity || atomic_fetch_sub(&activity->references, 1) > 1)
        return;
    if (activity->ops->free)
        activity->ops->free(activity->ctx);
    arena_release(&activity->arena);
    free(activity);
}

void activity_set_state(struct activity *activity, enum activity_state state)
{
    AUTO_UNLOCK pthread_mutex_t *held = mutex_hold(&activity->services->lock);
    if (activity->state < ACTIVITY_SUCCEEDED)
        activity->state = state;
}

enum activity_state activity_state_locked(const struct activity *activity)
{
    return activity->state;
}

static enum activity_state state_now(struct activity *activity)
{
    AUTO_UNLOCK pthread_mutex_t *held = mutex_hold(&activity->services->lock);
    enum activity_state state = activity->state;
    return state;
}

void activity_end(struct activity *activity, enum activity_state state, struct str error, struct str cause)
{
    AUTO_UNLOCK pthread_mutex_t *held = mutex_hold(&activity->services->lock);
    if (activity->state < ACTIVITY_SUCCEEDED) {
        activity->state = state;
        activity->error = arena_str(&activity->arena, error);
        activity->cause = arena_str(&activity->arena, cause);
        pthread_cond_broadcast(&activity->services->changed);
    }
}

bool activity_wait(struct activity *activity, int64_t timeout_ms)
{
    struct services *services = activity->services;
    int64_t deadline = timeout_ms < 0 ? -1 : clock_mono_ms() + timeout_ms;
    AUTO_UNLOCK pthread_mutex_t *held = mutex_hold(&services->lock);
    while (activity->state < ACTIVITY_SUCCEEDED && !services->stopping && services_wait(services, deadline))
        ;
    return activity->state >= ACTIVITY_SUCCEEDED;
}

void activity_stop(struct activity *activity)
{
    if (state_now(activity) < ACTIVITY_SUCCEEDED && activity->ops->stop)
        activity->ops->stop(activity->ctx);
}

void activity_result(struct activity *activity, struct arena *arena, struct activity_result *out)
{
    pthread_mutex_lock(&activity->services->lock);
    *out = (struct activity_result){.state = activity->state,
        .error = arena_str(arena, activity->error),
        .cause = arena_str(arena, activity->cause)};
    pthread_mutex_unlock(&activity->services->lock);
    out->output = activity->ops->output ? activity->ops->output(activity->ctx, arena) : &value_empty_map;
}
