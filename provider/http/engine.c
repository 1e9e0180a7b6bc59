/*
 * The callers' side of the HTTP engine: prepares transfers in the caller's thread, passes them to the network
 * thread in batches, and returns finished ones.
 */
#include "base/clock.h"
#include "base/crash.h"
#include "base/mask.h"
#include "base/mem.h"
#include "provider/http/redact.h"
#include "provider/http/transfer.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>

/* ---- -v and -vv ---- */

enum { BODY_SHOWN_MAX = 64 * 1024 };

static void put_line(const struct trace *trace, struct buf *line)
{
    AUTO_BUF struct buf shown = BUF_INIT;
    mask_text(&shown, buf_str(line));
    if (trace->line)
        trace->line(trace->ctx, shown.p ? shown.p : "");
    else
        fprintf(stderr, "%s\n", shown.p ? shown.p : "");
    buf_clear(line);
}

static void put_headers(
    const struct trace *trace, char mark, const struct http_header *headers, size_t n, struct buf *line)
{
    for (size_t i = 0; i < n; i++) {
        struct str value = redact_is_secret_header(headers[i].name) ? STR("(redacted)") : headers[i].value;
        buf_addf(line, "%c %.*s: %.*s", mark, STR_ARG(headers[i].name), STR_ARG(value));
        put_line(trace, line);
    }
}

static void put_body(const struct trace *trace, char mark, struct str body, bool sensitive, struct buf *line)
{
    if (!body.n)
        return;
    if (sensitive || !str_is_utf8(body) || memchr(body.p, 0, body.n)) {
        const char *why = sensitive ? "not shown, they may hold secrets" : "not text";
        buf_addf(line, "%c (%zu bytes, %s)", mark, body.n, why);
        put_line(trace, line);
        return;
    }
    AUTO_BUF struct buf known = BUF_INIT, shown = BUF_INIT;
    mask_text(&known, body); /* by value, before the text is split into lines or truncated */
    redact_body(&shown, buf_str(&known));
    struct str rest = str_slice(buf_str(&shown), 0, shown.n < BODY_SHOWN_MAX ? shown.n : BODY_SHOWN_MAX);
    while (rest.p && rest.n) {
        struct str text = str_cut(rest, '\n', &rest);
        buf_addf(line, "%c ", mark);
        buf_add_str(line, text);
        put_line(trace, line);
    }
    if (shown.n > BODY_SHOWN_MAX) {
        buf_addf(line, "%c (%zu bytes more)", mark, shown.n - BODY_SHOWN_MAX);
        put_line(trace, line);
    }
}

/* failure is NULL if there is a response. */
static void trace_request(const struct trace *trace, const struct http_request *request,
    const struct http_response *response, const struct err *failure, int64_t elapsed_ms)
{
    if (!trace->level)
        return;
    AUTO_BUF struct buf line = BUF_INIT;
    buf_addf(&line, "%.*s ", STR_ARG(request->method));
    redact_url(&line, request->url);
    if (request->label.n)
        buf_addf(&line, " %.*s", STR_ARG(request->label));
    if (failure)
        buf_addf(&line, " failed (%s)", failure->message);
    else
        buf_addf(&line, " %d", response->status);
    buf_addf(&line, " %lld ms", (long long)elapsed_ms);
    if (request->attempt > 1)
        buf_addf(&line, " attempt %d", request->attempt);
    put_line(trace, &line);
    if (trace->level < 2)
        return;
    put_headers(trace, '>', request->headers, request->header_count, &line);
    put_body(trace, '>', request->body, request->sensitive, &line);
    if (request->body_length > 0) {
        buf_addf(&line, "> (%lld bytes of a file)", (long long)request->body_length);
        put_line(trace, &line);
    }
    if (failure)
        return;
    put_headers(trace, '<', response->headers, response->header_count, &line);
    put_body(trace, '<', response->body, request->sensitive, &line);
}

enum { BATCH = 16 }; /* transfers passed on with one wake-up */

struct http_engine {
    struct network *network;
    bool shares; /* uses another engine's network thread */
    struct trace trace;
    pthread_mutex_t trace_lock;
    char *ca_file;
    int (*gate)(void *ctx, struct err *err);
    void *gate_ctx;
    atomic_uint_fast64_t requests;
};

static void engine_trace(struct http_engine *engine, const struct http_exchange *x)
{
    if (!engine->trace.level)
        return;
    int64_t elapsed_ms = clock_mono_ms() - x->started_ms;
    AUTO_UNLOCK pthread_mutex_t *held = mutex_hold(&engine->trace_lock);
    trace_request(&engine->trace, x->request, &x->response, x->result ? &x->err : NULL, elapsed_ms);
}

void http_queue_init(struct http_queue *queue, struct http_engine *engine)
{
    *queue = (struct http_queue){.engine = engine};
    queue->finished_end = &queue->finished;
    pthread_mutex_init(&queue->lock, NULL);
    clock_cond_init(&queue->arrived);
}

void http_queue_release(struct http_queue *queue)
{
    assert(!queue->pending);
    pthread_mutex_destroy(&queue->lock);
    pthread_cond_destroy(&queue->arrived);
}

/* Returns -1 if the request must not be sent. */
static int engine_prepare(struct http_engine *engine, struct transfer *t, struct http_exchange *x)
{
    if (cancel_is_set(x->request->cancel))
        return err_set(&x->err, ERR_INTERRUPTED, "interrupted");
    if (engine->gate && engine->gate(engine->gate_ctx, &x->err))
        return -1;
    return transfer_prepare(t, x->request, engine->ca_file, x->arena, &x->err);
}

/* Passes the added transfers to the network thread. */
static void engine_flush(struct http_queue *queue)
{
    if (queue->outgoing)
        network_send(queue->engine->network, queue->outgoing);
    queue->outgoing = NULL;
    queue->outgoing_count = 0;
}

static void engine_push(struct transfer **list, struct transfer *t)
{
    t->next = *list;
    *list = t;
}

void http_queue_add(struct http_queue *queue, struct http_exchange *x)
{
    struct http_engine *engine = queue->engine;
    struct transfer *t = network_take_idle(engine->network);
    x->err = (struct err)ERR_INIT;
    x->started_ms = engine->trace.level ? clock_mono_ms() : 0;
    t->exchange = x;
    t->queue = queue;
    queue->pending++;
    x->result = engine_prepare(engine, t, x);
    if (x->result) {
        engine_push(&queue->landed, t);
        return;
    }
    atomic_fetch_add_explicit(&engine->requests, 1, memory_order_relaxed);
    crash_point("http.request");
    engine_push(&queue->outgoing, t);
    if (++queue->outgoing_count == BATCH)
        engine_flush(queue);
}

/* Returns the finished transfers, or waits for the next. */
static struct transfer *take_finished(struct http_queue *queue, int64_t timeout_ms)
{
    struct timespec until;
    clock_gettime(CLOCK_MONOTONIC, &until);
    until.tv_sec += timeout_ms / 1000;
    until.tv_nsec += timeout_ms % 1000 * 1000000;
    until.tv_sec += until.tv_nsec / 1000000000;
    until.tv_nsec %= 1000000000;
    int late = !timeout_ms;
    AUTO_UNLOCK pthread_mutex_t *held = mutex_hold(&queue->lock);
    while (!queue->finished && !late) {
        if (timeout_ms < 0)
            pthread_cond_wait(&queue->arrived, &queue->lock);
        else
            late = pthread_cond_timedwait(&queue->arrived, &queue->lock, &until);
    }
    struct transfer *list = queue->finished;
    queue->finished = NULL;
    queue->finished_end = &queue->finished;
    return list;
}

static void engine_collect(struct http_engine *engine, struct transfer *t)
{
    struct http_exchange *x = t->exchange;
    crash_point("http.answer");
    x->response = (struct http_response){0};
    transfer_check_head(t);
    x->result = t->code == CURLE_OK ? 0 : transfer_failure(t, &x->err);
    if (!x->result)
        transfer_collect(t, x->arena, &x->response);
    if (x->result || x->response.status >= 300)
        transfer_take_back(t);
    engine_trace(engine, x);
}

struct http_exchange *http_queue_next(struct http_queue *queue, int64_t timeout_ms)
{
    if (!queue->pending)
        return NULL;
    if (!queue->landed) {
        engine_flush(queue);
        queue->landed = take_finished(queue, timeout_ms);
    }
    struct transfer *t = queue->landed;
    if (!t)
        return NULL;
    struct http_exchange *x = t->exchange;
    queue->landed = t->next;
    queue->pending--;
    if (!x->result)
        engine_collect(queue->engine, t);
    network_give_idle(queue->engine->network, t);
    return x;
}

int http_send(struct http_engine *engine, const struct http_request *request, struct arena *arena,
    struct http_response *response, struct err *err)
{
    struct http_queue queue;
    struct http_exchange x = {.request = request, .arena = arena};
    http_queue_init(&queue, engine);
    http_queue_add(&queue, &x);
    http_queue_next(&queue, -1);
    http_queue_release(&queue);
    *response = x.response;
    if (x.result && err)
        *err = x.err;
    return x.result;
}

struct str http_header_get(const struct http_response *response, const char *name)
{
    for (size_t i = 0; i < response->header_count; i++)
        if (str_ieq(response->headers[i].name, str_z(name)))
            return response->headers[i].value;
    return STR_EMPTY;
}

void http_engine_gate(struct http_engine *engine, int (*gate)(void *ctx, struct err *err), void *ctx)
{
    engine->gate = gate;
    engine->gate_ctx = ctx;
}

uint64_t http_engine_requests(const struct http_engine *engine)
{
    return atomic_load_explicit(&engine->requests, memory_order_relaxed);
}

int http_engine_new(const struct http_options *options, struct http_engine **out, struct err *err)
{
    struct network *network = options->shared ? options->shared->network : NULL;
    if (!network && network_new(options, &network, err))
        return -1;
    struct http_engine *engine = mem_zalloc(sizeof *engine);
    engine->network = network;
    engine->shares = options->shared;
    engine->trace = (struct trace){options->trace, options->trace_line, options->trace_ctx};
    engine->ca_file = options->ca_file ? mem_strdup(options->ca_file) : NULL;
    pthread_mutex_init(&engine->trace_lock, NULL);
    *out = engine;
    return 0;
}

void http_engine_free(struct http_engine *engine)
{
    if (!engine)
        return;
    if (!engine->shares)
        network_free(engine->network);
    pthread_mutex_destroy(&engine->trace_lock);
    free(engine->ca_file);
    free(engine);
}
