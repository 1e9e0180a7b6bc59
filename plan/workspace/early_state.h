/*
 * Reading the state while the stack is still being loaded. Where a state is kept stands in the stack's files;
 * nearly always it is the default place, and the folder tells which one that would be. A long log there is
 * read on a thread of its own, on trust: early_state_take() hands it over only when the loaded stack turns
 * out to mean just that state, so that guessing changes nothing but the time.
 *
 * Order of calls: early_state_start(), then exactly one early_state_take().
 */
#pragma once

#include "base/err.h"
#include "plan/state/state.h"
#include "plan/workspace.h"

struct early_state;

/* NULL where there is nothing to guess, or too little to read for a thread to pay. */
struct early_state *early_state_start(const struct workspace_options *options);
/*
 * Waits for the thread and frees `early` (which may be NULL). True: it was the state of `stack`, and opening
 * it gave *status, with *out or err. False (also for stack NULL): whatever was read is thrown away.
 */
bool early_state_take(
    struct early_state *early, const struct stack *stack, struct state **out, int *status, struct err *err);
