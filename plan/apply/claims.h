/*
 * Whose each resource is while a plan is applied: what is recorded, and what this run makes or takes over.
 * Names that were not known when it was planned may turn out to be another's then (identities.h), and
 * services that find a resource there already often say nothing.
 *
 * Order of calls: claims_begin() before the workers begin, claims_take() by them, claims_end().
 */
#pragma once

#include "plan/apply/work.h"

void claims_begin(struct executor *x);
void claims_end(struct executor *x);

/* Of a worker, without the lock: the object is this resource's from now on. -1 where it is another's of this
 * stack. */
int claims_take(struct work *work, const struct value *object, struct err *err);
/* attempt.claim, with the work: the same of what was found by what it looks like. */
bool claims_take_found(void *work, struct str id);
