/* A session and the flows on it: what moves in its turn, what becomes of them when it is lost or closed. */
#include "provider/ssh/session.h"

#include "base/clock.h"
#include "base/mem.h"

#include <stdio.h>

/* Reads of libssh (4 KB each) before the flows have their turn, and turns before the other wires have. */
enum { READS = 64, TURNS = 32, COMMANDS = 8 };
/* Intervals of keep-alive messages without an answer after which a session is lost. */
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

void wire_lose_flows(struct wire *wire)
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

void wire_shut(struct wire *wire, bool politely)
{
    const struct ssh_api *api = wire->net->api;
    const char *why = wire->session ? api->get_error(wire->session) : "";
    pthread_mutex_lock(&wire->net->lock);
    wire->open = false;
    if (!wire->why[0])
        snprintf(wire->why, sizeof wire->why, "%s%s", why[0] && !politely ? ": " : "", politely ? "" : why);
    pthread_mutex_unlock(&wire->net->lock);
    ssh_session session = wire->session;
    if (politely) /* flows forget their channels while there is a session */
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

/* Of a lost session only what came before its end. */
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

void wire_serve(struct wire *wire)
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

void wire_keep_alive(struct wire *wire)
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
    /* A request that any server answers, with a refusal: libssh has OpenSSH's own only where it is built as a
     * server, too. It takes note of the last answer in the first call, and sends the next request in the
     * second. Either may read the answer, and what came with it, before poll() tells of them. */
    for (int i = 0; i < 2; i++)
        if (wire->net->api->channel_cancel_forward(wire->session, "", 0) != SSH_AGAIN && !is_lost(wire))
            wire->heard_ms = now;
    wire->again = true;
    wire->alive_ms = now + wire->keep_alive_ms;
}

bool wire_is_closing(struct wire *wire)
{
    AUTO_UNLOCK pthread_mutex_t *held = mutex_hold(&wire->net->lock);
    return wire->closing;
}
