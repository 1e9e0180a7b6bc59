/*
 * JSON-RPC 2.0 for servers, shared by the language server (cmd/lsp) and the server for assistants (cmd/mcp).
 *
 * Order of calls: rpc_serve() reads all received messages and passes them on one by one; rpc_kind_of()
 * classifies a message; rpc_result() and rpc_fail() respond to a request; rpc_release(). One thread. The
 * queue of unprocessed messages can be searched, since a client cancels requests by later messages.
 */
#pragma once

#include "base/buf.h"
#include "base/err.h"
#include "base/value.h"

/* ---- rpc.c: JSON messages over two descriptors. The Language Server Protocol precedes them with a header
 * that has their length; the Model Context Protocol has one per line. The buffer grows only with received
 * bytes, so a false length allocates nothing. */
struct channel {
    int in, out;
    bool lines;        /* a message is a line; otherwise it has a header */
    size_t max;        /* maximum bytes of a message */
    struct buf read;   /* received bytes */
    size_t at;         /* offset of the next message in them */
    bool failed;       /* writing has failed */
    const char *wrong; /* the reason of CHANNEL_BROKEN */
};

enum channel_found { CHANNEL_MESSAGE, CHANNEL_END, CHANNEL_BROKEN };

/* Blocks until the next message. Its text is valid until the next call. */
enum channel_found channel_next(struct channel *channel, struct str *text);
/* Returns whether received bytes have not been consumed yet. */
bool channel_waiting(const struct channel *channel);
void channel_send(struct channel *channel, struct str text);

/* ---- rpc.c ---- */

/* Error codes of JSON-RPC and both protocols. */
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
    const struct value *json; /* NULL: not valid, err has the reason */
    struct err err;
};

struct rpc {
    struct channel channel;
    struct rpc_message *first, **last; /* the queue; last is NULL before the first message */
    size_t n;
};

enum rpc_kind {
    RPC_REQUEST,
    RPC_NOTIFICATION,
    RPC_RESPONSE, /* a response to the server, which sends no requests */
    RPC_BROKEN,   /* any other message: rpc_kind_of() has responded */
};

/* Blocks, then passes all received messages to `take` until it sets `done`. Returns false at the end; if the
 * client sent something that is not a message, it got an error response and err has it. */
bool rpc_serve(struct rpc *rpc, void (*take)(void *ctx, struct rpc_message *message), void *ctx,
    const bool *done, struct err *err);
/* Blocks until at least one message is queued, and queues all received ones. Returns false at the end of the
 * input, with err if the client sent something that is not a message. */
bool rpc_fill(struct rpc *rpc, struct err *err);
/* Removes and returns the first queued message of that method, which the caller frees; NULL: none. */
struct rpc_message *rpc_take_early(struct rpc *rpc, const char *method);
bool rpc_is_full(const struct rpc *rpc);
/* *id is set for requests, *method for requests and notifications. */
enum rpc_kind rpc_kind_of(
    struct rpc *rpc, const struct rpc_message *message, const struct value **id, struct str *method);
/* Returns whether a queued notification of that method cancels the request; `param` names the member with the
 * id. */
bool rpc_is_cancelled(const struct rpc *rpc, const struct value *id, const char *method, const char *param);
void rpc_message_free(struct rpc_message *message);
void rpc_release(struct rpc *rpc);

/* id NULL: unknown. */
void rpc_fail(struct rpc *rpc, const struct value *id, int code, const char *text);
/* data: JSON; "": none. */
void rpc_fail_with(struct rpc *rpc, const struct value *id, int code, const char *text, struct str data);
void rpc_no_method(struct rpc *rpc, const struct value *id, struct str method);
/* result: JSON; "": null. */
void rpc_result(struct rpc *rpc, const struct value *id, struct str result);
