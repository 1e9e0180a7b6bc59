/*
 * Reach: the stack's connections, by which providers get to where no cloud API leads: hosts behind a bastion,
 * databases in private networks.
 *
 * Order of calls: reach_new(); reach_define() for each connection as soon as its settings are known (in a
 * plan, or in the midst of an apply); then reach_exec(), reach_forward() and reach_shell() by
 * name, from any thread; reach_free() closes sessions and forwarded ports. Nothing is opened before something
 * wants it: the first call for a connection logs in, and opens on its way the connection that it goes `via`.
 *
 * A worker logs in by itself, with straight-line code, while others who want the same connection wait. From
 * then on one network thread moves the bytes of all sessions, commands and forwarded ports; callers sleep
 * until their result is there. A session that is lost is opened again, once, for the next call; a command is
 * repeated only if it never began or its caller says that it may be (`repeatable`); otherwise the err says
 * `lost`.
 *
 * Host keys are always checked: against `host_key`, against the files of known hosts, and otherwise against
 * what the owner of the reach knows (struct reach_trust): what the console of its machine shows, or what was
 * trusted at the first use.
 */
#pragma once

#include "base/buf.h"
#include "base/threads.h"
#include "base/value.h"

#include <sys/types.h>

struct reach;

/* A key that was not known. It is a line as in authorized_keys, "ssh-ed25519 AAAA…", without comment. */
struct reach_learned {
    struct str connection, where, key;
    const char *shown; /* "SHA256:…" */
    bool vouched;      /* its machine's console shows it; otherwise it is trusted at its first use, ... */
    const char *why;   /* ... as this kept it from being checked; NULL: nobody could tell */
};

/* What is known of hosts' keys by whoever owns the reach. All may be called from any thread. */
struct reach_trust {
    /* The key for a connection, in the arena; an empty slice where none is kept. *made: it is that of a
     * machine of the owner's. */
    struct str (*known)(void *ctx, struct arena *arena, struct str connection, bool *made);
    void (*learned)(void *ctx, const struct reach_learned *learned);
    /* What the machine printed when it started, as far as its service tells by now; with err set where that
     * could not be found out. False: nobody can be asked. */
    bool (*console)(void *ctx, struct arena *arena, struct str connection, const atomic_bool *cancel,
        struct str *text, struct err *err);
    void *ctx;
};

struct reach_options {
    struct reach_trust trust; /* without functions: hosts that nobody knows are refused */
    void (*trace)(void *ctx, const char *line);
    void *trace_ctx;
};

struct reach *reach_new(const struct reach_options *options);
void reach_free(struct reach *reach);

/*
 * Says what a connection is: the map that is under `connections:` (docs/stacks.md), everything known.
 * `via` names another connection of this reach. Relative paths in it start at `dir`. Defining the same again
 * changes nothing; defining it anew closes what is open.
 */
int reach_define(
    struct reach *reach, struct str name, const struct value *config, struct str dir, struct err *err);

/* What holds for all that waits from now on. */
struct reach_patience {
    bool wait;     /* hosts that do not answer yet are waited for, as long as each connection's `wait` says */
    bool services; /* and what listens behind them */
    const atomic_bool *cancel;
    void (*progress)(void *ctx, struct str connection, const char *what);
    void *progress_ctx;
};
void reach_be_patient(struct reach *reach, const struct reach_patience *patience);

/* Opens it, unless it is open. */
int reach_open(struct reach *reach, struct str connection, struct err *err);

/*
 * A loopback port (127.0.0.1) that leads to host:port as seen from the connection's far end, while the reach
 * lives; the same one whenever the same place is asked for. `host` that begins with a slash is a socket
 * there.
 */
int reach_forward(
    struct reach *reach, struct str connection, struct str host, int port, int *local_port, struct err *err);
/* The same for a caller who waits by itself: what does not answer now is an error at once. */
int reach_forward_now(
    struct reach *reach, struct str connection, struct str host, int port, int *local_port, struct err *err);
/* The same, on a port of the caller's choice; 0: any. */
int reach_forward_at(struct reach *reach, struct str connection, struct str host, int port, int wanted,
    int *local_port, struct err *err);

struct reach_command {
    struct str command;      /* for the login shell there; must hold nothing secret: others see it */
    const struct str *input; /* its standard input, in parts */
    size_t input_count;
    size_t output_max, error_max; /* bytes kept of each; 0: 16 MB, 64 KB */
    int64_t timeout_ms;           /* 0: none */
    bool repeatable;              /* may run twice */
    const atomic_bool *cancel;    /* set: given up, ERR_INTERRUPTED; NULL: never */
};

struct reach_result {
    int status;      /* of the command; 128 and more: it was ended by a signal */
    char signal[16]; /* "KILL"; "" none */
    struct buf output, error;
};
#define REACH_RESULT_INIT                                                                                    \
    {                                                                                                        \
        0                                                                                                    \
    }
#define AUTO_REACH_RESULT __attribute__((cleanup(reach_result_release)))
void reach_result_release(struct reach_result *result);

/* One command. A status other than 0 is no failure of this function. */
int reach_exec(struct reach *reach, struct str connection, const struct reach_command *command,
    struct reach_result *result, struct err *err);

/* A person's shell, or one command, on the given descriptors; *status as in reach_result. */
struct reach_terminal {
    struct str command; /* "": a shell */
    int in, out, error;
    bool pty;
    const char *type; /* TERM */
    int columns, rows;
    atomic_bool *resized; /* set when columns and rows have to be asked for again, which clears it */
    void (*size)(int *columns, int *rows);
    const atomic_bool *cancel;
};
int reach_shell(struct reach *reach, struct str connection, const struct reach_terminal *terminal,
    int *status, struct err *err);
