/* Jobs by their spec: starting, reading, stopping, listing, results, logs, and the error of a failed run. */
#include "base/clock.h"
#include "base/json.h"
#include "base/mem.h"
#include "provider/spec/act.h"

#include <stdlib.h>

enum { LIST_PAGES_MAX = 20 };

const char *job_state_name(enum job_state state)
{
    static const char *const names[] = {"running", "succeeded", "failed", "stopped"};
    return names[state];
}

/* Makes the interpreter use the attributes of a run. */
static const struct spec_job *job_begin(struct act *act, struct op_ctx *ctx)
{
    *act = act_of(ctx);
    const struct spec_job *job = act->type->job;
    act->type = &job->type;
    return job;
}

/* ---- input ---- */

static const struct value *prefixed(struct arena *arena, const struct value *map, struct str prefix)
{
    AUTO_BUILDER struct value_builder b = VALUE_BUILDER(arena);
    for (uint32_t i = 0; i < map->count; i++) {
        struct str parts[] = {prefix, map->entries[i].key};
        bool has = str_starts(map->entries[i].key, prefix);
        value_builder_set(
            &b, has ? map->entries[i].key : arena_concat(arena, parts, 2), map->entries[i].value);
    }
    return value_builder_map(&b);
}

static const struct value *job_appended(
    struct arena *arena, const struct value *first, const struct value *rest)
{
    AUTO_BUILDER struct value_builder b = VALUE_BUILDER(arena);
    const struct value *const lists[] = {first, rest};
    for (size_t k = 0; k < 2; k++)
        for (uint32_t i = 0; lists[k] && lists[k]->kind == VALUE_LIST && i < lists[k]->count; i++)
            value_builder_add(&b, lists[k]->items[i]);
    return b.n ? value_builder_list(&b) : NULL;
}

static const struct value *with_options(
    struct arena *arena, const struct value *object, const struct value *options)
{
    for (uint32_t i = 0; options && i < options->count; i++)
        object = value_with(arena, object, arena_printf(arena, "run_%.*s", STR_ARG(options->entries[i].key)),
            options->entries[i].value);
    return object;
}

/* Parses a document that is not sent as a string. */
static const struct value *parsed_document(
    struct act *act, const struct spec_job *job, const struct value *arguments)
{
    const struct spec_attr *attr = spec_attr_find(&job->type, job->arguments);
    if (arguments && arguments->kind == VALUE_STRING && attr && attr->attr->type->kind == TYPE_ANY)
        json_parse(act->arena, arguments->string, &arguments, ERR_IGNORED);
    return arguments;
}

static const struct value *with_arguments(
    struct act *act, const struct spec_job *job, const struct value *object, const struct value *arguments)
{
    if (!job->arguments.n)
        return object;
    if (job->ops.takes == JOB_TAKES_MAP && arguments)
        arguments = prefixed(act->arena, arguments, job->prefix);
    if (job->ops.takes == JOB_TAKES_FLAGS || job->ops.takes == JOB_TAKES_LIST)
        arguments = job_appended(act->arena, job->after.n ? value_get(object, job->after) : NULL, arguments);
    if (job->ops.takes == JOB_TAKES_JSON)
        arguments = parsed_document(act, job, arguments);
    return arguments ? value_with(act->arena, object, job->arguments, arguments) : object;
}

/* ---- output ---- */

/* Converts a timestamp, or milliseconds. */
static int64_t time_of(const struct value *v)
{
    int64_t ms = 0;
    if (v && v->kind == VALUE_INT)
        return v->integer;
    return v && v->kind == VALUE_STRING && time_parse_rfc3339(v->string, &ms) ? ms : 0;
}

static enum job_state state_of(struct act *act, const struct spec_job *job, const struct value *live)
{
    if (act_holds(act, &job->succeeded, live))
        return JOB_SUCCEEDED;
    if (job->failed.count && act_holds(act, &job->failed, live))
        return JOB_FAILED;
    return job->stopped.count && act_holds(act, &job->stopped, live) ? JOB_STOPPED : JOB_RUNNING;
}

/* Returns the parsed result, or the string if it is not JSON. */
static const struct value *result_of(struct act *act, const struct value *live)
{
    const struct value *v = value_getz(live, "run_result"), *parsed;
    bool text = v && v->kind == VALUE_STRING;
    return text && json_parse(act->arena, v->string, &parsed, ERR_IGNORED) == 0 ? parsed : v;
}

static struct str act_job_error(struct act *act, const struct spec_job *job, const struct value *live);

static void job_describe(
    struct act *act, const struct spec_job *job, const struct value *live, struct job_run *out)
{
    *out = (struct job_run){.id = value_gets(live, "run_id"),
        .state = state_of(act, job, live),
        .status = value_scalar_text(act->arena, value_getz(live, "run_status")),
        .step = value_gets(live, "run_step"),
        .output = value_gets(live, "run_output"),
        .started_ms = time_of(value_getz(live, "run_started")),
        .ended_ms = time_of(value_getz(live, "run_ended")),
        .result = result_of(act, live),
        .file = job->file.n ? value_text(value_get(live, job->file), STR_EMPTY) : STR_EMPTY,
        .live = live};
    if (out->state == JOB_FAILED || out->state == JOB_STOPPED)
        out->error = act_job_error(act, job, live);
    if (out->state == JOB_RUNNING)
        out->ended_ms = 0;
}

/* Makes one call and adds the run's attributes in the response to *live. */
static int job_take(
    struct act *act, const struct spec_step *step, const struct value **live, bool *seen, struct err *err)
{
    const struct value *document;
    if (act_step(act, step, *live, &document, err))
        return -1;
    const struct value *doc = document ? act_at(act, step, document, *live) : NULL;
    *seen = *seen || doc;
    if (doc)
        *live = act_decode(act, step, doc, *live);
    return 0;
}

/* Fills in a template with the run's attributes, as far as they are known. */
static struct str job_words(struct act *act, struct str template, const struct value *live)
{
    const struct value *v = NULL;
    if (!template.n || act_template(act, value_string_ref(act->arena, template), live, &v, ERR_IGNORED))
        return template;
    return value_scalar_text(act->arena, v);
}

/* Fails before a run is started that would never begin. */
static int job_check_blocked(
    struct act *act, const struct spec_job *job, const struct value *live, struct err *err)
{
    for (size_t i = 0; i < job->blocked_count; i++) {
        const struct spec_blocked *blocked = &job->blocked[i];
        if (!act_holds(act, &blocked->when, live))
            continue;
        err_set(err, ERR_FAILED, "%.*s", STR_ARG(job_words(act, blocked->message, live)));
        if (blocked->hint.n)
            err_hint(err, "%.*s", STR_ARG(job_words(act, blocked->hint, live)));
        return -1;
    }
    return 0;
}

static int job_start(struct op_ctx *ctx, const struct value *object, const struct job_input *input,
    struct job_run *out, struct err *err)
{
    struct act act;
    const struct spec_job *job = job_begin(&act, ctx);
    const struct value *live = with_options(act.arena, object, input->options);
    live = with_arguments(&act, job, live, input->arguments);
    const struct spec_steps *steps = input->detach && job->detach.count ? &job->detach : &job->start;
    bool seen = false;
    for (size_t i = 0; i < steps->count; i++)
        if (job_check_blocked(&act, job, live, err) || job_take(&act, &steps->items[i], &live, &seen, err))
            return -1;
    job_describe(&act, job, live, out);
    if (input->detach) /* a run that was just started has not ended */
        out->state = JOB_RUNNING;
    return 0;
}

static const struct value *identified(
    struct arena *arena, const struct value *object, const struct value *options, struct str id)
{
    return value_with(arena, with_options(arena, object, options), STR("run_id"), value_string(arena, id));
}

static int job_read(struct op_ctx *ctx, const struct value *object, const struct value *options,
    struct str id, struct job_run *out, struct err *err)
{
    struct act act;
    const struct spec_job *job = job_begin(&act, ctx);
    const struct value *live = identified(act.arena, object, options, id);
    bool seen = false;
    for (size_t i = 0; i < job->read.count; i++) {
        if (job_take(&act, &job->read.items[i], &live, &seen, err))
            return -1;
        live = identified(act.arena, live, NULL, id); /* the requested run */
    }
    if (!seen)
        return err_set(err, ERR_ABSENT, "there is no run %.*s", STR_ARG(id));
    job_describe(&act, job, live, out);
    return 0;
}

static int job_stop(struct op_ctx *ctx, const struct value *object, const struct value *options,
    struct str id, struct err *err)
{
    struct act act;
    const struct spec_job *job = job_begin(&act, ctx);
    const struct value *document;
    return act_step(&act, job->stop, identified(act.arena, object, options, id), &document, err);
}

/* ---- listing ---- */

struct listing {
    struct act *act;
    const struct spec_job *job;
    const struct value *object;
    struct job_run *runs;
    size_t n, cap, max;
};

/* With `match`, only the job's own runs of a shared listing. */
static bool is_ours(const struct listing *l, const struct value *item)
{
    return act_matches(l->act, l->job->list, item, l->object);
}

static void add_runs(struct listing *l, const struct value *found)
{
    const struct spec_step *step = l->job->list;
    for (uint32_t i = 0; found && found->kind == VALUE_LIST && i < found->count && l->n < l->max; i++) {
        if (!is_ours(l, found->items[i]) || act_skips(l->act, &step->list.skip, found->items[i]))
            continue;
        MEM_GROW(l->runs, l->cap, l->n + 1);
        job_describe(l->act, l->job, act_decode(l->act, step, found->items[i], l->object), &l->runs[l->n++]);
    }
}

static int newest_first(const void *a, const void *b)
{
    const struct job_run *x = a, *y = b;
    return (y->started_ms > x->started_ms) - (y->started_ms < x->started_ms);
}

static int job_list(struct op_ctx *ctx, const struct value *object, const struct value *options, size_t max,
    const struct job_run **runs, size_t *n, struct err *err)
{
    struct act act;
    struct listing l = {.act = &act, .max = max};
    l.job = job_begin(&act, ctx);
    l.object = with_options(act.arena, object, options);
    *runs = NULL;
    *n = 0;
    if (!act_applies(&act, l.job->list, l.object))
        return 0;
    AUTO_PAGES struct pages pages = PAGES_INIT;
    const struct value *token = NULL, *next = NULL, *items;
    int rc = 0;
    for (int page = 0; rc == 0 && page < LIST_PAGES_MAX && l.n < max; page++) {
        rc = act_page_items(&act, l.job->list, l.object, token, &next, &items, err);
        if (rc == 0)
            add_runs(&l, items);
        if (!next || rc)
            break;
        if (l.n < max)
            rc = pages_next_value(&pages, l.job->list->call.op->wire.name, next, err);
        token = next;
    }
    struct job_run *kept = ARENA_ARRAY(act.arena, struct job_run, l.n + 1);
    if (l.n)
        memcpy(kept, l.runs, l.n * sizeof *kept);
    free(l.runs);
    qsort(kept, l.n, sizeof *kept, newest_first);
    *runs = kept;
    *n = l.n;
    return rc;
}

/* ---- results as tables ---- */

static const struct value *row_of(struct act *act, const struct spec_job *job, const struct value *item)
{
    const struct value *cells = wire_path(act->arena, item, job->cells);
    AUTO_BUILDER struct value_builder row = VALUE_BUILDER(act->arena);
    for (uint32_t i = 0; cells && cells->kind == VALUE_LIST && i < cells->count; i++) {
        const struct value *v = wire_path(act->arena, cells->items[i], job->cell);
        value_builder_add(&row, v ? v : &value_null);
    }
    return value_builder_list(&row);
}

static int job_rows(struct op_ctx *ctx, const struct value *object, const struct job_run *ended, size_t max,
    const struct value **columns, const struct value **rows, bool *more, struct err *err)
{
    struct act act;
    const struct spec_job *job = job_begin(&act, ctx);
    const struct spec_step *step = job->rows;
    AUTO_BUILDER struct value_builder all = VALUE_BUILDER(act.arena);
    AUTO_PAGES struct pages pages = PAGES_INIT;
    const struct value *token = NULL, *live = value_merge(act.arena, object, ended->live);
    *more = false;
    *columns = &value_empty_list;
    do {
        const struct value *document;
        if (act_page(&act, step, live, NULL, token, &document, err))
            return -1;
        const struct value *names = wire_path(act.arena, document, job->columns);
        const struct value *items = wire_path(act.arena, document, step->reply.at);
        if (!token && names)
            *columns = names;
        for (uint32_t i = 0; items && items->kind == VALUE_LIST && i < items->count; i++) {
            const struct value *row = row_of(&act, job, items->items[i]);
            if (!token && i == 0 && value_equal(row, *columns))
                continue; /* queries return the column names as their first row, other statements do not */
            *more = all.n >= max;
            if (!*more)
                value_builder_add(&all, row);
        }
        if (act_next_page(&act, step, document, token, &token, err))
            return -1;
        token = *more ? NULL : token;
        if (token && pages_next_value(&pages, step->call.op->wire.name, token, err))
            return -1;
    } while (token);
    *rows = value_builder_list(&all);
    return 0;
}

/* ---- logs ---- */

/* *out stays empty if a value of the template is missing. */
static int fill(
    struct act *act, struct str template, const struct value *live, struct str *out, struct err *err)
{
    const struct value *v = NULL;
    *out = STR_EMPTY;
    if (!template.n || act_template(act, value_string_ref(act->arena, template), live, &v, err))
        return template.n ? -1 : 0;
    *out = value_scalar_text(act->arena, v);
    return 0;
}

static int job_logs(struct op_ctx *ctx, const struct value *object, const struct job_run *of,
    const struct log_source **sources, size_t *n, struct err *err)
{
    struct act act;
    const struct spec_job *job = job_begin(&act, ctx);
    const struct value *live = of ? value_merge(act.arena, object, of->live) : object;
    struct log_source *list = ARENA_ARRAY(act.arena, struct log_source, job->log_count + 1);
    *n = 0;
    for (size_t i = 0; i < job->log_count; i++) {
        const struct spec_log *log = &job->logs[i];
        struct log_source *s = &list[*n];
        if (!act_holds(&act, &log->only, live))
            continue;
        if (fill(&act, log->group, live, &s->group, err) || fill(&act, log->stream, live, &s->stream, err) ||
            fill(&act, log->prefix, live, &s->prefix, err) || fill(&act, log->first, live, &s->first, err) ||
            fill(&act, log->last, live, &s->last, err))
            return -1;
        s->errors = log->errors;
        bool complete = s->group.n && (!log->stream.n || s->stream.n) && (!log->prefix.n || s->prefix.n) &&
                        (!of || !log->first.n || (s->first.n && s->last.n));
        if (complete)
            (*n)++;
    }
    *sources = list;
    return 0;
}

const struct job_ops spec_job_ops = {.start = job_start,
    .read = job_read,
    .stop = job_stop,
    .list = job_list,
    .rows = job_rows,
    .logs = job_logs};

const struct value *job_rows_as_maps(
    struct arena *arena, const struct value *columns, const struct value *rows)
{
    AUTO_BUILDER struct value_builder list = VALUE_BUILDER(arena);
    for (uint32_t i = 0; i < rows->count; i++) {
        AUTO_BUILDER struct value_builder row = VALUE_BUILDER(arena);
        for (uint32_t k = 0; k < columns->count && k < rows->items[i]->count; k++)
            value_builder_set(&row, value_text(columns->items[k], STR_EMPTY), rows->items[i]->items[k]);
        value_builder_add(&list, value_builder_map(&row));
    }
    return value_builder_list(&list);
}

/* ---- Data sources with `run:`: reading starts a run, waits for it, and returns its rows. Every read costs a
 * query. */

enum {
    ROWS_MAX = 1000,
    PACE_MS = 200,
    PACE_MAX_MS = 5 * 1000,
    WAIT_MS = 30 * 60 * 1000,
};

/* Waits until the run has succeeded. */
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

/* Members with the error message in services' responses, the more specific ones first. */
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

/* The cause in Step Functions is the whole response of the failed job's service, with its settings before the
 * error. */
static struct str message_in_json(struct act *act, struct str part)
{
    const struct value *document;
    if (!part.n || part.p[0] != '{' || json_parse(act->arena, part, &document, ERR_IGNORED))
        return part;
    struct str sentence = sentence_in(document, 0);
    return sentence.n ? sentence : part;
}

/* Evaluates a path, or a string with templates. */
static struct str error_part(struct act *act, struct str item, const struct value *live)
{
    const struct value *v = NULL;
    if (str_find(item, STR("${"), 0) < 0)
        v = wire_path(act->arena, live, item);
    else if (act_template(act, value_string_ref(act->arena, item), live, &v, ERR_IGNORED))
        v = NULL;
    return message_in_json(act, str_trim(value_scalar_text(act->arena, v)));
}

/* Returns "States.TaskFailed: the task gave up". */
static struct str act_job_error(struct act *act, const struct spec_job *job, const struct value *live)
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
