/* JSON-RPC 2.0 for servers: see rpc.h. */
#include "cmd/rpc/rpc.h"

#include "base/file.h"
#include "base/json.h"
#include "base/mem.h"

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <unistd.h>

/* ---- messages over two descriptors ---- */

enum { HEADER_MAX = 4096 };

static struct str unread(const struct channel *channel)
{
    return str_slice(buf_str(&channel->read), channel->at, channel->read.n);
}

/* Returns false at the end of the input. */
static bool read_more(struct channel *channel)
{
    char piece[65536];
    ssize_t n;
    while ((n = read(channel->in, piece, sizeof piece)) < 0 && errno == EINTR)
        continue;
    if (n > 0)
        buf_add(&channel->read, piece, (size_t)n);
    return n > 0;
}

/* Discards consumed bytes, only if they are at least half of the buffer, so that not every message moves the
 * rest. */
static void drop_read(struct channel *channel)
{
    struct buf *buf = &channel->read;
    if (!channel->at || channel->at < buf->n / 2)
        return;
    memmove(buf->p, buf->p + channel->at, buf->n - channel->at);
    buf->n -= channel->at;
    channel->at = 0;
}

static bool read_length(struct str header, size_t max, size_t *length)
{
    bool found = false;
    while (header.n) {
        struct str value, name = str_cut(str_trim(str_cut(header, '\n', &header)), ':', &value);
        int64_t n;
        if (!str_ieq(str_trim(name), STR("Content-Length")))
            continue;
        if (found || !str_to_int(str_trim(value), &n) || n < 0 || (uint64_t)n > max)
            return false;
        *length = (size_t)n;
        found = true;
    }
    return found;
}

/* Returns the end of the header after its empty line; 0: not received yet. */
static size_t header_end(struct str text)
{
    ptrdiff_t at = str_find(text, STR("\r\n\r\n"), 0);
    return at < 0 ? 0 : (size_t)at + 4;
}

/* Blank lines between messages are skipped. */
static enum channel_found next_line(struct channel *channel, struct str *text)
{
    size_t seen = 0;
    for (;;) {
        struct str all = unread(channel);
        ptrdiff_t end = str_find_char(all, '\n', seen);
        channel->wrong = "a message is too long";
        if ((end < 0 ? all.n : (size_t)end) > channel->max)
            return CHANNEL_BROKEN;
        if (end >= 0) {
            *text = str_trim(str_slice(all, 0, (size_t)end));
            channel->at += (size_t)end + 1;
            seen = 0;
            if (text->n)
                return CHANNEL_MESSAGE;
            continue;
        }
        seen = all.n;
        channel->wrong = "a message has no end";
        if (!read_more(channel))
            return all.n ? CHANNEL_BROKEN : CHANNEL_END;
    }
}

static enum channel_found next_with_header(struct channel *channel, struct str *text)
{
    size_t header, length = 0;
    while (!(header = header_end(unread(channel)))) {
        channel->wrong = "a header has no end";
        if (unread(channel).n > HEADER_MAX)
            return CHANNEL_BROKEN;
        bool whole = !unread(channel).n;
        if (!read_more(channel))
            return whole ? CHANNEL_END : CHANNEL_BROKEN;
    }
    channel->wrong = "a header has no Content-Length that could be read";
    if (!read_length(str_slice(unread(channel), 0, header), channel->max, &length))
        return CHANNEL_BROKEN;
    channel->wrong = "a message ends too early";
    while (unread(channel).n < header + length)
        if (!read_more(channel))
            return CHANNEL_BROKEN;
    *text = str_slice(unread(channel), header, header + length);
    channel->at += header + length;
    return CHANNEL_MESSAGE;
}

enum channel_found channel_next(struct channel *channel, struct str *text)
{
    drop_read(channel);
    return channel->lines ? next_line(channel, text) : next_with_header(channel, text);
}

bool channel_waiting(const struct channel *channel)
{
    struct pollfd in = {.fd = channel->in, .events = POLLIN};
    return unread(channel).n || (poll(&in, 1, 0) > 0 && (in.revents & POLLIN));
}

void channel_send(struct channel *channel, struct str text)
{
    AUTO_BUF struct buf out = BUF_INIT;
    if (!channel->lines)
        buf_addf(&out, "Content-Length: %zu\r\n\r\n", text.n);
    buf_add_str(&out, text);
    if (channel->lines)
        buf_add_char(&out, '\n');
    if (fd_write_all(channel->out, out.p, out.n, ERR_IGNORED, "the client"))
        channel->failed = true;
}

enum { QUEUE_MAX = 1000 }; /* maximum number of unprocessed messages */

/* ---- responses ---- */

void rpc_fail(struct rpc *rpc, const struct value *id, int code, const char *text)
{
    rpc_fail_with(rpc, id, code, text, STR_EMPTY);
}

void rpc_fail_with(struct rpc *rpc, const struct value *id, int code, const char *text, struct str data)
{
    AUTO_BUF struct buf out = BUF_INIT;
    buf_addz(&out, "{\"jsonrpc\":\"2.0\",\"id\":");
    json_write(&out, id ? id : &value_null, JSON_PLAIN);
    buf_addf(&out, ",\"error\":{\"code\":%d", code);
    json_write_member(&out, "message", str_z(text));
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
    buf_addf(&out, ",\"result\":%.*s}", STR_ARG(result.n ? result : STR("null")));
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
            err_set(err, ERR_PROTOCOL, "the client sent an invalid message: %s", rpc->channel.wrong);
            return false;
        }
    } while (!rpc_is_full(rpc) && channel_waiting(&rpc->channel));
    return true;
}

/* Returns NULL if the queue is empty. */
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
    buf_release(&rpc->channel.read);
}
