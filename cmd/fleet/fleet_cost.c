/* What a fleet's plans do to the cost, member by member, and whether all of it keeps to the budget. */
#include "cmd/fleet/fleet.h"

#include "cmd/cost/estimate.h"
#include "plan/rules/rules.h"

/* Of each member one item: its name, and what all of it costs. */
struct fleet_estimates {
    struct prices *prices;
    struct estimate now, after;
};

/* The first of a member's resources of which nobody knows what it costs. */
static void add_unknown(struct estimate_item *item, const struct estimate *one, struct arena *arena)
{
    struct str why = STR_EMPTY;
    size_t i = 0;
    while (i < one->n && !(why = estimate_unknown(&one->items[i], arena)).n)
        i++;
    if (!why.n)
        return;
    struct charge *charge = ARENA_NEW(arena, struct charge);
    *charge = (struct charge){.kind = CHARGE_UNKNOWN, .what = one->items[i].address, .why = why};
    item->charges = charge;
    item->charge_count = 1;
}

static void add_estimate(
    struct estimate *all, const struct member *m, const struct estimate *one, struct arena *arena)
{
    struct estimate_item *item = &all->items[all->n++];
    *item = (struct estimate_item){
        .address = m->name, .type = STR("fleet"), .priced = PRICED, .hourly = one->hourly};
    add_unknown(item, one, arena);
    all->hourly += one->hourly;
    all->unknown += one->unknown;
}

/* One that cannot be planned costs what it did. */
static void add_estimates_of(struct fleet_estimates *b, const struct member *m, struct arena *arena)
{
    struct estimate now, after = {0};
    estimate_recorded(&m->workspace, b->prices, arena, &now);
    if (!m->plan || !member_fine(m))
        after = now;
    else if (!m->plan->destroy)
        estimate_planned(m->plan, b->prices, arena, &after);
    add_estimate(&b->now, m, &now, arena);
    add_estimate(&b->after, m, &after, arena);
}

/* Of the members of that fleet. */
static int estimates_open(struct fleet *fleet, const struct workspace *base, struct fleet_estimates *b)
{
    struct arena *arena = &fleet->inv->arena;
    struct err err = ERR_INIT;
    *b = (struct fleet_estimates){.now.items = ARENA_ARRAY(arena, struct estimate_item, fleet->n + 1),
        .after.items = ARENA_ARRAY(arena, struct estimate_item, fleet->n + 1)};
    if (cost_open(base, arena, &b->prices, &err))
        return invocation_fail(fleet->inv, &err);
    for (size_t i = 0; i < fleet->n; i++)
        if (fleet->members[i].workspace.state && member_base(&fleet->members[i]) == base)
            add_estimates_of(b, &fleet->members[i], arena);
    return EXIT_DONE;
}

int fleet_tell_cost(struct fleet *fleet)
{
    struct fleet_estimates b;
    AUTO_BUF struct buf out = BUF_INIT;
    int status = estimates_open(fleet, &fleet->base, &b);
    if (status != EXIT_DONE)
        return status;
    buf_add_char(&out, '\n');
    estimate_show_change(&b.now, &b.after, b.prices, fleet->inv->out.color, &out);
    if (!fleet->inv->settings->json)
        status = invocation_write(fleet->inv, buf_str(&out));
    prices_free(b.prices);
    for (size_t i = 0; i < fleet->n && fleet->inv->settings->json && status == EXIT_DONE; i++) {
        AUTO_BUF struct buf line = BUF_INIT;
        if (!fleet->members[i].plan)
            continue;
        status = cost_tell(fleet->inv, fleet->members[i].plan, true, false, &line);
        fleet_event(&fleet->members[i], buf_str(&line));
    }
    return status;
}

static bool changes_any(const struct fleet *fleet, const struct workspace *base)
{
    for (size_t i = 0; i < fleet->n; i++) {
        const struct member *m = &fleet->members[i];
        if (m->plan && member_base(m) == base && plan_has_changes(m->plan))
            return true;
    }
    return false;
}

/* The budget is a rule, and broken: that stops all of them, or is only reported. */
static int report_budget(struct fleet *fleet, const struct rule_finding *finding, bool approvals)
{
    const struct texts *approved = &fleet->inv->settings->approve;
    struct err err = ERR_INIT;
    bool agreed = !approvals;
    for (size_t i = 0; i < approved->n && !agreed; i++)
        agreed = str_eq(approved->items[i], finding->rule);
    bool only_warns = finding->outcome == FINDING_WAIVED || finding->level == RULE_WARNING ||
                      (finding->level == RULE_APPROVAL && agreed);
    if (only_warns && !fleet->inv->settings->json)
        invocation_note(fleet->inv, "warning: %.*s%s%.*s", STR_ARG(finding->message),
            finding->reason.n ? "; waived: " : "", STR_ARG(finding->reason));
    if (only_warns)
        return EXIT_DONE;
    err_set(&err, ERR_INVALID, "%.*s", STR_ARG(finding->message));
    if (finding->level == RULE_APPROVAL)
        err_hint(&err, "--approve %.*s --reason TEXT agrees to it", STR_ARG(finding->rule));
    return invocation_fail(fleet->inv, &err);
}

int fleet_hold_budget(struct fleet *fleet, const struct workspace *base, bool approvals)
{
    struct arena *arena = &fleet->inv->arena;
    struct fleet_estimates b;
    struct rule_finding finding;
    if (!base->stack->budget.n || fleet->destroy || !changes_any(fleet, base))
        return EXIT_DONE;
    int status = estimates_open(fleet, base, &b);
    if (status != EXIT_DONE)
        return status;
    prices_free(b.prices);
    struct value_entry numbers[] = {
        {STR("changes"), value_int(arena, 1)}, {STR("cost"), cost_value(&b.now, &b.after, arena)}};
    return rules_ask_budget(base->stack, value_map(arena, numbers, 2), arena, &finding)
               ? report_budget(fleet, &finding, approvals)
               : EXIT_DONE;
}
