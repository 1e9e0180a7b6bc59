/*
 * One run of a command: its options, output streams and opened workspace. cli_main() passes it to the command
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
    void *own;       /* the command's settings, which begin with struct settings */
    const struct settings *settings;
    struct texts args;
    struct arena arena;
    struct term out, err;
    struct workspace_options workspace_options;
    bool output_failed; /* writing to standard output failed, which was reported: the command fails */
    struct diags diags;
    /* Called with all diagnostics before they are freed; NULL: none. */
    void (*diags_heard)(void *ctx, const struct diags *diags);
    void *diags_ctx;
    struct sandbox *sandbox; /* --sandbox: the server if this process serves it, otherwise NULL */
    const char *sandbox_dir; /* --sandbox: its folder, whichever process serves it; NULL: not (yet) used */
    bool sandbox_temporary;  /* the sandbox ends with this command, or with another command that serves it */
    int sandbox_joined;      /* lock descriptor while another process serves the sandbox, otherwise -1 */
};

/*
 * Opens the workspace by the shared options. Returns the exit status; errors were reported if it is not 0.
 * `wanted` (may be NULL) selects no_state and no_stack.
 */
int invocation_open(struct invocation *inv, const struct workspace_options *wanted, struct workspace *out);
/* The same for the state alone, without the stack's files. */
int invocation_open_state(struct invocation *inv, struct workspace *out);
/*
 * Prepares inv->workspace_options and, with --sandbox, the sandbox, for commands that open other stacks than
 * the one in the folder. Returns the exit status.
 */
int invocation_prepare(struct invocation *inv);
/* Writes all of the text to standard output and returns the exit status. After a failure, such as a full
 * disk, nothing more is written and the command fails, even if the caller ignores the result. */
int invocation_write(struct invocation *inv, struct str text);
/* The same for output that is requested byte for byte: secrets are not masked (cmd/terminal/term.h). */
int invocation_write_as_is(struct invocation *inv, struct str text);
/* Writes a new file, never overwriting one; `next` is a hint what to do with it. "-": standard output. */
int invocation_write_new(struct invocation *inv, const char *path, struct str text, const char *next);
/* Appends an error as text: message, code, hint. */
void err_render(const struct err *err, bool color, struct buf *out);
/* Reports an error (text on standard error, or an event with --json) and returns its exit status. */
int invocation_fail(struct invocation *inv, const struct err *err);
/* The same for an error on the command line; `hint` may be NULL. */
int invocation_usage(struct invocation *inv, const char *hint, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
/* Reports and clears the diagnostics. Returns EXIT_USAGE if there are errors among them, else EXIT_DONE. */
int invocation_diags(struct invocation *inv);
/* Writes a line to standard error that is not an error. */
void invocation_note(struct invocation *inv, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* ---- invocation.c: confirmation on the terminal. Signals have to be caught (signals.h): a signal during the
 * question means no. */
/* Returns whether the answer is "yes". The question is written to standard error, and its line is always
 * ended. */
bool ask_yes(struct invocation *inv, const char *question);
/* The same for questions that --yes answers. EXIT_DONE: continue; otherwise the exit status of the command,
 * which has done nothing. It is an error if there is no terminal. */
int ask_consent(struct invocation *inv, const char *question);

/* ---- sandboxed.c: runs a command against the sandbox: the server in this process, and the settings by which
 * all providers use it. */
/* For --sandbox: starts the stack's sandbox (stacks/load/files.h), or joins the process that serves it, and
 * sets inv->workspace_options. */
int sandboxed_start(struct invocation *inv, struct err *err);
/* After that: sets the options by which a stack (folder or file; NULL: the current folder) has its state in
 * the sandbox. */
void sandboxed_state(struct invocation *inv, const char *stack, struct workspace_options *options);
/* Waits until other processes no longer use the sandbox, then stops it. */
void sandboxed_stop(struct invocation *inv);

/* Sets a default region. Called before any thread is started. */
void sandboxed_environment(void);
/* Returns provider settings for clients of a sandbox. */
const struct value *sandboxed_overlay(
    struct arena *arena, struct str endpoint, const struct sandbox_key *key);

/* If the state has never been used: notes this, and whether --sandbox may have been meant. */
void sandboxed_note_unused(struct invocation *inv, const struct workspace *workspace);

/* ---- sandboxed.c: the engines of the sandbox on this machine: shown by `weir sandbox` when it starts, and
 * checked for a plan with --sandbox before anything is created. */
/* Shows all engines: those that are installed, and how to install the others. */
void engines_note(struct invocation *inv);
/* Warns of missing engines for the planned resources. Nothing without --sandbox, or if the plan destroys the
 * stack. */
void engines_warn(struct invocation *inv, const struct plan *plan, const struct observer *observer);
/* Returns -1 (ERR_FAILED) if a planned resource cannot be created here; err has the resource and the missing
 * engine. */
int engines_refuse(struct invocation *inv, const struct plan *plan, struct err *err);

/* ---- invocation.c: shared by `weir ssh` and `weir tunnel`: the stack's connections, opened outside a
 * plan. */
typedef int route_command(struct invocation *inv, struct workspace *workspace, struct route *route);

/* Opens the workspace, finds the route of the first argument, calls `go` and closes. Returns the command's
 * exit status. */
int route_run(struct invocation *inv, route_command *go);
/* Notes host keys that were trusted for the first time. */
void route_note_trusted(struct invocation *inv, struct workspace *workspace);

/* ---- invocation.c: downloads an object to a file with progress: `weir run --out`, `weir rollback --out`. */
struct object_save {
    struct invocation *inv;
    const struct op_ctx *ctx;
    const struct s3_download *download;
    const atomic_int *signals; /* a signal cancels it; the received part is kept for the next attempt */
};

/* Shows the progress on a terminal and, without --json, a final line. */
int object_save(const struct object_save *save, int64_t *bytes, struct err *err);

/* Parses bucket and key of s3://BUCKET/KEY. Returns false if it is not an object's URL. */
bool object_url(struct str url, struct s3_download *out);
