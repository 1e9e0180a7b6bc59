/*
 * The base of all services. The control plane stores the records of resources (control.h); everything else is
 * an operation of a service, and what an operation starts is an activity.
 *
 *   front.c         requests with a verified signature, dispatched to an operation or the control plane
 *   dispatch.c      selection of the operation, decoding of input, encoding of output
 *   service_call.c  helpers for handlers
 *   inner_call.c    operations called inside the sandbox; activities and waiting for their end
 *   services.c      threads, folders, waiting, shutdown
 *
 * The sandbox itself calls operations without HTTP: services_call() for any operation, services_start() to
 * wait for the end of what it starts (tasks of state machines, schedules).
 *
 * Order of calls: services_new(); then the parts; services_interrupt() wakes all waiting threads;
 * services_wait_threads(); services_free(). Every function is thread-safe.
 */
#pragma once

#include "sandbox/control/control.h"
#include "sandbox/iam/gate.h"

/* ---- operations and their handlers ----
 *
 * An operation is a row {service, name, handler} in one of the tables of services/registry.c. The protocol of
 * the service's spec determines decoding, encoding and error responses; of REST operations also method, path,
 * and the members outside the body (`operations`). Input and output are maps with the service's member names
 * (botocore's), as in JSON; query and path members are strings. Rows take precedence over specs.
 *
 * Handlers run on the caller's thread without any lock (except service_enter()), and may wait while
 * services_stopping() is false. */
struct services;
struct activity;
struct session;
struct service_operation;

/* A streamed response (http/exchange.h) of AWS event stream messages. */
struct service_stream {
    ssize_t (*read)(void *ctx, uint64_t position, char *out, size_t n); /* NULL: no stream */
    void *ctx;
    void (*free)(void *ctx);
};

struct service_call {
    struct services *services;
    struct arena *arena;
    struct str region;
    const struct service_operation *operation;
    enum wire_protocol protocol;
    const struct value *input;   /* a map */
    const struct value *output;  /* the response, set by the handler: a map; NULL: empty */
    const struct value *refusal; /* JSON body of the error response; NULL: only code and message */
    /* REST-JSON: the control plane answers a request with these members instead of the original ones. */
    const struct value *forward;
    struct service_stream stream;
    bool declined; /* the control plane answers the original request */
    int status;    /* REST: HTTP status of the response; 0: from the spec, or 200 */
    /* The caller waits for the activity that this call starts. The handler sets `activity` to a reference
     * (activity_keep()) and does not wait itself. */
    bool wants_activity;
    struct activity *activity;
    struct str host;              /* Host header of the request; "": an inner call */
    struct str trace;             /* X-Amzn-Trace-Id; "": none */
    struct str request_id;        /* sent to the client; a handler may replace it */
    const struct session *caller; /* role session or user; NULL: the sandbox's own key, or an inner call */
};

/* Returns 0, or -1 with err->code, http_status and message of the service: service_refuse(). */
typedef int service_handler(struct service_call *call, struct err *err);

struct service_operation {
    const char *service; /* signing name: "glue", "states" */
    const char *name;    /* "StartJobRun" */
    service_handler *handler;
};

/* control_find() and control_list() in the region of the call. */
bool service_find(
    const struct service_call *call, struct str type, struct str reference, struct control_record *out);
struct control_record *service_list(const struct service_call *call, struct str type, size_t *n);
/* Has the control plane execute an operation of the call's service. service_control_same(): the call's own
 * operation and input; sets call->output for the handler to change. service_control_shown(): the same, then
 * passes each of the named members of the output, or each item of a list there, through `show`; "": the whole
 * output. */
int service_control(const struct service_call *call, const char *operation, const struct value *input,
    const struct value **output, struct err *err);
int service_control_same(struct service_call *call, struct err *err);
int service_control_shown(struct service_call *call, const char *members,
    const struct value *(*show)(struct service_call *call, const struct value *v), struct err *err);

/* Reads a required string member. Returns -1 with ValidationException or the service's equivalent if it is
 * missing or empty. */
int service_required(const struct service_call *call, const char *member, struct str *out, struct err *err);
/* Reads a list member with `least` to `most` items. Returns -1 with the service's error for another number.
 */
int service_list_within(const struct service_call *call, const char *member, uint32_t least, uint32_t most,
    const struct value **out, struct err *err);
/* True if the call is this operation, for a handler of several operations. */
bool service_is(const struct service_call *call, const char *operation);
/* Returns a list member of a request: a single value becomes a list of one, and the form encoding's `member`
 * level is removed. NULL if absent. */
const struct value *service_items(struct arena *arena, const struct value *map, const char *member);
/* EC2's DryRun, called after all checks: returns -1 with DryRunOperation if the flag is set. */
int service_dry_run(const struct service_call *call, struct err *err);
/* Adds a member to the response; null is omitted. */
void service_answer(struct service_call *call, const char *member, const struct value *v);
/* Adds a string to the response; an empty string is omitted. */
void service_answer_text(struct service_call *call, const char *member, struct str text);
/* Refuses members that no handler supports (sandbox/names/unserved.txt), checks the others against the spec's
 * `requests`, with AWS's messages, and refuses a request without a required string member
 * (sandbox/names/required.txt). */
int service_check_members(const struct service_call *call, struct err *err);
/* Returns a number, or a string with a number, or `fallback`. */
int64_t service_int(const struct value *map, const char *member, int64_t fallback);
/* True for a true member or the string "true". */
bool service_flag(const struct value *map, const char *member);
/* As service_int(), limited to the range from `least` to `most`. */
int64_t service_int_within(
    const struct value *map, const char *member, int64_t fallback, int64_t least, int64_t most);
/* The absolute limit of service_int(), so that calculations do not overflow: milliseconds until the year
 * 5138, which fit an int64_t even as minutes converted to milliseconds. */
#define SERVICE_INT_MOST INT64_C(100000000000000)
/* Returns a time in the format of the protocol: seconds since 1970 in JSON, otherwise RFC 3339. NULL if the
 * time is 0. */
const struct value *service_time(const struct service_call *call, int64_t wall_ms);
/* Computes a page of a list of n: *first and *end, and *next, the token of the next page or NULL. Tokens
 * encode positions. */
int service_page(const struct service_call *call, const char *token, const char *size, size_t most, size_t n,
    size_t *first, size_t *end, const struct value **next, struct err *err);
/* Adds one page of a list to the response: `member` and the service's next token, by default NextToken if
 * `member` begins with a capital letter, else nextToken. */
int service_answer_page(
    struct service_call *call, const char *member, const struct value *all, size_t most, struct err *err);
/*
 * Executes a batch as SQS and SNS do: calls one(call, ctx, entry) for each entry. Results go to Successful;
 * NULL with err goes to Failed. Returns -1 if there are no entries, too many, or duplicate or invalid Ids;
 * the error codes begin with `prefix`.
 */
typedef const struct value *service_entry(
    struct service_call *call, const void *ctx, const struct value *entry, struct err *err);
int service_batch(struct service_call *call, const struct value *entries, const char *prefix,
    service_entry *one, const void *ctx, struct err *err);

/*
 * Reads a note: a map stored beside a record of the control plane, in DIR/jobs/KIND. The members `id` and
 * `made` tie it to the record, so another record with the same name has no note. Empty if there is no
 * readable note. A caller that changes a note after reading it holds a lock of its own.
 */
const struct value *service_note_read(
    const struct service_call *call, const char *kind, const struct control_record *record);
/* Read and replace the only member of a note, a list. Empty if there is no readable note. */
const struct value *service_note_list(const struct service_call *call, const char *kind,
    const struct control_record *record, const char *member);
int service_note_list_write(const struct service_call *call, const char *kind,
    const struct control_record *record, const char *member, const struct value *list, struct err *err);
/* Returns -1 with the service's internal error for data that cannot be stored. */
int service_cannot_store(const struct service_call *call, const struct err *why, struct err *err);
int service_note_write(const struct service_call *call, const char *kind, const struct control_record *record,
    const struct value *note, struct err *err);

/* ---- activities (inner_call.c): a job run, a function invocation, a query or an execution, whose end the
 * caller may wait for. Reference-counted; safe from every thread ---- */

enum activity_state {
    ACTIVITY_WAITING, /* queued */
    ACTIVITY_STARTING,
    ACTIVITY_RUNNING,
    ACTIVITY_STOPPING,
    ACTIVITY_SUCCEEDED, /* this and the following states are final */
    ACTIVITY_FAILED,
    ACTIVITY_TIMEOUT,
    ACTIVITY_STOPPED,
};

/* An array initialiser with a service's names of the states. */
#define ACTIVITY_NAMES(waiting, starting, running, stopping, succeeded, failed, timeout, stopped)            \
    {                                                                                                        \
        [ACTIVITY_WAITING] = waiting, [ACTIVITY_STARTING] = starting, [ACTIVITY_RUNNING] = running,          \
        [ACTIVITY_STOPPING] = stopping, [ACTIVITY_SUCCEEDED] = succeeded, [ACTIVITY_FAILED] = failed,        \
        [ACTIVITY_TIMEOUT] = timeout, [ACTIVITY_STOPPED] = stopped                                           \
    }

/* The result of an activity. Strings and values are allocated in the arena passed to activity_result(). */
struct activity_result {
    enum activity_state state;
    struct str error, cause;    /* of a failure: error name (a function's errorType) and message */
    const struct value *output; /* as the service describes it: a JobRun, a job's detail, a payload */
};

/* Waits for the end; true if the activity has ended. timeout_ms 0: does not wait; < 0: no limit (but returns
 * when services stop). */
bool activity_wait(struct activity *activity, int64_t timeout_ms);
/* Requests the end of an activity, which may take a moment. */
void activity_stop(struct activity *activity);
/* Called after the end of the activity. */
void activity_result(struct activity *activity, struct arena *arena, struct activity_result *out);
void activity_release(struct activity *activity);

/* For the code that creates activities, which owns `ctx`: free is called with the last reference. */
struct activity_ops {
    void (*stop)(void *ctx);
    const struct value *(*output)(void *ctx, struct arena *arena); /* called after the end */
    void (*free)(void *ctx);
};
struct activity *activity_new(struct services *services, const struct activity_ops *ops, void *ctx);
struct activity *activity_keep(struct activity *activity); /* adds a reference */
void activity_set_state(struct activity *activity, enum activity_state state);
/* Sets a final state; later calls have no effect. error and cause may be empty. */
void activity_end(struct activity *activity, enum activity_state state, struct str error, struct str cause);

struct exchange;
struct log_sink;
struct logs;

/* `tables` of operations: each ends with {0}, the list with NULL. */
struct services *services_new(
    struct sandbox *sandbox, struct control *control, const struct service_operation *const *tables);
void services_interrupt(struct services *services);
void services_wait_threads(struct services *services);
void services_free(struct services *services);

/*
 * Handles a request whose signature has been verified. Returns false if the control plane has to answer it:
 * then nothing has been changed.
 */
bool services_handle(struct services *services, struct exchange *x, struct wire_message *answer);

/* ---- inner calls ---- */

struct service_request {
    struct str service, operation; /* "glue", "StartJobRun" */
    struct str region;
    const struct value *input;
    const struct gate_caller *as; /* identity whose policies must allow the call; NULL: no check */
    struct str trace;             /* X-Amzn-Trace-Id; "": none */
};

/* Returns a session of a role of this account, for an inner call. `role` is its ARN or name, `name` the
 * session name. */
struct session services_role_session(struct str role, struct str name);

/*
 * Executes an operation; one without a handler goes to the control plane. *output is allocated in the arena.
 * ERR_INVALID without a code: the sandbox does not have the operation.
 */
int services_call(struct services *services, struct arena *arena, const struct service_request *request,
    const struct value **output, struct err *err);
/* Maps a service name of an SDK integration (aws-sdk:sfn:…) to the signing name, and to the prefix of its
 * error names. */
struct str services_sdk_service(struct str sdk);
struct str services_sdk_errors(struct arena *arena, struct str sdk);
/* As services_call(), but always executed by the control plane, even if a handler exists. */
int services_call_control(struct services *services, struct arena *arena,
    const struct service_request *request, const struct value **output, struct err *err);
/*
 * As services_call(), for operations that start an activity: Glue StartJobRun, Lambda Invoke, Batch
 * SubmitJob, EMR Serverless StartJobRun, Athena StartQueryExecution, Step Functions StartExecution. The
 * caller releases *out with activity_release().
 */
int services_start(struct services *services, struct arena *arena, const struct service_request *request,
    const struct value **output, struct activity **out, struct err *err);

/* ---- context ---- */

struct sandbox *services_sandbox(struct services *services);
struct control *services_control(struct services *services);
struct str services_account(struct services *services);
/* True if the ARN belongs to this service, by its name in ARNs ("states"). */
bool arn_is_of(struct str arn, const char *service);
/*
 * State of services between calls; created and freed by services/registry.c, which also has an accessor for
 * each.
 */
struct services_parts {
    struct logs *logs;
    struct tasks *tasks;
    struct warm_workers *warm_workers;
    struct executions *executions;
    struct functions *functions;
    struct queues *queues;
    struct streams *streams;
    struct item_engine *items;
    struct cloud_resources *cloud;
    struct daemons *daemons;
    struct listeners *listeners;
    struct hosts *hosts;
    struct outside_calls *outside_calls;
};
struct services_parts *services_parts(struct services *services);
struct logs *services_logs(struct services *services);
/* Opens a log stream for output; creates the log group and the stream if they are missing. The strings must
 * live as long as the sink. */
int service_sink_open(struct services *services, struct str region, struct str group, struct str stream,
    struct arena *arena, struct log_sink *out, struct err *err);
/* Returns the folder DIR/jobs/NAME, created if missing. */
int services_dir(
    struct services *services, struct arena *arena, const char *name, struct str *out, struct err *err);
/* For process_options: identifies processes that this sandbox has started. */
const char *services_family(const struct services *services);
bool services_stopping(struct services *services);
/*
 * Registers fn, called after each modifying request of a service that the control plane has executed, before
 * the response is sent. One per service.
 */
typedef void services_follow_fn(struct services *services);
void services_on_call(struct services *services, const char *service, services_follow_fn *fn);
void services_followed(struct services *services, struct str service, struct str operation);
/*
 * Registers fn, called with each request of a service before it is dispatched: it may rewrite names, or
 * refuse the request (-1). One per service.
 */
typedef int services_read_fn(struct services *services, struct exchange *x, struct err *err);
void services_before_call(struct services *services, const char *service, services_read_fn *fn);
/* Returns false if a registered fn refused the request; *answer is the error response. */
bool services_read(struct services *services, struct exchange *x, struct wire_message *answer);
/*
 * Registers documents readable without a signature, under paths that fn recognises. fn returns the text, or
 * false if the path is not such a document.
 */
typedef bool services_public_fn(
    struct services *services, struct arena *arena, struct str path, struct str *text);
void services_publish(struct services *services, services_public_fn *fn);
bool services_public(struct services *services, struct arena *arena, struct str path, struct str *text);
/* Waits, or returns false early when services stop. */
bool services_sleep(struct services *services, int64_t ms);
/* Starts a thread that services_wait_threads() waits for; fn must check services_stopping(). Returns -1 if
 * services are stopping or no thread can be created. */
int services_thread(struct services *services, void (*fn)(void *ctx), void *ctx);

/* Answers the requests of all services except S3. */

extern const struct responder services_responder;
