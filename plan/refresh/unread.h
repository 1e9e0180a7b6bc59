/*
 * What was to be refreshed and could not be looked at: no plan may claim that it is as the stack says.
 */
#ifndef WEIR_PLAN_REFRESH_UNREAD_H
#define WEIR_PLAN_REFRESH_UNREAD_H

#include "plan/planner.h"

/* Finds p->plan->unread, of what is targeted; after unreachable_check(). */
void unread_find(struct planner *p);

#endif
