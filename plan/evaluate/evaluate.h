/*
 * Evaluation: computes a value for every declaration. Independent of the state and services, except that a
 * resource's value consists of its instances' planned objects; attributes.h computes their attributes.
 *
 * Order of calls: evaluate_fixed(), since providers need these values; then evaluate_decl() for the rest in
 * the stack's order, which follows the dependencies. During an apply it is called again for unknown values,
 * with the executor's lock.
 */
#pragma once

#include "plan/planner.h"

/* Returns a declaration's value so far; for struct scope, ctx is the planner. */
const struct value *planner_value(void *ctx, const struct decl *decl);
/* Returns the scope of a declaration's expressions; instance NULL outside for_each. */
struct scope planner_scope(struct planner *p, const struct decl *decl, const struct instance *instance);
/* The same for an input's argument, which is written in the parent's file and uses its names. */
struct scope argument_scope(struct planner *p, const struct decl *decl);
/* module_outputs() returns the outputs of a module; evaluate_module() those, or a map of them by instance. */
const struct value *module_outputs(struct arena *arena, const struct module *module,
    const struct value *(*value_of)(void *ctx, const struct decl *decl), void *ctx);
const struct value *evaluate_module(struct arena *arena, const struct decl *decl,
    const struct value *(*value_of)(void *ctx, const struct decl *decl), void *ctx);
/* Follows plain references to locals, inputs and module outputs and returns the final expression and its
 * scope; any other expression is returned itself. */
const struct expr *evaluate_origin(struct planner *p, const struct expr *expr, struct scope *scope);
/* Fills p->evaluated.fixed (independent of resources and data sources) and evaluates those declarations. */
void evaluate_fixed(struct planner *p);
/* True if an expression of a resource depends on none and on no data source, in the same way. */
bool evaluate_is_fixed(const struct planner *p, const struct decl *decl, const struct expr *expr);
/*
 * True if an output's values, which are equal, hide the same as far as the stack says so. A value that comes
 * from a resource may be sensitive only because its record is: it has a text in it that is a secret
 * elsewhere.
 */
bool evaluate_hides_same(const struct planner *p, const struct decl *output, const struct value *before,
    const struct value *after);
/* Evaluates inputs, locals, outputs, modules and provider configurations, and the value of resources for
 * other expressions. False after an error. */
bool evaluate_decl(struct planner *p, const struct decl *decl);
/* Evaluates with values from the state: nothing is read, and unrecorded values are unknown. `needed`, by
 * decl->index: only these; NULL: all. */
void evaluate_as_recorded(struct planner *p, const bool *needed);
/* Reports a problem found by schema_convert() at its place within the expression. */
void evaluate_issue(struct planner *p, const struct expr *expr, struct span key_span, const char *what,
    struct str name, const struct schema_issue *issue);

/* ---- constraints.c ---- */

/* Checks an attribute that is a policy, or a map of policies. False after a reported error. */
bool policies_check(struct planner *p, const struct attr_expr *given, const struct value *v);

/* ---- constraints.c ---- */

/* Checks an attribute that is text in a language of its own, or contains such text. False after a reported
 * error: a service would refuse it. */
bool notations_check(struct planner *p, struct str address, const struct attr_expr *given,
    const struct scope *scope, const struct value *v);

/* ---- instances.c: the instances of a declaration, by `for_each` and `when` or as recorded, and their value
 * for other expressions. */
/* Evaluates for_each and when, and creates the instances without attributes. False after an error. */
bool evaluate_instances(struct planner *p, const struct decl *decl);
/* During an apply: evaluates each.value again if it was unknown in the plan. */
void evaluate_each(struct planner *p, struct instance *instance);
/* Creates instances from the records of a declaration that is not targeted. */
void freeze_instances(struct planner *p, const struct decl *decl);
/* Sets the instances that are not targeted, of a declaration with targets, to their records; removes
 * unrecorded ones. */
void freeze_others(struct planner *p, const struct decl *decl);
/* Returns the value for other expressions: one object, or a map of them. */
const struct value *evaluate_resource_value(struct planner *p, const struct decl *decl);

/* Returns the entry of `imports:` with that address; NULL: none. */
const struct import *import_of(const struct planner *p, struct str address);
/* change_new() adds a change; instance_change() returns that of an instance, and creates it on the first
 * call. */
struct change *change_new(struct planner *p, struct subject subject, const struct schema *schema,
    struct recorded_resource *recorded);
struct change *instance_change(struct planner *p, struct instance *instance);

/* ACTION_NOOP if nothing was decided. */
enum action instance_action(const struct instance *instance);

/* ---- instances.c: modules that are left out (`when: false`): their declarations have no instances, and the
 * value null. */
enum entry {
    ENTRY_UNASKED,
    ENTRY_IN,
    ENTRY_OUT,
    ENTRY_OPEN,   /* offline: depends on values that only a plan reads */
    ENTRY_FAILED, /* already reported */
};

/* Returns whether the module and all modules around it take part. Evaluated once, from the outermost
 * module. */
enum entry module_entry(struct planner *p, const struct module *module);

/* ---- data.c: data sources, read while the plan is made, or when it is applied. */
/* Creates and reads the instances of a data source; those that depend on pending changes wait until the
 * apply. False after an error. */
bool data_plan(struct planner *p, const struct decl *decl);
/* The same for a check's own data source, which data_plan() skips: it is read now. */
bool data_read(struct planner *p, const struct decl *decl);

/* ---- targets.c: the declarations and instances that --target and --replace name. Without any, all are
 * targeted.
 *
 * Order of calls: targets_find() once the records are known; the others for a declaration once its instances
 * are known. */
/* Finds the declarations that the targets name, and their dependencies. False after an error. */
bool targets_find(struct planner *p);
/* True if this instance of a targeted declaration is targeted. */
bool targets_have(const struct planner *p, const struct decl *decl, struct str address);
/* Checks that the declaration has the instances that the targets name. False after an error, and if it sets
 * p->needs_whole. */
bool targets_check(struct planner *p, const struct decl *decl);

/* ---- targets.c: plans of some resources alone (deploy, rollback). Their dependencies must exist already.
 * Dependents are included only if the change reaches them, and then only with the attributes that it
 * changes. */
/* Finds the dependencies of the targets. After targets_find(). */
void targets_only_begin(struct planner *p);
/* Checks that a dependency of a target is recorded. For declarations that are not targets. False after an
 * error. */
bool targets_only_check(struct planner *p, const struct decl *decl);
/* True if the change of a target reaches the declaration, which then becomes a target. */
bool targets_only_includes(struct planner *p, const struct decl *decl);
/* Returns the attributes; if only attributes that follow from other resources may change, the others as
 * recorded. */
const struct value *targets_only_attributes(
    struct planner *p, const struct instance *instance, struct arena *arena, const struct value *object);

/* ---- replace_trigger.c: whether an expression's value differs from that of the last apply. */
/* True if a value that the instance's replace_triggered_by names has changed since the last apply. */
bool triggered(struct planner *p, const struct instance *instance);
/* True if the expression's value differs from the one with recorded values. `hidden`, by decl->index: the
 * records of these count as unknown; NULL: none. `diags` NULL: errors are dropped. */
bool expression_changes(struct planner *p, const struct instance *instance, const struct expr *expr,
    const bool *hidden, struct diags *diags);
