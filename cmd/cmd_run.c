/* weir run: starts a job, follows its state and log, and returns its result. */
#include "cmd/run/jobs.h"

#include "base/clock.h"

#include <stdlib.h>
#include <unistd.h>

enum { SANDBOX_PACE_MS = 50 };

static struct str address_of(const struct running *r)
{
    return r->job.record->subject.address;
}

/* ---- the end ---- */

/* Prints the result of a finished run and returns the exit status. */
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
    const char *ending = r->run.state == JOB_STOPPED ? "was stopped" : "failed";
    if (r->run.error.n)
        err_set(&err, ERR_FAILED, "%.*s %s: %.*s", STR_ARG(address_of(r)), ending, STR_ARG(r->run.error));
    else
        err_set(&err, ERR_FAILED, "%.*s %s (%.*s)", STR_ARG(address_of(r)), ending,
            STR_ARG(job_run_status(&r->run)));
    return invocation_fail(r->inv, &err);
}

/* ---- interruption and timeout ---- */

/* Prints the commands to follow or stop the run. */
static void say_how_to_go_on(struct running *r)
{
    struct str id = r->run.id, address = job_quoted(r->ctx.arena, &r->job);
    if (r->inv->settings->json || !running_ops(r)->reads)
        return;
    invocation_note(r->inv, "The run continues. To follow it:  weir run --follow %.*s %.*s", STR_ARG(id),
        STR_ARG(address));
    if (running_ops(r)->stops)
        invocation_note(r->inv, "To stop it:  weir run --stop %.*s %.*s", STR_ARG(id), STR_ARG(address));
}

static int stop_run(struct running *r)
{
    struct err err = ERR_INIT;
    if (running_ops(r)->stop(&r->ctx, r->job.object, r->job.options, r->run.id, &err)) {
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
    if (!running_ops(r)->stops)
        return false;
    if (r->inv->sandbox_temporary) /* the run would end with this process */
        return true;
    if (r->inv->settings->json || !isatty(STDIN_FILENO) || !r->inv->err.tty || !signals_all_sigint())
        return false;
    return ask_yes(r->inv, "Stop the run?");
}

static int cmd_run_interrupted(struct running *r)
{
    run_watch_clear(&r->watch);
    if (!r->run.id.n) {
        if (!r->inv->settings->json && !r->inv->sandbox_temporary) /* the run ends with this process */
            invocation_note(
                r->inv, "Interrupted; the run of %.*s continues at its service.", STR_ARG(address_of(r)));
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
    bool stops =
        r->run.id.n && running_ops(r)->stops && (r->own->stop_on_timeout || r->inv->sandbox_temporary);
    run_watch_clear(&r->watch);
    if (stops)
        stop_run(r);
    AUTO_BUF struct buf text = BUF_INIT;
    text_add_duration(&text, r->own->timeout_ms);
    err_set(&err, ERR_TIMEOUT, "%.*s was still running after %s (--timeout)%s", STR_ARG(address_of(r)),
        text.p, stops || r->inv->sandbox_temporary ? "" : "; the run continues");
    if (!stops && r->run.id.n && running_ops(r)->reads)
        err_hint(&err,
            "weir run --follow %.*s %.*s follows it; --stop-on-timeout ends a run that takes too long",
            STR_ARG(r->run.id), STR_ARG(job_quoted(r->ctx.arena, &r->job)));
    return invocation_fail(r->inv, &err);
}

/* ---- starting ---- */

/* Starts the run. After EXIT_DONE without *over, r->run is the started run. */
static int cmd_run_start(struct running *r, bool *over)
{
    struct err err = ERR_INIT;
    *over = true;
    switch (run_start(r, &err)) {
    case RUN_STARTED: *over = false; return EXIT_DONE;
    case RUN_START_INTERRUPTED: return cmd_run_interrupted(r);
    case RUN_START_TIMED_OUT: return timed_out(r);
    case RUN_START_FAILED: break;
    }
    err_context(&err, "starting %.*s", STR_ARG(address_of(r)));
    return invocation_fail(r->inv, &err);
}

static int detached(struct running *r)
{
    AUTO_BUF struct buf out = BUF_INIT;
    if (r->inv->settings->json) {
        buf_addz(&out, "{\"event\":\"job_run\"");
        job_run_fields(&out, &r->job, &r->run);
        buf_addz(&out, "}\n");
    } else {
        buf_addf(&out, "%.*s\n", STR_ARG(r->run.id));
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
        .pace_ms = r->inv->sandbox_temporary ? SANDBOX_PACE_MS : 0,
        .signals = r->signals,
        .late_ms = log_late_ms(r->job.provider),
        .state = run_watch_state,
        .line = run_watch_line,
        .tick = run_watch_tick,
        .log_failure = run_watch_log_failure,
        .callback_ctx = &r->watch};
    enum job_follow_end end;
    struct err err = ERR_INIT;
    f.shown = run_start_shown(r);
    if (job_follow(&f, &r->run, &end, &err)) {
        run_watch_clear(&r->watch);
        err_context(&err, "following %.*s", STR_ARG(address_of(r)));
        if (!err.hint[0])
            err_hint(&err, "the run continues; weir run --follow %.*s %.*s follows it again",
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
    if (!running_ops(r)->reads) {
        err_set(&err, ERR_USAGE, "the service does not keep the outcome of runs of type %.*s",
            STR_ARG(r->job.schema->name));
        AUTO_BUF struct buf word = BUF_INIT;
        text_add_word(&word, str_z(id));
        err_hint(&err, "weir logs --run %s %.*s shows what it wrote", word.p,
            STR_ARG(job_quoted(r->ctx.arena, &r->job)));
        return invocation_fail(r->inv, &err);
    }
    if (running_ops(r)->read(&r->ctx, r->job.object, r->job.options, str_z(id), &r->run, &err)) {
        err_context(&err, "%.*s", STR_ARG(address_of(r)));
        return invocation_fail(r->inv, &err);
    }
    return cmd_run_follow(r);
}

static int stop_known(struct running *r, const char *id)
{
    r->run.id = str_z(id);
    if (running_ops(r)->stops)
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
            "--out, which saves the result as it is stored, does not go with %s",
            own->stop     ? "--stop"
            : own->detach ? "--detach"
                          : "--format");
    if (own->stop_on_timeout && !own->timeout_ms)
        return invocation_usage(inv, NULL, "--stop-on-timeout needs --timeout");
    return EXIT_DONE;
}

/* Checks options that depend on the sandbox and the job. */
static int check_job(const struct running *r)
{
    if (r->own->detach && r->inv->sandbox_temporary)
        return invocation_usage(r->inv, "\"weir sandbox\" in another terminal serves one that stays",
            "--detach: the sandbox ends with this command, and the run with it");
    if (r->own->out && !running_ops(r)->leaves_file)
        return invocation_usage(
            r->inv, NULL, "--out: a run of type %.*s has no result to save", STR_ARG(r->job.schema->name));
    if (r->own->format && !running_ops(r)->tabular)
        return invocation_usage(r->inv, NULL, "--format: a run of type %.*s has no table as its result",
            STR_ARG(r->job.schema->name));
    return EXIT_DONE;
}

/* Called before signals are caught, so that Ctrl-C ends typed input. */
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
    signals_work(true); /* the user may be asked whether to stop the run */
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
    bool unknown = r->run.state == JOB_RUNNING && !running_ops(r)->reads;
    return r->own->detach || unknown ? detached(r) : cmd_run_follow(r);
}

static int cmd_run_command(struct invocation *inv)
{
    AUTO_WORKSPACE struct workspace workspace = {0};
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
    return status;
}

#define FIELD(name_) .offset = offsetof(struct run_settings, name_)
static const struct option options[] = {
    {'d', "detach", FIELD(detach)},
    {0, "timeout", .value = "TIME", .kind = OPTION_DURATION, FIELD(timeout_ms)},
    {0, "stop-on-timeout", FIELD(stop_on_timeout)},
    {0, "payload", .value = "FILE", .kind = OPTION_TEXT, FIELD(payload), .completes = COMPLETES_FILE},
    {0, "set", .value = "NAME=VALUE", .kind = OPTION_LIST, FIELD(set)},
    {0, "format", .value = "FORMAT", .kind = OPTION_TEXT, FIELD(format), .completes = COMPLETES_CHOICES,
        .choices = "table csv json"},
    {0, "raw", FIELD(raw)},
    {'o', "out", .value = "FILE", .kind = OPTION_TEXT, FIELD(out), .completes = COMPLETES_FILE},
    {0, "follow", .value = "RUN", .kind = OPTION_TEXT, FIELD(follow)},
    {0, "stop", .value = "RUN", .kind = OPTION_TEXT, FIELD(stop)},
};

const struct command cmd_run = {
    .name = "run",
    .args = "JOB [NAME=TEXT | NAME:=JSON | WORD]...",
    .sets = {OWN_OPTIONS(options), &options_json, &options_stack},
    .settings_size = sizeof(struct run_settings),
    .min_args = 1,
    .max_args = -1,
    .completes = COMPLETES_JOB,
    .run = cmd_run_command,
};
