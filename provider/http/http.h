/*
 * The HTTP engine: one network thread drives libcurl's multi handle, so hundreds of requests are in flight
 * over few connections. A worker blocks in http_send(); a thread that keeps many requests on their way by
 * itself has a queue for them.
 *
 * It moves bytes and reports transport failures; retries, signing and service errors are its callers'
 * business. libcurl is loaded when the first engine is made (it costs milliseconds that `weir version` must
 * not pay).
 */
#pragma once

#include "base/arena.h"
#include "base/buf.h"
#include "base/threads.h"

struct http_engine;

struct http_header {
    struct str name, value;
};

struct http_options {
    struct http_engine *shared; /* its thread and connections are used, and it outlives this one; NULL: own */
    int max_connections;        /* in all; 0: 256 */
    int max_per_host;           /* 0: 64 */
    const char *ca_file;        /* NULL: the system's (AWS_CA_BUNDLE is honoured by provider/aws) */
    int trace; /* -v: request and status lines; 2: headers and bodies too. Secrets are redacted */
    void (*trace_line)(void *ctx, const char *line); /* NULL: stderr */
    void *trace_ctx;
};

struct http_request {
    struct str method, url;
    const struct http_header *headers;
    size_t header_count;
    struct str body; /* sent as it is ... */
    int body_fd;     /* ... or, when body_length > 0, this many bytes of the file from body_offset */
    int64_t body_offset, body_length;
    /* ... or what this gives, of a length that nobody knows: so many bytes, 0 at its end, -1 stops. Called by
     * the network thread, which all requests wait for: it may read from a file, not more. Never sent twice.
     */
    int64_t (*source)(void *ctx, void *bytes, size_t n);
    void *source_ctx;
    bool eager;                 /* a large body follows at once, without waiting for "100 Continue" */
    atomic_int_fast64_t *moved; /* counts the bytes of the file range that are on their way; may be NULL */
    size_t max_response;        /* bytes; 0: 64 MiB */
    int connect_timeout_ms;     /* 0: 10 s */
    int timeout_ms;             /* so slow, or without any byte moved; 0: 60 s */
    int min_rate;               /* bytes a second; 0: 1 */
    int64_t deadline_ms;        /* whole request; 0: none */
    const atomic_bool *cancel;  /* set: give up with ERR_INTERRUPTED; may be NULL */
    bool insecure_ok;           /* plain HTTP to other than loopback is allowed */
    const char *ca_file;        /* NULL: the engine's */
    const char *cert_file, *key_file; /* what this side shows of itself over TLS; NULL: nothing */
    const char *unix_socket;          /* connects there, whatever host the URL has; NULL: to that */
    int local_port;    /* likewise: a port of this machine that leads to the URL's host; 0: none */
    bool discard_body; /* HEAD */
    /* A plain read: where a kept connection dies under it, libcurl may send it again by itself. Of all others
     * the caller is told (err->lost). */
    bool repeatable;
    bool precious;    /* connections that were idle for long, which may die, are left alone */
    bool sensitive;   /* bodies hold secrets: -vv does not show them */
    struct str label; /* for the trace: "iam.CreateRole" says more than POST / */
    int attempt;      /* likewise; 0 and 1: the first */
    /* Takes a 2xx body instead of response->body; -1 stops. Called by the network thread, which all requests
     * wait for: it may write to a file, not more. */
    int (*sink)(void *ctx, const void *bytes, size_t n);
    void *sink_ctx;
};

struct http_response {
    int status;
    struct http_header *headers; /* in the arena; names as sent */
    size_t header_count;
    struct str body;
};

int http_engine_new(const struct http_options *options, struct http_engine **out, struct err *err);
void http_engine_free(struct http_engine *engine);
/*
 * Blocks. -1 with ERR_NETWORK (no usable answer), ERR_TIMEOUT, ERR_INTERRUPTED. `lost` says whether the
 * request may have been processed all the same; `retryable` is its contrary where nothing left this machine:
 * name not resolved, connection refused. Any HTTP status is success here.
 */
int http_send(struct http_engine *engine, const struct http_request *request, struct arena *arena,
    struct http_response *response, struct err *err);
struct str http_header_get(const struct http_response *response, const char *name); /* "" when absent */

/*
 * Many requests of one thread: http_queue_init(); http_queue_add() and http_queue_next() as they come;
 * http_queue_release() when nothing is on its way any more. All by the same thread.
 */
struct http_exchange {
    const struct http_request *request; /* these two: the caller's, until it is over */
    struct arena *arena;
    void *owner; /* what the caller knows it by */
    int result;  /* this and the rest: as from http_send() */
    struct http_response response;
    struct err err;
    int64_t started_ms; /* the engine's */
};

struct http_queue {
    struct http_engine *engine;
    size_t pending;                     /* added, and not yet brought back */
    struct transfer *outgoing, *landed; /* not handed over yet; brought back */
    size_t outgoing_count;
    pthread_mutex_t lock; /* guards what follows */
    pthread_cond_t arrived;
    struct transfer *over, **over_end;
};

void http_queue_init(struct http_queue *queue, struct http_engine *engine);
void http_queue_release(struct http_queue *queue);
/* Sends it soon: at the latest when http_queue_next() has nothing to bring back. */
void http_queue_add(struct http_queue *queue, struct http_exchange *exchange);
/* Waits until one is over, so long at most (-1: as long as it takes). NULL: none is, or none was on its way.
 */
struct http_exchange *http_queue_next(struct http_queue *queue, int64_t timeout_ms);

/*
 * `gate` is asked before every request; what it refuses is not sent. For a run that must not change anything
 * once it has lost the lock of its state. Set before other threads use the engine.
 */
void http_engine_gate(struct http_engine *engine, int (*gate)(void *ctx, struct err *err), void *ctx);
uint64_t http_engine_requests(const struct http_engine *engine);
