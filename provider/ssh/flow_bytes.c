/* A flow's bytes: from a descriptor or memory into the channel, and back, each only as fast as it is taken.
 */
#include "base/mem.h"
#include "provider/ssh/session.h"

#include <errno.h>
#include <sys/socket.h>
#include <unistd.h>

enum { CHUNK = 128 * 1024 };

static ssize_t flow_take(const struct flow *flow, void *bytes, size_t n)
{
    return flow->kind == FLOW_SHELL ? read(flow->in, bytes, n) : recv(flow->in, bytes, n, MSG_DONTWAIT);
}

static ssize_t give(const struct flow *flow, int fd, const void *bytes, size_t n)
{
    return flow->kind == FLOW_SHELL ? write(fd, bytes, n) : send(fd, bytes, n, MSG_DONTWAIT | MSG_NOSIGNAL);
}

static bool is_again(void)
{
    return errno == EAGAIN || errno == EWOULDBLOCK || errno == EINTR;
}

/* The next bytes for the channel; none: n is 0. False: the local side broke. */
static bool next_bytes(struct flow *flow, size_t room, struct str *out)
{
    *out = STR_EMPTY;
    if (flow->in < 0) {
        while (flow->part < flow->input_count && flow->offset == flow->input[flow->part].n) {
            flow->part++;
            flow->offset = 0;
        }
        if (flow->part < flow->input_count)
            *out = str_slice(flow->input[flow->part], flow->offset, flow->input[flow->part].n);
        else
            flow->in_ended = true;
    } else if (flow->held.from < flow->held.to) {
        *out = str_n(flow->held.bytes + flow->held.from, flow->held.to - flow->held.from);
    } else if (flow->in_ready) {
        if (!flow->held.bytes)
            flow->held.bytes = mem_alloc(CHUNK);
        ssize_t n = flow_take(flow, flow->held.bytes, room < CHUNK ? room : CHUNK);
        if (n <= 0 || flow->kind == FLOW_SHELL)
            flow->in_ready = false;
        if (n < 0 && !is_again())
            return false;
        if (n == 0)
            flow->in_ended = true;
        flow->held.from = 0;
        flow->held.to = n > 0 ? (size_t)n : 0;
        flow->moved |= n >= 0;
        *out = str_n(flow->held.bytes, flow->held.to);
    }
    if (out->n > room)
        out->n = room;
    return true;
}

static void took(struct flow *flow, size_t n)
{
    if (flow->in < 0)
        flow->offset += n;
    else
        flow->held.from += n;
}

/* From here to the channel. False: the local side broke. */
static bool feed(struct flow *flow, const struct ssh_api *api, ssh_session session)
{
    for (int turn = 0; !flow->in_ended && turn < 16; turn++) {
        struct str bytes;
        size_t room = api->channel_window_size(flow->channel);
        if (!room || (api->get_status(session) & SSH_WRITE_PENDING))
            return true;
        if (!next_bytes(flow, room < CHUNK ? room : CHUNK, &bytes))
            return false;
        if (!bytes.n)
            break;
        int n = api->channel_write(flow->channel, bytes.p, (uint32_t)bytes.n);
        if (n < 0)
            return true; /* the session says what is wrong */
        took(flow, (size_t)n);
        wire_stir(flow->wire);
    }
    if (flow->in_ended && !flow->eof_sent) {
        api->channel_send_eof(flow->channel);
        flow->eof_sent = true;
    }
    return true;
}

/* What was read and not taken by the descriptor. False: the local side broke. */
static bool flush(struct flow *flow, int which)
{
    struct half *spill = &flow->spill[which];
    int fd = which ? flow->error : flow->out;
    while (spill->from < spill->to && !flow->full[which]) {
        ssize_t n = give(flow, fd, spill->bytes + spill->from, spill->to - spill->from);
        if (n < 0 && !is_again())
            return false;
        if (n < 0)
            flow->full[which] = true;
        else
            spill->from += (size_t)n;
        flow->moved = true;
    }
    return true;
}

/* From the channel to here. False: the local side broke. */
static bool drain(struct flow *flow, const struct ssh_api *api, int which)
{
    struct half *spill = &flow->spill[which];
    int fd = which ? flow->error : flow->out;
    for (int turn = 0; turn < 16; turn++) {
        if (fd >= 0 && !flush(flow, which))
            return false;
        if (spill->from < spill->to || !flow->ready[which])
            return true;
        if (!spill->bytes)
            spill->bytes = mem_alloc(CHUNK);
        int n = api->channel_read_nonblocking(flow->channel, spill->bytes, CHUNK, which);
        if (n < CHUNK)
            flow->ready[which] = false;
        spill->from = 0;
        spill->to = n > 0 ? (size_t)n : 0;
        if (fd < 0) {
            buf_add(&flow->output[which], spill->bytes, spill->to);
            spill->to = 0;
        }
        if (n > 0)
            wire_stir(flow->wire);
    }
    return true;
}

static bool is_drained(const struct flow *flow)
{
    for (int i = 0; i < 2; i++)
        if (flow->ready[i] || flow->spill[i].from < flow->spill[i].to)
            return false;
    return true;
}

/* The terminal's size has changed. */
static void resize(struct flow *flow, const struct ssh_api *api)
{
    int columns = 0, rows = 0;
    if (!flow->terminal || !flow->terminal->pty || !flow->terminal->resized ||
        !atomic_exchange(flow->terminal->resized, false))
        return;
    flow->terminal->size(&columns, &rows);
    api->channel_change_pty_size(flow->channel, columns, rows);
}

/* False: both directions have ended. */
static bool runs_on(struct flow *flow)
{
    bool joint = flow->kind == FLOW_TCP || flow->kind == FLOW_UNIX;
    if (!flow->eof_seen || !is_drained(flow))
        return true;
    if (flow->closed)
        return false;
    if (!joint)
        return flow->status < 0;
    if (!flow->reported && flow->out >= 0)
        shutdown(flow->out, SHUT_WR);
    flow->reported = true;
    return !flow->eof_sent;
}

bool flow_pump(struct flow *flow, const struct ssh_api *api, ssh_session session)
{
    if ((flow->kind == FLOW_TCP || flow->kind == FLOW_UNIX) && flow->in < 0)
        return false; /* only to see whether it opens */
    resize(flow, api);
    if (!drain(flow, api, 0) || !drain(flow, api, 1) || (!flow->closed && !feed(flow, api, session)))
        return flow_fail(flow, ERR_IO, "the local side was closed");
    return runs_on(flow);
}
