/*
 * One request: a libcurl easy handle and the data that its callbacks fill. The engine keeps a stack of used
 * handles, because these keep TLS tickets and buffers.
 *
 *     transfer_prepare()   by the calling thread
 *     … the network thread drives the handle; the callbacks fill head and body …
 *     transfer_collect() or transfer_failure()   by the calling thread
 *
 * Used by one thread at a time: the engine passes it on under a lock.
 */
#pragma once

#include "provider/http/http.h"
#include "provider/http/target.h"

#include <curl/curl.h>

/* ---- failure.c: libcurl, loaded at its first use. Linking it would cost every command 5 ms at start (it
 * loads thirty libraries): see base/library.h. */
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

/* Returns NULL with ERR_FAILED if the library is not installed or too old. */
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
    bool head_ended; /* the empty line was received */
    int64_t sent;    /* bytes of the file range */
    int read_errno;  /* errno of reading the file range; -1: the file is shorter than body_length */
    bool sink_failed, source_failed;
    int begun;     /* how often it was sent or about to be sent */
    bool repeated; /* libcurl was about to repeat a request that must not be repeated */

    /* Used by the engine. */
    struct transfer *next, *previous;
    struct http_exchange *exchange;
    struct http_queue *queue;
    bool cancelled;
    CURLcode code;
};

struct transfer *transfer_new(const struct curl_api *curl);
void transfer_free(struct transfer *transfer);
/* Data for libcurl is allocated in the arena, which has to be valid until the transfer is finished. Fails
 * with ERR_INVALID for a request that must not be sent (plain HTTP to another host, a line break in a
 * header). */
int transfer_prepare(struct transfer *transfer, const struct http_request *request, const char *default_ca,
    struct arena *arena, struct err *err);
/* Fails a response with truncated headers, which libcurl accepts. */
void transfer_check_head(struct transfer *transfer);
void transfer_collect(const struct transfer *transfer, struct arena *arena, struct http_response *response);
/* Subtracts a failed transfer's bytes from the moved bytes. */
void transfer_take_back(struct transfer *transfer);
/* Explains transfer->code (failure.c). Returns -1. */
int transfer_failure(const struct transfer *transfer, struct err *err);

/* ---- network.c: The event loop of libcurl's multi handle: it waits for all sockets and calls libcurl only
 * for those with events. curl_multi_perform() would go through all transfers at each event, which is most of
 * the work with dozens of transfers to a distant server.
 *
 *     loop_init()      ERR_FAILED if the process has no file descriptors left
 *     loop_turn()      repeatedly, from the one thread that uses the multi handle
 *     loop_wake()      from any thread: ends the waiting of loop_turn()
 *     loop_release()   after curl_multi_cleanup(), which uses the loop for the last time
 *
 * loop_release() is also called after a failed loop_init(). */
struct loop {
    const struct curl_api *curl;
    CURLM *multi;
    int poller, wake;
    int64_t due_ms; /* when libcurl has to be called without an event; -1: never */
};

/* ---- network.c: The thread that transfers the data of all requests, with its connections, which are kept
 * and reused. Several engines may share one: the commands of a fleet then share connections. */
struct network;
struct transfer;

int network_new(const struct http_options *options, struct network **out, struct err *err);
/* Called when no transfer is running any more. */
void network_free(struct network *network);
/* Returns an idle transfer, or a new one if there is none. */
struct transfer *network_take_idle(struct network *network);
void network_give_idle(struct network *network, struct transfer *t);
/* Sends prepared transfers, a list linked by `next` with the newest first. Each is put on its queue when it
 * is finished. */
void network_send(struct network *network, struct transfer *newest);

/* ---- failure.c: The system's CA certificates, for the static program: a distribution's libcurl knows their
 * path, the static one does not. */
/* Returns the file, or NULL for libcurl's default. SSL_CERT_FILE and SSL_CERT_DIR take precedence, as in
 * OpenSSL. */
const char *roots_file(void);

/* ---- engine.c: -v and -vv: traces requests, one line each, or with headers and bodies. Called by the worker
 * thread after its request, so that the lines of one request stay together. */
struct trace {
    int level;
    void (*line)(void *ctx, const char *line);
    void *ctx;
};
