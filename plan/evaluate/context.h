/*
 * What the files of plan/ hand to others while they work: the context of a provider's operation, an event for
 * whoever listens, a failed operation to whoever has to be told.
 */
#pragma once

#include "plan/planner.h"

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

/* ---- locations.c: where resources are: which configured provider a declaration or something recorded
 * belongs to, and whether that still leads to the account, region and address where it was made. */
/* The configured provider of a declaration. */
int evaluate_provider(struct planner *p, const struct decl *decl, struct provider **out, struct err *err);
/* Is the provider of that name settled only by what resources are; and is it known who that is, by now? */
bool location_depends(const struct planner *p, struct str name);
bool location_known(struct planner *p, struct str name, const struct value *location);
/* Are its settings not all known before something else is applied? */
bool provider_waits(const struct planner *p, const struct decl *decl);
/* The declaration of a configuration by the name in a record; NULL: the stack has none. */
const struct decl *location_configuration(const struct planner *p, struct str name);
/*
 * The provider of something recorded under the name of its configuration: that configuration, or where the
 * stack has it no more (or cannot tell yet) one that leads to the recorded location. `location` may be NULL.
 */
int location_provider(
    struct planner *p, struct str name, const struct value *location, struct provider **out, struct err *err);
/* Is everything that is recorded, and every open intent, where its configuration leads to now? ERR_INVALID
 * that names what is elsewhere; calls nothing but STS, for an account that is recorded. */
int locations_check(struct planner *p, struct err *err);
/* The same of one record, for commands that take one only. */
int location_check_record(
    struct planner *p, const struct record *record, struct provider *provider, struct err *err);
/* Is an instance to be somewhere else than it is recorded? Then *why says from where to where. */
bool location_moves(struct planner *p, const struct instance *instance, struct str *why);
