/* One channel of a session: a command with its input, or a local socket joined to a remote target. Opens and
 * closes the channel, and moves its data. */
#include "base/mem.h"
#include "provider/ssh/login.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

/* ---- libssh callbacks ---- */

static int data_came(ssh_session session UNUSED, ssh_channel channel UNUSED, void *data UNUSED,
    uint32_t n UNUSED, int is_error, void *userdata)
{
    struct flow *flow = userdata;
    flow->ready[is_error != 0] = true;
    wire_stir(flow->wire);
    return 0; /* the data stay in the channel's buffer until there is room */
}

static void end_came(ssh_session session UNUSED, ssh_channel channel UNUSED, void *userdata)
{
    struct flow *flow = userdata;
    flow->eof_seen = true;
    wire_stir(flow->wire);
}

static void close_came(ssh_session session UNUSED, ssh_channel channel UNUSED, void *userdata)
{
    struct flow *flow = userdata;
    flow->eof_seen = flow->closed = true;
    wire_stir(flow->wire);
}

static void status_came(ssh_session session UNUSED, ssh_channel channel UNUSED, int status, void *userdata)
{
    struct flow *flow = userdata;
    flow->status = status;
    wire_stir(flow->wire);
}

static void signal_came(ssh_session session UNUSED, ssh_channel channel UNUSED, const char *name,
    int core UNUSED, const char *message UNUSED, const char *language UNUSED, void *userdata)
{
    struct flow *flow = userdata;
    snprintf(flow->signal, sizeof flow->signal, "%s", name ? name : "?");
    flow->status = 128;
    wire_stir(flow->wire);
}

static int room_came(
    ssh_session session UNUSED, ssh_channel channel UNUSED, uint32_t n UNUSED, void *userdata)
{
    struct flow *flow = userdata;
    wire_stir(flow->wire);
    return 0;
}

/* ---- opening ---- */

/* Sets the error unless one is set. Returns false. */
__attribute__((format(printf, 3, 4))) static bool flow_fail(
    struct flow *flow, enum err_class class, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    if (flow->err.class == ERR_NONE)
        err_vset(&flow->err, class, format, args);
    va_end(args);
    return false;
}

static bool flow_begin(struct flow *flow, const struct ssh_api *api, ssh_session session)
{
    bool runs = flow->kind == FLOW_COMMAND || flow->kind == FLOW_SHELL;
    if (runs && !wire_admits(flow->wire))
        return true;
    flow->channel = api->channel_new(session);
    if (!flow->channel)
        return flow_fail(flow, ERR_FAILED, "no new channel: %s", api->get_error(session));
    flow->callbacks = (struct ssh_channel_callbacks_struct){.userdata = flow,
        .channel_data_function = data_came,
        .channel_eof_function = end_came,
        .channel_close_function = close_came,
        .channel_exit_status_function = status_came,
        .channel_exit_signal_function = signal_came,
        .channel_write_wontblock_function = room_came};
    ssh_callbacks_init(&flow->callbacks);
    api->set_channel_callbacks(flow->channel, &flow->callbacks);
    flow->stage = FLOW_OPENING;
    wire_stir(flow->wire);
    return true;
}

static int ask_open(struct flow *flow, const struct ssh_api *api)
{
    switch (flow->kind) {
    case FLOW_COMMAND:
    case FLOW_SHELL: return api->channel_open_session(flow->channel);
    case FLOW_TCP: return api->channel_open_forward(flow->channel, flow->host, flow->port, "127.0.0.1", 0);
    case FLOW_UNIX: break;
    }
    return api->channel_open_forward_unix(flow->channel, flow->host, "127.0.0.1", 0);
}

/*
 * Closes the channel, which libssh keeps until the server has closed it, too, so the callbacks are removed. A
 * refused channel has no remote number: libssh would close channel 0, which belongs to another flow, or end
 * the session.
 */
static void close_channel(struct flow *flow, const struct ssh_api *api)
{
    if (!flow->channel)
        return;
    api->remove_channel_callbacks(flow->channel, &flow->callbacks);
    if (api->channel_is_open(flow->channel))
        api->channel_close(flow->channel);
    api->channel_free(flow->channel);
    flow->channel = NULL;
}

/* Extracts the server's message: "Channel opening failure: channel 43 error (2) Connection refused". */
static bool flow_refused(struct flow *flow, const struct ssh_api *api, ssh_session session)
{
    if (!api->is_connected(session))
        return true; /* reported by the lost session */
    const char *why = api->get_error(session), *words = strstr(why, "error (");
    words = words && strchr(words, ')') ? strchr(words, ')') + 1 : why;
    words += strspn(words, " ");
    if ((flow->kind == FLOW_COMMAND || flow->kind == FLOW_SHELL) && wire_refused(flow->wire)) {
        close_channel(flow, api);
        flow->stage = FLOW_QUEUED;
        return true;
    }
    flow_fail(flow, ERR_SERVICE, "%s", *words ? words : "refused");
    flow->err.retryable = flow->kind == FLOW_TCP || flow->kind == FLOW_UNIX;
    return false;
}

static bool opened(struct flow *flow, const struct ssh_api *api, ssh_session session)
{
    int rc = ask_open(flow, api);
    if (rc == SSH_AGAIN)
        return true;
    if (rc != SSH_OK)
        return flow_refused(flow, api, session);
    flow->stage = flow->kind == FLOW_SHELL && flow->terminal->pty          ? FLOW_ASKING_PTY
                  : flow->kind == FLOW_SHELL || flow->kind == FLOW_COMMAND ? FLOW_ASKING
                                                                           : FLOW_RUNNING;
    wire_stir(flow->wire);
    return true;
}

static bool asked_pty(struct flow *flow, const struct ssh_api *api, ssh_session session)
{
    int rc = api->channel_request_pty_size(
        flow->channel, flow->terminal->type, flow->terminal->columns, flow->terminal->rows);
    if (rc == SSH_AGAIN)
        return true;
    if (rc != SSH_OK)
        return flow_fail(flow, ERR_SERVICE, "no terminal there: %s", api->get_error(session));
    flow->stage = FLOW_ASKING;
    wire_stir(flow->wire);
    return true;
}

static bool flow_asked(struct flow *flow, const struct ssh_api *api, ssh_session session)
{
    flow->began = true;
    int rc = flow->command[0] ? api->channel_request_exec(flow->channel, flow->command)
                              : api->channel_request_shell(flow->channel);
    if (rc == SSH_AGAIN)
        return true;
    if (rc != SSH_OK) {
        flow->began = false;
        return flow_fail(flow, ERR_SERVICE, "the host runs no commands: %s", api->get_error(session));
    }
    flow->stage = FLOW_RUNNING;
    wire_stir(flow->wire);
    return true;
}

static bool flow_pump(struct flow *flow, const struct ssh_api *api, ssh_session session);

bool flow_step(struct flow *flow, const struct ssh_api *api, ssh_session session)
{
    if (atomic_load(&flow->abort)) {
        if (flow->stage == FLOW_RUNNING && flow->kind == FLOW_COMMAND)
            api->channel_request_send_signal(flow->channel, "TERM");
        return flow_fail(flow, ERR_INTERRUPTED, "given up");
    }
    enum flow_stage before;
    bool alive = true;
    do {
        before = flow->stage;
        switch (flow->stage) {
        case FLOW_QUEUED: alive = flow_begin(flow, api, session); break;
        case FLOW_OPENING: alive = opened(flow, api, session); break;
        case FLOW_ASKING_PTY: alive = asked_pty(flow, api, session); break;
        case FLOW_ASKING: alive = flow_asked(flow, api, session); break;
        case FLOW_RUNNING: alive = flow_pump(flow, api, session); break;
        case FLOW_CLOSED: alive = false; break;
        }
    } while (alive && flow->stage != before && flow->stage != FLOW_QUEUED);
    return alive;
}

void flow_events(struct flow *flow, const struct ssh_api *api, ssh_session session, short events[3])
{
    events[0] = events[1] = events[2] = 0;
    if (flow->stage != FLOW_RUNNING)
        return;
    if (flow->in >= 0 && !flow->in_ended && !flow->in_ready && flow->held.from == flow->held.to &&
        api->channel_window_size(flow->channel) && !(api->get_status(session) & SSH_WRITE_PENDING))
        events[0] = POLLIN;
    if (flow->out >= 0 && flow->full[0])
        events[1] = POLLOUT;
    if (flow->error >= 0 && flow->full[1])
        events[2] = POLLOUT;
}

void flow_lose(struct flow *flow, const char *why)
{
    flow_fail(flow, ERR_NETWORK, "the connection was lost%s", why);
    flow->err.lost = flow->began;
    flow->err.retryable = true;
}

bool flow_may_begin_again(const struct flow *flow)
{
    return flow->again && !flow->moved && flow->turns == 0;
}

void flow_begin_again(struct flow *flow)
{
    flow->channel = NULL;
    flow->stage = FLOW_QUEUED;
    flow->turns++;
    flow->err = (struct err)ERR_INIT;
    flow->eof_seen = flow->closed = flow->reported = flow->eof_sent = false;
    flow->ready[0] = flow->ready[1] = false;
    flow->spill[0].from = flow->spill[0].to = flow->spill[1].from = flow->spill[1].to = 0;
    flow->again(flow->again_ctx, flow);
}

void flow_finish(struct flow *flow, const struct ssh_api *api, bool alive)
{
    if (alive)
        close_channel(flow, api);
    flow->channel = NULL;
    flow->stage = FLOW_CLOSED;
    free(flow->held.bytes);
    free(flow->spill[0].bytes);
    free(flow->spill[1].bytes);
}

/* ---- flows without a waiting thread ---- */

struct flow *flow_joint(int socket, struct str host, int port)
{
    struct flow *flow = mem_zalloc(sizeof *flow);
    flow->kind = host.n && host.p[0] == '/' ? FLOW_UNIX : FLOW_TCP;
    char *place = mem_alloc(host.n + 1);
    memcpy(place, host.p, host.n);
    place[host.n] = '\0';
    flow->host = place;
    flow->port = port;
    flow->in = flow->out = socket;
    flow->error = -1;
    flow->owned = true;
    return flow;
}

void flow_drop(struct flow *flow)
{
    if (flow->in >= 0)
        close(flow->in);
    free((char *)flow->host);
    free(flow);
}

/* ---- Moving data: from a descriptor or memory into the channel, and back, each only as fast as the other
 * side accepts it ---- */

enum { CHUNK = 128 * 1024 };

static ssize_t flow_take(const struct flow *flow, void *bytes, size_t n)
{
    return flow->kind == FLOW_SHELL ? read(flow->in, bytes, n) : recv(flow->in, bytes, n, MSG_DONTWAIT);
}

static ssize_t write_to_descriptor(const struct flow *flow, int fd, const void *bytes, size_t n)
{
    return flow->kind == FLOW_SHELL ? write(fd, bytes, n) : send(fd, bytes, n, MSG_DONTWAIT | MSG_NOSIGNAL);
}

static bool is_again(void)
{
    return errno == EAGAIN || errno == EWOULDBLOCK || errno == EINTR;
}

/* Returns the next bytes for the channel, possibly none. Returns false if the local side failed. */
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

static void note_written(struct flow *flow, size_t n)
{
    if (flow->in < 0)
        flow->offset += n;
    else
        flow->held.from += n;
}

/* Moves data from the local side to the channel. Returns false if the local side failed. */
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
            return true; /* the session reports the error */
        note_written(flow, (size_t)n);
        wire_stir(flow->wire);
    }
    if (flow->in_ended && !flow->eof_sent) {
        api->channel_send_eof(flow->channel);
        flow->eof_sent = true;
    }
    return true;
}

/* Writes data that the descriptor had not accepted. Returns false if the local side failed. */
static bool flush(struct flow *flow, int which)
{
    struct half *spill = &flow->spill[which];
    int fd = which ? flow->error : flow->out;
    while (spill->from < spill->to && !flow->full[which]) {
        ssize_t n = write_to_descriptor(flow, fd, spill->bytes + spill->from, spill->to - spill->from);
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

/* Moves data from the channel to the local side. Returns false if the local side failed. */
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

/* Reports a changed terminal size. */
static void resize(struct flow *flow, const struct ssh_api *api)
{
    int columns = 0, rows = 0;
    if (!flow->terminal || !flow->terminal->pty || !flow->terminal->resized ||
        !atomic_exchange(flow->terminal->resized, false))
        return;
    flow->terminal->size(&columns, &rows);
    api->channel_change_pty_size(flow->channel, columns, rows);
}

/* Returns false if both directions have ended. */
static bool is_running(struct flow *flow)
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

/* Moves data in both directions. Returns false when the flow is finished. */
static bool flow_pump(struct flow *flow, const struct ssh_api *api, ssh_session session)
{
    if ((flow->kind == FLOW_TCP || flow->kind == FLOW_UNIX) && flow->in < 0)
        return false; /* only a test whether the channel opens */
    resize(flow, api);
    if (!drain(flow, api, 0) || !drain(flow, api, 1) || (!flow->closed && !feed(flow, api, session)))
        return flow_fail(flow, ERR_IO, "the local side was closed");
    return is_running(flow);
}
