/*
 * What fingers know from other tools: where it means the same here, it just works; elsewhere a hint says how
 * the same thing is done. One table for options, one for commands.
 */
#pragma once

#include "cmd/options/options.h"

struct alias {
    const char *name;   /* of the option or command over there */
    const char *value;  /* only with this value; NULL: with any */
    const char *option; /* ours that means the same; NULL: none */
    bool ignored;       /* nothing has to be said for it here */
    const char *hint;   /* what to do instead; NULL: nothing */
};

/* The alias for an option that the command does not have, or NULL. */
const struct alias *alias_option(struct str name, struct str value);

struct command_alias {
    const char *name;    /* "import", "state push" */
    const char *command; /* ours that means the same, "state import"; NULL: none */
    const char *hint;
};

/* The alias for a command, or subcommand of `parent` (NULL: none), that weir does not have; or NULL. */
const struct command_alias *alias_command(const char *parent, struct str name);
