/* Help texts, made from the tables of commands and options: see help.h. */
#include "cmd/options/help.h"

#include "base/terminal_cells.h"

#include <ctype.h>

enum { INDENT = 2, COLUMN_MAX = 32, WIDTH_MAX = 110, TEXT_MIN = 24 };

const struct help_item help_exit_statuses[] = {
    {"0", "done; for plan --detailed-exitcode and drift: nothing to do, nothing changed"},
    {"1", "failed"},
    {"2", "changes present (plan --detailed-exitcode), or something changed outside weir (drift)"},
    {"3", "the stack, an input or the command line is wrong"},
    {"4", "the state is locked by somebody else"},
    {"5", "destroy --verify found something that is left"},
    {"130", "interrupted"},
    {NULL, NULL},
};

const struct help_item help_variables[] = {
    {"WEIR_INPUT_<NAME>", "an input's value; -i and what a fleet configures beat it, it beats --input-file"},
    {"WEIR_RULES", "files with rules that hold for each stack, separated by :"},
    {"WEIR_SPECS", "folder with specs of resource types, over the built-in ones; --specs beats it"},
    {"WEIR_STATE_KEY, WEIR_STATE_KEY_PREVIOUS", "keys that encrypt the state's secrets, now and before"},
    {"WEIR_MODULE_MIB", "how large a remote module may be (512)"},
    {"NO_COLOR", "no colours when set to anything, and lines for what is done instead of a tree that moves"},
    {"CI", "lines for what is done instead of a tree that moves, when set to anything but false"},
    {"AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY, AWS_SESSION_TOKEN", "credentials"},
    {"AWS_PROFILE, AWS_CONFIG_FILE, AWS_SHARED_CREDENTIALS_FILE", "shared settings and credentials"},
    {"AWS_WEB_IDENTITY_TOKEN_FILE, AWS_ROLE_ARN", "a role for the holder of the token (CI)"},
    {"AWS_REGION, AWS_DEFAULT_REGION", "the region where the stack names none"},
    {"AWS_ENDPOINT_URL, AWS_ENDPOINT_URL_<SERVICE>", "another endpoint for all services or one of them"},
    {"AWS_MAX_ATTEMPTS", "how often a call is sent"},
    {"AWS_CA_BUNDLE, https_proxy, no_proxy", "how a network wants to be crossed"},
    {NULL, NULL},
};

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

/* "  label   text", the text filled into its column. */
static void row(const struct term *term, struct str label, int column, struct str text, struct buf *out)
{
    int n = INDENT + (int)cells_width(label);
    if (width_of(term) - column < TEXT_MIN) /* on a narrow terminal the text begins below its label */
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

static void command_rows(struct arena *arena, const struct term *term, const struct command *const *commands,
    int column, struct buf *out)
{
    for (const struct command *const *c = commands; *c; c++)
        row(term, command_label(arena, *c), column, str_z((*c)->summary), out);
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
        STR("weir makes data-pipeline stacks what their file says: buckets, roles, databases, jobs, "
            "schedules."),
        0, 0, width_of(term));
    buf_addz(out, "\n\nUsage: weir COMMAND [OPTIONS] [ARGUMENTS]\n");
    for (const struct command_group *g = command_groups; g->title; g++) {
        int n = longest_command(&arena, g->commands);
        longest = n > longest ? n : longest;
    }
    for (const struct command_group *g = command_groups; g->title; g++) {
        heading(term, g->title, out);
        command_rows(&arena, term, g->commands, label_column(longest), out);
    }
    buf_addz(out, "\n\"weir help COMMAND\" says more about a command, \"weir docs\" about resource types.\n");
}

static void option_rows(
    struct arena *arena, const struct term *term, const struct option_set *set, struct buf *out)
{
    for (size_t i = 0; i < set->n; i++)
        row(term, option_label(arena, &set->options[i]), COLUMN_MAX, str_z(set->options[i].doc), out);
}

/* Sets without a title belong to the command itself: they come first, under one heading. */
static void options_section(
    struct arena *arena, const struct command *c, const struct term *term, struct buf *out)
{
    const struct option_set *sets[COMMAND_SETS_MAX];
    command_sets(c, sets);
    bool any = false;
    for (size_t i = 0; sets[i]; i++)
        if (!sets[i]->title) {
            if (!any)
                heading(term, "Options", out);
            any = true;
            option_rows(arena, term, sets[i], out);
        }
    for (size_t i = 0; sets[i]; i++)
        if (sets[i]->title) {
            heading(term, sets[i]->title, out);
            option_rows(arena, term, sets[i], out);
        }
}

void help_sentence(const char *text, struct buf *out)
{
    buf_add_char(out, (char)toupper((unsigned char)text[0]));
    buf_addz(out, text + 1);
    buf_add_char(out, '.');
}

void help_usage_line(const struct command *c, struct str path, struct buf *out)
{
    buf_addf(out, "weir %.*s %s[OPTIONS]%s%s", STR_ARG(path), c->subs ? "COMMAND " : "", c->args ? " " : "",
        c->args ? c->args : "");
}

static void paragraphs(const struct term *term, const char *text, struct buf *out)
{
    struct str rest = str_z(text);
    while (rest.p) {
        struct str line = str_cut(rest, '\n', &rest);
        text_add_wrapped(out, line, 0, 0, width_of(term));
        buf_add_char(out, '\n');
    }
}

void help_command(const struct command *c, struct str path, const struct term *term, struct buf *out)
{
    AUTO_ARENA struct arena arena = ARENA_INIT;
    buf_addz(out, "Usage: ");
    help_usage_line(c, path, out);
    buf_addz(out, "\n\n");
    help_sentence(c->summary, out);
    buf_add_char(out, '\n');
    if (c->details) {
        buf_add_char(out, '\n');
        paragraphs(term, c->details, out);
    }
    if (c->subs) {
        heading(term, "Commands", out);
        command_rows(&arena, term, c->subs, label_column(longest_command(&arena, c->subs)), out);
    }
    options_section(&arena, c, term, out);
    if (c->examples[0].line)
        heading(term, "Examples", out);
    for (const struct command_example *e = c->examples; e->line; e++)
        row(term, str_z(e->line), COLUMN_MAX + 12, str_z(e->what), out);
}
