/* Something that was started: its state, its end, and who waits for that. */
#include "sandbox/calls/services_state.h"

#include "base/clock.h"
#include "base/mem.h"

#include <stdatomic.h>
#include <stdlib.h>
#include <time.h>

struct job_run {
    struct jobs *jobs;
    const struct job_run_ops *ops;
    void *ctx;
    atomic_int references;
    /* under jobs->lock */
    enum job_state state;
    struct arena arena; /* of error and cause */
    struct str error, cause;
};

struct job_run *job_run_new(struct jobs *jobs, const struct job_run_ops *ops, void *ctx)
{
    struct job_run *run = mem_zalloc(sizeof *run);
    run->jobs = jobs;
    run->ops = ops;
    run->ctx = ctx;
    atomic_init(&run->references, 1);
    return run;
}

struct job_run *job_run_keep(struct job_run *run)
{
    atomic_fetch_add(&run->references, 1);
    return run;
}

void job_run_release(struct job_run *run)
{
    if (!run || atomic_fetch_sub(&run->references, 1) > 1)
        return;
    if (run->ops->free)
        run->ops->free(run->ctx);
    arena_release(&run->arena);
    free(run);
}

void job_run_set_state(struct job_run *run, enum job_state state)
{
    pthread_mutex_lock(&run->jobs->lock);
    if (run->state < JOB_SUCCEEDED)
        run->state = state;
    pthread_mutex_unlock(&run->jobs->lock);
}

enum job_state run_state_locked(const struct job_run *run)
{
    return run->state;
}

enum job_state job_run_state(struct job_run *run)
{
    pthread_mutex_lock(&run->jobs->lock);
    enum job_state state = run->state;
    pthread_mutex_unlock(&run->jobs->lock);
    return state;
}

void job_run_end(struct job_run *run, enum job_state state, struct str error, struct str cause)
{
    pthread_mutex_lock(&run->jobs->lock);
    if (run->state < JOB_SUCCEEDED) {
        run->state = state;
        run->error = arena_str(&run->arena, error);
        run->cause = arena_str(&run->arena, cause);
        pthread_cond_broadcast(&run->jobs->changed);
    }
    pthread_mutex_unlock(&run->jobs->lock);
}

bool job_run_wait(struct job_run *run, int64_t timeout_ms)
{
    struct jobs *jobs = run->jobs;
    int64_t deadline = timeout_ms < 0 ? -1 : clock_mono_ms() + timeout_ms;
    pthread_mutex_lock(&jobs->lock);
    while (run->state < JOB_SUCCEEDED && !jobs->stopping && jobs_wait(jobs, deadline))
        ;
    bool ended = run->state >= JOB_SUCCEEDED;
    pthread_mutex_unlock(&jobs->lock);
    return ended;
}

void job_run_stop(struct job_run *run)
{
    if (job_run_state(run) < JOB_SUCCEEDED && run->ops->stop)
        run->ops->stop(run->ctx);
}

void job_run_result(struct job_run *run, struct arena *arena, struct job_result *out)
{
    pthread_mutex_lock(&run->jobs->lock);
    *out = (struct job_result){
        .state = run->state, .error = arena_str(arena, run->error), .cause = arena_str(arena, run->cause)};
    pthread_mutex_unlock(&run->jobs->lock);
    out->output = run->ops->output ? run->ops->output(run->ctx, arena) : &value_empty_map;
}
