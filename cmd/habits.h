/*
 * What fingers know from other tools: where it means the same here, it just works; elsewhere a hint says how
 * the same thing is done. One table for options, one for commands.
 */
#ifndef WEIR_CMD_HABITS_H
#define WEIR_CMD_HABITS_H

#include "cmd/options.h"

struct habit {
    const char *name;   /* of the option or command over there */
    const char *value;  /* only with this value; NULL: with any */
    const char *option; /* ours that means the same; NULL: none */
    bool ignored;       /* nothing has to be said for it here */
    const char *hint;   /* what to do instead; NULL: nothing */
};

/* The habit behind an option that the command does not have, or NULL. */
const struct habit *habit_option(struct str name, struct str value);

struct command_habit {
    const char *name;    /* "import", "state push" */
    const char *command; /* ours that means the same, "state import"; NULL: none */
    const char *hint;
};

/* The habit behind a command, or subcommand of `parent` (NULL: none), that weir does not have; or NULL. */
const struct command_habit *habit_command(const char *parent, struct str name);

#endif
