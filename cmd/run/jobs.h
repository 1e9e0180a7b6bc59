/*
 * The jobs of a stack, as its state has them: what the commands run, jobs and logs share. A job is found by
 * its address or, where only one has it, by its name at the service.
 */
#pragma once

#include "cmd/invocation/invocation.h"
#include "provider/job.h"

struct job {
    const struct record *record;
    const struct schema *schema; /* schema->job is set */
    const struct value *object;  /* as recorded, without what the state keeps only as a hash */
    struct str name;             /* at the service */
    struct provider *provider;   /* after job_open() */
    const struct value *options; /* of its runs, by name */
};

/* Opens the stack without asking for inputs that nothing needs. Reported when it is not EXIT_DONE. */
int jobs_open(struct invocation *inv, struct workspace *workspace);
/* Every job in the state, by address. Results live as long as the invocation. */
void jobs_list(struct invocation *inv, struct workspace *workspace, struct job **jobs, size_t *n);
/* The address of the job with that name at the service; the text itself where no job is called so. */
struct str jobs_address(struct invocation *inv, struct workspace *workspace, struct str text);
/* The one that the text means, opened; reported when it is not EXIT_DONE. */
int jobs_find(struct invocation *inv, struct workspace *workspace, struct str text, struct job *out);
/*
 * Its provider, and its options: `given` is "NAME=VALUE" each (--set), where VALUE may be the address of a
 * resource; what is required and not given is the only resource of its type in the state.
 */
int job_open(struct invocation *inv, struct workspace *workspace, const struct texts *given, struct job *job);
/* The same for a look at many: what is required and cannot be told is left out. */
int job_open_lenient(struct invocation *inv, struct workspace *workspace, struct job *job);
/* For one call; `arena` takes the results. */
struct op_ctx job_context(const struct job *job, struct arena *arena, struct workspace *workspace);

/* ---- what is behind the job on the command line ---- */

/*
 * As the job takes it; *out stays NULL where nothing was given. `payload` is a file with JSON, "-" standard
 * input, NULL none.
 */
int job_arguments(const struct job *job, const struct str *words, size_t n, const char *payload,
    struct arena *arena, const struct value **out, struct err *err);

/* The same with a value in the place of the file; NULL: none. */
int job_arguments_of(const struct job *job, const struct value *given, const struct str *words, size_t n,
    struct arena *arena, const struct value **out, struct err *err);

/* ---- runs in words ---- */

/* Its address as it is typed into a shell. */
struct str job_quoted(struct arena *arena, const struct job *job);

/* "RUNNING", or ours where the service has no word for it. */
struct str job_run_status(const struct job_run *run);
enum style job_state_style(enum job_state state);
/* Fields of a run in a --json line, each with a comma before it. */
void job_run_fields(struct buf *out, const struct job *job, const struct job_run *run);

/* ---- run_start.c: what a run gave, on standard output or in a file: the last step of `weir run`. */
struct run_result {
    struct invocation *inv;
    struct op_ctx *ctx;
    const struct job *job;
    const struct job_run *run; /* has ended */
    const char *format;        /* of rows: table, csv, json; NULL: what suits the output */
    bool raw;                  /* of CSV: control characters stay */
    const char *out;           /* the file that it goes to; NULL: it is printed */
    const atomic_int *signals; /* one ends it */
};

/* An exit status; how the run went does not count. */
int run_result_give(const struct run_result *r);

/* ---- run_watch.c: what is shown while a job runs: state lines on standard error (on a terminal one live
 * line), log lines where they belong, or an event a line with --json. One thread. */
struct run_watch {
    struct invocation *inv;
    const struct job *job;
    bool live;        /* a line on the terminal is drawn again and again */
    bool drawn;       /* it is there now */
    bool raw;         /* log lines byte by byte */
    bool logs_aside;  /* log lines go to standard error: standard output is for the result */
    int64_t began_ms; /* monotonic */
    int64_t drawn_ms;
    char status_text[128]; /* last reported */
    bool failed;           /* nobody reads any more */
};

void run_watch_init(struct run_watch *watch, struct invocation *inv, const struct job *job);
/* The run has an id now. */
void run_watch_begin(struct run_watch *watch, struct str id);
/* Callbacks of job_follow, their ctx is the watch. */
void run_watch_state(void *watch, const struct job_run *run);
void run_watch_line(void *watch, const struct log_event *event);
void run_watch_tick(void *watch);
void run_watch_trouble(void *watch, const struct err *err);
/* Before anything else is written. */
void run_watch_clear(struct run_watch *watch);

/* A log line as the commands print it. */
struct log_look {
    bool time, stream; /* put before it */
    bool raw;          /* whatever bytes the job wrote, also those that control a terminal */
};
void log_event_text(const struct log_event *event, struct log_look look, struct buf *out);
void log_event_json(const struct job *job, const struct log_event *event, struct buf *out);

/* ---- Starting a job's run. A start may take as long as the run itself (a function answers
 * when it is done), so a thread makes the call while the first one shows that time passes and listens for
 * signals; where the service has a log before it has an answer, a third thread shows that. */
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
    struct str begun;         /* the run whose begin was shown; owned */
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
