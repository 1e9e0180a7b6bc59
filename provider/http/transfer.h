/*
 * One request on its way: a libcurl easy handle with what its callbacks fill. The engine keeps a stack of
 * them, because a handle that was used before remembers TLS tickets and keeps its buffers.
 *
 *     transfer_prepare()   by the thread that asks
 *     … the network thread drives the handle; the callbacks fill head and body …
 *     transfer_collect() or transfer_failure()   by the thread that asked
 *
 * Never touched by two threads at once: the engine hands it over under a lock.
 */
#pragma once

#include "provider/http/http.h"
#include "provider/http/target.h"

#include <curl/curl.h>

/* ---- failure.c: libcurl, loaded when it is first needed. Linking it would cost every command 5 ms of
 * start-up (it pulls in thirty libraries): see base/library.h. */
/* The type-checking macros call the real functions by name. */
#undef curl_easy_setopt
#undef curl_easy_getinfo
#undef curl_multi_setopt

#define CURL_FUNCTIONS(X)                                                                                    \
    X(global_init)                                                                                           \
    X(easy_init)                                                                                             \
    X(easy_cleanup)                                                                                          \
    X(easy_reset)                                                                                            \
    X(easy_setopt)                                                                                           \
    X(easy_getinfo)                                                                                          \
    X(easy_strerror)                                                                                         \
    X(multi_init)                                                                                            \
    X(multi_cleanup)                                                                                         \
    X(multi_setopt)                                                                                          \
    X(multi_add_handle)                                                                                      \
    X(multi_remove_handle)                                                                                   \
    X(multi_socket_action)                                                                                   \
    X(multi_info_read)

struct curl_api {
#define CURL_POINTER(name) __typeof__(curl_##name) *(name);
    CURL_FUNCTIONS(CURL_POINTER)
#undef CURL_POINTER
};

/* NULL with ERR_FAILED where the library is not installed or too old. */
const struct curl_api *curl_api(struct err *err);

/* ---- transfer.c, failure.c ---- */

struct transfer {
    const struct curl_api *curl;
    CURL *easy;
    const struct http_request *request;
    struct http_target target;
    char error[CURL_ERROR_SIZE];
    struct buf head, body;
    int status;
    bool head_ended; /* by its empty line */
    int64_t sent;    /* of the file range */
    int read_errno;  /* reading the file range failed; -1: it is shorter than body_length */
    bool sink_failed, source_failed;
    int begun;     /* how often it went out, or was about to */
    bool repeated; /* libcurl was about to send again what must not be */

    /* The engine's. */
    struct transfer *next, *previous;
    struct http_exchange *exchange;
    struct http_queue *queue;
    bool cancelled;
    CURLcode code;
};

struct transfer *transfer_new(const struct curl_api *curl);
void transfer_free(struct transfer *transfer);
/* What goes to libcurl lives in the arena until the transfer is over. ERR_INVALID for a request that must not
 * be sent (plain HTTP to a far host, a line break in a header). */
int transfer_prepare(struct transfer *transfer, const struct http_request *request, const char *default_ca,
    struct arena *arena, struct err *err);
/* libcurl takes a head that ends in the middle for a whole one. */
void transfer_check_head(struct transfer *transfer);
void transfer_collect(const struct transfer *transfer, struct arena *arena, struct http_response *response);
/* It came to nothing: its bytes no longer count as moved. */
void transfer_take_back(struct transfer *transfer);
/* What transfer->code means (failure.c). Returns -1. */
int transfer_failure(const struct transfer *transfer, struct err *err);

/* ---- network.c: What drives libcurl's multi handle: it waits for all sockets at once and lets libcurl work
 * on those alone on which something happened. curl_multi_perform() would go over all transfers each time that
 * one of them moves, and with dozens under way to a far server that is most of the work.
 *
 *     loop_init()
 *     loop_turn()      again and again, by the one thread that uses the multi handle
 *     loop_wake()      from any thread: ends a turn's waiting
 *     loop_release()   after curl_multi_cleanup(), which speaks to it for the last time
 *
 * loop_release() is also for a loop whose loop_init() has failed. */
struct loop {
    const struct curl_api *curl;
    CURLM *multi;
    int poller, wake;
    int64_t due_ms; /* when libcurl wants to be called without an event; -1: never */
};

/* ---- network.c: The thread that moves all bytes of requests, and its connections, which are kept and
 * used again. Several engines may share one: then the commands of a fleet go over the same connections. */
struct network;
struct transfer;

int network_new(const struct http_options *options, struct network **out, struct err *err);
/* When nothing is on its way any more. */
void network_free(struct network *network);
/* A transfer that nobody uses; a new one where there is none. */
struct transfer *network_take_idle(struct network *network);
void network_give_idle(struct network *network, struct transfer *t);
/* Prepared transfers, a list by `next` with the newest first. Each comes to its queue when it is over. */
void network_send(struct network *network, struct transfer *newest);

/* ---- failure.c: The certificates that this system trusts, for the static program: a distribution's
 * libcurl knows where its distribution keeps them, the one in the static program cannot. */
/* The file, or NULL: libcurl's own way is right. SSL_CERT_FILE and SSL_CERT_DIR have precedence, as in
 * OpenSSL. */
const char *roots_file(void);

/* ---- engine.c: -v and -vv: what went over the wire, one line a request, or with headers and bodies. Called
 * by the worker when its request is over, so the lines of one request stay together. */
struct trace {
    int level;
    void (*line)(void *ctx, const char *line);
    void *ctx;
};
