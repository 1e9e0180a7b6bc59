/* What services share, for the files here and those in engine/ that wait under the same lock
 * (task.c, warm_worker.c). */
#pragma once

#include "sandbox/calls/services.h"

enum { FOLLOWERS = 8, SERVICE_LOCKS = 16 };

struct services {
    struct sandbox *sandbox;
    struct control *control;
    const struct service_operation *const *tables;
    struct services_parts parts;
    char family[40]; /* what marks its processes; see process.h */
    struct {
        const char *service;
        services_follow_fn *fn;
    } followers[FOLLOWERS]; /* never changed once requests come */
    struct {
        const char *service;
        services_read_fn *fn;
    } readers[FOLLOWERS];
    services_public_fn *public; /* what anybody may read */
    pthread_mutex_t
        lock; /* of what follows and of the activities' states; held briefly, nothing is called under it */
    pthread_cond_t changed; /* an activity ended, or stopping; on the monotonic clock */
    atomic_bool stopping;   /* changed with the lock held; requests to other machines look at it without */
    size_t threads;         /* that run */
    pthread_mutex_t alone[SERVICE_LOCKS]; /* of operations that change what they have read; recursive */
};

/* Waits on `changed`, with the lock held; deadline by clock_mono_ms(), -1: none. False: it has passed. */
bool services_wait(struct services *services, int64_t deadline_ms);
/* With the lock held. */
enum activity_state activity_state_locked(const struct activity *activity);

/* The lock of its service, held, for what the operation does and what it forwards; NULL: it needs none. */
pthread_mutex_t *service_enter(struct services *services, const struct service_operation *operation);

/* The row of an operation; NULL: the control plane has it, or nobody. */
const struct service_operation *service_operation_find(
    const struct services *services, struct str service, struct str name);
