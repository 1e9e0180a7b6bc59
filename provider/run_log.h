/*
 * The logs of a job's run as one stream of lines in the order of their time, from several sources at once,
 * again and again while they grow. Where they are kept is up to the provider's kind (struct log_ops).
 *
 * Order of calls: log_reader_new(); log_reader_poll() as often as wanted, each gives what has come since the
 * one before; log_reader_free(). A log that is not there (yet) counts as empty. One thread uses a reader.
 */
#pragma once

#include "provider/job.h"

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
