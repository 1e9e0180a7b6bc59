/*
 * One call of a command: its options, where it writes, and what it opens. Commands get it from cli_main()
 * (cmd/options/options.h).
 */
#pragma once

#include "cmd/options/options.h"
#include "plan/evaluate/connections.h"
#include "provider/aws/s3/s3.h"
#include "sandbox/sandbox.h"

struct invocation {
    const struct command *command;
    struct str path; /* "state list" */
    void *own;       /* the command's settings: begins with struct settings */
    const struct settings *settings;
    struct texts args;
    struct arena arena;
    struct term out, err;
    struct workspace_options workspace_options;
    bool output_failed; /* standard output takes nothing more, which was reported: the command fails */
    struct diags diags;
    /* Hears of all diagnostics before they are forgotten; NULL: nobody does. */
    void (*diags_heard)(void *ctx, const struct diags *diags);
    void *diags_ctx;
    struct sandbox *sandbox; /* --sandbox: served by this process; NULL otherwise */
    const char *sandbox_dir; /* likewise: where it is, whoever serves it; NULL: none is used (yet) */
    bool sandbox_passes;     /* it ends with this command, or with another one that serves it */
    int sandbox_joined;      /* held while another process serves it; -1 */
};

/*
 * Opens what the shared options point to. Failures have been reported when the result is not 0; it is the
 * exit status. `wanted` picks no_state and no_stack (may be NULL).
 */
int invocation_open(struct invocation *inv, const struct workspace_options *wanted, struct workspace *out);
/* Likewise the state alone, without the stack's files. */
int invocation_open_state(struct invocation *inv, struct workspace *out);
/*
 * What opening needs besides a stack, for commands that open others than the one in the folder:
 * inv->workspace_options, and the sandbox where --sandbox is given. The exit status.
 */
int invocation_prepare(struct invocation *inv);
/* All at once to standard output. Returns the exit status: a full disk is a failure, of the command too,
 * which need not look at it where it has more to do; from then on nothing is written. */
int invocation_write(struct invocation *inv, struct str text);
/* The same for what somebody asked for byte by byte: secrets in it stay (cmd/terminal/term.h). */
int invocation_write_as_is(struct invocation *inv, struct str text);
/* To a new file, never over one that is there; `next` is what to do with it. "-" is standard output. */
int invocation_write_new(struct invocation *inv, const char *path, struct str text, const char *next);
/* A failure as text for people: message, code, hint. */
void err_render(const struct err *err, bool color, struct buf *out);
/* Reports a failure (text on standard error, or an event with --json); returns its exit status. */
int invocation_fail(struct invocation *inv, const struct err *err);
/* The same for a mistake on the command line; `hint` may be NULL. */
int invocation_usage(struct invocation *inv, const char *hint, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
/* Reports the diagnostics and forgets them; EXIT_USAGE if there were errors among them, else EXIT_DONE. */
int invocation_diags(struct invocation *inv);
/* A line on standard error that is not a failure. */
void invocation_note(struct invocation *inv, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* ---- invocation.c: a question on the terminal that somebody has to say "yes" to. Signals have to be
 * caught (signals.h): one that comes while the question is is a no. */
/* Only "yes" will do. The question is written to standard error, and the line is ended whatever the answer.
 */
bool ask_yes(struct invocation *inv, const char *question);
/* The same for what --yes answers: EXIT_DONE goes ahead; else what the command ends with, for nothing was
 * done. Where nobody can be asked that is an error. */
int ask_consent(struct invocation *inv, const char *question);

/* ---- sandboxed.c: Running a command against the embedded sandbox: the server in this process, and what
 * the workspace has to be told so that every provider speaks to it. */
/* Starts the stack's sandbox (stacks/load/files.h) for --sandbox, or joins whoever serves it, and
 * points inv->workspace_options to it. */
int sandboxed_start(struct invocation *inv, struct err *err);
/* Once it has: the options by which a stack (folder or file; NULL: here) has its state in it. */
void sandboxed_state(struct invocation *inv, const char *stack, struct workspace_options *options);
/* Waits for others that have joined. */
void sandboxed_stop(struct invocation *inv);

/* A region for stacks that name none; before any thread is started. */
void sandboxed_environment(void);
/* Provider settings by which a client reaches a sandbox. */
const struct value *sandboxed_overlay(
    struct arena *arena, struct str endpoint, const struct sandbox_key *key);

/* Of a state in which nothing was ever recorded: says so, and whether --sandbox may have been meant. */
void sandboxed_note_unused(struct invocation *inv, const struct workspace *workspace);

/* ---- sandboxed.c: what the sandbox can run on this machine, told to people: by `weir sandbox` when it
 * starts, and of a plan with --sandbox, before anything of it is made that could not be finished. */
/* All engines: those that are here, and how the others come here. */
void engines_tell(struct invocation *inv);
/* Warns of those that what is planned lacks. Nothing without --sandbox, or of a plan to destroy. */
void engines_warn(struct invocation *inv, const struct plan *plan, const struct observer *observer);
/* Can all of it be made here? -1 (ERR_FAILED): what cannot, and what it lacks. */
int engines_refuse(struct invocation *inv, const struct plan *plan, struct err *err);

/* ---- invocation.c: what `weir ssh` and `weir tunnel` share: the stack's connections, opened outside a
 * plan. */
typedef int reaching_go(struct invocation *inv, struct workspace *workspace, struct route *route);

/* Opens the workspace, finds the route that the first argument names, takes it and closes. The command's
 * status.
 */
int reaching_run(struct invocation *inv, reaching_go *go);
/* Tells of host keys that were trusted just now. */
void reaching_tell(struct invocation *inv, struct workspace *workspace);

/* ---- invocation.c: an object of a store becomes a file, shown while it does: `weir run --out`, `weir
 * rollback --out`. */
struct object_save {
    struct invocation *inv;
    const struct op_ctx *ctx;
    const struct s3_download *download;
    const atomic_int *signals; /* one ends it; what has arrived stays for the next time */
};

/* On a terminal with a line of how far it is and, without --json, one that says what was saved. */
int object_save(const struct object_save *save, int64_t *bytes, struct err *err);

/* Bucket and key of s3://BUCKET/KEY; false: it names no object. */
bool object_url(struct str url, struct s3_download *out);
