/* JSON-RPC 2.0 for servers: see rpc.h. */
#include "cmd/rpc/rpc.h"

#include "base/json.h"
#include "base/mem.h"

#include <stdlib.h>

enum { QUEUE_MAX = 1000 }; /* messages that are read before the first of them is answered */

/* ---- answers ---- */

void rpc_fail(struct rpc *rpc, const struct value *id, int code, const char *text)
{
    rpc_fail_with(rpc, id, code, text, STR_EMPTY);
}

void rpc_fail_with(struct rpc *rpc, const struct value *id, int code, const char *text, struct str data)
{
    AUTO_BUF struct buf out = BUF_INIT;
    buf_addz(&out, "{\"jsonrpc\":\"2.0\",\"id\":");
    json_write(&out, id ? id : &value_null, JSON_PLAIN);
    buf_addf(&out, ",\"error\":{\"code\":%d,\"message\":", code);
    json_write_string(&out, str_z(text));
    if (data.n)
        buf_addf(&out, ",\"data\":%.*s", STR_ARG(data));
    buf_addz(&out, "}}");
    channel_send(&rpc->channel, buf_str(&out));
}

void rpc_no_method(struct rpc *rpc, const struct value *id, struct str method)
{
    AUTO_ARENA struct arena scratch = ARENA_INIT;
    struct str text = arena_printf(&scratch, "there is no method \"%.*s\"", STR_ARG(method));
    rpc_fail(rpc, id, RPC_NO_METHOD, text.p);
}

void rpc_result(struct rpc *rpc, const struct value *id, struct str result)
{
    AUTO_BUF struct buf out = BUF_INIT;
    buf_addz(&out, "{\"jsonrpc\":\"2.0\",\"id\":");
    json_write(&out, id, JSON_PLAIN);
    buf_addz(&out, ",\"result\":");
    buf_add_str(&out, result.n ? result : STR("null"));
    buf_add_char(&out, '}');
    channel_send(&rpc->channel, buf_str(&out));
}

/* ---- messages ---- */

enum rpc_kind rpc_kind_of(
    struct rpc *rpc, const struct rpc_message *message, const struct value **id, struct str *method)
{
    const struct value *name = value_getz(message->json, "method"), *given = value_getz(message->json, "id");
    bool request = given && (given->kind == VALUE_STRING || given->kind == VALUE_INT);
    if (!message->json) {
        rpc_fail(rpc, NULL, RPC_PARSE, message->err.message);
        return RPC_BROKEN;
    }
    if (!name && (value_getz(message->json, "result") || value_getz(message->json, "error")))
        return RPC_RESPONSE;
    if (!name || name->kind != VALUE_STRING || (given && !request)) {
        rpc_fail(rpc, request ? given : NULL, RPC_INVALID, "this is neither a request nor a notification");
        return RPC_BROKEN;
    }
    *id = given;
    *method = name->string;
    return request ? RPC_REQUEST : RPC_NOTIFICATION;
}

bool rpc_is_cancelled(const struct rpc *rpc, const struct value *id, const char *method, const char *param)
{
    for (const struct rpc_message *m = rpc->first; m; m = m->next)
        if (str_eqz(value_gets(m->json, "method"), method) &&
            value_equal(value_getz(value_getz(m->json, "params"), param), id))
            return true;
    return false;
}

void rpc_message_free(struct rpc_message *message)
{
    arena_release(&message->arena);
    free(message);
}

static void queue_text(struct rpc *rpc, struct str text)
{
    struct rpc_message *message = mem_zalloc(sizeof *message);
    if (json_parse(&message->arena, text, &message->json, &message->err))
        message->json = NULL;
    if (!rpc->first)
        rpc->last = &rpc->first;
    *rpc->last = message;
    rpc->last = &message->next;
    rpc->n++;
}

bool rpc_is_full(const struct rpc *rpc)
{
    return rpc->n >= QUEUE_MAX;
}

bool rpc_fill(struct rpc *rpc, struct err *err)
{
    do {
        struct str text;
        switch (channel_next(&rpc->channel, &text)) {
        case CHANNEL_MESSAGE: queue_text(rpc, text); break;
        case CHANNEL_END: return false;
        case CHANNEL_BROKEN:
            err_set(err, ERR_PROTOCOL, "the client sent what is not a message: %s", rpc->channel.wrong);
            return false;
        }
    } while (!rpc_is_full(rpc) && channel_waiting(&rpc->channel));
    return true;
}

/* NULL: the queue is empty. */
static struct rpc_message *rpc_take(struct rpc *rpc)
{
    struct rpc_message *message = rpc->first;
    if (!message)
        return NULL;
    rpc->first = message->next;
    rpc->n--;
    return message;
}

struct rpc_message *rpc_take_early(struct rpc *rpc, const char *method)
{
    for (struct rpc_message **at = &rpc->first, *m; (m = *at); at = &m->next) {
        if (!str_eqz(value_gets(m->json, "method"), method))
            continue;
        *at = m->next;
        if (rpc->last == &m->next)
            rpc->last = at;
        rpc->n--;
        return m;
    }
    return NULL;
}

bool rpc_serve(struct rpc *rpc, void (*take)(void *ctx, struct rpc_message *message), void *ctx,
    const bool *done, struct err *err)
{
    bool more = rpc_fill(rpc, err);
    for (struct rpc_message *message; (message = rpc_take(rpc)); rpc_message_free(message))
        if (!*done)
            take(ctx, message);
    if (err->class != ERR_NONE && !*done)
        rpc_fail(rpc, NULL, RPC_PARSE, rpc->channel.wrong);
    return more && !*done && !rpc->channel.failed;
}

void rpc_release(struct rpc *rpc)
{
    for (struct rpc_message *message; (message = rpc_take(rpc));)
        rpc_message_free(message);
    channel_release(&rpc->channel);
}
