/*
 * Following a run until it ends: asking for its state at growing intervals, giving its log lines as they
 * come. One thread; what it calls back, it calls on that thread.
 */
#pragma once

#include "provider/job.h"

/* ---- job_follow.c: the log of a run while its start has not been answered yet: of a function, whose id
 * comes with its answer. All that its group gets is looked at; a run that begins there after the call was
 * made is taken for this one, as long as there is only one such. Who was right shows when the id is known.
 *
 * Order of calls: job_early_new() before the start, job_early_poll() now and then while it goes on,
 * job_early_shown() once the id is known. One thread, which need not be the one that starts. */
struct job_early_options {
    struct op_ctx *ctx;
    const struct value *object;
    const atomic_bool *cancel;
    void (*begins)(void *ctx, struct str id); /* before its first line */
    log_taker *line;
    void *callback_ctx;
};

/* What has been given of a run. */
struct job_shown {
    size_t events, lines; /* an event may have several lines */
};

struct job_early;

/* NULL: runs of this kind have an id from the start, or no log in which it is known where one begins. */
struct job_early *job_early_new(const struct job_early_options *options);
void job_early_free(struct job_early *early);
/* A log that cannot be read now is read later, or not at all. */
void job_early_poll(struct job_early *early);
/* Of the run with that id; *others: there were lines of another. */
struct job_shown job_early_shown(const struct job_early *early, struct str id, bool *others);

/* ---- job_follow.c ---- */

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
    void (*trouble)(void *ctx, const struct err *err); /* the logs cannot be read: reported once */
    void *callback_ctx;
};

/* *run is what start() or read() gave; afterwards what is known at last. */
int job_follow(
    const struct job_follow *follow, struct job_run *run, enum job_follow_end *end, struct err *err);
