/*
 * The decision about each resource: the three-way diff (diff.h), what the stack forbids, and the order of a
 * replacement's halves. Each change has exactly one decision, written by decision.c, or by data.c for data
 * sources.
 *
 * Order of calls: decide_instance() for each instance, in the stack's order, since later ones use predicted
 * values; decide_orphans(); decide_order() last.
 */
#pragma once

#include "plan/planner.h"

/* Decides about an instance; sets planned, change and pending. False after an error. */
bool decide_instance(struct planner *p, struct instance *instance);
/* True if the plan forgets the record, by `removed`, without deleting the resource. */
bool removed_is_forgotten(struct planner *p, const struct recorded_resource *recorded);
/* Decides about records without an instance (with destroy: all). `only`: by p->recorded.items; NULL: all.
 * False after an error. */
bool decide_orphans(struct planner *p, const bool *only);
/* Decides which half of each replacement is first. False after an error: both would have the same name. */
bool decide_order(struct planner *p);

/* ---- identity_clash.c: two resources with one identity, an error in the plan: deleting one would delete the
 * other. ---- */
/* Reports instances with the identity of another instance or record. If only a part of the state was read and
 * that does not suffice, sets p->needs_whole. */
void identity_check(struct planner *p);

/* ---- plan_resource.c: plans one resource or data source: its instances are created, evaluated, looked up
 * for imports, and compared. ---- */
/* Call it in the stack's order. False after an error. */
bool plan_resource(struct planner *p, const struct decl *decl);
