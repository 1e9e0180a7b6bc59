/*
 * A pool of the stack's SSH connections, through which providers reach what no cloud API does: hosts behind a
 * bastion, databases in private networks.
 *
 * Order of calls: ssh_pool_new(); ssh_pool_define() for each connection once its settings are known (at plan
 * time or during an apply); then ssh_pool_exec(), ssh_pool_forward() and ssh_pool_shell() by name, from any
 * thread; ssh_pool_free() closes sessions and forwarded ports. A connection is opened at its first use, which
 * logs in, after opening the connection named in its `via`.
 *
 * A worker thread logs in itself, while other threads that need the same connection wait. After that one
 * network thread moves the data of all sessions, commands and forwarded ports; callers block until their
 * result is complete. A lost session is opened again, once, for the next call. A command is repeated only if
 * it never started or if its caller allows it (`repeatable`); otherwise err->lost is set.
 *
 * Host keys are always checked: against `host_key`, against known_hosts files, and otherwise against the
 * owner's callbacks (struct ssh_pool_trust): keys on the machine's console, or keys trusted at first use.
 */
#pragma once

#include "base/buf.h"
#include "base/threads.h"
#include "base/value.h"

#include <sys/types.h>

struct ssh_pool;

/* A host key that was not known before: a line as in authorized_keys, "ssh-ed25519 AAAA…", without a
 * comment. */
struct ssh_pool_learned {
    struct str connection, where, key;
    const char *shown; /* fingerprint, "SHA256:…" */
    bool vouched;      /* confirmed by the machine's console; otherwise trusted at first use ... */
    const char *why;   /* ... because this prevented a check; NULL: there is no console to check */
};

/* The owner's knowledge of host keys. All functions may be called from any thread. */
struct ssh_pool_trust {
    /* Returns the known key of a connection, allocated in the arena; empty if there is none. *made: the key
     * is of a machine that the owner created. */
    struct str (*known)(void *ctx, struct arena *arena, struct str connection, bool *made);
    void (*learned)(void *ctx, const struct ssh_pool_learned *learned);
    /* Reads the console output of the machine's start, as far as the service has it; on failure err is set.
     * Returns false if the machine has no console service. */
    bool (*console)(void *ctx, struct arena *arena, struct str connection, const atomic_bool *cancel,
        struct str *text, struct err *err);
    void *ctx;
};

struct ssh_pool_options {
    struct ssh_pool_trust trust; /* without functions: unknown hosts are refused */
    void (*trace)(void *ctx, const char *line);
    void *trace_ctx;
};

struct ssh_pool *ssh_pool_new(const struct ssh_pool_options *options);
void ssh_pool_free(struct ssh_pool *ssh_pool);

/*
 * Defines a connection: the map under `connections:` (docs/stacks.md), all values known. `via` names another
 * connection of this pool. Relative paths start from `dir`. An identical definition changes nothing; a
 * different one closes the open session.
 */
int ssh_pool_define(
    struct ssh_pool *ssh_pool, struct str name, const struct value *config, struct str dir, struct err *err);

/* How long calls wait from now on. */
struct ssh_pool_patience {
    bool wait;     /* wait for hosts that do not respond yet, up to each connection's `wait` */
    bool services; /* wait for services behind them, too */
    const atomic_bool *cancel;
    void (*progress)(void *ctx, struct str connection, const char *what);
    void *progress_ctx;
};
void ssh_pool_be_patient(struct ssh_pool *ssh_pool, const struct ssh_pool_patience *patience);

/* Opens a connection unless it is open. */
int ssh_pool_open(struct ssh_pool *ssh_pool, struct str connection, struct err *err);

/*
 * Returns a loopback port (127.0.0.1) that forwards to host:port from the connection's far end until
 * ssh_pool_free(); the same port for each call with the same target. A `host` that begins with a slash is a
 * Unix socket.
 */
int ssh_pool_forward(struct ssh_pool *ssh_pool, struct str connection, struct str host, int port,
    int *local_port, struct err *err);
/* Like ssh_pool_forward() without waiting: a target that does not respond is an error at once. */
int ssh_pool_forward_now(struct ssh_pool *ssh_pool, struct str connection, struct str host, int port,
    int *local_port, struct err *err);
/* Like ssh_pool_forward(), on the given port; 0: any. */
int ssh_pool_forward_at(struct ssh_pool *ssh_pool, struct str connection, struct str host, int port,
    int wanted, int *local_port, struct err *err);

struct ssh_pool_command {
    struct str
        command; /* for the login shell on the host; other users can see it, so it must not contain secrets */
    const struct str *input; /* standard input, in parts */
    size_t input_count;
    size_t output_max, error_max; /* bytes kept of each stream; 0: 16 MB, 64 KB */
    int64_t timeout_ms;           /* 0: none */
    bool repeatable;              /* may be executed twice */
    const atomic_bool *cancel;    /* set: stop with ERR_INTERRUPTED; may be NULL */
};

struct ssh_pool_result {
    int status;      /* exit status; from 128 on: ended by a signal */
    char signal[16]; /* "KILL"; "": none */
    struct buf output, error;
};
#define SSH_POOL_RESULT_INIT                                                                                 \
    {                                                                                                        \
        0                                                                                                    \
    }
#define AUTO_SSH_POOL_RESULT __attribute__((cleanup(ssh_pool_result_release)))
void ssh_pool_result_release(struct ssh_pool_result *result);

/* Runs one command. A non-zero exit status is not a failure of this function. */
int ssh_pool_exec(struct ssh_pool *ssh_pool, struct str connection, const struct ssh_pool_command *command,
    struct ssh_pool_result *result, struct err *err);

/* An interactive shell, or one command, on the given descriptors; *status as in ssh_pool_result. */
struct ssh_pool_terminal {
    struct str command; /* "": a shell */
    int in, out, error;
    bool pty;
    const char *type; /* TERM */
    int columns, rows;
    atomic_bool *resized; /* set after a change of the terminal's size; cleared when the size is read */
    void (*size)(int *columns, int *rows);
    const atomic_bool *cancel;
};
int ssh_pool_shell(struct ssh_pool *ssh_pool, struct str connection, const struct ssh_pool_terminal *terminal,
    int *status, struct err *err);
