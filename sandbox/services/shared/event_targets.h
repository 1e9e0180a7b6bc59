/*
 * Targets by ARN, inside the sandbox: what rules and schedules start, and what topics and pipes deliver to.
 * target_deliver() does not block: API destinations are called by threads of their own.
 */
#pragma once

#include "sandbox/calls/services.h"

struct target {
    struct str region, arn;
    struct str input; /* usually JSON text */
    struct str message_group, message_deduplication, dead_letter_queue;
    struct str letter; /* message for the dead-letter queue, sent without error attributes; "": the input,
                          with error attributes */
    struct str trace;  /* X-Amzn-Trace-Id; "": none */
    const struct value *message_attributes; /* for a queue or topic; NULL: none */
    struct str source, detail_type;         /* for an event bus */
    const struct value *resources;          /* list of ARNs for an event bus; NULL: none */
    struct str object_key;                  /* prefix of the object's key in a bucket */
    struct str log_stream;                  /* of a log group; "": a new stream */
    int64_t time_ms;                        /* time of a log entry or of a bus event; 0: now */
    const struct value *task;               /* for an ECS cluster: `ecs` of the target; NULL: none */
    const struct value *overrides;          /* overrides of the ECS task; NULL: those in the input */
    const struct value *http;               /* `http` of the target, for an API destination; NULL: none */
    const struct value *retry; /* retry_policy of the target, for an API destination; NULL: the default */
    struct str subject;        /* of a message for a topic; "": none */
    struct str rule;           /* ARN of the rule or schedule; "": none */
    struct str by;             /* who starts the target, for messages: "schedule nightly" */
    /* The caller that policies must allow: the role (an ARN), or, without a role, the service on behalf of
     * `source_arn`. */
    struct str role, service, source_arn;
};

/* Calls the target and waits for an API destination's response. -1: err says why the target cannot be
 * called. */
int target_send(struct services *services, struct arena *arena, const struct target *target, struct err *err);
/* Calls an API destination and returns its response body in *answer. */
int target_call_api(struct services *services, struct arena *arena, const struct target *target,
    struct str *answer, struct err *err);
/* Calls the target without waiting for an API destination. A failed delivery goes to target_keep(). */
void target_deliver(struct services *services, const struct target *target);
/* How a failed delivery was retried. */
struct target_retries {
    int64_t attempts;      /* retries, without the first attempt */
    const char *exhausted; /* the limit that ended the retries; NULL: the error was not retryable */
};
/* Sends a failed delivery to the dead-letter queue. Without a queue, or if that fails, prints the error on
 * stderr. */
void target_keep(struct services *services, struct arena *arena, const struct target *target,
    const struct target_retries *retries, const struct err *why);
/* Returns a message attribute for a queue or topic. `type`: "String", "Number". */
const struct value *target_attribute(struct arena *arena, const char *type, struct str text);

/* ---- outside_calls.c ---- */

struct outside_calls *outside_calls_new(void);
/* Call it after the worker threads have ended. */
void outside_calls_free(struct outside_calls *calls);
/* Queues a call of an API destination, made as soon as its rate allows. Retryable failures are retried by the
 * target's retry policy. */
void outside_call(struct services *services, const struct target *target);

/* ---- outside_calls.c: API destinations, which rules call over HTTP. The request has the endpoint's path
 * with its wildcards filled in, and the headers, query and body of the target. Values and credentials of the
 * connection take precedence. */
/* Calls the API destination `name` and waits for the response, whose body is in *answer (allocated in
 * `arena`). A status of 300 or more is an error, retryable for the statuses that EventBridge retries. */
int api_destination_call(struct services *services, struct arena *arena, const struct target *target,
    struct str region, struct str name, struct str *answer, struct err *err);

/* ---- event_targets.c: target inputs built from events, for rules and pipes */
/* Returns the event as JSON text, its members in AWS's order. */
struct str input_event(struct arena *arena, const struct value *v);

/* Returns the value of the placeholder <name>, or NULL: the placeholder is removed. */
typedef const struct value *input_variable(const void *ctx, struct arena *arena, struct str name);
/* Fills in a template. `text`: the template is a plain string in quotes, so quotes of JSON values are removed
 * in it. */
struct str input_template(
    struct arena *arena, struct str template, bool text, input_variable *variable, const void *ctx);
