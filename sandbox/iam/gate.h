/*
 * The gate: may somebody do this here? Every call that comes with a role's or a user's credentials goes
 * through it before its handler sees it, and so do calls that the sandbox's own services make on behalf of a
 * role, or as a service that a resource's policy lets in. The sandbox's own user is the account's root: he
 * passes.
 *
 *   gate.c       the decision about a request, in the words of the service
 *   needs.c      which actions an operation needs, and on what (sandbox/names/operations.txt)
 *   keys.c       a caller's policies: parsed once, until something in IAM changes; AWS's own
 *                (sandbox/names/managed_documents.txt); keys of KMS behind what a request is about
 *   resource.c   the policies of resources: buckets, queues, topics, secrets, keys, functions, repositories,
 *                buses, streams, logs, the data catalog; trust
 *   context.c    what conditions look at; iam:PassRole: roles that a request hands to a service
 *   checks.c     what services find out at once: does the role trust, will the queue take it
 *
 * What decides is provider/iam. Safe from every thread; the control plane's lock must not be held.
 */
#pragma once

#include "sandbox/http/exchange.h"

struct control;
struct control_record;
struct gate;

/* A refusal in the service's words; returns -1. */
int service_refuse(struct err *err, int status, const char *code, const char *format, ...)
    __attribute__((format(printf, 4, 5)));

/* `warns`: what would be denied is reported on standard error, and done. */
struct gate *gate_new(struct sandbox *sandbox, struct control *control, enum sandbox_iam mode);
void gate_free(struct gate *gate);
/* Nothing is denied. */
bool gate_is_open(const struct gate *gate);

/* Who calls: a session, or a service on behalf of something; neither: the sandbox itself. */
struct gate_caller {
    const struct session *session;
    struct str service;    /* s3.amazonaws.com */
    struct str source_arn; /* arn:aws:s3:::bucket */
};

struct gate_request {
    struct gate_caller who;
    struct str service, operation, region; /* "glue", "StartJobRun" */
    const struct value *input;             /* under the service's own member names */
};

/* 0, or -1 with the service's code, status and words. */
int gate_check(struct gate *gate, struct arena *arena, const struct gate_request *request, struct err *err);

/* The same for one action on one ARN. `context` is added to what is known anyway; NULL: nothing is. */
struct gate_action {
    struct gate_caller who;
    struct str service, action, resource, region; /* "s3", "s3:GetObject" */
    const struct value *context;
};
int gate_check_action(
    struct gate *gate, struct arena *arena, const struct gate_action *action, struct err *err);

/* What the policies of a role or user by themselves say of an action, whatever the resource's own does. */
enum gate_verdict { GATE_ALLOWED, GATE_NOT_ALLOWED, GATE_DENIED };
enum gate_verdict gate_simulate(struct gate *gate, struct arena *arena, const struct gate_action *action);

/* A key of KMS that a service uses for somebody. */
struct gate_key_use {
    struct gate_caller who;
    const char *action, *via; /* "kms:Decrypt", "s3" */
    struct str key, region;   /* id, ARN or alias */
    const char *about_name;   /* of the encryption context: aws:s3:arn; NULL: it has none */
    struct str about;
};
/* `*arn`: the key's own. Whoever asks, the key has to be there and enabled. AWS's own keys are everybody's.
 */
int gate_check_key(
    struct gate *gate, struct arena *arena, const struct gate_key_use *use, struct str *arn, struct err *err);

/* May the service (glue.amazonaws.com) take on the role? By its trust policy; `role` is an ARN or a name. */
bool gate_trusts(
    struct gate *gate, struct arena *arena, struct str role, struct str service, struct str source_arn);

/* A service that is to tell a queue, topic or function of something: does what that has as a policy let it?
 */
struct gate_notice {
    const char *service; /* s3.amazonaws.com */
    struct str source, to, region;
};
bool gate_lets_notify(struct gate *gate, struct arena *arena, const struct gate_notice *notice);

/* Who is meant by the principal of a permission: a service has a name with dots, anybody else is an account
 * or an ARN. And the statement that a permission (aws.lambda.permission) is, in a function's policy. */
const struct value *gate_principal(struct arena *arena, struct str who);
const struct value *gate_function_statement(
    struct arena *arena, const struct control_record *permission, struct str arn);

/* The document of a policy of AWS's own; NULL: it is not known here. */
const struct value *gate_aws_policy(struct arena *arena, struct str arn);
