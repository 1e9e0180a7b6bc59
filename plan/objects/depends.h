/*
 * What a declaration refers to, through everything that is no resource: locals, inputs, outputs, modules.
 * Not thread-safe: each walk marks what it has visited.
 */
#pragma once

#include "plan/planner.h"

/* Calls visit once for each resource and data source that decl refers to. */
void each_resource_dep(
    struct planner *p, const struct decl *decl, void (*visit)(void *ctx, const struct decl *dep), void *ctx);
/* The addresses of those that are resources, as the state records them. */
const struct value *evaluate_deps(struct planner *p, const struct decl *decl);
