/* Tables of a fleet's members: outputs, cost of the plans, and drift. */
#include "base/json.h"
#include "cmd/cost/estimate.h"
#include "cmd/fleet/fleet.h"
#include "cmd/output/events.h"
#include "cmd/planning/planning.h"
#include "plan/rules/rules.h"

/* ---- weir fleet drift: the drift of each member ---- */

static bool has_findings(const struct plan *plan)
{
    return plan && (plan->drifted || plan->unread_count);
}

static void add_summary(const struct fleet *fleet, struct buf *out)
{
    size_t looked = 0, drifted = 0, unread = 0, unused = 0;
    for (size_t i = 0; i < fleet->n; i++) {
        const struct member *m = &fleet->members[i];
        looked += m->plan && !m->is_shared;
        drifted += m->plan && m->plan->drifted && !m->is_shared;
        unread += m->plan ? m->plan->unread_count : 0;
        unused += m->plan && !m->is_shared && !state_seq(m->workspace.state);
    }
    const char *what = fleet_unit(fleet);
    if (drifted)
        buf_addf(out, "Drift in %zu of %zu %s%s", drifted, looked, what, looked == 1 ? "" : "s");
    else
        buf_addf(out, "No drift in %zu %s%s%s", looked, what, looked == 1 ? "" : "s",
            unread ? ", where weir could read" : "");
    if (unused)
        buf_addf(out, "; nothing was applied yet to %zu of them", unused);
    buf_addz(out, ".\n");
}

static void add_text(const struct fleet *fleet, struct buf *out)
{
    struct render_options options = render_options_for(fleet->inv);
    for (size_t i = 0; i < fleet->n; i++) {
        const struct member *m = &fleet->members[i];
        if (!has_findings(m->plan))
            continue;
        style_add_str(out, fleet->inv->out.color, STYLE_BOLD, m->name);
        buf_addz(out, "\n\n");
        render_drift(m->plan, &options, out);
        buf_add_char(out, '\n');
    }
    add_summary(fleet, out);
}

static int show_drift(struct fleet *fleet)
{
    AUTO_BUF struct buf out = BUF_INIT;
    for (size_t i = 0; i < fleet->n && fleet->inv->settings->json; i++) {
        AUTO_BUF struct buf lines = BUF_INIT;
        if (!fleet->members[i].plan)
            continue;
        event_drift(&lines, fleet->members[i].plan);
        fleet_event(&fleet->members[i], buf_str(&lines));
    }
    if (!fleet->inv->settings->json)
        add_text(fleet, &out);
    return invocation_write(fleet->inv, buf_str(&out));
}

/* The exit status of `weir drift`, for all members together. */
static int status_of(struct fleet *fleet)
{
    int status = fleet_report(fleet);
    for (size_t i = 0; i < fleet->n; i++) {
        const struct plan *plan = fleet->members[i].plan;
        int own = !plan                ? EXIT_DONE
                  : plan->drifted      ? EXIT_CHANGES
                  : plan->unread_count ? EXIT_FAILED
                                       : EXIT_DONE;
        status = own > status ? own : status;
    }
    return status;
}

int fleet_find_drift(struct fleet *fleet)
{
    fleet->drift = true;
    fleet_plan(fleet);
    int status = show_drift(fleet);
    return status == EXIT_DONE ? status_of(fleet) : status;
}

int fleet_drift(struct invocation *inv)
{
    struct fleet fleet;
    int status = fleet_open(inv, &fleet);
    if (status == EXIT_DONE) {
        fleet_load(&fleet);
        status = fleet_find_drift(&fleet);
    }
    fleet_close(&fleet);
    return status;
}

/* ---- the cost of a fleet's plans, by member, and the budget of all ---- */

/* One item for each member: its name and total cost. */
struct fleet_estimates {
    struct prices *prices;
    struct estimate now, after;
};

/* Adds the first resource of a member whose cost is unknown. */
static void add_unknown(struct estimate_item *item, const struct estimate *one, struct arena *arena)
{
    struct str why = STR_EMPTY;
    size_t i = 0;
    while (i < one->n && !(why = estimate_unknown(&one->items[i], arena)).n)
        i++;
    if (!why.n)
        return;
    struct charge *charge =
        ARENA_MAKE(arena, struct charge, .kind = CHARGE_UNKNOWN, .what = one->items[i].address, .why = why);
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

/* Without a plan the cost after the apply is that of the recorded resources. */
static void add_estimates_of(struct fleet_estimates *b, const struct member *m, struct arena *arena)
{
    struct estimate now, after = {0};
    estimate_recorded(&m->workspace, b->prices, arena, &now);
    if (!m->plan || !member_is_ok(m))
        after = now;
    else if (!m->plan->destroy)
        estimate_planned(m->plan, b->prices, arena, &after);
    add_estimate(&b->now, m, &now, arena);
    add_estimate(&b->after, m, &after, arena);
}

/* Estimates the members of the fleet `base`. */
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

int fleet_show_cost(struct fleet *fleet)
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
        status = cost_show(fleet->inv, fleet->members[i].plan, true, false, &line);
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

/* Reports the exceeded budget, which is a rule: an error for all members, or only a warning. */
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
        err_hint(&err, "--approve %.*s --reason TEXT approves it", STR_ARG(finding->rule));
    return invocation_fail(fleet->inv, &err);
}

int fleet_check_budget(struct fleet *fleet, const struct workspace *base, bool approvals)
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
    return rules_evaluate_budget(base->stack, value_map(arena, numbers, 2), arena, &finding)
               ? report_budget(fleet, &finding, approvals)
               : EXIT_DONE;
}

/* Returns strings as they are and other values as JSON, with secrets hidden. */
static const struct value *output_cell(struct arena *arena, const struct value *v)
{
    AUTO_BUF struct buf text = BUF_INIT;
    if (value_is_null(v) || value_is_sensitive(v))
        return value_is_null(v) ? &value_null : value_stringz(arena, "(sensitive)");
    if (v->kind == VALUE_STRING)
        return v;
    json_write(&text, v, JSON_REDACT);
    return value_string(arena, buf_str(&text));
}

/* Returns the names of all outputs of any member. */
static const struct value *output_names(struct fleet *fleet, bool members_only)
{
    const struct value *all = &value_empty_map;
    for (size_t i = 0; i < fleet->n; i++)
        if (fleet->members[i].workspace.state && !(members_only && fleet->members[i].is_shared))
            all = value_merge(&fleet->inv->arena, all, state_outputs(fleet->members[i].workspace.state));
    return all;
}

static void output_table(struct fleet *fleet, bool csv, struct buf *out)
{
    struct arena *arena = &fleet->inv->arena;
    const struct value *names = output_names(fleet, csv);
    AUTO_BUILDER struct value_builder columns = VALUE_BUILDER(arena), rows = VALUE_BUILDER(arena);
    value_builder_add(&columns, value_stringz(arena, "member"));
    for (uint32_t k = 0; k < names->count; k++)
        value_builder_add(&columns, value_string_ref(arena, names->entries[k].key));
    for (size_t i = 0; i < fleet->n; i++) {
        const struct member *m = &fleet->members[i];
        AUTO_BUILDER struct value_builder row = VALUE_BUILDER(arena);
        if (!m->workspace.state || (csv && m->is_shared)) /* its outputs are meant for the members */
            continue;
        value_builder_add(&row, value_string_ref(arena, m->name));
        for (uint32_t k = 0; k < names->count; k++)
            value_builder_add(&row,
                output_cell(arena, value_get(state_outputs(m->workspace.state), names->entries[k].key)));
        value_builder_add(&rows, value_builder_list(&row));
    }
    if (csv)
        table_add_csv(value_builder_list(&columns), value_builder_list(&rows), false, out);
    else
        table_add_text(value_builder_list(&columns), value_builder_list(&rows), &fleet->inv->out, out);
}

static void add_times(struct buf *out, char c, size_t n)
{
    while (n--)
        buf_add_char(out, c);
}

static size_t longest_run(struct str text, char c)
{
    size_t longest = 0, run = 0;
    for (size_t i = 0; i < text.n; i++) {
        run = text.p[i] == c ? run + 1 : 0;
        longest = run > longest ? run : longest;
    }
    return longest;
}

/* Writes the lines, such as those of a key, in a code block below the list item. */
static void add_lines(struct buf *out, struct str text)
{
    enum { FENCE = 3 };
    size_t run = longest_run(text, '`') + 1, fence = run < FENCE ? FENCE : run;
    buf_addz(out, "\n\n  ");
    add_times(out, '`', fence);
    do {
        struct str line = str_cut(text, '\n', &text);
        buf_addz(out, line.n ? "\n  " : "\n");
        text_add_safe(out, line, false);
    } while (text.n);
    buf_addz(out, "\n  ");
    add_times(out, '`', fence);
}

/* Writes a value in a code span or block that is safe for any backquotes in it. */
static void add_code(struct buf *out, struct str text)
{
    size_t longest = longest_run(text, '`');
    if (str_find_char(text, '\n', 0) >= 0) {
        add_lines(out, text);
        return;
    }
    add_times(out, '`', longest + 1);
    text_addf(out, "%s%.*s%s", longest ? " " : "", STR_ARG(text), longest ? " " : "");
    add_times(out, '`', longest + 1);
}

static void output_sheets(struct fleet *fleet, struct buf *out)
{
    for (size_t i = 0; i < fleet->n; i++) {
        const struct member *m = &fleet->members[i];
        if (!m->workspace.state)
            continue;
        const struct stack *stack = m->workspace.stack;
        const struct value *outputs = state_outputs(m->workspace.state);
        buf_addf(out, "%s## %.*s%s\n\n", i ? "\n" : "", STR_ARG(m->name), m->is_shared ? " (for all)" : "");
        if (!outputs->count && !state_count(m->workspace.state))
            buf_addz(out, "Not made yet.\n");
        for (uint32_t k = 0; k < outputs->count; k++) {
            const struct value_entry *entry = &outputs->entries[k];
            const struct decl *decl = map_get(&stack->root->outputs, entry->key);
            struct str title = decl && decl->description.n ? decl->description : entry->key;
            buf_addf(out, "- %.*s: ", STR_ARG(title));
            add_code(out, value_text(output_cell(&fleet->inv->arena, entry->value), STR("-")));
            buf_add_char(out, '\n');
        }
    }
}

static void output_events(struct fleet *fleet, struct buf *out)
{
    for (size_t i = 0; i < fleet->n; i++) {
        const struct member *m = &fleet->members[i];
        if (!m->workspace.state)
            continue;
        buf_addf(out, "{\"%s\":\"%.*s\",\"outputs\":", fleet_noun(m), STR_ARG(m->name));
        json_write(out, state_outputs(m->workspace.state), JSON_REDACT | JSON_MARK_UNKNOWN);
        buf_addz(out, "}\n");
    }
}

int fleet_output(struct invocation *inv)
{
    const struct fleet_settings *own = inv->own;
    struct str format = str_z(own->format ? own->format : "table");
    struct fleet fleet;
    AUTO_BUF struct buf out = BUF_INIT;
    int status = fleet_open(inv, &fleet);
    if (status == EXIT_DONE) {
        fleet_load(&fleet);
        if (inv->settings->json)
            output_events(&fleet, &out);
        else if (str_eqz(format, "markdown"))
            output_sheets(&fleet, &out);
        else
            output_table(&fleet, str_eqz(format, "csv"), &out);
        status = invocation_write(inv, buf_str(&out));
        int failed = fleet_report(&fleet);
        status = failed ? failed : status;
    }
    fleet_close(&fleet);
    return status;
}
