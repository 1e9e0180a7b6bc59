/*
 * From a connection's settings to a session that has logged in. All of it blocks the calling thread, with a
 * limit, and gives up soon after *cancel is set.
 */
#pragma once

#include "base/map.h"
#include "provider/ssh/session.h"

/* ---- The settings of one connection: what stands under `connections:`, completed by what
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
/* One connection by name. Guarded by the reach's lock, but for the settings, which only stand still. */
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
