/*
 * Programs that stay: a Python module of the sandbox's own that answers one request after the other, because
 * to start python3 with boto3 and DuckDB takes ten times as long as most of what they are asked for.
 *
 *     warm_worker_ask(task, &options, &answer, err)    blocks: one that is idle does it, or a new one
 *
 * A worker has one request at a time, a folder that is empty for each, and is a process as any other
 * (process.h): its limits, its end with the sandbox's. One that dies takes the request that it has begun with
 * it and no other; one that it has not begun goes to another worker. A task that is stopped, or takes too
 * long, ends it. Two stay idle, each for ten minutes (python/weir_resident.py). Safe from every thread.
 */
#pragma once

#include "sandbox/engine/script.h"

struct warm_workers;

struct warm_worker_options {
    const char *module;                     /* its answer(request) returns a status and a line of text */
    struct environment_options environment; /* home: it has its own; only for the same it is used again */
    const struct value *request;
    int64_t timeout_ms;
};

struct warm_worker_answer {
    bool whole; /* there is one; otherwise the worker has ended: */
    int status;
    struct str text; /* or the last line that it wrote to standard error */
    bool timed_out;
    struct process_end end;
};

struct warm_workers *warm_workers_new(struct services *services);
/* Ends them; their threads end soon. */
void warm_workers_stop(struct warm_workers *warm_workers);
void warm_workers_free(struct warm_workers *warm_workers);

/* -1: it could not even be started. The answer's text is of the arena. */
int warm_worker_ask(struct task *task, const struct warm_worker_options *options, struct arena *arena,
    struct warm_worker_answer *answer, struct err *err);
