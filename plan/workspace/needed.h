/*
 * Which declarations a plan with targets can do with, so that no more of the state is read than their
 * records. What others would be needed for is found out by then: see plan_make().
 */
#pragma once

#include "plan/state/part.h"
#include "plan/workspace.h"

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
