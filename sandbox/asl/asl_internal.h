/* Shared by the interpreter's files; see asl.h. */
#pragma once

#include "provider/notation/asl_check.h"
#include "sandbox/asl/asl.h"

/* The evaluation context of paths, templates and expressions. */
struct asl_eval {
    struct arena *arena;
    const struct asl_host *host;
    const struct value *context;                       /* $$ */
    const struct value *variables;                     /* variables by name; NULL: none */
    bool jsonata;                                      /* the state's query language is JSONata */
    const struct value *input, *result, *error_output; /* members of JSONata's $states; NULL: none */
    struct str location;                               /* field of the expression that failed */
    struct asl_error error;                            /* the first error */
    bool unnamed;                                      /* the error is of a Fail state without Error */
    bool own; /* the error was set by asl_fail(), not by a task or a branch */
};

/* Sets the error unless one is set already. Returns -1. */
int asl_fail(struct asl_eval *eval, const char *name, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* ---- asl_intrinsic.c ---- */

/* Evaluates an intrinsic function. Returns NULL with eval->error. */
const struct value *asl_intrinsic(struct asl_eval *eval, struct str text, const struct value *document);

/* ---- asl_data.c ---- */

/* Formats a value for a message: a string without quotes, anything else as JSON. */
struct str asl_text(struct arena *arena, const struct value *v);
/* Resolves a path with the context object and variables of `eval`. Returns NULL with *why. */
const struct value *asl_resolve(
    struct asl_eval *eval, struct str path, const struct value *document, const char **why);
/* Evaluates a path or an intrinsic function. Returns NULL with eval->error (States.Runtime). */
const struct value *asl_find(struct asl_eval *eval, struct str path, const struct value *document);
/* As asl_find(), but the error message names the field. */
const struct value *asl_find_field(
    struct asl_eval *eval, struct str field, struct str path, const struct value *document);
/* Applies InputPath or OutputPath: an absent path selects the document, null selects {}. */
const struct value *asl_filter(
    struct asl_eval *eval, const struct value *state, const char *member, const struct value *document);
/* Evaluates a payload template: members whose names end in ".$" are paths or intrinsic functions. */
const struct value *asl_template(
    struct asl_eval *eval, const struct value *template, const struct value *document);
/* Applies ResultPath: returns the input with the result inserted. `holder` (a state or a catcher) has the
 * member. */
const struct value *asl_put_result(
    struct asl_eval *eval, const struct value *holder, const struct value *input, const struct value *result);

/* Evaluates the expressions in a template; an error names `field`. Returns NULL with eval->error. */
const struct value *asl_jsonata(struct asl_eval *eval, const struct value *template, const char *field);
/* As asl_jsonata(), but the result must have the JSON type `type`. Returns NULL without an error if there is
 * no template. */
const struct value *asl_jsonata_as(
    struct asl_eval *eval, const struct value *template, const char *field, const char *type);
/* Evaluates a field of a state: a payload template (JSONPath), or any value with expressions (JSONata, which
 * does not see `document`). Returns NULL with eval->error. */
const struct value *asl_fill(
    struct asl_eval *eval, const struct value *template, const char *field, const struct value *document);

struct asl_line;
struct asl_visit;
/* Evaluates Assign of a state, a choice rule or a catcher into visit->assigned. Returns -1 with
 * eval.error. */
int asl_assign(struct asl_visit *visit, const struct value *holder, const struct value *document);
/* Makes the assigned variables visible to the states that follow in the line. Returns -1 with eval.error. */
int asl_keep_assigned(struct asl_visit *visit);
/* Returns all variables visible in this line. */
const struct value *asl_variables(const struct asl_line *line, struct arena *arena);

/* ---- lines and states ---- */

/* A sequence of states: a state machine, a branch or an iteration. */
struct asl_line {
    const struct asl_execution *execution;
    struct asl_scope *scope;
    const struct value *machine; /* an object with StartAt and States */
    const struct value *map;     /* $$.Map; NULL outside a Map */
    bool jsonata;                /* the enclosing query language is JSONata */
    atomic_int *threads;         /* number of threads that may still be started */
    /* Assigned variables: of the enclosing lines, and of this line. */
    const struct value *outer, *own;
    struct arena own_arena;
    int64_t skipped_ms;  /* how far this line's clock is ahead because waits were shortened */
    int64_t deadline_ms; /* end of the execution's time limit; 0: none */
    int64_t event;
    bool keeps_point;        /* the position after a failure is recorded (for a redrive) */
    struct asl_trial *trial; /* NULL unless one state is tested */
};

/* The execution of one state. */
struct asl_visit {
    struct asl_line *line;
    struct asl_eval eval;
    const struct value *state, *raw; /* raw: the input before InputPath */
    struct str name;
    int64_t entered_ms, entered_event, before_event;
    int retries;
    struct str token; /* $$.Task.Token */
    bool timed_out;   /* the execution's own time limit has expired */
    bool again;       /* an earlier attempt of the execution entered the state */
    /* The branches as an earlier attempt left them, and as this attempt leaves them; NULL: none. */
    const struct value *left_before, *left;
    const struct value *assigned; /* variables that this state assigns; NULL: none */
    struct arena replaced;        /* holds the variables before the assignment */
};

struct asl_state_type {
    const char *name;
    /* Executes the state. Returns NULL with eval.error, timed_out or a stopped scope. */
    const struct value *(*act)(struct asl_visit *visit, const struct value *input);
    bool parameters, result; /* the type has Parameters; ResultPath */
    bool recovers;           /* the type has ResultSelector, Retry and Catch */
    bool chooses, ends;      /* choice rules select the next state; no state follows */
    bool aborts;             /* history records the abort of the state */
    bool fails;              /* history records the failure of the state */
};

/* ---- asl_run.c ---- */

/* Returns the time in this line, in milliseconds: shortened waits count in full. */
int64_t asl_now(const struct asl_line *line);
/* Waits `ms` of the line's time. Returns false if stopped, or if the execution's time limit expires
 * (visit->timed_out). */
bool asl_wait(struct asl_visit *visit, int64_t ms);
const struct value *asl_line_run(
    struct arena *arena, struct asl_line *line, const struct value *input, struct asl_outcome *out);
/* Continues at a position; *at is the position if the line does not succeed. */
const struct value *asl_line_resume(struct arena *arena, struct asl_line *line, const struct asl_point *from,
    struct asl_outcome *out, struct asl_point *at);
/* Adds a history event and returns its id; it is the previous event of the next one in this line. */
int64_t asl_event(struct asl_line *line, const char *type, const char *name, const struct value *details);
/* As asl_event(), but the next event of this line does not name it as its previous event. */
void asl_event_aside(struct asl_line *line, const char *type, const char *name, const struct value *details);
/* Evaluates Assign and Output of a state, a choice rule or a catcher. Returns the output. */
const struct value *asl_assign_and_output(
    struct asl_visit *visit, const struct value *holder, const struct value *result);

/* ---- asl_states.c ---- */

const struct asl_state_type *asl_state_type(const struct value *state); /* NULL: unknown type */
/* Returns the matching choice rule, or the state for its Default; *next is the next state. Returns NULL with
 * eval.error. */
const struct value *asl_choose(struct asl_visit *visit, const struct value *input, struct str *next);
/* Reads a number of a state from a literal (Seconds) or a path (SecondsPath). Returns false if absent, or
 * with eval.error. */
bool asl_number(struct asl_visit *visit, const char *member, const struct value *input, int64_t *out);

enum { ASL_MAX_RETRIERS = 64 };
/* Returns true if a retrier allows another attempt, after waiting for its delay. */
bool asl_retry(struct asl_visit *visit, int counts[ASL_MAX_RETRIERS]);
/* Returns the output of the matching catcher, or NULL if the failure is not caught. */
const struct value *asl_catch(struct asl_visit *visit, struct str *next);

/* ---- asl_branches.c ---- */

/* Both return the result before ResultSelector, or NULL with eval.error or a stopped scope. */
const struct value *asl_parallel(struct asl_visit *visit, const struct value *input);
const struct value *asl_map(struct asl_visit *visit, const struct value *input);
/* Returns the array of items of a Map, or NULL with eval.error. */
const struct value *asl_items(struct asl_visit *visit, const struct value *input);
/* Applies ItemSelector to an item; *map becomes $$.Map during the iteration. Returns NULL with eval.error. */
const struct value *asl_item(struct asl_visit *visit, int64_t index, const struct value *item,
    const struct value *input, const struct value **map);
/* Calls work(ctx, i) for each i below n, on threads from the host's limit for the whole execution. */
void asl_spread(
    struct asl_line *line, size_t n, size_t at_a_time, void (*work)(void *ctx, size_t i), void *ctx);

/* ---- asl_distributed.c ---- */

const struct value *asl_distributed(struct asl_visit *visit, const struct value *input);
