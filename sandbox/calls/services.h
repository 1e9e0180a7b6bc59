/*
 * What all services stand on. The control plane keeps records of what a stack made (control.h); what does
 * more than that is an operation of a service (service_call.h), and what it starts is an activity
 * (activity.h).
 *
 *   front.c         requests whose signature is right, to an operation or to the control plane
 *   dispatch.c      which operation, what goes in, what comes out
 *   service_call.c, service_note.c   what handlers need
 *   inner_call.c    operations called inside the sandbox
 *   activity.c      what was started, and who waits for its end
 *   services.c      threads, folders, waiting, the end
 *
 * The sandbox itself calls operations too, without HTTP: services_call() for any, services_start() for those
 * that start something whose end is to be waited for (tasks of state machines, schedules).
 *
 * Order of calls: services_new(); then the parts; services_interrupt() wakes who waits and ends nothing more
 * than that; services_wait_threads(); services_free(). Every function is safe from every thread.
 */
#pragma once

#include "sandbox/calls/activity.h"
#include "sandbox/calls/service_call.h"
#include "sandbox/context/context.h"
#include "sandbox/iam/gate.h"

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

/* ---- surroundings ---- */

struct sandbox *services_sandbox(struct services *services);
struct control *services_control(struct services *services);
struct str services_account(struct services *services);
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
};
struct services_parts *services_parts(struct services *services);
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
/*
 * fn is called after each request of this service's that the control plane has carried out and that was not
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
