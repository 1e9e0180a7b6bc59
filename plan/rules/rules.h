/*
 * Rules (stacks/stack.h), asked of what a plan does.
 *
 * Order of calls: rules_ask() when everything is decided; then rules_report() where only mistakes are looked
 * for, or the plan is shown with its findings. While it is applied, rules_ask_now() before the call of each
 * resource of which one waits.
 *
 * A rule waits where it depends on what is known only after something else is applied. Nothing that could
 * not be asked counts as kept: where no later moment tells, it is broken.
 */
#pragma once

#include "plan/planner.h"

/* A rule that waits for its instance's turn. */
struct rule_wait {
    const struct rule *rule;
    const struct rule_wait *next;
};

/* Fills plan->findings. Mistakes in rules are errors in p->diags. */
void rules_ask(struct planner *p);
/* The broken ones as diagnostics. */
void rules_report(const struct plan *plan, struct diags *diags);
/*
 * With the executor's lock, once all that the instance wants is known: its rules that waited. ERR_INVALID
 * where one is broken. `after`: those that ask for what its call brought, and `desired` is that. `warn` gets
 * the texts of those that only warn.
 */
int rules_ask_now(struct planner *p, const struct instance *instance, const struct value *desired, bool after,
    void (*warn)(void *ctx, const char *text), void *ctx, struct err *err);

/*
 * The rule that `budget:` is, asked of numbers of a plan, or of several together ({changes, cost}). False:
 * there is none, or it is kept. In the arena.
 */
bool rules_ask_budget(
    const struct stack *stack, const struct value *numbers, struct arena *arena, struct rule_finding *out);

/* ---- Shared by plan/rules/ only: checks.c makes what rules see, rules.c asks them, checks.c asks what is
 * asked after an apply, report.c says what came out. */

/* ---- checks.c ---- */

/* An object with every attribute and field of its schema: those that are not given are as the service has
 * them then, or null. NULL stays NULL. */
const struct value *rule_object(struct arena *arena, const struct schema *schema, const struct value *object);
/* Lists of what a declaration refers to, and of what refers to it. */
struct rule_links {
    const struct value *dependencies, *dependents;
};
struct rule_links rule_links_of(struct planner *p, struct arena *arena, const struct decl *decl);

/* Is it there to be asked? */
bool rule_is_check(struct planner *p, const struct rule *rule);

/* ---- rules.c ---- */

/* What a rule is asked of. */
struct subject_of_rule {
    struct str address;
    const struct schema *schema;     /* NULL: the plan */
    const struct instance *instance; /* NULL: it is deleted, or the plan */
    const struct decl *decl;         /* NULL: the stack does not declare it */
    const struct value *constants;   /* for struct scope */
};

enum rule_answer { RULE_IS_KEPT, RULE_IS_BROKEN, RULE_IS_UNKNOWN, RULE_IS_WRONG };

/* The names of a resource's rules, with their values. links NULL: no rule names them. */
const struct value *rule_constants_of(struct planner *p, struct arena *arena, const struct instance *instance,
    const struct value *self, const struct rule_links *links);
/* RULE_IS_WRONG: a mistake in the rule, which has been reported. */
enum rule_answer rule_ask(struct planner *p, struct arena *arena, const struct rule *rule,
    const struct subject_of_rule *subject, bool *asked);
/* What it says of that. */
struct str rule_message(struct planner *p, const struct rule *rule, const struct subject_of_rule *subject);
/* Where the file configures what the rule names; of what it does not declare, the rule. */
struct span rule_place(struct planner *p, const struct rule *rule, const struct subject_of_rule *subject);

/* ---- report.c ---- */

/* That it is broken; there is more to be reported of it. */
struct rule_finding rule_finding_of(
    struct planner *p, const struct rule *rule, const struct subject_of_rule *subject);

/* NULL: the rule has to be kept there. */
const struct waiver *rule_waiver(
    const struct stack *stack, const struct rule *rule, struct str address, int64_t now_ms);
/* Has somebody agreed to what it reports? */
bool rule_is_approved(const struct planner *p, const struct rule *rule);
/* How many broken ones of the level there are, and the first of them. */
size_t findings_broken(
    const struct rule_finding *list, size_t n, enum rule_level level, const struct rule_finding **first);
/* Those whose last day is past are mistakes. */
void rules_report_over(struct planner *p, int64_t now_ms);
