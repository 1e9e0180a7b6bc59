/*
 * Which half of a replacement goes first, once all replacements are known.
 */
#ifndef WEIR_PLAN_REPLACE_ORDER_H
#define WEIR_PLAN_REPLACE_ORDER_H

#include "plan/planner.h"

void replace_order(struct planner *p);

#endif
