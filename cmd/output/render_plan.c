/*
 * The text of a plan: what changed outside, what weir would do, outputs, and the line in numbers.
 */
#include "cmd/output/render.h"
#include "cmd/terminal/term.h"

#include "base/str.h"

#include <inttypes.h>

enum { NAME_WIDTH_MAX = 32, FLUSH_FROM = 64 * 1024 };

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

struct sign action_sign(const struct change *c)
{
    bool create_first = c->decision.create_first;
    return (struct sign){create_first ? "+/-" : actions[c->decision.action].sign,
        actions[c->decision.action].style, actions[c->decision.action].verb};
}

/* ---- drift ---- */

static bool has_drift(const struct change *c)
{
    return c->gone || c->drift_count;
}

static size_t drift_sections(const struct plan *plan, const struct render_options *o, struct buf *out)
{
    size_t n = 0;
    bool apart = true; /* what has lines below its head stands between empty ones */
    for (size_t i = 0; i < plan->change_count; i++) {
        const struct change *c = plan->changes[i];
        if (!has_drift(c))
            continue;
        if (n++ == 0)
            style_add(out, o->color, STYLE_BOLD, "Changed outside weir since the last apply:\n");
        buf_addz(out, apart || c->drift_count ? "\n" : "");
        apart = c->drift_count;
        struct sign sign =
            c->gone ? (struct sign){"-", STYLE_RED, "deleted"} : (struct sign){"~", STYLE_YELLOW, "changed"};
        section_header(c, sign, o, out);
        buf_add_char(out, '\n');
        section_attrs(c->drift, c->drift_count, o, out);
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
    buf_addf(out, "%s %zu resource%s with %" PRIu64 " request%s in ",
        plan->refreshed_quickly ? "Looked at what listings show of" : "Refreshed", n, n == 1 ? "" : "s",
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
        buf_addz(out, plan->unread_count ? "No drift where weir could look.\n"
                                         : "No drift: nothing changed outside weir.\n");
    render_unread(plan, out);
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

/* "Plan: 3 to create, 1 to update, 1 to replace, 0 to delete." */
static void render_summary(const struct plan *plan, const struct render_options *o, struct buf *out)
{
    static const enum action always[] = {ACTION_CREATE, ACTION_UPDATE, ACTION_REPLACE, ACTION_DELETE};
    static const enum action sometimes[] = {ACTION_READ, ACTION_ADOPT, ACTION_FORGET};
    const char *separator = " ";
    style_add(out, o->color, STYLE_BOLD, "Plan:");
    for (size_t i = 0; i < sizeof always / sizeof *always; i++, separator = ", ")
        buf_addf(out, "%s%zu to %s", separator, plan_count(plan, always[i]), actions[always[i]].verb);
    for (size_t i = 0; i < sizeof sometimes / sizeof *sometimes; i++)
        if (plan->counts[sometimes[i]])
            buf_addf(out, ", %zu to %s", plan->counts[sometimes[i]], actions[sometimes[i]].verb);
    buf_addz(out, ".\n");
}

static void as_it_is(const struct plan *plan, struct buf *out)
{
    size_t n = plan->resource_count - plan->left_count, unread = plan->unread_count;
    n -= unread < n ? unread : n;
    buf_addf(out, "No changes%s: %zu resource%s as the stack says", unread ? " where weir could look" : "", n,
        n == 1 ? " is" : "s are");
    if (plan->left_unread)
        buf_addz(out, "; others were left out");
    else if (plan->left_count)
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
        buf_addf(out, "No changes%s: what was changed outside is not at odds with the stack.\n",
            plan->unread_count ? " where weir could look" : "");
    else
        as_it_is(plan, out);
}

/* Which of its declaration's creations it is; they follow one another. `before` is the one before. */
static struct brief brief_of(const struct section *sections, size_t at, const struct brief *before)
{
    struct brief brief = {.decl = sections[at].decl, .tags = before->tags};
    if (!at || sections[at].change->decision.action != ACTION_CREATE ||
        sections[at - 1].change->decision.action != ACTION_CREATE ||
        !str_eq(sections[at - 1].declared, sections[at].declared))
        return brief;
    brief.nth = before->nth + 1;
    brief.like = before->like ? before->like : sections[at - 1].change;
    return brief;
}

static void module_line(const struct section *section, const struct render_options *o, struct buf *out)
{
    style_on(out, o->color, STYLE_BOLD);
    if (section->module.n) {
        buf_addz(out, "Module ");
        text_add_safe(out, section->module, false);
    } else {
        buf_addz(out, "The stack itself");
    }
    buf_add_char(out, ':');
    style_off(out, o->color, STYLE_BOLD);
    buf_addz(out, "\n\n");
}

static void common_tags_line(const struct value *tags, const struct render_options *o, struct buf *out)
{
    buf_addz(out, "Tags of everything that is created: ");
    render_value(tags, 0, o, out);
    buf_add_char(out, '\n');
}

static void change_sections(const struct section *sections, size_t n, const struct render_options *o,
    struct arena *arena, struct buf *out)
{
    bool modules = sections_in_modules(sections, n), block = false;
    struct brief brief = {.tags = o->compact ? sections_tags(sections, n, arena) : NULL};
    for (size_t i = 0; i < n; i++) {
        bool opens = modules && (!i || !str_eq(sections[i].module, sections[i - 1].module));
        brief = brief_of(sections, i, &brief);
        bool had_block = block;
        block = section_has_block(sections[i].change, &brief, o);
        if (i && (had_block || block || opens))
            buf_add_char(out, '\n');
        if (opens)
            module_line(&sections[i], o, out);
        section_change(sections[i].change, &brief, o, out);
        if (o->flush && out->n >= FLUSH_FROM)
            o->flush(o->flush_ctx, out);
    }
    if (n)
        buf_add_char(out, '\n');
    if (brief.tags)
        common_tags_line(brief.tags, o, out);
}

/* Where there is much to be done: of what. */
static void types_section(
    const struct section *sections, size_t n, const struct render_options *o, struct buf *out)
{
    if (n < TYPES_WORTH_IT)
        return;
    style_add(out, o->color, STYLE_BOLD, "By type:");
    buf_add_char(out, '\n');
    sections_types(sections, n, out);
    buf_add_char(out, '\n');
}

void render_plan(const struct plan *plan, const struct render_options *o, struct buf *out)
{
    size_t actions_planned = plan_count_all(plan);
    AUTO_ARENA struct arena arena = ARENA_INIT;
    struct section *sections;
    size_t n = sections_list(plan, &arena, &sections), drifted = drift_sections(plan, o, out);
    if (drifted && plan_has_changes(plan)) {
        style_add(out, o->color, STYLE_BOLD, "weir would:");
        buf_addz(out, "\n\n");
    }
    change_sections(sections, n, o, &arena, out);
    render_erases(plan, o, out);
    if (plan->output_count && !plan->destroy) /* that they go as well goes without saying */
        output_section(plan, o, out);
    types_section(sections, n, o, out);
    render_rules(plan, o, !plan->workspace, out); /* where there is a stack they are mistakes in it */
    if (actions_planned)
        render_summary(plan, o, out);
    else
        nothing_to_do(plan, drifted > 0, out);
    render_unread(plan, out);
    refresh_line(plan, o, out);
}
