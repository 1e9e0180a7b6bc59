/*
 * Evaluation: a value for every declaration. Knows nothing of the state or of services, except that a
 * resource's value comes from its instances' planned objects (instances.h); its attributes are
 * attributes.h's.
 *
 * Order of calls: evaluate_fixed(), for providers need what is in there; then evaluate_decl() for the rest in
 * the stack's order, which is that of the dependencies. While a plan is applied it is called again for what
 * was not known, under the executor's lock.
 */
#pragma once

#include "plan/planner.h"
#include "stacks/expr.h"

/* A declaration's value so far; for struct scope, ctx is the planner. */
const struct value *planner_value(void *ctx, const struct decl *decl);
/* Scope of a declaration's expressions; instance NULL outside for_each. */
struct scope planner_scope(struct planner *p, const struct decl *decl, const struct instance *instance);
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

/* ---- policies.c ---- */

/* Of an attribute that is a policy, or a map of them; false: it is none, which has been said. */
bool policies_check(struct planner *p, const struct attr_expr *given, const struct value *v);

/* ---- notations.c ---- */

/* Of an attribute that is in a language of its own, or has something in it that is; false: a service would
 * refuse it, which has been said. */
bool notations_check(struct planner *p, struct str address, const struct attr_expr *given,
    const struct scope *scope, const struct value *v);
