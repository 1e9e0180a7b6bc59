/*
 * The credentials chain of the AWS SDKs, one source a file (creds_*.c), in this order:
 *   environment, web identity (AWS_WEB_IDENTITY_TOKEN_FILE), shared config and credentials files (profile:
 * static keys, role_arn with source_profile or credential_source, web identity, credential_process),
 * container (AWS_CONTAINER_CREDENTIALS_*), IMDSv2. A profile that the provider's settings name comes before
 * the environment. IAM Identity Center (SSO) is left to `credential_process`; the error says how.
 *
 * What was found is kept and refreshed before it expires: one thread fetches, the others wait or go on with
 * what is still valid. Safe from every thread. Secrets are wiped when freed.
 */
#pragma once

#include "base/arena.h"
#include "base/err.h"
#include "base/str.h"

struct http_engine;
struct value;

struct credentials {
    struct str access_key, secret_key, session_token;
    int64_t expires_ms; /* wall clock; 0: never */
    struct str source;  /* "environment", "profile dev", … for messages */
};

struct credentials_chain;

struct credentials_options {
    struct http_engine *http;
    struct str profile; /* "" : AWS_PROFILE or default */
    struct str region;  /* for STS calls */
    struct str assume_role_arn, assume_role_session, assume_role_external_id; /* provider setting; "" none */
    struct credentials fixed; /* provider setting or the sandbox; access_key "" : none */
    const struct value
        *config; /* the provider's settings, for where STS is (`endpoint`, `endpoints`); NULL */
};

int credentials_chain_new(
    const struct credentials_options *options, struct credentials_chain **out, struct err *err);
void credentials_chain_free(struct credentials_chain *chain);
/* Current credentials, copied into the arena; refreshes when they end within five minutes. ERR_AUTH with a
 * hint when there are none. */
int credentials_get(
    struct credentials_chain *chain, struct arena *arena, struct credentials *out, struct err *err);
/* After a service refused them as expired: the next get fetches anew. Nothing happens where others are in use
 * by now. */
void credentials_invalidate(struct credentials_chain *chain, const struct credentials *refused);
