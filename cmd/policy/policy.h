/*
 * The IAM permissions for a stack's calls as a policy document, from the specs of its types; nothing is
 * called. Known resource names narrow the permissions, unless `wide`.
 */
#pragma once

#include "cmd/invocation/invocation.h"

/* Returns the document for plan, apply, destroy or run, allocated in the arena. */
const struct value *policy_needs(
    struct workspace *workspace, enum permission_phase phase, bool wide, struct arena *arena);
/* Returns the document for plan and for searching resources with ownership tags, on all resources. */
const struct value *policy_needs_owned(struct workspace *workspace, struct arena *arena);

/* ---- policy_why.c: weir policy --why: how a role's policies evaluate one action on one resource, statement
 * by statement. */
struct policy_why {
    struct str role, action, resource; /* role: name or ARN */
    const struct texts *with;          /* KEY=VALUE: condition keys */
};

/* Reads the policies from the stack's account. Returns EXIT_CHANGES if the action is not allowed. */
int policy_why(struct invocation *inv, struct workspace *workspace, const struct policy_why *why);
