/*
 * A plan as Markdown for pull requests: the summary, a table of the changes, and the full plan as a folded
 * diff block. It is shortened to the size of a comment, with a remark.
 */
#include "cmd/output/render.h"
#include "cmd/terminal/term.h"

#include <ctype.h>

/* In bytes; the size of a comment is limited. */
enum { TABLE_MAX = 20000, ERASES_MAX = 12000 };

/* A bar ends a table cell, and < begins a tag. */
void render_cell(struct buf *out, struct str text)
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
        if (!plan_count(plan, shown[i]))
            continue;
        buf_addf(out, "%s**%zu** to %s", separator, plan_count(plan, shown[i]), action_verb(shown[i]));
        separator = ", ";
    }
    buf_addz(out, separator[0]         ? ".\n"
                  : plan->unread_count ? "No changes where weir could read.\n"
                                       : "No changes.\n");
    if (plan->counts[ACTION_REPLACE] || plan->counts[ACTION_DELETE])
        buf_addf(out, "\n> **%zu** of what exists now will be deleted.\n",
            plan->counts[ACTION_REPLACE] + plan->counts[ACTION_DELETE]);
    if (plan->drifted)
        buf_addz(out, "\n> Something was changed outside weir.\n");
    render_unread_markdown(plan, out);
}

static void add_forced(const struct change *change, struct buf *out)
{
    const char *lead = change->reason.n ? "; " : "";
    for (size_t i = 0; change->decision.action == ACTION_REPLACE && i < change->attr_count; i++) {
        if (!change->attrs[i].replaces)
            continue;
        buf_addf(out, "%s`%.*s` forces it", lead, STR_ARG(change->attrs[i].name));
        lead = ", ";
    }
}

/* A code span shows keys literally, but a bar would end the cell and a backtick the span: such text is
 * escaped character by character. */
void render_code(struct buf *out, struct str code)
{
    AUTO_BUF struct buf safe = BUF_INIT;
    text_add_safe(&safe, code, false);
    struct str text = buf_str(&safe);
    if (str_find_char(text, '|', 0) < 0 && str_find_char(text, '`', 0) < 0) {
        buf_addf(out, "`%.*s`", STR_ARG(text));
        return;
    }
    for (size_t i = 0; i < text.n; i++) {
        if (ispunct((unsigned char)text.p[i]))
            buf_add_char(out, '\\');
        buf_add_char(out, text.p[i]);
    }
}

static void add_row(const struct change *change, struct buf *out)
{
    buf_addf(out, "| %s | ", action_verb(change->decision.action));
    render_code(out, change->subject.address);
    buf_addf(out, " | %.*s | ", STR_ARG(change->subject.type));
    render_cell(out, change->reason);
    add_forced(change, out);
    buf_addz(out, " |\n");
}

/* Deletions and replacements are listed first. */
static bool takes_away(const struct change *change)
{
    return change->decision.action == ACTION_DELETE || change->decision.action == ACTION_REPLACE;
}

static bool add_table(const struct section *sections, size_t n, struct buf *out)
{
    size_t start = out->n, left = 0, rows = 0;
    for (size_t i = 0; i < 2 * n; i++) {
        const struct change *change = sections[i % n].change;
        if (takes_away(change) != (i < n) || change->decision.action == ACTION_NOOP)
            continue;
        if (rows == 0)
            buf_addz(out, "\n| | resource | type | |\n| --- | --- | --- | --- |\n");
        if (out->n - start > TABLE_MAX) {
            left++;
            continue;
        }
        rows++;
        add_row(change, out);
    }
    if (left) {
        buf_addz(out, "| | and ");
        text_add_count(out, (int64_t)left);
        buf_addz(out, " more | | |\n");
    }
    return rows > 0;
}

static void add_types(const struct section *sections, size_t n, struct buf *out)
{
    if (n < TYPES_WORTH_IT)
        return;
    buf_addz(out, "\n```\n");
    sections_types(sections, n, out);
    buf_addz(out, "```\n");
}

/* Adds the lost data, shortened to the limit. */
static void add_data_loss(const struct plan *plan, struct buf *out)
{
    AUTO_BUF struct buf text = BUF_INIT;
    render_erases_markdown(plan, &text);
    bool cut = text.n > ERASES_MAX;
    while (cut && (text.n > ERASES_MAX || text.p[text.n - 1] != '\n'))
        text.n--;
    buf_add(out, text.p, text.n);
    buf_addz(out, cut ? "- and more\n" : "");
}

/* Moves the sign to the first column, by which a diff block selects the colour. Signs of several characters,
 * such as -/+, stay complete, since they begin with such a character or follow one. */
static void add_signed(struct str before, struct str from_sign, struct buf *out)
{
    char sign = from_sign.n ? from_sign.p[0] : ' ';
    bool colours = sign == '+' || sign == '-', single = from_sign.n > 1 && from_sign.p[1] == ' ';
    bool there = colours && !single && !before.n;
    buf_addf(out, "%c%.*s", sign == '~' ? '!' : colours ? sign : ' ', STR_ARG(before));
    if (!there)
        buf_add_char(out, single && (colours || sign == '~') ? ' ' : sign);
    buf_add_str(out, str_slice(from_sign, from_sign.n ? 1 : 0, from_sign.n));
}

static void add_diff_line(struct str line, struct buf *out)
{
    ptrdiff_t mark = str_find_char(line, RENDER_MARK, 0);
    if (mark < 0) {
        buf_addf(out, " %.*s", STR_ARG(line));
    } else
        add_signed(str_slice(line, 0, (size_t)mark), str_slice(line, (size_t)mark + 1, line.n), out);
    buf_add_char(out, '\n');
}

/* Returns whether the line is empty or the first of a resource: a section ends before it. */
static bool is_boundary(struct str line)
{
    enum { SIGNS_WIDTH = 3 };
    ptrdiff_t mark = str_find_char(line, RENDER_MARK, 0);
    return !line.n || (mark >= 0 && mark < SIGNS_WIDTH);
}

/* Adds as many lines as fit, up to the end of a section. */
static void add_diff_lines(struct str text, size_t room, struct buf *out)
{
    size_t kept = out->n, lines = 0, shown = 0;
    bool full = false;
    for (struct str rest = text; rest.p;) {
        struct str line = str_cut(rest, '\n', &rest);
        lines++;
        if (full)
            continue;
        if (is_boundary(line)) {
            kept = out->n;
            shown = lines - 1;
        }
        add_diff_line(line, out);
        full = out->n > room;
    }
    if (!full)
        return;
    out->n = kept;
    buf_addf(out, "\n (%zu of %zu lines; the others do not fit into a comment)\n", shown, lines);
}

static void add_details(const struct plan *plan, size_t room, struct buf *out)
{
    enum { TAIL = 200 };
    AUTO_BUF struct buf text = BUF_INIT;
    struct render_options options = {.compact = true, .marked = true};
    render_plan(plan, &options, &text);
    buf_addz(out, "\n<details><summary>The whole plan</summary>\n\n````diff\n");
    struct str whole = buf_str(&text);
    while (whole.n && whole.p[whole.n - 1] == '\n')
        whole.n--;
    add_diff_lines(whole, room > TAIL ? room - TAIL : 0, out);
    buf_addz(out, "````\n\n</details>\n");
}

void render_markdown(const struct plan *plan, struct str stack, struct str env, size_t room, struct buf *out)
{
    AUTO_ARENA struct arena arena = ARENA_INIT;
    struct section *sections;
    size_t n = sections_list(plan, &arena, &sections);
    text_addf(out, "### weir %s: %.*s", plan->destroy ? "destroy" : "plan", STR_ARG(stack));
    if (env.n)
        buf_addf(out, " (%.*s)", STR_ARG(env));
    buf_addz(out, "\n\n");
    add_numbers(plan, out);
    add_types(sections, n, out);
    bool any = add_table(sections, n, out);
    render_rules_markdown(plan, out);
    add_data_loss(plan, out);
    if (any || plan->output_count || plan->drifted)
        add_details(plan, room, out);
}
