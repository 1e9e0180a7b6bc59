/* Completion for zsh, written from the tables of commands and options. */
#include "cmd/options/completion.h"

static void zsh_spec(
    struct buf *out, const struct option *o, struct str path, const char *name, char dash_count)
{
    buf_addf(out, " \\\n        '%s%s%s%s[", o->kind == OPTION_LIST || o->kind == OPTION_COUNT ? "*" : "",
        dash_count == 2 ? "--" : "-", name, o->value ? (dash_count == 2 ? "=" : "+") : "");
    completion_quote(out, help_option(path, o), "[]:\\");
    buf_addz(out, "]");
    if (o->value) {
        buf_addz(out, ":");
        completion_quote(out, str_z(o->value), ":\\");
        buf_addz(out, ":");
        if (o->completes == COMPLETES_FILE)
            buf_addz(out, "_files");
        else if (o->completes == COMPLETES_DIR)
            buf_addz(out, "_files -/");
        else if (o->completes == COMPLETES_ADDRESS)
            buf_addz(out, "_weir_addresses");
        else if (o->completes == COMPLETES_ENV)
            buf_addz(out, "_weir_environments");
        else if (o->completes == COMPLETES_CHOICES)
            buf_addf(out, "(%s)", o->choices);
    }
    buf_add_char(out, '\'');
}

static void zsh_option(struct buf *out, const struct option *o, struct str path, const char *ctx UNUSED)
{
    char letter[2] = {o->letter, 0};
    if (o->letter)
        zsh_spec(out, o, path, letter, 1);
    zsh_spec(out, o, path, o->name, 2);
    if (o->alias)
        zsh_spec(out, o, path, o->alias, 2);
}

static void zsh_describe(struct buf *out, struct str above, const struct command *c)
{
    AUTO_ARENA struct arena arena = ARENA_INIT;
    buf_addf(out, " \\\n        '%s:", c->name);
    completion_quote(out, help_summary(command_path(&arena, above, c)), ":\\");
    buf_add_char(out, '\'');
}

static void zsh_args(struct buf *out, const struct command *c)
{
    static const char *const args[] = {[COMPLETES_NOTHING] = "",
        [COMPLETES_FILE] = "*:file:_files",
        [COMPLETES_DIR] = "*:folder:_files -/",
        [COMPLETES_ADDRESS] = "*:address:_weir_addresses",
        [COMPLETES_JOB] = "1:job:_weir_jobs",
        [COMPLETES_TYPE] = "1:type:_weir_types",
        [COMPLETES_ENV] = "*:environment:_weir_environments",
        [COMPLETES_CONNECTION] = "1:connection:_weir_connections",
        [COMPLETES_COMMAND] = "1:command:_weir_commands",
        [COMPLETES_CHOICES] = ""};
    if (c->completes == COMPLETES_CHOICES)
        buf_addf(out, " \\\n        '1:argument:(%s)'", c->choices);
    else if (c->completes != COMPLETES_NOTHING)
        buf_addf(out, " \\\n        '%s'", args[c->completes]);
}

static void zsh_command(struct buf *out, const struct command *c, struct str path)
{
    buf_addf(out, "    '%.*s') ", STR_ARG(path));
    if (c->subs) {
        buf_addz(out, "subs=(");
        for (const struct command *const *s = c->subs; *s; s++)
            zsh_describe(out, path, *s);
        buf_addz(out, ")\n        _describe command subs ;;\n");
        return;
    }
    buf_addz(out, "_arguments -s");
    completion_options(c, path, zsh_option, NULL, out);
    zsh_args(out, c);
    buf_addz(out, " ;;\n");
}

/* --env=dev, --sandbox: options that pick the stack and are one word, for a `case`. */
static void zsh_inline(struct buf *out)
{
    for (size_t i = 0; i < options_stack.n; i++)
        buf_addf(out, "%s--%s%s", i ? " | " : "", options_stack.options[i].name,
            options_stack.options[i].value ? "=*" : "");
}

static void zsh_described(struct buf *out)
{
    for (const struct command_group *g = command_groups; g->title; g++)
        for (const struct command *const *c = g->commands; *c; c++)
            zsh_describe(out, STR_EMPTY, *c);
}

void completion_zsh(struct buf *out)
{
    static const struct completion_part parts[] = {{"stack_words", .write = zsh_inline},
        {"described", .write = zsh_described}, {"cases", .visit = zsh_command}, {NULL}};
    completion_fill(out, "cmd/options/completion.zsh", parts);
}
