/*
 * The network thread, and the stack of idle transfers. A transfer is prepared by the thread that asks and put
 * on `incoming`; the network thread, the only one that touches the multi handle, puts it on its queue when it
 * is over.
 */
#include "base/clock.h"
#include "base/crash.h"
#include "base/mem.h"
#include "provider/http/http.h"
#include "provider/http/loop.h"
#include "provider/http/trace.h"
#include "provider/http/transfer.h"

#include <assert.h>
#include <errno.h>
#include <signal.h>
#include <stdlib.h>

enum {
    MAX_CONNECTIONS = 256,
    MAX_PER_HOST = 64,
    IDLE_WAIT_MS = 60 * 1000,
    CANCEL_WAIT_MS = 100, /* how late a set cancel flag may be seen */
    BATCH = 16,           /* handed over with one wake-up */
};

struct http_engine {
    const struct curl_api *curl;
    CURLM *multi;
    struct loop loop;
    pthread_t thread;
    struct trace trace;
    pthread_mutex_t trace_lock;
    char *ca_file;
    int (*gate)(void *ctx, struct err *err);
    void *gate_ctx;
    atomic_uint_fast64_t requests;

    pthread_mutex_t lock;      /* guards what follows */
    struct transfer *incoming; /* newest first */
    struct transfer *idle;
    bool stop;

    struct transfer *active; /* the network thread's */
};

/* ---- the network thread ---- */

static void start_transfer(struct http_engine *engine, struct transfer *t)
{
    t->previous = NULL;
    t->next = engine->active;
    if (t->next)
        t->next->previous = t;
    engine->active = t;
    CURLMcode code = engine->curl->multi_add_handle(engine->multi, t->easy);
    assert(code == CURLM_OK);
    (void)code;
}

static void finish_transfer(struct http_engine *engine, struct transfer *t, CURLcode code)
{
    engine->curl->multi_remove_handle(engine->multi, t->easy);
    if (t->previous)
        t->previous->next = t->next;
    else
        engine->active = t->next;
    if (t->next)
        t->next->previous = t->previous;
    t->code = code;
    t->next = NULL;
    struct http_queue *queue = t->queue;
    pthread_mutex_lock(&queue->lock);
    *queue->over_end = t;
    queue->over_end = &t->next;
    pthread_cond_signal(&queue->arrived);
    pthread_mutex_unlock(&queue->lock);
}

static bool take_incoming(struct http_engine *engine)
{
    pthread_mutex_lock(&engine->lock);
    struct transfer *list = engine->incoming, *ordered = NULL;
    engine->incoming = NULL;
    bool stop = engine->stop;
    pthread_mutex_unlock(&engine->lock);
    while (list) {
        struct transfer *next = list->next;
        list->next = ordered;
        ordered = list;
        list = next;
    }
    while (ordered) {
        struct transfer *next = ordered->next;
        start_transfer(engine, ordered);
        ordered = next;
    }
    return stop;
}

static void finish_completed(struct http_engine *engine)
{
    int left;
    for (CURLMsg *message; (message = engine->curl->multi_info_read(engine->multi, &left));) {
        if (message->msg != CURLMSG_DONE)
            continue;
        CURLcode code = message->data.result; /* the message is gone once the handle is removed */
        char *private = NULL;
        engine->curl->easy_getinfo(message->easy_handle, CURLINFO_PRIVATE, &private);
        finish_transfer(engine, (struct transfer *)(void *)private, code);
    }
}

/* Ends what is cancelled; returns how long the thread may sleep. */
static int check_cancelled(struct http_engine *engine)
{
    int wait_ms = IDLE_WAIT_MS;
    for (struct transfer *next, *t = engine->active; t; t = next) {
        next = t->next;
        const atomic_bool *cancel = t->request->cancel;
        if (!cancel)
            continue;
        wait_ms = CANCEL_WAIT_MS;
        if (atomic_load_explicit(cancel, memory_order_relaxed)) {
            t->cancelled = true;
            finish_transfer(engine, t, CURLE_ABORTED_BY_CALLBACK);
        }
    }
    return wait_ms;
}

static void *network_main(void *arg)
{
    struct http_engine *engine = arg;
    for (;;) {
        bool stop = take_incoming(engine);
        if (stop && !engine->active)
            break;
        loop_turn(&engine->loop, check_cancelled(engine));
        finish_completed(engine);
    }
    engine->curl->multi_cleanup(engine->multi); /* here, where its last words on TLS raise no signal */
    return NULL;
}

/*
 * The thread takes no signals: they are for the main thread, and OpenSSL, which writes to sockets that the
 * peer has closed, would raise SIGPIPE.
 */
static int start_thread(struct http_engine *engine)
{
    sigset_t all, before;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    int failed = pthread_create(&engine->thread, NULL, network_main, engine);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    return failed;
}

/* ---- the threads that ask ---- */

static struct transfer *take_idle(struct http_engine *engine)
{
    pthread_mutex_lock(&engine->lock);
    struct transfer *t = engine->idle;
    if (t)
        engine->idle = t->next;
    pthread_mutex_unlock(&engine->lock);
    return t ? t : transfer_new(engine->curl);
}

static void give_idle(struct http_engine *engine, struct transfer *t)
{
    pthread_mutex_lock(&engine->lock);
    t->next = engine->idle;
    engine->idle = t;
    pthread_mutex_unlock(&engine->lock);
}

static void engine_trace(struct http_engine *engine, const struct http_exchange *x)
{
    if (!engine->trace.level)
        return;
    int64_t elapsed_ms = clock_mono_ms() - x->started_ms;
    pthread_mutex_lock(&engine->trace_lock);
    trace_request(&engine->trace, x->request, &x->response, x->result ? &x->err : NULL, elapsed_ms);
    pthread_mutex_unlock(&engine->trace_lock);
}

void http_queue_init(struct http_queue *queue, struct http_engine *engine)
{
    *queue = (struct http_queue){.engine = engine};
    queue->over_end = &queue->over;
    pthread_mutex_init(&queue->lock, NULL);
    pthread_cond_init(&queue->arrived, NULL);
}

void http_queue_release(struct http_queue *queue)
{
    assert(!queue->pending);
    pthread_mutex_destroy(&queue->lock);
    pthread_cond_destroy(&queue->arrived);
}

/* -1: it must not be sent. */
static int engine_prepare(struct http_engine *engine, struct transfer *t, struct http_exchange *x)
{
    if (x->request->cancel && atomic_load(x->request->cancel))
        return err_set(&x->err, ERR_INTERRUPTED, "interrupted");
    if (engine->gate && engine->gate(engine->gate_ctx, &x->err))
        return -1;
    return transfer_prepare(t, x->request, engine->ca_file, x->arena, &x->err);
}

/* Hands over what was added. */
static void engine_flush(struct http_queue *queue)
{
    struct http_engine *engine = queue->engine;
    if (!queue->outgoing)
        return;
    struct transfer *oldest = queue->outgoing;
    while (oldest->next)
        oldest = oldest->next;
    pthread_mutex_lock(&engine->lock);
    bool first = !engine->incoming;
    oldest->next = engine->incoming;
    engine->incoming = queue->outgoing;
    pthread_mutex_unlock(&engine->lock);
    queue->outgoing = NULL;
    queue->outgoing_count = 0;
    if (first) /* otherwise it has been woken already */
        loop_wake(&engine->loop);
}

static void engine_push(struct transfer **list, struct transfer *t)
{
    t->next = *list;
    *list = t;
}

void http_queue_add(struct http_queue *queue, struct http_exchange *x)
{
    struct http_engine *engine = queue->engine;
    struct transfer *t = take_idle(engine);
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

/* What is over by now, or the next to be. */
static struct transfer *take_over(struct http_queue *queue, int64_t timeout_ms)
{
    struct timespec until;
    clock_gettime(CLOCK_MONOTONIC, &until);
    until.tv_sec += timeout_ms / 1000;
    until.tv_nsec += timeout_ms % 1000 * 1000000;
    until.tv_sec += until.tv_nsec / 1000000000;
    until.tv_nsec %= 1000000000;
    int late = !timeout_ms;
    pthread_mutex_lock(&queue->lock);
    while (!queue->over && !late) {
        if (timeout_ms < 0)
            pthread_cond_wait(&queue->arrived, &queue->lock);
        else
            late = pthread_cond_clockwait(&queue->arrived, &queue->lock, CLOCK_MONOTONIC, &until);
    }
    struct transfer *list = queue->over;
    queue->over = NULL;
    queue->over_end = &queue->over;
    pthread_mutex_unlock(&queue->lock);
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
        queue->landed = take_over(queue, timeout_ms);
    }
    struct transfer *t = queue->landed;
    if (!t)
        return NULL;
    struct http_exchange *x = t->exchange;
    queue->landed = t->next;
    queue->pending--;
    if (!x->result)
        engine_collect(queue->engine, t);
    give_idle(queue->engine, t);
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
    const struct curl_api *curl = curl_api(err);
    if (!curl)
        return -1;
    struct http_engine *engine = mem_zalloc(sizeof *engine);
    engine->curl = curl;
    engine->trace = (struct trace){options->trace, options->trace_line, options->trace_ctx};
    engine->ca_file = options->ca_file ? mem_strdup(options->ca_file) : NULL;
    engine->multi = curl->multi_init();
    pthread_mutex_init(&engine->lock, NULL);
    pthread_mutex_init(&engine->trace_lock, NULL);
    long total = options->max_connections ? options->max_connections : MAX_CONNECTIONS;
    long per_host = options->max_per_host ? options->max_per_host : MAX_PER_HOST;
    curl->multi_setopt(engine->multi, CURLMOPT_MAX_TOTAL_CONNECTIONS, total);
    curl->multi_setopt(engine->multi, CURLMOPT_MAXCONNECTS, total);
    curl->multi_setopt(engine->multi, CURLMOPT_MAX_HOST_CONNECTIONS, per_host);
    int failed = loop_init(&engine->loop, curl, engine->multi, err);
    if (!failed && (failed = start_thread(engine))) {
        errno = failed;
        err_errno(err, ERR_FAILED, "cannot start the network thread");
    }
    if (failed) {
        curl->multi_cleanup(engine->multi);
        loop_release(&engine->loop);
        free(engine->ca_file);
        free(engine);
        return -1;
    }
    *out = engine;
    return 0;
}

void http_engine_free(struct http_engine *engine)
{
    if (!engine)
        return;
    pthread_mutex_lock(&engine->lock);
    engine->stop = true;
    pthread_mutex_unlock(&engine->lock);
    loop_wake(&engine->loop);
    pthread_join(engine->thread, NULL);
    loop_release(&engine->loop);
    for (struct transfer *next, *t = engine->idle; t; t = next) {
        next = t->next;
        transfer_free(t);
    }
    pthread_mutex_destroy(&engine->lock);
    pthread_mutex_destroy(&engine->trace_lock);
    free(engine->ca_file);
    free(engine);
}
