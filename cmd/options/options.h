/*
 * Command line options: tables that say what there is, and one parser for all of them. Help, the manual,
 * completion and docs/cli.md come from the same tables.
 *
 * A command lists the sets of options that it takes. Values go into its settings, a struct that begins with
 * `struct settings` (the options that many commands share) and may go on with the command's own fields; an
 * option says by offset which field is its. What it is for is in cmd/help.yaml.
 *
 * Understood: --name value, --name=value, -n value, -nvalue, grouped letters (-vy), options after arguments,
 * `--` before arguments that begin with a dash, and what other tools would write (-name=value, aliases.yaml).
 */
#pragma once

#include "base/yaml.h"
#include "cmd/terminal/signals.h"
#include "cmd/terminal/term.h"

struct texts {
    struct str *items; /* each with a NUL after its end */
    size_t n;
};

/* What the shared options say. */
struct settings {
    bool help, version;
    bool no_color;
    int verbose;
    bool json;
    const char *dir, *env, *specs;
    struct texts inputs, input_files;
    struct texts targets, replaces;
    bool no_refresh, quick_refresh;
    bool full;          /* plans with all that is known, nothing cut short */
    bool all_resources; /* with json: what does not change, too */
    bool sandbox;
    bool delete_adopted;
    bool force_empty, skip_final_snapshot, force_secrets, delete_protected, lab; /* whatever deletes */
    const char *to; /* plan, apply: the run to go back to */
    int parallelism;
    bool yes;
    struct texts approve; /* names of rules */
    const char *reason;
    int64_t lock_timeout_ms;
    bool partial;     /* with others at work: what they do not claim */
    int64_t lease_ms; /* apply: --for */
    bool all;         /* all stacks below a folder */
    int at_once;
    const char *changed; /* with it: since which git revision */
    const char *junit;
    const char *shard; /* "2/8" */
};

enum option_kind {
    OPTION_FLAG,     /* bool */
    OPTION_COUNT,    /* int: how often it was given */
    OPTION_TEXT,     /* const char *; the last one counts */
    OPTION_LIST,     /* struct texts: may be repeated */
    OPTION_NUMBER,   /* int, within min and max */
    OPTION_DURATION, /* int64_t milliseconds: 90, 90s, 5m, 1h, 500ms */
};

/* What an argument or option value is, for completion in shells. */
enum completes {
    COMPLETES_NOTHING,
    COMPLETES_FILE,
    COMPLETES_DIR,
    COMPLETES_ADDRESS,    /* of a resource in the state */
    COMPLETES_JOB,        /* its address */
    COMPLETES_TYPE,       /* of a resource or data source */
    COMPLETES_ENV,        /* an environment of the stack */
    COMPLETES_CONNECTION, /* one of its connections */
    COMPLETES_COMMAND,
    COMPLETES_CHOICES,
};

struct option {
    char letter;       /* 0: none */
    const char *name;  /* without the dashes */
    const char *alias; /* a second name, or NULL */
    const char *value; /* what its value is called in help; NULL for flags and counts */
    enum option_kind kind;
    size_t offset; /* of its field in the command's settings */
    int min, max;  /* NUMBER */
    enum completes completes;
    const char *choices; /* COMPLETES_CHOICES: the words, with blanks between; others are refused */
};

struct option_set {
    const char *title; /* heading in help */
    const struct option *options;
    size_t n;
};

#define OPTION_LEASE                                                                                         \
    0, "for", .value = "TIME", .kind = OPTION_DURATION, .offset = offsetof(struct settings, lease_ms)

#define OPTION_DELETE_ADOPTED 0, "delete-adopted", .offset = offsetof(struct settings, delete_adopted)

#define OPTION_SET(title_, table_)                                                                           \
    {                                                                                                        \
        .title = (title_), .options = (table_), .n = sizeof(table_) / sizeof *(table_)                       \
    }

extern const struct option_set options_common; /* --help, --no-color, --verbose: every command has them */
extern const struct option_set options_json;
extern const struct option_set options_stack;   /* which stack, with which inputs */
extern const struct option_set options_plan;    /* what to plan: plan, apply */
extern const struct option_set options_destroy; /* of these, what each of these makes use of */
extern const struct option_set options_drift;
extern const struct option_set options_deploy;
extern const struct option_set options_change; /* --yes, --lock-timeout */
extern const struct option_set options_partial;
extern const struct option_set options_approve;  /* --approve, --reason: of all that change something */
extern const struct option_set options_lock;     /* --lock-timeout, where it is alone */
extern const struct option_set options_lease;    /* --for */
extern const struct option_set options_quick;    /* --quick-refresh, where it is alone */
extern const struct option_set options_all;      /* --all, and what goes with it */
extern const struct option_set options_teardown; /* what may be deleted: of all that delete something */

/*
 * Parses the words; `sets` ends with NULL. Settings must be zeroed. What is no option becomes an argument. -1
 * with ERR_USAGE, and a hint where something near exists.
 */
int options_parse(struct arena *arena, const struct option_set *const *sets, const struct texts *words,
    void *settings, struct texts *args, struct err *err);

/* The option that a word like "--env", "--env=dev" or "-e" names, or NULL. */
const struct option *options_match(const struct option_set *const *sets, struct str word);

/* "-e, --env NAME" */
struct str option_label(struct arena *arena, const struct option *option);

bool duration_parse(struct str text, int64_t *ms);

/* ---- options.c: what fingers know from other tools (aliases.yaml): where it means the same here, it just
 * works; elsewhere a hint says how the same thing is done. */
/* The alias for a command, or subcommand of `parent` (NULL: none), that weir does not have; or NULL. */
const struct node *alias_command(const char *parent, struct str name);
/* Its "option" or "command", ours that means the same; its "hint"; "" none. */
struct str alias_says(const struct node *alias, const char *what);

/* ---- Commands: one file each (cmd_<name>.c) with its options and its function, one line in the table of
 * commands.c, and its texts in cmd/help.yaml. cli_main() finds the command, parses its options into its
 * settings and calls it.
 *
 * A command gets an invocation and returns the exit status. It writes what was asked for to standard output
 * (invocation_write()), everything else to standard error. Where it takes --json, standard output carries
 * only JSON lines, failures included (cmd/output/events.h). */
struct invocation; /* cmd/invocation/invocation.h */

enum { COMMAND_SETS_MAX = 12 };

struct command {
    const char *name;                                /* "plan"; of a subcommand "list" */
    const char *args;                                /* "[FILE]"; NULL: none */
    const struct option_set *sets[COMMAND_SETS_MAX]; /* besides the common ones; NULL after the last one */
    size_t settings_size;                            /* 0: just struct settings */
    int min_args, max_args;                          /* max -1: any number */
    enum completes completes;                        /* what its arguments are */
    const char *choices;                             /* COMPLETES_CHOICES: the words, with blanks between */
    const struct command *const *subs;               /* subcommands, ends with NULL; then run is NULL */
    int (*run)(struct invocation *inv);
};

struct command_group {
    const char *title;
    const struct command *const *commands; /* ends with NULL */
};

extern const struct command_group command_groups[]; /* ends with title NULL */

/* Calls `visit` for every command and subcommand, in the order of the help, with its path: "state list". */
typedef void command_visitor(struct buf *out, const struct command *c, struct str path);
void commands_walk(command_visitor *visit, struct buf *out);

/* The program. Returns the exit status. */
int cli_main(int argc, char **argv);

/* The top-level command of that name, or NULL. */
const struct command *command_find(struct str name);
const struct command *command_find_sub(const struct command *command, struct str name);
/* "state list", of `list` below `state`; `above` "": it is below none. */
struct str command_path(struct arena *arena, struct str above, const struct command *command);
/* All its sets with the common ones, NULL at the end. */
void command_sets(const struct command *command, const struct option_set *sets[COMMAND_SETS_MAX]);

/* ---- help.c: Help texts, made from the tables of commands and options, and from cmd/help.yaml. */
void help_overview(const struct term *term, struct buf *out);
void help_command(const struct command *command, struct str path, const struct term *term, struct buf *out);
/* "weir plan [OPTIONS] [FILE]" */
void help_usage_line(const struct command *command, struct str path, struct buf *out);

/* Its summary as a sentence: "Show what would change." of "show what would change". */
void help_sentence(struct str path, struct buf *out);

/* ---- cmd/help.yaml ---- */

/* Of a command with this path ("state list"): one line without full stop; paragraphs; lines and what they do.
 */
struct str help_summary(struct str path);
const struct node *help_details(struct str path);
const struct node *help_examples(struct str path);
/* The command's own, that of the command above it, or that of all commands. */
struct str help_option(struct str path, const struct option *option);
/* A map of names and what they mean: "exit_statuses", "variables", "events". */
const struct node *help_section(const char *name);

/* ---- Completion scripts: a script for each shell (completion.bash), in which the tables of commands and
 * options have their places, one file that writes these, and what they share (in cmd_completion.c). */
void completion_bash(struct buf *out);
void completion_zsh(struct buf *out);
void completion_fish(struct buf *out);

/* What is in a script for @{name}: written at once, or for each command. */
struct completion_part {
    const char *name; /* NULL: after the last one */
    void (*write)(struct buf *out);
    command_visitor *visit;
};
/* The script with these parts, and those that several shells have. */
void completion_fill(struct buf *out, const char *path, const struct completion_part *parts);

/* `ctx` is whatever the visitor wants to know besides. */
typedef void option_visitor(struct buf *out, const struct option *o, struct str path, const char *ctx);

void completion_options(
    const struct command *c, struct str path, option_visitor *visit, const char *ctx, struct buf *out);
/* Text for inside single quotes; `also` are further characters that need a backslash. */
void completion_quote(struct buf *out, struct str text, const char *also);
/* The names of its subcommands, each with a blank before it. */
void completion_subs(struct buf *out, const struct command *c);
void completion_commands(struct buf *out);
/* For a `case` of bash and zsh, "-e | --env". */
void completion_pattern(struct buf *out, const struct option *o);
