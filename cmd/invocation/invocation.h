/*
 * One call of a command: its options, where it writes, and what it opens. Commands get it from cli_main()
 * (cmd/options/command.h).
 */
#pragma once

#include "base/diag.h"
#include "cmd/options/command.h"
#include "cmd/terminal/term.h"
#include "plan/workspace.h"

struct sandbox;

struct invocation {
    const struct command *command;
    struct str path; /* "state list" */
    void *own;       /* the command's settings: begins with struct settings */
    const struct settings *settings;
    struct texts args;
    struct arena arena;
    struct term out, err;
    struct workspace_options workspace_options;
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
/* All at once to standard output. Returns the exit status: a full disk is a failure. */
int invocation_write(struct invocation *inv, struct str text);
/* The same for what somebody asked for byte by byte: secrets in it stay (cmd/terminal/say.h). */
int invocation_write_as_is(struct invocation *inv, struct str text);
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
