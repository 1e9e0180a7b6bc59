/* State of the services, for the files of this folder and those of engine/ that wait with the same lock
 * (task.c, warm_worker.c). */
#pragma once

#include "sandbox/calls/services.h"

enum { FOLLOWERS = 8, SERVICE_LOCKS = 16 };

struct services {
    struct sandbox *sandbox;
    struct control *control;
    const struct service_operation *const *tables;
    struct services_parts parts;
    char family[40]; /* identifies child processes; see process.h */
    struct {
        const char *service;
        services_follow_fn *fn;
    } followers[FOLLOWERS]; /* constant once requests are served */
    struct {
        const char *service;
        services_read_fn *fn;
    } readers[FOLLOWERS];
    services_public_fn *public; /* serves documents without a signature */
    pthread_mutex_t lock;   /* guards the members below and the states of activities; held briefly, no call is
                               made with it */
    pthread_cond_t changed; /* an activity ended, or services are stopping; uses the monotonic clock */
    atomic_bool stopping;   /* set with the lock held; requests to other machines read it without */
    size_t threads;         /* running threads */
    pthread_mutex_t alone[SERVICE_LOCKS]; /* of operations that read and then write; recursive */
};

/* Waits on `changed` with the lock held. deadline_ms: by clock_mono_ms(); -1: none. Returns false after the
 * deadline. */
bool services_wait(struct services *services, int64_t deadline_ms);
/* Called with the lock held. */
enum activity_state activity_state_locked(const struct activity *activity);

/* Takes the service's lock for an operation and what it forwards. NULL: the operation needs no lock. */
pthread_mutex_t *service_enter(struct services *services, const struct service_operation *operation);

/* Returns the row of an operation, or NULL if no handler exists. */
const struct service_operation *service_operation_find(
    const struct services *services, struct str service, struct str name);
