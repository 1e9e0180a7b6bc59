/*
 * Daemons: real servers that are behind records of the sandbox. A database that a stack makes is a record;
 * whoever connects to its endpoint speaks to a PostgreSQL.
 *
 * A kind of daemon (struct daemon_kind) says how it is found on the machine, what it is called and installed
 * by where it is missing, how its folder is filled, with which command it is started, when it is ready and by
 * which signal it ends. Everything else is done here, alike for all: a folder of its own below the sandbox's
 * (DIR/daemons/NAME: what it prints is in log, what it keeps in data/), its process and all that comes of it,
 * free ports of loopback that stay the same from one start to the next.
 *
 *     daemon_want()      it runs and answers when this returns: started where it does not; who comes
 * meanwhile waits for the same start daemon_rest()      it is asked to end, and has ended; its folder stays
 *     daemon_remove()    the same, and its folder goes
 *     daemon_data()      where its data is, for copies of one that rests
 *
 * Nothing runs before somebody wants it, so a record costs nothing: a stack that makes ten databases and
 * never speaks to them starts none. Mostly the first who connects to it (daemon.h) wants it. What is
 * missing on the machine is an error that says what to install: the record stays one.
 *
 * A daemon ends with the sandbox, also when that is killed (the process dies with the thread that started it;
 * process.h). Wanted again after a restart in the same folder, it goes on with the data that it had. All of
 * them listen on loopback or on a socket of this machine only.
 *
 * As root, one that refuses to run as root runs as another user (struct daemon_kind: user), who owns data/
 * and needs no way to it: it is given the folder as an open descriptor, DAEMON_DATA.
 *
 * Functions are safe from every thread, and may wait for a start or an end: not to be called with a lock
 * held.
 */
#pragma once

#include "base/pq_api.h"
#include "sandbox/calls/services.h"
#include "sandbox/engine/process.h"

/* ---- listener.c: Listeners: where clients connect to a daemon. A record has an address of its own
 * (127.x.y.z, which on Linux all lead to this machine) with the port that the service really has, so that two
 * databases both have 5432 and security groups, clients and stacks need not know of the sandbox. The address
 * follows from the record's name and the sandbox's folder, so it stays the same.
 *
 * A listener is open as soon as the record is there, and costs one descriptor. Who connects is met by its
 * visitor function on a thread of its own, which wants the daemon (daemon.h), or says why there is none, and
 * lets the two speak to each other with listener_join().
 *
 * Safe from every thread; listeners_open() and listeners_shut() wait for nothing and may be called with a
 * lock held. */
struct listeners;

/* Whose it is. */
struct listener_of {
    struct str type, region, id; /* of the record: "aws.rds.instance" */
};
/* The socket is closed when it returns. `ctx` is of listeners_open(). */
typedef void listener_visit(struct services *services, const struct listener_of *of, const void *ctx, int fd);

struct listeners *listeners_new(struct services *services);
/* Ends all conversations; services_wait_threads() waits for them. */
void listeners_stop(struct listeners *listeners);
void listeners_free(struct listeners *listeners);

/* ERR_IO: somebody else has the address. */
int listeners_open(struct listeners *listeners, const struct listener_of *of, struct str address,
    uint16_t port, listener_visit *visit, const void *ctx, struct err *err);
/* Those of other types than `but`: where they are, in the arena. */
struct listener_address {
    struct str address;
    uint16_t port;
};
struct listener_address *listeners_list(
    struct listeners *listeners, struct arena *arena, struct str but, size_t *n);
/* `opened` is called for each that opens from now on, of any type, with what locks
 * listeners_open() was called. */
void listeners_follow(struct listeners *listeners,
    void (*opened)(void *ctx, const struct listener_of *of, const struct listener_address *location),
    void *ctx);
/* Nobody can connect any longer; conversations go on. */
void listeners_shut(struct listeners *listeners, const struct listener_of *of);

/* Carries bytes both ways until one side ends it, or the sandbox. */
void listener_join(struct listeners *listeners, int a, int b);
/* Connected; -1: nobody there. */
int listener_dial(uint16_t port);
int listener_dial_at(uint32_t address, uint16_t port); /* another of this machine */
int listener_dial_path(const char *path); /* a socket's path; '@' at its beginning: without a file */

/* Two sockets, each of which gets what the other sends, its end too; what one side does not take is not read
 * from the other. */
struct conversation;
struct pollfd;

struct conversation *conversation_new(int a, int b);
void conversation_close(struct conversation *c); /* and its sockets */
/* What to wait for. */
void conversation_poll(const struct conversation *c, struct pollfd out[2]);
/* Moves what can be moved; false: it is over. */
bool conversation_step(struct conversation *c);

/* ---- daemon.c ---- */

enum { DAEMON_PORTS = 4 };

struct daemons;

/* One of them, as its kind sees it; everything lives in `arena`. */
struct daemon_self {
    struct arena *arena;
    struct services *services;
    struct str name;              /* unlike all others of this sandbox */
    const char *program;          /* what `find` found */
    const char *dir, *data;       /* both there */
    const char *seen_data;        /* `data` as the process sees it */
    const char *user;             /* it runs as; NULL: as oneself */
    uint16_t ports[DAEMON_PORTS]; /* as many as the kind has */
    const struct value *settings; /* of daemon_want() */
};

struct daemon_command {
    const char *const *argv; /* argv[0] a path, or looked for on the PATH; ends with NULL */
    const char *const *env; /* besides PATH, HOME, LANG and TZ; "NAME=value", ends with NULL; NULL: nothing */
};

struct daemon_kind {
    const char *title;   /* "PostgreSQL 14 or newer" */
    const char *install; /* "apt-get install postgresql" */
    const char *user;    /* as root, it runs as this one, else as nobody; NULL: whoever it is */
    size_t ports;
    int end_signal;             /* 0: SIGTERM */
    int64_t start_ms, grace_ms; /* how long it may take until it answers, and to end; 0: a minute, 5 s */
    /* Its program, or what else the other functions begin from; NULL: it is not on this machine. */
    const char *(*find)(struct arena *arena);
    /* Fills data/ the first time, before the first start; NULL: nothing to do. */
    int (*prepare)(const struct daemon_self *self, struct err *err);
    int (*command)(const struct daemon_self *self, struct daemon_command *out, struct err *err);
    bool (*ready)(const struct daemon_self *self);
    /* Once after each start, when it is ready; NULL: nothing to do. */
    int (*started)(const struct daemon_self *self, struct err *err);
};

struct daemons *daemons_new(struct services *services);
/* All are asked to end; services_wait_threads() waits for it. */
void daemons_stop(struct daemons *daemons);
void daemons_free(struct daemons *daemons);

/*
 * `settings` go to the kind's functions at a start, and not to one that runs; NULL: none. *out (may be NULL)
 * has no copy of them. ERR_FAILED: it is not installed, or does not start: the message says which, with the
 * end of what it printed. What is being removed is not started again.
 */
int daemon_want(struct daemons *daemons, const struct daemon_kind *kind, struct str name,
    const struct value *settings, struct arena *arena, struct daemon_self *out, struct err *err);
void daemon_rest(struct daemons *daemons, struct str name);
void daemon_remove(struct daemons *daemons, struct str name);
/* Where its data is, or would; it may not be there. */
const char *daemon_data(struct daemons *daemons, struct arena *arena, struct str name);

/* Before its first start: its data is a copy of what is in this folder, so there is nothing to prepare. */
int daemon_adopt(struct daemons *daemons, struct str name, const char *folder, struct err *err);

/* ---- for kinds ---- */

/* Runs a program to its end as the daemon's user, with data/ at hand, for `prepare`. */
int daemon_run(const struct daemon_self *self, const char *const *argv, struct err *err);
/* Does somebody listen there? */
bool daemon_port_answers(uint16_t port);

/* Where a process with another user's rights finds its data. */
#define DAEMON_DATA "/proc/self/fd/9"

/* The folder becomes the user's, with all that is in it. */
int daemon_give(const char *folder, const char *user, struct err *err);

/* ---- servers.c: Apache Kafka as a daemon: one node that is broker and controller at once (KRaft), which
 * speaks in the clear and asks nobody who they are. What it tells clients to be called is in the settings:
 * {address, port}; it listens at ports[0]. */
extern const struct daemon_kind kafka_daemon;

/* ---- servers.c: PostgreSQL as a daemon: a cluster of its own, which listens on a socket without a file
 * (only this machine's processes reach it) and lets in who has a password; the sandbox itself comes as the
 * superuser `rdsadmin`, known by the user that it runs as. postgres_open() speaks to it. */
extern const struct daemon_kind postgres_daemon;

#define POSTGRES_ADMIN "rdsadmin"
/* In its folder; read at each start, after what the cluster was made with. */
#define POSTGRES_CONF "weir.conf"

/* The socket's path, for listener_dial_path(). */
const char *postgres_socket(struct arena *arena, const struct daemon_self *self);

/* A session of the superuser's; to be closed with pq->finish(). NULL with err. */
PGconn *postgres_open(const struct daemon_self *self, const char *database, struct err *err);
/* Parameters $1, $2 …, NULL at the end; the result (may be NULL) is the caller's to clear. */
int postgres_run(
    PGconn *session, const char *sql, const char *const *values, PGresult **out, struct err *err);

/* A copy of a running cluster into an empty folder, from which another can be started. */
int postgres_copy(const struct daemon_self *self, const char *folder, struct err *err);

/* ---- listener.c: the first bytes of a conversation in PostgreSQL's protocol: what a client wants before
 * it is known which server there is. TLS is declined, what it asks for is kept for the server, and a
 * refusal reads as the server's own. */
/* The startup packet, whole, or a request to cancel. False: it went away, or speaks something else. */
bool greeting_read(int fd, struct buf *out);
/* Does it log in as that user? The server would know the sandbox, who dials for everybody, and ask for
 * nothing. */
bool greeting_is_user(const struct buf *startup, const char *user);
/* FATAL, with an SQLSTATE of five letters. */
void greeting_refuse(int fd, const char *state, const char *message);

/* ---- What the files here share: a daemon and its starts. */
enum daemon_state { RESTING, STARTING, RUNNING, ENDING };

struct daemon {
    struct daemon *next;
    struct daemons *all;
    struct arena arena; /* until it is removed */
    const struct daemon_kind *kind;
    struct str name;
    enum daemon_state state;
    bool alive; /* its process, or the thread that has it */
    struct process_switch stop;
    /* Of this start: */
    struct arena run;
    struct daemon_self self;
    struct daemon_command command;
    int log;
};

struct daemons {
    struct services *services;
    pthread_mutex_t lock; /* all below, but for what only a start changes */
    pthread_cond_t changed;
    struct daemon *first;
    bool stopping;
};
