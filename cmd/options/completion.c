/* Completion scripts for bash, fish and zsh. */
#include "cmd/options/options.h"

static void bash_option(
    struct buf *out, const struct option *o, struct str path UNUSED, const char *ctx UNUSED)
{
    if (o->letter)
        buf_addf(out, " -%c", o->letter);
    buf_addf(out, " --%s", o->name);
    if (o->alias)
        buf_addf(out, " --%s", o->alias);
}

/* Writes the completion of a value: a word for the script's last `case`, or a list of words. */
static void bash_kind(struct buf *out, enum completes kind, const char *choices)
{
    static const char *const kinds[] = {[COMPLETES_NOTHING] = "",
        [COMPLETES_FILE] = "file",
        [COMPLETES_DIR] = "dir",
        [COMPLETES_ADDRESS] = "address",
        [COMPLETES_JOB] = "job",
        [COMPLETES_TYPE] = "type",
        [COMPLETES_ENV] = "env",
        [COMPLETES_CONNECTION] = "connection",
        [COMPLETES_COMMAND] = "command",
        [COMPLETES_CHOICES] = ""};
    buf_addf(out, "kind='%s' words='%s'", kinds[kind], choices ? choices : "");
}

static void bash_value(
    struct buf *out, const struct option *o, struct str path UNUSED, const char *ctx UNUSED)
{
    if (!o->value)
        return;
    buf_addz(out, "        ");
    completion_pattern(out, o);
    buf_addz(out, ") value=1 ");
    bash_kind(out, o->completes, o->choices);
    buf_addz(out, " ;;\n");
}

static void bash_command(struct buf *out, const struct command *c, struct str path)
{
    buf_addf(out, "    '%.*s') ", STR_ARG(path));
    bash_kind(out, c->completes, c->choices);
    if (c->subs) {
        buf_addz(out, "\n        words='");
        completion_subs(out, c);
        buf_addz(out, "'");
    }
    buf_addz(out, "\n        options='");
    completion_options(c, path, bash_option, NULL, out);
    buf_addz(out, "'\n        case $previous in\n");
    completion_options(c, path, bash_value, NULL, out);
    buf_addz(out, "        esac ;;\n");
}

void completion_bash(struct buf *out)
{
    static const struct completion_part parts[] = {{"cases", .visit = bash_command}, {0}};
    completion_fill(out, "cmd/options/completion.bash", parts);
}

/* ---- completion for fish ---- */

/* Writes the words for an argument or value; nothing for files, which fish completes by an option. */
static void fish_values(struct buf *out, enum completes completes, const char *choices)
{
    static const char *const values[] = {[COMPLETES_DIR] = "(__fish_complete_directories)",
        [COMPLETES_ADDRESS] = "(__weir_ask state list)",
        [COMPLETES_JOB] = "(__weir_ask jobs --names)",
        [COMPLETES_TYPE] = "(weir completion types 2>/dev/null)",
        [COMPLETES_ENV] = "(__weir_ask completion environments)",
        [COMPLETES_CONNECTION] = "(__weir_ask completion connections)",
        [COMPLETES_CHOICES] = NULL};
    const char *words = choices ? choices : values[completes];
    if (words)
        buf_addf(out, " -a '%s'", words);
}

static void fish_option(struct buf *out, const struct option *o, struct str path, const char *condition)
{
    buf_addf(out, "complete -c weir -n '%s' -l %s", condition, o->name);
    if (o->letter)
        buf_addf(out, " -s %c", o->letter);
    if (o->value)
        buf_addz(out, o->completes == COMPLETES_FILE ? " -r -F" : " -x");
    fish_values(out, o->completes, o->choices);
    buf_addz(out, " -d '");
    completion_quote(out, help_option(path, o), "\\");
    buf_addz(out, "'\n");
}

static void fish_command(struct buf *out, const struct command *c, struct str path)
{
    struct str above = {path.p, path.n - strlen(c->name)};
    AUTO_BUF struct buf condition = BUF_INIT;
    buf_addf(out, "complete -c weir -f -n '__weir_command is %.*s' -a %s -d '", STR_ARG(above), c->name);
    completion_quote(out, help_summary(path), "\\");
    buf_addz(out, "'\n");
    buf_addf(&condition, "__weir_command in %.*s", STR_ARG(path));
    if (c->run)
        completion_options(c, path, fish_option, condition.p, out);
    if (c->completes == COMPLETES_NOTHING)
        return;
    buf_addf(out, "complete -c weir -n '%s'", condition.p);
    if (c->completes == COMPLETES_FILE)
        buf_addz(out, " -F");
    fish_values(out, c->completes, c->choices);
    if (c->completes == COMPLETES_COMMAND) {
        buf_addz(out, " -a '");
        completion_commands(out);
        buf_addz(out, "'");
    }
    buf_add_char(out, '\n');
}

/* Writes the options that select the stack, for a `case`: those whose value is the next word, or those in one
 * word. */
static void fish_words(struct buf *out, bool next)
{
    for (size_t i = 0; i < options_stack.n; i++) {
        const struct option *o = &options_stack.options[i];
        if (next && o->value && o->letter)
            buf_addf(out, " -%c", o->letter);
        if (!next || o->value)
            buf_addf(out, " %s--%s%s", !next && o->value ? "'" : "", o->name, !next && o->value ? "=*'" : "");
    }
}

static void fish_next(struct buf *out)
{
    fish_words(out, true);
}

static void fish_inline(struct buf *out)
{
    fish_words(out, false);
}

void completion_fish(struct buf *out)
{
    static const struct completion_part parts[] = {{"with_next", .write = fish_next},
        {"words", .write = fish_inline}, {"cases", .visit = fish_command}, {0}};
    completion_fill(out, "cmd/options/completion.fish", parts);
}

/* ---- completion for zsh ---- */

/* The specification of an argument: number, name and action. */
static const struct {
    const char *label, *action;
} zsh_values[] = {[COMPLETES_FILE] = {"*:file", "_files"},
    [COMPLETES_DIR] = {"*:folder", "_files -/"},
    [COMPLETES_ADDRESS] = {"*:address", "_weir_addresses"},
    [COMPLETES_JOB] = {"1:job", "_weir_jobs"},
    [COMPLETES_TYPE] = {"1:type", "_weir_types"},
    [COMPLETES_ENV] = {"*:environment", "_weir_environments"},
    [COMPLETES_CONNECTION] = {"1:connection", "_weir_connections"},
    [COMPLETES_COMMAND] = {"1:command", "_weir_commands"},
    [COMPLETES_CHOICES] = {NULL, NULL}};

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
        if (o->completes == COMPLETES_CHOICES)
            buf_addf(out, "(%s)", o->choices);
        else if (o->completes != COMPLETES_NOTHING)
            buf_addz(out, zsh_values[o->completes].action);
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
    if (c->completes == COMPLETES_CHOICES)
        buf_addf(out, " \\\n        '1:argument:(%s)'", c->choices);
    else if (c->completes != COMPLETES_NOTHING)
        buf_addf(
            out, " \\\n        '%s:%s'", zsh_values[c->completes].label, zsh_values[c->completes].action);
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

/* Writes --env=dev, --sandbox for a `case`: options in one word that select the stack. */
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
        {"described", .write = zsh_described}, {"cases", .visit = zsh_command}, {0}};
    completion_fill(out, "cmd/options/completion.zsh", parts);
}
