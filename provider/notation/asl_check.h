/* Shared by the files that check state machine definitions. */
#pragma once

#include "base/map.h"
#include "base/value.h"

/* ---- Strings in definitions, for the checks and the interpreter: JSONPath, calls of intrinsic functions,
 * names of comparisons. Pure functions. */

/* ---- asl_path.c ---- */

/* Values of paths that do not begin with "$": "$$" is the context, "$name" a variable. Both may be NULL. */
struct asl_names {
    const struct value *context, *variables;
};
/*
 * Evaluates a path: returns one value, or a list if the path may match several ($..x, [*], [1:3], [?()]).
 * Returns NULL with *why if the path is invalid or the single value does not exist. `names` may be NULL.
 */
const struct value *asl_path_find(struct arena *arena, struct str path, const struct value *document,
    const struct asl_names *names, const char **why);
/* True if the path begins with a variable. */
bool asl_path_is_variable(struct str path);
/* True if the name is valid for a variable. */
bool asl_is_variable(struct str name);

/* ---- asl_path_set.c ---- */

/* Returns NULL if the path is valid, else what is wrong. A reference path identifies exactly one value
 * ($.a.b[0]). */
const char *asl_path_wrong(struct str path, bool reference);
/* Like asl_path_wrong(), but accepts what the service accepts and asl_path_find() may not support: functions
 * ($.a.length()), operators of filters. */
const char *asl_path_refused(struct str path);
/* Returns the document with v at a reference path; enclosing objects are created. Returns NULL if the path
 * leads through a value that is not an object or list. */
const struct value *asl_path_set(
    struct arena *arena, struct str path, const struct value *document, const struct value *v);

/* ---- Shared by the files that parse JSONPath; see asl_path.c. */
enum { PATH_MAX_WORK = 1000000, PATH_MAX_NESTED = 32 };

struct path_nodes {
    const struct value **items;
    size_t n, cap;
};

struct path_reader {
    struct arena *arena;
    struct str text;
    size_t at;
    const struct value *document, *context, *variables;
    bool unknown; /* names a variable that does not exist */
    bool inside;  /* in a filter: names end at operators, too */
    int depth;
    size_t work; /* sum of values visited in all steps: a filter may scan everything for each item */
    const char *why;
};

struct path_search {
    struct path_reader *r;
    struct path_nodes found;
    bool several; /* may match several values */
    bool missing;
};

char path_peek(const struct path_reader *r);
void path_spaces(struct path_reader *r);
bool path_take(struct path_reader *r, const char *token);
void path_wrong(struct path_reader *r, const char *why); /* the first error counts */
bool path_spend(
    struct path_reader *r, uint64_t work); /* returns false if the limit is exceeded, or after an error */
void path_keep(struct path_search *p, struct path_nodes *to, const struct value *v);
void path_replace_found(struct path_search *p, struct path_nodes *by);
bool path_has_children(const struct value *v);
const struct value *path_child(const struct value *v, uint32_t i);
/* Parses a string in single or double quotes; a backslash escapes the next character. */
bool path_quoted(struct path_reader *r, struct str *out);
bool path_int(struct path_reader *r, int64_t *out);
bool path_name(struct path_reader *r, struct str *out);
/* At a '$': path_names_variable() is true if a variable's name follows; path_variable() returns its value. */
bool path_names_variable(const struct path_reader *r);
const struct value *path_variable(struct path_reader *r);
/* Parses "$", "$$" or "$name" at the beginning; returns the document. */
const struct value *path_root(struct path_reader *r);
/* Evaluates the remaining steps from root; returns NULL if a single value does not exist, or with r->why. */
const struct value *path_steps(struct path_reader *r, const struct value *root);

/* asl_path_set.c: parses a filter after "?(" or "?", and keeps the children for which it is true. */
void path_filter(struct path_search *p);

/* ---- Checks of a definition in the Amazon States Language, with the messages of Step Functions
 * (ValidateStateMachineDefinition): a code, a message and a location. Used before any call, and by the
 * sandbox.
 *
 *   asl_validate.c       machines: states, transitions, reachability, end states; Map in mode DISTRIBUTED
 *   asl_states.c         requirements of each type of state
 *   asl_fields.c         the fields of states: which are allowed in each query language, and their values
 *   asl_path*.c          JSONPath, also for the interpreter (sandbox/asl)
 *   asl_call.c           comparisons of Choice, {% … %}, calls of intrinsic functions, also for the
 * interpreter
 *
 * Only what the service certainly refuses is reported. Unknown values (VALUE_UNKNOWN) pass. */
struct asl_diag {
    struct str code; /* SCHEMA_VALIDATION_FAILED … */
    struct str message;
    struct str location;      /* /States/Load/Next */
    const struct value *path; /* the location as keys and indices; a missing member is not included */
    struct str word;          /* possibly misspelt, one of `names`; "": none */
    const struct str *names;
    size_t name_count;
};

struct asl_diags {
    struct arena *arena;
    /* Called by the interpreter: what it does not support is an error, too. */
    bool interpreted;
    bool express; /* type of the workflow */
    struct asl_diag *items;
    size_t n, cap;
};

void asl_validate(const struct value *definition, struct asl_diags *diags);
void asl_diags_release(struct asl_diags *diags);

/* The path to a location, innermost step first. */
struct asl_step {
    const struct asl_step *up;
    const struct value *step; /* key or index */
};

/* The state machine, branch or Map processor being checked. */
struct asl_scan {
    struct asl_diags *diags;
    struct str at;              /* location as a string */
    const struct asl_step *way; /* location as steps */
    const struct value *states; /* of this machine */
    struct map *names;          /* of all machines: state names are unique */
    bool whole_jsonata;         /* query language of the outermost machine */
    bool jsonata;               /* query language of the current state, or of a machine's states */
};

/* Holders of fields: the types of states, retriers and catchers. */
enum {
    TASK = 1,
    PARALLEL = 2,
    MAP = 4,
    PASS = 8,
    WAIT = 16,
    CHOICE = 32,
    SUCCEED = 64,
    FAIL = 128,
    WORK = TASK | PARALLEL | MAP,
    GOES = WORK | PASS | WAIT,
    DATA = GOES | CHOICE | SUCCEED,
    EVERY = DATA | FAIL,
    RETRIER = 256,
    CATCHER = 512,
};

static inline bool asl_is_unknown(const struct value *v)
{
    return v && v->kind == VALUE_UNKNOWN;
}

/* ---- asl_fields.c ---- */

struct asl_diag *asl_diag_add(
    const struct asl_scan *scan, const char *code, const char *member, struct str message);
/* Reports a schema error at a member ("": the current document). */
void asl_wrong(const struct asl_scan *scan, const char *member, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
void asl_unsupported(const struct asl_scan *scan, struct str member, const struct str *names, size_t n);
void asl_required(const struct asl_scan *scan, const char *member);
/* Return the scan for a member, and for an item of a list in it. */
struct asl_scan asl_below(const struct asl_scan *scan, const char *member);
struct asl_scan asl_below_item(const struct asl_scan *scan, const char *member, uint32_t i);

void asl_check_path(const struct asl_scan *scan, const char *member, const struct value *v, bool reference);
/* Checks Assign in a state, a choice rule or a catcher. */
void asl_check_assigned(const struct asl_scan *scan, const struct value *v);
/* In JSONPath, members that end in ".$" have paths or intrinsics; in JSONata, strings may be expressions. */
void asl_check_template(const struct asl_scan *scan, const struct value *v);
bool asl_is_whole(const struct value *v, int64_t from);
/* Checks that all members of `v` are fields of the holder, and their values. */
void asl_check_fields(const struct asl_scan *scan, const struct value *v, unsigned holder);
/* Checks that exactly one of several fields is given, or at most one. */
void asl_check_one_of(
    const struct asl_scan *scan, const struct value *v, const char *const *names, size_t n, bool needed);

/* ---- asl_call.c ---- */

enum { ASL_CALL_ARGS = 256 };

/* Executes calls while they are parsed. On failure both return NULL and report the error to the
 * interpreter. */
struct asl_caller {
    const struct value *(*look)(void *ctx, struct str path);
    const struct value *(*call)(void *ctx, struct str function, const struct value *const *args, size_t n);
    void *ctx;
};

bool asl_is_intrinsic(struct str text);
/* Returns the result of a call; caller NULL: it is only parsed. Returns NULL with *why if the text is
 * invalid, without if the execution failed. */
const struct value *asl_call(
    struct arena *arena, struct str text, const struct asl_caller *caller, const char **why);
/* Returns NULL if the call is valid. `interpreted`: paths are limited to what asl_path_find() supports. */
const char *asl_intrinsic_wrong(struct str text, bool interpreted);

/* True if the whole string is {% … %}. */
bool asl_is_jsonata(const struct value *v);

enum asl_compare {
    ASL_EQUALS,
    ASL_LESS,
    ASL_LESS_EQUALS,
    ASL_GREATER,
    ASL_GREATER_EQUALS,
    ASL_MATCHES,
    ASL_IS,
};
/* Parses the name of a Choice comparison: its type ("String", "Numeric" …; "IsNull" …), and whether its value
 * is a path; returns false for an unknown name. */
bool asl_operator(struct str name, const char **type, enum asl_compare *compare, bool *path);

/* Returns NULL unless the expression is certainly invalid. */
const char *asl_jsonata_wrong(struct str text);

/* ---- asl_states.c ---- */

/* Checks a state of a known type. */
void asl_check_state(const struct asl_scan *scan, const struct value *state, unsigned type);
void asl_check_target(const struct asl_scan *scan, const struct value *v, const char *member);

/* ---- asl_validate.c ---- */

/* Checks everything in a machine, a branch or a processor. */
void asl_check_machine(const struct asl_scan *outer, const struct value *machine);

/* ---- asl_validate.c ---- */

/* True if the characters are allowed in names of executions, activities and labels. */
bool asl_is_name(struct str text);
/* Returns a Map's processor, formerly called Iterator. */
const struct value *asl_processor(const struct value *state);
bool asl_is_distributed(const struct value *state);
/* True if the query language of a machine or a state is JSONata; `around`: the enclosing language is. */
bool asl_speaks_jsonata(const struct value *holder, bool around);

/* Checks the fields of Maps in mode DISTRIBUTED. */
void asl_check_distributed(const struct asl_scan *scan, const struct value *state);
