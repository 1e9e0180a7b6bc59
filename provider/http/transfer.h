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

#include "provider/http/curl_api.h"
#include "provider/http/http.h"
#include "provider/http/target.h"

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
