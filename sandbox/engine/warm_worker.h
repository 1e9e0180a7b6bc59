/*
 * Warm workers: Python processes with a module of the sandbox that answer one request after another, since
 * starting python3 with boto3 and DuckDB takes ten times as long as most requests.
 *
 *   warm_worker_ask(task, &options, arena, &answer, err)    blocks; uses an idle worker or starts one
 *
 * A worker has one request at a time and an empty folder for each. It has the limits of any process
 * (process.h) and ends with the sandbox. If it dies, the request that it has begun fails; a request not begun
 * goes to another worker. Stopping or timing out a task ends its worker. Two workers stay idle, each for ten
 * minutes (python/weir_resident.py). Safe from every thread.
 */
#pragma once

#include "sandbox/engine/script.h"

struct warm_workers;

struct warm_worker_options {
    const char *module; /* its function answer(request) returns a status and a line of text */
    struct environment_options environment; /* home is ignored; reuse needs an equal one */
    const struct value *request;
    int64_t timeout_ms;
};

struct warm_worker_answer {
    bool whole; /* an answer was received; otherwise the worker has ended: */
    int status;
    struct str text; /* or the last line of standard error */
    bool timed_out;
    struct process_end end;
};

struct warm_workers *warm_workers_new(struct services *services);
/* Ends all workers; their threads end soon. */
void warm_workers_stop(struct warm_workers *warm_workers);
void warm_workers_free(struct warm_workers *warm_workers);

/* Returns -1 if no worker could be started. The answer's text is allocated in the arena. */
int warm_worker_ask(struct task *task, const struct warm_worker_options *options, struct arena *arena,
    struct warm_worker_answer *answer, struct err *err);
