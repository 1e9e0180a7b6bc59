/*
 * Command line options: tables and one parser. Help, the manual, completion and docs/cli.md are generated
 * from the same tables.
 *
 * A command lists the option sets that it takes. Values are stored in its settings, a struct that begins with
 * `struct settings` (options of many commands) and may continue with the command's own fields; each option
 * has the offset of its field. Descriptions are in cmd/help.yaml.
 *
 * Syntax: --name value, --name=value, -n value, -nvalue, grouped letters (-vy), options after arguments, `--`
 * before arguments that begin with a dash, and forms of other tools (-name=value, aliases.yaml).
 */
#pragma once

#include "base/yaml.h"
#include "cmd/terminal/signals.h"
#include "cmd/terminal/term.h"

struct texts {
    struct str *items; /* NUL-terminated */
    size_t n;
};

/* Values of the shared options. */
struct settings {
    bool help, version;
    bool no_color;
    int verbose;
    bool json;
    const char *dir, *env, *specs;
    struct texts inputs, input_files;
    struct texts targets, replaces;
    bool no_refresh, quick_refresh;
    bool full;          /* plans are shown completely, nothing is shortened */
    bool all_resources; /* with json: also unchanged resources */
    bool sandbox;
    bool delete_adopted;
    bool force_empty, skip_final_snapshot, force_secrets, delete_protected, lab; /* what may be deleted */
    const char *to; /* plan, apply: the run to go back to */
    int parallelism;
    bool yes;
    struct texts approve; /* names of rules */
    const char *reason;
    int64_t lock_timeout_ms;
    bool partial;     /* during another run: only resources that it has not claimed */
    int64_t lease_ms; /* apply: --for */
    bool all;         /* all stacks below a folder */
    int at_once;
    const char *changed; /* with `all`: the git revision to compare with */
    const char *junit;
    const char *shard; /* "2/8" */
};

enum option_kind {
    OPTION_FLAG,     /* bool */
    OPTION_COUNT,    /* int: number of occurrences */
    OPTION_TEXT,     /* const char *: the last one applies */
    OPTION_LIST,     /* struct texts: may be repeated */
    OPTION_NUMBER,   /* int, within min and max */
    OPTION_DURATION, /* int64_t milliseconds: 90, 90s, 5m, 1h, 500ms */
};

/* The kind of an argument or option value, for shell completion. */
enum completes {
    COMPLETES_NOTHING,
    COMPLETES_FILE,
    COMPLETES_DIR,
    COMPLETES_ADDRESS,    /* address of a recorded resource */
    COMPLETES_JOB,        /* address of a job */
    COMPLETES_TYPE,       /* of a resource or data source */
    COMPLETES_ENV,        /* an environment of the stack */
    COMPLETES_CONNECTION, /* a connection of the stack */
    COMPLETES_COMMAND,
    COMPLETES_CHOICES,
};

struct option {
    char letter;       /* 0: none */
    const char *name;  /* without the dashes */
    const char *alias; /* a second name, or NULL */
    const char *value; /* name of its value in help; NULL for flags and counts */
    enum option_kind kind;
    size_t offset; /* offset of its field in the command's settings */
    int min, max;  /* NUMBER */
    enum completes completes;
    const char *choices; /* COMPLETES_CHOICES: the words, separated by blanks; others are refused */
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

/* Those of one command alone, among its `sets`. */
#define OWN_OPTIONS(table_) &(const struct option_set)OPTION_SET(NULL, table_)

extern const struct option_set options_common; /* --help, --no-color, --verbose: every command has them */
extern const struct option_set options_json;
extern const struct option_set options_stack;   /* selects the stack and its inputs */
extern const struct option_set options_plan;    /* of plan and apply: what is planned */
extern const struct option_set options_destroy; /* these three: a selection of options_plan */
extern const struct option_set options_drift;
extern const struct option_set options_deploy;
extern const struct option_set options_change; /* --yes, --lock-timeout */
extern const struct option_set options_partial;
extern const struct option_set options_approve;  /* --approve, --reason: of all commands with changes */
extern const struct option_set options_lock;     /* only --lock-timeout */
extern const struct option_set options_lease;    /* --for */
extern const struct option_set options_quick;    /* only --quick-refresh */
extern const struct option_set options_all;      /* --all and related options */
extern const struct option_set options_teardown; /* permissions of deletions: of all commands that delete */

/*
 * Parses the words; `sets` ends with NULL. Settings must be zeroed. Words that are not options become
 * arguments. Returns -1 with ERR_USAGE, and a hint if a similar option exists.
 */
int options_parse(struct arena *arena, const struct option_set *const *sets, const struct texts *words,
    void *settings, struct texts *args, struct err *err);

/* Returns the option in a word such as "--env", "--env=dev" or "-e", or NULL. */
const struct option *options_match(const struct option_set *const *sets, struct str word);

/* Returns "-e, --env NAME". */
struct str option_label(struct arena *arena, const struct option *option);

bool duration_parse(struct str text, int64_t *ms);

/* ---- options.c: words of other tools (aliases.yaml): accepted if weir has the same thing, otherwise a hint
 * tells the equivalent. */
/* Returns the alias for a command, or a subcommand of `parent` (NULL: none), that weir does not have, or
 * NULL. */
const struct node *alias_command(const char *parent, struct str name);
/* Returns the alias's "option" or "command" (weir's equivalent) or its "hint"; "": none. */
struct str alias_says(const struct node *alias, const char *key);

/* ---- Commands: each has a file (cmd_<name>.c) with its options and its function, a line in the table of
 * commands.c, and its texts in cmd/help.yaml. cli_main() finds the command, parses its options into its
 * settings and calls it.
 *
 * A command gets an invocation and returns the exit status. It writes its result to standard output
 * (invocation_write()), and everything else to standard error. With --json standard output has only JSON
 * lines, including failures (cmd/output/events.h). */
struct invocation; /* cmd/invocation/invocation.h */

enum { COMMAND_SETS_MAX = 12 };

struct command {
    const char *name;                                /* "plan"; for a subcommand "list" */
    const char *args;                                /* "[FILE]"; NULL: none */
    const struct option_set *sets[COMMAND_SETS_MAX]; /* in addition to the common ones; ends with NULL */
    size_t settings_size;                            /* 0: struct settings alone */
    int min_args, max_args;                          /* max -1: any number */
    enum completes completes;                        /* the kind of its arguments */
    const char *choices;                             /* COMPLETES_CHOICES: the words, separated by blanks */
    const struct command *const *subs;               /* subcommands, ends with NULL; `run` is then NULL */
    int (*run)(struct invocation *inv);
};

struct command_group {
    const char *title;
    const struct command *const *commands; /* ends with NULL */
};

extern const struct command_group command_groups[]; /* ends with title NULL */

/* Calls `visit` for each command and subcommand in the order of the help, with its path: "state list". */
typedef void command_visitor(struct buf *out, const struct command *c, struct str path);
void commands_walk(command_visitor *visit, struct buf *out);

/* Runs the program. Returns the exit status. */
int cli_main(int argc, char **argv);

/* Returns the top-level command with that name, or NULL. */
const struct command *command_find(struct str name);
const struct command *command_find_sub(const struct command *command, struct str name);
/* Returns "state list" for `list` below `state`; `above` is "" for a top-level command. */
struct str command_path(struct arena *arena, struct str above, const struct command *command);
/* Returns all option sets of the command including the common ones, ending with NULL. */
void command_sets(const struct command *command, const struct option_set *sets[COMMAND_SETS_MAX]);

/* ---- help.c: help texts, generated from the tables of commands and options and from cmd/help.yaml. */
void help_overview(const struct term *term, struct buf *out);
void help_command(const struct command *command, struct str path, const struct term *term, struct buf *out);
/* Appends "weir plan [OPTIONS] [FILE]". */
void help_usage_line(const struct command *command, struct str path, struct buf *out);

/* Appends the summary as a sentence: "Show what would change." for "show what would change". */
void help_sentence(struct str path, struct buf *out);

/* ---- cmd/help.yaml ---- */

/* Texts of the command with this path ("state list"): one line without full stop; paragraphs; command lines
 * with explanations. */
struct str help_summary(struct str path);
const struct node *help_details(struct str path);
const struct node *help_examples(struct str path);
/* Returns the option's text for the command, else for its parent, else for all commands. */
struct str help_option(struct str path, const struct option *option);
/* Returns a map of names and their descriptions: "exit_statuses", "variables", "events". */
const struct node *help_section(const char *name);

/* ---- Completion scripts: a script template for each shell (completion.bash) with placeholders, one file
 * that fills it from the tables, and shared functions (in cmd_completion.c). */
void completion_bash(struct buf *out);
void completion_zsh(struct buf *out);
void completion_fish(struct buf *out);

/* The text for the placeholder @{name} of a script: written once, or for each command. */
struct completion_part {
    const char *name; /* NULL: end of the list */
    void (*write)(struct buf *out);
    command_visitor *visit;
};
/* Fills the script with these parts and with the parts that several shells share. */
void completion_fill(struct buf *out, const char *path, const struct completion_part *parts);

/* `ctx` is additional data of the visitor. */
typedef void option_visitor(struct buf *out, const struct option *o, struct str path, const char *ctx);

void completion_options(
    const struct command *c, struct str path, option_visitor *visit, const char *ctx, struct buf *out);
/* Appends text for single quotes; `also` are further characters that need a backslash. */
void completion_quote(struct buf *out, struct str text, const char *also);
/* Appends the names of the subcommands, each preceded by a blank. */
void completion_subs(struct buf *out, const struct command *c);
void completion_commands(struct buf *out);
/* Appends a pattern for a `case` of bash and zsh: "-e | --env". */
void completion_pattern(struct buf *out, const struct option *o);
