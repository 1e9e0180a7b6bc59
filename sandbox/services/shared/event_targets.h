/*
 * What rules and schedules start, and what topics and pipes deliver to: by ARN, inside the sandbox.
 * target_deliver() waits for the end of nothing: API destinations are called by threads of their own.
 */
#pragma once

#include "sandbox/calls/services.h"

struct target {
    struct str region, arn;
    struct str input; /* JSON text, mostly */
    struct str message_group, message_deduplication, dead_letter_queue;
    struct str letter; /* what goes to that queue, and says nothing of itself; "": the input, and why */
    struct str trace;  /* for X-Ray; "": none */
    const struct value *message_attributes; /* of a message in a queue or topic; NULL: none */
    struct str source, detail_type;         /* for an event bus */
    const struct value *resources;          /* likewise: a list; NULL: none */
    struct str object_key;                  /* how the key in a bucket begins */
    struct str log_stream;                  /* of a log group; "": a new one */
    int64_t time_ms;                        /* of a log entry or an event for a bus; 0: now */
    const struct value *task;               /* for a cluster: `ecs` of the target; NULL: there is none */
    const struct value *overrides;          /* of the task, in place of those in the input; NULL: those */
    const struct value *http;               /* likewise, for an API destination */
    const struct value *retry; /* retry_policy of the target: of an API destination; NULL: none */
    struct str subject;        /* of a topic's message; "": none */
    struct str rule;           /* ARN of the rule or schedule; "": none */
    struct str by;             /* who starts it: "schedule nightly" */
    /* Whose policies have to allow it: a role's (an ARN), or the target's own, for the service on behalf of
     * something. */
    struct str role, service, source_arn;
};

/* Does it, and waits for an API destination's answer; -1: err says why it cannot be done. */
int target_send(struct services *services, struct arena *arena, const struct target *target, struct err *err);
/* An API destination's answer. */
int target_call_api(struct services *services, struct arena *arena, const struct target *target,
    struct str *answer, struct err *err);
/* Starts it; what cannot be started goes to the dead-letter queue, if there is one, and is reported on
 * stderr. */
void target_deliver(struct services *services, const struct target *target);
/* Attempts to deliver something that may succeed later. */
struct target_retries {
    int64_t attempts;      /* those after the first */
    const char *exhausted; /* which limit ended them; NULL: none, it was no use to try again */
};
/* It goes to the dead-letter queue, or what is wrong is reported. */
void target_keep(struct services *services, struct arena *arena, const struct target *target,
    const struct target_retries *retries, const struct err *why);
/* An attribute of a message in a queue or topic. `type`: "String", "Number". */
const struct value *target_attribute(struct arena *arena, const char *type, struct str text);

/* ---- outside_calls.c ---- */

struct outside_calls *outside_calls_new(void);
/* After the threads have ended. */
void outside_calls_free(struct outside_calls *calls);
/* An API destination is called when its rate allows it, and again until its policy ends that. */
void outside_call(struct services *services, const struct target *target);

/* ---- outside_calls.c: API destinations, which rules call over HTTP: the endpoint's wildcards, and
 * headers, query and body of the target and of the connection, whose values come first, with its
 * credentials. */
/* Waits for the answer, *answer in the arena; one that is no success is an error, retryable where it may be
 * another later. `name` is the destination's. */
int api_destination_call(struct services *services, struct arena *arena, const struct target *target,
    struct str region, struct str name, struct str *answer, struct err *err);

/* ---- event_targets.c: inputs of targets that are made of events, as rules and pipes have them. */
/* An event as JSON text, with its members in AWS's order. */
struct str input_event(struct arena *arena, const struct value *v);

/* What <name> in a template stands for; NULL: nothing, then it is left out. */
typedef const struct value *input_variable(const void *ctx, struct arena *arena, struct str name);
/* `text`: it is a text between quotes, in which JSON has no quotes of its own. */
struct str input_template(
    struct arena *arena, struct str template, bool text, input_variable *variable, const void *ctx);
