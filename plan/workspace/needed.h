/*
 * Which declarations a plan with targets can do with, so that no more of the state is read than their
 * records. What others would be needed for is found out by then: see plan_make().
 */
#pragma once

#include "plan/state/part.h"
#include "plan/workspace.h"

/* By decl->index. NULL: all of them. */
const bool *needed_by_targets(
    const struct stack *stack, struct arena *arena, const struct wanted_part *wanted);
/* Whose records these are: of declarations, and where no more is needed of one, of its instances that are
 * targets. */
struct state_part needed_records(
    const struct stack *stack, struct arena *arena, const struct wanted_part *wanted, const bool *needed);
