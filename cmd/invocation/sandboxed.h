/*
 * Running a command against the embedded sandbox: the server in this process, and what the workspace has to
 * be told so that every provider speaks to it.
 */
#ifndef WEIR_CMD_INVOCATION_SANDBOXED_H
#define WEIR_CMD_INVOCATION_SANDBOXED_H

#include "cmd/invocation/invocation.h"
#include "sandbox/sandbox.h"

/* Starts it for --sandbox, in .weir/sandbox below the stack's folder, and points inv->workspace_options to
 * it; or to the one that `weir sandbox` serves from there. */
int sandboxed_start(struct invocation *inv, struct err *err);
void sandboxed_stop(struct invocation *inv);

/* A region for stacks that name none; before any thread is started. */
void sandboxed_environment(void);
/* Provider settings by which a client reaches a sandbox. */
const struct value *sandboxed_overlay(
    struct arena *arena, struct str endpoint, const struct sandbox_key *key);

/* Of a state in which nothing was ever recorded: says so, and whether --sandbox may have been meant. */
void sandboxed_note_unused(struct invocation *inv, const struct workspace *workspace);

#endif
