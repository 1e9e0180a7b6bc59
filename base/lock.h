/* A mutex that is held until the end of the block: AUTO_UNLOCK pthread_mutex_t *held = mutex_hold(&lock);
 * where it is NULL, none is. */
#pragma once

#include <pthread.h>

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
