/*
 * The credentials chain of the AWS SDKs, one source a file (creds_*.c), in this order:
 *   environment, web identity (AWS_WEB_IDENTITY_TOKEN_FILE), shared config and credentials files (profile:
 * static keys, role_arn with source_profile or credential_source, web identity, credential_process, IAM
 * Identity Center), container (AWS_CONTAINER_CREDENTIALS_*), IMDSv2. A profile that the provider's settings
 * name comes before the environment.
 *
 * What was found is kept and refreshed before it expires: one thread fetches, the others wait or go on with
 * what is still valid. Safe from every thread. Secrets are wiped when freed.
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

/* ---- settings.c: the shared files of the SDKs: ~/.aws/config and ~/.aws/credentials (AWS_CONFIG_FILE,
 * AWS_SHARED_CREDENTIALS_FILE). Read once, immutable afterwards. A file that is not there is an empty one. */
struct profiles;

/* ERR_INVALID with file and line for what cannot be read as a section, a setting or a comment. */
int profiles_load(struct arena *arena, const struct profiles **out, struct err *err);
/* The same from text; the names are for messages. */
int profiles_parse(struct arena *arena, struct str config, const char *config_name, struct str credentials,
    const char *credentials_name, const struct profiles **out, struct err *err);
/* `wanted`, or AWS_PROFILE, AWS_DEFAULT_PROFILE, "default". */
struct str profile_name(struct str wanted);
bool profiles_has(const struct profiles *profiles, struct str profile);
/* "" when absent; the credentials file counts before the config file. Nested settings are "s3.endpoint_url".
 */
struct str profiles_get(const struct profiles *profiles, struct str profile, const char *key);
/* The same in another kind of section: [services NAME], [sso-session NAME]. */
struct str profiles_section_get(
    const struct profiles *profiles, const char *kind, struct str name, const char *key);
/* The profile whose name is nearest to a misspelt one; "" where none is near. */
struct str profiles_nearest(struct arena *arena, const struct profiles *profiles, struct str profile);

/* ---- Between the chain (credentials.c) and its sources (creds_*.c). A source says *found = false where
 * nothing is set up for it, and fails where something is and does not work. What it finds lives in the
 * context's arena, which is wiped afterwards. */
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

/* Sends a message to a service that hands out credentials, once. */
enum { CREDS_ATTEMPTS = 3, CREDS_PAUSE_MS = 200 };

/* creds_sts.c: of a profile with sso_account_id: the role's, by the token of `aws sso login`. */
int creds_sso(struct creds_context *ctx, struct str profile, struct credentials *out, struct err *err);

/* ---- endpoint.c: Where a service is: `endpoint` and `endpoints` in the provider's settings,
 * AWS_ENDPOINT_URL_<SERVICE>, AWS_ENDPOINT_URL, the profile's services section and endpoint_url, and last the
 * region's own host. And how S3 buckets are addressed there. */

enum path_style { PATH_STYLE_AUTO, PATH_STYLE_ALWAYS, PATH_STYLE_NEVER };

/* What the settings say; immutable, shared by all threads. */
struct endpoint_settings {
    struct str region;
    const struct value *config; /* the provider's settings; NULL: none */
    const struct profiles *profiles;
    struct str profile;
    enum path_style path_style;
};

struct endpoint {
    bool custom; /* not AWS's own host */
    bool tls;
    struct str host;      /* with the port, where it is not the scheme's own */
    struct str base_path; /* "" or "/prefix" */
    struct str signing_region;
};

struct endpoint_target {
    struct str host, path;
};

/* "eu-west-1" is fine, "eu-west1" is ERR_INVALID with a hint. */
int region_check(struct str region, struct err *err);
struct str region_partition(struct str region);
/* What the hosts of its services end in: amazonaws.com. */
struct str region_dns_suffix(struct str region);

/* Everything in *out lives in the arena or the settings. ERR_INVALID for a URL that is none. */
int endpoint_resolve(struct arena *arena, const struct endpoint_settings *settings,
    const struct aws_service *service, struct endpoint *out, struct err *err);
/* Is there a custom endpoint for all services? Then the region need not be one of AWS's. */
bool endpoint_is_custom_for_all(const struct endpoint_settings *settings);

/* The variable that says where a service is, as the SDKs have it: AWS_ENDPOINT_URL_SECRETS_MANAGER. */
struct str endpoint_variable(struct arena *arena, struct str service_id);

/* Host and path of one request; for S3 the bucket moves from the path into the host where it may. */
struct endpoint_target endpoint_address(struct arena *arena, const struct endpoint *endpoint,
    const struct endpoint_settings *settings, const struct aws_service *service, struct str host_prefix,
    struct str path);
/* The first segment of an S3 path; "" for the service itself. */
struct str endpoint_bucket(struct str path);

/* ---- client.c: Wire messages to HTTP requests and back: the codecs and the engine know nothing of each
 * other. */
/* Method, URL, headers and body of a request; the caller adds limits and the like. */
struct http_request message_to_http(struct arena *arena, const struct endpoint *endpoint, struct str host,
    const struct wire_message *message);
struct wire_message message_from_http(struct arena *arena, const struct http_response *response);
