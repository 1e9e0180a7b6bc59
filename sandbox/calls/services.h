/*
 * What the sandbox runs: jobs, functions, queries, state machines, and their logs. The control plane keeps
 * records of what a stack made (control.h); what is started from these records is served here.
 *
 *   jobs.c       the table of operations, one request or inner call at a handler
 *   services_handler.c, services_note.c   what handlers need
 *   services_life.c  beginning and end, threads, folders
 *   inner.c      operations called inside the sandbox
 *   run.c        something that was started and ends: struct activity
 *   logs*.c      CloudWatch Logs: streams in files, their operations, what a program writes as events
 *   process*.c   a child process with its limits
 *   unpack.c     objects and archives onto the disk
 *   task.c       started jobs: a thread, a folder and a lasting record each
 *   script.c     their scripts, with python3 or spark-submit (spark.c); python/ is what these find
 *   glue.c       job runs
 *   lambda*.c    functions
 *   batch.c, emrserverless.c   their jobs
 *   executions*.c, asl*.c      state machines (executions.h, asl.h)
 *   events.c, event_*.c, schedules.c, schedule_time.c, targets.c   rules, schedules and what they start
 *   queues*.c, topics.c, sources.c   SQS, SNS, and queues that call functions
 *   objects.c, s3_operations.c, object_events.c   S3 from inside, and who is told of changes
 *   sts.c        temporary credentials
 *   secrets.c    versions of secrets
 *   ssm.c        parameters as they are read
 *   kms.c        what keys do
 *   ecr.c        the password of a registry
 *   metrics.c    CloudWatch's metrics
 *
 * An operation is a row {service, name, handler} in one of the tables that jobs.c names. Decoding, encoding
 * and error answers follow from the protocol that the service's spec says; REST operations add method, path
 * and the members that do not lie in the body. Input and output are maps under the service's own member names
 * (botocore's), as they lie in JSON; query and path members come as text. Rows go before what specs say.
 *
 * The sandbox itself calls operations too, without HTTP: services_call() for any, services_start() for those
 * that start something whose end is to be waited for (tasks of state machines, schedules).
 *
 * Every function is safe from every thread. Handlers run on the caller's thread without any lock, and may
 * wait as long as services_stopping() is false.
 */
#ifndef WEIR_SANDBOX_CALLS_SERVICES_H
#define WEIR_SANDBOX_CALLS_SERVICES_H

#include "sandbox/control/control.h"
#include "sandbox/engine/logs.h"
#include "sandbox/sandbox.h"

struct services;
struct activity;
struct exchange;
struct session;

int services_new(struct sandbox *sandbox, struct control *control, struct services **out, struct err *err);
/* Ends what runs and wakes who waits; from now on nothing is started. Before the HTTP server stops. */
void services_stop(struct services *services);
/* After it has stopped. */
void services_free(struct services *services);

/* ---- operations ---- */

struct service_operation;

struct service_call {
    struct services *services;
    struct arena *arena;
    struct str region;
    const struct service_operation *operation;
    enum wire_protocol protocol;
    const struct value *input;  /* a map */
    const struct value *output; /* the handler's answer: a map; NULL: an empty one */
    /* REST-JSON: the control plane answers, to a request with these members instead of those that came. */
    const struct value *forward;
    bool declined; /* the control plane answers, to the request as it came */
    /* Somebody wants to wait for what this call starts: the handler gives it a reference (activity_keep), and
     * does not wait itself. */
    bool wants_activity;
    struct activity *activity;
    struct str request_id;        /* as clients are told it; a handler may have one of its own */
    const struct session *caller; /* temporary credentials; NULL: the sandbox's own user, or itself */
};

/* 0, or -1 with err->code, http_status and message as the service says it: service_refuse(). */
typedef int service_handler(struct service_call *call, struct err *err);

/* A member of a REST operation that does not lie in the body. */
struct service_place {
    const char *member;
    enum wire_location location;
    const char *name; /* of the parameter or header */
};

struct service_operation {
    const char *service; /* as in credential scopes: "glue", "states" */
    const char *name;    /* "StartJobRun" */
    service_handler *handler;
    const char *http; /* REST only: "POST /2015-03-31/functions/{FunctionName}/invocations" */
    const struct service_place *places; /* ends with {0} */
};

/* Each service has a table of its own, which ends with {0}; jobs.c names them all. */
extern const struct service_operation athena_operations[], batch_operations[], emrserverless_operations[],
    events_operations[], glue_operations[], lambda_operations[], logs_operations[], metrics_operations[],
    s3_operations[], ecr_operations[], kms_operations[], secretsmanager_operations[], ssm_operations[],
    sns_operations[], sqs_operations[], states_operations[], sts_operations[];

/*
 * Answers a request whose signature has been verified. False: the operation is not among these (then nothing
 * was done, and the control plane may know it).
 */
bool services_handle(struct services *services, struct exchange *x, struct wire_message *answer);

/* A refusal in the service's words; returns -1. */
int service_refuse(struct err *err, int status, const char *code, const char *format, ...)
    __attribute__((format(printf, 4, 5)));
/* ValidationException and its kin for a member that must be there: empty text where it is not, with err set.
 */
int service_required(const struct service_call *call, const char *member, struct str *out, struct err *err);
/* Refuses members that no handler looks at, by name. */
int service_check_members(const struct service_call *call, struct err *err);
/* A number or its text; the fallback where there is none. */
int64_t service_int(const struct value *map, const char *member, int64_t fallback);
/* The nearest number from `least` to `most`. */
int64_t service_int_within(
    const struct value *map, const char *member, int64_t fallback, int64_t least, int64_t most);
/* service_int()'s own bound: requests have what they like, and it is calculated with. Milliseconds until the
 * year 5138, and still an int64_t as minutes that become milliseconds. */
#define SERVICE_INT_MOST INT64_C(100000000000000)
/* A time as the protocol writes it: seconds since 1970 in JSON, RFC 3339 otherwise; NULL where ms is 0. */
const struct value *service_time(const struct service_call *call, int64_t wall_ms);
/* One page of a list: tokens are positions as text. *first and *end; the token of the next page or NULL. */
int service_page(const struct service_call *call, const char *token, const char *size, size_t most, size_t n,
    size_t *first, size_t *end, const struct value **next, struct err *err);
/*
 * The output of a batch, as SQS and SNS answer it: one(call, ctx, entry) for each entry by itself, whose
 * answer goes to Successful; NULL with err: it failed. -1 where the entries are none, too many, or not told
 * apart by their Id: codes of such refusals begin with `prefix`.
 */
typedef const struct value *service_entry(
    struct service_call *call, const void *ctx, const struct value *entry, struct err *err);
int service_batch(struct service_call *call, const struct value *entries, const char *prefix,
    service_entry *one, const void *ctx, struct err *err);

/*
 * A note: what is kept beside a record of the control plane, a map in DIR/jobs/KIND. Another record of that
 * name has none of it: the members `id` and `made` say whose it is. Empty where there is none. Who changes a
 * note after reading it holds a lock of his own.
 */
const struct value *service_note_read(
    const struct service_call *call, const char *kind, const struct control_record *record);
int service_note_write(const struct service_call *call, const char *kind, const struct control_record *record,
    const struct value *note, struct err *err);

/* ---- inner calls ---- */

struct service_request {
    struct str service, operation; /* "glue", "StartJobRun" */
    struct str region;
    const struct value *input;
};

/*
 * *output lives in the arena. What is not in the tables goes to the control plane. ERR_INVALID, code "": the
 * sandbox has no such operation.
 */
int services_call(struct services *services, struct arena *arena, const struct service_request *request,
    const struct value **output, struct err *err);
/* A service as SDKs call it, aws-sdk:sfn:…: its name here, and the one that its errors begin with. */
struct str services_sdk_service(struct str sdk);
struct str services_sdk_errors(struct arena *arena, struct str sdk);
/* What the control plane answers, also where a table has a row of that name. */
int services_call_control(struct services *services, struct arena *arena,
    const struct service_request *request, const struct value **output, struct err *err);
/*
 * The same for what starts something: Glue StartJobRun, Lambda Invoke, Batch SubmitJob, EMR Serverless
 * StartJobRun, Athena StartQueryExecution, Step Functions StartExecution. *out is to be given back with
 * activity_release().
 */
int services_start(struct services *services, struct arena *arena, const struct service_request *request,
    const struct value **output, struct activity **out, struct err *err);

/* ---- runs ---- */

enum activity_state {
    ACTIVITY_WAITING, /* for its turn */
    ACTIVITY_STARTING,
    ACTIVITY_RUNNING,
    ACTIVITY_STOPPING,
    ACTIVITY_SUCCEEDED, /* from here on it has ended */
    ACTIVITY_FAILED,
    ACTIVITY_TIMEOUT,
    ACTIVITY_STOPPED,
};

/* How it ended. Texts and values live in the arena given to activity_result(). */
struct activity_result {
    enum activity_state state;
    struct str error, cause;    /* of one that failed: a name (a function's errorType) and what it says */
    const struct value *output; /* of the service's describing call: a JobRun, a job's detail, a payload */
};

/* True once it has ended. timeout_ms 0: just looks; < 0: without limit (but not beyond services_stop()). */
bool activity_wait(struct activity *activity, int64_t timeout_ms);
/* Asks it to end; it may take a moment. */
void activity_stop(struct activity *activity);
/* After it has ended. */
void activity_result(struct activity *activity, struct arena *arena, struct activity_result *out);
void activity_release(struct activity *activity);

/* For those who make runs. `ctx` is theirs: free is called with the last reference. */
struct activity_ops {
    void (*stop)(void *ctx);
    const struct value *(*output)(void *ctx, struct arena *arena); /* once it has ended */
    void (*free)(void *ctx);
};
struct activity *activity_new(struct services *services, const struct activity_ops *ops, void *ctx);
struct activity *activity_keep(struct activity *activity); /* one more reference */
void activity_set_state(struct activity *activity, enum activity_state state);
enum activity_state activity_state(struct activity *activity);
/* A state from ACTIVITY_SUCCEEDED on, once. error and cause may be empty. */
void activity_end(struct activity *activity, enum activity_state state, struct str error, struct str cause);

/* ---- surroundings ---- */

struct sandbox *services_sandbox(struct services *services);
struct control *services_control(struct services *services);
struct str services_account(struct services *services);
struct logs *services_logs(struct services *services);
/* A stream for what something prints; group and stream are made when they are not there. The texts must live
 * as long as the sink. */
int service_sink_open(struct services *services, struct str region, struct str group, struct str stream,
    struct arena *arena, struct log_sink *out, struct err *err);
/* A folder of this room below the sandbox's: DIR/jobs/NAME, made when it is not there. */
int services_dir(
    struct services *services, struct arena *arena, const char *name, struct str *out, struct err *err);
/* For process_options: marks what this sandbox has started. */
const char *services_family(const struct services *services);
bool services_stopping(struct services *services);
/* Waits so long, or until services_stop(); false: it is stopping. */
bool services_sleep(struct services *services, int64_t ms);
/* Starts a thread that services_stop() waits for; the function has to look at services_stopping(). -1:
 * stopping, or the system gives no more. */
int services_thread(struct services *services, void (*fn)(void *ctx), void *ctx);

#endif
