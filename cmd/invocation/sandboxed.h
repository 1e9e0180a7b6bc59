/*
 * Running a command against the embedded sandbox: the server in this process, and what the workspace has to
 * be told so that every provider speaks to it.
 */
#pragma once

#include "cmd/invocation/invocation.h"
#include "sandbox/sandbox.h"

/* Starts the stack's sandbox (stacks/load/sandbox_place.h) for --sandbox, or joins whoever serves it, and
 * points inv->workspace_options to it. */
int sandboxed_start(struct invocation *inv, struct err *err);
/* Once it has: the options by which a stack (folder or file; NULL: here) has its state in it. */
void sandboxed_state(struct invocation *inv, const char *stack, struct workspace_options *options);
/* Waits for others that have joined. */
void sandboxed_stop(struct invocation *inv);

/* A region for stacks that name none; before any thread is started. */
void sandboxed_environment(void);
/* Provider settings by which a client reaches a sandbox. */
const struct value *sandboxed_overlay(
    struct arena *arena, struct str endpoint, const struct sandbox_key *key);

/* Of a state in which nothing was ever recorded: says so, and whether --sandbox may have been meant. */
void sandboxed_note_unused(struct invocation *inv, const struct workspace *workspace);
