/*
 * The network thread, and the stack of idle transfers. Only this thread uses the multi handle: it takes
 * transfers from `incoming` and puts finished ones on their queues.
 */
#include "provider/http/transfer.h"

#include "base/file.h"
#include "base/mem.h"
#include "base/system.h"

#include <assert.h>
#include <errno.h>
#include <signal.h>
#include <stdlib.h>

/* ---- The event loop of libcurl's multi handle ---- */

static int on_socket(CURL *easy UNUSED, curl_socket_t fd, int what, void *ctx, void *unused UNUSED)
{
    struct loop *loop = ctx;
    int events = (what & CURL_POLL_IN ? POLLIN : 0) | (what & CURL_POLL_OUT ? POLLOUT : 0);
    system_poller_set(loop->poller, fd, (short)events); /* neither flag: CURL_POLL_REMOVE */
    return 0;
}

/* Real time for libcurl, independent of the tests' clock. */
static int64_t now_ms(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

static int on_timer(CURLM *multi UNUSED, long timeout_ms, void *ctx)
{
    struct loop *loop = ctx;
    loop->due_ms = timeout_ms < 0 ? -1 : now_ms() + timeout_ms;
    return 0;
}

static int loop_init(struct loop *loop, const struct curl_api *curl, CURLM *multi, struct err *err)
{
    *loop = (struct loop){.curl = curl, .multi = multi, .due_ms = -1};
    loop->poller = system_poller_new();
    loop->wake = system_wake_new();
    if (loop->poller < 0 || loop->wake < 0 || system_poller_set(loop->poller, loop->wake, POLLIN))
        return err_errno(err, ERR_FAILED, "cannot wait for the network");
    curl->multi_setopt(multi, CURLMOPT_SOCKETFUNCTION, on_socket);
    curl->multi_setopt(multi, CURLMOPT_SOCKETDATA, loop);
    curl->multi_setopt(multi, CURLMOPT_TIMERFUNCTION, on_timer);
    curl->multi_setopt(multi, CURLMOPT_TIMERDATA, loop);
    return 0;
}

static void loop_release(struct loop *loop)
{
    fd_close_ptr(&loop->poller);
    fd_close_ptr(&loop->wake);
}

static void loop_wake(struct loop *loop)
{
    system_wake(loop->wake);
}

static void act(struct loop *loop, curl_socket_t fd, int flags)
{
    int running;
    CURLMcode code = loop->curl->multi_socket_action(loop->multi, fd, flags, &running);
    assert(code == CURLM_OK);
    (void)code;
}

static int flags_of(short events)
{
    return (events & POLLIN ? CURL_CSELECT_IN : 0) | (events & POLLOUT ? CURL_CSELECT_OUT : 0) |
           (events & POLLERR ? CURL_CSELECT_ERR : 0);
}

static void loop_turn(struct loop *loop, int limit_ms)
{
    struct system_event events[SYSTEM_EVENTS];
    if (loop->due_ms >= 0) {
        int64_t left_ms = loop->due_ms - now_ms();
        limit_ms = left_ms < 0 ? 0 : left_ms < limit_ms ? (int)left_ms : limit_ms;
    }
    int n = system_poller_wait(loop->poller, events, SYSTEM_EVENTS, limit_ms);
    for (int i = 0; i < n; i++) {
        if (events[i].fd == loop->wake)
            system_wake_clear(loop->wake);
        else
            act(loop, events[i].fd, flags_of(events[i].events));
    }
    if (loop->due_ms >= 0 && loop->due_ms <= now_ms()) {
        loop->due_ms = -1; /* libcurl sets it again if it needs another timeout */
        act(loop, CURL_SOCKET_TIMEOUT, 0);
    }
}

enum {
    MAX_CONNECTIONS = 256,
    MAX_PER_HOST = 64,
    IDLE_WAIT_MS = 60 * 1000,
    CANCEL_WAIT_MS = 100, /* delay until a set cancel flag is noticed */
};

struct network {
    const struct curl_api *curl;
    CURLM *multi;
    struct loop loop;
    pthread_t thread;

    pthread_mutex_t lock;      /* guards the members below */
    struct transfer *incoming; /* newest first */
    struct transfer *idle;
    bool stop;

    struct transfer *active; /* used by the network thread only */
};

/* ---- the network thread ---- */

static void start_transfer(struct network *network, struct transfer *t)
{
    t->previous = NULL;
    t->next = network->active;
    if (t->next)
        t->next->previous = t;
    network->active = t;
    CURLMcode code = network->curl->multi_add_handle(network->multi, t->easy);
    assert(code == CURLM_OK);
    (void)code;
}

static void finish_transfer(struct network *network, struct transfer *t, CURLcode code)
{
    network->curl->multi_remove_handle(network->multi, t->easy);
    if (t->previous)
        t->previous->next = t->next;
    else
        network->active = t->next;
    if (t->next)
        t->next->previous = t->previous;
    t->code = code;
    t->next = NULL;
    struct http_queue *queue = t->queue;
    AUTO_UNLOCK pthread_mutex_t *held = mutex_hold(&queue->lock);
    *queue->finished_end = t;
    queue->finished_end = &t->next;
    pthread_cond_signal(&queue->arrived);
}

static bool take_incoming(struct network *network)
{
    pthread_mutex_lock(&network->lock);
    struct transfer *list = network->incoming, *ordered = NULL;
    network->incoming = NULL;
    bool stop = network->stop;
    pthread_mutex_unlock(&network->lock);
    while (list) {
        struct transfer *next = list->next;
        list->next = ordered;
        ordered = list;
        list = next;
    }
    while (ordered) {
        struct transfer *next = ordered->next;
        start_transfer(network, ordered);
        ordered = next;
    }
    return stop;
}

static void finish_completed(struct network *network)
{
    int left;
    for (CURLMsg *message; (message = network->curl->multi_info_read(network->multi, &left));) {
        if (message->msg != CURLMSG_DONE)
            continue;
        CURLcode code = message->data.result; /* the message is invalid once the handle is removed */
        char *private = NULL;
        network->curl->easy_getinfo(message->easy_handle, CURLINFO_PRIVATE, &private);
        finish_transfer(network, (struct transfer *)(void *)private, code);
    }
}

/* Ends cancelled transfers; returns how long the thread may wait. */
static int check_cancelled(struct network *network)
{
    int wait_ms = IDLE_WAIT_MS;
    for (struct transfer *next, *t = network->active; t; t = next) {
        next = t->next;
        const atomic_bool *cancel = t->request->cancel;
        if (!cancel)
            continue;
        wait_ms = CANCEL_WAIT_MS;
        if (atomic_load_explicit(cancel, memory_order_relaxed)) {
            t->cancelled = true;
            finish_transfer(network, t, CURLE_ABORTED_BY_CALLBACK);
        }
    }
    return wait_ms;
}

static void *network_main(void *arg)
{
    struct network *network = arg;
    for (;;) {
        bool stop = take_incoming(network);
        if (stop && !network->active)
            break;
        loop_turn(&network->loop, check_cancelled(network));
        finish_completed(network);
    }
    network->curl->multi_cleanup(
        network->multi); /* in this thread, so that TLS shutdown messages raise no SIGPIPE */
    return NULL;
}

/*
 * The thread blocks all signals: they are for the main thread, and OpenSSL would raise SIGPIPE when it writes
 * to a closed connection.
 */
static int start_thread(struct network *network)
{
    sigset_t all, before;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    int failed = pthread_create(&network->thread, NULL, network_main, network);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    return failed;
}

/* ---- for the calling threads ---- */

struct transfer *network_take_idle(struct network *network)
{
    pthread_mutex_lock(&network->lock);
    struct transfer *t = network->idle;
    if (t)
        network->idle = t->next;
    pthread_mutex_unlock(&network->lock);
    return t ? t : transfer_new(network->curl);
}

void network_give_idle(struct network *network, struct transfer *t)
{
    AUTO_UNLOCK pthread_mutex_t *held = mutex_hold(&network->lock);
    t->next = network->idle;
    network->idle = t;
}

void network_send(struct network *network, struct transfer *newest)
{
    struct transfer *oldest = newest;
    while (oldest->next)
        oldest = oldest->next;
    pthread_mutex_lock(&network->lock);
    bool first = !network->incoming;
    oldest->next = network->incoming;
    network->incoming = newest;
    pthread_mutex_unlock(&network->lock);
    if (first) /* otherwise it was already woken up */
        loop_wake(&network->loop);
}

static void network_release(struct network *network)
{
    loop_release(&network->loop);
    for (struct transfer *next, *t = network->idle; t; t = next) {
        next = t->next;
        transfer_free(t);
    }
    pthread_mutex_destroy(&network->lock);
    free(network);
}

int network_new(const struct http_options *options, struct network **out, struct err *err)
{
    const struct curl_api *curl = curl_api(err);
    if (!curl)
        return -1;
    struct network *network = mem_zalloc(sizeof *network);
    network->curl = curl;
    network->multi = curl->multi_init();
    pthread_mutex_init(&network->lock, NULL);
    long total = options->max_connections ? options->max_connections : MAX_CONNECTIONS;
    long per_host = options->max_per_host ? options->max_per_host : MAX_PER_HOST;
    curl->multi_setopt(network->multi, CURLMOPT_MAX_TOTAL_CONNECTIONS, total);
    curl->multi_setopt(network->multi, CURLMOPT_MAXCONNECTS, total);
    curl->multi_setopt(network->multi, CURLMOPT_MAX_HOST_CONNECTIONS, per_host);
    int failed = loop_init(&network->loop, curl, network->multi, err);
    if (!failed && (failed = start_thread(network))) {
        errno = failed;
        err_errno(err, ERR_FAILED, "cannot start the network thread");
    }
    if (failed) {
        curl->multi_cleanup(network->multi);
        network_release(network);
        return -1;
    }
    *out = network;
    return 0;
}

void network_free(struct network *network)
{
    pthread_mutex_lock(&network->lock);
    network->stop = true;
    pthread_mutex_unlock(&network->lock);
    loop_wake(&network->loop);
    pthread_join(network->thread, NULL);
    network_release(network);
}
