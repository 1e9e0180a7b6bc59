/* One channel of a session and what it joins with it, a command and its input, a local socket and a place:
 * how it opens, goes on and ends. Its bytes are moved in flow_bytes.c. */
#include "base/mem.h"
#include "provider/ssh/session.h"

#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

/* ---- what libssh tells ---- */

static int data_came(ssh_session session UNUSED, ssh_channel channel UNUSED, void *data UNUSED,
    uint32_t n UNUSED, int is_error, void *userdata)
{
    struct flow *flow = userdata;
    flow->ready[is_error != 0] = true;
    wire_stir(flow->wire);
    return 0; /* it stays in the channel's buffer until there is room for it */
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

bool flow_fail(struct flow *flow, enum err_class class, const char *format, ...)
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
 * The channel lives on until the far side has closed it, too, and would tell of it. One that was refused has
 * no number over there: to libssh it is the first one, which is somebody else's, or ends the session if
 * nobody has it.
 */
static void let_go(struct flow *flow, const struct ssh_api *api)
{
    if (!flow->channel)
        return;
    api->remove_channel_callbacks(flow->channel, &flow->callbacks);
    if (api->channel_is_open(flow->channel))
        api->channel_close(flow->channel);
    api->channel_free(flow->channel);
    flow->channel = NULL;
}

/* "Channel opening failure: channel 43 error (2) Connection refused": the last words are the far side's. */
static bool flow_refused(struct flow *flow, const struct ssh_api *api, ssh_session session)
{
    if (!api->is_connected(session))
        return true; /* the session's loss tells */
    const char *why = api->get_error(session), *words = strstr(why, "error (");
    words = words && strchr(words, ')') ? strchr(words, ')') + 1 : why;
    words += strspn(words, " ");
    if ((flow->kind == FLOW_COMMAND || flow->kind == FLOW_SHELL) && wire_refused(flow->wire)) {
        let_go(flow, api);
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
        let_go(flow, api);
    flow->channel = NULL;
    flow->stage = FLOW_CLOSED;
    free(flow->held.bytes);
    free(flow->spill[0].bytes);
    free(flow->spill[1].bytes);
}

/* ---- flows that nobody waits for ---- */

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
