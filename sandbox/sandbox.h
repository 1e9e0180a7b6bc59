/*
 * The sandbox: an sandbox on one loopback port. S3 is served from files (s3/), every
 * other service from the specs in reverse (control/), behind the same signature check.
 *
 * One thread a connection (libmicrohttpd's), so a request may wait for the disk without holding up others.
 * Everything is below one directory, which one process may use at a time. A change that was answered is
 * durable, unless `ephemeral`. Who may call: sandbox/http/server.h and http/auth.c.
 *
 * This header is for those outside; what is inside has its own. A program built with SANDBOX=no has absent.c
 * in place of all that.
 */
#pragma once

#include "sandbox/context/context.h"

struct provider_kinds; /* provider/kind.h */

struct sandbox_options {
    const char *dir;         /* NULL with `ephemeral`: a directory of its own below TMPDIR */
    bool ephemeral;          /* nothing is synced; a directory of its own is removed at the end */
    const char *bind;        /* numeric address; NULL: 127.0.0.1 */
    uint16_t port;           /* 0: any */
    bool tells;              /* where it is, to whoever wants the same directory: sandbox_served() */
    bool passes;             /* it ends with one command: who joins is warned, and kept from losing it */
    const struct str *hosts; /* names by which it may be called, besides those of this machine */
    size_t host_count;
    const struct sandbox_key *keys; /* who may call; n 0: the folder's own key alone */
    size_t key_count;
    struct str account;                 /* 12 digits; "" : SANDBOX_ACCOUNT */
    const struct provider_kinds *kinds; /* whose services it serves */
    const char *specs_dir;              /* a user's own specs over the built-in ones; NULL: none */
    double speed;            /* of state machines, schedules and, where nothing else is given, states; 0: 1 */
    double state_speed;      /* of services' states that change over time; 0: as `speed` says */
    bool schedules;          /* rules and schedules fire; without it they are only kept */
    const char *faults_file; /* rules of sandbox/http/server.h; NULL: none */
    bool console,
        console_write;    /* a page that shows what is in it, and may change resources: console/console.h */
    enum sandbox_iam iam; /* whether roles' and users' policies count */
    int64_t minute_ms;    /* how long a minute of a job's timeout is (tests shorten it); 0: 60000 */
    int64_t patience_ms;  /* how long a request may take to arrive (tests have less); 0: half a minute */
    int64_t room;         /* bytes that a run may have in its folder (tests have less); 0: 16 GiB */
};

#define SANDBOX_ACCOUNT "000000000000"

/* Serves until sandbox_stop(). ERR_IO: the port or the directory is taken. */
int sandbox_start(const struct sandbox_options *options, struct sandbox **out, struct err *err);
/* What the stack says of specs, which is known only after the start; nothing where the services are loaded
 * already. */
void sandbox_use_specs(struct sandbox *sandbox, const char *dir);
uint16_t sandbox_port(const struct sandbox *sandbox);
/* Of the console, with its token; "" where there is none. */
struct str sandbox_console_address(const struct sandbox *sandbox, struct arena *arena);
/* http://127.0.0.1:4566, of the process that serves `dir` and answers; "" where there is none. */
struct str sandbox_served(struct arena *arena, const char *dir);
/*
 * Commands that use the sandbox of a directory at the same time: the first one serves it (`passes`), the
 * others join. One that joined keeps the first from ending until *fd is closed; fd -1: nobody serves it,
 * which may change at once. Whoever serves ends when sandbox_unused(), after which nobody joins any more.
 */
struct sandbox_joined {
    struct str endpoint;
    bool passes; /* what runs in it when the last command ends is ended */
    int fd;
};
int sandbox_join(struct arena *arena, const char *dir, struct sandbox_joined *out, struct err *err);
bool sandbox_unused(struct sandbox *sandbox);
/* The key of a folder, which is made where it is missing, and the folder with it: *dir becomes the whole
 * path. */
int sandbox_folder_key(struct arena *arena, const char **dir, struct sandbox_key *key, struct err *err);
/*
 * Credentials of a role, as its sessions have them, of the sandbox in a folder: `name` is the session's. They
 * last twelve hours. Whether there is such a role the folder does not say.
 */
struct sandbox_role_key {
    struct str access_key, secret_key, token;
};
struct sandbox_role_key sandbox_role_session(
    struct arena *arena, const struct sandbox_key *key, struct str role, struct str name);
/* What a sandbox of this process runs with on this machine. The first look takes a twentieth of a second. */
struct sandbox_engine {
    const char *name;           /* as specs and tests call it: "duckdb" */
    const char *title, *serves; /* for people: "DuckDB for Python", "Athena's queries and views" */
    bool is_here;
    struct str install; /* the command that brings it, or what else to do; "" it is here */
};
const struct sandbox_engine *sandbox_engines(struct arena *arena, size_t *n);
/* Can other machines reach what is bound to this address? NULL: to the usual one. */
bool sandbox_reaches_out(const char *bind_to);
/* Takes no new connections, lets running requests finish (five seconds), frees everything. */
void sandbox_stop(struct sandbox *sandbox);
