/*
 * Functions. An instance is a process that serves one function, one event at a time, and stays for the next;
 * it gets events and gives answers by the Runtime API, an HTTP server of its own on loopback.
 *
 *   invoke.c            Invoke: answers
 *   async.c      events that nobody waits for: attempts, destinations, dead letters
 *   names.c      names of functions in requests
 *   names.c       which function is meant
 *   versions.c   what PublishVersion froze
 *   instance.c       which instance does it
 *   event.c      one event and what becomes of it
 *   instance.c   instances: made, running, ended
 *   instance.c    what one needs before its process starts
 *   runtime_api.c    the Runtime API
 *   code.c       code that comes inside a request
 *   layers.c     layers and their versions
 *   policies.c   what AddPermission has added
 *   targets.c    what requests refer to: versions, aliases
 *   concurrency.c    what is reserved and provisioned
 *   invoke.c      chains of events that come back again and again
 *
 * One lock for all instances and invocations (functions->lock), held briefly.
 */
#pragma once

#include "sandbox/engine/script.h"

struct lambda_instance;
struct object_location;
struct runtime;

struct functions {
    struct services *services;
    pthread_mutex_t lock;
    pthread_cond_t changed; /* monotonic: an event is there, an answer, a death */
    struct lambda_instance **instances;
    size_t count, cap;
    size_t queued; /* events of async calls */
    uint64_t made;
    bool stopping, reaping;
};

/* A function as an instance needs it: copied from the records, in the caller's arena. */
struct lambda_function {
    struct str name, arn, region, runtime, handler, version, role;
    struct str dead_letter_queue;
    bool may_loop;          /* recursive_loop: Allow */
    struct str invoked_arn; /* with the version or alias that was called */
    struct str key; /* instances with the same one serve it: changes with the code and the configuration */
    const struct value *code, *environment;
    const struct value *layers;             /* a list of their `content` */
    int64_t timeout_s, memory_mib, at_once; /* at_once -1: no bound of its own */
};

/* One event and what becomes of it. Its caller owns it; under the lock while an instance has it. */
struct lambda_invocation {
    struct arena arena; /* of what the instance says */
    char id[37];
    struct str event, client_context, arn; /* arn: as it was called */
    struct str trace;                      /* X-Amzn-Trace-Id, with this call */
    bool wants_log;
    bool loops; /* it is not done: its chain of events has called the function too often */
    /* set by the instance */
    bool taken, done;          /* the runtime has fetched it; has answered */
    int64_t taken_ms;          /* monotonic */
    int64_t taken_us, done_us; /* likewise */
    int64_t deadline_wall_ms;
    struct str answer; /* JSON */
    bool failed;
    struct str error_type; /* of a failure */
    struct str log;        /* the end of it */
};

int functions_open(struct services *services, struct functions **out, struct err *err);
void functions_stop(struct functions *functions);
void functions_close(struct functions *functions);
struct functions *services_functions(struct services *services);

/* ---- event.c ---- */

/*
 * Has an instance do it, an idle one or a new one, and waits. -1: it could not even be tried, with the
 * service's refusal in err; what goes wrong from then on is the invocation's failure.
 */
int instance_invoke(struct functions *functions, const struct lambda_function *function,
    struct lambda_invocation *invocation, struct err *err);

/* ---- invoke.c, async.c ---- */

/* A call that nobody waits for (an event), or that is waited for elsewhere. */
struct lambda_background {
    struct functions *functions;
    struct arena arena;
    struct lambda_function function;
    struct lambda_invocation invocation;
    struct activity *activity; /* NULL: an event */
    const struct value *answer;
};
/* With copies. */
struct lambda_background *lambda_background_new(struct functions *functions,
    const struct lambda_function *function, const struct lambda_invocation *invocation);
void lambda_background_free(void *background);
int lambda_no_thread(struct err *err);
int lambda_invoke_async(struct functions *functions, const struct lambda_function *function,
    const struct lambda_invocation *invocation, struct err *err);

/* What became of an event or a batch, for the destination that a function's settings or a mapping name. */
struct lambda_outcome {
    struct str region, role, by;
    struct str to;       /* ARN of a queue, topic, function, bus or bucket; "": nobody is told */
    struct str key;      /* how keys of objects begin, for a bucket */
    struct str function; /* its ARN */
    struct str request_id;
    struct str trace;
    const char *condition; /* "Success", or why not */
    int64_t attempts;
    const struct value *more; /* of the record: a map */
};

void lambda_outcome_report(
    struct services *services, struct arena *arena, const struct lambda_outcome *outcome);

/* ---- for the Runtime API: each takes the lock ---- */

/* Waits for an event; false: none will come. The invocation may be read until the answer is given. */
bool instance_next(struct lambda_instance *instance, struct arena *arena, struct lambda_invocation *copy);
/* False: that is not what the instance has been given. */
bool instance_answer(
    struct lambda_instance *instance, struct str id, struct str body, bool failed, struct str error_type);
/* It could not be made ready. */
void instance_init_failed(struct lambda_instance *instance, struct str body, struct str error_type);

/* ---- names.c ---- */

/* NAME, NAME:QUALIFIER, ACCOUNT:function:NAME, or an ARN with or without a qualifier. */
struct str lambda_split_name(struct str name, struct str *qualifier);
int lambda_no_such(const struct service_call *call, struct str name, struct str qualifier, struct err *err);
/* FunctionName and Qualifier of the input; all refuse with the service's own words. */
int lambda_find_record(
    const struct service_call *call, struct str *qualifier, struct control_record *out, struct err *err);
/* The number that a qualifier stands for, and the function as it was then. */
int lambda_find_version(const struct service_call *call, const struct control_record *record,
    struct str qualifier, struct str *version, struct control_record *out, struct err *err);
int lambda_find(const struct service_call *call, struct lambda_function *out, struct err *err);
struct lambda_function lambda_copy(struct arena *arena, const struct lambda_function *function);

/* A request whose path names a function by its ARN or a part of it, checked and written with the name. */
int lambda_read_names(struct services *services, struct exchange *x, struct err *err);
/* FunctionName of the input of CreateFunction, likewise. */
int lambda_new_name(struct service_call *call, struct err *err);

/* ---- versions.c ---- */

service_handler lambda_publish_version, lambda_list_versions, lambda_list_functions, lambda_get_function,
    lambda_get_configuration, lambda_delete_function, lambda_update_configuration;
/* Of a request that goes on to the control plane (call->forward) and asks for a version of what it makes:
 * both. */
int lambda_publish_with(struct service_call *call, struct err *err);
int lambda_refuse_revision(struct err *err);
/* RevisionId of the input, which is taken out of it: is it the function's? */
int lambda_check_revision(struct service_call *call, const struct control_record *record, struct err *err);
/* Is it neither being created nor updated? */
int lambda_check_settled(
    const struct service_call *call, const struct control_record *record, struct err *err);
/* The function as it is, for a change that is only tried. */
int lambda_describe(struct service_call *call, struct err *err);
bool lambda_version_find(const struct service_call *call, const struct control_record *record,
    struct str version, struct control_record *out);

/* How much the code of all its versions is. */
int64_t lambda_versions_size(const struct service_call *call, const struct control_record *record);

/* ---- code.c ---- */

enum { LAMBDA_MAX_ZIPPED = 52428800, LAMBDA_MAX_UNZIPPED = 262144000 };
service_handler lambda_create_function, lambda_update_code;
/* What a new or changed function has, beside what the spec says of it. */
int lambda_check_new(struct service_call *call, struct err *err);
/* What is in the request's member goes on to the control plane as what was kept of it (call->forward). */
int lambda_code_forward(struct service_call *call, const char *member, struct err *err);
/* How much all code in the region is, of functions, of their versions and of layers, and of how many
 * functions.
 */
int64_t lambda_code_size(const struct service_call *call, size_t *functions);
/* Does the place mean code that came inside a request? Then it is this file. */
bool lambda_code_file(
    struct services *services, struct arena *arena, const struct object_location *location, struct str *path);
/* Removes what no function, layer or version has any more, once it is more than a few. At the start. */
void lambda_code_sweep(struct services *services);
/* An answer about a function ("Code") or a layer ("Content"), with where that is. attrs: of it, or of a
 * version of it. */
const struct value *lambda_with_location(const struct service_call *call, const struct value *shown,
    const struct value *attrs, const char *member);
bool lambda_code_sha256(struct str named, struct str key, unsigned char out[SHA256_SIZE]);

/* ---- layers.c ---- */

service_handler lambda_list_layers, lambda_get_layer, lambda_get_layer_by_arn, lambda_publish_layer,
    lambda_delete_layer;
/* Layers of the input: may a function have these? */
int lambda_check_layers(const struct service_call *call, struct err *err);

/* ---- targets.c ---- */

/* The function, of which the qualifier is a version or an alias that is there. */
int lambda_find_target(
    const struct service_call *call, struct str qualifier, struct control_record *record, struct err *err);
/* Some refusals do not say whose mistake it is. */
int lambda_refuse_untyped(struct service_call *call, struct err *err, struct str text);
/* CreateFunctionUrlConfig, UpdateFunctionUrlConfig, ListFunctionUrlConfigs. */
service_handler lambda_url;
service_handler lambda_create_source, lambda_update_source; /* of event source mappings */
service_handler lambda_alias;                               /* CreateAlias, UpdateAlias */
/* PutFunctionEventInvokeConfig, UpdateFunctionEventInvokeConfig; ListFunctionEventInvokeConfigs */
service_handler lambda_put_invoke, lambda_list_invoke;

/* ---- policies.c ---- */

service_handler lambda_get_policy, lambda_add_permission, lambda_remove_permission, lambda_get_layer_policy,
    lambda_add_layer_permission, lambda_remove_layer_permission;

/* ---- concurrency.c ---- */

service_handler lambda_put_concurrency, lambda_account_settings, lambda_put_provisioned,
    lambda_get_provisioned, lambda_delete_provisioned, lambda_list_provisioned;

/* ---- invoke.c ---- */

#define LAMBDA_LOOPS                                                                                         \
    "Lambda has detected your function being invoked in a recursive loop with other AWS resources and "      \
    "stopped your function's invocation."

/* How often it has called the function that it has called most; -1: it begins here. */
int64_t lambda_chain_length(struct str trace);

/* ---- runtime_api.c ---- */

int runtime_start(struct lambda_instance *instance, struct runtime **out, uint16_t *port, struct err *err);
/* After instance_next() has no more to give. */
void runtime_stop(struct runtime *runtime);
