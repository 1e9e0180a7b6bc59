/*
 * A plan as Markdown, for pull requests: the numbers first, a table of what happens to what, and the whole
 * plan folded away as a diff block.
 */
#include "cmd/render.h"

/* In a table cell a bar ends the cell; in text, < begins a tag. */
static void add_cell(struct buf *out, struct str text)
{
    for (size_t i = 0; i < text.n; i++) {
        char c = text.p[i];
        if (c == '|' || c == '`' || c == '\\')
            buf_add_char(out, '\\');
        if (c == '<')
            buf_addz(out, "&lt;");
        else
            buf_add_char(out, c == '\n' ? ' ' : c);
    }
}

static void add_numbers(const struct plan *plan, struct buf *out)
{
    static const enum action shown[] = {ACTION_CREATE, ACTION_UPDATE, ACTION_REPLACE, ACTION_DELETE,
        ACTION_ADOPT, ACTION_FORGET, ACTION_READ};
    const char *separator = "";
    for (size_t i = 0; i < sizeof shown / sizeof *shown; i++) {
        if (!plan->counts[shown[i]])
            continue;
        buf_addf(out, "%s**%zu** to %s", separator, plan->counts[shown[i]], action_verb(shown[i]));
        separator = ", ";
    }
    buf_addz(out, separator[0] ? ".\n" : "No changes.\n");
    if (plan->counts[ACTION_REPLACE] || plan->counts[ACTION_DELETE])
        buf_addf(out, "\n> **%zu** of what exists now will be deleted.\n",
            plan->counts[ACTION_REPLACE] + plan->counts[ACTION_DELETE]);
    if (plan->drifted)
        buf_addz(out, "\n> Something was changed outside weir.\n");
}

static void add_forced(const struct change *change, struct buf *out)
{
    const char *lead = change->reason.n ? "; " : "";
    for (size_t i = 0; change->action == ACTION_REPLACE && i < change->attr_count; i++) {
        if (!change->attrs[i].replaces)
            continue;
        buf_addf(out, "%s`%.*s` forces it", lead, STR_ARG(change->attrs[i].name));
        lead = ", ";
    }
}

static void add_row(const struct change *change, struct buf *out)
{
    /* Keys may hold anything; in a code span a bar would still end the cell. */
    bool plain = str_find_char(change->address, '|', 0) < 0 && str_find_char(change->address, '`', 0) < 0;
    buf_addf(out, "| %s | %s", action_verb(change->action), plain ? "`" : "");
    add_cell(out, change->address);
    buf_addf(out, "%s | %.*s | ", plain ? "`" : "", STR_ARG(change->type));
    add_cell(out, change->reason);
    add_forced(change, out);
    buf_addz(out, " |\n");
}

/* A line of the text with its sign in the first column, where a diff block takes its colour from. */
static void add_diff_line(struct str line, struct buf *out)
{
    size_t indent = 0;
    while (indent < line.n && line.p[indent] == ' ')
        indent++;
    char sign = indent < line.n ? line.p[indent] : ' ';
    bool marked = indent && indent + 1 < line.n && strchr("+-~", sign) && strchr(" /-+", line.p[indent + 1]);
    buf_add_char(out, !marked ? ' ' : sign == '~' ? '!' : sign);
    buf_add_str(out, line);
    buf_add_char(out, '\n');
}

static void add_details(const struct plan *plan, struct buf *out)
{
    AUTO_BUF struct buf text = BUF_INIT;
    struct render_options options = {0};
    render_plan(plan, &options, &text);
    buf_addz(out, "\n<details><summary>The whole plan</summary>\n\n````diff\n");
    struct str rest = str_trim(buf_str(&text)), line;
    if (text.n) { /* the first line's own indent */
        rest.n += (size_t)(rest.p - text.p);
        rest.p = text.p;
    }
    while (rest.p) {
        line = str_cut(rest, '\n', &rest);
        add_diff_line(line, out);
    }
    buf_addz(out, "````\n\n</details>\n");
}

void render_markdown(const struct plan *plan, struct str stack, struct str env, struct buf *out)
{
    buf_addf(out, "### weir %s: %.*s", plan->destroy ? "destroy" : "plan", STR_ARG(stack));
    if (env.n)
        buf_addf(out, " (%.*s)", STR_ARG(env));
    buf_addz(out, "\n\n");
    add_numbers(plan, out);
    bool any = false;
    for (size_t i = 0; i < plan->change_count; i++) {
        if (plan->changes[i].action == ACTION_NOOP)
            continue;
        if (!any)
            buf_addz(out, "\n| | resource | type | |\n| --- | --- | --- | --- |\n");
        any = true;
        add_row(&plan->changes[i], out);
    }
    render_erases_markdown(plan, out);
    if (any || plan->output_count || plan->drifted)
        add_details(plan, out);
}
