/*
 * From a connection's settings to a session that has logged in. All of it blocks the calling thread, with a
 * limit, and gives up soon after *cancel is set.
 */
#pragma once

#include <poll.h>

#include <libssh/libssh.h>

#include <libssh/callbacks.h>

#include "base/map.h"
#include "provider/ssh/connections.h"

/* ---- session.c: The network thread: all open sessions (wires), the channels on them (flows) and the local
 * ports that lead into them (tunnels), in one poll loop.
 *
 * net_new(); then from any thread net_add() with a session that has logged in, flow_start() and flow_wait()
 * for commands and joints, tunnel_open() for ports; net_free() ends all of it. A session belongs to the
 * thread from net_add() on. Wires live as long as the net; one whose session is lost stays behind as a husk.
 *
 * Bytes are only taken from one side when the other has room: from a local socket while the channel's window
 * is open and nothing waits to be sent, from a channel when the socket takes them (what is not taken stays in
 * libssh's buffer, which its window bounds). The end of one direction is passed on alone. */

/* ---- login.c: libssh, loaded when the first connection is opened: most stacks have none, and linking it
 * would be felt at every start (base/library.h). A session belongs to one thread at a time: first to the
 * worker that logs in, then to the network thread. */
/* clang-format off */
#define SSH_FUNCTIONS(X)                                                                                 \
    X(new) X(free) X(options_set) X(options_get) X(options_get_port) X(options_parse_config)             \
    X(set_blocking) X(connect) X(disconnect) X(is_connected) X(get_error) X(get_error_code) X(get_fd)    \
    X(get_status) X(get_poll_flags) X(channel_cancel_forward) X(get_server_publickey)                    \
    X(get_publickey_hash) X(get_fingerprint_hash) X(clean_pubkey_hash) X(session_is_known_server)        \
    X(known_hosts_parse_line) X(knownhosts_entry_free) X(key_new) X(key_free) X(key_type)                \
    X(key_type_to_char) X(key_type_from_name) X(key_cmp) X(pki_import_privkey_file)                      \
    X(pki_import_privkey_base64) X(pki_import_pubkey_base64) X(pki_import_cert_file)                     \
    X(pki_import_cert_base64) X(pki_copy_cert_to_privkey) X(pki_export_pubkey_base64)                    \
    X(string_free_char) X(userauth_none) X(userauth_list) X(userauth_publickey) X(userauth_agent)        \
    X(userauth_password) X(userauth_kbdint) X(userauth_kbdint_getnprompts) X(userauth_kbdint_getprompt)  \
    X(userauth_kbdint_setanswer) X(event_new) X(event_free) X(event_add_session) X(event_remove_session) \
    X(event_dopoll) X(channel_new) X(channel_free) X(channel_close) X(channel_open_session)              \
    X(channel_open_forward) X(channel_open_forward_unix) X(channel_request_pty_size)                     \
    X(channel_change_pty_size) X(channel_request_exec) X(channel_request_shell)                          \
    X(channel_request_send_signal) X(channel_send_eof) X(channel_is_eof) X(channel_is_open)              \
    X(channel_is_closed) X(channel_read_nonblocking) X(channel_write) X(channel_window_size)             \
    X(remove_channel_callbacks) X(set_channel_callbacks)
/* clang-format on */
struct ssh_api {
#define SSH_POINTER(name) __typeof__(ssh_##name) *(name);
    SSH_FUNCTIONS(SSH_POINTER)
#undef SSH_POINTER
};

/* NULL with ERR_FAILED where the library is not installed or too old. */
const struct ssh_api *ssh_api(struct err *err);

/* ---- session.c, flow.c, forward.c ---- */

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

/* ---- between session.c and flow.c, on the network thread ---- */

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
void flow_drop(struct flow *flow);

/* ---- The network thread's own: what session.c and forward.c share; flow.c what is
 * at the end. */
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

/* ---- forward.c ---- */

/* Lets in who has knocked. */
void tunnel_answer(const struct tunnel *tunnel);

/* ---- The settings of one connection: what is under `connections:`, completed by what
 * OpenSSH's own configuration says about the host. What the stack says comes first. */
struct connection {
    struct arena arena;
    struct str name;
    const struct value *config; /* as defined */
    struct str dir;             /* where relative paths start */

    const char *host, *user, *alias; /* alias: the name under which known hosts have it */
    int port;
    const char *via;                              /* another connection; NULL: none */
    const char *proxy_command;                    /* NULL: none */
    const struct value *host_keys;                /* list of fingerprints and key lines; empty: none given */
    const char *known_hosts, *global_known_hosts; /* files; NULL: the usual ones */
    bool strict; /* OpenSSH's configuration wants no host that it does not know */

    const char *key;                   /* the private key itself; NULL: not given */
    const char *const *key_files;      /* tried in this order, NULL at the end */
    bool keys_given;                   /* by the stack: what is wrong with one is an error */
    const char *certificate;           /* file or text; NULL: none, or beside the key */
    const char *passphrase, *password; /* NULL: none */
    bool agent;
    const char *agent_socket; /* NULL: SSH_AUTH_SOCK */

    int64_t timeout_ms; /* to log in */
    int64_t wait_ms;    /* for a host that does not answer yet */
    bool cloud_init;    /* wait until cloud-init has done its work */
    int keep_alive_ms;
};

void connection_init(
    struct connection *connection, struct str name, const struct value *config, struct str dir);
/* Fills in the rest; may run `ssh -G`. */
int connection_read(struct connection *connection, struct err *err);
void connection_release(struct connection *connection);

/* ---- login.c, host_key.c ---- */

struct login {
    const struct ssh_api *api;
    const struct connection *connection;
    const struct reach_trust *trust;
    const atomic_bool *cancel;
    int64_t deadline_ms;
    const char *key_types; /* of the host: only these; NULL: any */

    ssh_session session;
    bool may_wait;   /* for a machine whose console does not show its keys yet ... */
    bool awaits_key; /* ... which is what it failed for */
    bool other_key;  /* the host showed a key of a kind that was not expected: another kind may be known */
    struct buf tried;
};

/* login.c: a connected, non-blocking socket: by TCP, or to a program that is the way there. */
int dial_host(const struct connection *connection, int64_t deadline_ms, const atomic_bool *cancel, int *fd,
    struct err *err);
int dial_command(const struct connection *connection, int *fd, struct err *err);

/* Handshake, host key and authentication over that socket, which becomes the session's. */
int login_over(struct login *login, int fd, struct err *err);
/* host_key.c */
int host_key_check(struct login *login, struct err *err);

/* ---- The inside of a reach, shared by connections.c (opening) and forward.c. */
/* One connection by name. Guarded by the reach's lock, but for the settings, which do not change. */
struct link {
    struct reach *reach;
    struct str name; /* outlives the settings */
    struct connection connection;
    bool read;         /* all of it is filled in, not only its name, config and folder */
    bool opening;      /* by one thread; others wait */
    struct wire *wire; /* NULL, or the newest; may be lost */
};

/* A local port and where it leads. */
struct passage {
    struct passage *next;
    struct reach *reach;
    struct link *link;
    const char *host;
    int port, local_port;
};

struct reach {
    struct reach_options options;
    pthread_mutex_t lock;
    pthread_cond_t changed;
    struct map links; /* name -> struct link * */
    struct net *net;  /* started with the first session */
    struct passage *passages;
    struct reach_patience patience;
    int openers; /* threads that open a lost session for a forwarded port */
    atomic_bool closing;
};

struct link *reach_link(struct reach *reach, struct str name, struct err *err);
/* The open wire of a connection, which is opened if it has to be. */
int reach_wire(struct reach *reach, struct str name, struct wire **out, struct err *err);
/* Does a connection's far end reach that place? *wire is the connection's. */
int reach_probe(
    struct reach *reach, struct str name, struct str host, int port, struct wire **wire, struct err *err);
/* A pause after a failure that may pass by itself, longer each time. False: no more patience. */
bool reach_wait_on(struct link *link, const struct reach_patience *patience, int64_t until_ms,
    const struct err *why, int *pause_ms);
/* One command, once, on that session. */
int reach_exec_on(struct reach *reach, struct wire *wire, const struct reach_command *command,
    struct reach_result *result, struct err *err);
