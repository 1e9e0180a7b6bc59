/* Completion for fish, written from the tables of commands and options. */
#include "cmd/options/completion.h"

static void fish_option(struct buf *out, const struct option *o, struct str path, const char *condition)
{
    buf_addf(out, "complete -c weir -n '%s' -l %s", condition, o->name);
    if (o->letter)
        buf_addf(out, " -s %c", o->letter);
    if (o->value)
        buf_addz(out, o->completes == COMPLETES_FILE ? " -r -F" : " -x");
    if (o->completes == COMPLETES_DIR)
        buf_addz(out, " -a '(__fish_complete_directories)'");
    else if (o->completes == COMPLETES_ADDRESS)
        buf_addz(out, " -a '(__weir_ask state list)'");
    else if (o->completes == COMPLETES_ENV)
        buf_addz(out, " -a '(__weir_ask completion environments)'");
    else if (o->completes == COMPLETES_CHOICES)
        buf_addf(out, " -a '%s'", o->choices);
    buf_addz(out, " -d '");
    completion_quote(out, help_option(path, o), "\\");
    buf_addz(out, "'\n");
}

static void fish_command(struct buf *out, const struct command *c, struct str path)
{
    struct str rest, first = str_cut(path, ' ', &rest);
    AUTO_BUF struct buf condition = BUF_INIT;
    if (rest.p)
        buf_addf(&condition, "__fish_seen_subcommand_from %.*s; and ", STR_ARG(first));
    buf_addf(out, "complete -c weir -f -n '%s", rest.p ? condition.p : "__fish_use_subcommand");
    if (rest.p) {
        buf_addz(out, "not __fish_seen_subcommand_from");
        completion_subs(out, command_find(first));
    }
    buf_addf(out, "' -a %s -d '", c->name);
    completion_quote(out, help_summary(path), "\\");
    buf_addz(out, "'\n");
    buf_addf(&condition, "__fish_seen_subcommand_from %s", c->name);
    if (c->run)
        completion_options(c, path, fish_option, condition.p, out);
    if (c->completes == COMPLETES_ADDRESS)
        buf_addf(out, "complete -c weir -n '%s' -a '(__weir_ask state list)'\n", condition.p);
    if (c->completes == COMPLETES_ENV)
        buf_addf(out, "complete -c weir -n '%s' -a '(__weir_ask completion environments)'\n", condition.p);
    if (c->completes == COMPLETES_CONNECTION)
        buf_addf(out, "complete -c weir -n '%s' -a '(__weir_ask completion connections)'\n", condition.p);
    if (c->completes == COMPLETES_JOB)
        buf_addf(out, "complete -c weir -n '%s' -a '(__weir_ask jobs --names)'\n", condition.p);
    if (c->completes == COMPLETES_FILE)
        buf_addf(out, "complete -c weir -n '%s' -F\n", condition.p);
    if (c->completes == COMPLETES_TYPE)
        buf_addf(out, "complete -c weir -n '%s' -a '(weir completion types 2>/dev/null)'\n", condition.p);
    if (c->completes == COMPLETES_CHOICES)
        buf_addf(out, "complete -c weir -n '%s' -a '%s'\n", condition.p, c->choices);
    if (c->completes == COMPLETES_COMMAND) {
        buf_addf(out, "complete -c weir -n '%s' -a '", condition.p);
        completion_commands(out);
        buf_addz(out, "'\n");
    }
}

/* Options that pick the stack, for a `case`: those whose value is the next word, or those of one word. */
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
        {"words", .write = fish_inline}, {"cases", .visit = fish_command}, {NULL}};
    completion_fill(out, "cmd/options/completion.fish", parts);
}
