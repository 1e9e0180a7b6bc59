/* What was planned or done for all stacks, for a pull request and for CI. */
#include "cmd/repository/repository.h"

#include "base/file.h"
#include "cmd/output/events.h"
#include "cmd/output/render.h"
#include "cmd/terminal/say.h"

/* ---- JUnit ---- */

/* Without the mark that errors begin with. */
static struct str first_line(struct str text)
{
    struct str rest, line = str_cut(text, '\n', &rest);
    return str_starts(line, STR("error: ")) ? str_slice(line, sizeof "error: " - 1, line.n) : line;
}

static struct str text_of(const struct member *m, struct arena *arena)
{
    AUTO_BUF struct buf out = BUF_INIT;
    if (!m->fleet->drift || !m->plan || m->reason.n)
        return m->reason;
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
        .message = m->reason.n ? first_line(m->reason)
                   : drifted   ? STR("changed outside weir")
                               : STR_EMPTY,
        .text = m->phase == MEMBER_HAS_FAILED || drifted ? text_of(m, arena) : STR_EMPTY,
        .ms = m->started_ms ? m->ended_ms - m->started_ms : 0};
}

int repository_write_junit(struct repository *repository)
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
    return file_write_named(path, say_masked(&inv->arena, buf_str(&out)), 0644, &err)
               ? invocation_fail(inv, &err)
               : EXIT_DONE;
}

/* ---- Markdown ---- */

static const enum action counted[] = {ACTION_CREATE, ACTION_UPDATE, ACTION_REPLACE, ACTION_DELETE};
enum { COUNTED = sizeof counted / sizeof *counted };

/* What waits for the apply is worth reading beside changes only. */
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
    if (m->reason.n)
        render_cell(out, first_line(m->reason));
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

/* Each has its part of the room that is left; what does not fit is in the table above. */
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

void repository_markdown(struct repository *repository, struct buf *out)
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
