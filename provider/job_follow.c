/*
 * Follows a run until it ends (see job.h): its state, its logs, and its log before the start call returns.
 */

#include "base/clock.h"
#include "base/mem.h"
#include "provider/kind.h"

#include <assert.h>
#include <stdlib.h>

/* ---- Logs of runs, by provider type ---- */

struct log_reader *log_reader_new(const struct provider *provider, const struct log_source *sources, size_t n,
    const struct log_options *options)
{
    const struct log_ops *ops = provider_kind_of(provider)->logs;
    assert(ops);
    return ops->open(provider, sources, n, options);
}

void log_reader_free(struct log_reader *reader)
{
    if (reader)
        reader->ops->close(reader);
}

int log_reader_poll(struct log_reader *reader, log_taker *line, void *ctx, struct err *err)
{
    return reader->ops->poll(reader, line, ctx, err);
}

bool log_reader_complete(const struct log_reader *reader)
{
    return reader->ops->complete(reader);
}

int64_t log_late_ms(const struct provider *provider)
{
    const struct log_ops *ops = provider_kind_of(provider)->logs;
    return ops ? ops->late_ms(provider) : 0;
}

/* ---- The log of a run while its start call has not returned yet ---- */

enum { RUNS_MAX = 64 };

/* A run that has begun since the call. */
struct seen_run {
    struct str id, stream;
    struct job_shown shown;
    bool ended;
};

struct job_early {
    struct arena arena;
    struct job_early_options options;
    struct str first, last; /* prefixes of a run's first and last line */
    struct log_reader *reader;
    struct seen_run runs[RUNS_MAX];
    size_t count;
};

/* Finds the log of a run without an id: the prefixes of its first and last line then lack the id, too. */
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

/* Parses the run id after the prefix: "START RequestId: 5f0c… Version: $LATEST" */
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

/* Returns the only run that has not ended, or NULL if there are none or several. */
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
 * Shows a run from its first line on or not at all: otherwise the number of shown lines would not tell which
 * lines are left.
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

enum {
    SLICE_MS = 100,
    FIRST_MS = 500,  /* first interval between two reads ... */
    LAST = 16,       /* ... and the factor of the last interval */
    BUSY_MS = 2000,  /* interval while log lines arrive */
    DRAIN_MS = 1000, /* interval between reads of the log of an ended run */
    PATIENCE_MS =
        5 * 60 *
        1000, /* how long an unreachable network or service is tolerated; the run continues meanwhile */
};

struct following {
    const struct job_follow *f;
    struct job_run *run;
    struct log_reader *reader;
    bool logs_failed;
    size_t lines, all_lines; /* lines of the last read, and in total */
    enum job_follow_end end;
    int64_t heard_ms; /* time of the last response; monotonic */
};

static bool job_follow_stopped(struct following *g)
{
    const struct job_follow *f = g->f;
    if (f->signals && atomic_load(f->signals) > 0)
        g->end = FOLLOW_INTERRUPTED;
    else if (f->until_ms && clock_mono_ms() >= f->until_ms)
        g->end = FOLLOW_TIMEOUT;
    else
        return false;
    return true;
}

/* Returns false if the wait was interrupted. */
static bool pause_for(struct following *g, int64_t ms)
{
    while (ms > 0 && !job_follow_stopped(g)) {
        int64_t slice = ms < SLICE_MS ? ms : SLICE_MS;
        int64_t left = g->f->until_ms ? g->f->until_ms - clock_mono_ms() : slice;
        slice = left < slice ? left : slice;
        if (g->f->tick)
            g->f->tick(g->f->callback_ctx);
        clock_sleep_ms(slice);
        ms -= slice;
    }
    return ms <= 0 && !job_follow_stopped(g);
}

/* True if a failed read may succeed later: a laptop between two networks, an overloaded service. */
static bool may_pass(struct following *g, const struct err *failure)
{
    bool passing = failure->retryable || failure->class == ERR_NETWORK || failure->class == ERR_TIMEOUT ||
                   failure->class == ERR_THROTTLED;
    return passing && clock_mono_ms() - g->heard_ms < PATIENCE_MS;
}

/* ---- logs ---- */

static void on_line(void *ctx, const struct log_event *event)
{
    struct following *g = ctx;
    g->lines++;
    if (g->all_lines++ >= g->f->shown.events)
        g->f->line(g->f->callback_ctx, event);
}

static bool same_sources(const struct log_source *a, const struct log_source *b, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (!str_eq(a[i].group, b[i].group) || !str_eq(a[i].stream, b[i].stream) ||
            !str_eq(a[i].prefix, b[i].prefix) || !str_eq(a[i].first, b[i].first))
            return false;
    return true;
}

struct known_sources {
    struct log_source *items;
    size_t n;
    struct arena arena;
};

/* The location of a run's logs may become known only while it runs; a new location gets a new reader. */
static int open_logs(struct following *g, struct known_sources *known, struct op_ctx *ctx, struct err *err)
{
    const struct log_source *sources;
    size_t n;
    if (ctx->schema->job->logs(ctx, g->f->object, g->run, &sources, &n, err))
        return -1;
    if (n == known->n && same_sources(sources, known->items, n))
        return 0;
    log_reader_free(g->reader);
    g->reader = NULL;
    arena_release(&known->arena);
    known->arena = (struct arena)ARENA_INIT;
    known->items = ARENA_ARRAY(&known->arena, struct log_source, n + 1);
    known->n = n;
    for (size_t i = 0; i < n; i++)
        known->items[i] = (struct log_source){arena_str(&known->arena, sources[i].group),
            arena_str(&known->arena, sources[i].stream), arena_str(&known->arena, sources[i].prefix),
            arena_str(&known->arena, sources[i].first), arena_str(&known->arena, sources[i].last),
            sources[i].errors};
    struct log_options options = {.since_ms = g->f->since_ms, .cancel = ctx->cancel};
    if (n)
        g->reader = log_reader_new(ctx->provider, known->items, n, &options);
    return 0;
}

/* Reads new log lines. Logs that cannot be read are reported once; the run is followed without them. */
static void read_logs(struct following *g, struct known_sources *known)
{
    struct err failure = ERR_INIT;
    g->lines = 0;
    if (!g->f->line || g->logs_failed)
        return;
    AUTO_ARENA struct arena scratch = ARENA_INIT;
    struct op_ctx ctx = *g->f->ctx;
    ctx.arena = &scratch;
    if (open_logs(g, known, &ctx, &failure) == 0 &&
        (!g->reader || log_reader_poll(g->reader, on_line, g, &failure) == 0))
        return;
    g->logs_failed = failure.class != ERR_INTERRUPTED && !may_pass(g, &failure);
    if (g->logs_failed && g->f->log_failure)
        g->f->log_failure(g->f->callback_ctx, &failure);
}

/* Shows the last part of the log that came with the response itself. */
static void give_output(struct following *g)
{
    struct str rest = g->run->output;
    size_t n = 0;
    while (rest.n && g->f->line) {
        struct log_event event = {.at_ms = clock_wall_ms(), .message = str_cut(rest, '\n', &rest)};
        if (event.message.n && n++ >= g->f->shown.lines)
            g->f->line(g->f->callback_ctx, &event);
    }
}

/* Services include only the last part of a long log in the response. A complete log begins with the known
 * first line. */
static bool output_is_whole(const struct following *g, const struct known_sources *known)
{
    for (size_t i = 0; i < known->n; i++)
        if (known->items[i].first.n && !str_starts(g->run->output, known->items[i].first))
            return false;
    return true;
}

static void find_logs(struct following *g, struct known_sources *known)
{
    AUTO_ARENA struct arena scratch = ARENA_INIT;
    struct op_ctx ctx = *g->f->ctx;
    ctx.arena = &scratch;
    if (g->f->line)
        open_logs(g, known, &ctx, ERR_IGNORED);
}

static void wait_for_last_lines(struct following *g, struct known_sources *known)
{
    int64_t waited = 0;
    do {
        read_logs(g, known);
        if (g->lines)
            waited = 0;
        if (!g->reader || g->logs_failed || log_reader_complete(g->reader) || waited >= g->f->late_ms)
            return;
        waited += DRAIN_MS;
    } while (pause_for(g, DRAIN_MS));
    g->end = FOLLOW_ENDED; /* an interruption here does not change the run's end */
}

/* Reads the last lines of a run, which arrive after its end. */
static void job_follow_drain(struct following *g, struct known_sources *known)
{
    find_logs(g, known);
    bool whole = g->run->output.n && output_is_whole(g, known);
    if (!whole)
        wait_for_last_lines(g, known);
    if (whole || (g->run->output.n && !g->all_lines))
        give_output(g);
}

/* ---- state ---- */

static bool same_state(const struct job_run *a, const struct job_run *b)
{
    return a->state == b->state && str_eq(a->status, b->status) && str_eq(a->step, b->step) &&
           a->started_ms == b->started_ms;
}

/* Reads the run into a scratch arena, so that memory does not grow over days. */
static int job_follow_look(struct following *g, bool *changed, struct err *err)
{
    AUTO_ARENA struct arena scratch = ARENA_INIT;
    struct op_ctx ctx = *g->f->ctx;
    ctx.arena = &scratch;
    struct job_run now;
    if (ctx.schema->job->read(&ctx, g->f->object, g->f->options, g->run->id, &now, err))
        return -1;
    *changed = !same_state(&now, g->run);
    bool more_known = *changed || !value_equal(now.live, g->run->live);
    if (!more_known)
        return 0;
    struct arena *arena = g->f->ctx->arena;
    now.id = arena_str(arena, now.id);
    now.status = arena_str(arena, now.status);
    now.step = arena_str(arena, now.step);
    now.error = arena_str(arena, now.error);
    now.output = arena_str(arena, now.output);
    now.file = arena_str(arena, now.file);
    now.result = now.result ? value_copy(arena, now.result) : NULL;
    now.live = value_copy(arena, now.live);
    *g->run = now;
    return 0;
}

static int64_t next_pause(int64_t pause, int64_t first, bool changed, bool lines)
{
    if (changed)
        return first;
    pause += pause / 2;
    if (lines && pause > BUSY_MS)
        return BUSY_MS;
    return pause < LAST * first ? pause : LAST * first;
}

static int job_follow_loop(struct following *g, struct known_sources *known, struct err *err)
{
    int64_t first = g->f->pace_ms ? g->f->pace_ms : FIRST_MS, pause = first;
    if (g->run->state == JOB_RUNNING)
        g->f->state(g->f->callback_ctx, g->run);
    while (g->run->state == JOB_RUNNING) {
        bool changed = false;
        struct err failure = ERR_INIT;
        read_logs(g, known);
        if (!pause_for(g, pause))
            return 0;
        if (job_follow_look(g, &changed, &failure) == 0) {
            g->heard_ms = clock_mono_ms();
        } else if (!may_pass(g, &failure))
            return err_raise(err, &failure);
        if (changed && g->run->state == JOB_RUNNING)
            g->f->state(g->f->callback_ctx, g->run);
        pause = next_pause(pause, first, changed, g->lines > 0);
    }
    job_follow_drain(g, known);
    g->f->state(g->f->callback_ctx, g->run); /* the end is reported after all log lines */
    g->end = FOLLOW_ENDED;
    return 0;
}

int job_follow(const struct job_follow *f, struct job_run *run, enum job_follow_end *end, struct err *err)
{
    struct following g = {.f = f, .run = run, .heard_ms = clock_mono_ms()};
    struct known_sources known = {0};
    int rc = job_follow_loop(&g, &known, err);
    log_reader_free(g.reader);
    arena_release(&known.arena);
    *end = g.end;
    return rc;
}
