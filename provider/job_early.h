/*
 * The log of a run while its start has not been answered yet: of a function, whose id comes with its answer.
 * All that its group gets is looked at; a run that begins there after the call was made is taken for this
 * one, as long as there is only one such. Who was right shows when the id is known.
 *
 * Order of calls: job_early_new() before the start, job_early_poll() now and then while it goes on,
 * job_early_shown() once the id is known. One thread, which need not be the one that starts.
 */
#pragma once

#include "provider/run_log.h"

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

/* NULL: runs of this kind have an id from the start, or no log of which it could be told where one begins. */
struct job_early *job_early_new(const struct job_early_options *options);
void job_early_free(struct job_early *early);
/* A log that cannot be read now is read later, or not at all. */
void job_early_poll(struct job_early *early);
/* Of the run with that id; *others: there were lines of another. */
struct job_shown job_early_shown(const struct job_early *early, struct str id, bool *others);
