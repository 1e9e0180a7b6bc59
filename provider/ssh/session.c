/* The network thread: one poll loop over sessions, flows and tunnels, with each session's flows in turn. */
#include "provider/ssh/login.h"

#include "base/clock.h"
#include "base/file.h"
#include "base/mem.h"
#include "base/system.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

/* READS: reads of libssh (4 KB each) between turns of the flows; TURNS: turns of one wire before the next
 * wire. */
enum { READS = 64, TURNS = 32, COMMANDS = 8 };
/* Number of unanswered keep-alive intervals after which a session is lost. */
enum { UNANSWERED = 3 };

/* ---- from any thread ---- */

struct wire *net_add(struct net *net, ssh_session session, int keep_alive_ms)
{
    struct wire *wire = mem_zalloc(sizeof *wire);
    wire->net = net;
    wire->session = session;
    wire->event = net->api->event_new();
    net->api->event_add_session(wire->event, session);
    wire->open = true;
    wire->again = true;
    wire->polled = -1;
    wire->most_running = COMMANDS;
    wire->keep_alive_ms = keep_alive_ms;
    wire->heard_ms = clock_mono_ms();
    wire->alive_ms = wire->heard_ms + keep_alive_ms;
    pthread_mutex_lock(&net->lock);
    wire->next = net->new_wires;
    net->new_wires = wire;
    pthread_mutex_unlock(&net->lock);
    net_wake(net);
    return wire;
}

bool wire_is_open(struct net *net, const struct wire *wire)
{
    AUTO_UNLOCK pthread_mutex_t *held = mutex_hold(&net->lock);
    return wire->open && !wire->closing;
}

void wire_close(struct net *net, struct wire *wire)
{
    pthread_mutex_lock(&net->lock);
    wire->closing = true;
    pthread_mutex_unlock(&net->lock);
    net_wake(net);
}

/* ---- on the network thread ---- */

void wire_stir(struct wire *wire)
{
    wire->stirred++;
}

bool wire_admits(struct wire *wire)
{
    if (wire->running >= wire->most_running)
        return false;
    wire->running++;
    return true;
}

bool wire_refused(struct wire *wire)
{
    wire->running--;
    if (wire->running < 1)
        return false;
    wire->most_running = wire->running;
    return true;
}

static void end_flow(struct wire *wire, struct flow *flow)
{
    struct net *net = wire->net;
    bool runs = flow->kind == FLOW_COMMAND || flow->kind == FLOW_SHELL;
    if (runs && flow->stage != FLOW_QUEUED)
        wire->running--;
    flow_finish(flow, net->api, wire->session != NULL);
    wire_stir(wire);
    if (flow->owned) {
        flow_drop(flow);
        return;
    }
    AUTO_UNLOCK pthread_mutex_t *held = mutex_hold(&net->lock);
    flow->done = true;
    pthread_cond_broadcast(&net->changed);
}

/* Ends the wire's flows, except those that can start again on another session. */
static void wire_lose_flows(struct wire *wire)
{
    while (wire->flows) {
        struct flow *flow = wire->flows;
        wire->flows = flow->next;
        if (!wire->session && !wire->closing && flow_may_begin_again(flow)) {
            flow_begin_again(flow);
            continue;
        }
        flow_lose(flow, wire->why);
        end_flow(wire, flow);
    }
}

/* Ends the session; politely: it is still alive, so flows close their channels and the server is told. */
static void wire_shut(struct wire *wire, bool politely)
{
    const struct ssh_api *api = wire->net->api;
    const char *why = wire->session ? api->get_error(wire->session) : "";
    pthread_mutex_lock(&wire->net->lock);
    wire->open = false;
    if (!wire->why[0])
        snprintf(wire->why, sizeof wire->why, "%s%s", why[0] && !politely ? ": " : "", politely ? "" : why);
    pthread_mutex_unlock(&wire->net->lock);
    ssh_session session = wire->session;
    if (politely) /* flows need the session to close their channels */
        wire_lose_flows(wire);
    wire->session = NULL;
    wire_lose_flows(wire);
    if (!session)
        return;
    api->event_remove_session(wire->event, session);
    api->event_free(wire->event);
    if (politely)
        api->disconnect(session);
    api->free(session);
}

static bool is_lost(const struct wire *wire)
{
    const struct ssh_api *api = wire->net->api;
    return !api->is_connected(wire->session) ||
           (api->get_status(wire->session) & (SSH_CLOSED | SSH_CLOSED_ERROR));
}

/* Advances the flows; of a lost session only running flows, to deliver data received before the loss. */
static void step_flows(struct wire *wire, bool lost)
{
    for (struct flow **at = &wire->flows; *at;) {
        struct flow *flow = *at;
        if ((lost && flow->stage != FLOW_RUNNING) || flow_step(flow, wire->net->api, wire->session)) {
            at = &flow->next;
            continue;
        }
        *at = flow->next;
        end_flow(wire, flow);
    }
}

/* Serves the wire's flows for at most TURNS turns. */
static void wire_serve(struct wire *wire)
{
    const struct ssh_api *api = wire->net->api;
    wire->again = false;
    for (int turn = 0; turn < TURNS; turn++) {
        uint64_t before = wire->stirred;
        int reads = 0;
        while (reads < READS && api->event_dopoll(wire->event, 0) == SSH_OK && !is_lost(wire))
            reads++;
        bool lost = is_lost(wire);
        step_flows(wire, lost);
        if (lost || is_lost(wire)) {
            wire_shut(wire, false);
            return;
        }
        if (wire->stirred == before && reads < READS)
            return;
    }
    wire->again = true;
}

/* Sends a keep-alive message when it is due; a session without responses for long is lost. */
static void wire_keep_alive(struct wire *wire)
{
    int64_t now = clock_mono_ms();
    if (!wire->session || !wire->keep_alive_ms || now < wire->alive_ms)
        return;
    int64_t unanswered_ms = now - wire->heard_ms;
    if (unanswered_ms >= UNANSWERED * (int64_t)wire->keep_alive_ms) {
        pthread_mutex_lock(&wire->net->lock);
        snprintf(wire->why, sizeof wire->why, ": no answer for %lld s", (long long)(unanswered_ms / 1000));
        pthread_mutex_unlock(&wire->net->lock);
        wire_shut(wire, false);
        return;
    }
    /* Sends a request that any server refuses, as a keep-alive message: libssh only sends OpenSSH's own if it
     * is built with server support. The first call collects the last response, the second sends the next
     * request. Either may read responses and other data before poll() reports them. */
    for (int i = 0; i < 2; i++)
        if (wire->net->api->channel_cancel_forward(wire->session, "", 0) != SSH_AGAIN && !is_lost(wire))
            wire->heard_ms = now;
    wire->again = true;
    wire->alive_ms = now + wire->keep_alive_ms;
}

static bool wire_is_closing(struct wire *wire)
{
    AUTO_UNLOCK pthread_mutex_t *held = mutex_hold(&wire->net->lock);
    return wire->closing;
}

/* ---- from other threads ---- */

void net_wake(struct net *net)
{
    system_wake(net->wake);
}

void flow_start(struct net *net, struct wire *wire, struct flow *flow)
{
    flow->net = net;
    flow->wire = wire;
    flow->status = -1;
    pthread_mutex_lock(&net->lock);
    flow->next = net->inbox;
    net->inbox = flow;
    pthread_mutex_unlock(&net->lock);
    net_wake(net);
}

bool flow_wait(struct net *net, struct flow *flow, int64_t deadline_ms, const atomic_bool *cancel)
{
    enum { LOOK_MS = 100 };
    AUTO_UNLOCK pthread_mutex_t *held = mutex_hold(&net->lock);
    while (!flow->done) {
        int64_t now = clock_mono_ms(), until = now + LOOK_MS;
        if ((deadline_ms && now >= deadline_ms) || cancel_is_set(cancel))
            break;
        if (!cancel)
            until = deadline_ms ? deadline_ms : now + 60 * 1000;
        clock_cond_wait(&net->changed, &net->lock, until);
    }
    return flow->done;
}

void flow_abort(struct net *net, struct flow *flow)
{
    atomic_store(&flow->abort, true);
    net_wake(net);
    AUTO_UNLOCK pthread_mutex_t *held = mutex_hold(&net->lock);
    while (!flow->done)
        pthread_cond_wait(&net->changed, &net->lock);
}

/* ---- on the network thread ---- */

static void net_take_new(struct net *net)
{
    pthread_mutex_lock(&net->lock);
    while (net->new_wires) {
        struct wire *wire = net->new_wires;
        net->new_wires = wire->next;
        wire->next = net->wires;
        net->wires = wire;
    }
    while (net->new_tunnels) {
        struct tunnel *tunnel = net->new_tunnels;
        net->new_tunnels = tunnel->next;
        tunnel->next = net->tunnels;
        net->tunnels = tunnel;
    }
    struct flow *inbox = net->inbox, *ordered = NULL;
    net->inbox = NULL;
    pthread_mutex_unlock(&net->lock);
    while (inbox) {
        struct flow *flow = inbox;
        inbox = flow->next;
        flow->next = ordered;
        ordered = flow;
    }
    while (ordered) {
        struct flow *flow = ordered, **end = &flow->wire->flows;
        ordered = flow->next;
        flow->polled[0] = flow->polled[1] = flow->polled[2] = -1;
        while (*end)
            end = &(*end)->next;
        flow->next = NULL;
        *end = flow;
    }
}

static int poll_for(struct net *net, int fd, short events)
{
    MEM_GROW(net->polls, net->poll_cap, net->poll_count + 1);
    net->polls[net->poll_count] = (struct pollfd){.fd = fd, .events = events};
    return (int)net->poll_count++;
}

static void poll_flow(struct net *net, struct wire *wire, struct flow *flow)
{
    const int fds[3] = {flow->in, flow->out, flow->error};
    short events[3];
    flow_events(flow, net->api, wire->session, events);
    for (int i = 0; i < 3; i++)
        flow->polled[i] = events[i] ? poll_for(net, fds[i], events[i]) : -1;
}

/* Fills the poll array and returns the timeout. */
static int net_gather(struct net *net)
{
    int64_t now = clock_mono_ms(), wait = 60 * 1000;
    net->poll_count = 0;
    poll_for(net, net->wake, POLLIN);
    for (struct tunnel *tunnel = net->tunnels; tunnel; tunnel = tunnel->next)
        tunnel->polled = poll_for(net, tunnel->fd, POLLIN);
    for (struct wire *wire = net->wires; wire; wire = wire->next) {
        wire->polled = -1;
        if (!wire->session)
            continue;
        bool pending = net->api->get_poll_flags(wire->session) & SSH_WRITE_PENDING;
        wire->polled =
            poll_for(net, net->api->get_fd(wire->session), (short)(POLLIN | (pending ? POLLOUT : 0)));
        for (struct flow *flow = wire->flows; flow; flow = flow->next)
            poll_flow(net, wire, flow);
        if (wire->again)
            wait = 0;
        else if (wire->keep_alive_ms && wire->alive_ms - now < wait)
            wait = wire->alive_ms > now ? wire->alive_ms - now : 0;
    }
    return (int)wait;
}

static short came_to(const struct net *net, int polled)
{
    return polled < 0 ? 0 : net->polls[polled].revents;
}

static bool note_flows(const struct net *net, struct wire *wire)
{
    bool any = false;
    for (struct flow *flow = wire->flows; flow; flow = flow->next) {
        if (came_to(net, flow->polled[0]))
            any = flow->in_ready = true;
        for (int i = 0; i < 2; i++)
            if (came_to(net, flow->polled[i + 1])) {
                any = true;
                flow->full[i] = false;
            }
    }
    return any;
}

static void serve_all(struct net *net, bool woken)
{
    for (struct tunnel *tunnel = net->tunnels; tunnel; tunnel = tunnel->next)
        if (came_to(net, tunnel->polled))
            tunnel_answer(tunnel);
    for (struct wire *wire = net->wires; wire; wire = wire->next) {
        bool any = wire->session && note_flows(net, wire);
        if (came_to(net, wire->polled) & POLLIN)
            wire->heard_ms = clock_mono_ms();
        if (wire->session && wire_is_closing(wire))
            wire_shut(wire, true);
        else if (wire->session && (any || woken || wire->again || came_to(net, wire->polled)))
            wire_serve(wire);
        wire_keep_alive(wire);
        if (!wire->session)
            wire_lose_flows(wire);
    }
}

static void *net_run(void *arg)
{
    struct net *net = arg;
    for (;;) {
        net_take_new(net);
        int timeout = net_gather(net);
        poll(net->polls, (nfds_t)net->poll_count, timeout);
        bool woken = net->polls[0].revents;
        if (woken)
            system_wake_clear(net->wake);
        pthread_mutex_lock(&net->lock);
        bool stop = net->stop;
        pthread_mutex_unlock(&net->lock);
        if (stop)
            break;
        net_take_new(net);
        serve_all(net, woken);
    }
    return NULL;
}

/* ---- start and end ---- */

int net_new(const struct ssh_api *api, struct net **out, struct err *err)
{
    struct net *net = mem_zalloc(sizeof *net);
    net->api = api;
    pthread_mutex_init(&net->lock, NULL);
    clock_cond_init(&net->changed);
    net->wake = system_wake_new();
    sigset_t all, before;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    int failed = net->wake < 0 ? errno : pthread_create(&net->thread, NULL, net_run, net);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    if (failed) {
        errno = failed;
        err_errno(err, ERR_FAILED, "cannot start the network thread of the connections");
        fd_close_ptr(&net->wake);
        pthread_cond_destroy(&net->changed);
        pthread_mutex_destroy(&net->lock);
        free(net);
        return -1;
    }
    *out = net;
    return 0;
}

static void free_wires(struct net *net)
{
    /* The newest first: a connection that goes `via` another was opened after it. */
    while (net->wires) {
        struct wire *wire = net->wires;
        if (wire->session)
            wire_shut(wire, true);
        wire_lose_flows(wire);
        net->wires = wire->next;
        free(wire);
    }
}

void net_free(struct net *net)
{
    if (!net)
        return;
    pthread_mutex_lock(&net->lock);
    net->stop = true;
    pthread_mutex_unlock(&net->lock);
    net_wake(net);
    pthread_join(net->thread, NULL);
    net_take_new(net);
    free_wires(net);
    while (net->tunnels) {
        struct tunnel *tunnel = net->tunnels;
        net->tunnels = tunnel->next;
        close(tunnel->fd);
        free(tunnel);
    }
    close(net->wake);
    free(net->polls);
    pthread_cond_destroy(&net->changed);
    pthread_mutex_destroy(&net->lock);
    free(net);
}
