/* Shared by the interpreter's files; see asl.h. */
#pragma once

#include "provider/notation/asl_check.h"
#include "sandbox/asl/asl.h"

/* Where something is evaluated. */
struct asl_eval {
    struct arena *arena;
    const struct asl_host *host;
    const struct value *context;                       /* $$ */
    const struct value *variables;                     /* $name; NULL: none */
    bool jsonata;                                      /* the state's query language */
    const struct value *input, *result, *error_output; /* JSONata's $states; NULL: none */
    struct str location;                               /* of an expression that failed */
    struct asl_error error;                            /* of the first that failed */
    bool unnamed;                                      /* it is of a Fail without Error */
    bool own; /* it comes from asl_fail(), not from a task or a branch */
};

/* -1, with the error; the first one counts. */
int asl_fail(struct asl_eval *eval, const char *name, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* ---- asl_intrinsic.c ---- */

/* NULL with eval->error. */
const struct value *asl_intrinsic(struct asl_eval *eval, struct str text, const struct value *document);

/* ---- asl_data.c ---- */

/* As it is in a message: a text without quotes. */
struct str asl_text(struct arena *arena, const struct value *v);
/* asl_path_find() with the names that are known where something is evaluated. */
const struct value *asl_look(
    struct asl_eval *eval, struct str path, const struct value *document, const char **why);
/* A path or an intrinsic. NULL with eval->error (of that name). */
const struct value *asl_find(
    struct asl_eval *eval, struct str path, const struct value *document, const char *error);
/* The same of a field that is named where it leads nowhere. */
const struct value *asl_find_field(
    struct asl_eval *eval, struct str field, struct str path, const struct value *document);
/* InputPath or OutputPath: absent is all of it, null is {}. */
const struct value *asl_filter(
    struct asl_eval *eval, const struct value *state, const char *member, const struct value *document);
/* A payload template: members that end in ".$" are filled in. */
const struct value *asl_template(
    struct asl_eval *eval, const struct value *template, const struct value *document);
/* ResultPath: what becomes of the input with the result. `holder` has the member: a state or a catcher. */
const struct value *asl_put_result(
    struct asl_eval *eval, const struct value *holder, const struct value *input, const struct value *result);

/* With its expressions evaluated; `field` is told where one fails. NULL with eval->error. */
const struct value *asl_jsonata(struct asl_eval *eval, const struct value *template, const char *field);
/* The same, of a type of JSON; NULL without an error where there is no template. */
const struct value *asl_jsonata_as(
    struct asl_eval *eval, const struct value *template, const char *field, const char *type);
/* What a state or a part of it has in a field: a payload template, or in JSONata anything with expressions in
 * it, which see nothing of the document. NULL with eval->error. */
const struct value *asl_fill(
    struct asl_eval *eval, const struct value *template, const char *field, const struct value *document);

struct asl_line;
struct asl_visit;
/* Works out Assign of a state, a rule or a catcher (visit->assigned); -1 with eval.error. */
int asl_assign(struct asl_visit *visit, const struct value *holder, const struct value *document);
/* From now on the line knows what the state assigned; -1 with eval.error. */
int asl_keep_assigned(struct asl_visit *visit);
/* All that can be named in this line. */
const struct value *asl_variables(const struct asl_line *line, struct arena *arena);

/* ---- lines and states ---- */

/* One line of states: a machine, a branch or an iteration. */
struct asl_line {
    const struct asl_execution *execution;
    struct asl_scope *scope;
    const struct value *machine; /* has StartAt and States */
    const struct value *map;     /* $$.Map; NULL outside of one */
    bool jsonata;                /* the query language of what is around the machine */
    atomic_int *threads;         /* left */
    /* What Assign has set: by the lines around this one, and here. */
    const struct value *outer, *own;
    struct arena own_arena;
    int64_t skipped_ms;  /* how far this line's clock is ahead, because waiting was shortened */
    int64_t deadline_ms; /* of the execution; 0: none */
    int64_t event;
    bool keeps;              /* where it is when it ends badly is asked for */
    struct asl_trial *trial; /* NULL: it is no trial of one state */
};

/* A state being executed. */
struct asl_visit {
    struct asl_line *line;
    struct asl_eval eval;
    const struct value *state, *raw; /* raw: its input, before InputPath */
    struct str name;
    int64_t entered_ms, entered_event, before_event;
    int retries;
    struct str token; /* $$.Task.Token */
    bool timed_out;   /* by the execution's own limit */
    bool again;       /* it was entered by an earlier attempt */
    /* What an earlier attempt left of its branches, and what this one leaves; NULL: nothing. */
    const struct value *left_before, *left;
    const struct value *assigned; /* what this state sets; NULL: nothing */
    struct arena replaced;        /* of the variables as they were before */
};

struct asl_state_type {
    const char *name;
    /* The result; NULL with eval.error, timed_out or stopped. */
    const struct value *(*act)(struct asl_visit *visit, const struct value *input);
    bool parameters, result; /* it has Parameters; ResultPath */
    bool recovers;           /* ResultSelector, Retry and Catch */
    bool chooses, ends;      /* its rules say where to go; nothing follows */
    bool aborts;             /* history tells when it is stopped */
    bool fails;              /* and when it fails */
};

/* ---- asl_run.c ---- */

/* This line's own time: waiting that was shortened has passed here. */
int64_t asl_now(const struct asl_line *line);
/* False: stopped, or the execution's time is over (visit->timed_out). */
bool asl_wait(struct asl_visit *visit, int64_t ms);
const struct value *asl_line_run(
    struct arena *arena, struct asl_line *line, const struct value *input, struct asl_outcome *out);
/* From where it stood; *at is where it is when it ends badly. */
const struct value *asl_line_resume(struct arena *arena, struct asl_line *line, const struct asl_point *from,
    struct asl_outcome *out, struct asl_point *at);
/* Why there is no output. */
int64_t asl_event(struct asl_line *line, const char *type, const char *name, const struct value *details);
/* The same, but nothing that follows in this line names it as the previous one. */
void asl_event_aside(struct asl_line *line, const char *type, const char *name, const struct value *details);
/* Assign and Output of what a state goes on with: itself, a rule or a catcher. */
const struct value *asl_hand_on(
    struct asl_visit *visit, const struct value *holder, const struct value *result);

/* ---- asl_states.c ---- */

const struct asl_state_type *asl_state_type(const struct value *state); /* NULL: no such type */
/* The rule that holds, or the state for its Default; *next: where to go. NULL with eval.error. */
const struct value *asl_choose(struct asl_visit *visit, const struct value *input, struct str *next);
/* A number that a state gives itself (Seconds) or by a path (SecondsPath). False: absent, or eval->error. */
bool asl_number(struct asl_visit *visit, const char *member, const struct value *input, int64_t *out);

enum { ASL_MAX_RETRIERS = 64 };
/* Is it to be tried again? Then that time has been waited. */
bool asl_retry(struct asl_visit *visit, int counts[ASL_MAX_RETRIERS]);
/* What goes on after a failure that is caught; NULL: it is not. */
const struct value *asl_catch(struct asl_visit *visit, struct str *next);

/* ---- asl_branches.c ---- */

/* Both: the result before ResultSelector; NULL with eval.error, or stopped. */
const struct value *asl_parallel(struct asl_visit *visit, const struct value *input);
const struct value *asl_map(struct asl_visit *visit, const struct value *input);
/* The array that a Map goes over; NULL with eval.error. */
const struct value *asl_items(struct asl_visit *visit, const struct value *input);
/* An item as ItemSelector makes it; *map: $$.Map while it is worked on. NULL with eval.error. */
const struct value *asl_item(struct asl_visit *visit, int64_t index, const struct value *item,
    const struct value *input, const struct value **map);
/* Calls work(ctx, i) for each i below n, on threads out of what the host allows the whole execution. */
void asl_spread(
    struct asl_line *line, size_t n, size_t at_a_time, void (*work)(void *ctx, size_t i), void *ctx);

/* ---- asl_distributed.c ---- */

const struct value *asl_distributed(struct asl_visit *visit, const struct value *input);
