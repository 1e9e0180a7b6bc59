/*
 * IAM policies: parses documents and evaluates them for requests. Pure functions: no calls, no state. The
 * sandbox authorises its callers with them, `weir policy --why` explains an account's decisions.
 *
 *   policy.c   documents
 *   pattern.c  wildcards and policy variables, and checks of documents
 *   decide.c   conditions, statements, the order in which kinds of policies are evaluated, access denied
 *              messages
 *
 * Order of calls: iam_policy_read() once for each document; then iam_decide() for each request, from any
 * thread. A policy is allocated in the arena given to iam_policy_read(), and refers to the document.
 */
#pragma once

#include "base/err.h"
#include "base/value.h"

/* ---- documents ---- */

/* A string with wildcards. In `text` they are the bytes STAR and ANY, so that literal stars and question
 * marks are possible. */
struct iam_pattern {
    struct str text, written;
    bool variables; /* `text` contains variables such as ${aws:username} */
};

struct iam_patterns {
    const struct iam_pattern *items;
    size_t n;
};

enum iam_principal_kind {
    IAM_ANYBODY, /* "*" */
    IAM_AWS,     /* an account, a role, a session, a user */
    IAM_SERVICE, /* glue.amazonaws.com */
    IAM_FEDERATED,
    IAM_CANONICAL,
};

struct iam_named {
    enum iam_principal_kind kind;
    struct str name;
};

struct iam_operator;

/* One operator and one key. All conditions of a statement have to be true. */
struct iam_condition {
    const struct iam_operator *operator;
    struct str written; /* ForAnyValue:StringLikeIfExists */
    enum { IAM_PLAIN, IAM_FOR_ALL, IAM_FOR_ANY } over;
    bool if_exists;
    struct str key; /* in lower case */
    struct iam_patterns values;
};

struct iam_statement {
    struct str sid; /* "": none */
    size_t number;  /* from 1 */
    bool deny;
    bool not_action, not_resource, not_principal; /* the lists contain what the statement excludes */
    struct iam_patterns actions, resources;       /* actions in lower case; resources n 0: not given */
    const struct iam_named *principals;
    size_t principal_count; /* 0: not given */
    const struct iam_condition *conditions;
    size_t condition_count;
};

struct iam_policy {
    struct str name;
    const struct iam_statement *statements;
    size_t n;
};

/*
 * Parses a map, or a JSON string. ERR_INVALID says what is wrong, and in which statement.
 */
int iam_policy_read(struct arena *arena, const struct value *document, struct str name,
    const struct iam_policy **out, struct err *err);
/* Returns the attribute with the trust policy of a role type; "" for other types. */
struct str iam_trust_attribute(struct str type);

/*
 * Checks whether IAM would accept the document. `place` determines the required and forbidden elements:
 * "identity" (a resource, no principal), "managed" (the same, with a Version), "resource" (a principal),
 * "trust" (a principal, no resource), or "" for any; "resource https://": a resource may also have that
 * prefix. Unknown values pass. ERR_INVALID says what is wrong; *statement counts from 1, 0 is the document
 * itself.
 */
int iam_policy_check(
    struct arena *arena, const struct value *document, struct str place, size_t *statement, struct err *err);

/*
 * Returns whether an action ("glue:GetTables"), or one that matches the wildcards ("glue:Get*"), exists by
 * AWS's list at the time of the build. The list may be outdated, so a negative result is only a warning.
 * *nearest: the likely name; "" if there is none.
 */
bool iam_action_is_known(struct arena *arena, struct str action, struct str *nearest);

/* ---- requests ---- */

struct iam_principal {
    struct str arn;      /* arn:aws:sts::1:assumed-role/R/S, arn:aws:iam::1:user/U; "" for a service */
    struct str role_arn; /* of a session: the role's ARN; "" otherwise */
    struct str account;
    struct str service;   /* glue.amazonaws.com; "": not a service */
    struct str federated; /* the provider of a web identity; "": none */
};

struct iam_request {
    struct iam_principal who;
    struct str action;   /* s3:GetObject */
    struct str resource; /* an ARN, or "*" for an action without resources */
    bool open;           /* stars in it stand for unknown parts: allowed if some resource of that form is */
    /* Values of conditions and variables: keys in lower case, each a string or a list of strings. */
    const struct value *context;
};

/* ---- decisions ---- */

enum iam_kind { IAM_IDENTITY, IAM_BOUNDARY, IAM_SESSION, IAM_RESOURCE };

struct iam_attached {
    enum iam_kind kind;
    const struct iam_policy *policy;
};

/* Whether the resource's own policy is required. */
enum iam_rule {
    IAM_EITHER,         /* the identity's or the resource's policy has to allow: most services */
    IAM_RESOURCE_FIRST, /* the resource's policy has to name the principal, or the account, which delegates to
                           identity policies: KMS keys, trust policies */
};

struct iam_decision {
    bool allowed;
    bool explicit;      /* denied by a Deny statement; otherwise no statement allows it */
    enum iam_kind kind; /* the kind of the denying statement, or the kind that lacks an allowing one */
    const struct iam_policy *policy;       /* the deciding policy; NULL: none */
    const struct iam_statement *statement; /* in that policy */
};

/* Evaluates the policies. Without a boundary or session policy among them, none limits. Never fails. */
struct iam_decision iam_decide(
    const struct iam_request *request, const struct iam_attached *policies, size_t n, enum iam_rule rule);

/* Formats the error message: "User: … is not authorized to perform: s3:GetObject on resource: … because no
 * identity-based policy allows the s3:GetObject action". `quoted`: the resource is in quotes, as in S3's
 * message. */
struct str iam_denial(
    struct arena *arena, const struct iam_request *request, const struct iam_decision *decision, bool quoted);
/* Returns "an identity-based policy" or, without article, "identity-based policy". */
const char *iam_kind_name(enum iam_kind kind, bool article);

/* ---- evaluating one statement, for explanations ---- */

enum iam_fit {
    IAM_FITS,
    IAM_OTHER_ACTION,
    IAM_OTHER_RESOURCE,
    IAM_OTHER_PRINCIPAL,
    IAM_CONDITION_FAILS, /* *failed is the first condition that is false */
};
enum iam_fit iam_statement_fits(const struct iam_request *request, const struct iam_statement *statement,
    enum iam_kind kind, const struct iam_condition **failed);

/* ---- shared by the files of this folder ---- */

/* Like iam_policy_read(); *statement is the number of the invalid statement, or 0. */
int policy_read(struct arena *arena, const struct value *document, struct str name,
    const struct iam_policy **out, size_t *statement, struct err *err);

/* `wild`: stars and question marks are wildcards. `variables`: ${…} is replaced at each match. */
struct iam_pattern pattern_make(struct arena *arena, struct str written, bool wild, bool variables);
bool pattern_is(const struct iam_pattern *pattern, struct str text, const struct value *context);
/* True if some string matches both patterns. Stars in `open` stand for any string without colons. */
bool pattern_meets(const struct iam_pattern *pattern, struct str open, const struct value *context);
/* Matches as an ARN: each of the six parts separately. */
bool pattern_is_arn(const struct iam_pattern *pattern, struct str text, const struct value *context);
/* Matches without case. */
bool pattern_is_like_case(const struct iam_pattern *pattern, struct str text, const struct value *context);

/* Returns the operator with this name, without ForAllValues:, ForAnyValue: and IfExists; NULL if there is
 * none. */
const struct iam_operator *operator_find(struct str name);
bool operator_is_wild(const struct iam_operator *op);
bool operator_is_of_dates(const struct iam_operator *op);
