/*
 * Results of rules: as diagnostics, as the reason why nothing is applied, and during an apply; waivers.
 */
#include "base/match.h"
#include "plan/rules/rules.h"

/* ---- waivers (struct waiver) and approvals ---- */

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

const char *finding_outcome_name(enum finding_outcome outcome)
{
    static const char *const names[] = {"broken", "waits", "waived", "approved", "kept"};
    return names[outcome];
}

struct rule_finding rule_finding_of(
    struct planner *p, const struct rule *rule, const struct subject_of_rule *subject)
{
    return (struct rule_finding){.rule = rule->name,
        .address = subject->address,
        .type = subject->schema ? subject->schema->name : STR_EMPTY,
        .message = rule_message(p, rule, subject),
        .doc = rule->doc,
        .control = rule->control,
        .link = rule->link,
        .builtin = rule->builtin,
        .level = rule->level,
        .outcome = FINDING_BROKEN,
        .span = rule_span_of(p, rule, subject),
        .rule_span = rule->span};
}

/* Why an unknown result counts as broken. */
static const char undecided[] = "it cannot be evaluated before the call, so it counts as broken";

static void report_finding(const struct rule_finding *f, struct diags *diags)
{
    bool warns = f->level != RULE_ERROR;
    struct diag *d =
        warns ? diag_warning(diags, f->span, "%.*s: %.*s", STR_ARG(f->address), STR_ARG(f->message))
              : diag_error(diags, f->span, "%.*s: %.*s", STR_ARG(f->address), STR_ARG(f->message));
    diag_code(diags, d, f->rule);
    bool elsewhere = f->rule_span.source != f->span.source || f->rule_span.offset != f->span.offset;
    if (f->builtin)
        diag_hint(diags, d, "%.*s (%.*s): %.*s", STR_ARG(f->rule), STR_ARG(f->control), STR_ARG(f->link));
    else if (elsewhere)
        diag_related(diags, d, f->rule_span, "the rule \"%.*s\"", STR_ARG(f->rule));
    if (f->unknown)
        diag_hint(diags, d, "%s%s%.*s", undecided, d->hint.n ? "; " : "", STR_ARG(d->hint));
}

void rules_report(const struct plan *plan, struct diags *diags)
{
    for (size_t i = 0; i < plan->finding_count; i++)
        if (plan->findings[i].outcome == FINDING_BROKEN &&
            (plan->findings[i].level != RULE_APPROVAL || plan->planner->offline))
            report_finding(&plan->findings[i], diags);
}

size_t findings_broken(
    const struct rule_finding *list, size_t n, enum rule_level level, const struct rule_finding **first)
{
    size_t broken = 0;
    while (n-- > 0)
        if (list[n].outcome == FINDING_BROKEN && list[n].level == level) {
            *first = &list[n];
            broken++;
        }
    return broken;
}

int plan_check_rules(const struct plan *plan, struct err *err)
{
    const struct rule_finding *first;
    size_t n = findings_broken(plan->findings, plan->finding_count, RULE_ERROR, &first);
    if (!n)
        return 0;
    err_set(err, ERR_INVALID, "%zu rule%s broken: %.*s of %.*s%s", n, n == 1 ? " is" : "s are",
        STR_ARG(first->rule), STR_ARG(first->address), n > 1 ? ", …" : "");
    return err_hint(err, "change what the message names, or the rule; nothing is applied until then");
}

int plan_check_approvals(const struct plan *plan, struct err *err)
{
    const struct rule_finding *first;
    size_t n = findings_broken(plan->findings, plan->finding_count, RULE_APPROVAL, &first);
    if (!n)
        return 0;
    err_set(err, ERR_INVALID, "approval required: %.*s: %.*s (rule %.*s)%s", STR_ARG(first->address),
        STR_ARG(first->message), STR_ARG(first->rule), n > 1 ? ", …" : "");
    return err_hint(
        err, "--approve %.*s --reason TEXT approves it, and the history records it", STR_ARG(first->rule));
}

/* ---- during an apply ---- */

/* Returns -1 with err if the result stops the change. */
static int answer_wait(struct planner *p, const struct rule *rule, const struct subject_of_rule *subject,
    enum rule_answer answer, void (*warn)(void *ctx, const char *text), void *ctx, struct err *err)
{
    struct str message = rule_message(p, rule, subject);
    const char *why = answer == RULE_IS_UNKNOWN ? "; it still depends on unknown values" : "";
    if (answer == RULE_IS_WRONG)
        return err_set(err, ERR_INVALID, "the rule \"%.*s\" cannot be evaluated: %.*s", STR_ARG(rule->name),
            STR_ARG(p->diags->n ? p->diags->items[p->diags->n - 1].message : STR("a mistake")));
    if (rule->level == RULE_WARNING) {
        AUTO_ARENA struct arena scratch = ARENA_INIT;
        warn(ctx, arena_printf(&scratch, "%.*s: %.*s (rule %.*s)%s", STR_ARG(subject->address),
                      STR_ARG(message), STR_ARG(rule->name), why)
                      .p);
        return 0;
    }
    if (rule->level == RULE_APPROVAL && rule_is_approved(p, rule))
        return 0;
    struct span at = span_complete(rule->span);
    err_set(err, ERR_INVALID, "%.*s%s", STR_ARG(message), why);
    if (rule->level == RULE_APPROVAL)
        return err_hint(err, "--approve %.*s --reason TEXT approves it", STR_ARG(rule->name));
    return err_hint(err, "the rule \"%.*s\" at %.*s:%u; %s", STR_ARG(rule->name),
        STR_ARG(at.source ? at.source->path : STR_EMPTY), at.line,
        rule->after ? "the change is made and recorded" : "it was not called");
}

int rules_evaluate_now(struct planner *p, const struct instance *instance, const struct value *desired,
    bool after, void (*warn)(void *ctx, const char *text), void *ctx, struct err *err)
{
    int status = 0;
    AUTO_ARENA struct arena scratch = ARENA_INIT;
    struct subject_of_rule subject = {.address = instance->address,
        .schema = instance->decl->schema,
        .instance = instance,
        .decl = instance->decl};
    unsigned names = 0;
    for (const struct rule_wait *wait = instance->waiting_rules; wait; wait = wait->next)
        names |= wait->rule->after == after ? wait->rule->names : 0;
    for (const struct rule_wait *wait = instance->waiting_rules; wait && !status; wait = wait->next) {
        if (wait->rule->after != after)
            continue;
        if (!subject.constants) {
            struct rule_links links;
            if (names & RULE_NAMES_LINKS)
                links = rule_links_of(p, &scratch, instance->decl);
            subject.constants = rule_constants_of(p, &scratch, instance,
                after ? desired : value_merge(&scratch, instance->planned, desired),
                names & RULE_NAMES_LINKS ? &links : NULL);
        }
        enum rule_answer answer = rule_evaluate(p, &scratch, wait->rule, &subject);
        if (answer != RULE_IS_MET)
            status = answer_wait(p, wait->rule, &subject, answer, warn, ctx, err);
    }
    return status;
}
