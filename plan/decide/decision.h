/*
 * What becomes of each resource: the three-way diff (diff.h), what the stack forbids, and the order of a
 * replacement's halves. A change has exactly one decision; decision.c writes it, and data.c those of data
 * sources.
 *
 * Order of calls: decide_instance() for each instance, in the stack's order, for what comes later sees what
 * was predicted; decide_orphans(); decide_order() once all of that is known.
 */
#pragma once

#include "plan/planner.h"

/* Decides what becomes of a resource's instance; sets planned, change and pending. False after an error. */
bool decide_instance(struct planner *p, struct instance *instance);
/* Does a plan forget what is recorded there, as `removed` says, so that it is nobody's any more? */
bool removed_forgets(struct planner *p, const struct seen *seen);
/* What is recorded and not in the stack (or everything, with destroy). `only` is by p->recorded.seen; NULL:
 * all. False after an error. */
bool decide_orphans(struct planner *p, const bool *only);
/* Which half of each replacement goes first. False after an error: both would have the same name. */
bool decide_order(struct planner *p);

/* ---- identity_clash.c: what two resources cannot share, refused when planned: the first that goes would
 * take it away from the other. */
/* Reports instances that would be what another is, or what something recorded is or keeps. Where only a part
 * of the state was read that cannot be told of what becomes another than it is: then p->needs_whole is set.
 */
void identity_check(struct planner *p);

/* ---- plan_resource.c: one resource or data source, planned: its instances are found, evaluated, looked
 * for where they may be there already, and compared. */
/* Declarations come in the stack's order. False after an error. */
bool plan_resource(struct planner *p, const struct decl *decl);
