/*
 * The network thread, and the stack of idle transfers. A worker prepares its transfer, puts it on `incoming`
 * and waits on the transfer's own condition; the network thread is the only one that touches the multi
 * handle.
 */
#include "base/clock.h"
#include "base/crash.h"
#include "base/mem.h"
#include "provider/http/http.h"
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
};

struct http_engine {
    const struct curl_api *curl;
    CURLM *multi;
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
    pthread_mutex_lock(&t->lock);
    t->done = true;
    pthread_cond_signal(&t->over);
    pthread_mutex_unlock(&t->lock);
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
        int running;
        engine->curl->multi_perform(engine->multi, &running);
        finish_completed(engine);
        int wait_ms = check_cancelled(engine);
        engine->curl->multi_poll(engine->multi, NULL, 0, wait_ms, NULL);
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

/* ---- workers ---- */

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

static void run(struct http_engine *engine, struct transfer *t)
{
    pthread_mutex_lock(&engine->lock);
    bool first = !engine->incoming;
    t->next = engine->incoming;
    engine->incoming = t;
    pthread_mutex_unlock(&engine->lock);
    if (first) /* otherwise it has been woken already */
        engine->curl->multi_wakeup(engine->multi);
    pthread_mutex_lock(&t->lock);
    while (!t->done)
        pthread_cond_wait(&t->over, &t->lock);
    pthread_mutex_unlock(&t->lock);
}

static void trace(struct http_engine *engine, const struct http_request *request,
    const struct http_response *response, const struct err *failure, int64_t started_ms)
{
    if (!engine->trace.level)
        return;
    int64_t elapsed_ms = clock_mono_ms() - started_ms;
    pthread_mutex_lock(&engine->trace_lock);
    trace_request(&engine->trace, request, response, failure, elapsed_ms);
    pthread_mutex_unlock(&engine->trace_lock);
}

int http_send(struct http_engine *engine, const struct http_request *request, struct arena *arena,
    struct http_response *response, struct err *err)
{
    if (request->cancel && atomic_load(request->cancel))
        return err_set(err, ERR_INTERRUPTED, "interrupted");
    if (engine->gate && engine->gate(engine->gate_ctx, err))
        return -1;
    struct err failure = ERR_INIT;
    struct transfer *t = take_idle(engine);
    if (transfer_prepare(t, request, engine->ca_file, arena, err)) {
        give_idle(engine, t);
        return -1;
    }
    int64_t started_ms = engine->trace.level ? clock_mono_ms() : 0;
    atomic_fetch_add_explicit(&engine->requests, 1, memory_order_relaxed);
    crash_point("http.request");
    run(engine, t);
    crash_point("http.answer");
    int result = t->code == CURLE_OK ? 0 : transfer_failure(t, &failure);
    if (!result)
        transfer_collect(t, arena, response);
    if (result || response->status >= 300)
        transfer_take_back(t);
    give_idle(engine, t);
    trace(engine, request, response, result ? &failure : NULL, started_ms);
    if (result && err)
        *err = failure;
    return result;
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
    int failed = start_thread(engine);
    if (failed) {
        errno = failed;
        err_errno(err, ERR_FAILED, "cannot start the network thread");
        engine->stop = true;
        curl->multi_cleanup(engine->multi);
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
    engine->curl->multi_wakeup(engine->multi); /* under the lock: the thread closes the handle soon after */
    pthread_mutex_unlock(&engine->lock);
    pthread_join(engine->thread, NULL);
    for (struct transfer *next, *t = engine->idle; t; t = next) {
        next = t->next;
        transfer_free(t);
    }
    pthread_mutex_destroy(&engine->lock);
    pthread_mutex_destroy(&engine->trace_lock);
    free(engine->ca_file);
    free(engine);
}
