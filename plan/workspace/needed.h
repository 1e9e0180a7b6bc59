/*
 * Which declarations a plan with targets can do with, so that no more of the state is read than their
 * records. What others would be needed for is found out by then: see plan_make().
 */
#pragma once

#include "plan/workspace.h"

/* By decl->index. NULL: all of them. */
bool *needed_by_targets(const struct stack *stack, struct arena *arena, const struct wanted_part *wanted);
