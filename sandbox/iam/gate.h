/*
 * The gate checks IAM permissions. Every call with the credentials of a role or a user passes it before its
 * handler runs, and so does each call that the sandbox's services make on behalf of a role, or as a service
 * principal that a resource policy admits. The sandbox's own key is the account's root user, which is always
 * allowed.
 *
 *   gate.c       the decision about a request, with the service's error response
 *   needs.c      the actions and resources that an operation needs (sandbox/names/operations.txt)
 *   keys.c       the policies of a caller, cached until IAM changes; AWS managed policies
 *                (sandbox/names/managed_documents.txt); KMS keys of the resources of a request
 *   resource.c   resource policies: buckets, queues, topics, secrets, keys, functions, repositories,
 *                event buses, streams, log groups, the Data Catalog; trust policies
 *   context.c    condition keys; iam:PassRole: the roles that a request passes to a service
 *   checks.c     checks that services make at once: trust of a role, permissions of a destination
 *
 * provider/iam evaluates the policies. Safe from every thread; the control plane's lock must not be held.
 */
#pragma once

#include "sandbox/http/exchange.h"

struct control;
struct control_record;
struct gate;

/* Sets an error response of the service; returns -1. */
int service_refuse(struct err *err, int status, const char *code, const char *format, ...)
    __attribute__((format(printf, 4, 5)));

/* SANDBOX_IAM_WARN: a denied call is reported on standard error and executed. */
struct gate *gate_new(struct sandbox *sandbox, struct control *control, enum sandbox_iam mode);
void gate_free(struct gate *gate);
/* True if IAM checks are off. */
bool gate_is_open(const struct gate *gate);

/* The caller: a session, or a service principal acting for a resource; neither: the sandbox itself. */
struct gate_caller {
    const struct session *session;
    struct str service;    /* s3.amazonaws.com */
    struct str source_arn; /* arn:aws:s3:::bucket */
};

struct gate_request {
    struct gate_caller who;
    struct str service, operation, region; /* "glue", "StartJobRun" */
    const struct value *input;             /* with the service's member names */
};

/* Checks a request. Returns 0, or -1 with the service's error code, status and message. */
int gate_check(struct gate *gate, struct arena *arena, const struct gate_request *request, struct err *err);

/* As gate_check(), for one action on one ARN. `context` adds condition keys; NULL: none. */
struct gate_action {
    struct gate_caller who;
    struct str service, action, resource, region; /* "s3", "s3:GetObject" */
    const struct value *context;
};
int gate_check_action(
    struct gate *gate, struct arena *arena, const struct gate_action *action, struct err *err);

/* The decision of a role's or user's own policies, without the resource policy. */
enum gate_verdict { GATE_ALLOWED, GATE_NOT_ALLOWED, GATE_DENIED };
enum gate_verdict gate_simulate(struct gate *gate, struct arena *arena, const struct gate_action *action);

/* A use of a KMS key by a service for a caller. */
struct gate_key_use {
    struct gate_caller who;
    const char *action, *via; /* "kms:Decrypt", "s3" */
    struct str key, region;   /* key: id, ARN or alias */
    const char *context_key;  /* key of the encryption context: aws:s3:arn; NULL: none */
    struct str context_value;
};
/* Checks the use of a key; *arn is the key's ARN. The key must exist and be enabled, whoever calls. AWS
 * managed keys are always allowed. */
int gate_check_key(
    struct gate *gate, struct arena *arena, const struct gate_key_use *use, struct str *arn, struct err *err);

/* True if the role's trust policy lets a service (glue.amazonaws.com) assume it; `role` is an ARN or a
 * name. */
bool gate_trusts(
    struct gate *gate, struct arena *arena, struct str role, struct str service, struct str source_arn);

/* A notification that a service sends to a queue, topic or function: true if the target's resource policy
 * allows it. */
struct gate_notice {
    const char *service; /* s3.amazonaws.com */
    struct str source, to, region;
};
bool gate_lets_notify(struct gate *gate, struct arena *arena, const struct gate_notice *notice);

/* Return the principal of a permission (a service has a name with dots, all others are accounts or ARNs), and
 * the statement of a permission (aws.lambda.permission) in a function's policy. */
const struct value *gate_principal(struct arena *arena, struct str who);
const struct value *gate_function_statement(
    struct arena *arena, const struct control_record *permission, struct str arn);

/* Returns the document of an AWS managed policy, or NULL if it is unknown. */
const struct value *gate_aws_policy(struct arena *arena, struct str arn);
