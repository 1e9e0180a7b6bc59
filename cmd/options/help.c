/* Help texts, generated from the tables of commands and options: see options.h. */
#include "cmd/options/options.h"

#include <ctype.h>

/* ---- the texts of cmd/help.yaml ---- */

static const struct node nothing = {.kind = NODE_MAP};

static const struct node *help_below(const struct node *node, struct str name)
{
    const struct node_entry *entry = node_find(node, name);
    return entry ? entry->value : &nothing;
}

const struct node *help_section(const char *name)
{
    return help_below(yaml_embedded("cmd/help.yaml"), str_z(name));
}

static const struct node *of_command(struct str path, const char *key)
{
    return help_below(help_below(help_section("commands"), path), str_z(key));
}

struct str help_summary(struct str path)
{
    return node_text(of_command(path, "summary"));
}

const struct node *help_details(struct str path)
{
    return of_command(path, "details");
}

const struct node *help_examples(struct str path)
{
    return of_command(path, "examples");
}

struct str help_option(struct str path, const struct option *option)
{
    struct str rest, name = str_z(option->name);
    const struct node *const levels[] = {of_command(path, "options"),
        of_command(str_cut(path, ' ', &rest), "options"), help_section("options")};
    for (size_t i = 0; i < sizeof levels / sizeof *levels; i++)
        if (node_find(levels[i], name))
            return node_text(help_below(levels[i], name));
    return STR_EMPTY;
}

enum { INDENT = 2, COLUMN_MAX = 32, WIDTH_MAX = 110, TEXT_MIN = 24 };

static int width_of(const struct term *term)
{
    return term->width > WIDTH_MAX ? WIDTH_MAX : term->width;
}

static void heading(const struct term *term, const char *title, struct buf *out)
{
    buf_add_char(out, '\n');
    style_add(out, term->color, STYLE_BOLD, title);
    buf_addz(out, ":\n");
}

/* Writes " label text", with the text wrapped in its column. */
static void row(const struct term *term, struct str label, int column, struct str text, struct buf *out)
{
    int n = INDENT + (int)cells_width(label);
    if (width_of(term) - column < TEXT_MIN) /* on a narrow terminal the text is below its label */
        column = 5 * INDENT;
    buf_addf(out, "%*s", INDENT, "");
    style_add_str(out, term->color, STYLE_CYAN, label);
    if (n + 2 > column) {
        buf_add_char(out, '\n');
        n = 0;
    }
    buf_addf(out, "%*s", column - n, "");
    text_add_wrapped(out, text, column, column, width_of(term));
    buf_add_char(out, '\n');
}

static struct str command_label(struct arena *arena, const struct command *c)
{
    return arena_printf(arena, "%s%s%s", c->name, c->args ? " " : "", c->args ? c->args : "");
}

static int label_column(int longest)
{
    int column = INDENT + longest + 2;
    return column > COLUMN_MAX ? COLUMN_MAX : column;
}

/* `path`: the parent command; "" for top-level commands. */
static void command_rows(struct arena *arena, const struct term *term, const struct command *const *commands,
    struct str path, int column, struct buf *out)
{
    for (const struct command *const *c = commands; *c; c++)
        row(term, command_label(arena, *c), column, help_summary(command_path(arena, path, *c)), out);
}

static int longest_command(struct arena *arena, const struct command *const *commands)
{
    int longest = 0;
    for (const struct command *const *c = commands; *c; c++) {
        int n = (int)command_label(arena, *c).n;
        longest = n > longest ? n : longest;
    }
    return longest;
}

void help_overview(const struct term *term, struct buf *out)
{
    AUTO_ARENA struct arena arena = ARENA_INIT;
    int longest = 0;
    text_add_wrapped(out,
        STR("weir provisions data-pipeline stacks: buckets, roles, databases, jobs, schedules."), 0, 0,
        width_of(term));
    buf_addz(out, "\n\nUsage: weir COMMAND [OPTIONS] [ARGUMENTS]\n");
    for (const struct command_group *g = command_groups; g->title; g++) {
        int n = longest_command(&arena, g->commands);
        longest = n > longest ? n : longest;
    }
    for (const struct command_group *g = command_groups; g->title; g++) {
        heading(term, g->title, out);
        command_rows(&arena, term, g->commands, STR_EMPTY, label_column(longest), out);
    }
    buf_addz(out, "\n\"weir help COMMAND\" says more about a command, \"weir docs\" about resource types.\n");
}

static void option_rows(struct arena *arena, const struct term *term, struct str path,
    const struct option_set *set, struct buf *out)
{
    for (size_t i = 0; i < set->n; i++)
        row(term, option_label(arena, &set->options[i]), COLUMN_MAX, help_option(path, &set->options[i]),
            out);
}

/* Sets without a title belong to the command itself and come first, with one heading. */
static void options_section(
    struct arena *arena, const struct command *c, struct str path, const struct term *term, struct buf *out)
{
    const struct option_set *sets[COMMAND_SETS_MAX];
    command_sets(c, sets);
    bool any = false;
    for (size_t i = 0; sets[i]; i++)
        if (!sets[i]->title) {
            if (!any)
                heading(term, "Options", out);
            any = true;
            option_rows(arena, term, path, sets[i], out);
        }
    for (size_t i = 0; sets[i]; i++)
        if (sets[i]->title) {
            heading(term, sets[i]->title, out);
            option_rows(arena, term, path, sets[i], out);
        }
}

void help_sentence(struct str path, struct buf *out)
{
    struct str text = help_summary(path);
    buf_addf(out, "%c%s.", (char)toupper((unsigned char)text.p[0]), text.p + 1);
}

void help_usage_line(const struct command *c, struct str path, struct buf *out)
{
    buf_addf(out, "weir %.*s %s[OPTIONS]%s%s", STR_ARG(path), c->subs ? "COMMAND " : "", c->args ? " " : "",
        c->args ? c->args : "");
}

void help_command(const struct command *c, struct str path, const struct term *term, struct buf *out)
{
    AUTO_ARENA struct arena arena = ARENA_INIT;
    buf_addz(out, "Usage: ");
    help_usage_line(c, path, out);
    buf_addz(out, "\n\n");
    help_sentence(path, out);
    buf_add_char(out, '\n');
    const struct node *details = help_details(path), *examples = help_examples(path);
    for (uint32_t i = 0; i < details->count; i++) {
        buf_add_char(out, '\n');
        text_add_wrapped(out, node_text(details->items[i]), 0, 0, width_of(term));
        buf_add_char(out, '\n');
    }
    if (c->subs) {
        heading(term, "Commands", out);
        command_rows(&arena, term, c->subs, path, label_column(longest_command(&arena, c->subs)), out);
    }
    options_section(&arena, c, path, term, out);
    if (examples->count)
        heading(term, "Examples", out);
    for (uint32_t i = 0; i < examples->count; i++)
        row(term, examples->entries[i].key, COLUMN_MAX + 12, node_text(examples->entries[i].value), out);
}
