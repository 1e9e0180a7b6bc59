/*
 * Daemons: real servers that stand behind records of the sandbox. A database that a stack makes is a record;
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
 *     daemon_data()      where its data lies, for copies of one that rests
 *
 * Nothing runs before somebody wants it, so a record costs nothing: a stack that makes ten databases and
 * never speaks to them starts none. Mostly the first who connects to it (listener.h) wants it. What is
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

#include "sandbox/calls/services.h"

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
/* Where its data lies, or would; it may not be there. */
const char *daemon_data(struct daemons *daemons, struct arena *arena, struct str name);

/* Before its first start: its data is a copy of what is in this folder, so there is nothing to prepare. */
int daemon_adopt(struct daemons *daemons, struct str name, const char *folder, struct err *err);

/* ---- for kinds ---- */

/* Runs a program to its end as the daemon's user, with data/ at hand, for `prepare`. */
int daemon_run(const struct daemon_self *self, const char *const *argv, struct err *err);
/* Does somebody listen there? */
bool daemon_port_answers(uint16_t port);

/* "no PostgreSQL 14 or newer here: apt-get install postgresql" */
int daemon_missing(const struct daemon_kind *kind, struct err *err);

/* ---- user.c ---- */

/* Where a process with another user's rights finds its data. */
#define DAEMON_DATA "/proc/self/fd/9"

/* Who it runs as; NULL: as oneself. */
const char *daemon_user(const struct daemon_kind *kind);
/* The folder becomes the user's, with all that is in it. */
int daemon_give(const char *folder, const char *user, struct err *err);
/* The command with what makes it run as that user. */
const char *const *daemon_as(const struct daemon_self *self, const char *const *argv);
