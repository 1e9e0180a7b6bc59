/*
 * Jobs: resource types whose instances can be started (a Glue job, a function, a state machine). The schema
 * of such a type has `job` set. Like all operations of providers these block, may be called from every
 * thread, and allocate their results in the context's arena.
 *
 * `object` is the recorded resource, `options` the options of `weir run --set`.
 *
 * Order of calls: start(), which may already return the finished run (a function's response contains its
 * result); then read() until the run has ended; rows() if the result is a table. logs() returns where the
 * run's output is; log_reader_new() reads it. job_follow() does all of that in a loop.
 */
#pragma once

#include "provider/provider.h"

enum job_state { JOB_RUNNING /* or queued */, JOB_SUCCEEDED, JOB_FAILED, JOB_STOPPED };

struct job_run {
    struct str id;
    enum job_state state;
    struct str status;            /* the service's status; may be empty */
    struct str step;              /* the current step; "": none, or not reported */
    struct str error;             /* the service's error message; "": none */
    struct str output;            /* the last part of its log, if the response contained it */
    int64_t started_ms, ended_ms; /* since 1970 in UTC; 0: not known */
    const struct value *result;   /* the result; NULL: none */
    struct str file;              /* the file with the whole result, s3://BUCKET/KEY; "": none */
    const struct value *live;     /* all attributes of the run; for logs() and rows() */
};

/* How a job takes the arguments after its name on the command line. */
enum job_takes {
    JOB_TAKES_NOTHING,
    JOB_TAKES_MAP,   /* k=v: strings by name */
    JOB_TAKES_JSON,  /* k=v, k:=json, or a whole document */
    JOB_TAKES_FLAGS, /* words, and k=v as --k v */
    JOB_TAKES_LIST,  /* words, in order */
};

/* A setting of a single run: `weir run --set NAME=VALUE`. */
struct job_option {
    struct str name, doc;
    struct str resource; /* a type: the default is the only resource of that type in the stack; "": none */
    bool required;
};

struct job_input {
    const struct value *arguments; /* map, list or any JSON, as `takes` says; NULL: none */
    const struct value *options;   /* map by option name; NULL: none */
    bool detach; /* return before the end of the run, even if the service's call would wait */
};

/* Logs of a run: one stream, all streams with a prefix, or the whole group. */
struct log_source {
    struct str group, stream, prefix;
    /* The run is only a part of a stream: from the line that begins with `first` to the line that begins with
     * `last`. "": the whole stream. */
    struct str first, last;
    bool errors; /* the stream is standard error */
};

struct job_ops {
    enum job_takes takes;
    const struct job_option *options;
    size_t option_count;
    bool lists, reads, stops; /* the service has the call */
    bool has_result;          /* a run has a result, not only a log; if `tabular`, rows() returns it */
    bool tabular;
    bool leaves_file; /* see job_run.file */
    int (*start)(struct op_ctx *ctx, const struct value *object, const struct job_input *input,
        struct job_run *run, struct err *err);
    /* Fails with ERR_ABSENT if the run does not exist. `options` may be NULL. */
    int (*read)(struct op_ctx *ctx, const struct value *object, const struct value *options, struct str id,
        struct job_run *run, struct err *err);
    int (*stop)(struct op_ctx *ctx, const struct value *object, const struct value *options, struct str id,
        struct err *err);
    /* Lists at most `max` runs, the newest first; *n is 0 if the service keeps none for this job. */
    int (*list)(struct op_ctx *ctx, const struct value *object, const struct value *options, size_t max,
        const struct job_run **runs, size_t *n, struct err *err);
    /* *columns: list of names. *rows: list of at most `max` lists of strings or nulls. *more: there are more
     * rows. */
    int (*rows)(struct op_ctx *ctx, const struct value *object, const struct job_run *run, size_t max,
        const struct value **columns, const struct value **rows, bool *more, struct err *err);
    /* Returns where the run's logs are. `run` NULL: the logs of all runs, if they have their own group or
     * stream. */
    int (*logs)(struct op_ctx *ctx, const struct value *object, const struct job_run *run,
        const struct log_source **sources, size_t *n, struct err *err);
};

/* "running", "succeeded", "failed", "stopped" */
const char *job_state_name(enum job_state state);
/* Converts the result of rows() to a list of maps by column name. */
const struct value *job_rows_as_maps(
    struct arena *arena, const struct value *columns, const struct value *rows);

/* ---- job_follow.c: the logs of a run as one stream of lines, ordered by time, from several sources,
 * polled while they grow. The provider type reads them (struct log_ops).
 *
 * Order of calls: log_reader_new(); log_reader_poll() repeatedly, each returns the lines since the
 * previous call; log_reader_free(). A log that does not exist (yet) counts as empty. A reader is used by
 * one thread. */
struct log_event {
    int64_t at_ms;
    struct str stream, message; /* without the final newline; valid until the callback returns */
    bool errors;                /* from a source with `errors` */
};

typedef void log_taker(void *ctx, const struct log_event *event);

struct log_options {
    int64_t since_ms;          /* no earlier lines; 0: all */
    bool from_now;             /* no lines before now, by the service's clock */
    size_t tail;               /* the first poll returns only so many lines, the latest; 0: all */
    const atomic_bool *cancel; /* may be NULL */
};

/* The first member of each provider type's reader. */
struct log_reader {
    const struct log_ops *ops;
};

struct log_ops {
    struct log_reader *(*open)(const struct provider *provider, const struct log_source *sources, size_t n,
        const struct log_options *options);
    void (*close)(struct log_reader *reader);
    int (*poll)(struct log_reader *reader, log_taker *line, void *ctx, struct err *err);
    bool (*complete)(const struct log_reader *reader);
    int64_t (*late_ms)(const struct provider *provider);
};

/* Copies the sources. The provider's type has to have logs. */
struct log_reader *log_reader_new(const struct provider *provider, const struct log_source *sources, size_t n,
    const struct log_options *options);
void log_reader_free(struct log_reader *reader);
/* Calls `line` for the new lines. Lines that were passed to it before a failure are not repeated. */
int log_reader_poll(struct log_reader *reader, log_taker *line, void *ctx, struct err *err);
/* True if there are sources whose last line is recognisable (log_source.last) and all of them have reached
 * it. */
bool log_reader_complete(const struct log_reader *reader);
/* Returns how long after an event its line may become visible; 0: at once. */
int64_t log_late_ms(const struct provider *provider);

/* ---- job_follow.c: the log of a run whose start call has not returned yet: of a function, whose run id
 * comes with the response. Reads all new lines of the log group. A run that begins there after the call is
 * taken for this one while it is the only one. The id then tells whether that was right.
 *
 * Order of calls: job_early_new() before the start, job_early_poll() repeatedly during the call,
 * job_early_shown() once the id is known. Used by one thread, which need not be the one that starts the
 * run. */
struct job_early_options {
    struct op_ctx *ctx;
    const struct value *object;
    const atomic_bool *cancel;
    void (*begins)(void *ctx, struct str id); /* called before the run's first line */
    log_taker *line;
    void *callback_ctx;
};

/* How much of a run's log was shown. */
struct job_shown {
    size_t events, lines; /* an event may have several lines */
};

struct job_early;

/* Returns NULL if runs of this type have an id from the start, or if their log does not mark where a run
 * begins. */
struct job_early *job_early_new(const struct job_early_options *options);
void job_early_free(struct job_early *early);
/* Shows new lines. A log that cannot be read is skipped until the next call. */
void job_early_poll(struct job_early *early);
/* Returns how much was shown of the run with that id; *others: lines of another run were shown. */
struct job_shown job_early_shown(const struct job_early *early, struct str id, bool *others);

/* ---- job_follow.c: following a run until it ends: reads its state at growing intervals and shows its log
 * lines. One thread; all callbacks run on that thread. */

enum job_follow_end {
    FOLLOW_ENDED,       /* the run has ended */
    FOLLOW_TIMEOUT,     /* the run continues, the time limit has passed */
    FOLLOW_INTERRUPTED, /* the run continues, a signal came */
};

struct job_follow {
    struct op_ctx *ctx; /* the last state of the run is allocated in its arena */
    const struct value *object, *options;
    int64_t until_ms;          /* on the monotonic clock; 0: no limit */
    const atomic_int *signals; /* number of signals received, more than zero: stop following; may be NULL */
    int64_t pace_ms;           /* between the first two reads; grows to 16 times this; 0: 500 */
    int64_t since_ms;          /* log lines before this are left out; 0: none */
    struct job_shown shown;    /* so much of the log was shown already and is left out */
    int64_t late_ms;           /* how long after a run's end its last lines may become visible */
    void (*state)(void *ctx,
        const struct job_run
            *run);           /* called at first and on each change; the end is reported after the log */
    log_taker *line;         /* NULL: logs are not read */
    void (*tick)(void *ctx); /* ten times a second while waiting; may be NULL */
    void (*log_failure)(void *ctx, const struct err *err); /* the logs cannot be read: called once */
    void *callback_ctx;
};

/* *run is the result of start() or read(), and is updated to the last known state. */
int job_follow(
    const struct job_follow *follow, struct job_run *run, enum job_follow_end *end, struct err *err);
