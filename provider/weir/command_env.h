/*
 * The environment of a user's command. It gets what programs need to run and to find their tools, and no
 * more: the keys of the account, of the state and of the CI are weir's, not of whatever a Makefile or a
 * package's setup calls. What else a build needs is named in the stack.
 */
#pragma once

#include "base/arena.h"
#include "base/value.h"

/* `named`: list of names that are passed on as well; NULL: none. Points into this process's environment. */
char **command_env(struct arena *arena, const struct value *named);
