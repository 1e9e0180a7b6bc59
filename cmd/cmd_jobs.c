/* weir jobs: the jobs that can be run, and the latest runs of each. */
#include "cmd/run/jobs.h"

#include "base/clock.h"
#include "base/json.h"
#include "base/mem.h"

#include <stdlib.h>

/* No service lists the runs of several jobs in one call, so this many calls run at once, which is also the
 * number of connections to a service. */
enum { RUNS_DEFAULT = 20, THREADS = 64 };

struct jobs_settings {
    struct settings shared;
    int last;
    bool names;
    struct texts set;
};

/* The last run of a job, looked up by its own thread. */
struct last_run {
    const struct job *job;
    struct workspace *workspace;
    struct arena arena;
    struct job_run run;
    bool asked, found;
    struct err err; /* class ERR_NONE: no error */
};

static void cmd_jobs_ask(void *ctx, size_t i)
{
    struct last_run *last = (struct last_run *)ctx + i;
    const struct job_ops *ops = last->job->schema->job;
    struct op_ctx op = job_context(last->job, &last->arena, last->workspace);
    const struct job_run *runs;
    size_t n;
    if (!last->asked || ops->list(&op, last->job->object, last->job->options, 1, &runs, &n, &last->err))
        return;
    last->found = n > 0;
    if (n)
        last->run = runs[0];
}

/* ---- text ---- */

static const struct value *when(struct arena *arena, int64_t ms)
{
    return ms ? value_string(arena, time_rfc3339(arena, ms, false)) : NULL;
}

static const struct value *how_long(struct arena *arena, const struct job_run *run)
{
    if (!run->started_ms)
        return NULL;
    AUTO_BUF struct buf text = BUF_INIT;
    int64_t end = run->ended_ms ? run->ended_ms : run->state == JOB_RUNNING ? clock_wall_ms() : 0;
    if (!end)
        return NULL;
    text_add_duration(&text, end > run->started_ms ? end - run->started_ms : 0);
    return value_string(arena, buf_str(&text));
}

static void add_cell(struct value_builder *row, const struct value *v)
{
    value_builder_add(row, v ? v : &value_null);
}

static const struct value *job_row(struct arena *arena, const struct last_run *last)
{
    struct value_builder row = VALUE_BUILDER(arena);
    add_cell(&row, value_string_ref(arena, last->job->record->subject.address));
    add_cell(&row, value_string_ref(arena, last->job->schema->name));
    add_cell(&row, value_string_ref(arena, last->job->name));
    if (last->err.class != ERR_NONE) {
        add_cell(&row, value_stringz(arena, "?"));
    } else if (last->found) {
        add_cell(&row, value_string_ref(arena, job_run_status(&last->run)));
        add_cell(&row, when(arena, last->run.started_ms));
        add_cell(&row, how_long(arena, &last->run));
    }
    return value_builder_list(&row);
}

static int print_jobs(struct invocation *inv, const struct last_run *runs, size_t n)
{
    static const char *const names[] = {"JOB", "TYPE", "NAME", "LAST RUN", "STARTED", "DURATION"};
    struct value_builder rows = VALUE_BUILDER(&inv->arena);
    for (size_t i = 0; i < n; i++)
        value_builder_add(&rows, job_row(&inv->arena, &runs[i]));
    AUTO_BUF struct buf out = BUF_INIT;
    if (n)
        table_add_text(table_columns(&inv->arena, names, 6), value_builder_list(&rows), &inv->out, &out);
    return invocation_write(inv, buf_str(&out));
}

/* ---- json ---- */

static int print_jobs_json(struct invocation *inv, const struct last_run *runs, size_t n)
{
    AUTO_BUF struct buf out = BUF_INIT;
    for (size_t i = 0; i < n; i++) {
        buf_addz(&out, "{\"event\":\"job\"");
        job_run_fields(&out, runs[i].job, NULL);
        if (runs[i].found) {
            buf_addz(&out, ",\"last_run\":{\"event\":\"job_run\"");
            job_run_fields(&out, runs[i].job, &runs[i].run);
            buf_add_char(&out, '}');
        }
        if (runs[i].err.class != ERR_NONE)
            json_write_member(&out, "error", str_z(runs[i].err.message));
        buf_addz(&out, "}\n");
    }
    return invocation_write(inv, buf_str(&out));
}

/* ---- all jobs ---- */

/* A failed lookup does not prevent the other jobs from being shown. */
static int tell_failures(struct invocation *inv, struct last_run *runs, size_t n)
{
    int status = EXIT_DONE;
    for (size_t i = 0; i < n; i++) {
        if (runs[i].err.class == ERR_NONE)
            continue;
        err_context(&runs[i].err, "%.*s", STR_ARG(runs[i].job->record->subject.address));
        status =
            inv->settings->json ? err_exit_status(runs[i].err.class) : invocation_fail(inv, &runs[i].err);
    }
    return status;
}

static int print_names(struct invocation *inv, const struct job *jobs, size_t n)
{
    AUTO_BUF struct buf out = BUF_INIT;
    for (size_t i = 0; i < n; i++)
        text_addf(&out, "%.*s\n", STR_ARG(jobs[i].record->subject.address));
    return invocation_write(inv, buf_str(&out));
}

/* Returns whether the runs can be listed. A service that lists by options (a queue) needs the required
 * ones. */
static bool can_be_listed(const struct job *job)
{
    const struct job_ops *ops = job->schema->job;
    for (size_t i = 0; i < ops->option_count; i++)
        if (ops->options[i].required && !value_get(job->options, ops->options[i].name))
            return false;
    return ops->lists;
}

static int show_all(struct invocation *inv, struct workspace *workspace)
{
    const struct jobs_settings *own = inv->own;
    struct job *jobs;
    size_t n;
    jobs_list(inv, workspace, &jobs, &n);
    if (own->names)
        return print_names(inv, jobs, n);
    struct last_run *runs = mem_zalloc((n + 1) * sizeof *runs);
    int status = EXIT_DONE;
    for (size_t i = 0; i < n && status == EXIT_DONE; i++) {
        status = job_open_lenient(inv, workspace, &jobs[i]);
        runs[i] =
            (struct last_run){.job = &jobs[i], .workspace = workspace, .asked = can_be_listed(&jobs[i])};
    }
    if (status == EXIT_DONE) {
        pool_run(THREADS, n, cmd_jobs_ask, runs);
        status = inv->settings->json ? print_jobs_json(inv, runs, n) : print_jobs(inv, runs, n);
        if (status == EXIT_DONE)
            status = tell_failures(inv, runs, n);
        if (!n && !inv->settings->json)
            invocation_note(inv, "The state has no job. \"weir apply\" registers jobs.");
        sandboxed_note_unused(inv, workspace);
    }
    for (size_t i = 0; i < n; i++)
        arena_release(&runs[i].arena);
    free(runs);
    return status;
}

/* ---- one job ---- */

static int print_runs(struct invocation *inv, const struct job *job, const struct job_run *runs, size_t n)
{
    static const char *const names[] = {"RUN", "STATE", "STARTED", "DURATION", "ERROR"};
    AUTO_BUF struct buf out = BUF_INIT;
    struct value_builder rows = VALUE_BUILDER(&inv->arena);
    for (size_t i = 0; i < n; i++) {
        if (inv->settings->json) {
            buf_addz(&out, "{\"event\":\"job_run\"");
            job_run_fields(&out, job, &runs[i]);
            buf_addz(&out, "}\n");
            continue;
        }
        struct value_builder row = VALUE_BUILDER(&inv->arena);
        add_cell(&row, value_string_ref(&inv->arena, runs[i].id));
        add_cell(&row, value_string_ref(&inv->arena, job_run_status(&runs[i])));
        add_cell(&row, when(&inv->arena, runs[i].started_ms));
        add_cell(&row, how_long(&inv->arena, &runs[i]));
        add_cell(&row, runs[i].error.n ? value_string_ref(&inv->arena, runs[i].error) : NULL);
        value_builder_add(&rows, value_builder_list(&row));
    }
    if (!inv->settings->json && n)
        table_add_text(table_columns(&inv->arena, names, 5), value_builder_list(&rows), &inv->out, &out);
    if (!inv->settings->json && !n)
        invocation_note(inv, "The service reports no run of %.*s.", STR_ARG(job->record->subject.address));
    return invocation_write(inv, buf_str(&out));
}

static int show_one(struct invocation *inv, struct workspace *workspace)
{
    const struct jobs_settings *own = inv->own;
    struct job job;
    struct err err = ERR_INIT;
    int status = jobs_find(inv, workspace, inv->args.items[0], &job);
    if (status != EXIT_DONE || (status = job_open(inv, workspace, &own->set, &job)) != EXIT_DONE)
        return status;
    if (!job.schema->job->lists) {
        err_set(
            &err, ERR_INVALID, "the service keeps no list of runs of type %.*s", STR_ARG(job.schema->name));
        err_hint(&err, "\"weir logs %.*s\" shows what they wrote", STR_ARG(job_quoted(&inv->arena, &job)));
        return invocation_fail(inv, &err);
    }
    struct op_ctx op = job_context(&job, &inv->arena, workspace);
    const struct job_run *runs;
    size_t n;
    if (job.schema->job->list(
            &op, job.object, job.options, (size_t)(own->last ? own->last : RUNS_DEFAULT), &runs, &n, &err)) {
        err_context(&err, "%.*s", STR_ARG(job.record->subject.address));
        return invocation_fail(inv, &err);
    }
    return print_runs(inv, &job, runs, n);
}

static int cmd_jobs_run(struct invocation *inv)
{
    AUTO_WORKSPACE struct workspace workspace = {0};
    int status = jobs_open(inv, &workspace);
    if (status != EXIT_DONE)
        return status;
    return inv->args.n ? show_one(inv, &workspace) : show_all(inv, &workspace);
}

static const struct option options[] = {
    {'n', "last", .value = "N", .kind = OPTION_NUMBER, .min = 1, .max = 1000,
        .offset = offsetof(struct jobs_settings, last)},
    {0, "set", .value = "NAME=VALUE", .kind = OPTION_LIST, .offset = offsetof(struct jobs_settings, set)},
    {0, "names", .offset = offsetof(struct jobs_settings, names)},
};

const struct command cmd_jobs = {
    .name = "jobs",
    .args = "[JOB]",
    .sets = {OWN_OPTIONS(options), &options_json, &options_stack},
    .settings_size = sizeof(struct jobs_settings),
    .max_args = 1,
    .completes = COMPLETES_JOB,
    .run = cmd_jobs_run,
};
