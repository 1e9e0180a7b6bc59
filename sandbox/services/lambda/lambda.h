/*
 * Lambda functions. An instance is a process that serves one function, one event at a time, and is kept for
 * further events. It receives events and returns responses through the Runtime API, an HTTP server of its own
 * on loopback.
 *
 *   invoke.c        Invoke; recursive loop detection
 *   async.c         asynchronous events: retries, destinations, dead-letter queues
 *   names.c         names of functions in requests
 *   versions.c      published versions
 *   event.c         one event and its result
 *   instance.c      instances: preparing, choosing, running, ending
 *   runtime_api.c   the Runtime API
 *   code.c          code packages
 *   layers.c        layers and their versions
 *   policies.c      statements of AddPermission
 *   targets.c       existence checks of versions, aliases, destinations
 *   concurrency.c   reserved and provisioned concurrency
 *
 * One lock guards all instances and invocations (functions->lock) and is held briefly.
 */
#pragma once

#include "sandbox/engine/script.h"

struct lambda_instance;
struct object_location;
struct runtime;

struct functions {
    struct services *services;
    pthread_mutex_t lock;
    pthread_cond_t changed; /* monotonic clock; signals a new event, a response or an ended instance */
    struct lambda_instance **instances;
    size_t count, cap;
    size_t queued; /* asynchronous events */
    uint64_t made;
    bool stopping, reaping;
};

/* A function as an instance needs it, in the caller's arena. */
struct lambda_function {
    struct str name, arn, region, runtime, handler, version, role;
    struct str dead_letter_queue;
    bool may_loop;          /* recursive_loop is Allow */
    struct str invoked_arn; /* with the version or alias of the call */
    struct str key; /* instances with the same key can serve it; changes with code and configuration */
    const struct value *code, *environment;
    const struct value *layers;             /* list of their `content` */
    int64_t timeout_s, memory_mib, at_once; /* at_once: reserved concurrency; -1: none */
};

/* One event and its result. The caller owns it; guarded by the lock while an instance has it. */
struct lambda_invocation {
    struct arena arena; /* for what the instance reports */
    char id[37];
    struct str event, client_context, arn; /* arn: as it was called */
    struct str trace;                      /* X-Amzn-Trace-Id, including this call */
    bool wants_log;
    bool loops; /* not executed: the chain of events has called the function too often */
    /* set by the instance: */
    bool taken, done;          /* taken: the runtime has fetched the event; done: it has responded */
    int64_t taken_ms;          /* monotonic clock */
    int64_t taken_us, done_us; /* monotonic clock */
    int64_t deadline_wall_ms;
    struct str answer; /* JSON */
    bool failed;
    struct str error_type; /* of a failure */
    struct str log;        /* the end of the log */
};

int functions_open(struct services *services, struct functions **out, struct err *err);
void functions_stop(struct functions *functions);
void functions_close(struct functions *functions);
struct functions *services_functions(struct services *services);

/* ---- event.c ---- */

/*
 * Executes the event in an idle or new instance, and waits. -1: it could not be started, with the service's
 * error. Later failures are in the invocation.
 */
int instance_invoke(struct functions *functions, const struct lambda_function *function,
    struct lambda_invocation *invocation, struct err *err);

/* ---- invoke.c, async.c ---- */

/* An invocation in the background: an asynchronous event, or one whose caller waits for the activity. */
struct lambda_background {
    struct functions *functions;
    struct arena arena;
    struct lambda_function function;
    struct lambda_invocation invocation;
    struct activity *activity; /* NULL: an asynchronous event */
    const struct value *answer;
};
/* Copies function and invocation. Freed by lambda_background_free(). */
struct lambda_background *lambda_background_new(struct functions *functions,
    const struct lambda_function *function, const struct lambda_invocation *invocation);
void lambda_background_free(void *background);
int lambda_no_thread(struct err *err);
int lambda_invoke_async(struct functions *functions, const struct lambda_function *function,
    const struct lambda_invocation *invocation, struct err *err);

/* The result of an event or batch, for a destination of the function or event source mapping. */
struct lambda_outcome {
    struct str region, role, by;
    struct str to;       /* ARN of a queue, topic, function, bus or bucket; "": no destination */
    struct str key;      /* prefix of object keys in a bucket */
    struct str function; /* ARN of the function */
    struct str request_id;
    struct str trace;
    const char *condition; /* "Success", or the reason of the failure */
    int64_t attempts;
    const struct value *more; /* further members of the record */
};

void lambda_outcome_report(
    struct services *services, struct arena *arena, const struct lambda_outcome *outcome);

/* ---- for the Runtime API; each function takes the lock ---- */

/* Waits for an event and copies it into `copy`. False: the instance ends. */
bool instance_next(struct lambda_instance *instance, struct arena *arena, struct lambda_invocation *copy);
/* Reports the response or error. False: `id` is not the current event. */
bool instance_answer(
    struct lambda_instance *instance, struct str id, struct str body, bool failed, struct str error_type);
/* Reports that the runtime's initialisation failed; ends the instance. */
void instance_init_failed(struct lambda_instance *instance, struct str body, struct str error_type);

/* ---- names.c ---- */

/* Splits NAME, NAME:QUALIFIER, ACCOUNT:function:NAME or an ARN with or without qualifier. */
struct str lambda_split_name(struct str name, struct str *qualifier);
int lambda_no_such(const struct service_call *call, struct str name, struct str qualifier, struct err *err);
/* Finds the function of FunctionName and Qualifier. -1 with the service's error. */
int lambda_find_record(
    const struct service_call *call, struct str *qualifier, struct control_record *out, struct err *err);
/* Resolves a qualifier to a version ("$LATEST" or a number), and returns the function as that version. */
int lambda_find_version(const struct service_call *call, const struct control_record *record,
    struct str qualifier, struct str *version, struct control_record *out, struct err *err);
int lambda_find(const struct service_call *call, struct lambda_function *out, struct err *err);
struct lambda_function lambda_copy(struct arena *arena, const struct lambda_function *function);

/* For services_before_call(): checks the function's name or ARN in a request's path, and replaces it by the
 * plain name. */
int lambda_read_names(struct services *services, struct exchange *x, struct err *err);
/* Does the same for FunctionName of CreateFunction. */
int lambda_new_name(struct service_call *call, struct err *err);

/* ---- versions.c ---- */

service_handler lambda_publish_version, lambda_list_versions, lambda_list_functions, lambda_get_function,
    lambda_get_configuration, lambda_delete_function, lambda_update_configuration;
/* For a request with Publish that goes to the control plane (call->forward): executes it, and publishes a
 * version. */
int lambda_publish_with(struct service_call *call, struct err *err);
int lambda_refuse_revision(struct err *err);
/* Removes RevisionId from the input, and checks that it is the function's current revision. */
int lambda_check_revision(struct service_call *call, const struct control_record *record, struct err *err);
/* Checks that the function is neither being created nor updated. */
int lambda_check_settled(
    const struct service_call *call, const struct control_record *record, struct err *err);
/* Answers with the function as it is, for a dry run. */
int lambda_describe(struct service_call *call, struct err *err);
bool lambda_version_find(const struct service_call *call, const struct control_record *record,
    struct str version, struct control_record *out);

/* Returns the code size of all versions of the function. */
int64_t lambda_versions_size(const struct service_call *call, const struct control_record *record);

/* ---- code.c ---- */

enum { LAMBDA_MAX_ZIPPED = 52428800, LAMBDA_MAX_UNZIPPED = 262144000 };
service_handler lambda_create_function, lambda_update_code;
/* Checks environment and layers of a new or changed function. */
int lambda_check_new(struct service_call *call, struct err *err);
/* Stores the code in the request's `member`, and forwards the request with its location (call->forward). */
int lambda_code_forward(struct service_call *call, const char *member, struct err *err);
/* Returns the size of all code in the region (functions, versions, layers), and the number of functions. */
int64_t lambda_code_size(const struct service_call *call, size_t *functions);
/* Returns whether the location is stored code, and its file. */
bool lambda_code_file(
    struct services *services, struct arena *arena, const struct object_location *location, struct str *path);
/* Removes code that no function, layer or version uses, if there are many files. Call it at the start. */
void lambda_code_sweep(struct services *services);
/* Adds the download location to a response about a function ("Code") or layer ("Content"). attrs: of the
 * function, layer or version. */
const struct value *lambda_with_location(const struct service_call *call, const struct value *shown,
    const struct value *attrs, const char *member);
bool lambda_code_sha256(struct str named, struct str key, unsigned char out[SHA256_SIZE]);

/* ---- layers.c ---- */

service_handler lambda_list_layers, lambda_get_layer, lambda_get_layer_by_arn, lambda_publish_layer;
/* Checks the Layers of the input. */
int lambda_check_layers(const struct service_call *call, struct err *err);

/* ---- targets.c ---- */

/* Finds the function and checks that the qualifier is an existing version or alias. */
int lambda_find_target(
    const struct service_call *call, struct str qualifier, struct control_record *record, struct err *err);
/* Refuses with a body that has no Type. */
int lambda_refuse_untyped(struct service_call *call, struct err *err, struct str text);
/* CreateFunctionUrlConfig, UpdateFunctionUrlConfig, ListFunctionUrlConfigs. */
service_handler lambda_url;
service_handler lambda_create_source, lambda_update_source; /* event source mappings */
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

/* Returns how often the chain has called the function that it called most; -1: the header has no lineage. */
int64_t lambda_chain_length(struct str trace);

/* ---- runtime_api.c ---- */

int runtime_start(struct lambda_instance *instance, struct runtime **out, uint16_t *port, struct err *err);
/* Call it after instance_next() has returned false. */
void runtime_stop(struct runtime *runtime);
