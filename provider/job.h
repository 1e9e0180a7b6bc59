/*
 * Jobs: resource types whose instances can be started (a Glue job, a function, a state machine). A schema of
 * such a type has `job` set. Like all operations of providers these block, may be called from every thread,
 * and leave their results in the context's arena.
 *
 * `object` is the resource as the state recorded it, with what `options` gives added.
 *
 * Order of calls: start(), which may already answer with the end (a function answers when it is done); then
 * read() until the run has ended; rows() where the result is a table. logs() says where the run's output is,
 * which provider/job.h reads. provider/job.h does all of that in a loop.
 */
#pragma once

#include "provider/provider.h"

enum job_state { JOB_RUNNING /* or waiting for it */, JOB_SUCCEEDED, JOB_FAILED, JOB_STOPPED };

struct job_run {
    struct str id;
    enum job_state state;
    struct str status;            /* the service's word for it; may be empty */
    struct str step;              /* which of its steps it is at; "" it has none, or nobody says */
    struct str error;             /* what went wrong, as the service says it; "" nothing */
    struct str output;            /* the end of its log, where the answer carried it */
    int64_t started_ms, ended_ms; /* since 1970; 0: not known */
    const struct value *result;   /* what it gave back; NULL: nothing */
    struct str file;              /* where the whole of that is, s3://BUCKET/KEY; "" nowhere */
    const struct value *live;     /* all that is known of it; for logs() and rows() */
};

/* How a job takes what is behind its name on the command line. */
enum job_takes {
    JOB_TAKES_NOTHING,
    JOB_TAKES_MAP,   /* k=v: texts by name */
    JOB_TAKES_JSON,  /* k=v, k:=json, or a whole document */
    JOB_TAKES_FLAGS, /* words, and k=v as --k v */
    JOB_TAKES_LIST,  /* words, in their order */
};

/* What a run may have otherwise than the job: `weir run --set NAME=VALUE`. */
struct job_option {
    struct str name, doc;
    struct str resource; /* a type: without a value, the only resource of it in the stack is meant; "" none */
    bool required;
};

struct job_input {
    const struct value *arguments; /* map, list or any JSON, as the type takes them; NULL: none */
    const struct value *options;   /* map by option name; NULL: none */
    bool detach;                   /* do not wait for the end, even where the service would */
};

/* A log of a run: one stream, all streams that begin so, or all of the group. */
struct log_source {
    struct str group, stream, prefix;
    /* The run is only a part of a stream: from the line that begins with `first` to the one that begins with
     * `last`. "" all of it. */
    struct str first, last;
    bool errors; /* what programs write to standard error */
};

struct job_ops {
    enum job_takes takes;
    const struct job_option *options;
    size_t option_count;
    bool lists, reads, stops; /* has the service such a call? */
    bool gives;               /* a result, not only a log; with `tabular` rows() has it */
    bool tabular;
    bool leaves_file; /* see job_run.file */
    int (*start)(struct op_ctx *ctx, const struct value *object, const struct job_input *input,
        struct job_run *run, struct err *err);
    /* ERR_ABSENT where there is no such run. `options` may be NULL. */
    int (*read)(struct op_ctx *ctx, const struct value *object, const struct value *options, struct str id,
        struct job_run *run, struct err *err);
    int (*stop)(struct op_ctx *ctx, const struct value *object, const struct value *options, struct str id,
        struct err *err);
    /* The newest first, `max` at most; none where the service keeps none of this one's. */
    int (*list)(struct op_ctx *ctx, const struct value *object, const struct value *options, size_t max,
        const struct job_run **runs, size_t *n, struct err *err);
    /* *columns: list of names; *rows: list of lists of texts or nulls, `max` at most; *more: there are more.
     */
    int (*rows)(struct op_ctx *ctx, const struct value *object, const struct job_run *run, size_t max,
        const struct value **columns, const struct value **rows, bool *more, struct err *err);
    /* Where its logs are. `run` NULL: those of all runs, as far as they have a place of their own. */
    int (*logs)(struct op_ctx *ctx, const struct value *object, const struct job_run *run,
        const struct log_source **sources, size_t *n, struct err *err);
};

/* "running", "succeeded", "failed", "stopped" */
const char *job_state_name(enum job_state state);
/* Of rows(): a list of maps by the names of their columns. */
const struct value *job_rows_as_maps(
    struct arena *arena, const struct value *columns, const struct value *rows);

/* ---- job_follow.c: the logs of a job's run as one stream of lines in the order of their time, from several
 * sources at once, again and again while they grow. Where they are kept is up to the provider's kind (struct
 * log_ops).
 *
 * Order of calls: log_reader_new(); log_reader_poll() as often as wanted, each gives what has come since the
 * one before; log_reader_free(). A log that is not there (yet) counts as empty. One thread uses a reader. */
struct log_event {
    int64_t at_ms;
    struct str stream, message; /* without the newline at its end; live until the callback returns */
    bool errors;                /* of its source */
};

typedef void log_taker(void *ctx, const struct log_event *event);

struct log_options {
    int64_t since_ms;          /* nothing older; 0: all */
    bool from_now;             /* nothing older than this moment, by the service's clock */
    size_t tail;               /* the first poll gives only so many, the latest; 0: all */
    const atomic_bool *cancel; /* may be NULL */
};

/* What a kind's readers begin with. */
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

/* Copies the sources. The provider is of a kind that has logs. */
struct log_reader *log_reader_new(const struct provider *provider, const struct log_source *sources, size_t n,
    const struct log_options *options);
void log_reader_free(struct log_reader *reader);
/* What was given to `line` before a failure is not given again. */
int log_reader_poll(struct log_reader *reader, log_taker *line, void *ctx, struct err *err);
/* Is there a source whose last line would be known, and has it been seen in all of them? */
bool log_reader_complete(const struct log_reader *reader);
/* How long after an event its line may show up; 0: it is there at once. */
int64_t log_late_ms(const struct provider *provider);

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

/* ---- job_follow.c: following a run until it ends: asking for its state at growing intervals, giving its log
 * lines as they come. One thread; what it calls back, it calls on that thread. */

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
