/*
 * Threads: a mutex held until the end of a block, independent work on several threads, and flags that cancel
 * work.
 */
#pragma once

#include "base/err.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>

/* ---- a mutex held until the end of the block: AUTO_UNLOCK pthread_mutex_t *held = mutex_hold(&lock); NULL:
 * none. */
static inline pthread_mutex_t *mutex_hold(pthread_mutex_t *mutex)
{
    pthread_mutex_lock(mutex);
    return mutex;
}

static inline void mutex_unlock_ptr(pthread_mutex_t **mutex)
{
    if (*mutex)
        pthread_mutex_unlock(*mutex);
}

#define AUTO_UNLOCK __attribute__((cleanup(mutex_unlock_ptr), unused))

/* ---- threads.c: independent pieces of work on several threads ---- */
/*
 * Calls work(ctx, i) once for each i below count, on at most `threads` threads (including the caller's).
 * Returns when all are done.
 */
void pool_run(int threads, size_t count, void (*work)(void *ctx, size_t i), void *ctx);
/* The same for work that may fail: after the first failure, which is returned, no further piece starts. */
int pool_try(
    int threads, size_t count, int (*work)(void *ctx, size_t i, struct err *err), void *ctx, struct err *err);

/* ---- cancellation: a flag that a signal handler or another thread sets to stop the work. A waiting thread
 * reads it several times a second. NULL: a flag that is never set. */
static inline bool cancel_is_set(const atomic_bool *cancel)
{
    return cancel && atomic_load(cancel);
}

/* Sleeps for that time or until the flag is set: then -1 with ERR_INTERRUPTED. */
int cancel_sleep_ms(const atomic_bool *cancel, int64_t ms, struct err *err);
