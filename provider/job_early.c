/* The log of a run while its start has not been answered yet: see job_early.h. */
#include "provider/job_early.h"

#include "base/mem.h"

#include <stdlib.h>

enum { RUNS_MAX = 64 };

/* A run that has begun since. */
struct seen_run {
    struct str id, stream;
    struct job_shown shown;
    bool ended;
};

struct job_early {
    struct arena arena;
    struct job_early_options options;
    struct str first, last; /* how a run's first and last line begin */
    struct log_reader *reader;
    struct seen_run runs[RUNS_MAX];
    size_t count;
};

/* Where the logs of a run are whose id is nothing: the marks without it. */
static bool find_source(const struct job_early_options *options, struct arena *arena, struct log_source *out)
{
    struct op_ctx ctx = *options->ctx;
    const struct job_run nobody = {.live = value_with(arena, NULL, STR("run_id"), &value_empty_string)};
    const struct log_source *sources;
    size_t n;
    ctx.arena = arena;
    if (ctx.schema->job->reads ||
        ctx.schema->job->logs(&ctx, options->object, &nobody, &sources, &n, ERR_IGNORED))
        return false;
    if (n != 1 || !sources[0].first.n || !sources[0].last.n)
        return false;
    *out = sources[0];
    return true;
}

struct job_early *job_early_new(const struct job_early_options *options)
{
    struct job_early *early = mem_zalloc(sizeof *early);
    struct log_source source;
    early->options = *options;
    if (!find_source(options, &early->arena, &source)) {
        job_early_free(early);
        return NULL;
    }
    early->first = source.first;
    early->last = source.last;
    source.first = source.last = STR_EMPTY;
    const struct log_options log = {.from_now = true, .cancel = options->cancel};
    early->reader = log_reader_new(options->ctx->provider, &source, 1, &log);
    return early;
}

void job_early_free(struct job_early *early)
{
    if (!early)
        return;
    log_reader_free(early->reader);
    arena_release(&early->arena);
    free(early);
}

/* "START RequestId: 5f0c… Version: $LATEST" */
static bool is_of(struct str message, struct str mark, struct str *id)
{
    struct str rest;
    if (!str_starts(message, mark))
        return false;
    *id = str_cut(str_slice(message, mark.n, message.n), ' ', &rest);
    *id = str_cut(*id, '\t', &rest);
    return id->n > 0;
}

static void begin_run(struct job_early *early, const struct log_event *event, struct str id)
{
    if (early->count == RUNS_MAX)
        return;
    early->runs[early->count++] = (struct seen_run){
        .id = arena_str(&early->arena, id), .stream = arena_str(&early->arena, event->stream)};
}

/* The only one that is going on; NULL where it cannot be told. */
static struct seen_run *job_early_candidate(struct job_early *early)
{
    struct seen_run *found = NULL;
    for (size_t i = 0; i < early->count; i++)
        if (!early->runs[i].ended) {
            if (found)
                return NULL;
            found = &early->runs[i];
        }
    return found;
}

static size_t count_lines(struct str message)
{
    size_t n = 0;
    while (message.n) {
        struct str line = str_cut(message, '\n', &message);
        n += line.n > 0;
    }
    return n;
}

static void job_early_give(struct job_early *early, struct seen_run *run, const struct log_event *event)
{
    if (!run->shown.events && early->options.begins)
        early->options.begins(early->options.callback_ctx, run->id);
    run->shown.events++;
    run->shown.lines += count_lines(event->message);
    early->options.line(early->options.callback_ctx, event);
}

/*
 * A run is shown from its first line on or not at all: only then what is left of it can be told from what has
 * been shown.
 */
static void job_early_take(void *ctx, const struct log_event *event)
{
    struct job_early *early = ctx;
    struct str id;
    bool first = is_of(event->message, early->first, &id);
    if (first)
        begin_run(early, event, id);
    struct seen_run *run = job_early_candidate(early);
    if (run && str_eq(run->stream, event->stream) && (first || run->shown.events))
        job_early_give(early, run, event);
    if (!is_of(event->message, early->last, &id))
        return;
    for (size_t i = 0; i < early->count; i++)
        early->runs[i].ended = early->runs[i].ended || str_eq(early->runs[i].id, id);
}

void job_early_poll(struct job_early *early)
{
    log_reader_poll(early->reader, job_early_take, early, ERR_IGNORED);
}

struct job_shown job_early_shown(const struct job_early *early, struct str id, bool *others)
{
    struct job_shown shown = {0};
    *others = false;
    for (size_t i = 0; early && i < early->count; i++) {
        if (str_eq(early->runs[i].id, id))
            shown = early->runs[i].shown;
        else
            *others = *others || early->runs[i].shown.events;
    }
    return shown;
}
