/*
 * Plans of some resources alone (deploy, rollback): what they depend on has to be there already, and what
 * depends on them is taken in only where their change reaches it, and then only for that.
 */
#pragma once

#include "plan/planner.h"

/* Finds what the targets need. After targets_find(). */
void alone_begin(struct planner *p);
/* Is what a target needs there? For declarations that are no targets. False after an error. */
bool alone_check(struct planner *p, const struct decl *decl);
/* Does the change of a target reach it? Then it is a target from now on. */
bool alone_includes(struct planner *p, const struct decl *decl);
/* The attributes, reduced to what follows from others where only that may change. */
const struct value *alone_attributes(
    struct planner *p, const struct instance *instance, struct arena *arena, const struct value *object);
