/*
 * What all services are built on. The control plane keeps records of what a stack made (control.h); what does
 * more than that is an operation of a service, and what it starts is an activity.
 *
 *   front.c         requests whose signature is right, to an operation or to the control plane
 *   dispatch.c      which operation, what goes in, what comes out
 *   service_call.c  what handlers need
 *   inner_call.c    operations called inside the sandbox; what was started, and who waits for its end
 *   services.c      threads, folders, waiting, the end
 *
 * The sandbox itself calls operations too, without HTTP: services_call() for any, services_start() for those
 * that start something whose end is to be waited for (tasks of state machines, schedules).
 *
 * Order of calls: services_new(); then the parts; services_interrupt() wakes who waits and ends nothing more
 * than that; services_wait_threads(); services_free(). Every function is safe from every thread.
 */
#pragma once

#include "sandbox/control/control.h"
#include "sandbox/iam/gate.h"

/* ---- one request to a service, and what handlers of operations need for it.
 *
 * An operation is a row {service, name, handler} in one of the tables that services/registry.c names.
 * Decoding, encoding and error answers follow from the protocol that the service's spec says; REST operations
 * add method, path and the members that are not in the body. Input and output are maps under the service's
 * own member names (botocore's), as they are in JSON; query and path members come as text. Rows go before
 * what specs say.
 *
 * Handlers run on the caller's thread without any lock (but see service_enter()), and may wait as
 * long as services_stopping() is false.
 */
struct services;
struct activity;
struct session;
struct service_operation;

/* An answer that is read while it is sent (http/exchange.h), of messages of AWS's event stream. */
struct service_stream {
    ssize_t (*read)(void *ctx, uint64_t position, char *out, size_t n); /* NULL: it is none */
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
    const struct value *output;  /* the handler's answer: a map; NULL: an empty one */
    const struct value *refusal; /* JSON: the whole body of its error; NULL: code and text are all */
    /* REST-JSON: the control plane answers, to a request with these members instead of those that came. */
    const struct value *forward;
    struct service_stream stream;
    bool declined; /* the control plane answers, to the request as it came */
    int status;    /* REST: of the answer; 0: as the spec says, or 200 */
    /* Somebody wants to wait for what this call starts: the handler gives it a reference (activity_keep), and
     * does not wait itself. */
    bool wants_activity;
    struct activity *activity;
    struct str host;              /* where this client found the sandbox; "": the call comes from inside */
    struct str trace;             /* X-Amzn-Trace-Id; "": none */
    struct str request_id;        /* as clients get it; a handler may have one of its own */
    const struct session *caller; /* a role's session or a user; NULL: the sandbox's own user, or itself */
};

/* 0, or -1 with err->code, http_status and message as the service says it: service_refuse(). */
typedef int service_handler(struct service_call *call, struct err *err);

/* A member of a REST operation that is not in the body. */
struct service_binding {
    const char *member;
    enum wire_location location;
    const char *name; /* of the parameter or header */
};

struct service_operation {
    const char *service; /* as in credential scopes: "glue", "states" */
    const char *name;    /* "StartJobRun" */
    service_handler *handler;
    const char *http; /* REST only: "POST /2015-03-31/functions/{FunctionName}/invocations" */
    const struct service_binding *bindings; /* ends with {0} */
};

/* control_find() and control_list() in the call's region. */
bool service_find(
    const struct service_call *call, struct str type, struct str reference, struct control_record *out);
struct control_record *service_list(const struct service_call *call, struct str type, size_t *n);
/* The control plane's answer to an operation of the call's service; service_control_same(): to this one as it
 * came, for the handler to work on. */
int service_control(const struct service_call *call, const char *operation, const struct value *input,
    const struct value **output, struct err *err);
int service_control_same(struct service_call *call, struct err *err);

/* "1 validation error detected": a member that does not meet its constraint, "have length at least 1", say.
 * `value`: p NULL says null, "" nothing. */
int service_refuse_member(struct err *err, const char *code, struct str value, const char *member,
    const char *constraint, ...) __attribute__((format(printf, 5, 6)));
/* ValidationException and its kin for a member that must be there: empty text where it is not, with err set.
 */
int service_required(const struct service_call *call, const char *member, struct str *out, struct err *err);
/* Is it this operation? Of a handler that has several. */
bool service_is(const struct service_call *call, const char *operation);
/* A list in a request: one item may be by itself, and forms have it below `member`. NULL: it is not there.
 */
const struct value *service_items(struct arena *arena, const struct value *map, const char *member);
/* EC2's DryRun, once all was looked at: -1 with its refusal. */
int service_dry_run(const struct service_call *call, struct err *err);
/* A member more of the answer; nothing where the value is null. */
void service_answer(struct service_call *call, const char *member, const struct value *v);
/* Likewise; nothing where the text is empty. */
void service_answer_text(struct service_call *call, const char *member, struct str text);
/* Refuses members that are not what the spec's `requests` say, in AWS's words, and by name those that no
 * handler looks at. */
int service_check_members(const struct service_call *call, struct err *err);
/* A number or its text; the fallback where there is none. */
int64_t service_int(const struct value *map, const char *member, int64_t fallback);
/* Is it true, or the text of that, as forms have it? */
bool service_flag(const struct value *map, const char *member);
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
/* A list, of which the answer has one page: `member`, and its token as the service writes it (NextToken where
 * `member` has a capital, else nextToken). */
int service_answer_page(
    struct service_call *call, const char *member, const struct value *all, size_t most, struct err *err);
/*
 * The output of a batch, as SQS and SNS answer it: one(call, ctx, entry) for each entry by itself, whose
 * answer goes to Successful; NULL with err: it failed. -1 where there are no entries, too many, or entries
 * that cannot be told apart by their Id: codes of such refusals begin with `prefix`.
 */
typedef const struct value *service_entry(
    struct service_call *call, const void *ctx, const struct value *entry, struct err *err);
int service_batch(struct service_call *call, const struct value *entries, const char *prefix,
    service_entry *one, const void *ctx, struct err *err);

/*
 * A note: what is kept beside a record of the control plane, a map in DIR/jobs/KIND. Another record of that
 * name has none of it: the members `id` and `made` say whose it is. Empty where there is none, or none that
 * can be read: that is not written over. Who changes a note after reading it holds a lock of his own.
 */
const struct value *service_note_read(
    const struct service_call *call, const char *kind, const struct control_record *record);
/* The service's own code for what the sandbox cannot keep. */
int service_unkept(const struct service_call *call, const struct err *why, struct err *err);
int service_note_write(const struct service_call *call, const char *kind, const struct control_record *record,
    const struct value *note, struct err *err);

/* ---- inner_call.c, services.c, dispatch.c: Something that was started and ends: a job's run, a function's
 * call, a query, an execution. Who started it may wait for its end. Counted references; safe from every
 * thread. */

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

/* An array of the states' names in a service's words. */
#define ACTIVITY_NAMES(waiting, starting, running, stopping, succeeded, failed, timeout, stopped)            \
    {                                                                                                        \
        [ACTIVITY_WAITING] = waiting, [ACTIVITY_STARTING] = starting, [ACTIVITY_RUNNING] = running,          \
        [ACTIVITY_STOPPING] = stopping, [ACTIVITY_SUCCEEDED] = succeeded, [ACTIVITY_FAILED] = failed,        \
        [ACTIVITY_TIMEOUT] = timeout, [ACTIVITY_STOPPED] = stopped                                           \
    }

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

/* For those who make activities. `ctx` is theirs: free is called with the last reference. */
struct activity_ops {
    void (*stop)(void *ctx);
    const struct value *(*output)(void *ctx, struct arena *arena); /* once it has ended */
    void (*free)(void *ctx);
};
struct activity *activity_new(struct services *services, const struct activity_ops *ops, void *ctx);
struct activity *activity_keep(struct activity *activity); /* one more reference */
void activity_set_state(struct activity *activity, enum activity_state state);
/* A state from ACTIVITY_SUCCEEDED on, once. error and cause may be empty. */
void activity_end(struct activity *activity, enum activity_state state, struct str error, struct str cause);

struct exchange;
struct log_sink;
struct logs;

/* `tables` of operations: each ends with {0}, all of them with NULL. */
struct services *services_new(
    struct sandbox *sandbox, struct control *control, const struct service_operation *const *tables);
void services_interrupt(struct services *services);
void services_wait_threads(struct services *services);
void services_free(struct services *services);

/*
 * Answers a request whose signature has been verified. False: the operation is not among these (then nothing
 * was done, and the control plane may know it).
 */
bool services_handle(struct services *services, struct exchange *x, struct wire_message *answer);

/* ---- inner calls ---- */

struct service_request {
    struct str service, operation; /* "glue", "StartJobRun" */
    struct str region;
    const struct value *input;
    const struct gate_caller *as; /* whose policies have to allow it; NULL: the sandbox does it by itself */
    struct str trace;             /* X-Amzn-Trace-Id; "": none */
};

/* A role of this account, for such a call; `role` is its ARN or name. `name` is the session's. */
struct session services_role_session(struct str role, struct str name);

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

/* ---- context ---- */

struct sandbox *services_sandbox(struct services *services);
struct control *services_control(struct services *services);
struct str services_account(struct services *services);
/* Is it of a resource of that service, as ARNs call it ("states")? */
bool arn_is_of(struct str arn, const char *service);
/*
 * What services keep for themselves between calls; made and ended by services/registry.c, which also has a
 * function for each.
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
/* A stream for what something prints; group and stream are made when they are not there. The texts must live
 * as long as the sink. */
int service_sink_open(struct services *services, struct str region, struct str group, struct str stream,
    struct arena *arena, struct log_sink *out, struct err *err);
/* A folder below the sandbox's: DIR/jobs/NAME, made when it is not there. */
int services_dir(
    struct services *services, struct arena *arena, const char *name, struct str *out, struct err *err);
/* For process_options: marks what this sandbox has started. */
const char *services_family(const struct services *services);
bool services_stopping(struct services *services);
/*
 * fn is called after each request of this service's that the control plane has executed and that was not
 * one of reading, before its answer is sent: for what follows from records. One for each service.
 */
typedef void services_follow_fn(struct services *services);
void services_follow(struct services *services, const char *service, services_follow_fn *fn);
void services_followed(struct services *services, struct str service, struct str operation);
/*
 * fn reads each request of this service's before anybody else does: it may write names as others look for
 * them, or refuse (-1). One for each service.
 */
typedef int services_read_fn(struct services *services, struct exchange *x, struct err *err);
void services_read_first(struct services *services, const char *service, services_read_fn *fn);
/* False: refused, and that is the answer. */
bool services_read(struct services *services, struct exchange *x, struct wire_message *answer);
/*
 * What anybody may read without a signature, under paths that begin so: one kind of document. fn gives its
 * text; false: there is none.
 */
typedef bool services_public_fn(
    struct services *services, struct arena *arena, struct str path, struct str *text);
void services_publish(struct services *services, services_public_fn *fn);
bool services_public(struct services *services, struct arena *arena, struct str path, struct str *text);
/* Waits so long, or until services_stop(); false: it is stopping. */
bool services_sleep(struct services *services, int64_t ms);
/* Starts a thread that services_stop() waits for; the function has to look at services_stopping(). -1:
 * stopping, or the system gives no more. */
int services_thread(struct services *services, void (*fn)(void *ctx), void *ctx);

/* Who answers every service but S3. */

extern const struct responder services_responder;

/* ---- front.c: Services that spoke the query protocol before they spoke JSON (botocore:
 * awsQueryCompatible), such as SQS. Older SDKs send forms and read XML; newer ones read the query protocol's
 * error code in a header.
 *
 * query_compatible_request() comes after the signature was verified: it makes a form the JSON request of the
 * same operation. query_compatible_answer() makes every answer of such a service what its client reads. */
