/*
 * Connects with a connection's settings and logs in. These functions block the calling thread up to a time
 * limit, and stop soon after *cancel is set.
 */
#pragma once

#include <poll.h>

#include <libssh/libssh.h>

#include <libssh/callbacks.h>

#include "base/map.h"
#include "provider/ssh/connections.h"

/* ---- session.c: The network thread: all sessions (wires), their channels (flows) and forwarded local ports
 * (tunnels), in one poll loop.
 *
 * Order of calls: net_new(); then from any thread net_add() with a logged-in session, flow_start() and
 * flow_wait() for commands and joints, tunnel_open() for ports; net_free() ends everything. The session
 * belongs to the network thread from net_add() on. Wires are valid until net_free(); after its session is
 * lost a wire stays allocated.
 *
 * Data are read from one side only if the other has room: from a local socket while the channel's window is
 * open and libssh has no pending output, from a channel when the socket accepts data (the rest stays in
 * libssh's buffer, which the window bounds). The end of each direction is passed on separately. */

/* ---- login.c: libssh, loaded when the first connection is opened: most stacks have none, and linking it
 * would slow down every start (base/library.h). A session is used by one thread at a time: first by the
 * worker thread that logs in, then by the network thread. */
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

/* Returns NULL with ERR_FAILED if the library is not installed or too old. */
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

/* One channel and what it joins. The caller fills in the first part; the rest is used by the network
 * thread. */
struct flow {
    enum flow_kind kind;
    const char *command; /* COMMAND, SHELL */
    const char *host;    /* TCP, UNIX: host or path */
    int port;
    int in, out, error;      /* descriptors; -1: memory */
    const struct str *input; /* if `in` is -1 */
    size_t input_count;
    struct buf output[2]; /* if `out` is -1; [1]: standard error */
    const struct ssh_pool_terminal *terminal;
    void (*again)(void *ctx,
        struct flow *flow); /* tunnel's callback to start the flow on another session; may be NULL */
    void *again_ctx;
    int turns;  /* number of restarts */
    bool moved; /* some data was moved */
    bool owned; /* no thread waits for it: the flow and its descriptors are freed when it ends */
    atomic_bool abort;

    /* results, once `done` is set */
    bool done;  /* guarded by the net's lock */
    bool began; /* the server may have executed the command */
    int status; /* -1: not received */
    char signal[16];
    struct err err; /* class ERR_NONE: success */

    struct net *net;
    struct wire *wire;
    struct flow *next;
    enum flow_stage stage;
    ssh_channel channel;
    struct ssh_channel_callbacks_struct callbacks;
    size_t part, offset;             /* position in the input */
    struct half held;                /* read from `in`, not yet accepted by the channel */
    struct half spill[2];            /* read from the channel, not yet accepted by `out` or `error` */
    bool in_ready;                   /* `in` may have data, or is at its end */
    bool full[2];                    /* `out` or `error` accept no data at present */
    bool ready[2];                   /* the channel may have data, of output and of errors */
    bool in_ended, eof_sent;         /* `in` has ended, and the channel was told */
    bool eof_seen, closed, reported; /* the channel has ended, is closed, and `out` was told */
    int polled[3];                   /* indices of in, out, error in the poll array; -1: not polled */
};

int net_new(const struct ssh_api *api, struct net **out, struct err *err);
void net_free(struct net *net);

/* Adds a session, which belongs to the network thread from now on. */
struct wire *net_add(struct net *net, ssh_session session, int keep_alive_ms);
bool wire_is_open(struct net *net, const struct wire *wire);
void wire_close(struct net *net, struct wire *wire);

void flow_start(struct net *net, struct wire *wire, struct flow *flow);
/* Returns false on timeout or if *cancel was set, while the flow continues. deadline_ms 0: none. */
bool flow_wait(struct net *net, struct flow *flow, int64_t deadline_ms, const atomic_bool *cancel);
/* Ends a flow; returns when the network thread does not use it any more. */
void flow_abort(struct net *net, struct flow *flow);
/* Returns a flow that frees itself, between a socket and a remote target. Takes ownership of the socket. */
struct flow *flow_joint(int socket, struct str host, int port);

/* ---- shared by session.c and flow.c, on the network thread ---- */

/* Advances the flow as far as possible without blocking. Returns false when it is finished. */
bool flow_step(struct flow *flow, const struct ssh_api *api, ssh_session session);
/* Sets the poll events of its descriptors, 0: none (the caller sets flow->polled). */
void flow_events(struct flow *flow, const struct ssh_api *api, ssh_session session, short events[3]);
/* Fails a flow whose session was lost. */
void flow_lose(struct flow *flow, const char *why);
/* True for a joint that has moved no data yet: it can start again on another session. */
bool flow_may_begin_again(const struct flow *flow);
void flow_begin_again(struct flow *flow);
/* Closes its channel (if the session is alive) and frees its local resources. */
void flow_finish(struct flow *flow, const struct ssh_api *api, bool alive);
/* Notes an event that may let one of the wire's flows continue. */
void wire_stir(struct wire *wire);
/* True if another command may start: a server allows a limited number at a time (MaxSessions). */
bool wire_admits(struct wire *wire);
/* Called when a command was refused; returns true if other commands are running and it may be retried after
 * one of them ends. */
bool wire_refused(struct wire *wire);
void net_wake(struct net *net);

/*
 * A listening loopback port. `came` is called on the network thread with the flow of each connection, which
 * it has to start (flow_start) or to end (flow_drop); it must not block. wanted 0: any port.
 */
struct tunnel_options {
    const char *host;
    int port;
    int wanted;
    void (*came)(void *ctx, struct flow *flow);
    void *ctx;
};
void flow_drop(struct flow *flow);

/* ---- Internals of the network thread, shared by session.c, forward.c and flow.c. */
struct wire {
    struct net *net;
    struct wire *next;
    ssh_session session; /* NULL: lost or closed */
    ssh_event event;
    struct flow *flows;
    uint64_t stirred;
    int running, most_running; /* number of commands and shells, and its maximum */
    int keep_alive_ms;
    int64_t alive_ms; /* time of the next keep-alive message */
    int64_t heard_ms; /* time of the last received data */
    bool again;       /* not all work was done in the last turn */
    bool closing;     /* guarded by the net's lock, like `open` and `why` */
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

/* Accepts pending connections. */
void tunnel_answer(const struct tunnel *tunnel);

/* ---- The settings of one connection: those under `connections:`, completed from OpenSSH's configuration.
 * The stack's settings take precedence. */
struct connection {
    struct arena arena;
    struct str name;
    const struct value *config; /* as defined */
    struct str dir;             /* the folder that relative paths start from */

    const char *host, *user, *alias; /* alias: the host's name in known_hosts */
    int port;
    const char *via;                              /* name of another connection; NULL: none */
    const char *proxy_command;                    /* NULL: none */
    const struct value *host_keys;                /* list of fingerprints and key lines; may be empty */
    const char *known_hosts, *global_known_hosts; /* files; NULL: the default ones */
    bool strict;                                  /* OpenSSH's configuration refuses unknown hosts */

    const char *key;                   /* content of the private key; NULL: not configured */
    const char *const *key_files;      /* tried in this order, NULL-terminated */
    bool keys_given;                   /* configured in the stack: an unusable key is an error */
    const char *certificate;           /* file or content; NULL: none, or beside the key file */
    const char *passphrase, *password; /* NULL: none */
    bool agent;
    const char *agent_socket; /* NULL: SSH_AUTH_SOCK */

    int64_t timeout_ms; /* limit for logging in */
    int64_t wait_ms;    /* limit for waiting for a host that does not respond yet */
    bool cloud_init;    /* wait until cloud-init has finished */
    int keep_alive_ms;
};

void connection_init(
    struct connection *connection, struct str name, const struct value *config, struct str dir);
/* Fills in the other members; may run `ssh -G`. */
int connection_read(struct connection *connection, struct err *err);
void connection_release(struct connection *connection);

/* ---- login.c, host_key.c ---- */

struct login {
    const struct ssh_api *api;
    const struct connection *connection;
    const struct ssh_pool_trust *trust;
    const atomic_bool *cancel;
    int64_t deadline_ms;
    const char *key_types; /* allowed types of host keys; NULL: any */

    ssh_session session;
    bool may_wait;   /* may wait for a machine whose console does not show its keys yet ... */
    bool awaits_key; /* ... which is why the login failed */
    bool other_key;  /* the host showed a key of another type than the known one: another type may match */
    struct buf tried;
};

/* login.c: return a connected, non-blocking socket: by TCP, or to a ProxyCommand. */
int dial_host(const struct connection *connection, int64_t deadline_ms, const atomic_bool *cancel, int *fd,
    struct err *err);
int dial_command(const struct connection *connection, int *fd, struct err *err);

/* Handshake, host key and authentication on that socket, which the session then owns. */
int login_over(struct login *login, int fd, struct err *err);
/* host_key.c */
int host_key_check(struct login *login, struct err *err);

/* ---- Internals of a reach, shared by connections.c (opening) and forward.c. */
/* One connection by name. Guarded by the reach's lock, except for the settings, which do not change. */
struct link {
    struct ssh_pool *ssh_pool;
    struct str name; /* valid longer than the settings */
    struct connection connection;
    bool read;         /* the settings are complete, not only name, config and folder */
    bool opening;      /* a thread is opening it; others wait */
    struct wire *wire; /* NULL, or the latest; may be lost */
};

/* A forwarded local port and its target. */
struct passage {
    struct passage *next;
    struct ssh_pool *ssh_pool;
    struct link *link;
    const char *host;
    int port, local_port;
};

struct ssh_pool {
    struct ssh_pool_options options;
    pthread_mutex_t lock;
    pthread_cond_t changed;
    struct map links; /* name -> struct link * */
    struct net *net;  /* started with the first session */
    struct passage *passages;
    struct ssh_pool_patience patience;
    int openers; /* number of threads that reopen a lost session for a forwarded port */
    atomic_bool closing;
};

struct link *ssh_pool_link(struct ssh_pool *ssh_pool, struct str name, struct err *err);
/* Returns the open wire of a connection, opening it if needed. */
int ssh_pool_wire(struct ssh_pool *ssh_pool, struct str name, struct wire **out, struct err *err);
/* Checks that the connection's far end reaches a target. *wire is the connection's. */
int ssh_pool_probe(struct ssh_pool *ssh_pool, struct str name, struct str host, int port, struct wire **wire,
    struct err *err);
/* Waits before a retry after a transient failure, longer each time. Returns false if no retry is allowed. */
bool ssh_pool_wait_on(struct link *link, const struct ssh_pool_patience *patience, int64_t until_ms,
    const struct err *why, int *pause_ms);
/* Runs one command on that session, without repeating it. */
int ssh_pool_exec_on(struct ssh_pool *ssh_pool, struct wire *wire, const struct ssh_pool_command *command,
    struct ssh_pool_result *result, struct err *err);
