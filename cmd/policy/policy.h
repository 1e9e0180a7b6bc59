/*
 * The IAM permissions that a stack's calls need, as a policy document, from what the specs of its types say
 * of their calls; nothing is called. What is known of the resources' names narrows them down, unless `wide`.
 */
#pragma once

#include "cmd/invocation/invocation.h"

/* For plan, apply, destroy or run. Documents live in the arena. */
const struct value *policy_needs(
    struct workspace *workspace, enum permission_phase phase, bool wide, struct arena *arena);
/* For plan and, besides, for finding what has ownership tags: on anything. */
const struct value *policy_needs_owned(struct workspace *workspace, struct arena *arena);

/* ---- policy_why.c: weir policy --why: what a role's policies say of one action on one resource,
 * statement by statement. */
struct policy_why {
    struct str role, action, resource; /* role: its name or ARN */
    const struct texts *with;          /* KEY=VALUE: what conditions look at */
};

/* Reads the policies from the account that the stack is for. EXIT_CHANGES: it is not allowed. */
int policy_why(struct invocation *inv, struct workspace *workspace, const struct policy_why *why);
