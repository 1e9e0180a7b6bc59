/*
 * Threads: a mutex that is held until the end of a block (AUTO_UNLOCK pthread_mutex_t *held =
 * mutex_hold(&lock)), independent work on several threads, and flags that end what is under way.
 */
#pragma once

#include "base/err.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>

/* ---- A mutex that is held until the end of the block: AUTO_UNLOCK pthread_mutex_t *held =
 * mutex_hold(&lock); where it is NULL, none is. */
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

/* ---- threads.c: Runs independent pieces of work on several threads and waits for all of them. */
/*
 * Calls work(ctx, i) once for each i below count, on at most `threads` threads (the caller's included).
 * Returns when all are done.
 */
void pool_run(int threads, size_t count, void (*work)(void *ctx, size_t i), void *ctx);
/* The same with work that may fail: after the first failure, which is given, no more of it begins. */
int pool_try(
    int threads, size_t count, int (*work)(void *ctx, size_t i, struct err *err), void *ctx, struct err *err);

/* ---- Giving up: a flag that a signal's handler or another thread sets when what is going on
 * is no longer wanted. Whoever waits looks at it several times a second. NULL is a flag that nobody ever
 * sets. */
static inline bool cancel_is_set(const atomic_bool *cancel)
{
    return cancel && atomic_load(cancel);
}

/* Sleeps so long, or until the flag is set: then -1 with ERR_INTERRUPTED. */
int cancel_sleep_ms(const atomic_bool *cancel, int64_t ms, struct err *err);
