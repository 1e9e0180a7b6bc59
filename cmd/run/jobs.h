/*
 * The jobs in a stack's state, for the commands run, jobs and logs. A job is found by its address or, if it
 * is unique, by its name at the service.
 */
#pragma once

#include "cmd/invocation/invocation.h"
#include "provider/job.h"

struct job {
    const struct record *record;
    const struct schema *schema; /* schema->job is set */
    const struct value *object;  /* recorded attributes, without hashed ones */
    struct str name;             /* the name at the service */
    struct provider *provider;   /* set by job_open() */
    const struct value *options; /* options of its runs, by name */
};

/* Opens the stack without requiring inputs. Returns EXIT_DONE, or another status after a reported error. */
int jobs_open(struct invocation *inv, struct workspace *workspace);
/* Lists all jobs in the state, by address. Results live as long as the invocation. */
void jobs_list(struct invocation *inv, struct workspace *workspace, struct job **jobs, size_t *n);
/* Returns the address of the job with that name at the service, or the text itself if there is none. */
struct str jobs_address(struct invocation *inv, struct workspace *workspace, struct str text);
/* Finds and opens the job. Returns EXIT_DONE, or another status after a reported error. */
int jobs_find(struct invocation *inv, struct workspace *workspace, struct str text, struct job *out);
/*
 * Opens its provider and sets its options: `given` are "NAME=VALUE" (--set), where VALUE may be the address
 * of a resource. For a missing required option it uses the only recorded resource of its type.
 */
int job_open(struct invocation *inv, struct workspace *workspace, const struct texts *given, struct job *job);
/* The same for lists of jobs: a required option that cannot be determined is left out. */
int job_open_lenient(struct invocation *inv, struct workspace *workspace, struct job *job);
/* Returns the context of a call; results are allocated in `arena`. */
struct op_ctx job_context(const struct job *job, struct arena *arena, struct workspace *workspace);

/* ---- arguments after the job on the command line ---- */

/*
 * Converts the arguments to the job's form; *out stays NULL without arguments. `payload` is a JSON file, "-"
 * for standard input, or NULL.
 */
int job_arguments(const struct job *job, const struct str *words, size_t n, const char *payload,
    struct arena *arena, const struct value **out, struct err *err);

/* The same with a value instead of the payload (NULL: none). */
int job_arguments_of(const struct job *job, const struct value *given, const struct str *words, size_t n,
    struct arena *arena, const struct value **out, struct err *err);

/* ---- texts about runs ---- */

/* Returns its address, quoted for a shell. */
struct str job_quoted(struct arena *arena, const struct job *job);

/* Returns the service's status such as "RUNNING", or weir's name for the state if the service has none. */
struct str job_run_status(const struct job_run *run);
enum style job_state_style(enum job_state state);
/* Appends the fields of a run for a --json line, each preceded by a comma. */
void job_run_fields(struct buf *out, const struct job *job, const struct job_run *run);

/* ---- run_start.c: the result of a run, on standard output or in a file: the last step of `weir run`. */
struct run_result {
    struct invocation *inv;
    struct op_ctx *ctx;
    const struct job *job;
    const struct job_run *run; /* a run that has ended */
    const char *format;        /* of rows: table, csv, json; NULL: selected by the output */
    bool raw;                  /* of CSV: control characters are kept */
    const char *out;           /* the file for the result; NULL: it is printed */
    const atomic_int *signals; /* a signal cancels it */
};

/* Prints or saves the result. Returns the exit status of that, independent of the run's state. */
int run_result_give(const struct run_result *r);

/* ---- run_watch.c: the progress of a running job: state lines on standard error (on a terminal one live
 * line) and log lines, or with --json one event per line. One thread. */
struct run_watch {
    struct invocation *inv;
    const struct job *job;
    bool live;        /* a line on the terminal is redrawn */
    bool drawn;       /* the line is on the terminal now */
    bool raw;         /* log lines are written byte for byte */
    bool logs_aside;  /* log lines go to standard error, since standard output is for the result */
    int64_t began_ms; /* monotonic time */
    int64_t drawn_ms;
    char status_text[128]; /* the last reported status */
    bool failed;           /* writing failed */
};

void run_watch_init(struct run_watch *watch, struct invocation *inv, const struct job *job);
/* Called when the run's id is known. */
void run_watch_begin(struct run_watch *watch, struct str id);
/* Callbacks of job_follow with the watch as ctx. */
void run_watch_state(void *watch, const struct job_run *run);
void run_watch_line(void *watch, const struct log_event *event);
void run_watch_tick(void *watch);
void run_watch_log_failure(void *watch, const struct err *err);
/* Clears the live line. Call it before writing anything else. */
void run_watch_clear(struct run_watch *watch);

/* The format of a log line. */
struct log_format {
    bool time, stream; /* precede the line with these */
    bool raw;          /* bytes are written unchanged, including terminal control */
};
void log_event_text(const struct log_event *event, struct log_format look, struct buf *out);
void log_event_json(const struct job *job, const struct log_event *event, struct buf *out);

/* ---- Starting a run. A start may take as long as the run itself (a function responds when it is done), so a
 * thread makes the call while the first one shows the elapsed time and handles signals. If the service has a
 * log before its response, a third thread shows it. */
/* The options of weir run. */
struct run_settings {
    struct settings shared;
    const char *payload, *follow, *stop, *format, *out;
    struct texts set;
    bool raw, detach, stop_on_timeout;
    int64_t timeout_ms;
};

/* The state of one `weir run`. */
struct running {
    struct invocation *inv;
    const struct run_settings *own;
    struct workspace *workspace;
    struct job job;
    struct op_ctx ctx;
    const struct value *arguments; /* of a new run */
    struct run_watch watch;
    struct job_run run;
    int64_t until_ms; /* monotonic time; 0: no limit */
    const atomic_int *signals;
    atomic_bool cancel;
    struct job_early *early; /* reads the log before the start's response; NULL: the response comes at once */
    pthread_t looker;
    bool looking;
    atomic_bool answered;
    pthread_mutex_t watching; /* guards `watch` while there are two threads */
    struct str begun;         /* id of the run whose start was shown; owned */
};

static inline const struct job_ops *running_ops(const struct running *r)
{
    return r->job.schema->job;
}

enum run_started {
    RUN_STARTED, /* r->run is the started run */
    RUN_START_FAILED,
    RUN_START_INTERRUPTED, /* r->run has an id if the service had reported it */
    RUN_START_TIMED_OUT,   /* likewise */
};

/* Starts the run. Sets err only for RUN_START_FAILED. */
enum run_started run_start(struct running *r, struct err *err);
/* Returns the log lines that were already shown, for job_follow(). Call it once. */
struct job_shown run_start_shown(struct running *r);
