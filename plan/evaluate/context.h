/*
 * What the files of plan/ hand to others while they work: the context of a provider's operation, an event for
 * whoever listens, a failed operation to whoever has to be told.
 */
#pragma once

#include "plan/planner.h"
#include "provider/provider.h"

void observe(const struct observer *observer, const struct event *event);

/* The context of an operation on the resource of that address. Nothing in it is the caller's but the arena.
 */
struct op_ctx op_context(struct planner *p, struct arena *arena, struct provider *provider,
    const struct schema *schema, struct str address);
struct op_ctx instance_context(
    struct planner *p, struct arena *arena, struct provider *provider, const struct instance *instance);
/* Where relative file names in the attributes of a declaration start. */
struct str local_dir(const struct decl *decl);

/* A failed operation at plan time: a diagnostic where the stack is to blame, otherwise p->failure. Returns
 * false. */
bool plan_failed(struct planner *p, struct span span, const struct err *err);
/* A provider that cannot be opened is one mistake, however many resources use it. Returns false. */
bool plan_provider_failed(struct planner *p, const struct decl *user, const struct err *err);
