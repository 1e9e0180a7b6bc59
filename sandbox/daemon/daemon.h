/*
 * Daemons: real servers behind records of the sandbox. A database instance is a record; a client that
 * connects to its endpoint reaches a PostgreSQL server.
 *
 * struct daemon_kind describes a server: how to find its program, what to install if it is missing, how to
 * fill its folder, the command, the readiness check and the end signal. This module does the rest for all
 * kinds: a folder below the sandbox's (DIR/daemons/NAME, with the output in log and the data in data/), the
 * process and its children, and free loopback ports that are kept across starts.
 *
 *   daemon_require()      starts the daemon unless it runs; concurrent callers wait for the same start
 *   daemon_stop()      ends the daemon and waits for its end; its folder stays
 *   daemon_remove()    as daemon_stop(), and removes its folder
 *   daemon_data()      the path of its data, to copy it while the daemon is at rest
 *
 * A daemon starts on first use, usually the first connection, so a record that no client uses costs nothing.
 * If the program is not installed, the error says what to install; the record is kept.
 *
 * A daemon ends with the sandbox, also when the sandbox is killed (the process dies with the thread that
 * started it; process.h). A later sandbox with the same folder starts it with the same data. All daemons
 * listen only on loopback or on a local socket.
 *
 * If the sandbox runs as root, a server that refuses root runs as another user (daemon_kind.user). That user
 * owns data/ and needs no access to its path: it gets the folder as an open descriptor, DAEMON_DATA.
 *
 * Functions are safe from every thread, and may wait for a start or an end, so no lock may be held.
 */
#pragma once

#include "base/pq_api.h"
#include "sandbox/calls/services.h"
#include "sandbox/engine/process.h"

/* ---- listener.c: listeners accept the connections of clients to daemons ----
 *
 * A record has a loopback address of its own (127.x.y.z, which Linux routes to this machine) with the
 * service's real port. So two databases can both use port 5432, and security groups, clients and stacks need
 * no change. The address is derived from the record's name and the sandbox's folder and does not change.
 *
 * A listener is open while the record exists and costs one descriptor. Each connection is passed to a visit
 * function on a thread of its own. It starts the daemon or returns an error to the client, and connects the
 * two with listener_join().
 *
 * Safe from every thread. listeners_open() and listeners_shut() do not block and may be called with a lock
 * held. */
struct listeners;

/* The record of a listener. */
struct listener_of {
    struct str type, region, id; /* type: "aws.rds.instance" */
};
/* Handles a connection; the socket is closed when it returns. `ctx` is that of listeners_open(). */
typedef void listener_visit(struct services *services, const struct listener_of *of, const void *ctx, int fd);

struct listeners *listeners_new(struct services *services);
/* Ends all connections; services_wait_threads() waits for them. */
void listeners_stop(struct listeners *listeners);
void listeners_free(struct listeners *listeners);

/* Opens a listener. ERR_IO: the address is in use. */
int listeners_open(struct listeners *listeners, const struct listener_of *of, struct str address,
    uint16_t port, listener_visit *visit, const void *ctx, struct err *err);
/* Returns the addresses of the listeners of all types except `but`, allocated in the arena. */
struct listener_address {
    struct str address;
    uint16_t port;
};
struct listener_address *listeners_list(
    struct listeners *listeners, struct arena *arena, struct str but, size_t *n);
/* Calls `opened` for each listener opened from now on, of any type, with the locks that the caller of
 * listeners_open() holds. */
void listeners_follow(struct listeners *listeners,
    void (*opened)(void *ctx, const struct listener_of *of, const struct listener_address *location),
    void *ctx);
/* Closes a listener; existing connections continue. */
void listeners_shut(struct listeners *listeners, const struct listener_of *of);

/* Copies bytes in both directions until one side or the sandbox ends the connection. */
void listener_join(struct listeners *listeners, int a, int b);
/* Returns a connected socket, or -1 if the port does not accept connections. */
int listener_dial(uint16_t port);
int listener_dial_at(uint32_t address, uint16_t port); /* a port of another loopback address */
int listener_dial_path(const char *path); /* a Unix socket; a path that begins with '@' is abstract */

/* Two connected sockets: each receives what the other sends, including its end. A socket is not read while
 * the other cannot take more data. */
struct conversation;
struct pollfd;

struct conversation *conversation_new(int a, int b);
void conversation_close(struct conversation *c); /* also closes both sockets */
/* Returns the events to wait for. */
void conversation_poll(const struct conversation *c, struct pollfd out[2]);
/* Transfers available data without blocking; false when the connection has ended. */
bool conversation_step(struct conversation *c);

/* ---- daemon.c ---- */

enum { DAEMON_PORTS = 4 };

struct daemons;

/* A daemon, as passed to the functions of its kind; allocated in `arena`. */
struct daemon_self {
    struct arena *arena;
    struct services *services;
    struct str name;              /* unique in this sandbox */
    const char *program;          /* result of `find` */
    const char *dir, *data;       /* both exist */
    const char *seen_data;        /* path of `data` as the process sees it */
    const char *user;             /* user of the process; NULL: the sandbox's */
    uint16_t ports[DAEMON_PORTS]; /* daemon_kind.ports of them */
    const struct value *settings; /* argument of daemon_require() */
};

struct daemon_command {
    const char *const *argv; /* argv[0]: a path, or a name looked up in PATH; ends with NULL */
    const char *const *env;  /* "NAME=value" beside PATH, HOME, LANG, TZ; NULL at the end; may be NULL */
};

struct daemon_kind {
    const char *title;   /* "PostgreSQL 14 or newer" */
    const char *install; /* "apt-get install postgresql" */
    const char *user;    /* user of the process if the sandbox is root (nobody if it is missing); NULL: the
                            sandbox's user */
    size_t ports;
    int end_signal;             /* 0: SIGTERM */
    int64_t start_ms, grace_ms; /* time limits until it is ready, and until it ends; 0: 60 s, 5 s */
    /* Returns the program, or another starting point of the other functions; NULL: not installed. */
    const char *(*find)(struct arena *arena);
    /* Fills data/ before the first start; may be NULL. */
    int (*prepare)(const struct daemon_self *self, struct err *err);
    int (*command)(const struct daemon_self *self, struct daemon_command *out, struct err *err);
    bool (*ready)(const struct daemon_self *self); /* NULL: once its first port answers */
    /* Called after each start, once ready; may be NULL. */
    int (*started)(const struct daemon_self *self, struct err *err);
};

struct daemons *daemons_new(struct services *services);
/* Ends all daemons; services_wait_threads() waits for them. */
void daemons_stop(struct daemons *daemons);
void daemons_free(struct daemons *daemons);

/*
 * Starts a daemon unless it runs. `settings` are passed to the kind's functions at a start; a running daemon
 * ignores them; may be NULL. *out (may be NULL) does not include them. ERR_FAILED: not installed or not
 * started; the message has the end of its output. A daemon that is being removed is not started.
 */
int daemon_require(struct daemons *daemons, const struct daemon_kind *kind, struct str name,
    const struct value *settings, struct arena *arena, struct daemon_self *out, struct err *err);
void daemon_stop(struct daemons *daemons, struct str name);
void daemon_remove(struct daemons *daemons, struct str name);
/* Returns the path of a daemon's data, which may not exist. */
const char *daemon_data(struct daemons *daemons, struct arena *arena, struct str name);

/* Copies a folder as the data of a daemon before its first start, so that `prepare` is not called. */
int daemon_adopt(struct daemons *daemons, struct str name, const char *folder, struct err *err);

/* ---- functions for kinds ---- */

/* Runs a program to its end as the daemon's user, with access to data/; for `prepare`. */
int daemon_run(const struct daemon_self *self, const char *const *argv, struct err *err);
/* True if a server accepts connections at the port. */
bool daemon_port_answers(uint16_t port);

/* Path of data/ in a process of another user. */
#define DAEMON_DATA "/proc/self/fd/9"

/* Makes a user the owner of a folder and its content. */
int daemon_set_owner(const char *folder, const char *user, struct err *err);

/* ---- servers.c: Apache Kafka: one node in KRaft mode, broker and controller, without TLS and
 * authentication. The advertised address is in the settings {address, port}; it listens at ports[0] ---- */
extern const struct daemon_kind kafka_daemon;

/* ---- servers.c: PostgreSQL: a cluster per daemon on an abstract Unix socket, reachable only from this
 * machine, with password authentication. The sandbox connects as superuser `rdsadmin` by peer authentication:
 * postgres_open() ---- */
extern const struct daemon_kind postgres_daemon;

#define POSTGRES_ADMIN "rdsadmin"
/* Configuration file in the cluster's folder; read at each start after postgresql.conf. */
#define POSTGRES_CONF "weir.conf"

/* Returns the socket's path for listener_dial_path(). */
const char *postgres_socket(struct arena *arena, const struct daemon_self *self);

/* Opens a session of the superuser, to be closed with pq->finish(). Returns NULL with err. */
PGconn *postgres_open(const struct daemon_self *self, const char *database, struct err *err);
/* Executes a statement with parameters $1, $2 … (ends with NULL). The caller clears the result (may be
 * NULL). */
int postgres_run(
    PGconn *session, const char *sql, const char *const *values, PGresult **out, struct err *err);

/* Copies a running cluster to an empty folder, from which another daemon can be started. */
int postgres_copy(const struct daemon_self *self, const char *folder, struct err *err);

/* ---- listener.c: the startup of a PostgreSQL connection, read before the server is known. TLS is declined,
 * the startup packet is kept for the server, and errors look like the server's ---- */
/* Reads the whole startup packet or cancel request. False: the connection ended, or the protocol differs. */
bool greeting_read(int fd, struct buf *out);
/* True if the client logs in as `user`. The server would see the sandbox, which connects for all clients, and
 * not ask for a password. */
bool greeting_is_user(const struct buf *startup, const char *user);
/* Sends a FATAL error with an SQLSTATE of five characters. */
void greeting_refuse(int fd, const char *state, const char *message);

/* ---- internal: a daemon and its starts ---- */
enum daemon_state { STOPPED, STARTING, RUNNING, ENDING };

struct daemon {
    struct daemon *next;
    struct daemons *all;
    struct arena arena; /* freed with the daemon */
    const struct daemon_kind *kind;
    struct str name;
    enum daemon_state state;
    bool alive; /* the process or its thread exists */
    struct process_switch stop;
    /* Members of the current start: */
    struct arena run;
    struct daemon_self self;
    struct daemon_command command;
    int log;
};

struct daemons {
    struct services *services;
    pthread_mutex_t lock; /* guards all members below, except those that only a start changes */
    pthread_cond_t changed;
    struct daemon *first;
    bool stopping;
};
