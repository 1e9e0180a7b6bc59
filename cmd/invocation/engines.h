/*
 * What the sandbox can run on this machine, told to people: by `weir sandbox` when it starts, and of a plan
 * with --sandbox, before anything of it is made that could not be finished.
 */
#pragma once

#include "cmd/invocation/invocation.h"
#include "plan/plan.h"

/* All engines: those that are here, and how the others come here. */
void engines_tell(struct invocation *inv);
/* Warns of those that what is planned lacks. Nothing without --sandbox, or of a plan to destroy. */
void engines_warn(struct invocation *inv, const struct plan *plan, const struct observer *observer);
/* Can all of it be made here? -1 (ERR_FAILED): what cannot, and what it lacks. */
int engines_refuse(struct invocation *inv, const struct plan *plan, struct err *err);
