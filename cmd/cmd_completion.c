/*
 * Shell completion, generated from the tables of commands and options. Addresses, jobs and environments are
 * requested from weir during completion, with the options of the line that select the stack.
 */
#include "cmd/invocation/invocation.h"
#include "cmd/invocation/kinds.h"

#include "base/embed.h"
#include "stacks/load/files.h"

/* ---- walking the tables ---- */

void completion_options(
    const struct command *c, struct str path, option_visitor *visit, const char *ctx, struct buf *out)
{
    const struct option_set *sets[COMMAND_SETS_MAX];
    command_sets(c, sets);
    for (size_t s = 0; sets[s]; s++)
        for (size_t i = 0; i < sets[s]->n; i++)
            visit(out, &sets[s]->options[i], path, ctx);
}

void completion_quote(struct buf *out, struct str text, const char *also)
{
    for (size_t i = 0; i < text.n; i++) {
        if (text.p[i] == '\'')
            buf_addz(out, "'\\'");
        else if (strchr(also, text.p[i]))
            buf_add_char(out, '\\');
        buf_add_char(out, text.p[i]);
    }
}

void completion_subs(struct buf *out, const struct command *c)
{
    for (const struct command *const *s = c->subs; s && *s; s++)
        buf_addf(out, " %s", (*s)->name);
}

void completion_commands(struct buf *out)
{
    for (const struct command_group *g = command_groups; g->title; g++)
        for (const struct command *const *c = g->commands; *c; c++)
            buf_addf(out, " %s", (*c)->name);
}

/* ---- patterns of a `case` ---- */

void completion_pattern(struct buf *out, const struct option *o)
{
    if (o->letter)
        buf_addf(out, "-%c | ", o->letter);
    buf_addf(out, "--%s", o->name);
}

static void add_patterns(struct buf *out, const struct option_set *set, bool value, const char *separator)
{
    for (size_t i = 0; i < set->n; i++)
        if ((set->options[i].value != NULL) == value) {
            buf_addz(out, separator);
            completion_pattern(out, &set->options[i]);
            separator = " | ";
        }
}

static void stack_with_value(struct buf *out)
{
    add_patterns(out, &options_stack, true, "");
}

static void stack_without(struct buf *out)
{
    add_patterns(out, &options_stack, false, "");
}

static void with_value(struct buf *out)
{
    stack_with_value(out);
    add_patterns(out, &options_plan, true, " | ");
    add_patterns(out, &options_change, true, " | ");
}

/* Appends the commands that have subcommands. */
static void add_parents(struct buf *out)
{
    const char *separator = "";
    for (const struct command_group *g = command_groups; g->title; g++)
        for (const struct command *const *c = g->commands; *c; c++)
            if ((*c)->subs) {
                buf_addf(out, "%s%s", separator, (*c)->name);
                separator = " | ";
            }
}

static const struct completion_part *part_named(const struct completion_part *parts, struct str name)
{
    while (parts->name && !str_eqz(name, parts->name))
        parts++;
    return parts->name ? parts : NULL;
}

void completion_fill(struct buf *out, const char *path, const struct completion_part *parts)
{
    static const struct completion_part shared[] = {{"commands", .write = completion_commands},
        {"parents", .write = add_parents}, {"stack_with_value", .write = stack_with_value},
        {"stack_without", .write = stack_without}, {"with_value", .write = with_value}, {0}};
    struct str rest = embedded_text(embedded_find(str_z(path))), before, name;
    while (str_take_name(&rest, "@{", &before, &name)) {
        const struct completion_part *own = part_named(parts, name),
                                     *part = own ? own : part_named(shared, name);
        buf_add_str(out, before);
        if (part->visit)
            commands_walk(part->visit, out);
        else
            part->write(out);
    }
    buf_add_str(out, rest);
}

/* ---- the command ---- */

static void cmd_completion_add_line(void *ctx, struct str name)
{
    struct buf *out = ctx;
    text_addf(out, "%.*s\n", STR_ARG(name));
}

static int list_names(struct invocation *inv, stack_namer *namer)
{
    AUTO_BUF struct buf out = BUF_INIT;
    if (namer(&inv->arena, inv->settings->dir, &inv->diags, cmd_completion_add_line, &out))
        return invocation_diags(inv);
    return invocation_write(inv, buf_str(&out));
}

/* Lists weir's types, data sources, and CloudFormation's types. */
static int list_types(struct invocation *inv)
{
    struct catalog *catalog;
    struct err err = ERR_INIT;
    AUTO_BUF struct buf out = BUF_INIT;
    if (catalog_new(&(struct catalog_options){.kinds = &cmd_kinds}, &catalog, &err))
        return invocation_fail(inv, &err);
    for (int is_data = 0; is_data < 2; is_data++) {
        size_t n;
        const struct str *names = catalog_known_names(catalog, is_data, &n);
        for (size_t i = 0; i < n; i++)
            buf_addf(&out, "%s%.*s\n", is_data ? "data." : "", STR_ARG(names[i]));
    }
    catalog_free(catalog);
    return invocation_write(inv, buf_str(&out));
}

static int cmd_completion_run(struct invocation *inv)
{
    static const struct {
        const char *shell;
        void (*write)(struct buf *out);
    } shells[] = {{"bash", .write = completion_bash}, {"zsh", .write = completion_zsh},
        {"fish", .write = completion_fish}};
    if (str_eqz(inv->args.items[0], "types"))
        return list_types(inv);
    if (str_eqz(inv->args.items[0], "environments"))
        return list_names(inv, stack_environments);
    if (str_eqz(inv->args.items[0], "connections"))
        return list_names(inv, stack_connections);
    for (size_t i = 0; i < sizeof shells / sizeof *shells; i++)
        if (str_eqz(inv->args.items[0], shells[i].shell)) {
            AUTO_BUF struct buf out = BUF_INIT;
            shells[i].write(&out);
            return invocation_write(inv, buf_str(&out));
        }
    return invocation_usage(
        inv, "bash, zsh and fish are known", "no completion for \"%.*s\"", STR_ARG(inv->args.items[0]));
}

const struct command cmd_completion = {
    .name = "completion",
    .args = "bash|zsh|fish|environments|connections|types",
    .completes = COMPLETES_CHOICES,
    .choices = "bash zsh fish environments connections types",
    .sets = {&options_stack},
    .min_args = 1,
    .max_args = 1,
    .run = cmd_completion_run,
};
