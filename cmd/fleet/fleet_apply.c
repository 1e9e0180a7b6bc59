/* Applies the plans of a fleet's members, and searches for remaining resources. */
#include "cmd/fleet/fleet.h"

#include "base/clock.h"
#include "cmd/output/events.h"
#include "cmd/output/render.h"

/* ---- confirmation ---- */

bool fleet_changes(const struct fleet *fleet, bool *loses_data)
{
    bool changes = false;
    *loses_data = false;
    for (size_t i = 0; i < fleet->n; i++) {
        const struct plan *plan = fleet->members[i].plan;
        changes |= plan && (plan_has_changes(plan) || plan->output_count || plan->leases);
        *loses_data |= plan && render_loses_data(plan);
    }
    return changes;
}

int fleet_ask(struct fleet *fleet)
{
    bool loses_data, changes = fleet_changes(fleet, &loses_data);
    if (!changes || fleet->inv->settings->yes)
        return EXIT_DONE;
    return ask_consent(fleet->inv,
        fleet->destroy ? "Do you want to delete all of this? This cannot be undone."
        : loses_data   ? "Do you want to apply these changes? They delete data. This cannot be undone."
                       : "Do you want to apply these changes?");
}

/* ---- events during the apply ---- */

/* Masks secrets before the text is cut. */
static void note_doing(struct member *m, const struct event *event)
{
    AUTO_ARENA struct arena scratch = ARENA_INIT;
    struct str address = term_masked(&scratch, event->address);
    snprintf(
        m->current_step, sizeof m->current_step, "%s %.*s", action_name(event->action), STR_ARG(address));
    m->current_step[str_utf8_prefix(str_z(m->current_step))] = 0;
}

/* Reports a remark that several members have only for the first one. */
static void tell_remark(struct member *m, const struct event *event, const char *word)
{
    struct fleet *fleet = m->fleet;
    AUTO_BUF struct buf line = BUF_INIT;
    struct str key =
        arena_printf(&fleet->inv->arena, "%.*s: %s", STR_ARG(event->address), event->text ? event->text : "");
    if (map_set(&fleet->reported, key, m))
        return;
    text_addf(&line, "%s: %.*s: %.*s\n", word, STR_ARG(m->name),
        STR_ARG(event->address.n ? key : str_z(event->text ? event->text : "")));
    fleet_view_print(fleet, buf_str(&line));
}

static void tell_stopping(struct fleet *fleet)
{
    if (!fleet->stopping)
        fleet_view_print(fleet, STR("- stopping: nothing new is started, what is in flight is finished and "
                                    "recorded (once more to stop waiting)\n"));
    fleet->stopping = true;
}

static void tell_aside(struct member *m, const struct event *event)
{
    if (m->fleet->inv->settings->json)
        return;
    if (event->kind == EVENT_WARNING)
        tell_remark(m, event, "warning");
    else if (event->kind == EVENT_NOTE)
        tell_remark(m, event, "note");
    else if (event->kind == EVENT_STOPPING)
        tell_stopping(m->fleet);
}

void member_event(void *ctx, const struct event *event)
{
    struct member *m = ctx;
    struct fleet *fleet = m->fleet;
    if (fleet->inv->settings->json) {
        AUTO_BUF struct buf line = BUF_INIT;
        event_progress(&line, event);
        fleet_event(m, buf_str(&line));
    }
    AUTO_UNLOCK pthread_mutex_t *held = mutex_hold(&fleet->lock);
    switch (event->kind) {
    case EVENT_START: note_doing(m, event); break;
    case EVENT_DONE: m->done += !event->of_replacement && event->action != ACTION_READ; break;
    case EVENT_FAILED: m->failed++; break;
    default: tell_aside(m, event); break;
    }
    fleet_view_changed(m);
}

static void member_begin(struct member *m)
{
    AUTO_UNLOCK pthread_mutex_t *held = mutex_hold(&m->fleet->lock);
    m->phase = MEMBER_WORKS;
    m->started_ms = clock_mono_ms();
    fleet_view_changed(m);
}

static void tell_result(struct member *m, const struct err *err)
{
    AUTO_BUF struct buf line = BUF_INIT;
    const struct apply_result *r = &m->result;
    bool began = err->class == ERR_NONE || r->failed || r->skipped || r->interrupted;
    if (!m->fleet->inv->settings->json || !began)
        return;
    event_result(&line, r, m->fleet->inv->command->name, clock_mono_ms() - m->started_ms);
    fleet_event(m, buf_str(&line));
}

static void member_end(struct member *m, const struct err *err)
{
    tell_result(m, err);
    if (err->class != ERR_NONE) {
        m->status = m->result.interrupted ? EXIT_INTERRUPTED : 0;
        member_fail(m, err);
        return;
    }
    AUTO_UNLOCK pthread_mutex_t *held = mutex_hold(&m->fleet->lock);
    m->phase = MEMBER_IS_DONE;
    m->ended_ms = clock_mono_ms();
    fleet_view_changed(m);
}

static void tell_check(struct member *m, const struct rule_finding *check)
{
    AUTO_BUF struct buf text = BUF_INIT;
    if (check->outcome != FINDING_BROKEN || check->level == RULE_ERROR)
        return;
    buf_add_str(&text, check->message);
    member_event(m, &(struct event){.kind = EVENT_WARNING, .address = check->address, .text = text.p});
}

/* Returns -1 with err if a check fails. */
static int member_tell_checks(struct member *m, struct err *err)
{
    AUTO_BUF struct buf lines = BUF_INIT;
    bool json = m->fleet->inv->settings->json;
    if (json)
        event_checks(&lines, m->plan);
    fleet_event(m, buf_str(&lines));
    for (size_t i = 0; i < m->plan->check_count && !json; i++)
        tell_check(m, &m->plan->checks[i]);
    return plan_check_checks(m->plan, err);
}

bool member_has_work(const struct member *m)
{
    return plan_has_changes(m->plan) || m->plan->output_count || m->plan->leases;
}

void member_execute(struct member *m)
{
    struct fleet *fleet = m->fleet;
    struct err err = ERR_INIT;
    if (atomic_load(signals_stop()))
        return;
    struct apply_options options = {.parallelism = fleet_workers(fleet),
        .signals = signals_catch(),
        .lock_timeout_ms = fleet->inv->settings->lock_timeout_ms,
        .stop = signals_stop(),
        .observer = {member_event, m}};
    member_begin(m);
    if (plan_apply(m->plan, &options, &m->result, &err) == 0)
        member_tell_checks(m, &err);
    member_end(m, &err);
}

/* Existing members of other fleets may use this shared stack. */
static bool is_used_by_members(struct member *m)
{
    struct err err = ERR_INIT;
    bool used = m->fleet->destroy && m->given && !m->base && fleet_refuse_shared(&m->workspace, &err);
    if (used)
        member_fail(m, &err);
    return used;
}

static void member_apply(struct member *m)
{
    struct fleet *fleet = m->fleet;
    if (!m->plan || !member_is_ok(m) || m->is_shared || member_skip(m) || is_used_by_members(m))
        return;
    if (member_is_other(m))
        member_await(m);
    else if (plan_is_a_run(m->plan))
        member_execute(m);
    else
        m->result.outputs = m->plan->output_values;
    if (fleet->report_outputs && !fleet->destroy && member_is_ok(m))
        fleet->report_outputs(m, member_is_other(m) ? m->plan->output_values : m->result.outputs);
}

void fleet_apply(struct fleet *fleet)
{
    int64_t began_ms = clock_mono_ms();
    fleet_view_begin(fleet);
    signals_work(true);
    fleet->applies = true;
    fleet_shared_apply(fleet);
    fleet_each(fleet, fleet->destroy, member_apply);
    signals_work(false);
    fleet_view_end(fleet);
    fleet_show_done(fleet, clock_mono_ms() - began_ms);
}

static void member_verify(void *ctx, size_t i)
{
    struct fleet *fleet = ctx;
    struct member *m = &fleet->members[i];
    struct err err = ERR_INIT;
    if (!m->plan || !member_is_ok(m) || !member_is_destroyed(m) ||
        (m->is_shared && m->phase != MEMBER_IS_DONE))
        return;
    if (plan_verify(m->plan, signals_stop(), &m->verified, &err)) {
        member_fail(m, &err);
        return;
    }
    m->searched = true;
    size_t n = m->verified.leftover_count;
    if (!n)
        return;
    AUTO_BUF struct buf list = BUF_INIT;
    for (size_t k = 0; k < n && k < 5; k++)
        buf_addf(&list, "%s%.*s (%.*s)", k ? ", " : "", STR_ARG(m->verified.leftovers[k].subject.id),
            STR_ARG(m->verified.leftovers[k].subject.type));
    err_set(&err, ERR_LEFTOVER, "%zu resource%s still there: %s%s", n, n == 1 ? " is" : "s are", list.p,
        n > 5 ? " …" : "");
    if (m->is_shared)
        err_hint(
            &err, "`weir destroy -C %.*s --verify` says more", STR_ARG(m->fleet->base.stack->shared.file));
    else if (!m->given)
        err_hint(&err, "`weir destroy -e %.*s --verify` says more", STR_ARG(m->name));
    member_fail(m, &err);
}

void fleet_verify(struct fleet *fleet)
{
    pool_run(fleet->at_once, fleet->n, member_verify, fleet);
    fleet_show_verified(fleet);
}

void fleet_verify_shared(struct fleet *fleet)
{
    struct member *shared = fleet->shared_stack;
    member_verify(fleet, (size_t)(shared - fleet->members));
    for (size_t i = 0; i < fleet->n; i++)
        fleet->members[i].searched =
            &fleet->members[i] == shared && shared->searched; /* the other members were reported before */
    fleet_show_verified(fleet);
}
