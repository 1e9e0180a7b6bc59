/*
 * Following a run until it ends: asking for its state at growing intervals, giving its log lines as they
 * come. One thread; what it calls back, it calls on that thread.
 */
#pragma once

#include "provider/job_early.h"

enum job_follow_end {
    FOLLOW_ENDED,       /* the run is over */
    FOLLOW_TIMEOUT,     /* it goes on, the time is up */
    FOLLOW_INTERRUPTED, /* it goes on, a signal came */
};

struct job_follow {
    struct op_ctx *ctx; /* its arena takes the run as it was at last */
    const struct value *object, *options;
    int64_t until_ms;          /* on the monotonic clock; 0: as long as it takes */
    const atomic_int *signals; /* more than zero: stop following; may be NULL */
    int64_t pace_ms;  /* between the first two looks, later ones are up to 16 times as far apart; 0: 500 */
    int64_t since_ms; /* log lines older than this are left out; 0: none */
    struct job_shown shown; /* so much of the log was given before: it is left out */
    int64_t late_ms;        /* how long after a run's end its last lines may come in */
    void (*state)(
        void *ctx, const struct job_run *run); /* at first and when it changes; the end after the log */
    log_taker *line;                           /* NULL: logs are not read */
    void (*tick)(void *ctx);                   /* ten times a second while it waits; may be NULL */
    void (*trouble)(void *ctx, const struct err *err); /* the logs cannot be read: said once */
    void *callback_ctx;
};

/* *run is what start() or read() gave; afterwards what is known at last. */
int job_follow(
    const struct job_follow *follow, struct job_run *run, enum job_follow_end *end, struct err *err);
