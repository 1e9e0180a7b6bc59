/*
 * Something that was started and ends: a job's run, a function's call, a query, an execution. Who started it
 * may wait for its end. Counted references; safe from every thread.
 */
#pragma once

#include "base/value.h"

struct services;
struct activity;

enum activity_state {
    ACTIVITY_WAITING, /* for its turn */
    ACTIVITY_STARTING,
    ACTIVITY_RUNNING,
    ACTIVITY_STOPPING,
    ACTIVITY_SUCCEEDED, /* from here on it has ended */
    ACTIVITY_FAILED,
    ACTIVITY_TIMEOUT,
    ACTIVITY_STOPPED,
};

/* An array of the states' names in a service's words. */
#define ACTIVITY_NAMES(waiting, starting, running, stopping, succeeded, failed, timeout, stopped)            \
    {                                                                                                        \
        [ACTIVITY_WAITING] = waiting, [ACTIVITY_STARTING] = starting, [ACTIVITY_RUNNING] = running,          \
        [ACTIVITY_STOPPING] = stopping, [ACTIVITY_SUCCEEDED] = succeeded, [ACTIVITY_FAILED] = failed,        \
        [ACTIVITY_TIMEOUT] = timeout, [ACTIVITY_STOPPED] = stopped                                           \
    }

/* How it ended. Texts and values live in the arena given to activity_result(). */
struct activity_result {
    enum activity_state state;
    struct str error, cause;    /* of one that failed: a name (a function's errorType) and what it says */
    const struct value *output; /* of the service's describing call: a JobRun, a job's detail, a payload */
};

/* True once it has ended. timeout_ms 0: just looks; < 0: without limit (but not beyond services_stop()). */
bool activity_wait(struct activity *activity, int64_t timeout_ms);
/* Asks it to end; it may take a moment. */
void activity_stop(struct activity *activity);
/* After it has ended. */
void activity_result(struct activity *activity, struct arena *arena, struct activity_result *out);
void activity_release(struct activity *activity);

/* For those who make activities. `ctx` is theirs: free is called with the last reference. */
struct activity_ops {
    void (*stop)(void *ctx);
    const struct value *(*output)(void *ctx, struct arena *arena); /* once it has ended */
    void (*free)(void *ctx);
};
struct activity *activity_new(struct services *services, const struct activity_ops *ops, void *ctx);
struct activity *activity_keep(struct activity *activity); /* one more reference */
void activity_set_state(struct activity *activity, enum activity_state state);
/* A state from ACTIVITY_SUCCEEDED on, once. error and cause may be empty. */
void activity_end(struct activity *activity, enum activity_state state, struct str error, struct str cause);
