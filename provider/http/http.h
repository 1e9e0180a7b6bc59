/*
 * The HTTP engine: one network thread drives libcurl's multi handle, so that hundreds of requests use few
 * connections. A worker thread blocks in http_send(); a thread that runs many requests itself uses a queue.
 *
 * The engine transfers bytes and reports transport errors. Retries, signing and service errors are up to its
 * callers. libcurl is loaded when the first engine is made, since loading takes milliseconds that `weir
 * version` should not spend.
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
    struct http_engine *shared; /* use the network thread and connections of this engine, which outlives the
                                   new one; NULL: its own */
    int max_connections;        /* in total; 0: 256 */
    int max_per_host;           /* 0: 64 */
    const char *ca_file;        /* NULL: the system's (AWS_CA_BUNDLE is honoured by provider/aws) */
    int trace; /* 1: request and status lines (-v); 2: headers and bodies too. Secrets are redacted */
    void (*trace_line)(void *ctx, const char *line); /* NULL: stderr */
    void *trace_ctx;
};

struct http_request {
    struct str method, url;
    const struct http_header *headers;
    size_t header_count;
    struct str body; /* the body ... */
    int body_fd;     /* ... or, if body_length > 0, this many bytes of the file from body_offset */
    int64_t body_offset, body_length;
    /* ... or what this callback returns, for a body of unknown length: the number of bytes, 0 at the end, -1
     * to abort. Called on the network thread, which all requests share: it may read from a file, but not
     * wait. Never sent twice. */
    int64_t (*source)(void *ctx, void *bytes, size_t n);
    void *source_ctx;
    bool eager;                 /* send a large body at once, without waiting for "100 Continue" */
    atomic_int_fast64_t *moved; /* counts the bytes of the file range passed to the network; may be NULL */
    size_t max_response;        /* limit in bytes; 0: 64 MiB */
    int connect_timeout_ms;     /* 0: 10 s */
    int timeout_ms;             /* time without progress; 0: 60 s */
    int min_rate;               /* bytes per second; 0: 1 */
    int64_t deadline_ms;        /* for the whole request; 0: none */
    const atomic_bool *cancel;  /* set: stop with ERR_INTERRUPTED; may be NULL */
    bool insecure_ok;           /* plain HTTP is allowed to other hosts than loopback */
    const char *ca_file;        /* NULL: the engine's */
    const char *cert_file, *key_file; /* client certificate and its key; may be NULL */
    const char *unix_socket;          /* connect to this socket, whatever the URL's host; NULL: to the host */
    int local_port;    /* connect to this loopback port, which leads to the URL's host; 0: to the host */
    bool discard_body; /* for HEAD */
    /* The request only reads: libcurl may send it again itself if a kept connection breaks. For other
     * requests the error tells the caller (err->lost). */
    bool repeatable;
    bool fresh_connection; /* do not reuse connections that were idle for long and may be broken */
    bool sensitive;        /* bodies contain secrets: -vv does not show them */
    struct str label;      /* for the trace: "iam.CreateRole" instead of only POST / */
    int attempt;           /* for the trace; 0 and 1: the first */
    /* Receives a 2xx body instead of response->body; returns -1 to abort. Called on the network thread, which
     * all requests share: it may write to a file, but not wait. */
    int (*sink)(void *ctx, const void *bytes, size_t n);
    void *sink_ctx;
};

struct http_response {
    int status;
    struct http_header *headers; /* allocated in the arena; names as received */
    size_t header_count;
    struct str body;
};

int http_engine_new(const struct http_options *options, struct http_engine **out, struct err *err);
void http_engine_free(struct http_engine *engine);
/*
 * Blocks. Returns -1 with ERR_NETWORK (no usable response), ERR_TIMEOUT or ERR_INTERRUPTED. err->lost: the
 * request may have been executed nevertheless. err->retryable: nothing was sent, because the name was not
 * resolved or the connection was refused. Any HTTP status is success here.
 */
int http_send(struct http_engine *engine, const struct http_request *request, struct arena *arena,
    struct http_response *response, struct err *err);
struct str http_header_get(const struct http_response *response, const char *name); /* "" if absent */

/*
 * Several requests of one thread: http_queue_init(); http_queue_add() and http_queue_next() in any order;
 * http_queue_release() when all requests are finished. All from the same thread.
 */
struct http_exchange {
    const struct http_request *request; /* `request` and `arena` belong to the caller and have to be valid
                                           until the request is finished */
    struct arena *arena;
    void *owner; /* the caller's own data */
    int result;  /* from here on: results as of http_send() */
    struct http_response response;
    struct err err;
    int64_t started_ms; /* used by the engine */
};

struct http_queue {
    struct http_engine *engine;
    size_t pending;                     /* number of requests added and not yet returned */
    struct transfer *outgoing, *landed; /* not yet passed on; finished */
    size_t outgoing_count;
    pthread_mutex_t lock; /* guards the members below */
    pthread_cond_t arrived;
    struct transfer *finished, **finished_end;
};

void http_queue_init(struct http_queue *queue, struct http_engine *engine);
void http_queue_release(struct http_queue *queue);
/* Adds a request. It is sent at the latest when http_queue_next() has to wait. */
void http_queue_add(struct http_queue *queue, struct http_exchange *exchange);
/* Returns the next finished request; waits at most so long (-1: no limit). Returns NULL on timeout or if no
 * request is running. */
struct http_exchange *http_queue_next(struct http_queue *queue, int64_t timeout_ms);

/*
 * `gate` is called before every request, which is not sent if it returns -1. For a run that must not change
 * anything after it has lost the state's lock. Set before other threads use the engine.
 */
void http_engine_gate(struct http_engine *engine, int (*gate)(void *ctx, struct err *err), void *ctx);
uint64_t http_engine_requests(const struct http_engine *engine);
