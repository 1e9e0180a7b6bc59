/*
 * Evaluates rules (stacks/stack.h) about the changes of a plan.
 *
 * Order of calls: rules_evaluate() when everything is decided; then rules_report() for validate, or the plan
 * is shown with its findings. During an apply, rules_evaluate_now() before the request of each resource with
 * waiting rules.
 *
 * A rule waits if it depends on values that are known only after another change is applied. A rule that
 * cannot be evaluated never counts as kept: without a later chance it is broken.
 */
#pragma once

#include "plan/planner.h"

/* A rule that waits until its instance is applied. */
struct rule_wait {
    const struct rule *rule;
    const struct rule_wait *next;
};

/* Fills plan->findings. Errors in rules are reported in p->diags. */
void rules_evaluate(struct planner *p);
/* Reports broken rules as diagnostics. */
void rules_report(const struct plan *plan, struct diags *diags);
/*
 * Evaluates the waiting rules of an instance, with the executor's lock, once all desired values are known.
 * ERR_INVALID if one is broken. `after`: evaluates those about the result of its request, which `desired` is
 * then. `warn` gets the messages of rules of level warning.
 */
int rules_evaluate_now(struct planner *p, const struct instance *instance, const struct value *desired,
    bool after, void (*warn)(void *ctx, const char *text), void *ctx, struct err *err);

/*
 * Evaluates the rule of `budget:` with numbers of one or several plans ({changes, cost}). False: there is
 * none, or it is kept. *out is in the arena.
 */
bool rules_evaluate_budget(
    const struct stack *stack, const struct value *numbers, struct arena *arena, struct rule_finding *out);

/* ---- Shared within plan/rules/: checks.c creates the objects that rules see, and evaluates checks after an
 * apply; rules.c evaluates rules, report.c reports the results. ---- */

/* ---- checks.c ---- */

/* Returns the object with all attributes and fields of its schema; missing ones have the default or null.
 * NULL remains NULL. */
const struct value *rule_object(struct arena *arena, const struct schema *schema, const struct value *object);
/* Dependencies and dependents of a declaration, as lists. */
struct rule_links {
    const struct value *dependencies, *dependents;
};
struct rule_links rule_links_of(struct planner *p, struct arena *arena, const struct decl *decl);

/* True if the rule is a check and takes part. */
bool rule_is_check(struct planner *p, const struct rule *rule);

/* ---- rules.c ---- */

/* The subject of a rule. */
struct subject_of_rule {
    struct str address;
    const struct schema *schema;     /* NULL: the plan */
    const struct instance *instance; /* NULL: a deletion, or the plan */
    const struct decl *decl;         /* NULL: not declared */
    const struct value *constants;   /* for struct scope */
};

enum rule_answer { RULE_IS_MET, RULE_IS_BROKEN, RULE_IS_UNKNOWN, RULE_IS_WRONG };

/* Returns the names that a resource's rules can use, with values. links NULL: no rule uses them. */
const struct value *rule_constants_of(struct planner *p, struct arena *arena, const struct instance *instance,
    const struct value *self, const struct rule_links *links);
/* Evaluates a rule. RULE_IS_WRONG: an error in the rule, already reported. */
enum rule_answer rule_evaluate(
    struct planner *p, struct arena *arena, const struct rule *rule, const struct subject_of_rule *subject);
/* Returns the rule's message for the subject. */
struct str rule_message(struct planner *p, const struct rule *rule, const struct subject_of_rule *subject);
/* Returns the place where the file configures the attribute that the rule names; of an undeclared resource,
 * the rule. */
struct span rule_span_of(struct planner *p, const struct rule *rule, const struct subject_of_rule *subject);

/* ---- report.c ---- */

/* Returns a finding with outcome "broken", which the caller may change. */
struct rule_finding rule_finding_of(
    struct planner *p, const struct rule *rule, const struct subject_of_rule *subject);

/* Returns the waiver that applies to the rule at the address; NULL: none. */
const struct waiver *rule_waiver(
    const struct stack *stack, const struct rule *rule, struct str address, int64_t now_ms);
/* True if a user approved the rule. */
bool rule_is_approved(const struct planner *p, const struct rule *rule);
/* Number of broken rules of the level, and the first of them. */
size_t findings_broken(
    const struct rule_finding *list, size_t n, enum rule_level level, const struct rule_finding **first);
/* Reports expired waivers as errors. */
void rules_report_over(struct planner *p, int64_t now_ms);
