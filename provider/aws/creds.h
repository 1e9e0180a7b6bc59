/*
 * Between the chain (credentials.c) and its sources (creds_*.c). A source says *found = false where nothing
 * is set up for it, and fails where something is and does not work. What it finds lives in the context's
 * arena, which is wiped afterwards.
 */
#pragma once

#include "provider/aws/credentials.h"
#include "provider/aws/profile.h"
#include "provider/http/http.h"

struct creds_context {
    struct arena *arena;
    const struct credentials_options *options;
    const struct profiles *profiles;
    struct str profile;
    bool profile_is_chosen; /* by the settings or AWS_PROFILE: then it must exist */
};

typedef int creds_source(struct creds_context *ctx, struct credentials *out, bool *found, struct err *err);

creds_source creds_environment, creds_web_identity, creds_profile, creds_container, creds_imds;

/* "" when not set. */
struct str creds_variable(const char *name);
/* One of the chain's sources by the name that `credential_source` has for it. */
int creds_named_source(struct creds_context *ctx, struct str name, struct credentials *out, struct err *err);

/* ---- what several sources need ---- */

struct creds_role {
    struct str arn, session; /* session "": one is made */
    struct str external_id, duration_s;
    struct str web_token; /* AssumeRoleWithWebIdentity; base is not used then */
};
int creds_assume_role(struct creds_context *ctx, const struct credentials *base,
    const struct creds_role *role, struct credentials *out, struct err *err);
/* Reads the token from its file, which is replaced from time to time. */
int creds_assume_with_token_file(struct creds_context *ctx, struct str file, struct creds_role *role,
    struct credentials *out, struct err *err);

int creds_process(struct creds_context *ctx, struct str command, struct credentials *out, struct err *err);

/* {"AccessKeyId": …, "SecretAccessKey": …, token_key: …, "Expiration": …} */
int creds_from_json(struct creds_context *ctx, struct str text, const char *token_key,
    struct credentials *out, struct err *err);
/* Any 2xx, within `attempts`; other answers and no answer are errors. */
int creds_http(struct creds_context *ctx, const struct http_request *request, int attempts, struct str *body,
    struct err *err);
