/*
 * Executions of state machines: one thread each (and what Parallel and Map take besides). While one runs it
 * is in memory with its history; once it has ended it is in files below DIR/jobs/executions, and the list has
 * a small `stored` one in its place. Those whose end was never written were running when the sandbox went
 * away: they are ABORTED. EXPRESS ones are nobody's to look at: they leave the list, and have no files.
 *
 *   executions.c             starting, running, ending, stopping
 *   map_runs.c        the list; runs of distributed Maps; trying again from where one ended badly
 *   store.c           files, and events in CloudWatch Logs
 *   tasks.c           what tasks do: other services of the sandbox, directly
 *   task_resource.c   tasks that wait until somebody says that they are done, or takes them first
 *   item_reader.c     what distributed Maps read and write
 *   operations.c      what clients ask for
 *   versions.c, aliases.c   which definition an ARN means
 *
 * An execution lives as long as its activity (sandbox/calls/services.h); the list holds one reference to
 * each.
 */
#pragma once

#include "sandbox/asl/asl.h"
#include "sandbox/calls/services.h"

struct jsonata;
struct task_token;
struct map_run;

struct executions {
    struct services *services;
    /* Of everything here but the tokens, and of the executions' changing members. jobs->lock may be taken
     * while it is held, never the other way round. */
    pthread_mutex_t lock;
    bool loaded;
    struct execution **items; /* in the order in which they were started */
    size_t n, cap;
    uint64_t stored;           /* bytes in files of those that have ended */
    struct task_token *tokens; /* under jobs->lock, on whose condition those who hold them wait */
    struct jsonata *jsonata;   /* has a lock of its own */
};

/* How much of it is logged. */
enum execution_log { LOG_OFF, LOG_FATAL, LOG_ERROR, LOG_ALL };

struct execution {
    struct executions *all;
    struct activity *activity;
    struct arena arena;
    struct str arn, name, machine, machine_name, region;
    struct str version, alias; /* ARNs that it was started by; "": none */
    bool express;
    int64_t start_ms, redrives, redriven_ms;
    struct str redrive_token; /* of the last time */
    uint64_t stored; /* bytes in its files, which have what follows but how it ended; 0: it is all here */
    struct str role;
    const struct value *definition;
    struct str input;    /* JSON text */
    struct asl_point at; /* of one that ended badly */
    struct asl_scope scope;
    enum execution_log log, log_wanted; /* log: once its stream is there */
    bool log_data;                      /* inputs and outputs too */
    struct str log_group, log_stream;
    /* under the lock */
    bool ending; /* its last event is written, and told once it has ended */
    bool ended;
    enum asl_status status;
    int64_t stop_ms;
    struct str output, error, cause;   /* p NULL: none */
    struct str stop_error, stop_cause; /* of StopExecution */
    const struct value **events;
    size_t event_count, event_cap;
    struct map_run *map_runs; /* newest first; in the arena */
    uint64_t history;         /* about so many bytes of it are kept */
};

struct executions *executions_new(struct services *services);
/* Whoever runs comes to its end soon: nothing waits, no further state begins. */
void executions_stop(struct executions *all);
void executions_free(struct executions *all);
struct executions *services_executions(struct services *services);

extern const struct activity_ops execution_run_ops;

/* What runs: a machine as it is, or as it was when a version of it was published. */
struct machine {
    struct control_record record; /* with the attributes that count */
    struct str version, alias;    /* ARNs; "": it was not named by one */
};

struct execution_request {
    const struct machine *machine;
    struct str region, name, input; /* name "": a random one; input: JSON text, checked here */
};

/* *out is the caller's to release (execution->run); an execution of that name with that input that runs is
 * it. */
int execution_start(
    struct executions *all, const struct execution_request *request, struct execution **out, struct err *err);
/* With a reference of the caller's; NULL: there is none. */
struct execution *execution_find(struct executions *all, struct str arn);
/* Runs one that is in the list, on a thread of its own. */
void execution_run(struct execution *execution);
void execution_stop(struct execution *execution, struct str error, struct str cause);
/* RUNNING, SUCCEEDED … ; with the lock held. */
const char *execution_status(const struct execution *execution);
/* Adds to the history. This one, and what is said in struct asl_host, is called with an execution. */
int64_t execution_event(
    void *execution, int64_t previous, const char *type, const char *name, const struct value *details);
/* As the service's DescribeExecution says it. */
const struct value *execution_describe(struct execution *execution, struct arena *arena);

/* One state by itself, in an execution that nobody else knows, on this thread. */
struct execution_trial {
    const struct value *definition, *input;
    const struct value *context; /* NULL: made up */
    struct str state, role;
};
void execution_try(struct executions *all, const struct service_call *call,
    const struct execution_trial *what, struct asl_trial *trial, struct asl_outcome *out);

/* ---- test_state.c ---- */

service_handler do_test_state;

struct jsonata *jsonata_new(void);
void jsonata_free(struct jsonata *jsonata);
/* See struct asl_host; from any thread. */
const struct value *jsonata_evaluate(
    struct jsonata *jsonata, struct arena *arena, const struct value *request, struct str *why);

/* ---- map_runs.c ---- */

/* A new one gets its place; *out is it, or the one that runs under its name with the same input. With the
 * lock held. */
int executions_add(struct executions *all, struct execution *made, struct execution **out, struct err *err);
/* One leaves the list, or `other` takes its place; false: it is not in it. With the lock held. */
bool executions_replace(struct executions *all, struct execution *one, struct execution *other);

/* Why it cannot be tried again; NULL: it can. With the lock held. */
const char *execution_not_redrivable(const struct execution *execution);
service_handler do_redrive;

/* ---- store.c ---- */

/* While nobody else knows the execution. `logging`: the machine's attribute. */
void execution_log_prepare(struct execution *execution, const struct value *logging);
/* Before it runs. */
void execution_log_open(struct execution *execution);
void execution_log_event(
    struct execution *execution, int64_t id, int64_t previous, const char *type, const struct value *details);

/* ---- operations.c ---- */

/* InvalidArn where it is none at all. */
int executions_arn(struct str arn, struct err *err);
/* What the service's parser says of a text that is no JSON, and how far it came. */
struct str executions_not_json(struct arena *arena, struct str text, size_t *column);
/* service_page() in this service's words. */
int executions_page(struct service_call *call, size_t n, size_t *first, size_t *end,
    const struct value **next, struct err *err);
/* The one that the call names, with a reference. An EXPRESS one is nobody's to look at. */
int execution_of(const struct service_call *call, struct execution **out, struct err *err);
/* An event's details without inputs and outputs. */
const struct value *execution_without_data(struct arena *arena, const struct value *details);

/* ---- store.c ---- */

void executions_load(struct executions *all); /* with the lock held */
/* Writes all of it, with its history once stop_ms is known. What then stands for it in the list; NULL: it has
 * not ended, or could not be written (which was said on stderr). */
struct execution *execution_save(struct execution *execution);
void execution_forget(const struct execution *execution);
/* A stored one as it was when it ended, to be run once more; NULL with err. */
struct execution *execution_revive(struct execution *stored, struct err *err);
/* All of it but the history, under the members' names; of no use without a reference to the execution. */
const struct value *execution_record(struct execution *execution, struct arena *arena);
/* Events from the one with index `first` on, up to `end`, of n that there were; the latest first where
 * `backward`. */
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
/* With the lock held, or while nobody else knows `to`. */
void execution_copy_map_runs(struct execution *to, const struct execution *from);
service_handler do_describe_map_run, do_list_map_runs;

/* ---- versions.c, aliases.c ---- */

/* The machine's own ARN of one that may go on; *rest is what follows it. */
struct str machine_part(struct str arn, struct str *rest);
/* By the ARN of a machine, of one of its versions or of an alias, which is followed. */
int machine_find(const struct service_call *call, struct str arn, struct machine *out, struct err *err);
/* By any of these ARNs; *rest is what follows the machine's name ("": nothing). */
int machine_of(const struct service_call *call, struct str arn, struct control_record *out, struct str *rest,
    struct err *err);
/* The note of a machine: {last, versions: [{version, arn, attrs, shown …}], aliases: [{name …}]}. */
const struct value *machine_note(const struct service_call *call, const struct control_record *machine);
int machine_note_change(const struct service_call *call, const struct control_record *machine,
    const struct value *note, const char *member, const struct value *list, struct err *err);
const struct value *machine_note_list(const struct value *note, const char *member);
/* Does an alias name the version? */
bool alias_uses(const struct value *alias, struct str version);
/* The version that an alias sends the next execution to. */
struct str alias_choose(const struct value *alias);
service_handler do_create_machine, do_update_machine, do_describe_versioned, do_publish, do_list_versions,
    do_delete_version;
service_handler do_create_alias, do_describe_alias, do_update_alias, do_delete_alias, do_list_aliases;
/* The variables that states refer to; NULL: none. */
const struct value *machine_references(struct arena *arena, const struct value *definition);

/* ---- task_resource.c ---- */

struct task_token *task_token_new(struct executions *all, struct str token);
void task_token_free(struct executions *all, struct task_token *token);

enum token_end { TOKEN_DONE, TOKEN_FAILED, TOKEN_TIMEOUT, TOKEN_NO_HEARTBEAT, TOKEN_STOPPED };
/* Waits for its end; the result or the error, in the arena. */
enum token_end task_token_wait(struct task_token *token, struct arena *arena, const struct asl_task *task,
    const struct value **output, struct asl_error *error);

/* Puts it up for workers that ask for tasks of this activity. Text and value live as long as the token. */
void task_token_offer(struct task_token *token, struct str activity, struct str input);
/* Waits until a worker has it, whose name lives as long as the token: TOKEN_DONE. Its time begins then. */
enum token_end task_token_wait_taken(
    struct task_token *token, const struct asl_task *task, struct str *worker);
/* The oldest that is put up, after timeout_ms at the latest; false: there is none. */
bool task_token_take(struct executions *all, struct arena *arena, struct str activity, struct str worker,
    int64_t timeout_ms, struct str *token, struct str *input);

enum token_report { TOKEN_REPORT_DONE, TOKEN_REPORT_FAILED, TOKEN_REPORT_ALIVE };
/* False: nobody waits for it. */
bool task_token_report(struct executions *all, struct str token, enum token_report what,
    const struct value *output, const struct asl_error *error);

/*
 * What one task of a state machine is to do, as its resource says:
 * arn:aws:states:::glue:startJobRun.sync is StartJobRun of Glue, and the end of what that starts;
 * aws-sdk:glue:getJob is GetJob as it is. Machines write all members with a capital letter; some services do
 * not, so requests and answers are respelt on their way.
 *
 * task_resource_read() first; all texts are in its arena or are the task's.
 */
enum task_resource_flag {
    TASK_RESOURCE_SYNC = 1,  /* .sync is there */
    TASK_RESOURCE_TOKEN = 2, /* .waitForTaskToken too */
    TASK_RESOURCE_CAMEL = 4, /* the service's members begin with a small letter; in a machine they do not */
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
    bool refused;          /* before anything was started whose end is waited for */
    bool lambda, function; /* function: a Lambda function's own ARN */
    bool activity;
    struct str worker; /* of an activity */
    struct activity *run;
    int64_t deadline_ms; /* on the monotonic clock; 0: none */
};

/* Fills in the rest from the resource: arn:aws:states:::SERVICE:ACTION[.PATTERN], or the ARN of a function or
 * activity. False: the sandbox knows no such thing. */
bool task_resource_read(struct task_resource *call);
/* The task's input as the operation takes it. */
const struct value *task_resource_request(struct task_resource *call);
/* What the operation, or what it started, has given, as the machine sees it; not a function's answer. */
const struct value *task_resource_answer(struct task_resource *call, const struct value *output);
