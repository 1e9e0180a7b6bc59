/*
 * weir reap --install: a stack of weir's own (cmd/reap/installed/stack.yaml) that runs `weir reap` in the
 * account, as a function that is called by a schedule. Its state lies with the states that it looks after,
 * where the other machines of an operator find it; it has no lease itself.
 *
 * reap_install.c carries it out, reap_program.c gathers what the function runs, reap_rights.c says what its
 * role may do.
 */
#pragma once

#include "cmd/reap/reap.h"

#define REAP_STACK "weir-reap"

/* Makes, or takes down, what runs it. The exit status. */
int reap_install(struct known_states *all, const struct reap_settings *settings);

/*
 * The function's files, in a folder that is made anew: the static program `given`, or where that is NULL this
 * program with its libraries. `machine` is what it runs on, as AWS calls it.
 */
int reap_program_gather(
    struct arena *arena, struct str folder, const char *given, const char **machine, struct err *err);

/*
 * A policy with what destroying takes of every type that these stacks, or the one in the folder, have, and
 * with what their states take.
 */
const struct value *reap_rights(struct known_states *all, size_t *types);
