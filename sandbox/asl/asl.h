/*
 * An interpreter of the Amazon States Language. It makes no calls, reads no clock of its own and does not
 * know JSONata: whoever runs a machine hands it a host (struct asl_host) that does tasks, waits, evaluates
 * expressions and writes history.
 *
 *   asl_run.c        from state to state, time limits, history
 *   asl_states.c     what each state does; Retry and Catch
 *   asl_run.c      one state by itself
 *   asl_branches.c   Parallel and Map
 *   asl_distributed.c  Map in mode DISTRIBUTED: readers, batches, tolerated failures, writers
 *   asl_data.c       variables; JSONPath: InputPath, Parameters, ResultSelector, ResultPath, OutputPath;
 *                    JSONata: what is asked of the host, and what is expected of the answer
 *   asl_states.c     the comparisons of Choice
 *   asl_intrinsic.c  States.Format and its kin
 *
 * What is wrong with a definition, and the paths and calls in it, are provider/notation/'s.
 *
 * asl_run() blocks until the execution has ended. Branches of Parallel and Map run on threads of their own
 * (up to `threads` of the host), so the host's functions are called from several threads at once.
 */
#pragma once

#include "base/value.h"

#include <stdatomic.h>

/* What a state's output may have at most: bytes of JSON text, lists and objects within each other. */
enum { ASL_MAX_DATA = 262144, ASL_MAX_DEPTH = 200 };

/* ---- running ---- */

/* Name and cause of a failure; no name: none. Both live in the arena of whoever asked. */
struct asl_error {
    struct str name, cause;
};

/* Part of an execution that can be stopped by itself: all of it, or the branches of one Parallel or Map. */
struct asl_scope {
    struct asl_scope *parent;
    atomic_bool stopped;
};

bool asl_stopped(const struct asl_scope *scope);

struct asl_task {
    struct str state;                 /* its name */
    struct str resource;              /* ARN */
    const struct value *input;        /* after Parameters */
    struct str token;                 /* what $$.Task.Token says; "" where nothing asks for it */
    int64_t timeout_ms, heartbeat_ms; /* 0: none */
    int64_t left_ms;                  /* of the execution's own time; 0: no limit */
    const struct asl_scope *scope;
    bool quiet;    /* nothing is written to history */
    int64_t event; /* history: the last one; the host moves it on */
};

enum asl_status { ASL_SUCCEEDED, ASL_FAILED, ASL_TIMED_OUT, ASL_ABORTED };

/* A distributed Map while it runs. */
struct asl_map_counts {
    int64_t pending, running, succeeded, failed, timed_out, aborted, total, written;
};
struct asl_map_run {
    struct str arn; /* from the host, when it first hears of the run */
    struct str label;
    int64_t max_concurrency, tolerated_count;
    double tolerated_percentage;
    struct asl_map_counts items, executions; /* several items may be one execution's */
    bool ended;
    enum asl_status status;
};

/* One of its executions, which has ended. */
struct asl_map_result {
    struct str arn, name;
    const struct value *input, *output; /* output NULL: it did not succeed */
    enum asl_status status;
    struct asl_error error;
    int64_t start_ms, stop_ms;
};

struct asl_host {
    void *ctx;
    int64_t (*wall_ms)(void *ctx);
    /* Waits; comes back early, with false, when the scope is stopped. */
    bool (*sleep)(void *ctx, const struct asl_scope *scope, int64_t ms);
    /* Scopes were stopped: whoever sleeps or waits in a task looks at its own. */
    void (*wake)(void *ctx);
    /* NULL with *error where it fails. States.Timeout after timeout_ms. */
    const struct value *(*task)(
        void *ctx, struct arena *arena, struct asl_task *task, struct asl_error *error);
    /* Adds to the history and gives the new event's id. `details` under their name; NULL: none. */
    int64_t (*event)(
        void *ctx, int64_t previous, const char *type, const char *name, const struct value *details);
    uint64_t (*random)(void *ctx);
    /* A request {template, field, variables}: the template with its texts {% … %} evaluated, as {value} or
     * {error, location}. NULL with *why: it cannot be evaluated here. */
    const struct value *(*jsonata)(
        void *ctx, struct arena *arena, const struct value *request, struct str *why);
    /* Distributed Maps. The items that a reader (Resource, ReaderConfig, Parameters, filled in) means; NULL
     * with *error. */
    const struct value *(*read_items)(
        void *ctx, struct arena *arena, const struct value *reader, struct asl_error *error);
    /* Writes results where a writer says; gives ResultWriterDetails, NULL with *error. */
    const struct value *(*write_results)(void *ctx, struct arena *arena, const struct asl_map_run *run,
        const struct value *writer, const struct asl_map_result *results, size_t n, struct asl_error *error);
    /* A run begins (it has no ARN yet), changes or has ended; one call at a time for each run. */
    void (*map_run)(void *ctx, struct arena *arena, struct asl_map_run *run);
    double speed;   /* by how much waiting is shortened; tasks and their time limits are not */
    int threads;    /* at a time, besides the caller's */
    int64_t events; /* that history has room for; 0: any number */
};

/* Where an execution is: before this state, with its input and the variables set so far. */
struct asl_point {
    struct str state; /* "": at the beginning */
    const struct value *input, *variables;
    /* Of a Parallel or a Map what became of each branch: its output, where it is, or null. NULL: nothing
     */
    const struct value *branches;
};

/* As a map that can be kept: {state, input, variables, branches: [{output}, {state …}, null]}; NULL: at the
 * beginning. */
const struct value *asl_point_value(struct arena *arena, const struct asl_point *point);
struct asl_point asl_point_of(const struct value *value);

struct asl_execution {
    const struct asl_host *host;
    const struct value *definition, *input;
    struct str input_text;       /* as it was given; "": as JSON is written here */
    const struct value *context; /* $$ but for State, Map and Task */
    struct asl_scope *scope;
    int64_t timeout_ms; /* besides the machine's own; 0: none */
    int64_t event;      /* the history's last */
    struct asl_point from;
    bool quiet; /* it has no history: one of a distributed Map's */
};

/*
 * One state looked at by itself. Given: what stands for its work (a result, an error), how often it was tried
 * and how many of its iterations failed before. Found: what became of its data on the way, and where it goes.
 */
struct asl_trial {
    const struct value *result;    /* instead of its work; NULL: it works */
    const struct asl_error *error; /* likewise */
    const struct value *variables; /* that are set; NULL: none */
    int64_t retries, failures;
    const struct value *seen; /* {afterInputPath: …, result: …} */
    struct asl_error failed;  /* also where it was caught */
    struct str next;
    bool retriable, caught;
    int rule; /* the retrier's or the catcher's index */
    int64_t backoff_s;
};

struct asl_outcome {
    enum asl_status status;
    const struct value *output; /* SUCCEEDED */
    struct asl_error error;     /* FAILED */
    bool unnamed;        /* of a Fail without Error: only what is around it calls it States.TaskFailed */
    struct asl_point at; /* what could be tried again, unless SUCCEEDED */
    int64_t event;
};

/* StringMatches: * is any text, also none; \* is a star. */
bool asl_glob(struct str pattern, struct str text);

void asl_run(struct arena *arena, const struct asl_execution *execution, struct asl_outcome *out);
/* The state of execution->from alone. */
void asl_try(struct arena *arena, const struct asl_execution *execution, struct asl_trial *trial,
    struct asl_outcome *out);
