/*
 * The client of one AWS account and region: finds the endpoint, signs, sends, retries. The spec interpreter
 * and the types in C call services only through it. Safe to use from every thread.
 *
 * Retries are those of AWS's "standard" mode: full jitter, a budget shared by all calls to a service, only if
 * the call is idempotent, carries a token, or was not processed (throttled, connection refused). Clock skew
 * is measured from the Date header and corrected; expired credentials are refreshed; a redirect to a bucket's
 * own region is followed; each once per call. Throttling slows the service down for all threads (additive
 * increase, multiplicative decrease).
 */
#pragma once

#include <stdatomic.h>

#include "provider/http/http.h"
#include "provider/job.h"
#include "provider/wire/wire.h"

struct aws_client;

/* How a service is called, from the head of its spec. Immutable. */
struct aws_service {
    struct str id;              /* the name in AWS_ENDPOINT_URL_<ID>: "glue", "secretsmanager", "s3" */
    struct str endpoint_prefix; /* of the host PREFIX.REGION.amazonaws.com */
    struct str signing_name;
    bool global; /* one endpoint for the partition, signed for one region (iam) */
    bool s3;     /* S3's addressing and signing rules */
};

struct aws_call {
    const struct aws_service *service;
    const struct wire_operation *op;
    struct wire_message request; /* the path is relative to the endpoint; for S3 path style "/bucket/key" (the
                                    client makes it virtual-host style where possible) */
    struct str host_prefix;      /* "api." (MWAA); usually "" */
    bool idempotent;             /* safe to send twice: reads, puts, deletes, calls with a token */
    struct str payload_hash;     /* SHA-256 known beforehand (uploads); "": computed from the body */
    int body_fd; /* uploads: the body is a file range instead of request.body if body_length > 0 */
    int64_t body_offset, body_length;
    /* A checksum in a signed header covers the payload: over TLS and to loopback the payload then is not
     * hashed again for the signature. */
    bool checked;
    bool eager;                 /* see struct http_request */
    atomic_int_fast64_t *moved; /* see struct http_request */
    int (*sink)(void *ctx, const void *bytes, size_t n);
    void *sink_ctx;
    /* Checks a 2xx response. Returns -1 if the response is incomplete; it then counts as lost. NULL: every
     * response is accepted. */
    int (*accept)(void *ctx, const struct wire_message *answer, struct err *err);
    void *accept_ctx;
    const atomic_bool *cancel;
    /* Additional retry rule of the spec: true if the error is transient for this call. May be NULL. */
    bool (*transient)(void *ctx, const struct err *err);
    void *transient_ctx;
    int64_t transient_for_ms; /* how long transient errors are retried; 0: 2 minutes, 15 s in an emulator */
    /* Called before the nth request, after a throttled or failed one. May be NULL. */
    void (*repeats)(void *ctx, const struct err *failure, int nth);
    void *repeats_ctx;
    int64_t answers_in_ms; /* time limit for the service's response; 0: the default, one minute */
    bool sensitive;        /* request or response contain secrets: -vv does not show their bodies */
};

struct aws_options {
    struct str name;            /* "aws.tokyo"; for messages */
    const struct value *config; /* region, profile, endpoint, endpoints: {s3: …}, access_key, secret_key,
                                   session_token, insecure, path_style, assume_role: {role, session_name,
                                   external_id}, default_tags, account_id, max_attempts. NULL: no settings */
    struct http_engine *http;
    /* Sets *local_port to a loopback port that leads to host:port, for services behind a tunnel; the same
     * port for each call with the same location. Called from every thread. NULL: direct connections. */
    int (*route)(void *ctx, struct str host, int port, int *local_port, struct err *err);
    void *route_ctx;
    const atomic_bool *cancel; /* set: requests for the account id and quotas are cancelled */
};

int aws_client_new(const struct aws_options *options, struct aws_client **out, struct err *err);
void aws_client_free(struct aws_client *client);
/*
 * Returns 0 with a 2xx response in *response. Returns -1 with class, code, message and request id in err;
 * *response may still be filled (status 0: no response).
 */
int aws_send(struct aws_client *client, const struct aws_call *call, struct arena *arena,
    struct wire_message *response, struct err *err);
/*
 * Sends a read call and parses the response as a document. A response that is empty, truncated, or without
 * the member `needs` ("": none) is an error and never an empty result; an idempotent call is then repeated.
 */
int aws_send_decoded(struct aws_client *client, const struct aws_call *call, struct arena *arena,
    const char *needs, const struct value **document, struct err *err);
/*
 * Like aws_send_decoded(), for an operation with a JSON protocol: the body is `input`, under the service's
 * member names, without nulls. call->request is ignored.
 */
int aws_send_json(struct aws_client *client, const struct aws_call *call, const struct value *input,
    struct arena *arena, const char *needs, const struct value **document, struct err *err);
#define AWS_JSON_OPERATION(target_, name_)                                                                   \
    {                                                                                                        \
        .name = STR_INIT(name_), .protocol = WIRE_JSON11, .target_prefix = STR_INIT(target_),                \
        .method = STR_INIT("POST"), .path = STR_INIT("/")                                                    \
    }

/*
 * Many concurrent calls from one thread, each handled like a call of aws_send(). Call order: aws_flight_add()
 * and aws_flight_next() in any order, from one thread; aws_flight_free() when all calls are finished.
 */
struct aws_flight;
struct aws_sending {
    const struct aws_call
        *call; /* `call` and `arena` belong to the caller and have to be valid until the call is finished */
    struct arena *arena;
    void *owner; /* the caller's own data */
    int result;  /* from here on: results as of aws_send() */
    struct wire_message response;
    struct err err;
};

struct aws_flight *aws_flight_new(struct aws_client *client);
void aws_flight_free(struct aws_flight *flight);
size_t aws_flight_count(const struct aws_flight *flight); /* number of calls added and not yet returned */
void aws_flight_add(struct aws_flight *flight, struct aws_sending *sending);
/* Returns the next finished call; waits at most so long (-1: no limit). NULL on timeout. */
struct aws_sending *aws_flight_next(struct aws_flight *flight, int64_t timeout_ms);

struct str aws_region(const struct aws_client *client);
struct str aws_partition(const struct aws_client *client); /* "aws", "aws-cn", "aws-us-gov" by region */
/* Determines the account id; asks STS once (GetCallerIdentity) unless it is configured. */
int aws_account(struct aws_client *client, struct arena *arena, struct str *account, struct err *err);
uint64_t aws_requests(const struct aws_client *client);
/*
 * Returns how far the services' clock is ahead of this machine's (negative: behind), by the latest response,
 * to a few seconds; 0 before the first. For comparing the services' times with local ones.
 */
int64_t aws_clock_ahead_ms(const struct aws_client *client);
/* Like aws_clock_ahead_ms(); with `ask` makes a call if no response has had a date yet. Returns false if no
 * date is known. */
bool aws_clock_reported(struct aws_client *client, bool ask, int64_t *ahead_ms);
/* Reports throttling that was not an HTTP status: slows the service down in the same way. */
void aws_throttled(struct aws_client *client, const struct aws_service *service);
/* Note that a resource was created; and whether one was created in the last `ms`. Services need a moment
 * until a new resource is visible everywhere. */
void aws_note_created(struct aws_client *client);
bool aws_created_within(const struct aws_client *client, int64_t ms);

/* ---- location.c: where a configured provider makes resources: account, region, partition and endpoint, as
 * recorded with each resource, so that it is read, changed and deleted at that location only.
 *
 * A location is a map {region, partition, endpoint, account, profile, assume_role}. `endpoint` is set if the
 * service is not at AWS's own endpoint, `account` if it is known. `profile` and `assume_role` are how the
 * credentials were found: they are not compared, but open the location again after the provider was removed
 * from the configuration. */
/*
 * Returns where `service` makes resources. With `ask`, STS is asked for the account id (once for a client),
 * except at an S3-compatible store: there, and at custom endpoints that do not report it, the location has no
 * account.
 */
int aws_location(struct aws_client *client, const struct aws_service *service, bool ask, struct arena *arena,
    const struct value **location, struct err *err);
/* Returns the service's custom endpoint URL; "" if it is AWS's own. */
struct str aws_custom_endpoint(
    struct aws_client *client, const struct aws_service *service, struct arena *arena);
/*
 * Returns which part of two locations of the service differs: "region", "account", "partition", "endpoint";
 * NULL: none. The region does not count for a global service or a bucket. All loopback addresses are the
 * same, because test servers use a different port each time.
 */
const char *aws_location_difference(
    const struct aws_service *service, const struct value *then, const struct value *now);
/* Returns the settings that open a location: those of `config` (may be NULL) with the location's values. */
const struct value *aws_location_settings(
    const struct value *location, const struct value *config, struct arena *arena);
/* Formats a location for people: "eu-west-1", "account 123456789012, eu-west-1",
 * "https://minio.example:9000". */
struct str aws_location_text(const struct value *location, struct arena *arena);

/* ---- tagging.c: the tagging API of a region: lists resources by tags, of one type or of all types. */
extern const struct aws_service aws_tagging_service;

struct aws_tagged {
    struct str type;             /* "glue:job"; "": every type */
    const struct value *filters; /* from aws_tag_filter(); NULL: any tags */
    const atomic_bool *cancel;   /* may be NULL */
};

/* Called from one thread; tags is a map in the arena. */
typedef void aws_tagged_found(void *ctx, struct str arn, const struct value *tags);

enum { AWS_TAGGED_AT_ONCE = 100 }; /* limit of names in one call */

/* Lists all pages. */
int aws_tagged(struct aws_client *client, struct arena *arena, const struct aws_tagged *wanted,
    aws_tagged_found *found, void *found_ctx, struct err *err);
/* Like aws_tagged(), for these ARNs only; resources that never had a tag are left out. At a server that
 * ignores the list of ARNs: lists the whole type, or returns -1 if no type is given. */
int aws_tagged_of(struct aws_client *client, struct arena *arena, const struct str *arns, size_t n,
    const struct aws_tagged *wanted, aws_tagged_found *found, void *found_ctx, struct err *err);
/* Returns the filter for the tag `key` with the value `text`, or with any value if `text` is empty. */
const struct value *aws_tag_filter(struct arena *arena, const char *key, struct str text);

/* ---- tagging.c: calls that an S3-compatible store does not support (tags on buckets, say), as its responses
 * showed: kept in the stack's .weir folder, by endpoint, so that each is tried and reported once. */
/* True if the error says that the service does not support the call, rather than that the request was
 * wrong. */
bool unsupported_says(const struct err *err);
/* True if it was noted before. work_dir "": nothing is kept. */
bool unsupported_is_known(struct str work_dir, struct str endpoint, const char *what);
/* Notes it; returns true the first time. Safe to call from every thread. */
bool unsupported_note(struct str work_dir, struct str endpoint, const char *what);

/* ---- The settings of an AWS account, under `providers: aws:` and of a state on S3: attributes of an
 * object. */
#define AWS_SETTING_ATTRS                                                                                    \
    SETTING_ATTR("region", setting_text, "AWS Region, such as eu-west-1; without it AWS_REGION"),            \
        SETTING_ATTR("profile", setting_text, "Profile in ~/.aws/config and ~/.aws/credentials"),            \
        SETTING_LOCATION("endpoint", setting_text, "Endpoint URL of all services, if it is not AWS"),        \
        SETTING_LOCATION("endpoints", setting_texts, "Endpoint URLs by service"),                            \
        SETTING_ATTR("access_key", setting_text, "Access key id"),                                           \
        SETTING_ATTR("secret_key", setting_text, "Secret access key"),                                       \
        SETTING_ATTR("session_token", setting_text, "Session token"),                                        \
        SETTING_ATTR("insecure", setting_flag, "Allow plain HTTP to other machines"),                        \
        SETTING_ATTR("path_style", setting_flag,                                                             \
            "Path-style S3 URLs: the bucket's name is in the path, not in the host name"),                   \
        SETTING_ATTR("assume_role", setting_any,                                                             \
            "IAM role to assume: its ARN, or {role, session_name, external_id}"),                            \
        SETTING_ATTR("default_tags", setting_texts, "Tags of all resources"),                                \
        SETTING_ATTR("ignore_tags", setting_any,                                                             \
            "Tag keys that weir ignores, such as [created-by, \"corp:*\"]; with * a prefix"),                \
        SETTING_ATTR("account_id", setting_any, "Account id; with it weir does not call STS"),               \
        SETTING_ATTR("max_attempts", setting_number, "Maximum number of attempts of each call")

/* ---- logs.c: reads the logs of runs from CloudWatch Logs (provider/job.h). Keeps at most one page of each
 * source in memory. */
extern const struct log_ops aws_log_ops;

/* ---- sigv4.c: AWS Signature Version 4 in stages, each testable alone: canonical request -> string to sign
 * -> signature. See "Signing AWS API requests" in the IAM User Guide. Used by the client and, for
 * verification, by the sandbox. */

struct sigv4_params {
    struct str access_key, secret_key, session_token; /* session_token may be empty */
    struct str region, service;                       /* of the credential scope */
    int64_t wall_ms;
    struct str payload_hash; /* hex SHA-256, "UNSIGNED-PAYLOAD" or a STREAMING-… constant; "": hashed from the
                                body */
    struct str signed_headers; /* verification: exactly these ("host;x-amz-date"); "": all headers except
                                  those that proxies change */
    const unsigned char
        *key; /* from sigv4_signing_key() for the same day and scope; NULL: derived in the call */
    bool s3;  /* the path is encoded once and not normalised; x-amz-content-sha256 is sent */
};

/* The results are allocated in the arena. */
struct str sigv4_canonical_request(struct arena *arena, const struct sigv4_params *params,
    const struct wire_message *request, struct str *signed_headers);
struct str sigv4_string_to_sign(
    struct arena *arena, const struct sigv4_params *params, struct str canonical_request);
/* Derives the key that is valid for one day and scope; worth caching for many requests. */
void sigv4_signing_key(const struct sigv4_params *params, unsigned char key[32]);
struct str sigv4_signature(struct arena *arena, const struct sigv4_params *params, struct str string_to_sign);

/*
 * Adds X-Amz-Date, X-Amz-Security-Token, x-amz-content-sha256 (S3) and Authorization. The Host header has to
 * be set before. All headers present at the call are signed, except those that proxies change.
 */
void sigv4_sign_headers(struct arena *arena, const struct sigv4_params *params, struct wire_message *request);

/* ---- sigv4.c: presigned URLs: whoever has the URL may send that request until it expires. */
struct presign {
    struct str service; /* signing name: "kafka-cluster" */
    struct str host;    /* "kafka.eu-west-1.amazonaws.com" */
    struct str path;    /* percent-encoded; "": "/" */
    struct str query;   /* percent-encoded: "Action=kafka-cluster%3AConnect" */
    bool plain;         /* http instead of https */
    int64_t seconds;    /* until it expires */
};

struct sigv4_params;

/* Presigns with the given keys, region and time. */
struct str presign_with(struct arena *arena, const struct sigv4_params *params, const struct presign *what);

/* Presigns a GET with the current credentials: "https://HOST/?QUERY&X-Amz-…"; *ends_ms is its expiry (wall
 * clock). */
int aws_presign(struct aws_client *client, const struct presign *what, struct arena *arena, struct str *url,
    int64_t *ends_ms, struct err *err);

/* ---- retry.c: whether to retry, the delay, and the budget that ends retries when a service is down. Only
 * calculates; the client sleeps and sends.
 *
 * The budget is the SDKs' token bucket: every retry after a failure costs tokens, every success returns a
 * few, so that a thousand calls to an unreachable service do not become four thousand. Retries of throttled
 * calls cost nothing, because the throttle (client_state.h) already delays them. */

enum retry_kind {
    RETRY_FAILURE,   /* no response, or 500, 502, 503, 504 */
    RETRY_THROTTLED, /* not processed: too many requests */
    RETRY_UNSETTLED, /* a transient error until something becomes visible: "role cannot be assumed" */
};

enum {
    RETRY_ATTEMPTS = 4,            /* in total, for failures */
    RETRY_ATTEMPTS_THROTTLED = 10, /* unless max_attempts is configured */
    RETRY_BUDGET = 500,
    RETRY_COST = 5,
    RETRY_COST_TIMEOUT = 10,
};

/*
 * Returns the delay before the nth retry (from 1). `chance` is a random number in [0, 1): full jitter. The
 * delay that the service asks for (after_ms, 0: none) is the minimum, up to a limit.
 */
int64_t retry_delay_ms(enum retry_kind kind, int nth, double chance, int64_t after_ms);
double retry_chance(void);

/* Number of retries in this process, for progress output. Safe to call from every thread. */
struct retry_counts {
    unsigned failures, throttled;
};
void retry_counted(enum retry_kind kind);
struct retry_counts retry_counts(void);

/* The budget starts with RETRY_BUDGET tokens. Safe to call from every thread. */
bool retry_budget_take(atomic_int *budget, int cost);
void retry_budget_give(atomic_int *budget, int amount);

/* ---- retry.c: whether an operation may be repeated, by its name. Services name their operations with a
 * small set of verbs; specs declare the exceptions (`idempotent:`). */
/* True for operations that change nothing: GetRole, ListTables. */
bool verb_reads(struct str operation);
/* True for operations that read, or set or remove something by name or id, so that repeating them changes
 * nothing. */
bool verb_repeats(struct str operation);
