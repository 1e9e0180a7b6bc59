/*
 * Does an expression come out otherwise than it did when the stack was applied last?
 */
#pragma once

#include "plan/planner.h"
#include "stacks/expr.h"

/* Did something that the instance's replace_triggered_by names change since the last apply? */
bool triggered(struct planner *p, const struct instance *instance);
/* Does the expression come out otherwise than with what is recorded? `hidden`, by decl->index: what is
 * recorded of these tells nothing; NULL: it always does. `diags` NULL: its errors are told elsewhere. */
bool expression_changes(struct planner *p, const struct instance *instance, const struct expr *expr,
    const bool *hidden, struct diags *diags);
