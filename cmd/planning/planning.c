/* Planning and applying, shared by the commands plan, apply, destroy and drift: see planning.h. */
#include "cmd/planning/planning.h"

#include "base/clock.h"
#include "cmd/cost/estimate.h"
#include "cmd/output/events.h"
#include "cmd/output/progress.h"
#include "plan/evaluate/lease.h"
#include "plan/rules/rules.h"
#include "plan/state/migrate.h"

struct render_options render_options_for(const struct invocation *inv)
{
    bool full = inv->settings->full || inv->settings->verbose > 0;
    return (struct render_options){.color = inv->out.color, .everything = full, .compact = !full};
}

/* ---- making a plan ---- */

/* The progress of planning is not part of the output: it goes to the terminal, or nowhere. */
static struct progress *plan_progress(struct invocation *inv)
{
    struct progress_options options = {.term = inv->settings->json ? &inv->out : &inv->err,
        .mode = progress_mode_for(&inv->err, inv->settings->json, inv->settings->verbose > 0),
        .printed = inv->settings->verbose > 0};
    return progress_new(&options);
}

unsigned planning_teardown(const struct settings *s)
{
    unsigned flags = 0;
    flags |= s->force_empty || s->lab ? TEARDOWN_EMPTY : 0;
    flags |= s->skip_final_snapshot || s->lab ? TEARDOWN_SNAPSHOT : 0;
    flags |= s->force_secrets || s->lab ? TEARDOWN_SECRETS : 0;
    flags |= s->delete_protected || s->lab ? TEARDOWN_PROTECTED : 0;
    return flags;
}

/*
 * Reports a state beside the stack that a changed `state:` no longer uses. Noted on every plan; an error if
 * the new location is empty, so that resources are not created twice.
 */
static int planning_former(
    struct invocation *inv, struct workspace *workspace, const struct observer *observer, struct err *err)
{
    struct former_state former;
    if (!workspace_former(workspace, &inv->arena, &former))
        return 0;
    struct str here = state_description(workspace->state);
    struct str env = workspace->stack->env;
    if (former.moved_to.n) {
        err_set(err, ERR_INVALID, "the state was moved to %.*s, and there is none in %.*s",
            STR_ARG(former.moved_to), STR_ARG(here));
        err_hint(err, "%s; if it is not needed, delete %.*s", state_migrate_hint, STR_ARG(former.path));
    } else {
        err_set(err, ERR_INVALID,
            "%.*s still has a state of %zu resource%s, and the stack keeps it in %.*s now",
            STR_ARG(former.path), former.count, former.count == 1 ? "" : "s", STR_ARG(here));
        err_hint(err, "`weir state migrate%s%.*s` moves it there; if it is not needed, delete the file",
            env.n ? " -e " : "", STR_ARG(env));
    }
    if (!state_seq(workspace->state) && str_eqz(str_z(inv->command->name), "apply"))
        return -1;
    struct str text = arena_printf(&inv->arena, "%s; %s", err->message, err->hint);
    *err = (struct err)ERR_INIT;
    if (observer->event)
        observer->event(observer->ctx, &(struct event){.kind = EVENT_WARNING, .text = text.p});
    return 0;
}

struct str planning_lease_soon(struct workspace *workspace, struct arena *arena, bool *ended)
{
    AUTO_BUF struct buf left = BUF_INIT;
    bool by_service;
    struct lease lease = workspace->state ? state_lease(workspace->state) : (struct lease){0};
    int64_t left_ms = lease.until_ms ? lease.until_ms - lease_now(workspace, &by_service) : 0;
    if (!lease.until_ms || left_ms > lease.warn_ms)
        return STR_EMPTY;
    *ended = left_ms <= 0;
    text_add_duration(&left, *ended ? -left_ms : left_ms);
    return arena_printf(arena, "lease %s %.*s%s", *ended ? "ended" : "ends in", STR_ARG(buf_str(&left)),
        *ended ? " ago" : "");
}

void planning_report_lease(const struct observer *observer, struct workspace *workspace)
{
    AUTO_ARENA struct arena scratch = ARENA_INIT;
    bool ended;
    struct str soon = planning_lease_soon(workspace, &scratch, &ended);
    if (!soon.n || !observer->event)
        return;
    const char *next = state_lease(workspace->state).fixed ? "it cannot be extended"
                       : ended                             ? "`weir lease extend 2h` extends it"
                                                           : "`weir lease extend 2h` makes it longer";
    struct str text = arena_printf(&scratch, "the stack's %.*s; %s", STR_ARG(soon), next);
    observer->event(observer->ctx, &(struct event){.kind = EVENT_WARNING, .text = text.p});
}

static bool asks_approval(const struct stack *stack, struct str rule)
{
    for (size_t i = 0; stack && i < stack->rule_count; i++)
        if (stack->rules[i].level == RULE_APPROVAL && rule_is_called(&stack->rules[i], rule))
            return true;
    return false;
}

int planning_check_approvals(struct invocation *inv, const struct stack *const *stacks, size_t n)
{
    const struct texts *approve = &inv->settings->approve;
    bool reason = inv->settings->reason && inv->settings->reason[0];
    for (size_t i = 0; i < approve->n; i++) {
        bool found = false;
        for (size_t k = 0; k < n && !found; k++)
            found = asks_approval(stacks[k], approve->items[i]);
        if (!found)
            return invocation_usage(inv, "\"weir rules\" lists them", "no rule \"%.*s\" asks for approval",
                STR_ARG(approve->items[i]));
    }
    if (approve->n && !reason)
        return invocation_usage(inv, NULL, "--approve wants a --reason, which the history keeps");
    return reason && !approve->n
               ? invocation_usage(inv, NULL, "--reason says why a rule is approved: --approve RULE")
               : EXIT_DONE;
}

static int make_plan(struct invocation *inv, struct workspace *workspace, struct saved_plan *saved,
    struct plan_options options, struct plan **out)
{
    const struct settings *s = inv->settings;
    struct err err = ERR_INIT;
    int usage = planning_check_approvals(inv, (const struct stack *const[]){workspace->stack}, 1);
    if (usage != EXIT_DONE)
        return usage;
    struct progress *progress = plan_progress(inv);
    options.no_refresh = s->no_refresh;
    options.quick_refresh = s->quick_refresh;
    options.delete_adopted = s->delete_adopted;
    options.parallelism = s->parallelism;
    signals_catch_first(); /* a running build command must be ended */
    options.cancel = signals_stop();
    options.observer = progress_observer(progress);
    options.cost = cost_of_plan;
    options.approved = s->approve.items;
    options.approved_count = s->approve.n;
    options.approval_reason = str_z(s->reason ? s->reason : "");
    options.to = str_z(s->to ? s->to : "");
    int rc = planning_former(inv, workspace, &options.observer, &err);
    if (!rc)
        rc = saved ? plan_load(workspace, saved, &options, &inv->diags, out, &err)
                   : plan_make(workspace, &options, &inv->diags, out, &err);
    if (!rc && !options.destroy)
        planning_report_lease(&options.observer, workspace);
    if (!rc && !options.as_recorded)
        engines_warn(inv, *out, &options.observer);
    progress_free(progress, NULL);
    int status = invocation_diags(inv);
    if (rc == 0 && atomic_load(signals_stop())) {
        plan_free(*out);
        *out = NULL;
        rc = err_set(&err, ERR_INTERRUPTED, "interrupted while planning");
    }
    if (rc == 0)
        return EXIT_DONE;
    if (err.class != ERR_NONE)
        return invocation_fail(inv, &err);
    return status == EXIT_DONE ? EXIT_FAILED : status;
}

static struct plan_options whole_stack(const struct settings *s, bool destroy)
{
    return (struct plan_options){.destroy = destroy,
        .teardown = planning_teardown(s),
        .targets = s->targets.items,
        .target_count = s->targets.n,
        .lease_ms = destroy ? 0 : s->lease_ms,
        .replaces = s->replaces.items,
        .replace_count = s->replaces.n};
}

int planning_make(struct invocation *inv, struct workspace *workspace, bool destroy, struct saved_plan *saved,
    struct plan **out)
{
    return make_plan(inv, workspace, saved, whole_stack(inv->settings, destroy), out);
}

int planning_make_as_recorded(struct invocation *inv, struct workspace *workspace, struct plan **out)
{
    struct plan_options options = whole_stack(inv->settings, false);
    options.as_recorded = true;
    return make_plan(inv, workspace, NULL, options, out);
}

int planning_make_alone(
    struct invocation *inv, struct workspace *workspace, const struct plan_options *wanted, struct plan **out)
{
    struct plan_options options = *wanted;
    options.targets_only = true;
    return make_plan(inv, workspace, NULL, options, out);
}

const struct wanted_part *planning_part(struct invocation *inv)
{
    const struct settings *s = inv->settings;
    if (!s->targets.n || s->replaces.n || s->lease_ms || s->to)
        return NULL;
    return ARENA_MAKE(&inv->arena, struct wanted_part, .targets = s->targets.items, .n = s->targets.n);
}

int planning_open(struct invocation *inv, const struct workspace_options *wanted, struct workspace *out)
{
    const char *to = inv->settings->to;
    if (!to)
        return invocation_open(inv, wanted, out);
    struct workspace_options then = wanted ? *wanted : (struct workspace_options){0};
    struct workspace now;
    int status = invocation_open(inv, &(struct workspace_options){.no_stack = true}, &now);
    if (status != EXIT_DONE)
        return status;
    const struct str *inputs = NULL;
    size_t n = 0;
    struct err err = ERR_INIT;
    then.stack.state = now.stack->state ? value_copy(&inv->arena, now.stack->state) : NULL;
    int rc = sources_read(&now, str_z(to), &inv->arena, &then.stack, &inputs, &n, &err);
    workspace_close(&now);
    if (rc < 0)
        return invocation_fail(inv, &err);
    /* Inputs given now, or saved with the plan, override the recorded ones. */
    const struct texts *given = &inv->settings->inputs;
    const struct str *over = then.stack.inputs ? then.stack.inputs : given->items;
    size_t over_count = then.stack.inputs ? then.stack.input_count : given->n;
    struct str *all = ARENA_ARRAY(&inv->arena, struct str, n + over_count + 1);
    for (size_t i = 0; i < n; i++)
        all[i] = inputs[i];
    for (size_t i = 0; i < over_count; i++)
        all[n + i] = over[i];
    then.stack.inputs = all;
    then.stack.input_count = n + over_count;
    return invocation_open(inv, &then, out);
}

static void write_so_far(void *ctx, struct buf *out)
{
    invocation_write(ctx, buf_str(out));
    buf_clear(out);
}

int planning_show(struct invocation *inv, const struct plan *plan)
{
    AUTO_BUF struct buf out = BUF_INIT;
    struct render_options options = render_options_for(inv);
    options.flush = write_so_far;
    options.flush_ctx = inv;
    if (inv->settings->json)
        event_plan(&out, plan, inv->command->name, inv->settings->all_resources);
    else
        render_plan(plan, &options, &out);
    return invocation_write(inv, buf_str(&out));
}

int planning_check_rules(struct invocation *inv, const struct plan *plan)
{
    struct err err = ERR_INIT;
    bool broken = plan_check_rules(plan, &err) < 0;
    if (!inv->settings->json)
        rules_report(plan, &inv->diags);
    int status = invocation_diags(inv);
    return inv->settings->json && broken ? invocation_fail(inv, &err) : status;
}

/* ---- saved plans ---- */

static void planning_add_option(struct buf *command, const char *name, const char *value)
{
    if (!value)
        return;
    buf_addf(command, "%s ", name);
    text_add_word(command, str_z(value));
    buf_add_char(command, ' ');
}

void planning_note_saved(struct invocation *inv, const char *dir, const char *path)
{
    const struct settings *s = inv->settings;
    AUTO_BUF struct buf command = BUF_INIT;
    buf_addz(&command, "weir apply ");
    planning_add_option(&command, "-C", dir);
    planning_add_option(&command, "--specs", s->specs);
    buf_addz(&command, s->sandbox ? "--sandbox " : "");
    text_add_word(&command, str_z(path));
    invocation_note(inv,
        "\n"
        "The plan is saved. To apply exactly these changes:  %s",
        command.p);
}

/* ---- applying ---- */

static void counts_line(const struct apply_result *r, int64_t ms, bool color, struct buf *out)
{
    const char *separator = " ";
    bool bad = r->failed || r->interrupted;
    style_add(out, color, bad ? STYLE_RED : STYLE_GREEN,
        r->interrupted         ? "Interrupted:"
        : bad                  ? "Failed:"
        : r->claimed_by_others ? "Done in part:"
                               : "Done:");
    for (int a = ACTION_NOOP + 1; a < ACTION_COUNT; a++)
        if (r->done[a]) {
            buf_addf(out, "%s%zu %s", separator, r->done[a], action_past((enum action)a));
            separator = ", ";
        }
    if (r->failed) {
        buf_addf(out, "%s%zu failed", separator, r->failed);
        separator = ", ";
    }
    if (r->skipped) {
        buf_addf(out, "%s%zu skipped", separator, r->skipped);
        separator = ", ";
    }
    if (separator[0] == ' ')
        buf_addz(out, " nothing changed");
    buf_addz(out, " in ");
    text_add_duration(out, ms);
    buf_addz(out, ".\n");
}

/* Only `apply` shows outputs: they would be repeated with each deploy. */
static bool tells_outputs(const struct invocation *inv)
{
    return str_eqz(inv->path, "apply");
}

/* Writes the end of the stack's lease. */
static void add_lease(const struct plan *plan, struct buf *out)
{
    AUTO_ARENA struct arena scratch = ARENA_INIT;
    struct lease lease = state_lease(plan->workspace->state);
    if (plan->destroy || !lease.until_ms)
        return;
    buf_addf(out, "\nThe lease ends at %.*s; `weir lease show` says how long that is.\n",
        STR_ARG(lease_text(&scratch, &lease)));
}

/* Writes resources that were deleted with their unreachable service. */
static void add_unseen(const struct apply_result *r, struct buf *out)
{
    if (!r->unverified_count)
        return;
    leftovers_add_unverified(out, r->unverified_count);
    leftovers_add_addresses(out, r->unverified, r->unverified_count);
}

static void report_text(struct invocation *inv, const struct plan *plan, const struct apply_result *r,
    const struct buf *failures, int64_t ms, bool saved)
{
    AUTO_BUF struct buf out = BUF_INIT;
    struct render_options options = render_options_for(inv);
    if (plan_count_all(plan)) {
        buf_add_char(&out, '\n');
        counts_line(r, ms, inv->out.color, &out);
        add_unseen(r, &out);
    }
    if (tells_outputs(inv) && r->outputs && r->outputs->count && !r->failed && !r->interrupted) {
        buf_addz(&out, plan_count_all(plan) ? "\n" : "");
        render_outputs(r->outputs, &options, &out);
    }
    if (plan->check_count) {
        buf_add_char(&out, '\n');
        render_checks(plan, &options, &out);
    }
    if (!r->failed && !r->interrupted)
        add_lease(plan, &out);
    invocation_write(inv, buf_str(&out));
    if (failures->n) {
        AUTO_BUF struct buf text = BUF_INIT;
        style_add(&text, inv->err.color, STYLE_RED, "error");
        buf_addf(&text, ": %zu resource%s failed", r->failed, r->failed == 1 ? "" : "s");
        if (r->skipped)
            buf_addf(&text, ", and what depends on %s was skipped", r->failed == 1 ? "it" : "them");
        buf_add_char(&text, '\n');
        buf_add_str(&text, buf_str(failures));
        style_add(&text, inv->err.color, STYLE_CYAN, "  hint: ");
        buf_addf(&text, "%s; %s\n",
            r->unrecorded ? "the last operation is not recorded; the next command looks up its outcome"
                          : "what was done is recorded",
            r->interrupted ? "the next command looks up the outcome of the rest"
            : saved        ? "correct it and plan again: a saved plan is applied once"
                           : "correct it and run the same command again");
        term_print_error(buf_str(&text));
    }
}

/* Reports failed checks. Returns the exit status. */
static int checks_status(struct invocation *inv, const struct plan *plan)
{
    struct err err = ERR_INIT;
    if (plan_check_checks(plan, &err))
        return invocation_fail(inv, &err);
    return plan->check_count && atomic_load(signals_stop()) ? EXIT_INTERRUPTED : EXIT_DONE;
}

static int planning_report(struct invocation *inv, const struct plan *plan, const struct apply_result *r,
    const struct buf *failures, int64_t ms, bool saved, const struct err *err)
{
    int status = err->class == ERR_NONE ? EXIT_DONE : err_exit_status(err->class);
    if (r->interrupted)
        status = EXIT_INTERRUPTED;
    if (inv->settings->json) {
        AUTO_BUF struct buf out = BUF_INIT;
        event_checks(&out, plan);
        event_result(&out, r, inv->command->name, ms);
        invocation_write(inv, buf_str(&out));
    } else {
        report_text(inv, plan, r, failures, ms, saved);
    }
    /* an error that does not belong to a single resource has not been reported yet */
    if (err->class != ERR_NONE && !failures->n)
        invocation_fail(inv, err);
    return status == EXIT_DONE ? checks_status(inv, plan) : status;
}

/* Returns whether to plan again because another run was faster. A plan that the user confirmed is not made
 * again. */
static bool may_plan_again(
    const struct invocation *inv, const struct apply_result *result, bool saved, const struct err *why)
{
    const struct settings *s = inv->settings;
    return result->not_started && ((why->class == ERR_LOCKED && s->lock_timeout_ms) ||
                                      (why->class == ERR_STALE && s->yes && !saved));
}

static int planning_apply(struct invocation *inv, struct plan *plan, bool saved, bool *again)
{
    const struct settings *s = inv->settings;
    AUTO_BUF struct buf failures = BUF_INIT;
    struct progress_options shown = {.mode = progress_mode_for(&inv->out, s->json, s->verbose > 0),
        .term = &inv->out,
        .total = plan_count_all(plan),
        .printed = s->verbose > 0};
    const atomic_int *signals = signals_catch();
    struct progress *progress = progress_new(&shown);
    struct apply_options options = {.parallelism = s->parallelism,
        .signals = signals,
        .lock_timeout_ms = s->lock_timeout_ms,
        .partial = s->partial,
        .stop = signals_stop(),
        .observer = progress_observer(progress)};
    struct apply_result result = {0};
    struct err err = ERR_INIT;
    int64_t start = clock_mono_ms();
    signals_work(true);
    plan_apply(plan, &options, &result, &err);
    signals_work(false);
    int64_t ms = clock_mono_ms() - start;
    progress_free(progress, &failures);
    if (again && may_plan_again(inv, &result, saved, &err)) {
        *again = true;
        return EXIT_DONE;
    }
    if (again && result.claimed_by_others && !result.failed && !result.interrupted && s->lock_timeout_ms &&
        !saved) {
        ((struct settings *)inv->own)->partial = false; /* the remaining resources are waited for */
        *again = true;
        err = (struct err)ERR_INIT;
    }
    if (saved && err.class == ERR_INTERRUPTED) /* it cannot be applied again */
        err_set(&err, ERR_INTERRUPTED, "interrupted; what was done is recorded, and a new plan continues");
    return planning_report(inv, plan, &result, &failures, ms, saved, &err);
}

/* Shows the outputs if nothing has to be done. */
static int show_outputs(struct invocation *inv, struct plan *plan)
{
    AUTO_BUF struct buf out = BUF_INIT;
    struct apply_result nothing = {.outputs = plan->output_values};
    struct render_options options = render_options_for(inv);
    if (inv->settings->json) {
        event_result(&out, &nothing, inv->command->name, 0);
    } else if (tells_outputs(inv) && plan->output_values && plan->output_values->count) {
        buf_add_char(&out, '\n');
        render_outputs(plan->output_values, &options, &out);
    }
    return invocation_write(inv, buf_str(&out));
}

int planning_execute(
    struct invocation *inv, struct plan *plan, const char *question, bool reviewed, bool *plan_again)
{
    /* a reviewed plan is not shown again, except as events */
    bool changes = plan_has_changes(plan), known = reviewed && changes && !inv->settings->json;
    int status = known ? EXIT_DONE : planning_show(inv, plan);
    if (status != EXIT_DONE)
        return status;
    if (!plan_is_a_run(plan))
        return show_outputs(inv, plan);
    struct err err = ERR_INIT;
    if (plan_check_deletions(plan, &err))
        return invocation_fail(inv, &err);
    if ((status = planning_check_rules(inv, plan)) != EXIT_DONE)
        return status;
    if (plan_check_approvals(plan, &err) || engines_refuse(inv, plan, &err))
        return invocation_fail(inv, &err);
    if (!plan->destroy && render_loses_data(plan))
        question = "Do you want to apply these changes? They delete data. This cannot be undone.";
    if (!inv->settings->yes && !reviewed && changes && (status = ask_consent(inv, question)) != EXIT_DONE)
        return status;
    if (!inv->settings->json && !reviewed)
        invocation_write(inv, STR("\n"));
    return planning_apply(inv, plan, reviewed, plan_again);
}

int planning_change(struct invocation *inv, const struct planning_round *round, struct plan **plan)
{
    bool again = true;
    int status = EXIT_DONE;
    *plan = NULL;
    for (int planned = 1; again; planned++) {
        plan_free(*plan);
        *plan = NULL;
        again = false;
        status = round->make(round->ctx, plan);
        if (status == EXIT_DONE)
            status = planning_wait_free(inv, *plan, round->reviewed, planned, &again);
        if (status == EXIT_DONE && !again)
            status = planning_execute(inv, *plan, round->question, round->reviewed, &again);
    }
    return status;
}
