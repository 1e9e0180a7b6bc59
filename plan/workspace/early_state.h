/*
 * Reading the state while the stack is still being loaded. Where a state is kept stands in the stack's files;
 * nearly always it is the default place, and the folder tells which one that would be. A long log there is
 * read on a thread of its own, on trust: early_state_take() hands it over only when the loaded stack turns
 * out to mean just that state, so that guessing changes nothing but the time.
 *
 * Order of calls: early_state_start(), then exactly one early_state_take().
 */
#pragma once

#include "plan/state/snapshot.h"
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

/*
 * Which declarations a plan with targets can do with, so that no more of the state is read than their
 * records. What others would be needed for is found out by then: see plan_make().
 */

struct needed_part {
    const bool *needed; /* by decl->index */
    const bool *whole;  /* of them those of which all instances are needed, whatever the targets are */
};

/* False: all of the stack is. */
bool needed_by_targets(const struct stack *stack, struct arena *arena, const struct wanted_part *wanted,
    struct needed_part *out);
/* Whose records these are: of declarations, and where no more is needed of one, of its instances that are
 * targets. */
struct state_part needed_records(const struct stack *stack, struct arena *arena,
    const struct wanted_part *wanted, const struct needed_part *of);
