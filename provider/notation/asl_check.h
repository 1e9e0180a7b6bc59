/* Shared by the files that check definitions; see asl_check.h. */
#pragma once

#include "base/map.h"
#include "base/value.h"

/* ---- The texts within definitions, for the checker and the interpreter: JSONPath, calls of intrinsic
 * functions, the names of comparisons. Pure. */

/* ---- asl_path.c ---- */

/* What paths begin with besides "$": "$$" is the context, "$name" a variable. Both may be NULL. */
struct asl_names {
    const struct value *context, *variables;
};
/*
 * What a path finds: one value, or a list where it could find several ($..x, [*], [1:3], [?()]). NULL with
 * *why where it is no path or one value is not there. `names` may be NULL.
 */
const struct value *asl_path_find(struct arena *arena, struct str path, const struct value *document,
    const struct asl_names *names, const char **why);
/* Does it begin with a variable? */
bool asl_path_is_variable(struct str path);
/* Can a variable be called so? */
bool asl_is_variable(struct str name);

/* ---- asl_path_set.c ---- */

/* NULL: it is one. A reference path names exactly one place ($.a.b[0]). */
const char *asl_path_wrong(struct str path, bool reference);
/* The same of what the service takes and asl_path_find() may not know: functions ($.a.length()), operators of
 * filters. */
const char *asl_path_refused(struct str path);
/* The document with v at a reference path; objects on the way are made. NULL: it leads through something
 * else. */
const struct value *asl_path_set(
    struct arena *arena, struct str path, const struct value *document, const struct value *v);

/* ---- Shared by the files that read JSONPath; see asl_path.c. */
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
    bool unknown; /* it names a variable that is not there */
    bool inside;  /* of a filter: names end at operators too */
    int depth;
    size_t work; /* what all steps found together: a filter may scan everything for each of everything */
    const char *why;
};

struct path_search {
    struct path_reader *r;
    struct path_nodes found;
    bool several; /* it may find more than one */
    bool missing;
};

char path_peek(const struct path_reader *r);
void path_spaces(struct path_reader *r);
bool path_take(struct path_reader *r, const char *token);
void path_wrong(struct path_reader *r, const char *why); /* the first counts */
bool path_spend(struct path_reader *r, uint64_t work);   /* false: it was too much, or is wrong */
void path_keep(struct path_search *p, struct path_nodes *to, const struct value *v);
void path_replace_found(struct path_search *p, struct path_nodes *by);
bool path_has_children(const struct value *v);
const struct value *path_child(const struct value *v, uint32_t i);
/* In single or double quotes; \ takes the next character as it is. */
bool path_quoted(struct path_reader *r, struct str *out);
bool path_int(struct path_reader *r, int64_t *out);
bool path_name(struct path_reader *r, struct str *out);
/* At a '$': does a variable's name follow? What it holds. */
bool path_names_variable(const struct path_reader *r);
const struct value *path_variable(struct path_reader *r);
/* "$", "$$" or "$name" at the beginning; the document that it stands for. */
const struct value *path_root(struct path_reader *r);
/* What the steps from here find below root; NULL: one thing that is not there, or r->why. */
const struct value *path_steps(struct path_reader *r, const struct value *root);

/* asl_path_set.c: after "?(" or "?", everything among the children for which it holds. */
void path_filter(struct path_search *p);

/* ---- What is wrong with a definition in the Amazon States Language, said as Step Functions
 * says it when it refuses one (ValidateStateMachineDefinition): a code, a message and a place. Used before
 * anything is called, and by the sandbox.
 *
 *   asl_validate.c       machines: states, where they lead, whether they can be reached and end
 *   asl_states.c         what each type of state asks for
 *   asl_fields.c         the fields of states: which there are in each query language, and what they hold
 *   asl_validate.c   Map in mode DISTRIBUTED
 *   asl_path*.c          JSONPath, for the interpreter too (sandbox/asl)
 *   asl_call.c           the comparisons of Choice, {% … %}, calls of intrinsic functions, likewise
 *
 * Only what the service surely refuses is said. What is not known yet (VALUE_UNKNOWN) may be anything. */
struct asl_diag {
    struct str code; /* SCHEMA_VALIDATION_FAILED … */
    struct str message;
    struct str location;      /* /States/Load/Next */
    const struct value *path; /* the same as keys and indices; a member that is missing is not in it */
    struct str word;          /* what may be a slip of one of the names; "" nothing */
    const struct str *names;
    size_t name_count;
};

struct asl_diags {
    struct arena *arena;
    /* Asked by the interpreter: what it does not know counts as wrong. */
    bool interpreted;
    bool express; /* the workflow's type */
    struct asl_diag *items;
    size_t n, cap;
};

void asl_validate(const struct value *definition, struct asl_diags *diags);
void asl_diags_release(struct asl_diags *diags);

/* The way to a place, from its end. */
struct asl_step {
    const struct asl_step *up;
    const struct value *step; /* key or index */
};

/* A state machine, a branch or a Map's processor, while it is looked at. */
struct asl_scan {
    struct asl_diags *diags;
    struct str at;              /* location */
    const struct asl_step *way; /* the same */
    const struct value *states; /* of this machine */
    struct map *names;          /* of all machines: a name is used once */
    bool whole_jsonata;         /* the outermost machine's query language */
    bool jsonata;               /* the query language of what is looked at; of machines, of their states */
};

/* What has fields: the types of states, and what is in Retry and Catch. */
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
/* A mistake of the schema, at a member ("": the document itself). */
void asl_wrong(const struct asl_scan *scan, const char *member, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
void asl_unsupported(const struct asl_scan *scan, struct str member, const struct str *names, size_t n);
void asl_required(const struct asl_scan *scan, const char *member);
/* Where a member is; an item of a list there. */
struct asl_scan asl_below(const struct asl_scan *scan, const char *member);
struct asl_scan asl_below_item(const struct asl_scan *scan, const char *member, uint32_t i);

void asl_check_path(const struct asl_scan *scan, const char *member, const struct value *v, bool reference);
/* An Assign of a state, a choice rule or a catcher. */
void asl_check_assigned(const struct asl_scan *scan, const struct value *v);
/* JSONPath: members that end in ".$" hold paths or intrinsics. JSONata: texts may be expressions. */
void asl_check_template(const struct asl_scan *scan, const struct value *v);
bool asl_is_whole(const struct value *v, int64_t from);
/* All that `v` has are fields of the holder, and hold what they should. */
void asl_check_fields(const struct asl_scan *scan, const struct value *v, unsigned holder);
/* Exactly one of several fields, or at most one. */
void asl_check_one_of(
    const struct asl_scan *scan, const struct value *v, const char *const *names, size_t n, bool needed);

/* ---- asl_call.c ---- */

enum { ASL_CALL_ARGS = 256 };

/* Carries calls out while they are read. Both give NULL where it fails, and say so to whoever asked. */
struct asl_caller {
    const struct value *(*look)(void *ctx, struct str path);
    const struct value *(*call)(void *ctx, struct str function, const struct value *const *args, size_t n);
    void *ctx;
};

bool asl_is_intrinsic(struct str text);
/* What the call gives; caller NULL: it is only read. NULL with *why where it is none, without where it
 * failed. */
const struct value *asl_call(
    struct arena *arena, struct str text, const struct asl_caller *caller, const char **why);
/* NULL: it is one. `interpreted`: in paths, only what asl_path_find() knows. */
const char *asl_intrinsic_wrong(struct str text, bool interpreted);

/* Is the whole text {% … %}? */
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
/* A comparison of Choice: of which type ("String", "Numeric" …; "IsNull" …), and whether it takes a path;
 * false: there is none of that name. */
bool asl_operator(struct str name, const char **type, enum asl_compare *compare, bool *path);

/* NULL: nothing is surely wrong with it. */
const char *asl_jsonata_wrong(struct str text);

/* ---- asl_states.c ---- */

/* A state whose type is known. */
void asl_check_state(const struct asl_scan *scan, const struct value *state, unsigned type);
void asl_check_target(const struct asl_scan *scan, const struct value *v, const char *member);

/* ---- asl_validate.c ---- */

/* All that is within a machine, a branch or a processor. */
void asl_check_machine(const struct asl_scan *outer, const struct value *machine);

/* ---- asl_validate.c ---- */

/* May executions, activities and labels have these characters in their names? */
bool asl_is_name(struct str text);
/* What a Map does with each item; it was once called Iterator. */
const struct value *asl_processor(const struct value *state);
bool asl_is_distributed(const struct value *state);
/* Is JSONata the query language of a machine or a state, within something whose language it is or not? */
bool asl_speaks_jsonata(const struct value *holder, bool around);

/* What only Maps in mode DISTRIBUTED have, and that they have it right. */
void asl_check_distributed(const struct asl_scan *scan, const struct value *state);
