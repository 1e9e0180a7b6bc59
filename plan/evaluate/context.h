/*
 * Common code of plan/: the context of a provider's operation, events for the observer, errors of operations.
 */
#pragma once

#include "plan/planner.h"

void observe(const struct observer *observer, const struct event *event);

/* Returns the context of an operation on the resource with that address. Everything in it is the planner's,
 * except for the arena. */
struct op_ctx op_context(struct planner *p, struct arena *arena, struct provider *provider,
    const struct schema *schema, struct str address);
struct op_ctx instance_context(
    struct planner *p, struct arena *arena, struct provider *provider, const struct instance *instance);
/* The folder that relative file names in the attributes of a declaration start from. */
struct str local_dir(const struct decl *decl);

/* Reports a failed operation while planning: an error in diags if the stack is wrong, otherwise p->failure.
 * Returns false. */
bool plan_failed(struct planner *p, struct span span, const struct err *err);
/* Reports once a provider that cannot be opened, however many resources use it. Returns false. */
bool plan_provider_failed(struct planner *p, const struct decl *user, const struct err *err);

/* ---- locations.c: the configured provider of a declaration or record, and whether it still leads to the
 * account, region and endpoint where the resource was created. ---- */
/* The configured provider of a declaration. */
int evaluate_provider(struct planner *p, const struct decl *decl, struct provider **out, struct err *err);
/* location_depends(): true if the settings of the provider with that name depend on resources.
 * location_known(): true if they are known by now. */
bool location_depends(const struct planner *p, struct str name);
bool location_known(struct planner *p, struct str name, const struct value *location);
/* True if its provider's settings are not all known before other changes are applied. */
bool provider_waits(const struct planner *p, const struct decl *decl);
/* Returns the declaration of a provider configuration by its name in a record; NULL: the stack has none. */
const struct decl *location_configuration(const struct planner *p, struct str name);
/*
 * Opens the provider of a record by the name of its configuration. If the stack does not have it any more, or
 * it is unknown yet, opens one that leads to the recorded location. `location` may be NULL.
 */
int location_provider(
    struct planner *p, struct str name, const struct value *location, struct provider **out, struct err *err);
/* Checks that each record and open intent is at the location that its configuration leads to now. ERR_INVALID
 * names those that are not. Calls only STS, if an account is recorded. */
int locations_check(struct planner *p, struct err *err);
/* The same for one record, for commands that use only one. */
int location_check_record(
    struct planner *p, const struct record *record, struct provider *provider, struct err *err);
/* True if the instance's configuration leads to another location than the recorded one; *why gets a text with
 * both. */
bool location_differs(struct planner *p, const struct instance *instance, struct str *why);
