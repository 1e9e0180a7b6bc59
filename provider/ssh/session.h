/*
 * The network thread: all open sessions (wires), the channels on them (flows) and the local ports that lead
 * into them (tunnels), in one poll loop.
 *
 * net_new(); then from any thread net_add() with a session that has logged in, flow_start() and flow_wait()
 * for commands and joints, tunnel_open() for ports; net_free() ends all of it. A session belongs to the
 * thread from net_add() on. Wires live as long as the net; one whose session is lost stays behind as a husk.
 *
 * Bytes are only taken from one side when the other has room: from a local socket while the channel's window
 * is open and nothing waits to be sent, from a channel when the socket takes them (what is not taken stays in
 * libssh's buffer, which its window bounds). The end of one direction is passed on alone.
 */
#pragma once

#include "base/lock.h"
#include "provider/ssh/connections.h"
#include "provider/ssh/ssh_api.h"

struct net;
struct wire;
struct tunnel;

enum flow_kind { FLOW_COMMAND, FLOW_SHELL, FLOW_TCP, FLOW_UNIX };
enum flow_stage { FLOW_QUEUED, FLOW_OPENING, FLOW_ASKING_PTY, FLOW_ASKING, FLOW_RUNNING, FLOW_CLOSED };

struct half {
    char *bytes;
    size_t from, to;
};

/* One channel and what it joins. Filled in by whoever starts it; the rest is the network thread's. */
struct flow {
    enum flow_kind kind;
    const char *command; /* COMMAND, SHELL */
    const char *host;    /* TCP, UNIX: host or path */
    int port;
    int in, out, error;      /* descriptors; -1: memory */
    const struct str *input; /* in -1 */
    size_t input_count;
    struct buf output[2]; /* out -1: [1] standard error */
    const struct reach_terminal *terminal;
    void (*again)(void *ctx, struct flow *flow); /* door's; NULL: nobody starts it once more */
    void *again_ctx;
    int turns;  /* how often it was begun again */
    bool moved; /* bytes went through */
    bool owned; /* the flow and its descriptors are freed when it ends: nobody waits for it */
    atomic_bool abort;

    /* results, once `done` */
    bool done;  /* guarded by the net's lock */
    bool began; /* the far side may have carried it out */
    int status; /* -1: none came */
    char signal[16];
    struct err err; /* class ERR_NONE: it ended as it should */

    struct net *net;
    struct wire *wire;
    struct flow *next;
    enum flow_stage stage;
    ssh_channel channel;
    struct ssh_channel_callbacks_struct callbacks;
    size_t part, offset;             /* of the input */
    struct half held;                /* read from `in` and not taken by the channel yet */
    struct half spill[2];            /* read from the channel and not taken by `out` or `error` yet */
    bool in_ready;                   /* `in` may have bytes, or its end */
    bool full[2];                    /* `out`, `error` take no more at present */
    bool ready[2];                   /* the channel may have bytes, of output and of errors */
    bool in_ended, eof_sent;         /* nothing more comes from here, and the channel was told */
    bool eof_seen, closed, reported; /* nothing more comes from there, at all, and `out` was told */
    int polled[3];                   /* places of in, out, error among the polled; -1: not polled */
};

int net_new(const struct ssh_api *api, struct net **out, struct err *err);
void net_free(struct net *net);

/* Takes over the session. */
struct wire *net_add(struct net *net, ssh_session session, int keep_alive_ms);
bool wire_is_open(struct net *net, const struct wire *wire);
void wire_close(struct net *net, struct wire *wire);

void flow_start(struct net *net, struct wire *wire, struct flow *flow);
/* False: the moment came, or *cancel was set, and the flow goes on. deadline_ms 0: none. */
bool flow_wait(struct net *net, struct flow *flow, int64_t deadline_ms, const atomic_bool *cancel);
/* Ends it; returns when the network thread has forgotten it. */
void flow_abort(struct net *net, struct flow *flow);
/* A flow that frees itself, between a socket and a place there. Takes over the socket. */
struct flow *flow_joint(int socket, struct str host, int port);

/* ---- between net.c, session.c and flow.c, on the network thread ---- */

/* A step forward wherever one is possible. False: it is over. */
bool flow_step(struct flow *flow, const struct ssh_api *api, ssh_session session);
/* Which of its descriptors are to be polled for what, 0: not (flow->polled is the caller's). */
void flow_events(struct flow *flow, const struct ssh_api *api, ssh_session session, short events[3]);
/* A flow that cannot go on, as its session is gone. */
void flow_lose(struct flow *flow, const char *why);
/* A joint of which nobody has seen anything yet: another session will do as well. */
bool flow_may_begin_again(const struct flow *flow);
void flow_begin_again(struct flow *flow);
/* Lets go of its channel (unless the session is gone) and of what it owns locally. */
void flow_finish(struct flow *flow, const struct ssh_api *api, bool alive);
/* Something came for a wire's flows that may let one of them go on. */
void wire_stir(struct wire *wire);
/* May one more command begin? A server takes only so many at a time (MaxSessions). */
bool wire_admits(struct wire *wire);
/* A command was refused while others run: true where it is worth trying again when one of them has ended. */
bool wire_refused(struct wire *wire);
void net_wake(struct net *net);

/*
 * A listening loopback port. `came` is called on the network thread with each connection's flow, which it has
 * to start (flow_start) or to end (flow_drop); it must not block. wanted 0: any port.
 */
struct tunnel_options {
    const char *host;
    int port;
    int wanted;
    void (*came)(void *ctx, struct flow *flow);
    void *ctx;
};
int tunnel_open(struct net *net, const struct tunnel_options *options, int *port, struct err *err);
void flow_drop(struct flow *flow);
