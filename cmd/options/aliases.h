/*
 * What fingers know from other tools (aliases.yaml): where it means the same here, it just works; elsewhere a
 * hint says how the same thing is done.
 */
#pragma once

#include "base/yaml.h"

/* The alias for an option that the command does not have, or NULL. */
const struct node *alias_option(struct str name, struct str value);
/* The alias for a command, or subcommand of `parent` (NULL: none), that weir does not have; or NULL. */
const struct node *alias_command(const char *parent, struct str name);
/* Its "option" or "command", ours that means the same; its "hint"; "" none. */
struct str alias_says(const struct node *alias, const char *what);
