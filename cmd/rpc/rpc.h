/*
 * JSON-RPC 2.0 for servers: what the language server (cmd/lsp) and the server for assistants (cmd/mcp) share.
 *
 * Order of calls: rpc_serve() reads all that has come and hands it out one at a time, rpc_kind_of() says what
 * it is; rpc_result() and rpc_fail() answer a request; rpc_release(). One thread. What is still in the queue
 * can be looked at: a client takes requests back in messages of their own.
 */
#pragma once

#include "base/buf.h"
#include "base/err.h"
#include "base/value.h"

/* ---- rpc.c: JSON texts over two descriptors, each with its end. The language server protocol puts a
 * header with their length and an empty line before them; the Model Context Protocol has one a line. What
 * comes is kept only as far as it has come, so that a length that somebody makes up costs nothing. */
struct channel {
    int in, out;
    bool lines;        /* a message is a line; otherwise it has a header */
    size_t max;        /* bytes of one message */
    struct buf read;   /* what has come */
    size_t at;         /* of it, where the next message begins */
    bool failed;       /* what was written did not arrive */
    const char *wrong; /* why channel_next() found CHANNEL_BROKEN */
};

enum channel_found { CHANNEL_MESSAGE, CHANNEL_END, CHANNEL_BROKEN };

/* Waits for the next message. Its text is valid until the next call. */
enum channel_found channel_next(struct channel *channel, struct str *text);
/* Has something come that was not handed out yet? */
bool channel_waiting(const struct channel *channel);
void channel_send(struct channel *channel, struct str text);

/* ---- rpc.c ---- */

/* As JSON-RPC and the two protocols number what cannot be answered. */
enum rpc_code {
    RPC_PARSE = -32700,
    RPC_INVALID = -32600,
    RPC_NO_METHOD = -32601,
    RPC_INVALID_PARAMS = -32602,
    RPC_INTERNAL = -32603,
    RPC_NOT_INITIALIZED = -32002,
    RPC_FAILED = -32803,
    RPC_CANCELLED = -32800,
};

struct rpc_message {
    struct rpc_message *next;
    struct arena arena;
    const struct value *json; /* NULL: it is none, and err says why */
    struct err err;
};

struct rpc {
    struct channel channel;
    struct rpc_message *first, **last; /* the queue; last: NULL before anything came */
    size_t n;
};

enum rpc_kind {
    RPC_REQUEST,
    RPC_NOTIFICATION,
    RPC_RESPONSE, /* to a question of ours: there are none */
    RPC_BROKEN,   /* anything else: rpc_kind_of() has answered */
};

/* Waits, and gives all that has come to `take`, until that sets `done`. False: it was the last; a client that
 * sent what is not a message has been answered, and err says it. */
bool rpc_serve(struct rpc *rpc, void (*take)(void *ctx, struct rpc_message *message), void *ctx,
    const bool *done, struct err *err);
/* Puts all that has come, and at least one message, into the queue. False: nothing more will come; with err
 * where the client sent what is no message. */
bool rpc_fill(struct rpc *rpc, struct err *err);
/* The first one of that method, out of its turn, which is the caller's; NULL: none waits. */
struct rpc_message *rpc_take_early(struct rpc *rpc, const char *method);
bool rpc_is_full(const struct rpc *rpc);
/* *id is set of requests, *method of requests and notifications. */
enum rpc_kind rpc_kind_of(
    struct rpc *rpc, const struct rpc_message *message, const struct value **id, struct str *method);
/* Has the client taken a request back, in what waits in the queue, by a notification of that name? `param`:
 * where it has the id. */
bool rpc_is_cancelled(const struct rpc *rpc, const struct value *id, const char *method, const char *param);
void rpc_message_free(struct rpc_message *message);
void rpc_release(struct rpc *rpc);

/* id NULL: it is not known. */
void rpc_fail(struct rpc *rpc, const struct value *id, int code, const char *text);
/* data: JSON; "" there is none. */
void rpc_fail_with(struct rpc *rpc, const struct value *id, int code, const char *text, struct str data);
void rpc_no_method(struct rpc *rpc, const struct value *id, struct str method);
/* result: JSON; "" is null. */
void rpc_result(struct rpc *rpc, const struct value *id, struct str result);
