/*
 * The three-way diff: what becomes of an instance, or of what is recorded and not in the stack.
 */
#ifndef WEIR_PLAN_DIFF_H
#define WEIR_PLAN_DIFF_H

#include "plan/planner.h"

/* The instance's change, made on first use. */
struct change *instance_change(struct planner *p, struct instance *instance);
/* Decides the instance's action; sets planned, change and pending. False after an error. */
bool diff_instance(struct planner *p, struct instance *instance);
/* What the stack says of an address under `removed`; NULL: nothing. */
const struct removed *removed_of(struct planner *p, struct str address);
/* Changes for what is recorded and not in the stack (or for everything, with destroy). False after an error.
 */
bool diff_orphans(struct planner *p);

#endif
