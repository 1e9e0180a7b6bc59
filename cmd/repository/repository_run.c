/* The commands with --all, and their reports. */
#include "base/file.h"
#include "base/json.h"
#include "cmd/output/events.h"
#include "cmd/planning/planning.h"
#include "cmd/repository/repository.h"

/* ---- JUnit ---- */

/* Returns the first line without "error: ". */
static struct str first_line(struct str text)
{
    struct str rest, line = str_cut(text, '\n', &rest);
    return str_starts(line, STR("error: ")) ? str_slice(line, sizeof "error: " - 1, line.n) : line;
}

static struct str text_of(const struct member *m, struct arena *arena)
{
    AUTO_BUF struct buf out = BUF_INIT;
    if (!m->fleet->drift || !m->plan || m->error_plain.n)
        return m->error_plain;
    render_drift(m->plan, &(struct render_options){.compact = true}, &out);
    return arena_str(arena, buf_str(&out));
}

static struct junit_case junit_of(const struct member *m, struct str group, struct arena *arena)
{
    bool drifted = m->fleet->drift && m->plan && (m->plan->drifted || m->plan->unread_count);
    return (struct junit_case){.group = group,
        .name = m->name,
        .outcome = m->phase == MEMBER_IS_SKIPPED              ? JUNIT_SKIPPED
                   : m->phase == MEMBER_HAS_FAILED || drifted ? JUNIT_FAILED
                                                              : JUNIT_PASSED,
        .message = m->error_plain.n ? first_line(m->error_plain)
                   : drifted        ? STR("changed outside weir")
                                    : STR_EMPTY,
        .text = m->phase == MEMBER_HAS_FAILED || drifted ? text_of(m, arena) : STR_EMPTY,
        .ms = m->started_ms ? m->ended_ms - m->started_ms : 0};
}

/* Writes a result for each stack to --junit. Returns the exit status. */
static int repository_write_junit(struct repository *repository)
{
    struct invocation *inv = repository->inv;
    const struct fleet *fleet = &repository->fleet;
    const char *path = inv->settings->junit;
    struct str group = arena_printf(&inv->arena, "weir %s", inv->command->name);
    struct junit junit = JUNIT_INIT;
    AUTO_BUF struct buf out = BUF_INIT;
    struct err err = ERR_INIT;
    if (!path)
        return EXIT_DONE;
    for (size_t i = 0; i < fleet->n; i++) {
        struct junit_case one = junit_of(&fleet->members[i], group, &inv->arena);
        junit_add(&junit, &one);
    }
    junit_write(&junit, STR("weir"), STR_EMPTY, &out);
    return file_write_named(path, term_masked(&inv->arena, buf_str(&out)), 0644, &err)
               ? invocation_fail(inv, &err)
               : EXIT_DONE;
}

/* ---- Markdown ---- */

static const enum action counted[] = {ACTION_CREATE, ACTION_UPDATE, ACTION_REPLACE, ACTION_DELETE};
enum { COUNTED = sizeof counted / sizeof *counted };

/* Returns whether there are findings to show. Deferred findings are shown only together with changes. */
static bool has_findings(const struct plan *plan)
{
    for (size_t i = 0; i < plan->finding_count; i++)
        if (plan->findings[i].outcome != FINDING_WAITS)
            return true;
    return false;
}

static bool is_shown(const struct member *m)
{
    return m->plan && (plan_has_changes(m->plan) || m->plan->output_count || m->plan->drifted ||
                          m->plan->unread_count || has_findings(m->plan));
}

static void add_row(const struct member *m, struct buf *out)
{
    buf_addz(out, "| ");
    render_code(out, m->name);
    for (size_t i = 0; i < COUNTED; i++) {
        size_t n = m->plan ? plan_count(m->plan, counted[i]) : 0;
        buf_addz(out, " |");
        if (n)
            buf_addf(out, " %zu", n);
    }
    buf_addz(out, " | ");
    if (m->error_plain.n)
        render_cell(out, first_line(m->error_plain));
    else if (!is_shown(m))
        buf_addz(out, "no changes");
    buf_addz(out, " |\n");
}

static void add_rows(const struct fleet *fleet, struct buf *out)
{
    size_t changed = 0;
    for (size_t i = 0; i < fleet->n; i++)
        changed += fleet->members[i].plan && member_has_work(&fleet->members[i]);
    buf_addf(out, "### weir %s: %zu of %zu stack%s\n\n", fleet->destroy ? "destroy" : "plan", changed,
        fleet->n, fleet->n == 1 ? "" : "s");
    buf_addz(
        out, "| stack | create | update | replace | delete | |\n| --- | --- | --- | --- | --- | --- |\n");
    for (size_t i = 0; i < fleet->n; i++)
        add_row(&fleet->members[i], out);
}

/* Adds a plan, which gets an equal part of the remaining space; what does not fit is still in the table
 * above. */
static void add_plan_of(const struct member *m, size_t parts, struct buf *out)
{
    AUTO_BUF struct buf own = BUF_INIT;
    size_t left = out->n < MARKDOWN_MAX ? MARKDOWN_MAX - out->n : 0;
    render_markdown(m->plan, m->name, m->workspace.stack->env, left / parts, &own);
    if (own.n + 1 > left)
        return;
    buf_add_char(out, '\n');
    buf_add_str(out, buf_str(&own));
}

/* Writes the plans of all stacks for one comment. */
static void repository_markdown(struct repository *repository, struct buf *out)
{
    const struct fleet *fleet = &repository->fleet;
    size_t parts = 0;
    add_rows(fleet, out);
    for (size_t i = 0; i < fleet->n; i++)
        parts += is_shown(&fleet->members[i]);
    for (size_t i = 0; i < fleet->n; i++)
        if (is_shown(&fleet->members[i]))
            add_plan_of(&fleet->members[i], parts--, out);
}

/* Reports errors and writes the results for CI. Returns the exit status. */
static int finish_all(struct repository *repository, int status)
{
    int failed = status == EXIT_DONE ? fleet_report(&repository->fleet) : status;
    int written = repository->fleet.members ? repository_write_junit(repository) : EXIT_DONE;
    repository_close(repository);
    return failed ? failed : written;
}

/* ---- plan ---- */

static int write_markdown(struct repository *repository, const struct repository_plan_settings *settings)
{
    struct invocation *inv = repository->inv;
    AUTO_BUF struct buf page = BUF_INIT;
    struct err err = ERR_INIT;
    repository_markdown(repository, &page);
    if (settings->markdown &&
        file_write_named(settings->markdown, term_masked(&inv->arena, buf_str(&page)), 0644, &err))
        return invocation_fail(inv, &err);
    return settings->prints_markdown ? invocation_write(inv, buf_str(&page)) : EXIT_DONE;
}

static int show_plan(struct repository *repository, const struct repository_plan_settings *settings)
{
    int status = EXIT_DONE;
    if (settings->markdown || settings->prints_markdown)
        status = write_markdown(repository, settings);
    return status == EXIT_DONE && !settings->prints_markdown ? fleet_show_plan(&repository->fleet) : status;
}

/* Saves all plans or none. */
static int save_all(struct repository *repository, const char *path)
{
    struct invocation *inv = repository->inv;
    struct fleet *fleet = &repository->fleet;
    struct str *names = ARENA_ARRAY(&inv->arena, struct str, fleet->n + 1);
    const struct plan **plans = ARENA_ARRAY(&inv->arena, const struct plan *, fleet->n + 1);
    struct err err = ERR_INIT;
    for (size_t i = 0; i < fleet->n; i++) {
        if (!fleet->members[i].plan || !member_is_ok(&fleet->members[i]))
            return EXIT_DONE; /* the error is reported later */
        if (fleet->members[i].former)
            return invocation_usage(inv, "`weir apply --all` takes it down",
                "%.*s is no member any more, and is in no saved plan", STR_ARG(fleet->members[i].name));
        names[i] = fleet->members[i].name;
        plans[i] = fleet->members[i].plan;
    }
    if (saved_plans_write(path, names, plans, fleet->n, fleet->destroy, &err))
        return invocation_fail(inv, &err);
    if (!inv->settings->json)
        planning_note_saved(inv, inv->args.n ? repository->top : inv->settings->dir, path);
    return EXIT_DONE;
}

int repository_plan(struct invocation *inv, const struct repository_plan_settings *settings)
{
    struct repository repository;
    bool changes, loses_data;
    int status = repository_open(inv, false, settings->destroy, &repository);
    if (status == EXIT_DONE) {
        fleet_plan(&repository.fleet);
        fleet_check_rules(&repository.fleet, false);
        status = show_plan(&repository, settings);
    }
    if (status == EXIT_DONE)
        status = repository_check_budgets(&repository, false);
    if (status == EXIT_DONE && settings->out)
        status = save_all(&repository, settings->out);
    changes = fleet_changes(&repository.fleet, &loses_data);
    status = finish_all(&repository, status);
    return status == EXIT_DONE && settings->detailed_exitcode && changes ? EXIT_CHANGES : status;
}

/* ---- apply, destroy, drift ---- */

static int check_approvals(const struct repository *repository)
{
    const struct fleet *fleet = &repository->fleet;
    const struct stack **stacks = ARENA_ARRAY(&repository->inv->arena, const struct stack *, fleet->n + 1);
    for (size_t i = 0; i < fleet->n; i++)
        stacks[i] = fleet->members[i].workspace.stack;
    return planning_check_approvals(repository->inv, stacks, fleet->n);
}

static int carry_out(struct repository *repository, bool reviewed, bool verify)
{
    struct fleet *fleet = &repository->fleet;
    fleet_check_deletions(fleet);
    fleet_check_rules(fleet, true);
    int status = repository_check_budgets(repository, true);
    if (status == EXIT_DONE)
        status = fleet_check_engines(fleet);
    if (status == EXIT_DONE && !reviewed)
        status = fleet_ask(fleet);
    if (status == EXIT_DONE)
        status = repository_record_members(repository, false);
    if (status != EXIT_DONE)
        return status;
    fleet_apply(fleet);
    if (verify)
        fleet_verify(fleet);
    return repository_record_members(repository, true);
}

static int change_all(struct invocation *inv, bool destroy, bool verify)
{
    struct repository repository;
    int status = repository_open(inv, false, destroy, &repository);
    if (status == EXIT_DONE)
        status = check_approvals(&repository);
    if (status == EXIT_DONE) {
        fleet_lock(&repository.fleet);
        fleet_plan(&repository.fleet);
        status = fleet_show_plan(&repository.fleet);
    }
    if (status == EXIT_DONE)
        status = carry_out(&repository, false, verify);
    return finish_all(&repository, status);
}

int repository_apply(struct invocation *inv)
{
    return change_all(inv, false, false);
}

/* Starts nothing if one of the saved plans is stale. */
int repository_apply_saved(struct invocation *inv, const struct saved_plans *saved)
{
    struct repository repository;
    bool fine = true;
    int status = repository_open_saved(inv, saved, &repository);
    if (status == EXIT_DONE)
        status = check_approvals(&repository);
    if (status != EXIT_DONE)
        return finish_all(&repository, status);
    fleet_lock(&repository.fleet);
    fleet_plan(&repository.fleet);
    for (size_t i = 0; i < repository.fleet.n; i++)
        fine &= member_is_ok(&repository.fleet.members[i]);
    if (fine && inv->settings->json)
        status = fleet_show_plan(&repository.fleet);
    if (fine && status == EXIT_DONE)
        status = carry_out(&repository, true, false);
    return finish_all(&repository, status);
}

int repository_destroy(struct invocation *inv, bool verify)
{
    return change_all(inv, true, verify);
}

int repository_drift(struct invocation *inv)
{
    struct repository repository;
    int status = repository_open(inv, false, false, &repository);
    if (status != EXIT_DONE)
        return finish_all(&repository, status);
    int drifted = fleet_find_drift(&repository.fleet);
    int written = repository_write_junit(&repository);
    repository_close(&repository);
    return drifted ? drifted : written;
}

/* ---- validate ---- */

static void tell_valid(struct member *m)
{
    AUTO_BUF struct buf line = BUF_INIT;
    buf_addz(&line, "{\"event\":\"valid\"");
    json_write_member(&line, "stack", m->workspace.stack->name);
    buf_addf(&line, ",\"resources\":%zu}\n", m->plan->resource_count);
    fleet_event(m, buf_str(&line));
}

static const struct value *valid_row(struct arena *arena, const struct member *m)
{
    const struct value *cells[] = {value_string_ref(arena, m->name),
        m->plan ? value_int(arena, (int64_t)m->plan->resource_count) : &value_null,
        value_stringz(arena, m->plan ? "valid" : "has mistakes")};
    return value_list(arena, cells, sizeof cells / sizeof *cells);
}

static int show_valid(struct repository *repository)
{
    struct invocation *inv = repository->inv;
    const struct fleet *fleet = &repository->fleet;
    struct arena *arena = &inv->arena;
    static const char *const heads[] = {"stack", "resources", ""};
    AUTO_BUILDER struct value_builder rows = VALUE_BUILDER(arena);
    AUTO_BUF struct buf out = BUF_INIT;
    size_t valid = 0;
    for (size_t i = 0; i < fleet->n; i++) {
        struct member *m = &fleet->members[i];
        valid += m->plan != NULL;
        value_builder_add(&rows, valid_row(arena, m));
        if (inv->settings->json && m->plan)
            tell_valid(m);
    }
    if (inv->settings->json)
        return EXIT_DONE;
    table_add_text(table_columns(arena, heads, 3), value_builder_list(&rows), &inv->out, &out);
    buf_addf(&out, "\n%zu of %zu stack%s valid.\n", valid, fleet->n, fleet->n == 1 ? " is" : "s are");
    return invocation_write(inv, buf_str(&out));
}

int repository_validate(struct invocation *inv)
{
    struct repository repository;
    int status = repository_open(inv, true, false, &repository);
    if (status == EXIT_DONE) {
        fleet_plan(&repository.fleet);
        status = show_valid(&repository);
    }
    return finish_all(&repository, status);
}
