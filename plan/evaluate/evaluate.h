/*
 * Evaluation: a value for every declaration. Knows nothing of the state or of services, except that a
 * resource's value comes from its instances' planned objects (evaluate.h); its attributes are
 * attributes.h's.
 *
 * Order of calls: evaluate_fixed(), for providers need what is in there; then evaluate_decl() for the rest in
 * the stack's order, which is that of the dependencies. While a plan is applied it is called again for what
 * was not known, under the executor's lock.
 */
#pragma once

#include "plan/planner.h"

/* A declaration's value so far; for struct scope, ctx is the planner. */
const struct value *planner_value(void *ctx, const struct decl *decl);
/* Scope of a declaration's expressions; instance NULL outside for_each. */
struct scope planner_scope(struct planner *p, const struct decl *decl, const struct instance *instance);
/* The same of an input's argument, which is written in the parent's file and means the parent's names. */
struct scope argument_scope(struct planner *p, const struct decl *decl);
/* A module's outputs; evaluate_module(): or those of each of its instances. */
const struct value *module_outputs(struct arena *arena, const struct module *module,
    const struct value *(*value_of)(void *ctx, const struct decl *decl), void *ctx);
const struct value *evaluate_module(struct arena *arena, const struct decl *decl,
    const struct value *(*value_of)(void *ctx, const struct decl *decl), void *ctx);
/* What a plain reference to a local, an input or a module's output stands for in the end, with its own scope;
 * any other expression is that itself. */
const struct expr *evaluate_origin(struct planner *p, const struct expr *expr, struct scope *scope);
/* Finds p->evaluated.fixed, what no resource or data source is behind, and evaluates that. */
void evaluate_fixed(struct planner *p);
/* Inputs, locals, outputs, modules and provider configurations, and what others see of resources. False after
 * an error. */
bool evaluate_decl(struct planner *p, const struct decl *decl);
/* Values as the state has them: nothing is read, and what is not recorded is unknown. `needed`, by
 * decl->index: only these; NULL: all. */
void evaluate_as_recorded(struct planner *p, const bool *needed);
/* Reports what schema_convert() found, at the place within the expression. */
void evaluate_issue(struct planner *p, const struct expr *expr, struct span key_span, const char *what,
    struct str name, const struct schema_issue *issue);

/* ---- constraints.c ---- */

/* Of an attribute that is a policy, or a map of them; false: it is none, which has been reported. */
bool policies_check(struct planner *p, const struct attr_expr *given, const struct value *v);

/* ---- constraints.c ---- */

/* Of an attribute that is in a language of its own, or has something in it that is; false: a service would
 * refuse it, which has been reported. */
bool notations_check(struct planner *p, struct str address, const struct attr_expr *given,
    const struct scope *scope, const struct value *v);

/* ---- instances.c: which instances a declaration has, as its `for_each` and `when` say or as they are
 * recorded, and the value that others see of them. */
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

/* ---- instances.c: Modules that are left out (`when: false`): what they declare has no instances, and
 * null for a value. */
enum entry {
    ENTRY_UNASKED,
    ENTRY_IN,
    ENTRY_OUT,
    ENTRY_OPEN,   /* offline: depends on what a plan would read */
    ENTRY_FAILED, /* reported */
};

/* Does the module take part? So do all around it, asked from the outside, and once only. */
enum entry module_entry(struct planner *p, const struct module *module);

/* ---- data.c: Data sources: read while the plan is made, or when it is applied. */
/* The instances of a data source, each read; those that depend on what is still to change wait until apply.
 * False after an error. */
bool data_plan(struct planner *p, const struct decl *decl);
/* The same of a check's own, which data_plan() leaves alone: it is read now. */
bool data_read(struct planner *p, const struct decl *decl);

/* ---- targets.c: what --target and --replace mean: which declarations, and which of their instances. Without
 * any, everything.
 *
 * Order of calls: targets_find() once the records are known; the others of a declaration whose instances
 * are. */
/* Which declarations the targets mean, and what those depend on. False after an error. */
bool targets_find(struct planner *p);
/* Of a targeted declaration: is this instance meant, too? */
bool targets_have(const struct planner *p, const struct decl *decl, struct str address);
/* Are all instances there that the targets name? False after an error, and where p->needs_whole. */
bool targets_check(struct planner *p, const struct decl *decl);

/* ---- targets.c: Plans of some resources alone (deploy, rollback): what they depend on has to be there
 * already, and what depends on them is taken in only where their change reaches it, and then only for
 * that. */
/* Finds what the targets need. After targets_find(). */
void alone_begin(struct planner *p);
/* Is what a target needs there? For declarations that are no targets. False after an error. */
bool alone_check(struct planner *p, const struct decl *decl);
/* Does the change of a target reach it? Then it is a target from now on. */
bool alone_includes(struct planner *p, const struct decl *decl);
/* The attributes, reduced to what follows from others where only that may change. */
const struct value *alone_attributes(
    struct planner *p, const struct instance *instance, struct arena *arena, const struct value *object);

/* ---- replace_trigger.c: Does an expression come out otherwise than it did when the stack was applied
 * last? */
/* Did something that the instance's replace_triggered_by names change since the last apply? */
bool triggered(struct planner *p, const struct instance *instance);
/* Does the expression come out otherwise than with what is recorded? `hidden`, by decl->index: what is
 * recorded of these tells nothing; NULL: it always does. `diags` NULL: its errors are reported elsewhere. */
bool expression_changes(struct planner *p, const struct instance *instance, const struct expr *expr,
    const bool *hidden, struct diags *diags);
