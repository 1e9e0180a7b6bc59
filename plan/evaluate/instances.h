/*
 * Which instances a declaration has, as its `for_each` and `when` say or as they are recorded, and the value
 * that others see of them.
 */
#pragma once

#include "plan/planner.h"

/* for_each and when: the instances, without their attributes. False after an error. */
bool evaluate_instances(struct planner *p, const struct decl *decl);
/* During apply: each.value again, where it was not wholly known when the instances were made. */
void evaluate_each(struct planner *p, struct instance *instance);
/* Recorded instances of a declaration that is not targeted: as they are. */
void freeze_instances(struct planner *p, const struct decl *decl);
/* Of a declaration with targets those instances that are none: as recorded, or not there. */
void freeze_others(struct planner *p, const struct decl *decl);
/* The value others see: one object, or a map of them. */
const struct value *evaluate_resource_value(struct planner *p, const struct decl *decl);

/* What `imports:` says of an address; NULL: nothing. */
const struct import *import_of(const struct planner *p, struct str address);
/* A change of the plan; of an instance its own, made when it is first asked for. */
struct change *change_new(
    struct planner *p, struct subject subject, const struct schema *schema, struct seen *seen);
struct change *instance_change(struct planner *p, struct instance *instance);

/* ACTION_NOOP where nothing was decided. */
enum action instance_action(const struct instance *instance);
