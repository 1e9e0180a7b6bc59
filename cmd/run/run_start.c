/* Starting a job's run, and its log while the start is not answered: see run_start.h. */
#include "cmd/run/run_start.h"

#include "base/clock.h"
#include "base/mem.h"

#include <stdlib.h>

enum {
    TICK_MS = 20,
    GRACE_MS = 2000,     /* for the answer that tells the run's id */
    EARLY_MS = 1500,     /* between two looks: CloudWatch takes as long */
    EARLY_HERE_MS = 200, /* of a service elsewhere */
};

struct starting {
    struct running *r;
    struct job_input input;
    struct err err;
    int rc;
    atomic_bool done;
};

static void *start_thread(void *arg)
{
    struct starting *s = arg;
    s->rc = running_ops(s->r)->start(&s->r->ctx, s->r->job.object, &s->input, &s->r->run, &s->err);
    atomic_store(&s->done, true);
    return NULL;
}

static bool time_is_up(const struct running *r)
{
    return r->until_ms && clock_mono_ms() >= r->until_ms;
}

/* ---- the log before there is an answer ---- */

static void early_begins(void *ctx, struct str id)
{
    struct running *r = ctx;
    AUTO_UNLOCK pthread_mutex_t *held = mutex_hold(&r->watching);
    free((char *)r->begun.p);
    r->begun = str_n(mem_memdup0(id.p, id.n), id.n);
    run_watch_begin(&r->watch, id);
}

static void early_line(void *ctx, const struct log_event *event)
{
    struct running *r = ctx;
    AUTO_UNLOCK pthread_mutex_t *held = mutex_hold(&r->watching);
    run_watch_line(&r->watch, event);
}

static void *early_thread(void *arg)
{
    struct running *r = arg;
    int64_t pause = log_late_ms(r->job.provider) ? EARLY_MS : EARLY_HERE_MS;
    int64_t next = clock_mono_ms() + pause;
    while (!atomic_load(&r->answered)) {
        clock_sleep_ms(TICK_MS);
        if (clock_mono_ms() < next)
            continue;
        job_early_poll(r->early);
        next = clock_mono_ms() + pause;
    }
    return NULL;
}

static void begin_early(struct running *r)
{
    const struct job_early_options options = {.ctx = &r->ctx,
        .object = r->job.object,
        .cancel = &r->answered,
        .begins = early_begins,
        .line = early_line,
        .callback_ctx = r};
    r->early = r->own->detach ? NULL : job_early_new(&options);
    r->looking = r->early && !pthread_create(&r->looker, NULL, early_thread, r);
}

static void stop_looking(struct running *r)
{
    atomic_store(&r->answered, true);
    if (r->looking)
        pthread_join(r->looker, NULL);
    r->looking = false;
}

static void tick(struct running *r)
{
    AUTO_UNLOCK pthread_mutex_t *held = mutex_hold(&r->watching);
    run_watch_tick(&r->watch);
}

struct job_shown run_start_shown(struct running *r)
{
    bool others;
    struct job_shown shown = job_early_shown(r->early, r->run.id, &others);
    run_watch_clear(&r->watch);
    if (others && !r->inv->settings->json)
        invocation_note(r->inv,
            "The lines above are of another call, which went on at the same time. Those of this one:");
    if (!str_eq(r->begun, r->run.id))
        run_watch_begin(&r->watch, r->run.id);
    return shown;
}

/* ---- the start ---- */

static enum job_follow_end wait_for_start(struct running *r, struct starting *s)
{
    pthread_t thread;
    enum job_follow_end end = FOLLOW_ENDED;
    int64_t give_up_ms = 0;
    if (pthread_create(&thread, NULL, start_thread, s)) {
        start_thread(s);
        return end;
    }
    while (!atomic_load(&s->done)) {
        tick(r);
        if (end == FOLLOW_ENDED && (atomic_load(r->signals) > 0 || time_is_up(r))) {
            end = atomic_load(r->signals) > 0 ? FOLLOW_INTERRUPTED : FOLLOW_TIMEOUT;
            give_up_ms = clock_mono_ms() + (running_ops(r)->reads ? GRACE_MS : 0);
        }
        if (end != FOLLOW_ENDED && clock_mono_ms() >= give_up_ms)
            atomic_store(&r->cancel, true);
        clock_sleep_ms(TICK_MS);
    }
    pthread_join(thread, NULL);
    return s->rc == 0 ? FOLLOW_ENDED : end;
}

enum run_started run_start(struct running *r, struct err *err)
{
    struct starting s = {
        .r = r, .input = {.arguments = r->arguments, .options = r->job.options, .detach = r->own->detach}};
    begin_early(r);
    enum job_follow_end end = wait_for_start(r, &s);
    stop_looking(r);
    if (end != FOLLOW_ENDED)
        return end == FOLLOW_INTERRUPTED ? RUN_START_INTERRUPTED : RUN_START_TIMED_OUT;
    run_watch_clear(&r->watch);
    if (s.rc < 0)
        *err = s.err;
    return s.rc < 0 ? RUN_START_FAILED : RUN_STARTED;
}
