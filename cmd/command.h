/*
 * Commands: one file each (cmd_<name>.c) with its options, its help and its function, and one line in the
 * table of commands.c. cli_main() finds the command, parses its options into its settings and calls it.
 *
 * A command gets an invocation and returns the exit status. It writes what was asked for to standard output
 * (invocation_write()), everything else to standard error. Where it takes --json, standard output carries
 * only JSON lines, failures included (cmd/events.h).
 */
#ifndef WEIR_CMD_COMMAND_H
#define WEIR_CMD_COMMAND_H

#include "base/diag.h"
#include "cmd/options.h"
#include "cmd/term.h"
#include "plan/workspace.h"

enum exit_status {
    EXIT_DONE = 0,
    EXIT_FAILED = 1,
    EXIT_CHANGES = 2,
    EXIT_USAGE = 3,
    EXIT_LOCKED = 4,
    EXIT_LEFTOVER = 5,
    EXIT_INTERRUPTED = 130,
};

struct invocation;
struct sandbox;

struct command_example {
    const char *line, *what;
};

struct command {
    const char *name; /* "plan"; of a subcommand "list" */
    const char *args; /* "[FILE]"; NULL: none */
    const char *summary;
    const char *details;                    /* paragraphs with an empty line between; may be NULL */
    const struct option_set *const *sets;   /* besides the common ones; ends with NULL; may be NULL */
    size_t settings_size;                   /* 0: just struct settings */
    int min_args, max_args;                 /* max -1: any number */
    enum completes completes;               /* what its arguments are */
    const char *choices;                    /* COMPLETES_CHOICES: the words, with blanks between */
    const struct command_example *examples; /* ends with line NULL; may be NULL */
    const struct command *const *subs;      /* subcommands, ends with NULL; then run is NULL */
    int (*run)(struct invocation *inv);
};

struct command_group {
    const char *title;
    const struct command *const *commands; /* ends with NULL */
};

extern const struct command_group command_groups[]; /* ends with title NULL */

/* Calls `visit` for every command and subcommand, in the order of the help, with its path: "state list". */
typedef void command_visitor(struct buf *out, const struct command *c, struct str path);
void commands_walk(command_visitor *visit, struct buf *out);

enum { COMMAND_SETS_MAX = 12 };

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
    struct sandbox *sandbox; /* --sandbox: served by this process; NULL otherwise */
};

/* The program. Returns the exit status. */
int cli_main(int argc, char **argv);

/* The top-level command of that name, or NULL. */
const struct command *command_find(struct str name);
const struct command *command_find_sub(const struct command *command, struct str name);
/* All its sets with the common ones, NULL at the end. */
void command_sets(const struct command *command, const struct option_set *sets[COMMAND_SETS_MAX]);

/* ---- for commands ---- */

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
/* The same for what somebody asked for byte by byte: secrets in it stay (cmd/say.h). */
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

#endif
