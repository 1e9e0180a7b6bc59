/*
 * Starting a container: what has to lie in it first, and whether it lives. One that dies at its start says
 * why in its log, of which the end is the error.
 */
#include "provider/docker/docker.h"

#include "base/clock.h"
#include "provider/docker/context.h"
#include "provider/weir/command.h"

#include <inttypes.h>

enum {
    WATCH_MS = 1000, /* so long one without a health check has to live */
    PAUSE_MS = 250,
    WAIT_MS = 5 * 60 * 1000,
    STOP_MS = 60 * 1000, /* beyond what it has by itself */
    LOG_MAX = 4 << 20,
    LOG_SHOWN = 800,
    FILE_MODE = 0444,
};

/* ---- files ---- */

static void add_files(struct op_ctx *ctx, struct context *context, const struct value *files)
{
    for (uint32_t i = 0; files && files->kind == VALUE_MAP && i < files->count; i++) {
        struct str path = files->entries[i].key;
        path = str_starts(path, STR("/")) ? str_slice(path, 1, path.n) : path;
        context_add_text(context, arena_str(ctx->arena, path),
            value_scalar_text(ctx->arena, files->entries[i].value), FILE_MODE);
    }
}

static int put_files(struct op_ctx *ctx, struct str id, const struct value *desired, struct err *err)
{
    struct context context;
    struct tar *tar;
    context_init(&context, ctx->arena);
    add_files(ctx, &context, value_getz(desired, "files"));
    add_files(ctx, &context, value_getz(desired, "secrets"));
    int status = 0;
    if (context.n && !(status = tar_open(&context, &tar, err))) {
        struct engine_call call = {.method = "PUT",
            .path = engine_path(ctx->arena, "/containers/%s/archive?path=/", id),
            .type = "application/x-tar",
            .source = tar_read,
            .source_ctx = tar,
            .sensitive = true,
            .label = "containers.archive"};
        status = engine_ask(ctx, &call, NULL, err);
        tar_close(tar);
    }
    context_release(&context);
    return status ? err_context(err, "putting files into it") : 0;
}

/* ---- its log ---- */

/* Without a terminal each piece has a head: stream, and length in four bytes. */
static void add_log(struct command_output *output, struct str raw, bool tty)
{
    while (!tty && raw.n >= 8) {
        const unsigned char *head = (const unsigned char *)raw.p;
        size_t n = (size_t)head[4] << 24 | (size_t)head[5] << 16 | (size_t)head[6] << 8 | head[7];
        n = n < raw.n - 8 ? n : raw.n - 8;
        command_output_add(output, raw.p + 8, n);
        raw = str_slice(raw, 8 + n, raw.n);
    }
    if (tty)
        command_output_add(output, raw.p, raw.n);
    command_output_add(output, "\n", 1);
}

static struct str end_of_log(struct op_ctx *ctx, struct str id, bool tty)
{
    AUTO_BUF struct buf raw = {.max = LOG_MAX};
    struct engine_call call = {.method = "GET",
        .path = engine_path(ctx->arena, "/containers/%s/logs?stdout=true&stderr=true&tail=25", id),
        .raw = &raw};
    if (engine_ask(ctx, &call, NULL, ERR_IGNORED))
        return STR_EMPTY;
    struct command_output output;
    command_output_init(&output);
    add_log(&output, buf_str(&raw), tty);
    struct str end = str_trim(command_output_end(&output, ctx->arena, LOG_SHOWN));
    command_output_release(&output);
    return end;
}

static int died(
    struct op_ctx *ctx, struct str id, const struct value *document, const char *how, struct err *err)
{
    struct str end = end_of_log(ctx, id, value_getb(value_getz(document, "Config"), "Tty"));
    struct str reason = value_gets(value_getz(document, "State"), "Error");
    err_set(err, ERR_SERVICE, "it %s%s%.*s%s%.*s", how, reason.n ? ": " : "", STR_ARG(reason),
        end.n ? "; its log ends with:\n" : "; its log is empty", STR_ARG(end));
    return -1;
}

/* ---- waiting ---- */

struct waiting {
    struct op_ctx *ctx;
    struct str id;
    bool health; /* until it is healthy, if it has a health check */
    bool end;    /* until it has ended */
    int64_t since_ms, until_ms;
    struct str last; /* what was reported */
};

static void container_run_tell(struct waiting *w, const char *what)
{
    if (!str_eqz(w->last, what))
        op_progress(w->ctx, what);
    w->last = str_z(what);
}

static struct str last_probe(const struct value *health)
{
    const struct value *log = value_getz(health, "Log");
    bool any = log && log->kind == VALUE_LIST && log->count;
    return any ? str_trim(value_gets(log->items[log->count - 1], "Output")) : STR_EMPTY;
}

static int unhealthy(struct waiting *w, const struct value *document, struct err *err)
{
    struct str probe = command_output_hide(w->ctx->arena, last_probe(resource_at(document, "State.Health")));
    probe = str_slice(probe, 0, probe.n < 200 ? probe.n : 200);
    return died(w->ctx, w->id, document,
        arena_printf(w->ctx->arena, "runs, but is unhealthy%s%.*s", probe.n ? ": " : "", STR_ARG(probe)).p,
        err);
}

/* 1: it is as it should be; 0: not yet. */
static int look_running(struct waiting *w, const struct value *document, struct err *err)
{
    const struct value *health = resource_at(document, "State.Health");
    struct str status = value_gets(health, "Status");
    if (str_eqz(status, "unhealthy"))
        return unhealthy(w, document, err);
    if (w->health && health && !str_eqz(status, "none")) {
        if (str_eqz(status, "healthy"))
            return 1;
        container_run_tell(w, "waiting until it is healthy");
        return 0;
    }
    return clock_mono_ms() - w->since_ms >= WATCH_MS;
}

static int look_once(struct waiting *w, struct err *err)
{
    const struct value *document;
    struct arena *arena = w->ctx->arena;
    if (engine_get(w->ctx, engine_path(arena, "/containers/%s/json", w->id), &document, err))
        return -1;
    if (!document)
        return err_set(err, ERR_SERVICE, "it was taken away while it was waited for");
    const struct value *state = value_getz(document, "State");
    struct str status = value_gets(state, "Status");
    int64_t code = value_geti(state, "ExitCode", -1), restarts = value_geti(document, "RestartCount", 0);
    if (w->end && str_eqz(status, "exited") && !code)
        return 1;
    if (str_eqz(status, "exited") || str_eqz(status, "dead"))
        return died(w->ctx, w->id, document,
            arena_printf(arena, "%s with status %" PRId64 "%s", w->end ? "ended" : "died at its start", code,
                value_getb(state, "OOMKilled") ? " (out of memory)" : "")
                .p,
            err);
    if (restarts > 0 || str_eqz(status, "restarting"))
        return died(w->ctx, w->id, document, "dies again and again", err);
    if (!w->end && str_eqz(status, "running"))
        return look_running(w, document, err);
    if (w->end)
        container_run_tell(w, "waiting until it has ended");
    return 0;
}

static int wait_for(struct waiting *w, struct err *err)
{
    for (;;) {
        int state = look_once(w, err);
        if (state)
            return state > 0 ? 0 : -1;
        if (clock_mono_ms() >= w->until_ms) {
            err_set(err, ERR_TIMEOUT, "it is not %s yet", w->end ? "at its end" : "healthy");
            return err_hint(err, "`timeouts: {create: 20m}` waits longer; `docker logs` shows what it does");
        }
        if (cancel_sleep_ms(w->ctx->cancel, PAUSE_MS, err))
            return -1;
    }
}

/* ---- starting and stopping ---- */

int container_start(struct op_ctx *ctx, struct str id, const struct value *desired, struct err *err)
{
    const struct value *document;
    struct str wait = value_gets(desired, "wait");
    if (engine_get(ctx, engine_path(ctx->arena, "/containers/%s/json", id), &document, err))
        return -1;
    bool fresh = str_eqz(value_gets(value_getz(document, "State"), "Status"), "created");
    if (fresh && put_files(ctx, id, desired, err))
        return -1;
    int64_t now = clock_mono_ms();
    struct waiting w = {.ctx = ctx,
        .id = id,
        .health = !wait.n || str_eqz(wait, "healthy"),
        .end = str_eqz(wait, "exited"),
        .since_ms = now,
        .until_ms = now + (ctx->timeout_ms ? ctx->timeout_ms : WAIT_MS)};
    if (engine_post(ctx, engine_path(ctx->arena, "/containers/%s/start", id), NULL, err)) {
        if (err->class == ERR_ABSENT || err->class == ERR_EXISTS)
            err->class = ERR_SERVICE; /* of its network, its command: not of the container */
        return err_context(err, "starting it");
    }
    return str_eqz(wait, "none") ? 0 : wait_for(&w, err);
}

int container_stop(struct op_ctx *ctx, struct str id, const struct value *object, struct err *err)
{
    int64_t patience = value_geti(object, "stop_timeout", 0);
    struct err failure = ERR_INIT;
    struct engine_call call = {.method = "POST",
        .path = engine_path(ctx->arena, "/containers/%s/stop", id),
        .timeout_ms = STOP_MS + patience * 1000,
        .label = "containers.stop"};
    if (!engine_ask(ctx, &call, NULL, &failure) || failure.class == ERR_ABSENT)
        return 0;
    *err = failure;
    return err_context(err, "stopping it");
}
