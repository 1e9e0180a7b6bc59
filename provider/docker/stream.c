/* What the Engine says while it builds, pulls or pushes: see stream.h. */
#include "provider/docker/stream.h"

#include "base/json.h"
#include "base/lock.h"

enum { ARRIVED_MAX = 16 << 20, UNREACHABLE_MS = 60 * 60 * 1000, END_SHOWN = 700 };

static void stream_show(void *ctx, const char *line)
{
    const struct op_ctx *op = ctx;
    op_printed(op, line);
}

void stream_init(struct stream *s, struct op_ctx *ctx)
{
    *s = (struct stream){.ctx = ctx, .lock = PTHREAD_MUTEX_INITIALIZER, .arrived = {.max = ARRIVED_MAX}};
    command_output_init(&s->output);
    s->output.show = op_tells_printed(ctx) ? stream_show : NULL;
    s->output.show_ctx = ctx;
}

void stream_release(struct stream *s)
{
    buf_release(&s->arrived);
    command_output_release(&s->output);
    pthread_mutex_destroy(&s->lock);
}

/* On the network thread. */
static int arrive(void *ctx, const void *bytes, size_t n)
{
    struct stream *s = ctx;
    AUTO_UNLOCK pthread_mutex_t *held = mutex_hold(&s->lock);
    buf_add(&s->arrived, bytes, n);
    bool whole = !s->arrived.overflow;
    return whole ? 0 : -1;
}

static void stream_tell(struct stream *s, struct str what)
{
    struct op_ctx *ctx = s->ctx;
    if (!what.n || str_eq(what, s->status) || !op_tells_progress(ctx))
        return;
    s->status = command_output_hide(ctx->arena, what);
    op_progress(ctx, arena_strz(ctx->arena, s->status));
}

/* "Step 2/5 : RUN make\n", " ---> 1f2e…", or what a command prints. */
static void take_output(struct stream *s, struct str text)
{
    struct str rest, line = str_trim(str_cut(text, '\n', &rest));
    if (str_starts(text, STR("Step ")) && str_find(line, STR(" : "), 0) > 0) {
        s->step = arena_str(s->ctx->arena, line);
        stream_tell(s, line);
    } else if (!str_starts(line, STR("--->")) && !str_starts(line, STR("Removing intermediate"))) {
        command_output_add(&s->output, text.p, text.n);
    }
}

static void stream_take(struct stream *s, struct str line)
{
    struct arena *arena = s->ctx->arena;
    const struct value *item, *aux;
    if (!str_trim(line).n || json_parse(arena, line, &item, NULL) || item->kind != VALUE_MAP)
        return;
    if (value_gets(item, "error").n)
        s->failed = value_gets(item, "error");
    if (value_gets(item, "stream").n)
        take_output(s, value_gets(item, "stream"));
    else if (value_gets(item, "status").n && !value_gets(item, "id").n)
        stream_tell(s, value_gets(item, "status"));
    if (!(aux = value_getz(item, "aux")))
        return;
    if (value_gets(aux, "ID").n)
        s->image = value_gets(aux, "ID");
    if (value_gets(aux, "Digest").n)
        s->digest = value_gets(aux, "Digest");
}

/* On the thread that waits: all whole lines so far. */
static void stream_follow(void *ctx)
{
    struct stream *s = ctx;
    AUTO_BUF struct buf lines = BUF_INIT;
    pthread_mutex_lock(&s->lock);
    size_t end = str_after_last(buf_str(&s->arrived), "\n");
    if (end) {
        buf_add(&lines, s->arrived.p, end);
        AUTO_BUF struct buf left = BUF_INIT;
        buf_add(&left, s->arrived.p + end, s->arrived.n - end);
        buf_clear(&s->arrived);
        buf_add_str(&s->arrived, buf_str(&left));
    }
    pthread_mutex_unlock(&s->lock);
    for (struct str rest = buf_str(&lines); rest.p && rest.n;)
        stream_take(s, str_cut(rest, '\n', &rest));
}

static int stream_explain(struct stream *s, struct err *err)
{
    struct arena *arena = s->ctx->arena;
    struct str end = command_output_end(&s->output, arena, END_SHOWN);
    struct str why = str_trim(command_output_hide(arena, s->failed));
    struct str step = command_output_hide(arena, s->step);
    err_set(err, ERR_SERVICE, "%.*s%s%.*s%s%.*s", STR_ARG(step), step.n ? ": " : "", STR_ARG(why),
        end.n ? "; what it printed last:\n" : "", STR_ARG(end));
    return -1;
}

int stream_ask(struct stream *s, struct engine_call *call, struct err *err)
{
    call->sink = arrive;
    call->sink_ctx = s;
    call->tick = stream_follow;
    call->tick_ctx = s;
    call->timeout_ms = UNREACHABLE_MS; /* a step may be at work for long without a word */
    if (engine_ask(s->ctx, call, NULL, err))
        return -1;
    return s->failed.n ? stream_explain(s, err) : 0;
}
