/*
 * What --target and --replace mean: which declarations, and which of their instances. Without any,
 * everything.
 *
 * Order of calls: targets_find() once the records are known; the others of a declaration whose instances
 * are.
 */
#pragma once

#include "plan/planner.h"

/* Which declarations the targets mean, and what those depend on. False after an error. */
bool targets_find(struct planner *p);
/* Of a targeted declaration: is this instance meant, too? */
bool targets_have(const struct planner *p, const struct decl *decl, struct str address);
/* Are all instances there that the targets name? False after an error, and where p->needs_whole. */
bool targets_check(struct planner *p, const struct decl *decl);
