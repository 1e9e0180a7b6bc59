/*
 * IAM policies: reading documents, and what they say of a request. Pure: nothing is called or kept; the
 * sandbox decides with it what its callers may do, `weir policy --why` explains with it what an account
 * decides.
 *
 *   policy.c   documents
 *   pattern.c  wildcards and policy variables, and what IAM refuses as a document
 *   decide.c   conditions, statements against a request, the order in which kinds of policies count, what a
 *              denial reads
 *
 * Order of calls: iam_policy_read() for each document, once; then iam_decide() for each request, from any
 * thread. A policy lives in the arena that it was read into, and keeps references into the document.
 */
#pragma once

#include "base/err.h"
#include "base/value.h"

/* ---- documents ---- */

/* A text with wildcards; those are the bytes STAR and ANY in `text`, so that both can also stand for
 * themselves. */
struct iam_pattern {
    struct str text, written;
    bool variables; /* ${aws:username} and its kin are still in it */
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

/* One operator and one key; all of a statement's have to hold. */
struct iam_condition {
    const struct iam_operator *operator;
    struct str written; /* ForAnyValue:StringLikeIfExists */
    enum { IAM_PLAIN, IAM_FOR_ALL, IAM_FOR_ANY } over;
    bool if_exists;
    struct str key; /* in small letters */
    struct iam_patterns values;
};

struct iam_statement {
    struct str sid; /* "" : it has none */
    size_t number;  /* from 1 */
    bool deny;
    bool not_action, not_resource, not_principal; /* what is listed is what it is not about */
    struct iam_patterns actions, resources;       /* actions in small letters; resources n 0: it has none */
    const struct iam_named *principals;
    size_t principal_count; /* 0: it has none */
    const struct iam_condition *conditions;
    size_t condition_count;
};

struct iam_policy {
    struct str name;
    const struct iam_statement *statements;
    size_t n;
};

/*
 * `document` is a map, or a text that holds one as JSON. ERR_INVALID: what is wrong, and in which statement.
 */
int iam_policy_read(struct arena *arena, const struct value *document, struct str name,
    const struct iam_policy **out, struct err *err);
/* The attribute that has the trust policy of roles of this type; "": they are no roles. */
struct str iam_trust_attribute(struct str type);

/*
 * Would IAM take the document? Its place says what statements need and cannot have: "identity" (a resource,
 * no principal), "managed" (the same, with a Version), "resource" (a principal), "trust" (a principal, no
 * resource), or "" for any; "resource https://": a resource may also begin so. What is not known yet passes.
 * ERR_INVALID: what is wrong; *statement counts from 1, 0 is the document itself.
 */
int iam_policy_check(
    struct arena *arena, const struct value *document, struct str place, size_t *statement, struct err *err);

/*
 * Is there such an action ("glue:GetTables"), or one that is like it ("glue:Get*")? By AWS's list of the day
 * weir was built, so that no is a reason to look and none to refuse. *nearest: what may have been meant; ""
 * nothing.
 */
bool iam_action_is_known(struct arena *arena, struct str action, struct str *nearest);

/* ---- requests ---- */

struct iam_principal {
    struct str arn;      /* arn:aws:sts::1:assumed-role/R/S, arn:aws:iam::1:user/U; "" of a service */
    struct str role_arn; /* of a session: the role's; "" otherwise */
    struct str account;
    struct str service;   /* glue.amazonaws.com; "" : it is none */
    struct str federated; /* who vouches for a web identity; "" : nobody */
};

struct iam_request {
    struct iam_principal who;
    struct str action;   /* s3:GetObject */
    struct str resource; /* an ARN, or "*" where the action knows none */
    bool open; /* stars in it stand for what is not known: it is allowed where something of that form is */
    /* What conditions and variables look at: keys in small letters, each a text or a list of texts. */
    const struct value *context;
};

/* ---- decisions ---- */

enum iam_kind { IAM_IDENTITY, IAM_BOUNDARY, IAM_SESSION, IAM_RESOURCE };

struct iam_attached {
    enum iam_kind kind;
    const struct iam_policy *policy;
};

/* Whether nobody is let in without the resource's own policy. */
enum iam_rule {
    IAM_EITHER,         /* an identity's policy or the resource's: most services */
    IAM_RESOURCE_FIRST, /* the resource's names him, or the account, which leaves it to identities: keys of
                           KMS, trust policies */
};

struct iam_decision {
    bool allowed;
    bool explicit;                         /* by a statement that denies; otherwise none allows it */
    enum iam_kind kind;                    /* whose statement denies, or which kind has none that allows */
    const struct iam_policy *policy;       /* that decided; NULL: none did */
    const struct iam_statement *statement; /* of it */
};

/* Without a boundary (a session policy) among them none limits. Never fails. */
struct iam_decision iam_decide(
    const struct iam_request *request, const struct iam_attached *policies, size_t n, enum iam_rule rule);

/* "User: … is not authorized to perform: s3:GetObject on resource: … because no identity-based policy allows
 * the s3:GetObject action". `quoted`: the resource in quotes, as S3 has it. */
struct str iam_denial(
    struct arena *arena, const struct iam_request *request, const struct iam_decision *decision, bool quoted);
/* "an identity-based policy" and, without article, "identity-based policy". */
const char *iam_kind_name(enum iam_kind kind, bool article);

/* ---- one statement, for those who explain ---- */

enum iam_fit {
    IAM_FITS,
    IAM_OTHER_ACTION,
    IAM_OTHER_RESOURCE,
    IAM_OTHER_PRINCIPAL,
    IAM_CONDITION_FAILS, /* *failed is the first that does */
};
enum iam_fit iam_statement_fits(const struct iam_request *request, const struct iam_statement *statement,
    enum iam_kind kind, const struct iam_condition **failed);

/* ---- between the files of this folder ---- */

/* iam_policy_read(), and which statement it is about that it does not read; 0: none. */
int policy_read(struct arena *arena, const struct value *document, struct str name,
    const struct iam_policy **out, size_t *statement, struct err *err);

/* `wild`: stars and question marks stand for others. `variables`: ${…} is looked up when it is matched. */
struct iam_pattern pattern_make(struct arena *arena, struct str written, bool wild, bool variables);
bool pattern_is(const struct iam_pattern *pattern, struct str text, const struct value *context);
/* Is there a text that both fit? Stars in `open` stand for any text without colons. */
bool pattern_meets(const struct iam_pattern *pattern, struct str open, const struct value *context);
/* As ARNs are compared: each of the six parts by itself. */
bool pattern_is_arn(const struct iam_pattern *pattern, struct str text, const struct value *context);
/* Upper and lower case are the same. */
bool pattern_is_like_case(const struct iam_pattern *pattern, struct str text, const struct value *context);

/* The operator of this name, without what goes before and after; NULL: there is none. */
const struct iam_operator *operator_find(struct str name);
bool operator_is_wild(const struct iam_operator *op);
bool operator_is_of_dates(const struct iam_operator *op);
