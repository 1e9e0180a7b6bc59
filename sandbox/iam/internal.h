/* Shared by the files of this folder; see gate.h. */
#pragma once

#include "provider/iam/policy.h"
#include "sandbox/control/control.h"
#include "sandbox/iam/gate.h"

struct gate {
    struct sandbox *sandbox;
    struct control *control;
    enum sandbox_iam mode;
    pthread_mutex_t lock;  /* guards the members below; the control plane may be called with it held */
    struct map identities; /* cache, by role, user and session policies */
    uint64_t iam_changes;  /* control_changes() of IAM when the cache was filled */
    struct map documents;  /* cache of parsed resource policies, by their text */
    struct map warned;     /* printed warnings; each is printed once */
    struct arena warned_texts;
};

/* ---- keys.c ---- */

/* The parsed policies of a caller; constant, so a holder of a reference reads it without a lock. */
struct identity {
    atomic_int references;
    struct arena arena;
    char *key;
    const struct iam_attached *attached;
    size_t n;
    struct str arn, unique_id; /* of the role or user */
    struct str unknown;        /* ARN of an attached AWS managed policy without a known document; "": none */
    const struct value *tags;
    bool exists;
};

const struct identity *identity_of(struct gate *gate, const struct session *session);
void identity_release(const struct identity *identity);
void identity_forget_all(struct gate *gate);

/* Checks the KMS key of the request's resource. */
int keys_check(struct gate *gate, struct arena *arena, const struct gate_request *request, struct err *err);

/* ---- resource.c ---- */

struct resource_policy {
    const struct iam_policy *policy; /* NULL: none */
    enum iam_rule rule;
};
struct resource_policy resource_policy_of(
    struct gate *gate, struct arena *arena, struct str service, struct str region, struct str arn);
void resource_forget_all(struct gate *gate);

/* ---- needs.c ---- */

struct need {
    struct str action, resource;
};
/* Returns the actions and resources that an operation needs; none if its handler checks them itself. */
struct need *needs_of(struct gate *gate, struct arena *arena, const struct gate_request *request, size_t *n);
/* True if AWS's service authorization reference says that the operation passes roles. */
bool needs_passing(const struct gate_request *request);

/* ---- context.c ---- */

const struct value *context_of(struct gate *gate, struct arena *arena, const struct gate_caller *who,
    const struct identity *identity, struct str region);
/* Adds condition keys from the request: its tags, and keys of some services. */
const struct value *context_of_request(
    struct arena *arena, const struct gate_request *request, const struct value *context);
/* Adds condition keys of the resource's tags. */
const struct value *context_of_resource(
    struct gate *gate, struct arena *arena, struct str resource, const struct value *context);

/* Returns the ARNs of the roles that the request passes, and the service that gets them. */
const struct str *passed_roles(
    struct gate *gate, struct arena *arena, const struct gate_request *request, size_t *n, struct str *to);

/* ---- checks.c ---- */

/* Makes the checks of the service before it executes a request, for any caller: returns 0, or -1 with its
 * error response. */
int prechecks_of(struct gate *gate, struct arena *arena, const struct gate_request *request, struct err *err);
