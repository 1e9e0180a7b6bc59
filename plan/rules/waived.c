/* What a stack need not keep for a while (struct waiver), and what somebody agreed to. */
#include "plan/rules/rules_internal.h"

#include "base/glob.h"

static bool is_waived_for(const struct waiver *waiver, struct str address)
{
    for (size_t i = 0; i < waiver->address_count; i++)
        if (str_eq(waiver->addresses[i], address) || glob_match(waiver->addresses[i], address, 0))
            return true;
    return false;
}

const struct waiver *rule_waiver(
    const struct stack *stack, const struct rule *rule, struct str address, int64_t now_ms)
{
    for (size_t i = 0; i < stack->waiver_count && rule->waivable; i++)
        if (rule_is_called(rule, stack->waivers[i].rule) && stack->waivers[i].until_ms > now_ms &&
            is_waived_for(&stack->waivers[i], address))
            return &stack->waivers[i];
    return NULL;
}

bool rule_is_approved(const struct planner *p, const struct rule *rule)
{
    for (size_t i = 0; i < p->options->approved_count; i++)
        if (rule_is_called(rule, p->options->approved[i]))
            return true;
    return false;
}

void rules_report_over(struct planner *p, int64_t now_ms)
{
    for (size_t i = 0; i < p->stack->waiver_count && !p->options->destroy; i++) {
        const struct waiver *waiver = &p->stack->waivers[i];
        if (waiver->until_ms > now_ms)
            continue;
        struct diag *d = diag_error(p->diags, waiver->span, "the waiver of \"%.*s\" ended on %.*s",
            STR_ARG(waiver->rule), STR_ARG(waiver->until));
        diag_hint(p->diags, d, "keep the rule and remove the waiver, or agree on another day");
    }
}
