/* Local ports that lead through a connection. */
#include "base/clock.h"
#include "base/mem.h"
#include "provider/ssh/connections_internal.h"

#include <stdlib.h>

int reach_probe(
    struct reach *reach, struct str name, struct str host, int port, struct wire **wire, struct err *err)
{
    enum { PROBE_MS = 30 * 1000 };
    AUTO_FREE char *place = mem_memdup0(host.p, host.n);
    struct err why = ERR_INIT;
    if (reach_wire(reach, name, wire, err))
        return -1;
    struct flow flow = {.kind = place[0] == '/' ? FLOW_UNIX : FLOW_TCP,
        .host = place,
        .port = port,
        .in = -1,
        .out = -1,
        .error = -1};
    flow_start(reach->net, *wire, &flow);
    if (!flow_wait(reach->net, &flow, clock_mono_ms() + PROBE_MS, reach->patience.cancel))
        flow_abort(reach->net, &flow);
    if (flow.err.class == ERR_NONE)
        return 0;
    why = flow.err;
    err_set(err, why.class == ERR_INTERRUPTED ? ERR_TIMEOUT : ERR_NETWORK,
        "\"%.*s\" does not reach %s port %d: %s", STR_ARG(name), place, port, why.message);
    err->retryable = true;
    return err_hint(err,
        "is that where it is as seen from \"%.*s\", does it listen, and does its security group "
        "or firewall let that host in?",
        STR_ARG(name));
}

/* As reach_probe(), waiting for it as long as patience and the connection's `wait` allow. */
static int reach_await(
    struct reach *reach, struct str name, struct str host, int port, struct wire **wire, struct err *err)
{
    struct link *link = reach_link(reach, name, err);
    if (!link)
        return -1;
    struct reach_patience patience = reach->patience;
    int64_t until_ms = clock_mono_ms() + link->connection.wait_ms;
    for (int pause_ms = 200;;) {
        struct err why = ERR_INIT;
        if (!reach_probe(reach, name, host, port, wire, &why))
            return 0;
        if (reach_wait_on(link, &patience, until_ms, &why, &pause_ms))
            continue;
        return err_raise(err, &why);
    }
}

/* ---- a connection through a local port ---- */

struct opener {
    struct passage *passage;
    struct flow *flow;
};

static void *open_again(void *arg)
{
    struct opener *opener = arg;
    struct reach *reach = opener->passage->reach;
    struct wire *wire;
    if (reach_wire(reach, opener->passage->link->connection.name, &wire, ERR_IGNORED))
        flow_drop(opener->flow);
    else
        flow_start(reach->net, wire, opener->flow);
    free(opener);
    AUTO_UNLOCK pthread_mutex_t *held = mutex_hold(&reach->lock);
    reach->openers--;
    pthread_cond_broadcast(&reach->changed);
    return NULL;
}

/* The session was lost since: somebody has to log in again, and that is not the network thread's. */
static void open_aside(struct passage *passage, struct flow *flow)
{
    struct opener *opener = mem_zalloc(sizeof *opener);
    *opener = (struct opener){passage, flow};
    pthread_attr_t detached;
    pthread_t thread;
    pthread_attr_init(&detached);
    pthread_attr_setdetachstate(&detached, PTHREAD_CREATE_DETACHED);
    passage->reach->openers++;
    if (atomic_load(&passage->reach->closing) || pthread_create(&thread, &detached, open_again, opener)) {
        passage->reach->openers--;
        flow_drop(flow);
        free(opener);
    }
    pthread_attr_destroy(&detached);
}

static void forward_came(void *ctx, struct flow *flow)
{
    struct passage *passage = ctx;
    struct reach *reach = passage->reach;
    AUTO_UNLOCK pthread_mutex_t *held = mutex_hold(&reach->lock);
    struct wire *wire = passage->link->wire;
    if (wire && wire_is_open(reach->net, wire))
        flow_start(reach->net, wire, flow);
    else
        open_aside(passage, flow);
}

static struct passage *forward_find(struct reach *reach, const struct link *link, struct str host, int port)
{
    for (struct passage *at = reach->passages; at; at = at->next)
        if (at->link == link && at->port == port && str_eqz(host, at->host))
            return at;
    return NULL;
}

static int dig(struct reach *reach, struct link *link, struct str host, int port, int wanted,
    struct passage **out, struct err *err)
{
    struct passage *passage = mem_zalloc(sizeof *passage);
    passage->reach = reach;
    passage->link = link;
    passage->host = mem_memdup0(host.p, host.n);
    passage->port = port;
    struct tunnel_options tunnel = {
        .host = passage->host, .port = port, .wanted = wanted, .came = forward_came, .ctx = passage};
    if (tunnel_open(reach->net, &tunnel, &passage->local_port, err)) {
        free((char *)passage->host);
        free(passage);
        return -1;
    }
    pthread_mutex_lock(&reach->lock);
    passage->next = reach->passages;
    reach->passages = passage;
    pthread_mutex_unlock(&reach->lock);
    *out = passage;
    return 0;
}

/* A passage that is there, or a new one; `patient`: what does not answer yet is waited for. */
static int forward_to(struct reach *reach, struct str connection, struct str host, int port, int wanted,
    bool patient, int *local_port, struct err *err)
{
    struct link *link = reach_link(reach, connection, err);
    struct wire *wire = NULL;
    if (!link)
        return -1;
    pthread_mutex_lock(&reach->lock);
    struct passage *passage = wanted ? NULL : forward_find(reach, link, host, port);
    pthread_mutex_unlock(&reach->lock);
    patient = patient && reach->patience.services;
    if (!passage && ((patient ? reach_await : reach_probe)(reach, connection, host, port, &wire, err) ||
                        dig(reach, link, host, port, wanted, &passage, err)))
        return -1;
    *local_port = passage->local_port;
    return 0;
}

int reach_forward_at(struct reach *reach, struct str connection, struct str host, int port, int wanted,
    int *local_port, struct err *err)
{
    return forward_to(reach, connection, host, port, wanted, true, local_port, err);
}

int reach_forward(
    struct reach *reach, struct str connection, struct str host, int port, int *local_port, struct err *err)
{
    return forward_to(reach, connection, host, port, 0, true, local_port, err);
}

int reach_forward_now(
    struct reach *reach, struct str connection, struct str host, int port, int *local_port, struct err *err)
{
    return forward_to(reach, connection, host, port, 0, false, local_port, err);
}
