/*
 * What a plan decided, in a form that can be kept with it: a fingerprint of everything, by which another plan
 * is known to be the same, and of each resource so much that it can be said how another plan differs.
 */
#pragma once

#include "plan/plan.h"

/* SHA-256 over everything that the plan decides of resources. */
struct str decisions_fingerprint(const struct plan *plan, struct arena *arena);
/* And over all outputs, those that stay as they are too. */
struct str outputs_fingerprint(const struct plan *plan, struct arena *arena);
/* By address, what becomes of each resource, for decisions_differ(). */
const struct value *decisions_of(const struct plan *plan, struct arena *arena);
/* ERR_STALE: says where the plan differs from what was decided then. */
int decisions_differ(const struct plan *plan, const struct value *then, struct err *err);
