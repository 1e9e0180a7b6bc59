/*
 * What two resources cannot share, refused when planned: the first that goes would take it away
 * from the other.
 */
#pragma once

#include "plan/planner.h"

/* Reports instances that would be what another is, or what something recorded is or keeps. Where only a part
 * of the state was read that cannot be told of what becomes another than it is: then p->needs_whole is set.
 */
void identity_check(struct planner *p);
