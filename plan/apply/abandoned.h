/*
 * What a destroy leaves to go with its service: resources that could neither be looked at nor deleted,
 * because the stack's own service in which they lie does not answer (unreachable.h). They count as out of the
 * way, so that what makes the service can be deleted after them, as ever; that done, they are recorded as
 * gone and told of. Where it is not done they are still recorded, and their deletion has failed.
 */
#pragma once

#include "plan/apply/executor.h"

/* By a worker, without the lock: may the record be left so, after that error? err NULL: is it known by now?
 */
bool abandoned_is(struct executor *x, const struct record *record, const struct err *err);
/* It was; what came of it is told by abandoned_settle(). With the lock. */
void abandoned_add(struct executor *x, const struct op *op, int64_t start_ms);
/* When nothing runs any more: finds out what went. */
void abandoned_settle(struct executor *x);
