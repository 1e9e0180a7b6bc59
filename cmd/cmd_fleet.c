/* weir fleet: commands for all members of a fleet at once. */
#include "cmd/fleet/fleet.h"
#include "cmd/planning/planning.h"
#include "plan/evaluate/lease.h"

/* ---- plan, apply, destroy ---- */

static int fleet_change(struct fleet *fleet)
{
    const struct fleet_settings *own = fleet->inv->own;
    int status = fleet_check_budget(fleet, &fleet->base, true);
    fleet_check_deletions(fleet);
    fleet_check_rules(fleet, true);
    if (status == EXIT_DONE)
        status = fleet_check_engines(fleet);
    if (status == EXIT_DONE && !fleet->destroy && !own->over_quota)
        status = fleet_check_quotas(fleet);
    if (status == EXIT_DONE)
        status = fleet_ask(fleet);
    if (status == EXIT_DONE)
        status = fleet_record_members(fleet, false);
    if (status != EXIT_DONE)
        return status;
    fleet_apply(fleet);
    if (own->verify)
        fleet_verify(fleet);
    status = fleet_record_members(fleet, true);
    if (status == EXIT_DONE)
        fleet_shared_destroy(fleet, own->verify);
    int failed = fleet_report(fleet);
    return failed ? failed : status;
}

static int fleet_show(struct fleet *fleet, bool lock)
{
    fleet_load(fleet);
    if (lock)
        fleet_lock(fleet);
    fleet_plan(fleet);
    return fleet_show_plan(fleet);
}

static int run_plan(struct invocation *inv)
{
    const struct fleet_settings *own = inv->own;
    struct fleet fleet;
    int status = fleet_open(inv, &fleet);
    if (status == EXIT_DONE)
        status = fleet_show(&fleet, false);
    if (status == EXIT_DONE && own->cost)
        status = fleet_show_cost(&fleet);
    if (status == EXIT_DONE)
        status = fleet_check_budget(&fleet, &fleet.base, false);
    fleet_check_rules(&fleet, false);
    if (status == EXIT_DONE)
        status = fleet_report(&fleet);
    fleet_close(&fleet);
    return status;
}

static int apply_or_destroy(struct invocation *inv, bool destroy)
{
    struct fleet fleet;
    int status = fleet_open(inv, &fleet);
    fleet.destroy = destroy;
    if (status == EXIT_DONE)
        status = planning_check_approvals(inv, (const struct stack *const[]){fleet.base.stack}, 1);
    if (status == EXIT_DONE)
        status = fleet_show(&fleet, true);
    if (status == EXIT_DONE)
        status = fleet_change(&fleet);
    fleet_close(&fleet);
    return status;
}

static int run_apply(struct invocation *inv)
{
    return apply_or_destroy(inv, false);
}

static int run_destroy(struct invocation *inv)
{
    return apply_or_destroy(inv, true);
}

/* ---- status ---- */

static const char *status_word(const struct member *m)
{
    size_t open;
    if (!m->workspace.state)
        return "cannot be opened";
    state_open_intents(m->workspace.state, &open);
    if (open)
        return "was interrupted: the next apply recovers it";
    if (state_failed(m->workspace.state))
        return "its last run failed";
    if (m->is_shared)
        return state_count(m->workspace.state) ? "is up, for all members"
                                               : "does not exist yet; all members need it";
    if (m->former)
        return "was removed from the fleet; `weir fleet apply` destroys it";
    return state_count(m->workspace.state) ? "is up" : "is not made";
}

static const struct value *lease_cell(struct arena *arena, const struct member *m)
{
    bool has_resources = m->workspace.state && state_count(m->workspace.state);
    struct lease lease = has_resources ? state_lease(m->workspace.state) : (struct lease){0};
    return lease.until_ms ? value_string_ref(arena, lease_text(arena, &lease)) : &value_null;
}

static int run_status(struct invocation *inv)
{
    struct fleet fleet;
    int status = fleet_open(inv, &fleet);
    static const char *const heads[] = {"member", "resources", "lease ends", ""};
    AUTO_BUILDER struct value_builder rows = VALUE_BUILDER(&inv->arena);
    AUTO_BUF struct buf out = BUF_INIT;
    if (status == EXIT_DONE)
        fleet_load(&fleet);
    for (size_t i = 0; status == EXIT_DONE && i < fleet.n; i++) {
        const struct member *m = &fleet.members[i];
        const struct value *cells[] = {value_string_ref(&inv->arena, m->name),
            value_int(&inv->arena, m->workspace.state ? (int64_t)state_count(m->workspace.state) : 0),
            lease_cell(&inv->arena, m), value_stringz(&inv->arena, status_word(m))};
        if (inv->settings->json)
            buf_addf(&out, "{\"%s\":\"%.*s\",\"resources\":%lld,\"lease\":\"%.*s\",\"status\":\"%s\"}\n",
                fleet_noun(m), STR_ARG(m->name), (long long)cells[1]->integer,
                STR_ARG(value_text(cells[2], STR_EMPTY)), status_word(m));
        value_builder_add(&rows, value_list(&inv->arena, cells, 4));
    }
    if (status == EXIT_DONE && !inv->settings->json)
        table_add_text(table_columns(&inv->arena, heads, 4), value_builder_list(&rows), &inv->out, &out);
    if (status == EXIT_DONE)
        status = invocation_write(inv, buf_str(&out));
    int failed = status == EXIT_DONE ? fleet_report(&fleet) : status;
    fleet_close(&fleet);
    return failed;
}

/* ---- the commands ---- */

#define OPTION_AT_ONCE                                                                                       \
    0, "at-once", .value = "N", .kind = OPTION_NUMBER, .min = 1, .max = 1000,                                \
                  .offset = offsetof(struct fleet_settings, at_once)
#define OPTION_SHARD                                                                                         \
    0, "shard", .value = "I/N", .kind = OPTION_TEXT, .offset = offsetof(struct settings, shard)
static const struct option at_once_options[] = {
    {OPTION_AT_ONCE},
    {OPTION_SHARD},
};
static const struct option_set at_once_set = OPTION_SET(NULL, at_once_options);
static const struct option apply_options[] = {
    {OPTION_AT_ONCE},
    {OPTION_SHARD},
    {OPTION_LEASE},
    {0, "over-quota", .offset = offsetof(struct fleet_settings, over_quota)},
};
static const struct option verify_options[] = {
    {0, "verify", .offset = offsetof(struct fleet_settings, verify)},
};
static const struct option_set verify_set = OPTION_SET(NULL, verify_options);
static const struct option output_options[] = {
    {0, "format", .value = "FORMAT", .kind = OPTION_TEXT, .offset = offsetof(struct fleet_settings, format),
        .completes = COMPLETES_CHOICES, .choices = "table csv markdown"},
};

static const struct option run_options[] = {
    {0, "member", .value = "NAME", .kind = OPTION_LIST, .offset = offsetof(struct fleet_settings, members),
        .completes = COMPLETES_ENV},
};

static const struct option cost_options[] = {
    {0, "cost", .offset = offsetof(struct fleet_settings, cost)},
};
static const struct option shard_options[] = {
    {OPTION_SHARD},
};
static const struct option_set shard_set = OPTION_SET(NULL, shard_options);

static const struct command fleet_plan_command = {
    .name = "plan",
    .args = "[MEMBER...]",
    .sets = {&at_once_set, OWN_OPTIONS(cost_options), &options_quick, &options_teardown, &options_json,
        &options_drift, &options_stack},
    .settings_size = sizeof(struct fleet_settings),
    .max_args = -1,
    .completes = COMPLETES_ENV,
    .run = run_plan,
};
static const struct command fleet_drift_command = {
    .name = "drift",
    .args = "[MEMBER...]",
    .sets = {&at_once_set, &options_json, &options_drift, &options_stack},
    .settings_size = sizeof(struct fleet_settings),
    .max_args = -1,
    .completes = COMPLETES_ENV,
    .run = fleet_drift,
};
static const struct command fleet_apply_command = {
    .name = "apply",
    .args = "[MEMBER...]",
    .sets = {OWN_OPTIONS(apply_options), &verify_set, &options_quick, &options_teardown, &options_approve,
        &options_change, &options_json, &options_stack},
    .settings_size = sizeof(struct fleet_settings),
    .max_args = -1,
    .completes = COMPLETES_ENV,
    .run = run_apply,
};
static const struct command fleet_destroy_command = {
    .name = "destroy",
    .args = "[MEMBER...]",
    .sets = {&at_once_set, &verify_set, &options_teardown, &options_approve, &options_change, &options_json,
        &options_stack},
    .settings_size = sizeof(struct fleet_settings),
    .max_args = -1,
    .completes = COMPLETES_ENV,
    .run = run_destroy,
};
static const struct command fleet_status_command = {
    .name = "status",
    .args = "[MEMBER...]",
    .sets = {&shard_set, &options_json, &options_stack},
    .settings_size = sizeof(struct fleet_settings),
    .max_args = -1,
    .completes = COMPLETES_ENV,
    .run = run_status,
};
static const struct command fleet_output_command = {
    .name = "output",
    .args = "[MEMBER...]",
    .sets = {OWN_OPTIONS(output_options), &shard_set, &options_json, &options_stack},
    .settings_size = sizeof(struct fleet_settings),
    .max_args = -1,
    .completes = COMPLETES_ENV,
    .run = fleet_output,
};
static const struct command fleet_run_command = {
    .name = "run",
    .args = "JOB [MEMBER]... [NAME=TEXT|NAME:=JSON|WORD]...",
    .sets = {OWN_OPTIONS(run_options), &at_once_set, &options_json, &options_stack},
    .settings_size = sizeof(struct fleet_settings),
    .min_args = 1,
    .max_args = -1,
    .completes = COMPLETES_JOB,
    .run = fleet_run,
};
static const struct command *const subs[] = {&fleet_plan_command, &fleet_drift_command, &fleet_apply_command,
    &fleet_destroy_command, &fleet_status_command, &fleet_output_command, &fleet_run_command, NULL};

const struct command cmd_fleet = {
    .name = "fleet",
    .subs = subs,
};
