/* The error of a failed run as one line, from the parts that its spec names; and data sources with `run:`. */
#include "base/clock.h"
#include "base/json.h"
#include "provider/spec/act.h"

/* ---- Data sources with `run:`: a run is started, waited for, and its rows are what is read. A query
 * costs what it costs, each time. */

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
    for (int64_t pace_ms = PACE_MS; run->state == JOB_RUNNING;
         pace_ms = pace_ms * 2 < PACE_MAX_MS ? pace_ms * 2 : PACE_MAX_MS) {
        struct str id = run->id;
        if (clock_mono_ms() >= until_ms)
            return err_set(err, ERR_TIMEOUT, "the run %.*s takes too long", STR_ARG(id));
        if (cancel_sleep_ms(ctx->cancel, pace_ms, err) || job->read(ctx, object, NULL, id, run, err))
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

enum { ERROR_MAX = 900, DEPTH_MAX = 3 };

/* What services call the sentence in what they give as a cause, the particular ones first. */
static const char *const sentences[] = {"ErrorMessage", "errorMessage", "StateDetails", "stateDetails",
    "StateChangeReason", "StatusReason", "StoppedReason", "Message", "message"};

static struct str sentence_in(const struct value *v, int depth)
{
    struct str found = STR_EMPTY;
    if (v->kind != VALUE_MAP || depth > DEPTH_MAX)
        return found;
    for (size_t i = 0; i < sizeof sentences / sizeof *sentences && !found.n; i++)
        found = str_trim(value_gets(v, sentences[i]));
    for (uint32_t i = 0; i < v->count && !found.n; i++)
        found = sentence_in(v->entries[i].value, depth + 1);
    return found;
}

/* Step Functions has as the cause all that the failed job's service answered, its settings before what went
 * wrong. */
static struct str in_words(struct act *act, struct str part)
{
    const struct value *document;
    if (!part.n || part.p[0] != '{' || json_parse(act->arena, part, &document, ERR_IGNORED))
        return part;
    struct str sentence = sentence_in(document, 0);
    return sentence.n ? sentence : part;
}

/* A path, or a text with templates. */
static struct str error_part(struct act *act, struct str item, const struct value *live)
{
    const struct value *v = NULL;
    if (str_find(item, STR("${"), 0) < 0)
        v = wire_path(act->arena, live, item);
    else if (act_template(act, value_string_ref(act->arena, item), live, &v, ERR_IGNORED))
        v = NULL;
    return in_words(act, str_trim(value_scalar_text(act->arena, v)));
}

struct str act_job_error(struct act *act, const struct spec_job *job, const struct value *live)
{
    AUTO_BUF struct buf text = {.max = ERROR_MAX};
    for (size_t i = 0; i < job->error.count; i++) {
        struct str part = error_part(act, job->error.items[i], live);
        if (!part.n)
            continue;
        if (text.n)
            buf_addz(&text, ": ");
        part.n = part.n < ERROR_MAX - text.n ? part.n : str_utf8_prefix(str_n(part.p, ERROR_MAX - text.n));
        buf_add_str(&text, part);
    }
    return arena_str(act->arena, buf_str(&text));
}
