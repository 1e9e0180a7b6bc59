/* Command line options (see options.h), and aliases of other tools' names. */
#include "cmd/options/options.h"
#include "base/clock.h"

#include "stacks/stack.h"

#include <assert.h>

/* ---- the texts of cmd/options/aliases.yaml ---- */

static const struct node *aliases_section(const char *name)
{
    return node_get(yaml_embedded("cmd/options/aliases.yaml"), name);
}

struct str alias_says(const struct node *alias, const char *key)
{
    return node_text(node_get(alias, key));
}

/* Returns the alias for an option that weir does not have, or NULL. */
static const struct node *alias_option(struct str name, struct str value)
{
    const struct node *options = aliases_section("options");
    for (uint32_t i = 0; i < options->count; i++) {
        struct str only = alias_says(options->items[i], "value");
        if (str_eq(name, alias_says(options->items[i], "name")) && (!only.n || str_eq(value, only)))
            return options->items[i];
    }
    return NULL;
}

const struct node *alias_command(const char *parent, struct str name)
{
    char full[64];
    snprintf(full, sizeof full, "%s%s%.*s", parent ? parent : "", parent ? " " : "", STR_ARG(name));
    return node_get(aliases_section("commands"), full);
}

/* ---- shared options ---- */

#define FIELD(name_) .offset = offsetof(struct settings, name_)

static const struct option common[] = {
    {'h', "help", FIELD(help)},
    {0, "no-color", FIELD(no_color)},
    {'v', "verbose", .kind = OPTION_COUNT, FIELD(verbose)},
};

static const struct option json[] = {
    {0, "json", FIELD(json)},
};

static const struct option stack[] = {
    {'C', "dir", .value = "DIR", .kind = OPTION_TEXT, FIELD(dir), .completes = COMPLETES_DIR},
    {'e', "env", .value = "NAME", .kind = OPTION_TEXT, FIELD(env), .completes = COMPLETES_ENV},
    {'i', "input", .value = "NAME=VALUE", .kind = OPTION_LIST, FIELD(inputs)},
    {0, "input-file", .value = "FILE", .kind = OPTION_LIST, FIELD(input_files), .completes = COMPLETES_FILE},
    {0, "sandbox", FIELD(sandbox)},
    {0, "specs", .value = "DIR", .kind = OPTION_TEXT, FIELD(specs), .completes = COMPLETES_DIR},
};

/* Options of several planning commands; each command takes those that apply to it. */
#define OPTION_TARGET                                                                                        \
    0, "target", .value = "ADDRESS", .kind = OPTION_LIST, FIELD(targets), .completes = COMPLETES_ADDRESS

#define OPTION_NO_REFRESH    0, "no-refresh", FIELD(no_refresh)
#define OPTION_QUICK_REFRESH 0, "quick-refresh", FIELD(quick_refresh)
#define OPTION_FULL          0, "full", FIELD(full)

#define OPTION_PARALLELISM                                                                                   \
    0, "parallelism", .value = "N", .kind = OPTION_NUMBER, .min = 1, .max = 1024, FIELD(parallelism)

static const struct option plan[] = {
    {OPTION_TARGET},
    {0, "replace", .value = "ADDRESS", .kind = OPTION_LIST, FIELD(replaces), .completes = COMPLETES_ADDRESS},
    {OPTION_NO_REFRESH},
    {OPTION_QUICK_REFRESH},
    {0, "to", .value = "RUN", .kind = OPTION_TEXT, FIELD(to)},
    {OPTION_FULL},
    {OPTION_PARALLELISM},
};

static const struct option destroy[] = {
    {OPTION_TARGET},
    {OPTION_NO_REFRESH},
    {OPTION_FULL},
    {OPTION_PARALLELISM},
};

static const struct option drift[] = {{OPTION_TARGET}, {OPTION_FULL}, {OPTION_PARALLELISM}};
static const struct option deploy[] = {{OPTION_NO_REFRESH}, {OPTION_FULL}, {OPTION_PARALLELISM}};

static const struct option teardown[] = {
    {0, "force-empty", FIELD(force_empty)},
    {0, "skip-final-snapshot", FIELD(skip_final_snapshot)},
    {0, "force-secrets", FIELD(force_secrets)},
    {0, "delete-protected", FIELD(delete_protected)},
    {0, "lab", FIELD(lab)},
    {OPTION_DELETE_ADOPTED},
};

#define LOCK_TIMEOUT 0, "lock-timeout", .value = "TIME", .kind = OPTION_DURATION, FIELD(lock_timeout_ms)

static const struct option change[] = {
    {'y', "yes", "auto-approve", FIELD(yes)},
    {LOCK_TIMEOUT},
};

static const struct option approve[] = {
    {0, "approve", .value = "RULE", .kind = OPTION_LIST, FIELD(approve)},
    {0, "reason", .value = "TEXT", .kind = OPTION_TEXT, FIELD(reason)},
};

static const struct option lock[] = {{LOCK_TIMEOUT}};

static const struct option partial[] = {
    {0, "partial", FIELD(partial)},
};

static const struct option lease[] = {{OPTION_LEASE}};
static const struct option quick[] = {{OPTION_QUICK_REFRESH}};

static const struct option repository[] = {
    {0, "all", FIELD(all)},
    {0, "changed", .value = "REF", .kind = OPTION_TEXT, FIELD(changed)},
    {0, "shard", .value = "I/N", .kind = OPTION_TEXT, FIELD(shard)},
    {0, "at-once", .value = "N", .kind = OPTION_NUMBER, .min = 1, .max = 1000, FIELD(at_once)},
    {0, "junit", .value = "FILE", .kind = OPTION_TEXT, FIELD(junit), .completes = COMPLETES_FILE},
};

const struct option_set options_common = OPTION_SET("Options of every command", common);
const struct option_set options_json = OPTION_SET(NULL, json);
const struct option_set options_stack = OPTION_SET("Options that pick the stack", stack);
const struct option_set options_plan = OPTION_SET("Options of the plan", plan);
const struct option_set options_destroy = OPTION_SET("Options of the plan", destroy);
const struct option_set options_drift = OPTION_SET("Options of the plan", drift);
const struct option_set options_deploy = OPTION_SET("Options of the plan", deploy);
const struct option_set options_all = OPTION_SET("Options of a repository of stacks", repository);
const struct option_set options_teardown = OPTION_SET("Options of what is deleted", teardown);
const struct option_set options_lease = OPTION_SET(NULL, lease);
const struct option_set options_quick = OPTION_SET(NULL, quick);
const struct option_set options_change = OPTION_SET(NULL, change);
const struct option_set options_approve = OPTION_SET(NULL, approve);
const struct option_set options_partial = OPTION_SET(NULL, partial);
const struct option_set options_lock = OPTION_SET(NULL, lock);

/* ---- parsing ---- */

enum { CANDIDATES_MAX = 128 };

struct parser {
    struct arena *arena;
    const struct option_set *const *sets;
    const struct texts *words;
    size_t at; /* the next word */
    void *settings;
    struct err *err;
};

static const struct option *find_letter(const struct option_set *const *sets, char letter)
{
    for (; *sets; sets++)
        for (size_t i = 0; i < (*sets)->n; i++)
            if ((*sets)->options[i].letter == letter)
                return &(*sets)->options[i];
    return NULL;
}

static const struct option *find_name(const struct option_set *const *sets, struct str name)
{
    for (; *sets; sets++)
        for (size_t i = 0; i < (*sets)->n; i++) {
            const struct option *o = &(*sets)->options[i];
            if (str_eqz(name, o->name) || (o->alias && str_eqz(name, o->alias)))
                return o;
        }
    return NULL;
}

const struct option *options_match(const struct option_set *const *sets, struct str word)
{
    struct str rest;
    if (str_starts(word, STR("--")))
        return word.n > 2 ? find_name(sets, str_cut(str_slice(word, 2, word.n), '=', &rest)) : NULL;
    return word.n > 1 && word.p[0] == '-' ? find_letter(sets, word.p[1]) : NULL;
}

static bool has_value(const struct option *o)
{
    return o->kind != OPTION_FLAG && o->kind != OPTION_COUNT;
}

/* The maximum of duration_read(): a time this far in the future has a year of four digits. */
static const int64_t DURATION_MAX_MS = 999999LL * 24 * 3600 * 1000;

bool duration_parse(struct str text, int64_t *ms)
{
    static const struct {
        struct str suffix;
        int64_t ms;
    } units[] = {{STR_INIT("ms"), 1}, {STR_INIT("s"), 1000}, {STR_INIT("m"), 60000}, {STR_INIT("h"), 3600000},
        {STR_INIT("d"), 24 * 3600000}};
    struct str all = text;
    int64_t unit = 1000, number;
    for (size_t i = 0; i < sizeof units / sizeof *units; i++)
        if (str_ends(text, units[i].suffix)) {
            unit = units[i].ms;
            text = str_slice(text, 0, text.n - units[i].suffix.n);
            break;
        }
    if (!str_to_int(text, &number))
        return duration_read(all, ms);
    if (number < 0 || number > DURATION_MAX_MS / unit)
        return false;
    *ms = number * unit;
    return true;
}

static void list_add(struct parser *p, struct texts *list, struct str value)
{
    if (!list->items) /* the maximum number of values */
        list->items = ARENA_ARRAY(p->arena, struct str, p->words->n * 2);
    list->items[list->n++] = value;
}

static int set_value(struct parser *p, const struct option *o, struct str value)
{
    char *field = (char *)p->settings + o->offset;
    int64_t number;
    if (o->choices && !str_is_any(value, o->choices))
        return err_set(
            p->err, ERR_USAGE, "--%s cannot be \"%.*s\" (one of: %s)", o->name, STR_ARG(value), o->choices);
    bool names_file = o->completes == COMPLETES_DIR || o->completes == COMPLETES_FILE;
    if (names_file && !value.n) { /* probably an unset variable in a script */
        err_set(p->err, ERR_USAGE, "--%s has an empty value", o->name);
        return err_hint(p->err, "leave it out, or name a %s", o->value);
    }
    switch (o->kind) {
    case OPTION_FLAG: *(bool *)(void *)field = true; return 0;
    case OPTION_COUNT: (*(int *)(void *)field)++; return 0;
    case OPTION_TEXT: *(const char **)(void *)field = value.p; return 0;
    case OPTION_LIST: list_add(p, (struct texts *)(void *)field, value); return 0;
    case OPTION_NUMBER:
        if (!str_to_int(value, &number) || number < o->min || number > o->max)
            return err_set(p->err, ERR_USAGE, "--%s needs a number from %d to %d, not \"%.*s\"", o->name,
                o->min, o->max, STR_ARG(value));
        *(int *)(void *)field = (int)number;
        return 0;
    case OPTION_DURATION:
        if (!duration_parse(value, (int64_t *)(void *)field))
            return err_set(
                p->err, ERR_USAGE, "--%s needs a time like 30s or 5m, not \"%.*s\"", o->name, STR_ARG(value));
        return 0;
    }
    assert(false && "option kind");
    return -1;
}

/* Takes the value from the same word, or the next word. */
static int take_value(struct parser *p, const struct option *o, struct str inline_value)
{
    if (inline_value.p)
        return set_value(p, o, inline_value);
    if (p->at >= p->words->n)
        return err_set(p->err, ERR_USAGE, "--%s needs a value: %s", o->name, o->value);
    return set_value(p, o, p->words->items[p->at++]);
}

static struct str nearest_name(const struct option_set *const *sets, struct str name)
{
    struct str names[CANDIDATES_MAX];
    size_t n = 0;
    for (; *sets; sets++)
        for (size_t i = 0; i < (*sets)->n && n + 2 < CANDIDATES_MAX; i++) {
            names[n++] = str_z((*sets)->options[i].name);
            if ((*sets)->options[i].alias)
                names[n++] = str_z((*sets)->options[i].alias);
        }
    return str_nearest(name, names, n);
}

static int set_option(struct parser *p, const struct option *o, struct str name, struct str value)
{
    if (has_value(o))
        return take_value(p, o, value);
    if (str_eqz(value, "true"))
        value.p = NULL;
    if (value.p)
        return err_set(p->err, ERR_USAGE, "--%.*s takes no value", STR_ARG(name));
    return set_value(p, o, STR_EMPTY);
}

/* Handles another tool's option that weir has under another name, or that has no effect. */
static int take_alias(struct parser *p, const struct node *alias, struct str value)
{
    if (node_get(alias, "ignored"))
        return 0;
    const struct option *o = find_name(p->sets, alias_says(alias, "option"));
    return set_option(p, o, str_z(o->name), has_value(o) ? value : (struct str){NULL, 0});
}

/* `value` follows the = in the word. */
static int options_unknown(struct parser *p, struct str word, struct str name, struct str value)
{
    const struct node *alias = alias_option(name, value);
    struct str hint = alias_says(alias, "hint");
    if (node_get(alias, "ignored") || find_name(p->sets, alias_says(alias, "option")))
        return take_alias(p, alias, value);
    err_set(p->err, ERR_USAGE, "unknown option \"%.*s\"", STR_ARG(word));
    if (hint.n)
        return err_hint(p->err, "%.*s", STR_ARG(hint));
    struct str near = nearest_name(p->sets, name);
    return near.n ? err_hint(p->err, "did you mean \"--%.*s\"?", STR_ARG(near)) : -1;
}

/* Parses --name and --name=value, also with one dash as other tools write it. */
static int parse_name(struct parser *p, struct str word, size_t dashes)
{
    struct str value, name = str_cut(str_slice(word, dashes, word.n), '=', &value);
    if (dashes == 1 && str_eqz(name, "input") && value.n && str_find_char(value, '=', 0) < 0)
        return 0; /* -input=false: weir asks only for confirmation */
    const struct option *o = find_name(p->sets, name);
    if (!o)
        return options_unknown(p, (struct str){word.p, name.n + dashes}, name, value);
    return set_option(p, o, name, value);
}

/* Returns whether the word is -out=FILE: a whole name after one dash, as other tools write options. */
static bool is_name(struct parser *p, struct str word)
{
    struct str value, name = str_cut(str_slice(word, 1, word.n), '=', &value);
    if (name.n < 2)
        return false;
    return find_name(p->sets, name) || alias_option(name, value);
}

/* Parses -e dev, -edev, -vy. */
static int parse_letters(struct parser *p, struct str word)
{
    for (size_t i = 1; i < word.n; i++) {
        const struct option *o = find_letter(p->sets, word.p[i]);
        struct str rest = str_slice(word, i + 1, word.n);
        if (!o)
            return options_unknown(
                p, word, word.n > 2 ? str_slice(word, 1, word.n) : STR_EMPTY, (struct str){NULL, 0});
        if (has_value(o))
            return take_value(p, o, rest.n ? rest : (struct str){NULL, 0});
        if (set_value(p, o, STR_EMPTY) < 0)
            return -1;
    }
    return 0;
}

int options_parse(struct arena *arena, const struct option_set *const *sets, const struct texts *words,
    void *settings, struct texts *args, struct err *err)
{
    struct parser p = {.arena = arena, .sets = sets, .words = words, .settings = settings, .err = err};
    bool options = true;
    while (p.at < words->n) {
        struct str word = words->items[p.at++];
        if (options && str_eqz(word, "--"))
            options = false;
        else if (!options || word.n < 2 || word.p[0] != '-')
            list_add(&p, args, word);
        else if ((word.p[1] == '-'       ? parse_name(&p, word, 2)
                     : is_name(&p, word) ? parse_name(&p, word, 1)
                                         : parse_letters(&p, word)) < 0)
            return -1;
    }
    return 0;
}

struct str option_label(struct arena *arena, const struct option *o)
{
    char letter[8] = "    ";
    if (o->letter) {
        letter[0] = '-';
        letter[1] = o->letter;
        letter[2] = ',';
    }
    return arena_printf(arena, "%s--%s%s%s%s%s", letter, o->name, o->value ? " " : "",
        o->value ? o->value : "", o->alias ? ", --" : "", o->alias ? o->alias : "");
}
