/* weir run: starts a job, follows state and log, ends with its result. */
#include "cmd/ask.h"
#include "cmd/jobs.h"
#include "cmd/run_result.h"
#include "cmd/run_watch.h"
#include "cmd/signals.h"

#include "base/clock.h"
#include "base/mem.h"
#include "plan/state/state.h"
#include "provider/job_follow.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

enum { SANDBOX_PACE_MS = 50 };

struct run_settings {
    struct settings shared;
    const char *payload, *follow, *stop, *format, *out;
    struct texts set;
    bool raw, detach, stop_on_timeout;
    int64_t timeout_ms;
};

/* One run of the command. */
struct running {
    struct invocation *inv;
    const struct run_settings *own;
    struct workspace *workspace;
    struct job job;
    struct op_ctx ctx;
    const struct value *arguments; /* of a new run */
    struct run_watch watch;
    struct job_run run;
    int64_t until_ms; /* monotonic; 0: no limit */
    const atomic_int *signals;
    atomic_bool cancel;
    struct job_early *early; /* its log while its start is not answered; NULL: that comes at once */
    pthread_t looker;
    bool looking;
    atomic_bool answered;
    pthread_mutex_t watching; /* of `watch`, while there are two threads */
    struct str begun;         /* the run that was said to begin; owned */
};

static const struct job_ops *ops_of(const struct running *r)
{
    return r->job.schema->job;
}

static struct str address_of(const struct running *r)
{
    return r->job.record->subject.address;
}

/* ---- the end ---- */

/* The run is over: what it gave, and how it went as the exit status. */
static int cmd_run_finish(struct running *r)
{
    run_watch_clear(&r->watch);
    const struct run_result result = {.inv = r->inv,
        .ctx = &r->ctx,
        .job = &r->job,
        .run = &r->run,
        .format = r->own->format,
        .raw = r->own->raw,
        .out = r->own->out,
        .signals = r->signals};
    int status = run_result_give(&result);
    if (status != EXIT_DONE || r->run.state == JOB_SUCCEEDED)
        return status;
    struct err err = ERR_INIT;
    const char *what = r->run.state == JOB_STOPPED ? "was stopped" : "failed";
    if (r->run.error.n)
        err_set(&err, ERR_FAILED, "%.*s %s: %.*s", STR_ARG(address_of(r)), what, STR_ARG(r->run.error));
    else
        err_set(&err, ERR_FAILED, "%.*s %s (%.*s)", STR_ARG(address_of(r)), what,
            STR_ARG(job_run_status(&r->run)));
    return invocation_fail(r->inv, &err);
}

/* ---- ends that are not the run's ---- */

/* What somebody types to come back to it. */
static void say_how_to_go_on(struct running *r)
{
    struct str id = r->run.id, address = job_quoted(r->ctx.arena, &r->job);
    if (r->inv->settings->json || !ops_of(r)->reads)
        return;
    invocation_note(
        r->inv, "The run goes on. To follow it:  weir run --follow %.*s %.*s", STR_ARG(id), STR_ARG(address));
    if (ops_of(r)->stops)
        invocation_note(r->inv, "To stop it:  weir run --stop %.*s %.*s", STR_ARG(id), STR_ARG(address));
}

static int stop_run(struct running *r)
{
    struct err err = ERR_INIT;
    if (ops_of(r)->stop(&r->ctx, r->job.object, r->job.options, r->run.id, &err)) {
        err_context(&err, "stopping run %.*s of %.*s", STR_ARG(r->run.id), STR_ARG(address_of(r)));
        return invocation_fail(r->inv, &err);
    }
    if (!r->inv->settings->json)
        invocation_note(
            r->inv, "%.*s: run %.*s is being stopped", STR_ARG(address_of(r)), STR_ARG(r->run.id));
    return EXIT_DONE;
}

static bool stop_wanted(struct running *r)
{
    if (!ops_of(r)->stops)
        return false;
    if (r->inv->sandbox) /* it would end with this process anyway */
        return true;
    if (r->inv->settings->json || !isatty(STDIN_FILENO) || !r->inv->err.tty || !signals_by_hand())
        return false;
    return ask_yes(r->inv, "Stop the run?");
}

static int cmd_run_interrupted(struct running *r)
{
    run_watch_clear(&r->watch);
    if (!r->run.id.n) {
        if (!r->inv->settings->json)
            invocation_note(
                r->inv, "Interrupted; what %.*s has begun goes on where it runs.", STR_ARG(address_of(r)));
        return EXIT_INTERRUPTED;
    }
    if (!stop_wanted(r))
        say_how_to_go_on(r);
    else
        stop_run(r);
    return EXIT_INTERRUPTED;
}

static int timed_out(struct running *r)
{
    struct err err = ERR_INIT;
    bool stops = r->run.id.n && ops_of(r)->stops && (r->own->stop_on_timeout || r->inv->sandbox);
    run_watch_clear(&r->watch);
    if (stops)
        stop_run(r);
    AUTO_BUF struct buf text = BUF_INIT;
    text_add_duration(&text, r->own->timeout_ms);
    err_set(&err, ERR_TIMEOUT, "%.*s was still running after %s (--timeout)%s", STR_ARG(address_of(r)),
        text.p, stops ? "" : "; the run goes on");
    if (!stops && r->run.id.n && ops_of(r)->reads)
        err_hint(&err,
            "weir run --follow %.*s %.*s follows it; --stop-on-timeout ends a run that takes too long",
            STR_ARG(r->run.id), STR_ARG(job_quoted(r->ctx.arena, &r->job)));
    return invocation_fail(r->inv, &err);
}

/* ---- starting ---- */

/* Starting may take as long as the run (a function answers when it is done), so a thread does it. */
struct starting {
    struct running *r;
    struct job_input input;
    struct err err;
    int rc;
    atomic_bool done;
};

static void *start_thread(void *arg)
{
    struct starting *s = arg;
    s->rc = ops_of(s->r)->start(&s->r->ctx, s->r->job.object, &s->input, &s->r->run, &s->err);
    atomic_store(&s->done, true);
    return NULL;
}

static bool time_is_up(const struct running *r)
{
    return r->until_ms && clock_mono_ms() >= r->until_ms;
}

/*
 * ---- the log before there is an answer: read by a thread of its own, so that neither the answer nor Ctrl-C
 * waits for a look at it ----
 */

static void early_begins(void *ctx, struct str id)
{
    struct running *r = ctx;
    pthread_mutex_lock(&r->watching);
    free((char *)r->begun.p);
    r->begun = str_n(mem_memdup0(id.p, id.n), id.n);
    run_watch_begin(&r->watch, id);
    pthread_mutex_unlock(&r->watching);
}

static void early_line(void *ctx, const struct log_event *event)
{
    struct running *r = ctx;
    pthread_mutex_lock(&r->watching);
    run_watch_line(&r->watch, event);
    pthread_mutex_unlock(&r->watching);
}

enum {
    TICK_MS = 20,
    GRACE_MS = 2000,     /* for the answer that tells the run's id */
    EARLY_MS = 1500,     /* between two looks: CloudWatch takes as long */
    EARLY_HERE_MS = 200, /* of a service elsewhere */
};

static void *early_thread(void *arg)
{
    struct running *r = arg;
    int64_t pause = log_late_ms(r->job.provider) ? EARLY_MS : EARLY_HERE_MS;
    int64_t next = clock_mono_ms() + pause;
    while (!atomic_load(&r->answered)) {
        clock_sleep_ms(TICK_MS);
        if (clock_mono_ms() < next)
            continue;
        job_early_poll(r->early);
        next = clock_mono_ms() + pause;
    }
    return NULL;
}

static void begin_early(struct running *r)
{
    const struct job_early_options options = {.ctx = &r->ctx,
        .object = r->job.object,
        .cancel = &r->answered,
        .begins = early_begins,
        .line = early_line,
        .callback_ctx = r};
    r->early = r->own->detach ? NULL : job_early_new(&options);
    r->looking = r->early && !pthread_create(&r->looker, NULL, early_thread, r);
}

static void stop_looking(struct running *r)
{
    atomic_store(&r->answered, true);
    if (r->looking)
        pthread_join(r->looker, NULL);
    r->looking = false;
}

static void tick(struct running *r)
{
    pthread_mutex_lock(&r->watching);
    run_watch_tick(&r->watch);
    pthread_mutex_unlock(&r->watching);
}

/* What is left to be shown, now that the run is known. */
static struct job_shown end_early(struct running *r)
{
    bool others;
    struct job_shown shown = job_early_shown(r->early, r->run.id, &others);
    run_watch_clear(&r->watch);
    if (others && !r->inv->settings->json)
        invocation_note(r->inv,
            "The lines above are of another call, which went on at the same time. Those of this one:");
    if (!str_eq(r->begun, r->run.id))
        run_watch_begin(&r->watch, r->run.id);
    return shown;
}

static enum job_follow_end wait_for_start(struct running *r, struct starting *s)
{
    pthread_t thread;
    enum job_follow_end end = FOLLOW_ENDED;
    int64_t give_up_ms = 0;
    if (pthread_create(&thread, NULL, start_thread, s)) {
        start_thread(s);
        return end;
    }
    while (!atomic_load(&s->done)) {
        tick(r);
        if (end == FOLLOW_ENDED && (atomic_load(r->signals) > 0 || time_is_up(r))) {
            end = atomic_load(r->signals) > 0 ? FOLLOW_INTERRUPTED : FOLLOW_TIMEOUT;
            give_up_ms = clock_mono_ms() + (ops_of(r)->reads ? GRACE_MS : 0);
        }
        if (end != FOLLOW_ENDED && clock_mono_ms() >= give_up_ms)
            atomic_store(&r->cancel, true);
        clock_sleep_ms(TICK_MS);
    }
    pthread_join(thread, NULL);
    return s->rc == 0 ? FOLLOW_ENDED : end;
}

/* EXIT_DONE: r->run is what came of it. */
static int cmd_run_start(struct running *r, bool *over)
{
    struct starting s = {
        .r = r, .input = {.arguments = r->arguments, .options = r->job.options, .detach = r->own->detach}};
    *over = true;
    begin_early(r);
    enum job_follow_end end = wait_for_start(r, &s);
    stop_looking(r);
    if (end == FOLLOW_INTERRUPTED)
        return cmd_run_interrupted(r);
    if (end == FOLLOW_TIMEOUT)
        return timed_out(r);
    run_watch_clear(&r->watch);
    if (s.rc < 0) {
        err_context(&s.err, "starting %.*s", STR_ARG(address_of(r)));
        return invocation_fail(r->inv, &s.err);
    }
    *over = false;
    return EXIT_DONE;
}

static int detached(struct running *r)
{
    AUTO_BUF struct buf out = BUF_INIT;
    if (r->inv->settings->json) {
        buf_addz(&out, "{\"event\":\"job_run\"");
        job_run_fields(&out, &r->job, &r->run);
        buf_addz(&out, "}\n");
    } else {
        buf_add_str(&out, r->run.id);
        buf_add_char(&out, '\n');
    }
    return invocation_write(r->inv, buf_str(&out));
}

/* ---- following ---- */

static int cmd_run_follow(struct running *r)
{
    struct job_follow f = {.ctx = &r->ctx,
        .object = r->job.object,
        .options = r->job.options,
        .until_ms = r->until_ms,
        .pace_ms = r->inv->sandbox ? SANDBOX_PACE_MS : 0,
        .signals = r->signals,
        .late_ms = log_late_ms(r->job.provider),
        .state = run_watch_state,
        .line = run_watch_line,
        .tick = run_watch_tick,
        .trouble = run_watch_trouble,
        .callback_ctx = &r->watch};
    enum job_follow_end end;
    struct err err = ERR_INIT;
    f.shown = end_early(r);
    if (job_follow(&f, &r->run, &end, &err)) {
        run_watch_clear(&r->watch);
        err_context(&err, "following %.*s", STR_ARG(address_of(r)));
        if (!err.hint[0])
            err_hint(&err, "the run goes on; weir run --follow %.*s %.*s comes back to it",
                STR_ARG(r->run.id), STR_ARG(job_quoted(r->ctx.arena, &r->job)));
        return invocation_fail(r->inv, &err);
    }
    return end == FOLLOW_INTERRUPTED ? cmd_run_interrupted(r)
           : end == FOLLOW_TIMEOUT   ? timed_out(r)
                                     : cmd_run_finish(r);
}

static int follow_known(struct running *r, const char *id)
{
    struct err err = ERR_INIT;
    if (!ops_of(r)->reads) {
        err_set(
            &err, ERR_USAGE, "nobody keeps what became of a run of type %.*s", STR_ARG(r->job.schema->name));
        AUTO_BUF struct buf word = BUF_INIT;
        text_add_word(&word, str_z(id));
        err_hint(&err, "weir logs --run %s %.*s shows what it wrote", word.p,
            STR_ARG(job_quoted(r->ctx.arena, &r->job)));
        return invocation_fail(r->inv, &err);
    }
    if (ops_of(r)->read(&r->ctx, r->job.object, r->job.options, str_z(id), &r->run, &err)) {
        err_context(&err, "%.*s", STR_ARG(address_of(r)));
        return invocation_fail(r->inv, &err);
    }
    return cmd_run_follow(r);
}

static int stop_known(struct running *r, const char *id)
{
    r->run.id = str_z(id);
    if (ops_of(r)->stops)
        return stop_run(r);
    return invocation_usage(
        r->inv, NULL, "a run of type %.*s cannot be stopped", STR_ARG(r->job.schema->name));
}

/* ---- the command ---- */

static int cmd_run_check(struct invocation *inv)
{
    const struct run_settings *own = inv->own;
    if (own->follow && own->stop)
        return invocation_usage(inv, NULL, "--follow and --stop do not go together");
    if ((own->follow || own->stop) && (inv->args.n > 1 || own->payload || own->detach))
        return invocation_usage(
            inv, NULL, "a run that was started before takes no arguments, --payload or --detach");
    if (own->out && (own->stop || own->detach || own->format))
        return invocation_usage(inv, NULL,
            "--out, which saves the result as it lies in the store, does not go with %s",
            own->stop     ? "--stop"
            : own->detach ? "--detach"
                          : "--format");
    if (own->stop_on_timeout && !own->timeout_ms)
        return invocation_usage(inv, NULL, "--stop-on-timeout needs --timeout");
    return EXIT_DONE;
}

/* What needs the stack's sandbox and the job to be known. */
static int check_job(const struct running *r)
{
    if (r->own->detach && r->inv->sandbox)
        return invocation_usage(r->inv, "\"weir sandbox\" in another terminal serves one that stays",
            "--detach: the sandbox ends with this command, and the run with it");
    if (r->own->out && !ops_of(r)->leaves_file)
        return invocation_usage(r->inv, NULL,
            "--out: a run of type %.*s leaves no result that could be saved", STR_ARG(r->job.schema->name));
    if (r->own->format && !ops_of(r)->tabular)
        return invocation_usage(
            r->inv, NULL, "--format: a run of type %.*s gives no table", STR_ARG(r->job.schema->name));
    return EXIT_DONE;
}

/* Before signals are caught: somebody who types them has to get away with Ctrl-C. */
static int read_arguments(struct running *r)
{
    const struct texts *args = &r->inv->args;
    struct err err = ERR_INIT;
    if (r->own->stop || r->own->follow)
        return EXIT_DONE;
    if (job_arguments(
            &r->job, args->items + 1, args->n - 1, r->own->payload, &r->inv->arena, &r->arguments, &err))
        return invocation_fail(r->inv, &err);
    return EXIT_DONE;
}

static int cmd_run_carry_out(struct running *r)
{
    char token[33];
    int status = read_arguments(r);
    if (status != EXIT_DONE)
        return status;
    state_token(token);
    r->ctx = job_context(&r->job, &r->inv->arena, r->workspace);
    r->ctx.owner.token = arena_str(&r->inv->arena, str_n(token, 32));
    r->ctx.cancel = &r->cancel;
    r->signals = signals_catch();
    r->until_ms = r->own->timeout_ms ? clock_mono_ms() + r->own->timeout_ms : 0;
    run_watch_init(&r->watch, r->inv, &r->job);
    r->watch.raw = r->own->raw;
    if (r->own->stop)
        return stop_known(r, r->own->stop);
    if (r->own->follow)
        return follow_known(r, r->own->follow);
    bool over;
    status = cmd_run_start(r, &over);
    if (over)
        return status;
    bool unknown = r->run.state == JOB_RUNNING && !ops_of(r)->reads;
    return r->own->detach || unknown ? detached(r) : cmd_run_follow(r);
}

static int cmd_run_command(struct invocation *inv)
{
    struct workspace workspace;
    struct running r = {
        .inv = inv, .own = inv->own, .workspace = &workspace, .watching = PTHREAD_MUTEX_INITIALIZER};
    int status = cmd_run_check(inv);
    if (status != EXIT_DONE || (status = jobs_open(inv, &workspace)) != EXIT_DONE)
        return status;
    status = jobs_find(inv, &workspace, inv->args.items[0], &r.job);
    if (status == EXIT_DONE)
        status = check_job(&r);
    if (status == EXIT_DONE)
        status = job_open(inv, &workspace, &r.own->set, &r.job);
    if (status == EXIT_DONE)
        status = cmd_run_carry_out(&r);
    job_early_free(r.early);
    free((char *)r.begun.p);
    workspace_close(&workspace);
    return status;
}

#define FIELD(name_) .offset = offsetof(struct run_settings, name_)
static const struct option options[] = {
    {'d', "detach", FIELD(detach), .doc = "print the run's id and do not wait for its end"},
    {0, "timeout", .value = "TIME", .kind = OPTION_DURATION, FIELD(timeout_ms),
        .doc = "wait so long at most (90, 30s, 30m, 2h); the run goes on, the status is 1"},
    {0, "stop-on-timeout", FIELD(stop_on_timeout), .doc = "stop the run when that time is up"},
    {0, "payload", .value = "FILE", .kind = OPTION_TEXT, FIELD(payload), .completes = COMPLETES_FILE,
        .doc =
            "what the job gets: a file with JSON, - for standard input, or the JSON itself. Arguments add to "
            "it"},
    {0, "set", .value = "NAME=VALUE", .kind = OPTION_LIST, FIELD(set),
        .doc = "what this run has otherwise than the job, such as workers or a queue; may be repeated"},
    {0, "format", .value = "FORMAT", .kind = OPTION_TEXT, FIELD(format), .completes = COMPLETES_CHOICES,
        .choices = "table csv json",
        .doc = "of a query's result (default: a table on a terminal, CSV elsewhere)"},
    {0, "raw", FIELD(raw),
        .doc = "leave control characters in log lines and in CSV as the job wrote them, those that steer a "
               "terminal too"},
    {'o', "out", .value = "FILE", .kind = OPTION_TEXT, FIELD(out), .completes = COMPLETES_FILE,
        .doc = "save a query's whole result in a file, as the service wrote it (CSV)"},
    {0, "follow", .value = "RUN", .kind = OPTION_TEXT, FIELD(follow),
        .doc = "start nothing, follow the run with that id"},
    {0, "stop", .value = "RUN", .kind = OPTION_TEXT, FIELD(stop),
        .doc = "start nothing, stop the run with that id"},
};
static const struct option_set own_set = OPTION_SET(NULL, options);
static const struct option_set *const sets[] = {&own_set, &options_json, &options_stack, NULL};
static const struct command_example examples[] = {
    {"weir run csv_to_trusted day=2026-11-21",
        "a Glue job with --day 2026-11-21, its log on standard output"},
    {"weir run ingest pages:=3 | jq .count",
        "a function; standard output has what it answers, and nothing else"},
    {"weir run nightly --payload order.json --timeout 30m", "a state machine with a whole document"},
    {"weir run top_films 1980 -o films.csv", "a query; its result, however large, goes to a file"},
    {"weir run --follow jr_0a1b2c csv_to_trusted", "come back to a run"},
    {NULL, NULL},
};

const struct command cmd_run = {
    .name = "run",
    .args = "JOB [NAME=TEXT | NAME:=JSON | WORD]...",
    .summary = "run a job, follow its state and log, end with its result",
    .details =
        "JOB is the address of a resource that has been applied (csv_to_trusted, job[\"silver\"], "
        "module/load), or its name at the service. What kinds of jobs there are, how they take "
        "arguments and what "
        "--set knows is on the types' pages.\n\n"
        "Standard output has what the job writes to its own or, where it gives one, its result; all else, "
        "its errors too, goes to standard error. The status is 0 when the run succeeded and 1 when it "
        "failed.\n\n"
        "Ctrl-C stops following and asks whether to stop the run; without a terminal the run goes on, "
        "and the "
        "status is 130.",
    .sets = sets,
    .settings_size = sizeof(struct run_settings),
    .min_args = 1,
    .max_args = -1,
    .completes = COMPLETES_JOB,
    .examples = examples,
    .run = cmd_run_command,
};
