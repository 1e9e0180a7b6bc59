/* The thread that renews a lease, and the time until which it holds. */
#include "plan/state/s3_lease.h"

#include "base/clock.h"
#include "base/threads.h"

#include <signal.h>

enum { RETRY_MS = 1000 };

void s3_lease_init(struct s3_lease *lease, int64_t lease_ms, int (*renew)(void *ctx), void *ctx)
{
    *lease = (struct s3_lease){.lease_ms = lease_ms, .renew = renew, .ctx = ctx};
    pthread_mutex_init(&lease->mutex, NULL);
    clock_cond_init(&lease->wake);
}

void s3_lease_release(struct s3_lease *lease)
{
    pthread_cond_destroy(&lease->wake);
    pthread_mutex_destroy(&lease->mutex);
}

void s3_lease_begin(struct s3_lease *lease, int64_t sent_mono_ms, int64_t sent_wall_ms)
{
    lease->until_mono_ms = sent_mono_ms + lease->lease_ms;
    lease->until_wall_ms = sent_wall_ms + lease->lease_ms;
}

static bool has_expired(const struct s3_lease *lease)
{
    return lease->lost || clock_mono_ms() >= lease->until_mono_ms || clock_wall_ms() >= lease->until_wall_ms;
}

static void wait_ms(struct s3_lease *lease, int64_t ms)
{
    int64_t deadline = clock_mono_ms() + ms;
    while (!lease->stopping && clock_cond_wait(&lease->wake, &lease->mutex, deadline))
        ;
}

static void *beat_heart(void *arg)
{
    struct s3_lease *lease = arg;
    int64_t pause_ms = lease->lease_ms / 3;
    pthread_mutex_lock(&lease->mutex);
    for (;;) {
        wait_ms(lease, pause_ms);
        if (lease->stopping || has_expired(lease))
            break;
        int64_t mono = clock_mono_ms(), wall = clock_wall_ms();
        pthread_mutex_unlock(&lease->mutex);
        int result = lease->renew(lease->ctx);
        pthread_mutex_lock(&lease->mutex);
        if (result > 0 || has_expired(lease)) /* an answer after the end of the old lease comes too late */
            break;
        if (!result)
            s3_lease_begin(lease, mono, wall);
        pause_ms = result ? RETRY_MS : lease->lease_ms / 3;
    }
    lease->lost = !lease->stopping;
    pthread_mutex_unlock(&lease->mutex);
    return NULL;
}

bool s3_lease_is_over(struct s3_lease *lease)
{
    AUTO_UNLOCK pthread_mutex_t *held = mutex_hold(&lease->mutex);
    bool over = has_expired(lease);
    lease->lost = over;
    return over;
}

int s3_lease_start(struct s3_lease *lease, struct err *err)
{
    sigset_t all, before;
    sigfillset(&all);
    pthread_sigmask(SIG_BLOCK, &all, &before);
    lease->stopping = lease->lost = false;
    lease->running = pthread_create(&lease->thread, NULL, beat_heart, lease) == 0;
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    return lease->running
               ? 0
               : err_set(err, ERR_FAILED, "cannot start the thread that renews the lock of the state");
}

bool s3_lease_stop(struct s3_lease *lease)
{
    pthread_mutex_lock(&lease->mutex);
    lease->stopping = true;
    bool over = has_expired(lease);
    pthread_cond_signal(&lease->wake);
    pthread_mutex_unlock(&lease->mutex);
    if (lease->running)
        pthread_join(lease->thread, NULL);
    lease->running = false;
    return !over;
}
