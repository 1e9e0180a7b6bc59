/*
 * The sandbox: an AWS emulator on one loopback port. S3 is served from files (s3/), every other service from
 * the specs (control/), behind one signature check.
 *
 * Each connection has a thread of libmicrohttpd, so a request may wait for the disk without delaying others.
 * All data is below one directory, which one process may use at a time. An acknowledged change is durable
 * unless `ephemeral`. sandbox/http/server.h and http/auth.c describe who may call.
 *
 * This header is for code outside the sandbox. A program built with SANDBOX=no has absent.c instead.
 */
#pragma once

#include "sandbox/context/context.h"

struct provider_kinds; /* provider/kind.h */

struct sandbox_options {
    const char *dir;  /* NULL with `ephemeral`: a temporary directory below TMPDIR */
    bool ephemeral;   /* nothing is synced; the directory, which is new or empty, is removed at the end */
    const char *bind; /* numeric address; NULL: 127.0.0.1 */
    uint16_t port;    /* 0: any */
    bool announced;   /* announces the endpoint to processes that want the same directory: sandbox_served() */
    bool temporary;   /* ends with one command: a process that joins is warned and delays the end */
    const struct str *hosts; /* host names accepted besides those of this machine */
    size_t host_count;
    const struct sandbox_key *keys; /* accepted access keys; none: only the folder's own key */
    size_t key_count;
    struct str account;                 /* 12 digits; "": SANDBOX_ACCOUNT */
    const struct provider_kinds *kinds; /* the provider types whose services are served */
    const char *specs_dir;              /* a user's specs, which override the built-in ones; NULL: none */
    double speed;                /* of state machines and schedules, and the default of state_speed; 0: 1 */
    double state_speed;          /* of resource states that change over time; 0: as `speed` */
    bool schedules;              /* rules and schedules fire; false: they are only stored */
    const char *faults_file;     /* fault rules (sandbox/http/server.h); NULL: none */
    bool console, console_write; /* serve the web console; let it change resources (console/console.h) */
    enum sandbox_iam iam;        /* whether IAM policies are enforced */
    int64_t minute_ms;     /* milliseconds per minute of a job's timeout (shortened by tests); 0: 60000 */
    int64_t patience_ms;   /* milliseconds in which a request must arrive (shortened by tests); 0: 30 s */
    int64_t run_max_bytes; /* bytes that a run may use in its folder (reduced by tests); 0: 16 GiB */
};

#define SANDBOX_ACCOUNT "000000000000"

/* Starts serving until sandbox_stop(). ERR_IO: the port is in use. ERR_LOCKED: the directory is in use. */
int sandbox_start(const struct sandbox_options *options, struct sandbox **out, struct err *err);
/* Sets the directory of the stack's specs, which is known only after the start. No effect once the services
 * are loaded or if specs_dir was set. */
void sandbox_use_specs(struct sandbox *sandbox, const char *dir);
uint16_t sandbox_port(const struct sandbox *sandbox);
/* Returns the address of the console with its token, or "" if the console is off. */
struct str sandbox_console_address(const struct sandbox *sandbox, struct arena *arena);
/* Returns the endpoint (http://127.0.0.1:4566) of the process that serves `dir` and accepts connections, or
 * "". */
struct str sandbox_served(struct arena *arena, const char *dir);
/*
 * For commands that use the sandbox of one directory at the same time. The first command serves it
 * (`passes`), the others join. A joined command keeps the sandbox running until it closes *fd. With fd -1 no
 * process serves the directory, which may change at any time. The serving command ends once sandbox_unused()
 * returns true, after which no command can join.
 */
struct sandbox_joined {
    struct str endpoint;
    bool temporary; /* the sandbox and its runs end with the last command */
    int fd;
};
int sandbox_join(struct arena *arena, const char *dir, struct sandbox_joined *out, struct err *err);
bool sandbox_unused(struct sandbox *sandbox);
/* Reads the key of a folder; creates the folder and the key if they are missing. *dir becomes the absolute
 * path. */
int sandbox_folder_key(struct arena *arena, const char **dir, struct sandbox_key *key, struct err *err);
/*
 * Creates temporary credentials of a role for the sandbox with this key, valid for twelve hours. `name` is
 * the session name. Whether the role exists is not checked.
 */
struct sandbox_role_key {
    struct str access_key, secret_key, token;
};
struct sandbox_role_key sandbox_role_session(
    struct arena *arena, const struct sandbox_key *key, struct str role, struct str name);
/* A program that a sandbox needs on this machine. The first call starts Python, which takes about 50 ms. */
struct sandbox_engine {
    const char *name;           /* as specs and tests name it: "duckdb" */
    const char *title, *serves; /* for users: "DuckDB for Python", "Athena's queries and views" */
    bool is_here;
    struct str install; /* how to install it; "" if is_here */
};
const struct sandbox_engine *sandbox_engines(struct arena *arena, size_t *n);
/* True if other machines can connect to this bind address. NULL: the default address. */
bool sandbox_reaches_out(const char *bind_to);
/* Accepts no new connections, waits up to five seconds for running requests, and frees everything. */
void sandbox_stop(struct sandbox *sandbox);
