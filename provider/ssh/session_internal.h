/* The network thread's own: what net.c, session.c and tunnel.c share; flow.c and flow_bytes.c what is at the
 * end.
 */
#pragma once

#include "provider/ssh/session.h"

#include <poll.h>

struct wire {
    struct net *net;
    struct wire *next;
    ssh_session session; /* NULL: lost or closed */
    ssh_event event;
    struct flow *flows;
    uint64_t stirred;
    int running, most_running; /* commands and shells */
    int keep_alive_ms;
    int64_t alive_ms; /* when the next sign of life is due */
    int64_t heard_ms; /* when anything came last */
    bool again;       /* there is more to do than was done in its turn */
    bool closing;     /* guarded by the net's lock, as are `open` and `why` */
    bool open;
    char why[200];
    int polled;
};

struct tunnel {
    struct tunnel *next;
    struct tunnel_options options;
    int fd, polled;
};

struct net {
    const struct ssh_api *api;
    pthread_t thread;
    pthread_mutex_t lock;
    pthread_cond_t changed;
    int wake;
    bool stop;
    struct flow *inbox; /* newest first */
    struct wire *wires, *new_wires;
    struct tunnel *tunnels, *new_tunnels;
    struct pollfd *polls;
    size_t poll_count, poll_cap;
};

/* ---- session.c: a session and the flows on it, on the network thread ---- */

/* Moves its flows as far as they come in one turn. */
void wire_serve(struct wire *wire);
/* Ends the session; politely: it is there yet, and flows forget their channels. */
void wire_shut(struct wire *wire, bool politely);
/* Its flows end, but for those that another session does as well for. */
void wire_lose_flows(struct wire *wire);
bool wire_is_closing(struct wire *wire);
/* Asks for a sign of life when that is due; a session that gave none for long is lost. */
void wire_keep_alive(struct wire *wire);

/* ---- tunnel.c ---- */

/* Lets in who has knocked. */
void tunnel_answer(const struct tunnel *tunnel);

/* ---- between flow.c and flow_bytes.c ---- */

/* What failed first counts. Returns false. */
bool flow_fail(struct flow *flow, enum err_class class, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
/* Moves what can be moved, both ways. False: it is over. */
bool flow_pump(struct flow *flow, const struct ssh_api *api, ssh_session session);
