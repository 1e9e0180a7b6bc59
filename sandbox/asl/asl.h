/*
 * An interpreter of the Amazon States Language. It makes no calls, has no clock and does not evaluate
 * JSONata: the caller passes a host (struct asl_host) that executes tasks, waits, evaluates expressions and
 * records the history.
 *
 *   asl_run.c          the sequence of states, time limits, history; a test of one state
 *   asl_states.c       the state types, the comparisons of Choice, Retry and Catch
 *   asl_branches.c     Parallel and Map
 *   asl_distributed.c  Map in mode DISTRIBUTED: readers, batches, tolerated failures, writers
 *   asl_data.c         variables; JSONPath (InputPath, Parameters, ResultSelector, ResultPath, OutputPath);
 *                      JSONata requests to the host and the expected result types
 *   asl_intrinsic.c    intrinsic functions, such as States.Format
 *
 * provider/notation/ validates definitions and parses their paths and intrinsic calls.
 *
 * asl_run() blocks until the execution has ended. Branches of Parallel and Map run on threads of their own
 * (up to the host's `threads`), so the host's functions are called from several threads at once.
 */
#pragma once

#include "base/value.h"

#include <stdatomic.h>

/* Limits of a state's output: bytes of JSON text, and depth of nested arrays and objects. */
enum { ASL_MAX_DATA = 262144, ASL_MAX_DEPTH = 200 };

/* ---- running ---- */

/* Error name and cause of a failure; an empty name means no error. Allocated in the caller's arena. */
struct asl_error {
    struct str name, cause;
};

/* A part of an execution that can be stopped separately: the whole execution, or the branches of one Parallel
 * or Map. */
struct asl_scope {
    struct asl_scope *parent;
    atomic_bool stopped;
};

bool asl_stopped(const struct asl_scope *scope);

struct asl_task {
    struct str state;
    struct str resource;              /* ARN */
    const struct value *input;        /* after Parameters or Arguments */
    struct str token;                 /* $$.Task.Token; "" unless the task uses .waitForTaskToken */
    int64_t timeout_ms, heartbeat_ms; /* 0: none */
    int64_t left_ms;                  /* time left of the execution's own limit; 0: no limit */
    const struct asl_scope *scope;
    bool quiet;    /* no history is recorded */
    int64_t event; /* id of the latest history event; updated by the host */
};

enum asl_status { ASL_SUCCEEDED, ASL_FAILED, ASL_TIMED_OUT, ASL_ABORTED };

/* The item or execution counts of a distributed Map. */
struct asl_map_counts {
    int64_t pending, running, succeeded, failed, timed_out, aborted, total, written;
};
struct asl_map_run {
    struct str arn; /* set by the host at the first map_run() call */
    struct str label;
    int64_t max_concurrency, tolerated_count;
    double tolerated_percentage;
    struct asl_map_counts items, executions; /* an execution may process a batch of items */
    bool ended;
    enum asl_status status;
};

/* A finished child execution of a distributed Map. */
struct asl_map_result {
    struct str arn, name;
    const struct value *input, *output; /* output: NULL unless it succeeded */
    enum asl_status status;
    struct asl_error error;
    int64_t start_ms, stop_ms;
};

struct asl_host {
    void *ctx;
    int64_t (*wall_ms)(void *ctx);
    /* Waits `ms` milliseconds. Returns false early if the scope is stopped. */
    bool (*sleep)(void *ctx, const struct asl_scope *scope, int64_t ms);
    /* Called after a scope is stopped, so that sleeping threads and waiting tasks check their scope. */
    void (*wake)(void *ctx);
    /* Executes a task. Returns NULL with *error if it fails (States.Timeout after timeout_ms). */
    const struct value *(*task)(
        void *ctx, struct arena *arena, struct asl_task *task, struct asl_error *error);
    /* Adds an event to the history and returns its id. `details` is stored under `name`; NULL: none. */
    int64_t (*event)(
        void *ctx, int64_t previous, const char *type, const char *name, const struct value *details);
    uint64_t (*random)(void *ctx);
    /* Evaluates the {% … %} strings of a request {template, field, variables}. Returns {value} or {error,
     * location}, or NULL with *why if JSONata is not available. */
    const struct value *(*jsonata)(
        void *ctx, struct arena *arena, const struct value *request, struct str *why);
    /* Distributed Map: reads the items of an evaluated ItemReader (Resource, ReaderConfig, Parameters).
     * Returns NULL with *error if it fails. */
    const struct value *(*read_items)(
        void *ctx, struct arena *arena, const struct value *reader, struct asl_error *error);
    /* Writes the results with an evaluated ResultWriter. Returns ResultWriterDetails, or NULL with *error. */
    const struct value *(*write_results)(void *ctx, struct arena *arena, const struct asl_map_run *run,
        const struct value *writer, const struct asl_map_result *results, size_t n, struct asl_error *error);
    /* Called when a Map Run begins (its ARN is empty), changes or has ended. Calls for one run are
     * serialised. */
    void (*map_run)(void *ctx, struct arena *arena, struct asl_map_run *run);
    double speed;   /* factor by which waits are shortened; tasks and their time limits are not */
    int threads;    /* limit of threads at a time, besides the caller's */
    int64_t events; /* limit of history events; 0: unlimited */
};

/* The position of an execution: before this state, with its input and the variables assigned so far. */
struct asl_point {
    struct str state; /* "": at StartAt */
    const struct value *input, *variables;
    /* For a Parallel or Map: the output, the position or null for each branch. NULL: not started. */
    const struct value *branches;
};

/* Serialises a position as {state, input, variables, branches: [{output}, {state …}, null]}. Returns NULL at
 * the start of the execution. */
const struct value *asl_point_value(struct arena *arena, const struct asl_point *point);
struct asl_point asl_point_of(const struct value *value);

struct asl_execution {
    const struct asl_host *host;
    const struct value *definition, *input;
    struct str input_text;       /* original JSON text of the input; "": serialised by the interpreter */
    const struct value *context; /* the context object $$ without State, Map and Task */
    struct asl_scope *scope;
    int64_t timeout_ms; /* in addition to the machine's TimeoutSeconds; 0: none */
    int64_t event;      /* id of the latest history event */
    struct asl_point from;
    bool quiet; /* records no history: a child execution of a distributed Map */
};

/*
 * A test of one state (TestState). In: a mock of the state's work (a result or an error), the retry count,
 * and the number of failed iterations. Out: the inspection data, and the next state.
 */
struct asl_trial {
    const struct value *result;    /* mocked result; NULL: the state is executed */
    const struct asl_error *error; /* mocked error; NULL: none */
    const struct value *variables; /* assigned variables; NULL: none */
    int64_t retries, failures;
    const struct value *inspection; /* inspection data: {afterInputPath: …, result: …} */
    struct asl_error failed;        /* the error, also if a catcher handled it */
    struct str next;
    bool retriable, caught;
    int rule; /* index of the matching retrier or catcher */
    int64_t backoff_s;
};

struct asl_outcome {
    enum asl_status status;
    const struct value *output; /* if SUCCEEDED */
    struct asl_error error;     /* if FAILED */
    bool unnamed;        /* a Fail state without Error: only the enclosing state reports States.TaskFailed */
    struct asl_point at; /* the position for a redrive, unless SUCCEEDED */
    int64_t event;
};

void asl_run(struct arena *arena, const struct asl_execution *execution, struct asl_outcome *out);
/* Executes only the state of execution->from. */
void asl_try(struct arena *arena, const struct asl_execution *execution, struct asl_trial *trial,
    struct asl_outcome *out);
