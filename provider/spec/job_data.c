/*
 * Data sources with `run:`: a run is started, waited for, and its rows are what is read. A query costs what
 * it costs, each time.
 */
#include "provider/spec/act.h"

#include "base/clock.h"

enum {
    ROWS_MAX = 1000,
    PACE_MS = 200,
    PACE_MAX_MS = 5 * 1000,
    WAIT_MS = 30 * 60 * 1000,
};

/* Until the run has ended, well. */
static int await_run(struct op_ctx *ctx, const struct value *object, struct job_run *run, struct err *err)
{
    const struct job_ops *job = ctx->schema->job;
    int64_t until_ms = clock_mono_ms() + (ctx->timeout_ms ? ctx->timeout_ms : WAIT_MS);
    for (int64_t pace_ms = PACE_MS; run->state == JOB_RUNNING; pace_ms *= 2) {
        struct str id = run->id;
        if (clock_mono_ms() >= until_ms)
            return err_set(err, ERR_TIMEOUT, "the run %.*s takes too long", STR_ARG(id));
        if (cancel_sleep_ms(ctx->cancel, pace_ms < PACE_MAX_MS ? pace_ms : PACE_MAX_MS, err) ||
            job->read(ctx, object, NULL, id, run, err))
            return -1;
    }
    if (run->state == JOB_SUCCEEDED)
        return 0;
    return err_set(err, ERR_FAILED, "it %s%s%.*s", run->state == JOB_STOPPED ? "was stopped" : "failed",
        run->error.n ? ": " : "", STR_ARG(run->error));
}

static int run_data(struct op_ctx *ctx, const struct value *prior, const struct value *wanted UNUSED,
    const struct value **live, struct err *err)
{
    const struct job_ops *job = ctx->schema->job;
    const struct value *columns, *rows;
    struct job_run run = {0};
    bool more;
    if (job->start(ctx, prior, &(struct job_input){0}, &run, err) || await_run(ctx, prior, &run, err) ||
        job->rows(ctx, prior, &run, ROWS_MAX, &columns, &rows, &more, err))
        return -1;
    *live = value_with(ctx->arena, prior, STR("rows"), job_rows_as_maps(ctx->arena, columns, rows));
    return 0;
}

const struct resource_ops spec_run_ops = {
    .read = run_data, .permissions = spec_permissions, .scope = spec_scope};
