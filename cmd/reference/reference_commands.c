/* Pages about commands in Markdown, and the manual page. */
#include "cmd/reference/reference.h"

/* Returns whether the option set is described once for all commands. */
static bool is_shared(const struct option_set *set)
{
    return set == &options_common || set == &options_stack || set == &options_plan;
}

static bool has_own_options(const struct command *c)
{
    for (const struct option_set *const *s = c->sets; *s; s++)
        if (!is_shared(*s))
            return true;
    return false;
}

/* ---- Markdown ---- */

/* '|' would end a table cell, '<' would begin a tag. */
static void markdown_cell(struct buf *out, struct str text)
{
    for (size_t i = 0; i < text.n; i++) {
        if (text.p[i] == '|')
            buf_add_char(out, '\\');
        if (text.p[i] == '<')
            buf_addz(out, "&lt;");
        else
            buf_add_char(out, text.p[i]);
    }
}

static void markdown_options(struct buf *out, struct str path, const struct option_set *set)
{
    AUTO_ARENA struct arena arena = ARENA_INIT;
    for (size_t i = 0; i < set->n; i++) {
        buf_addf(out, "| `%.*s` | ", STR_ARG(str_trim(option_label(&arena, &set->options[i]))));
        markdown_cell(out, help_option(path, &set->options[i]));
        buf_addz(out, " |\n");
    }
}

static void markdown_shared(struct buf *out, const struct option_set *set)
{
    buf_addf(out, "\n### %s\n\n| option | |\n| --- | --- |\n", set->title);
    markdown_options(out, STR_EMPTY, set);
}

static void markdown_command(struct buf *out, const struct command *c, struct str path)
{
    buf_addf(out, "\n### weir %.*s\n\n    ", STR_ARG(path));
    help_usage_line(c, path, out);
    buf_addz(out, "\n\n");
    help_sentence(path, out);
    buf_add_char(out, '\n');
    const struct node *details = help_details(path), *examples = help_examples(path);
    for (uint32_t i = 0; i < details->count; i++)
        buf_addf(out, "\n%.*s\n", STR_ARG(node_text(details->items[i])));
    if (has_own_options(c)) {
        buf_addz(out, "\n| option | |\n| --- | --- |\n");
        for (const struct option_set *const *s = c->sets; *s; s++)
            if (!is_shared(*s))
                markdown_options(out, path, *s);
    }
    const char *separator = "\nAlso: ";
    for (const struct option_set *const *s = c->sets; *s; s++)
        if (is_shared(*s)) {
            buf_addf(out, "%s%s", separator, (*s)->title);
            separator = ", ";
        }
    buf_addz(out, separator[0] == ',' ? ".\n" : "");
    if (examples->count)
        buf_addz(out, "\n```sh\n");
    for (uint32_t i = 0; i < examples->count; i++)
        buf_addf(out, "%.*s  # %.*s\n", STR_ARG(examples->entries[i].key),
            STR_ARG(node_text(examples->entries[i].value)));
    if (examples->count)
        buf_addz(out, "```\n");
}

static void markdown_items(struct buf *out, const char *title, const char *column, const char *section)
{
    const struct node *items = help_section(section);
    buf_addf(out, "\n## %s\n\n| %s | meaning |\n| --- | --- |\n", title, column);
    for (uint32_t i = 0; i < items->count; i++) {
        buf_addf(out, "| `%.*s` | ", STR_ARG(items->entries[i].key));
        markdown_cell(out, node_text(items->entries[i].value));
        buf_addz(out, " |\n");
    }
}

static void markdown_events(struct buf *out)
{
    buf_addf(out, "\n## JSON events\n\n%.*s\n\n| event | fields | meaning |\n| --- | --- | --- |\n",
        STR_ARG(node_text(help_section("events_are"))));
    const struct node *events = help_section("events");
    for (uint32_t i = 0; i < events->count; i++) {
        const struct node *event = events->entries[i].value;
        buf_addf(out, "| `%.*s` | %.*s | ", STR_ARG(events->entries[i].key),
            STR_ARG(node_text(node_get(event, "fields"))));
        markdown_cell(out, node_text(node_get(event, "means")));
        buf_addz(out, " |\n");
    }
}

void reference_commands_markdown(struct buf *out)
{
    buf_addz(out, "# The command line\n\nMade from the program's own tables by `make docs`; `weir help "
                  "COMMAND` says the same.\n\n"
                  "| command | |\n| --- | --- |\n");
    for (const struct command_group *g = command_groups; g->title; g++)
        for (const struct command *const *c = g->commands; *c; c++)
            buf_addf(out, "| [%s](#weir-%s) | %.*s |\n", (*c)->name, (*c)->name,
                STR_ARG(help_summary(str_z((*c)->name))));
    buf_addz(out, "\n## Shared options\n\n"
                  "An option's value follows it or comes after `=` (`--env dev`, `--env=dev`, `-e dev`, "
                  "`-edev`). Options may come before or after arguments; `--` ends them.\n");
    markdown_shared(out, &options_common);
    markdown_shared(out, &options_stack);
    markdown_shared(out, &options_plan);
    buf_addz(out, "\n## Commands\n");
    commands_walk(markdown_command, out);
    markdown_items(out, "Exit status", "status", "exit_statuses");
    markdown_items(out, "Environment", "variable", "variables");
    markdown_events(out);
}

/* ---- roff ---- */

/* Hyphens of options are minus signs in roff; a dot or quote at the start of a line would be a request. */
static void man_text(struct buf *out, struct str text)
{
    for (size_t i = 0; i < text.n; i++) {
        char c = text.p[i];
        if ((c == '.' || c == '\'') && (i == 0 || text.p[i - 1] == '\n'))
            buf_addz(out, "\\&");
        if (c == '\\')
            buf_addz(out, "\\e");
        else if (c == '-')
            buf_addz(out, "\\-");
        else
            buf_add_char(out, c);
    }
}

static void man_item(struct buf *out, struct str term, struct str text)
{
    buf_addz(out, ".TP\n\\fB");
    man_text(out, term);
    buf_addz(out, "\\fR\n");
    man_text(out, text);
    buf_add_char(out, '\n');
}

static void man_options(struct buf *out, struct str path, const struct option_set *set)
{
    AUTO_ARENA struct arena arena = ARENA_INIT;
    for (size_t i = 0; i < set->n; i++)
        man_item(out, str_trim(option_label(&arena, &set->options[i])), help_option(path, &set->options[i]));
}

static void man_command(struct buf *out, const struct command *c, struct str path)
{
    AUTO_BUF struct buf usage = BUF_INIT;
    help_usage_line(c, path, &usage);
    buf_addz(out, ".SS ");
    man_text(out, buf_str(&usage));
    buf_add_char(out, '\n');
    help_sentence(path, out);
    buf_add_char(out, '\n');
    const struct node *details = help_details(path), *examples = help_examples(path);
    for (uint32_t i = 0; i < details->count; i++) {
        buf_addz(out, ".PP\n");
        man_text(out, node_text(details->items[i]));
        buf_add_char(out, '\n');
    }
    for (const struct option_set *const *s = c->sets; *s; s++)
        if (!is_shared(*s))
            man_options(out, path, *s);
    for (uint32_t i = 0; i < examples->count; i++)
        man_item(out, examples->entries[i].key, node_text(examples->entries[i].value));
}

static void man_items(struct buf *out, const char *title, const char *section)
{
    const struct node *items = help_section(section);
    buf_addf(out, ".SH %s\n", title);
    for (uint32_t i = 0; i < items->count; i++)
        man_item(out, items->entries[i].key, node_text(items->entries[i].value));
}

void reference_commands_man(struct buf *out)
{
    buf_addz(out, ".TH WEIR 1 \"\" \"weir " WEIR_VERSION "\" \"User Commands\"\n"
                  ".SH NAME\nweir \\- provision data\\-pipeline stacks\n"
                  ".SH SYNOPSIS\n.B weir\n.I COMMAND\n[\\fIOPTIONS\\fR] [\\fIARGUMENTS\\fR]\n"
                  ".SH DESCRIPTION\n");
    buf_add_str(out, node_text(help_section("weir")));
    buf_addz(out, "\n.SH COMMANDS\n");
    commands_walk(man_command, out);
    buf_addz(out, ".SH OPTIONS\n");
    const struct option_set *const shared[] = {&options_common, &options_stack, &options_plan};
    for (size_t i = 0; i < sizeof shared / sizeof *shared; i++) {
        buf_addf(out, ".SS %s\n", shared[i]->title);
        man_options(out, STR_EMPTY, shared[i]);
    }
    man_items(out, "EXIT STATUS", "exit_statuses");
    man_items(out, "ENVIRONMENT", "variables");
    buf_addz(out, ".SH FILES\n");
    man_item(out, STR("weir.yaml"), STR("the stack"));
    man_item(out, STR(".weir/STACK[.ENV].log"), STR("its state, unless the stack says otherwise"));
}
