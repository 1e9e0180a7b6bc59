/*
 * The IAM permissions that a stack's calls need, as a policy document, from what the specs of its types say
 * of their calls; nothing is called. What is known of the resources' names narrows them down, unless `wide`.
 */
#pragma once

#include "plan/plan.h"

/* For plan, apply, destroy or run. Documents live in the arena. */
const struct value *policy_needs(
    struct workspace *workspace, enum permission_phase phase, bool wide, struct arena *arena);
/* For plan and, besides, for finding what bears marks: on anything. */
const struct value *policy_needs_marks(struct workspace *workspace, struct arena *arena);
