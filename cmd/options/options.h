/*
 * Command line options: tables that say what there is, and one parser for all of them. Help, the manual,
 * completion and docs/cli.md come from the same tables.
 *
 * A command lists the sets of options that it takes. Values go into its settings, a struct that begins with
 * `struct settings` (the options that many commands share) and may go on with the command's own fields; an
 * option says by offset which field is its. What it is for is in cmd/help.yaml (help.h).
 *
 * Understood: --name value, --name=value, -n value, -nvalue, grouped letters (-vy), options after arguments,
 * `--` before arguments that begin with a dash, and what other tools would write (-name=value,
 * cmd/options/aliases.h).
 */
#pragma once

#include "base/arena.h"
#include "base/err.h"
#include "base/str.h"

#include <stddef.h>

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
    bool full; /* plans with all that is known, nothing cut short */
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
extern const struct option_set options_lock;     /* --lock-timeout, where it stands alone */
extern const struct option_set options_lease;    /* --for */
extern const struct option_set options_quick;    /* --quick-refresh, where it stands alone */
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
