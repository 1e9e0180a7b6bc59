/* weir logs: the log of a job's runs, in time order. */
#include "cmd/run/jobs.h"

#include "base/clock.h"

enum {
    HOUR_MS = 3600 * 1000,
    RUNS_MAX = 50,
    SOURCES_MAX = 256,
    FIRST_MS = 1000,
    LAST_MS = 5000,
    SLICE_MS = 100
};

struct logs_settings {
    struct settings shared;
    const char *run;
    bool follow, times, raw;
    int64_t since_ms;
    int tail;
    struct texts set;
};

struct showing {
    struct invocation *inv;
    const struct logs_settings *own;
    const struct job *job;
    struct op_ctx op;
    struct log_source sources[SOURCES_MAX];
    size_t count;
    struct job_run last; /* the run whose end --follow waits for; id empty: none */
    bool streams;        /* lines begin with their stream */
    int64_t since_ms;
    size_t lines;
    int status;
};

static void cmd_logs_show(void *ctx, const struct log_event *event)
{
    struct showing *s = ctx;
    AUTO_BUF struct buf out = BUF_INIT;
    if (s->status != EXIT_DONE)
        return;
    if (s->inv->settings->json)
        log_event_json(s->job, event, &out);
    else
        log_event_text(event,
            (struct log_format){
                .time = s->own->times, .stream = s->own->times && s->streams, .raw = s->own->raw},
            &out);
    s->lines++;
    s->status = invocation_write(s->inv, buf_str(&out));
}

/* ---- selecting the log sources ---- */

static int add_sources(struct showing *s, const struct job_run *run, struct err *err)
{
    const struct log_source *sources;
    size_t n;
    if (s->job->schema->job->logs(&s->op, s->job->object, run, &sources, &n, err))
        return -1;
    for (size_t i = 0; i < n && s->count < SOURCES_MAX; i++)
        s->sources[s->count++] = sources[i];
    return 0;
}

/* Adds a run by its id. If the service has no runs, only the id is known. */
static int of_run(struct showing *s, const char *id, struct err *err)
{
    const struct job_ops *ops = s->job->schema->job;
    struct value_entry entry = {STR("run_id"), value_stringz(s->op.arena, id)};
    struct job_run run = {.live = value_map(s->op.arena, &entry, 1)};
    if (ops->reads && ops->read(&s->op, s->job->object, s->job->options, str_z(id), &run, err))
        return -1;
    s->last = run;
    return add_sources(s, &run, err);
}

/* Adds the last run, or with --since all runs that were active then. */
static int of_latest(struct showing *s, struct err *err)
{
    const struct job_run *runs;
    size_t n;
    size_t max = s->own->since_ms ? RUNS_MAX : 1;
    bool any = false;
    if (s->job->schema->job->list(&s->op, s->job->object, s->job->options, max, &runs, &n, err))
        return -1;
    if (!n) {
        err_set(err, ERR_ABSENT, "the service reports no run of the job");
        return err_hint(err, "\"weir run %.*s\" starts it", STR_ARG(job_quoted(s->op.arena, s->job)));
    }
    for (size_t i = 0; i < n; i++) {
        if (runs[i].ended_ms && runs[i].ended_ms < s->since_ms)
            continue;
        /* a listing may not contain the log's location */
        struct job_run run = runs[i];
        if (s->job->schema->job->reads &&
            s->job->schema->job->read(&s->op, s->job->object, s->job->options, runs[i].id, &run, err))
            return -1;
        if (i == 0)
            s->last = run;
        if (add_sources(s, &run, err))
            return -1;
        any = true;
    }
    if (any)
        return 0;
    err_set(err, ERR_ABSENT, "the service reports no run of the job since then");
    return err_hint(err, "\"weir jobs %.*s\" lists them", STR_ARG(job_quoted(s->op.arena, s->job)));
}

static int find_sources(struct showing *s, struct err *err)
{
    if (s->own->run)
        return of_run(s, s->own->run, err);
    if (s->job->schema->job->lists)
        return of_latest(s, err);
    if (!s->own->since_ms) /* without runs the whole log of a function would be too long */
        s->since_ms = clock_wall_ms() - HOUR_MS;
    return add_sources(s, NULL, err);
}

/* ---- reading ---- */

static bool wait_a_while(const atomic_int *signals, int64_t ms)
{
    for (; ms > 0 && !atomic_load(signals); ms -= SLICE_MS)
        clock_sleep_ms(ms < SLICE_MS ? ms : SLICE_MS);
    return !atomic_load(signals);
}

/* Sets *over if the followed run has ended. A log that belongs to no single run never ends. */
static int check_run_ended(struct showing *s, bool *over, struct err *err)
{
    *over = s->last.id.n && s->last.state != JOB_RUNNING;
    if (*over || !s->last.id.n || !s->job->schema->job->reads)
        return 0;
    AUTO_ARENA struct arena scratch = ARENA_INIT;
    struct op_ctx op = s->op;
    struct job_run now;
    op.arena = &scratch;
    if (s->job->schema->job->read(&op, s->job->object, s->job->options, s->last.id, &now, err))
        return -1;
    s->last.state = now.state;
    *over = now.state != JOB_RUNNING;
    return 0;
}

static int read_on(struct showing *s, struct log_reader *reader, const atomic_int *signals, struct err *err)
{
    int64_t pause = FIRST_MS;
    for (;;) {
        bool over = false;
        if (s->own->follow && check_run_ended(s, &over, err))
            return -1;
        s->lines = 0;
        if (log_reader_poll(reader, cmd_logs_show, s, err))
            return -1;
        if (!s->own->follow || over || log_reader_complete(reader) || s->status != EXIT_DONE)
            return 0;
        pause = s->lines ? FIRST_MS : pause + pause / 2 < LAST_MS ? pause + pause / 2 : LAST_MS;
        if (!wait_a_while(signals, pause)) {
            s->status = EXIT_INTERRUPTED;
            return 0;
        }
    }
}

static int show_logs(struct showing *s)
{
    struct err err = ERR_INIT;
    const atomic_int *signals = signals_catch();
    s->since_ms = s->own->since_ms ? clock_wall_ms() - s->own->since_ms : 0;
    int rc = find_sources(s, &err);
    if (rc == 0 && !s->count) {
        err_set(&err, ERR_ABSENT, "weir knows no log of type %.*s", STR_ARG(s->job->schema->name));
        rc = -1;
    }
    s->streams = s->count > 1 || (s->count && !s->sources[0].stream.n);
    if (rc == 0) {
        struct log_options options = {.since_ms = s->since_ms, .tail = (size_t)s->own->tail};
        struct log_reader *reader = log_reader_new(s->job->provider, s->sources, s->count, &options);
        rc = read_on(s, reader, signals, &err);
        log_reader_free(reader);
    }
    if (rc == 0)
        return s->status;
    err_context(&err, "%.*s", STR_ARG(s->job->record->subject.address));
    return invocation_fail(s->inv, &err);
}

static int cmd_logs_run(struct invocation *inv)
{
    AUTO_WORKSPACE struct workspace workspace = {0};
    struct job job;
    struct showing *s = ARENA_NEW(&inv->arena, struct showing);
    int status = jobs_open(inv, &workspace);
    if (status != EXIT_DONE)
        return status;
    *s = (struct showing){.inv = inv, .own = inv->own, .job = &job};
    status = jobs_find(inv, &workspace, inv->args.items[0], &job);
    if (status == EXIT_DONE)
        status = job_open(inv, &workspace, &s->own->set, &job);
    if (status == EXIT_DONE) {
        s->op = job_context(&job, &inv->arena, &workspace);
        status = show_logs(s);
    }
    return status;
}

#define FIELD(name_) .offset = offsetof(struct logs_settings, name_)
static const struct option options[] = {
    {0, "run", .value = "RUN", .kind = OPTION_TEXT, FIELD(run)},
    {'f', "follow", FIELD(follow)},
    {0, "since", .value = "TIME", .kind = OPTION_DURATION, FIELD(since_ms)},
    {0, "tail", .value = "N", .kind = OPTION_NUMBER, .min = 1, .max = 10000, FIELD(tail)},
    {'t', "times", FIELD(times)},
    {0, "raw", FIELD(raw)},
    {0, "set", .value = "NAME=VALUE", .kind = OPTION_LIST, FIELD(set)},
};

const struct command cmd_logs = {
    .name = "logs",
    .args = "JOB",
    .sets = {OWN_OPTIONS(options), &options_json, &options_stack},
    .settings_size = sizeof(struct logs_settings),
    .min_args = 1,
    .max_args = 1,
    .completes = COMPLETES_JOB,
    .run = cmd_logs_run,
};
