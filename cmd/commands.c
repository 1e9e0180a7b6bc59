/* The table of commands, the dispatch from argv to a command's function, weir help and weir version. */
#include "base/spawn.h"
#include "cmd/invocation/invocation.h"

#include <assert.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <unistd.h>

/* clang-format off: one command per line, so that branches that add commands merge without conflicts */
extern const struct command cmd_init;
extern const struct command cmd_import;
extern const struct command cmd_fmt;
extern const struct command cmd_modules;
extern const struct command cmd_validate;
extern const struct command cmd_plan;
extern const struct command cmd_show;
extern const struct command cmd_apply;
extern const struct command cmd_destroy;
static const struct command *const everyday[] = {&cmd_init, &cmd_import, &cmd_modules, &cmd_fmt,
    &cmd_validate, &cmd_plan, &cmd_show, &cmd_apply, &cmd_destroy, NULL};

extern const struct command cmd_run;
extern const struct command cmd_jobs;
extern const struct command cmd_logs;
extern const struct command cmd_deploy;
extern const struct command cmd_rollback;
static const struct command *const jobs[] = {
    &cmd_deploy, &cmd_run, &cmd_jobs, &cmd_logs, &cmd_rollback, NULL};

extern const struct command cmd_drift;
extern const struct command cmd_output;
extern const struct command cmd_state;
extern const struct command cmd_history;
extern const struct command cmd_graph;
extern const struct command cmd_policy;
extern const struct command cmd_cost;
extern const struct command cmd_rules;
extern const struct command cmd_export;
extern const struct command cmd_console;
static const struct command *const looking[] = {&cmd_drift, &cmd_output, &cmd_state, &cmd_history, &cmd_graph,
    &cmd_cost, &cmd_policy, &cmd_rules, &cmd_export, &cmd_console, NULL};

extern const struct command cmd_fleet;
extern const struct command cmd_lease;
extern const struct command cmd_reap;
extern const struct command cmd_sweep;
static const struct command *const many[] = {&cmd_fleet, &cmd_lease, &cmd_reap, &cmd_sweep, NULL};

extern const struct command cmd_ssh;
extern const struct command cmd_tunnel;
static const struct command *const reaching[] = {&cmd_ssh, &cmd_tunnel, NULL};

extern const struct command cmd_test;
extern const struct command cmd_sandbox;
static const struct command *const trying[] = {&cmd_test, &cmd_sandbox, NULL};

extern const struct command cmd_docs;
extern const struct command cmd_schema;
extern const struct command cmd_completion;
extern const struct command cmd_lsp;
extern const struct command cmd_mcp;
extern const struct command cmd_version;
extern const struct command cmd_help;
static const struct command *const reference[] = {
    &cmd_docs, &cmd_schema, &cmd_lsp, &cmd_mcp, &cmd_completion, &cmd_version, &cmd_help, NULL};
/* clang-format on */

const struct command_group command_groups[] = {
    {"Every day", everyday},
    {"Jobs", jobs},
    {"Looking", looking},
    {"Labs", many},
    {"Private resources", reaching},
    {"Trying out", trying},
    {"Reference", reference},
    {NULL, NULL},
};

enum { NAMES_MAX = 64 };

const struct command *command_find(struct str name)
{
    for (const struct command_group *g = command_groups; g->title; g++)
        for (const struct command *const *c = g->commands; *c; c++)
            if (str_eqz(name, (*c)->name))
                return *c;
    return NULL;
}

const struct command *command_find_sub(const struct command *command, struct str name)
{
    for (const struct command *const *c = command->subs; c && *c; c++)
        if (str_eqz(name, (*c)->name))
            return *c;
    return NULL;
}

struct str command_path(struct arena *arena, struct str above, const struct command *command)
{
    return arena_printf(arena, "%.*s%s%s", STR_ARG(above), above.n ? " " : "", command->name);
}

void commands_walk(command_visitor *visit, struct buf *out)
{
    AUTO_ARENA struct arena arena = ARENA_INIT;
    for (const struct command_group *g = command_groups; g->title; g++)
        for (const struct command *const *c = g->commands; *c; c++) {
            visit(out, *c, str_z((*c)->name));
            for (const struct command *const *s = (*c)->subs; s && *s; s++)
                visit(out, *s, command_path(&arena, str_z((*c)->name), *s));
        }
}

void command_sets(const struct command *command, const struct option_set *sets[COMMAND_SETS_MAX])
{
    size_t n = 0;
    for (const struct option_set *const *s = command->sets; *s; s++) {
        assert(n < COMMAND_SETS_MAX - 2); /* an omitted set would make its options unknown */
        sets[n++] = *s;
    }
    sets[n++] = &options_common;
    sets[n] = NULL;
}

static int unknown_command(struct str name, const struct command *parent, struct err *err)
{
    struct str names[NAMES_MAX];
    size_t n = 0;
    for (const struct command *const *c = parent ? parent->subs : NULL; c && *c && n < NAMES_MAX; c++)
        names[n++] = str_z((*c)->name);
    for (const struct command_group *g = parent ? NULL : command_groups; g && g->title; g++)
        for (const struct command *const *c = g->commands; *c && n < NAMES_MAX; c++)
            names[n++] = str_z((*c)->name);
    struct str hint = alias_says(alias_command(parent ? parent->name : NULL, name), "hint");
    struct str near = str_nearest(name, names, n);
    err_set(err, ERR_USAGE, "unknown command \"%s%s%.*s\"", parent ? parent->name : "", parent ? " " : "",
        STR_ARG(name));
    if (hint.n)
        return err_hint(err, "%.*s", STR_ARG(hint));
    if (near.n)
        return err_hint(err, "did you mean \"%.*s\"?", STR_ARG(near));
    return err_hint(
        err, "\"weir help%s%s\" lists the commands", parent ? " " : "", parent ? parent->name : "");
}

/* Options that may precede the command, when the command's own options are not known yet. */
static const struct option_set *const shared_sets[] = {
    &options_common, &options_json, &options_stack, &options_plan, &options_change, NULL};

/* Returns the index of the first word from `from` on that is neither an option nor an option's value. */
static size_t skip_options(const struct texts *words, size_t from)
{
    size_t i = from;
    while (i < words->n && words->items[i].n > 1 && words->items[i].p[0] == '-') {
        const struct option *o = options_match(shared_sets, words->items[i]);
        bool inline_value = o && o->value &&
                            (words->items[i].p[1] == '-' ? str_find_char(words->items[i], '=', 0) >= 0
                                                         : words->items[i].n > 2);
        i += o && o->value && !inline_value ? 2 : 1;
    }
    return i;
}

/* Replaces another tool's word by weir's command: import is state import. */
static void replace_alias(struct invocation *inv, struct texts *words, size_t i, const struct command *parent)
{
    const struct node *alias = alias_command(parent ? parent->name : NULL, words->items[i]);
    struct str rest, first = str_cut(alias_says(alias, "command"), ' ', &rest);
    if (!first.n)
        return;
    if (parent) {
        words->items[i] = rest;
        return;
    }
    struct texts longer = {.items = ARENA_ARRAY(&inv->arena, struct str, words->n + 2), .n = words->n + 1};
    memcpy(longer.items, words->items, i * sizeof *words->items);
    longer.items[i] = first;
    longer.items[i + 1] = rest;
    memcpy(longer.items + i + 2, words->items + i + 1, (words->n - i - 1) * sizeof *words->items);
    *words = longer;
}

static void remove_word(struct texts *words, size_t i)
{
    words->n--;
    memmove(words->items + i, words->items + i + 1, (words->n - i) * sizeof *words->items);
}

/* Returns whether the words are another tool's use of a command that has subcommands in weir: import ADDRESS
 * ID. */
static bool is_alias(const struct command *command, const struct texts *words, size_t i)
{
    size_t next = skip_options(words, i + 1);
    return command->subs && next < words->n && !command_find_sub(command, words->items[next]) &&
           alias_command(NULL, words->items[i]);
}

/* Removes the command's words. *command stays NULL without a command. */
static int find_command(struct invocation *inv, struct texts *words, struct err *err)
{
    size_t i = skip_options(words, 0);
    if (i >= words->n)
        return 0;
    inv->command = command_find(words->items[i]);
    if (!inv->command || is_alias(inv->command, words, i)) {
        replace_alias(inv, words, i, NULL);
        inv->command = command_find(words->items[i]);
    }
    if (!inv->command)
        return unknown_command(words->items[i], NULL, err);
    inv->path = str_z(inv->command->name);
    remove_word(words, i);
    i = inv->command->subs ? skip_options(words, i) : words->n;
    if (i >= words->n)
        return 0;
    const struct command *sub = command_find_sub(inv->command, words->items[i]);
    if (!sub)
        replace_alias(inv, words, i, inv->command);
    if (!sub)
        sub = command_find_sub(inv->command, words->items[i]);
    if (!sub)
        return unknown_command(words->items[i], inv->command, err);
    inv->path = command_path(&inv->arena, inv->path, sub);
    inv->command = sub;
    remove_word(words, i);
    return 0;
}

static int check_args(struct invocation *inv, struct err *err)
{
    const struct command *c = inv->command;
    int n = (int)inv->args.n;
    if (n < c->min_args)
        return err_set(err, ERR_USAGE, "weir %.*s needs %s", STR_ARG(inv->path), c->args);
    if (c->max_args < 0 || n <= c->max_args)
        return 0;
    struct str extra = inv->args.items[c->max_args];
    err_set(err, ERR_USAGE, "weir %.*s does not take \"%.*s\"", STR_ARG(inv->path), STR_ARG(extra));
    const struct option_set *sets[COMMAND_SETS_MAX];
    command_sets(c, sets);
    if (options_match(sets, STR("-C")) && access(extra.p, F_OK) == 0) {
        AUTO_BUF struct buf word = BUF_INIT;
        text_add_word(&word, extra);
        err_hint(err, "-C %s names another folder or stack file", word.p);
    }
    return -1;
}

/* Without command: `weir`, `weir --help`, `weir --version`. */
static int without_command(struct invocation *inv, const struct texts *words)
{
    static const struct option version[] = {{0, "version", .offset = offsetof(struct settings, version)}};
    static const struct option_set version_set = OPTION_SET(NULL, version);
    const struct option_set *sets[sizeof shared_sets / sizeof *shared_sets + 1] = {&version_set};
    struct err err = ERR_INIT;
    struct settings *settings = arena_zalloc(&inv->arena, sizeof *settings);
    memcpy(sets + 1, shared_sets, sizeof shared_sets);
    if (options_parse(&inv->arena, sets, words, settings, &inv->args, &err) < 0 && !settings->help)
        return invocation_fail(inv, &err);
    if (settings->version && !settings->help) {
        inv->command = &cmd_version;
        inv->settings = settings;
        return cmd_version.run(inv);
    }
    AUTO_BUF struct buf out = BUF_INIT;
    help_overview(settings->help ? &inv->out : &inv->err, &out);
    if (settings->help)
        return invocation_write(inv, buf_str(&out));
    term_print_error(buf_str(&out));
    return EXIT_USAGE;
}

static int show_help(struct invocation *inv)
{
    AUTO_BUF struct buf out = BUF_INIT;
    help_command(inv->command, inv->path, &inv->out, &out);
    return invocation_write(inv, buf_str(&out));
}

static int needs_subcommand(const struct invocation *inv, struct err *err)
{
    AUTO_BUF struct buf names = BUF_INIT;
    for (const struct command *const *sub = inv->command->subs; *sub; sub++)
        buf_addf(&names, "%s%s", names.n ? ", " : "", (*sub)->name);
    *err = (struct err)ERR_INIT;
    err_set(err, ERR_USAGE, "weir %.*s needs a subcommand", STR_ARG(inv->path));
    return err_hint(err, "there are: %s", names.p);
}

static int commands_run(struct invocation *inv, struct texts *words)
{
    struct err err = ERR_INIT;
    if (find_command(inv, words, &err) < 0)
        return invocation_fail(inv, &err);
    if (!inv->command)
        return without_command(inv, words);

    const struct option_set *sets[COMMAND_SETS_MAX];
    command_sets(inv->command, sets);
    size_t size = inv->command->settings_size ? inv->command->settings_size : sizeof(struct settings);
    inv->own = arena_zalloc(&inv->arena, size);
    struct settings *settings = inv->own;
    int rc = options_parse(&inv->arena, sets, words, settings, &inv->args, &err);
    term_init(&inv->out, STDOUT_FILENO, settings->no_color);
    term_init(&inv->err, STDERR_FILENO, settings->no_color);
    if (rc == 0 && settings->help)
        return show_help(inv);
    if (!inv->command->run && !settings->help)
        rc = needs_subcommand(inv, &err);
    if (rc == 0)
        rc = check_args(inv, &err);
    if (rc < 0) {
        settings->json = false; /* the options could not be parsed completely */
        if (!err.hint[0])
            err_hint(&err, "\"weir %.*s --help\" says how it is used", STR_ARG(inv->path));
        return invocation_fail(inv, &err);
    }
    inv->settings = settings;
    assert(inv->command->run);
    return inv->command->run(inv);
}

/* Opens /dev/null for closed standard streams, so that the next opened file does not get their number. */
static void hold_standard_streams(void)
{
    for (int fd = STDIN_FILENO; fd <= STDERR_FILENO; fd++)
        if (fcntl(fd, F_GETFD) < 0 && open("/dev/null", O_RDWR) < 0)
            abort();
}

int cli_main(int argc, char **argv)
{
    static const struct settings none = {0};
    struct invocation inv = {.settings = &none, .sandbox_joined = -1};
    hold_standard_streams();
    core_limit_none();
    signal(SIGXFSZ, SIG_IGN); /* writing beyond a file size limit fails with an error, like a full disk */
    signal(SIGCHLD, SIG_DFL); /* a parent that ignores it would prevent weir from waiting for its commands */
    term_init(&inv.out, STDOUT_FILENO, false);
    term_init(&inv.err, STDERR_FILENO, false);
    struct texts words = {.items = ARENA_ARRAY(&inv.arena, struct str, argc + 1)};
    struct err err = ERR_INIT;
    if (pipes_read(argc, argv, &err)) {
        int failed = invocation_fail(&inv, &err);
        arena_release(&inv.arena);
        return failed;
    }
    for (int i = 1; i < argc; i++)
        words.items[words.n++] = str_z(argv[i]);
    int status = commands_run(&inv, &words);
    if (inv.output_failed && (status == EXIT_DONE || status == EXIT_CHANGES))
        status = EXIT_FAILED;
    sandboxed_stop(&inv);
    diags_release(&inv.diags);
    arena_release(&inv.arena);
    return status;
}

/* ---- weir help: all commands in groups, or one with its options ---- */

static int cmd_help_run(struct invocation *inv)
{
    AUTO_BUF struct buf out = BUF_INIT;
    if (inv->args.n == 0) {
        help_overview(&inv->out, &out);
        return invocation_write(inv, buf_str(&out));
    }
    struct str name = inv->args.items[0], path = name;
    const struct command *command = command_find(name);
    if (command && inv->args.n > 1) {
        command = command_find_sub(command, inv->args.items[1]);
        path = arena_printf(&inv->arena, "%.*s %.*s", STR_ARG(name), STR_ARG(inv->args.items[1]));
    }
    if (!command)
        return invocation_usage(inv, "\"weir help\" lists the commands", "unknown command \"%.*s\"",
            STR_ARG(inv->args.items[inv->args.n - 1]));
    help_command(command, path, &inv->out, &out);
    return invocation_write(inv, buf_str(&out));
}

const struct command cmd_help = {
    .name = "help",
    .args = "[COMMAND]",
    .max_args = 2,
    .completes = COMPLETES_COMMAND,
    .run = cmd_help_run,
};

/* ---- weir version ---- */

#ifdef WEIR_STATIC
#include "static_libraries.h" /* WEIR_BUILT and WEIR_LIBRARIES, made by tools/static */
#else
#define WEIR_BUILT     "with this system's libraries"
#define WEIR_LIBRARIES ""
#endif

static int cmd_version_run(struct invocation *inv)
{
    if (inv->settings->json)
        return invocation_write(
            inv, STR("{\"name\":\"weir\",\"version\":\"" WEIR_VERSION "\",\"built\":\"" WEIR_BUILT "\"}\n"));
    return invocation_write(inv, inv->settings->verbose
                                     ? STR("weir " WEIR_VERSION "\nbuilt " WEIR_BUILT "\n" WEIR_LIBRARIES)
                                     : STR("weir " WEIR_VERSION "\n"));
}

const struct command cmd_version = {
    .name = "version",
    .sets = {&options_json},
    .run = cmd_version_run,
};
