/* Between the files here; see gate.h. */
#pragma once

#include "provider/iam/policy.h"
#include "sandbox/control/control.h"
#include "sandbox/iam/gate.h"

struct gate {
    struct sandbox *sandbox;
    struct control *control;
    enum sandbox_iam mode;
    pthread_mutex_t lock;  /* of what follows; the control plane may be asked under it */
    struct map identities; /* by "role/NAME" and "user/NAME" */
    uint64_t iam_changes;  /* when they were read */
    struct map documents;  /* parsed policies of resources, by their text */
    struct map warned;     /* warnings, each once */
    struct arena warned_texts;
};

/* ---- keys.c ---- */

/* Policies, parsed; who holds a reference may read it without any lock. */
struct identity {
    atomic_int references;
    struct arena arena;
    char *key;
    const struct iam_attached *attached;
    size_t n;
    struct str arn, unique_id; /* of the role or user */
    struct str unknown;        /* an AWS policy that it has and nobody here knows; "" none */
    const struct value *tags;
    bool exists;
};

const struct identity *identity_of(struct gate *gate, const struct session *session);
void identity_release(const struct identity *identity);
void identity_forget_all(struct gate *gate);

/* What the request's operation does with the key of what it is about. */
int keys_ask(struct gate *gate, struct arena *arena, const struct gate_request *request, struct err *err);

/* ---- resource.c ---- */

struct resource_policy {
    const struct iam_policy *policy; /* NULL: it has none */
    enum iam_rule rule;
};
struct resource_policy resource_policy_of(
    struct gate *gate, struct arena *arena, struct str service, struct str region, struct str arn);
void resource_forget_all(struct gate *gate);
/* The name of a role, by its ARN or name. */
struct str role_name(struct str reference);

/* ---- needs.c ---- */

struct need {
    struct str action, resource;
};
/* What the operation needs; at least one. */
struct need *needs_of(struct gate *gate, struct arena *arena, const struct gate_request *request, size_t *n);
/* Does AWS's reference say that it hands roles over? */
bool needs_passing(const struct gate_request *request);

/* ---- context.c ---- */

const struct value *context_of(struct gate *gate, struct arena *arena, const struct gate_caller *who,
    const struct identity *identity, struct str region);
/* Tags that the request gives, and what some services' conditions look at. */
const struct value *context_of_request(
    struct arena *arena, const struct gate_request *request, const struct value *context);
/* What conditions on the resource's tags look at. */
const struct value *context_of_resource(
    struct gate *gate, struct arena *arena, struct str resource, const struct value *context);

/* ARNs of roles that the request hands over, and to which service. */
const struct str *passed_roles(
    struct gate *gate, struct arena *arena, const struct gate_request *request, size_t *n, struct str *to);

/* ---- checks.c ---- */

/* What a service tries when it gets the request, whoever sends it: 0, or -1 with its refusal. */
int prechecks_of(struct gate *gate, struct arena *arena, const struct gate_request *request, struct err *err);
