/*
 * Commands: one file each (cmd_<name>.c) with its options and its function, one line in the table of
 * commands.c, and its texts in cmd/help.yaml. cli_main() finds the command, parses its options into its
 * settings and calls it.
 *
 * A command gets an invocation and returns the exit status. It writes what was asked for to standard output
 * (invocation_write()), everything else to standard error. Where it takes --json, standard output carries
 * only JSON lines, failures included (cmd/output/events.h).
 */
#pragma once

#include "base/buf.h"
#include "cmd/options/options.h"
#include "cmd/terminal/exit_status.h"

struct invocation; /* cmd/invocation/invocation.h */

enum { COMMAND_SETS_MAX = 12 };

struct command {
    const char *name;                                /* "plan"; of a subcommand "list" */
    const char *args;                                /* "[FILE]"; NULL: none */
    const struct option_set *sets[COMMAND_SETS_MAX]; /* besides the common ones; NULL after the last one */
    size_t settings_size;                            /* 0: just struct settings */
    int min_args, max_args;                          /* max -1: any number */
    enum completes completes;                        /* what its arguments are */
    const char *choices;                             /* COMPLETES_CHOICES: the words, with blanks between */
    const struct command *const *subs;               /* subcommands, ends with NULL; then run is NULL */
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

/* The program. Returns the exit status. */
int cli_main(int argc, char **argv);

/* The top-level command of that name, or NULL. */
const struct command *command_find(struct str name);
const struct command *command_find_sub(const struct command *command, struct str name);
/* "state list", of `list` below `state`; `above` "": it is below none. */
struct str command_path(struct arena *arena, struct str above, const struct command *command);
/* All its sets with the common ones, NULL at the end. */
void command_sets(const struct command *command, const struct option_set *sets[COMMAND_SETS_MAX]);
