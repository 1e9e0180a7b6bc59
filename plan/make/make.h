/*
 * What is planned beside resources: outputs, and the quotas of accounts.
 */
#pragma once

#include "plan/plan.h"
#include "plan/planner.h"

/* ---- How the stack's outputs change. */

/* ---- Do the quotas of the account allow what several plans, as those of a fleet's members, are
 * to make? */
/*
 * What they make of the types that have a quota is counted by location, what is there is listed, and the
 * service is asked for its limit. ERR_FAILED with all that does not fit. What cannot be looked at is no
 * reason.
 */
int plans_check_quotas(struct plan *const *plans, size_t n, struct err *err);
/* Has the type one of those that are looked at? */
bool quota_counts(struct str type);
