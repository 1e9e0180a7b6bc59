/* Independent work on several threads, and pauses that a flag ends: see threads.h. */
#include "base/threads.h"
#include "base/clock.h"
#include "base/mem.h"

#include <stdlib.h>

struct pool {
    atomic_size_t next;
    size_t count;
    void (*work)(void *ctx, size_t i);
    void *ctx;
};

static void *take_turns(void *arg)
{
    struct pool *pool = arg;
    for (;;) {
        size_t i = atomic_fetch_add(&pool->next, 1);
        if (i >= pool->count)
            return NULL;
        pool->work(pool->ctx, i);
    }
}

void pool_run(int threads, size_t count, void (*work)(void *ctx, size_t i), void *ctx)
{
    struct pool pool = {.count = count, .work = work, .ctx = ctx};
    size_t extra = threads > 1 && count > 1 ? (size_t)threads - 1 : 0;
    if (extra > count - 1)
        extra = count - 1;
    pthread_t *ids = mem_zalloc((extra + 1) * sizeof *ids);
    size_t started = 0;
    while (started < extra && pthread_create(&ids[started], NULL, take_turns, &pool) == 0)
        started++;
    take_turns(&pool); /* without any other thread the caller does all of it */
    for (size_t i = 0; i < started; i++)
        pthread_join(ids[i], NULL);
    free(ids);
}

struct trying {
    int (*work)(void *ctx, size_t i, struct err *err);
    void *ctx;
    pthread_mutex_t lock;
    atomic_bool failed;
    struct err *err;
};

static void try_one(void *arg, size_t i)
{
    struct trying *t = arg;
    struct err err = ERR_INIT;
    if (t->failed || !t->work(t->ctx, i, &err))
        return;
    AUTO_UNLOCK pthread_mutex_t *held = mutex_hold(&t->lock);
    if (!t->failed)
        *t->err = err;
    t->failed = true;
}

int pool_try(
    int threads, size_t count, int (*work)(void *ctx, size_t i, struct err *err), void *ctx, struct err *err)
{
    struct trying t = {.work = work, .ctx = ctx, .lock = PTHREAD_MUTEX_INITIALIZER, .err = err};
    pool_run(threads, count, try_one, &t);
    pthread_mutex_destroy(&t.lock);
    return t.failed ? -1 : 0;
}

/* ---- cancellation ---- */

enum { LOOK_MS = 100 };

int cancel_sleep_ms(const atomic_bool *cancel, int64_t ms, struct err *err)
{
    for (int64_t left = ms; left > 0 && !cancel_is_set(cancel); left -= LOOK_MS)
        clock_sleep_ms(left < LOOK_MS ? left : LOOK_MS);
    return cancel_is_set(cancel) ? err_set(err, ERR_INTERRUPTED, "interrupted while waiting") : 0;
}
