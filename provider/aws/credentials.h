/*
 * The credentials chain of the AWS SDKs, in this order:
 *   environment, web identity (AWS_WEB_IDENTITY_TOKEN_FILE), shared config and credentials files (profile:
 *   static keys, role_arn with source_profile or credential_source, web identity, credential_process, IAM
 *   Identity Center), container (AWS_CONTAINER_CREDENTIALS_*), IMDSv2. A profile in the provider's settings
 *   precedes the environment.
 *
 * The credentials are cached and refreshed before they expire: one thread fetches, the others wait or use
 * those that are still valid. Safe to use from every thread. Secrets are wiped when freed.
 */
#pragma once

#include "provider/aws/client.h"
#include "provider/http/http.h"

struct endpoint;
struct http_engine;
struct value;
struct wire_message;

struct credentials {
    struct str access_key, secret_key, session_token;
    int64_t expires_ms; /* wall clock; 0: never */
    struct str source;  /* "environment", "profile dev", … for messages */
};

struct credentials_chain;

struct credentials_options {
    struct http_engine *http;
    struct str profile; /* "": AWS_PROFILE or default */
    struct str region;  /* for STS calls */
    struct str assume_role_arn, assume_role_session,
        assume_role_external_id; /* the provider's `assume_role`; "": none */
    struct credentials
        fixed; /* the provider's access_key and secret_key, or the sandbox's; access_key "": none */
    const struct value
        *config; /* the provider's settings, for the STS endpoint (`endpoint`, `endpoints`); may be NULL */
};

/* Nothing is fetched before credentials_get(). */
struct credentials_chain *credentials_chain_new(const struct credentials_options *options);
void credentials_chain_free(struct credentials_chain *chain);
/* Returns the current credentials, copied into the arena; refreshes those that expire within five minutes.
 * Fails with ERR_AUTH and a hint if no source has credentials. */
int credentials_get(
    struct credentials_chain *chain, struct arena *arena, struct credentials *out, struct err *err);
/* Called after a service refused credentials as expired: the next credentials_get() fetches again. Has no
 * effect if the chain has other credentials by now. */
void credentials_invalidate(struct credentials_chain *chain, const struct credentials *refused);

/* ---- settings.c: the SDKs' shared files: ~/.aws/config and ~/.aws/credentials (AWS_CONFIG_FILE,
 * AWS_SHARED_CREDENTIALS_FILE). Read once, immutable afterwards. A missing file counts as empty. */
struct profiles;

/* Fails with ERR_INVALID, with file and line, on a line that is not a section, a setting or a comment. */
int profiles_load(struct arena *arena, const struct profiles **out, struct err *err);
/* Parses the files' contents; the names are for messages. */
int profiles_parse(struct arena *arena, struct str config, const char *config_name, struct str credentials,
    const char *credentials_name, const struct profiles **out, struct err *err);
/* Returns `wanted`, or else AWS_PROFILE, AWS_DEFAULT_PROFILE, "default". */
struct str profile_name(struct str wanted);
bool profiles_has(const struct profiles *profiles, struct str profile);
/* Returns a setting of a profile, or "". The credentials file precedes the config file. Nested settings are
 * named "s3.endpoint_url". */
struct str profiles_get(const struct profiles *profiles, struct str profile, const char *key);
/* Returns a setting of another section: [services NAME], [sso-session NAME]. */
struct str profiles_section_get(
    const struct profiles *profiles, const char *kind, struct str name, const char *key);
/* Returns the profile name nearest to a misspelt one; "" if none is similar. */
struct str profiles_nearest(struct arena *arena, const struct profiles *profiles, struct str profile);

/* ---- The interface between the chain (credentials.c) and its sources (creds_*.c). A source sets *found =
 * false if it is not configured, and fails if it is configured and does not work. Results are allocated in
 * the context's arena, which is wiped afterwards. */
struct creds_context {
    struct arena *arena;
    const struct credentials_options *options;
    const struct profiles *profiles;
    struct str profile;
    bool profile_is_chosen; /* named by the settings or AWS_PROFILE: it has to exist */
};

typedef int creds_source(struct creds_context *ctx, struct credentials *out, bool *found, struct err *err);

creds_source creds_environment, creds_web_identity, creds_profile, creds_container, creds_imds;

/* Returns an environment variable; "" if it is not set. */
struct str creds_variable(const char *name);
/* Fetches from the source that `credential_source` names. */
int creds_named_source(struct creds_context *ctx, struct str name, struct credentials *out, struct err *err);

/* ---- shared by several sources ---- */

struct creds_role {
    struct str arn, session; /* session "": a name is generated */
    struct str external_id, duration_s;
    struct str web_token; /* for AssumeRoleWithWebIdentity; `base` is not used then */
};
int creds_assume_role(struct creds_context *ctx, const struct credentials *base,
    const struct creds_role *role, struct credentials *out, struct err *err);
/* Reads the token from its file at each call, since the file is replaced from time to time. */
int creds_assume_with_token_file(struct creds_context *ctx, struct str file, struct creds_role *role,
    struct credentials *out, struct err *err);

/* Sends one request to a service that returns credentials. */
enum { CREDS_ATTEMPTS = 3, CREDS_PAUSE_MS = 200 };

/* creds_sts.c: returns the role credentials of a profile with sso_account_id, by the token of `aws sso
 * login`. */
int creds_sso(struct creds_context *ctx, struct str profile, struct credentials *out, struct err *err);

/* ---- endpoint.c: endpoints of services: `endpoint` and `endpoints` in the provider's settings,
 * AWS_ENDPOINT_URL_<SERVICE>, AWS_ENDPOINT_URL, the profile's services section and endpoint_url, and last the
 * region's own host. Also the addressing of S3 buckets. */

enum path_style { PATH_STYLE_AUTO, PATH_STYLE_ALWAYS, PATH_STYLE_NEVER };

/* The settings that endpoints follow from; immutable, shared by all threads. */
struct endpoint_settings {
    struct str region;
    const struct value *config; /* the provider's settings; may be NULL */
    const struct profiles *profiles;
    struct str profile;
    enum path_style path_style;
};

struct endpoint {
    bool custom; /* not AWS's own host */
    bool tls;
    struct str host;      /* with the port, if it is not the scheme's default */
    struct str base_path; /* "" or "/prefix" */
    struct str signing_region;
};

struct endpoint_target {
    struct str host, path;
};

/* Checks a region's spelling: "eu-west-1" is valid, "eu-west1" is ERR_INVALID with a hint. */
int region_check(struct str region, struct err *err);
struct str region_partition(struct str region);
/* Returns the domain of the region's endpoints: amazonaws.com. */
struct str region_dns_suffix(struct str region);

/* Everything in *out is allocated in the arena or the settings. Fails with ERR_INVALID on an invalid URL. */
int endpoint_resolve(struct arena *arena, const struct endpoint_settings *settings,
    const struct aws_service *service, struct endpoint *out, struct err *err);
/* True if there is a custom endpoint for all services. The region then need not be one of AWS's. */
bool endpoint_is_custom_for_all(const struct endpoint_settings *settings);

/* Returns the SDKs' environment variable of a service's endpoint: AWS_ENDPOINT_URL_SECRETS_MANAGER. */
struct str endpoint_variable(struct arena *arena, struct str service_id);

/* Returns host and path of a request; for S3 the bucket moves from the path into the host where possible. */
struct endpoint_target endpoint_address(struct arena *arena, const struct endpoint *endpoint,
    const struct endpoint_settings *settings, const struct aws_service *service, struct str host_prefix,
    struct str path);
/* Returns the first segment of an S3 path, the bucket; "" if the path is "/". */
struct str endpoint_bucket(struct str path);

/* ---- client.c: converts wire messages to HTTP requests and back, since codecs and HTTP engine do not use
 * each other. */
/* Returns method, URL, headers and body of a request; the caller adds time limits and other options. */
struct http_request message_to_http(struct arena *arena, const struct endpoint *endpoint, struct str host,
    const struct wire_message *message);
struct wire_message message_from_http(struct arena *arena, const struct http_response *response);
