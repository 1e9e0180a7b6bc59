/*
 * Starting a job's run. A start may take as long as the run itself (a function answers when it is done), so a
 * thread makes the call while the first one shows that time passes and listens for signals; where the service
 * has a log before it has an answer, a third thread shows that.
 */
#pragma once

#include "base/lock.h"
#include "cmd/run/jobs.h"
#include "cmd/run/run_watch.h"
#include "provider/job_follow.h"

/* The options of weir run. */
struct run_settings {
    struct settings shared;
    const char *payload, *follow, *stop, *format, *out;
    struct texts set;
    bool raw, detach, stop_on_timeout;
    int64_t timeout_ms;
};

/* One run of the command. */
struct running {
    struct invocation *inv;
    const struct run_settings *own;
    struct workspace *workspace;
    struct job job;
    struct op_ctx ctx;
    const struct value *arguments; /* of a new run */
    struct run_watch watch;
    struct job_run run;
    int64_t until_ms; /* monotonic; 0: no limit */
    const atomic_int *signals;
    atomic_bool cancel;
    struct job_early *early; /* its log while its start is not answered; NULL: that comes at once */
    pthread_t looker;
    bool looking;
    atomic_bool answered;
    pthread_mutex_t watching; /* of `watch`, while there are two threads */
    struct str begun;         /* the run that was said to begin; owned */
};

static inline const struct job_ops *running_ops(const struct running *r)
{
    return r->job.schema->job;
}

enum run_started {
    RUN_STARTED, /* r->run is what came of it */
    RUN_START_FAILED,
    RUN_START_INTERRUPTED, /* r->run has an id where the service had told it by then */
    RUN_START_TIMED_OUT,   /* likewise */
};

/* err only where it failed. */
enum run_started run_start(struct running *r, struct err *err);
/* What of the run's log has been shown by then, for job_follow(); once. */
struct job_shown run_start_shown(struct running *r);
