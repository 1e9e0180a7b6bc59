/*
 * Executions of state machines: one thread each, besides those of Parallel and Map. A running execution is in
 * memory with its history. When it ends, it is written to files below DIR/jobs/executions, and a small
 * `stored` execution replaces it in the list. Executions without an end in their file were running when the
 * sandbox ended, and become ABORTED. EXPRESS executions are not listed and have no files.
 *
 *   executions.c     starting, running, ending, stopping
 *   map_runs.c       the list; runs of distributed Maps; redrive
 *   store.c          files, and events in CloudWatch Logs
 *   tasks.c          tasks: calls of other services
 *   task_resource.c  resources of tasks, and task tokens
 *   item_reader.c    ItemReader and ResultWriter of distributed Maps
 *   test_state.c     TestState, JSONata
 *   operations.c     operations
 *   versions.c, aliases.c   versions and aliases of machines
 *
 * An execution lives as long as its activity (sandbox/calls/services.h); the list holds a reference to each.
 */
#pragma once

#include "sandbox/asl/asl.h"
#include "sandbox/calls/services.h"

struct jsonata;
struct task_token;
struct map_run;

struct executions {
    struct services *services;
    /* Guards everything here except the tokens, and the changing members of executions. services->lock may be
     * taken while it is held, but not the other way round. */
    pthread_mutex_t lock;
    bool loaded;
    struct execution **items; /* in order of their start */
    size_t n, cap;
    uint64_t stored;           /* bytes in files of ended executions */
    struct task_token *tokens; /* guarded by services->lock; waiters use its condition */
    struct jsonata *jsonata;   /* has its own lock */
};

/* Log level. */
enum execution_log { LOG_OFF, LOG_FATAL, LOG_ERROR, LOG_ALL };

struct execution {
    struct executions *all;
    struct activity *activity;
    struct arena arena;
    struct str arn, name, machine, machine_name, region;
    struct str version, alias; /* ARNs that it was started by; "": none */
    bool express;
    int64_t start_ms, redrives, redriven_ms;
    struct str redrive_token; /* of the last redrive */
    uint64_t stored; /* bytes in its files, which have the members below except the result; 0: not stored */
    struct str role;
    const struct value *definition;
    struct str input;    /* JSON text */
    struct asl_point at; /* where it failed */
    struct asl_scope scope;
    enum execution_log log, log_wanted; /* log: the level once its stream exists */
    bool log_data;                      /* log inputs and outputs as well */
    struct str log_group, log_stream;
    /* guarded by the lock: */
    bool ending; /* its last event is written, but not shown before it has ended */
    bool ended;
    enum asl_status status;
    int64_t stop_ms;
    struct str output, error, cause;   /* p NULL: none */
    struct str stop_error, stop_cause; /* of StopExecution */
    const struct value **events;
    size_t event_count, event_cap;
    struct map_run *map_runs; /* newest first; in the arena */
    uint64_t history;         /* approximate size of the history in bytes */
};

struct executions *executions_new(struct services *services);
/* Ends all executions soon: waiting ends, and no further state starts. */
void executions_stop(struct executions *all);
void executions_free(struct executions *all);
struct executions *services_executions(struct services *services);

extern const struct activity_ops execution_run_ops;

/* The definition to run: the current machine, or a published version. */
struct machine {
    struct control_record record; /* attrs are those of the version */
    struct str version, alias;    /* ARNs; "": not started by one */
};

struct execution_request {
    const struct machine *machine;
    struct str region, name, input; /* name "": a random one; input: JSON text */
};

/* Starts an execution. A running one with the same name and input is returned instead. The caller releases
 * (*out)->activity. */
int execution_start(
    struct executions *all, const struct execution_request *request, struct execution **out, struct err *err);
/* Returns an execution with a reference for the caller, or NULL. */
struct execution *execution_find(struct executions *all, struct str arn);
/* Runs an execution of the list on a thread of its own. */
void execution_run(struct execution *execution);
void execution_stop(struct execution *execution, struct str error, struct str cause);
/* Returns RUNNING, SUCCEEDED … The lock must be held. */
const char *execution_status(const struct execution *execution);
/* Adds an event to the history and returns its id. `execution` is a struct execution, as for all functions of
 * struct asl_host. */
int64_t execution_event(
    void *execution, int64_t previous, const char *type, const char *name, const struct value *details);
/* Returns the execution as DescribeExecution shows it. */
const struct value *execution_describe(struct execution *execution, struct arena *arena);

/* A single state, run on the caller's thread in an unlisted execution. */
struct execution_trial {
    const struct value *definition, *input;
    const struct value *context; /* NULL: a default one */
    struct str state, role;
};
void execution_try(struct executions *all, const struct service_call *call,
    const struct execution_trial *what, struct asl_trial *trial, struct asl_outcome *out);

/* ---- test_state.c ---- */

service_handler do_test_state;

struct jsonata *jsonata_new(void);
void jsonata_free(struct jsonata *jsonata);
/* See struct asl_host. Thread-safe. */
const struct value *jsonata_evaluate(
    struct jsonata *jsonata, struct arena *arena, const struct value *request, struct str *why);

/* ---- map_runs.c ---- */

/* Adds a new execution to the list. *out is it, or the running one with the same name and input. The lock
 * must be held. */
int executions_add(struct executions *all, struct execution *made, struct execution **out, struct err *err);
/* Replaces an execution by `other` (NULL: removes it). False: it is not in the list. The lock must be
 * held. */
bool executions_replace(struct executions *all, struct execution *one, struct execution *other);

/* Returns why the execution cannot be redriven, or NULL if it can. The lock must be held. */
const char *execution_not_redrivable(const struct execution *execution);
service_handler do_redrive;

/* ---- store.c ---- */

/* Reads the log settings. `logging`: the machine's attribute. Call it before other threads know the
 * execution. */
void execution_log_prepare(struct execution *execution, const struct value *logging);
/* Creates the log stream. Call it before the execution runs. */
void execution_log_open(struct execution *execution);
void execution_log_event(
    struct execution *execution, int64_t id, int64_t previous, const char *type, const struct value *details);

/* ---- operations.c ---- */

/* -1 with InvalidArn if the text is not an ARN. */
int executions_arn(struct str arn, struct err *err);
/* Returns the message of the service's JSON parser, and the error's column. */
struct str executions_not_json(struct arena *arena, struct str text, size_t *column);
/* service_answer_page() with this service's page size and errors. */
int executions_answer_page(
    struct service_call *call, const char *member, const struct value *all, struct err *err);
/* Finds the execution that the call names, with a reference for the caller. EXPRESS executions are
 * refused. */
int execution_of(const struct service_call *call, struct execution **out, struct err *err);
/* Returns an event's details without inputs and outputs. */
const struct value *execution_without_data(struct arena *arena, const struct value *details);

/* ---- store.c ---- */

void executions_load(struct executions *all); /* the lock must be held */
/* Writes the execution, and its history if stop_ms is set. Returns the stored execution for the list, or NULL
 * if it has not ended or could not be written (printed on stderr). */
struct execution *execution_save(struct execution *execution);
void execution_forget(const struct execution *execution);
/* Returns a stored execution as it was when it ended, to be redriven; NULL with err. */
struct execution *execution_restore(struct execution *stored, struct err *err);
/* Returns all members except the history. Valid while the caller holds a reference to the execution. */
const struct value *execution_record(struct execution *execution, struct arena *arena);
/* Adds the events with index `first` up to `end`, of the first n; `backward`: newest first. */
size_t execution_event_count(struct execution *execution);
void execution_events(struct execution *execution, size_t n, size_t first, size_t end, bool backward,
    struct value_builder *out);

/* ---- tasks.c ---- */

const struct value *execution_task(
    void *execution, struct arena *arena, struct asl_task *task, struct asl_error *error);

/* ---- distributed Maps; see struct asl_host ---- */

const struct value *execution_read_items(
    void *execution, struct arena *arena, const struct value *reader, struct asl_error *error);
const struct value *execution_write_results(void *execution, struct arena *arena,
    const struct asl_map_run *run, const struct value *writer, const struct asl_map_result *results, size_t n,
    struct asl_error *error);
void execution_map_run(void *execution, struct arena *arena, struct asl_map_run *run);
/* Copies the map runs. Hold the lock, unless other threads do not know `to`. */
void execution_copy_map_runs(struct execution *to, const struct execution *from);
service_handler do_describe_map_run, do_list_map_runs;

/* ---- versions.c, aliases.c ---- */

/* Returns the machine's ARN of a version's or alias's ARN; *rest is what follows it. */
struct str machine_part(struct str arn, struct str *rest);
/* Finds the definition by the ARN of a machine, version or alias (which selects a version). */
int machine_find(const struct service_call *call, struct str arn, struct machine *out, struct err *err);
/* Finds the machine by any of these ARNs; *rest is what follows the machine's ARN, or "". */
int machine_of(const struct service_call *call, struct str arn, struct control_record *out, struct str *rest,
    struct err *err);
/* Returns the machine's note: {last, versions: [{version, arn, attrs, shown …}], aliases: [{name …}]}. */
const struct value *machine_note(const struct service_call *call, const struct control_record *machine);
int machine_note_change(const struct service_call *call, const struct control_record *machine,
    const struct value *note, const char *member, const struct value *list, struct err *err);
const struct value *machine_note_list(const struct value *note, const char *member);
/* True if the alias routes to the version. */
bool alias_uses(const struct value *alias, struct str version);
/* Returns the version for the next execution, chosen by the alias's weights. */
struct str alias_choose(const struct value *alias);
service_handler do_create_machine, do_update_machine, do_describe_versioned, do_publish, do_list_versions,
    do_delete_version;
service_handler do_create_alias, do_describe_alias, do_update_alias, do_delete_alias, do_list_aliases;
/* Returns the variables that each state refers to, or NULL if there are none. */
const struct value *machine_references(struct arena *arena, const struct value *definition);

/* ---- task_resource.c ---- */

struct task_token *task_token_new(struct executions *all, struct str token);
void task_token_free(struct executions *all, struct task_token *token);

enum token_end { TOKEN_DONE, TOKEN_FAILED, TOKEN_TIMEOUT, TOKEN_NO_HEARTBEAT, TOKEN_STOPPED };
/* Waits for the token's end. The result or error is in the arena. */
enum token_end task_token_wait(struct task_token *token, struct arena *arena, const struct asl_task *task,
    const struct value **output, struct asl_error *error);

/* Offers the task to workers of an activity. Both strings must live as long as the token. */
void task_token_offer(struct task_token *token, struct str activity, struct str input);
/* Waits until a worker takes the task: TOKEN_DONE, and its name in *worker, which lives as long as the
 * token. */
enum token_end task_token_wait_taken(
    struct task_token *token, const struct asl_task *task, struct str *worker);
/* Takes the oldest offered task, waiting up to timeout_ms. False: none. */
bool task_token_take(struct executions *all, struct arena *arena, struct str activity, struct str worker,
    int64_t timeout_ms, struct str *token, struct str *input);

enum token_report { TOKEN_REPORT_DONE, TOKEN_REPORT_FAILED, TOKEN_REPORT_ALIVE };
/* Reports the result of a token. False: the token is unknown or has ended. */
bool task_token_report(struct executions *all, struct str token, enum token_report what,
    const struct value *output, const struct asl_error *error);

/*
 * The operation that a task's resource names: arn:aws:states:::glue:startJobRun.sync is Glue's StartJobRun,
 * and waits for the run's end; aws-sdk:glue:getJob is GetJob. Machines capitalise all members; for services
 * that do not, requests and responses are converted.
 *
 * Call task_resource_read() first. Strings are in the arena or belong to the task.
 */
enum task_resource_flag {
    TASK_RESOURCE_SYNC = 1,  /* .sync is supported */
    TASK_RESOURCE_TOKEN = 2, /* .waitForTaskToken is supported */
    TASK_RESOURCE_CAMEL = 4, /* the service's members are camelCase */
};

struct task_resource {
    struct execution *execution;
    struct arena *arena;
    struct asl_task *task;
    struct asl_error *error;
    struct str service, action; /* as in the ARN: "glue", "startJobRun.sync" */
    struct str signing_name, operation, errors;
    unsigned flags;
    const char *text, *around;
    bool sync, json_output, token;
    bool refused;          /* the operation was refused, so there is nothing to wait for */
    bool lambda, function; /* lambda: invokes a function; function: the resource is the function's ARN */
    bool activity;
    struct str worker; /* of an activity */
    struct activity *run;
    int64_t deadline_ms; /* monotonic; 0: none */
};

/* Fills in the other members by the resource: arn:aws:states:::SERVICE:ACTION[.PATTERN], or the ARN of a
 * function or activity. False: unknown. */
bool task_resource_read(struct task_resource *call);
/* Returns the task's input as the operation's input. */
const struct value *task_resource_request(struct task_resource *call);
/* Returns the operation's output, or that of the run, as the machine sees it; not for functions. */
const struct value *task_resource_answer(struct task_resource *call, const struct value *output);
