/*
 * Rules (stacks/rule.h), asked of what a plan does.
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
