/* weir policy --why: what a role's policies say of one action on one resource, statement by statement. */
#pragma once

#include "cmd/invocation/invocation.h"

struct policy_why {
    struct str role, action, resource; /* role: its name or ARN */
    const struct texts *with;          /* KEY=VALUE: what conditions look at */
};

/* Reads the policies from the account that the stack is for. EXIT_CHANGES: it is not allowed. */
int policy_why(struct invocation *inv, struct workspace *workspace, const struct policy_why *why);
