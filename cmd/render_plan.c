/*
 * The text of a plan: what changed outside, what weir would do, outputs, and the line in numbers.
 */
#include "cmd/render.h"
#include "cmd/term.h"

#include "base/cells.h"

#include <inttypes.h>

enum { SIGN_WIDTH = 3, ATTR_INDENT = 6, NAME_WIDTH_MAX = 32 };

static const struct {
    const char *verb, *past, *present, *sign;
    enum style style;
} actions[ACTION_COUNT] = {
    [ACTION_NOOP] = {"move", "moved", "moving", "~>", STYLE_CYAN},
    [ACTION_READ] = {"read", "read", "reading", "<=", STYLE_CYAN},
    [ACTION_CREATE] = {"create", "created", "creating", "+", STYLE_GREEN},
    [ACTION_UPDATE] = {"update", "updated", "updating", "~", STYLE_YELLOW},
    [ACTION_REPLACE] = {"replace", "replaced", "replacing", "-/+", STYLE_MAGENTA},
    [ACTION_DELETE] = {"delete", "deleted", "deleting", "-", STYLE_RED},
    [ACTION_ADOPT] = {"import", "imported", "importing", "=>", STYLE_CYAN},
    [ACTION_FORGET] = {"forget", "forgotten", "forgetting", ".", STYLE_DIM},
};

const char *action_verb(enum action action)
{
    return actions[action].verb;
}

const char *action_past(enum action action)
{
    return actions[action].past;
}

const char *action_present(enum action action)
{
    return actions[action].present;
}

/* ---- one resource ---- */

static void add_remark(
    const struct render_options *o, bool *first, const char *lead, struct str text, struct buf *out)
{
    buf_addz(out, *first ? "  " : ", ");
    *first = false;
    style_on(out, o->color, STYLE_DIM);
    buf_addz(out, lead);
    text_add_safe(out, text, false);
    style_off(out, o->color, STYLE_DIM);
}

static void remarks(const struct change *c, const struct render_options *o, struct buf *out)
{
    bool first = true;
    if (c->action == ACTION_REPLACE)
        add_remark(o, &first, "# ",
            c->create_before_destroy ? STR("create, then delete") : STR("delete, then create"), out);
    if (c->reason.n)
        add_remark(o, &first, first ? "# " : "", c->reason, out);
    if (c->moved_from.n)
        add_remark(o, &first, first ? "# moved from " : "moved from ", c->moved_from, out);
    if (c->import_id.n)
        add_remark(o, &first, first ? "# id " : "id ", c->import_id, out);
}

static void header(const char *sign, enum style style, const char *verb, const struct change *c,
    const struct render_options *o, struct buf *out)
{
    buf_addf(out, "%*s", SIGN_WIDTH - (int)strlen(sign), "");
    style_add(out, o->color, style, sign);
    buf_addf(out, " %-7s ", verb);
    style_on(out, o->color, STYLE_BOLD);
    text_add_safe(out, c->address, false);
    style_off(out, o->color, STYLE_BOLD);
    buf_addz(out, "  ");
    style_on(out, o->color, STYLE_DIM);
    text_add_safe(out, c->type, false);
    style_off(out, o->color, STYLE_DIM);
}

/* Set by the service, and nothing is known of it yet. */
static bool is_awaited(const struct attr_change *a)
{
    return !a->before && value_is_unknown(a->after) && a->attr && a->attr->computed;
}

/* A replacement lists everything; what stays as it is would hide what does not. */
static bool stays(const struct attr_change *a)
{
    return a->before && a->after && a->attr && !a->replaces && value_is_known(a->after) &&
           attr_equal(a->attr, a->after, a->before);
}

static int widest_name(const struct attr_change *attrs, size_t n, bool without_awaited)
{
    int width = 0;
    for (size_t i = 0; i < n; i++) {
        bool silent = stays(&attrs[i]) || (without_awaited && is_awaited(&attrs[i]));
        int w = silent ? 0 : (int)cells_width(attrs[i].name);
        width = w > width ? w : width;
    }
    return width > NAME_WIDTH_MAX ? NAME_WIDTH_MAX : width;
}

static void attr_line(const struct attr_change *a, int width, const struct render_options *o, struct buf *out)
{
    bool removed = a->before && !a->after;
    const struct value *standard = a->attr ? a->attr->default_value : NULL;
    struct render_change change = {.name = a->name,
        .name_width = width,
        .indent = ATTR_INDENT,
        .type = a->attr ? a->attr->type : NULL,
        .before = a->before,
        .after = a->after,
        .hidden = a->attr && (a->attr->sensitive || a->attr->write_only),
        .suffix = a->replaces           ? "# forces replacement"
                  : removed && standard ? "# back to the default"
                                        : NULL};
    if (a->before || a->after)
        render_change(&change, o, out);
}

/* One line for all that only the service can say. */
static void awaited_line(
    const struct attr_change *attrs, size_t n, const struct render_options *o, struct buf *out)
{
    const char *separator = ": ";
    buf_addf(out, "%*s", ATTR_INDENT, "");
    style_add(out, o->color, STYLE_GREEN, "+");
    style_on(out, o->color, STYLE_DIM);
    buf_addz(out, " (known after apply)");
    for (size_t i = 0; i < n; i++)
        if (is_awaited(&attrs[i])) {
            buf_addz(out, separator);
            buf_add_str(out, attrs[i].name);
            separator = ", ";
        }
    style_off(out, o->color, STYLE_DIM);
    buf_add_char(out, '\n');
}

static void attr_lines(
    const struct attr_change *attrs, size_t n, const struct render_options *o, struct buf *out)
{
    size_t awaited = 0;
    for (size_t i = 0; i < n; i++)
        awaited += is_awaited(&attrs[i]);
    bool together = awaited > 1 && !o->everything;
    int width = widest_name(attrs, n, together);
    for (size_t i = 0; i < n; i++)
        if (!stays(&attrs[i]) && (!together || !is_awaited(&attrs[i])))
            attr_line(&attrs[i], width, o, out);
    if (together)
        awaited_line(attrs, n, o, out);
}

/* Sections of several lines are set apart by empty lines, others stand together. */
static bool has_block(const struct change *c)
{
    return c->attr_count && c->action != ACTION_DELETE && c->action != ACTION_FORGET;
}

static bool is_shown(const struct change *c)
{
    return c->action != ACTION_NOOP || c->moved_from.n;
}

static void change_section(const struct change *c, const struct render_options *o, struct buf *out)
{
    const char *sign = actions[c->action].sign;
    if (c->action == ACTION_REPLACE && c->create_before_destroy)
        sign = "+/-";
    header(sign, actions[c->action].style, actions[c->action].verb, c, o, out);
    remarks(c, o, out);
    buf_add_char(out, '\n');
    if (has_block(c))
        attr_lines(c->attrs, c->attr_count, o, out);
}

/* ---- drift ---- */

static bool has_drift(const struct change *c)
{
    return c->gone || c->drift_count;
}

static size_t drift_sections(const struct plan *plan, const struct render_options *o, struct buf *out)
{
    size_t n = 0;
    for (size_t i = 0; i < plan->change_count; i++) {
        const struct change *c = &plan->changes[i];
        if (!has_drift(c))
            continue;
        if (n++ == 0)
            style_add(out, o->color, STYLE_BOLD, "Changed outside weir since the last apply:\n");
        buf_addz(out, n == 1 || c->drift_count ? "\n" : "");
        header(c->gone ? "-" : "~", c->gone ? STYLE_RED : STYLE_YELLOW, c->gone ? "deleted" : "changed", c, o,
            out);
        buf_add_char(out, '\n');
        attr_lines(c->drift, c->drift_count, o, out);
    }
    if (n)
        buf_add_char(out, '\n');
    return n;
}

static void refresh_line(const struct plan *plan, const struct render_options *o, struct buf *out)
{
    if (!plan->refreshed || !plan->refresh_requests)
        return;
    size_t n = plan->refresh_count;
    style_on(out, o->color, STYLE_DIM);
    buf_addf(out, "Refreshed %zu resource%s with %" PRIu64 " request%s in ", n, n == 1 ? "" : "s",
        plan->refresh_requests, plan->refresh_requests == 1 ? "" : "s");
    text_add_duration(out, plan->refresh_ms);
    buf_add_char(out, '.');
    style_off(out, o->color, STYLE_DIM);
    buf_add_char(out, '\n');
}

void render_drift(const struct plan *plan, const struct render_options *o, struct buf *out)
{
    size_t n = drift_sections(plan, o, out);
    if (n)
        buf_addf(out, "Drift: %zu resource%s changed outside weir.\n", n, n == 1 ? "" : "s");
    else
        buf_addz(out, "No drift: nothing changed outside weir.\n");
    refresh_line(plan, o, out);
}

/* ---- the whole plan ---- */

static void output_section(const struct plan *plan, const struct render_options *o, struct buf *out)
{
    int width = 0;
    for (size_t i = 0; i < plan->output_count; i++) {
        int w = (int)cells_width(plan->outputs[i].name);
        width = w > width ? w : width;
    }
    style_add(out, o->color, STYLE_BOLD, "Outputs:");
    buf_add_char(out, '\n');
    for (size_t i = 0; i < plan->output_count; i++) {
        const struct output_change *c = &plan->outputs[i];
        render_change(&(struct render_change){.name = c->name,
                          .name_width = width > NAME_WIDTH_MAX ? NAME_WIDTH_MAX : width,
                          .indent = 2,
                          .before = c->before,
                          .after = c->after,
                          .hidden = c->sensitive},
            o, out);
    }
    buf_add_char(out, '\n');
}

void render_summary(const struct plan *plan, const struct render_options *o, struct buf *out)
{
    static const enum action always[] = {ACTION_CREATE, ACTION_UPDATE, ACTION_REPLACE, ACTION_DELETE};
    static const enum action sometimes[] = {ACTION_READ, ACTION_ADOPT, ACTION_FORGET};
    const char *separator = " ";
    style_add(out, o->color, STYLE_BOLD, "Plan:");
    for (size_t i = 0; i < sizeof always / sizeof *always; i++, separator = ", ")
        buf_addf(out, "%s%zu to %s", separator, plan->counts[always[i]], actions[always[i]].verb);
    for (size_t i = 0; i < sizeof sometimes / sizeof *sometimes; i++)
        if (plan->counts[sometimes[i]])
            buf_addf(out, ", %zu to %s", plan->counts[sometimes[i]], actions[sometimes[i]].verb);
    buf_addz(out, ".\n");
}

static size_t action_count(const struct plan *plan)
{
    size_t n = 0;
    for (int a = ACTION_NOOP + 1; a < ACTION_COUNT; a++)
        n += plan->counts[a];
    return n;
}

static void as_it_is(const struct plan *plan, struct buf *out)
{
    size_t n = plan->resource_count - plan->left_count;
    buf_addf(out, "No changes: %zu resource%s as the stack says", n, n == 1 ? " is" : "s are");
    if (plan->left_count)
        buf_addf(out, "; %zu other%s left out", plan->left_count, plan->left_count == 1 ? " was" : "s were");
    buf_addz(out, ".\n");
}

static void nothing_to_do(const struct plan *plan, bool drift, struct buf *out)
{
    if (plan->destroy)
        buf_addz(out, "No changes: nothing is left to destroy.\n");
    else if (plan_has_changes(plan))
        buf_addz(out, "Only addresses change.\n");
    else if (plan->output_count)
        buf_addz(out, "Only outputs change.\n");
    else if (drift)
        buf_addz(out, "No changes: what was changed outside is not at odds with the stack.\n");
    else
        as_it_is(plan, out);
}

static void change_sections(const struct plan *plan, const struct render_options *o, struct buf *out)
{
    const struct change *last = NULL;
    for (size_t i = 0; i < plan->change_count; i++) {
        const struct change *c = &plan->changes[i];
        if (!is_shown(c))
            continue;
        if (last && (has_block(last) || has_block(c)))
            buf_add_char(out, '\n');
        change_section(c, o, out);
        last = c;
    }
    if (last)
        buf_add_char(out, '\n');
}

void render_plan(const struct plan *plan, const struct render_options *o, struct buf *out)
{
    size_t actions_planned = action_count(plan);
    size_t drifted = drift_sections(plan, o, out);
    if (drifted && plan_has_changes(plan)) {
        style_add(out, o->color, STYLE_BOLD, "weir would:");
        buf_addz(out, "\n\n");
    }
    change_sections(plan, o, out);
    render_erases(plan, o, out);
    if (plan->output_count && !plan->destroy) /* that they go as well goes without saying */
        output_section(plan, o, out);
    if (actions_planned)
        render_summary(plan, o, out);
    else
        nothing_to_do(plan, drifted > 0, out);
    refresh_line(plan, o, out);
}
