/* Completion for bash, written from the tables of commands and options. */
#include "cmd/options/completion.h"

static void bash_option(
    struct buf *out, const struct option *o, struct str path UNUSED, const char *ctx UNUSED)
{
    if (o->letter)
        buf_addf(out, " -%c", o->letter);
    buf_addf(out, " --%s", o->name);
    if (o->alias)
        buf_addf(out, " --%s", o->alias);
}

/* What completes a value: a word for the script's last `case`, or words of its own. */
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
    static const struct completion_part parts[] = {{"cases", .visit = bash_command}, {NULL}};
    completion_fill(out, "cmd/options/completion.bash", parts);
}
