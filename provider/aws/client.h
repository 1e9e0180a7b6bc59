/*
 * One AWS account and region: finds the endpoint, signs, sends, retries. The spec interpreter and the
 * hand-written types speak to services only through it. Safe from every thread.
 *
 * Retries are those of AWS's "standard" mode: full jitter, a budget shared by all calls to a service, only
 * where the call is idempotent, carries a token, or was not processed (throttled, refused connection). Clock
 * skew is measured from the Date header and corrected; expired credentials are refreshed; a bucket that lives
 * in another region is followed there; each once per call. Throttling slows the service down for all workers
 * (additive increase, multiplicative decrease).
 */
#pragma once

#include <stdatomic.h>

#include "provider/http/http.h"
#include "provider/job.h"
#include "provider/wire/wire.h"

struct aws_client;

/* How a service is reached; from the head of its spec. Immutable. */
struct aws_service {
    struct str id;              /* as in AWS_ENDPOINT_URL_<ID>: "glue", "secretsmanager", "s3" */
    struct str endpoint_prefix; /* host: PREFIX.REGION.amazonaws.com */
    struct str signing_name;
    bool global; /* one endpoint, signed for one region of the partition (iam) */
    bool s3;     /* S3's addressing and signing rules */
};

struct aws_call {
    const struct aws_service *service;
    const struct wire_operation *op;
    struct wire_message request; /* path begins after the endpoint; for S3 path style "/bucket/key" (the
                                    client makes it virtual-host style where it may) */
    struct str host_prefix;      /* "api." (MWAA); usually "" */
    bool idempotent;             /* safe to send twice: reads, puts, deletes, calls with a token */
    struct str payload_hash;     /* known beforehand (uploads); "" : from the body */
    int body_fd;                 /* uploads: file range instead of request.body when body_length > 0 */
    int64_t body_offset, body_length;
    /* The payload is covered by a checksum in a signed header: over TLS, and to this machine, it need not be
     * hashed a second time for the signature. */
    bool checked;
    bool eager;                 /* as in struct http_request */
    atomic_int_fast64_t *moved; /* likewise */
    int (*sink)(void *ctx, const void *bytes, size_t n);
    void *sink_ctx;
    /* Reads a 2xx answer. -1: it is not whole, and counts as lost. NULL: any is. */
    int (*accept)(void *ctx, const struct wire_message *answer, struct err *err);
    void *accept_ctx;
    const atomic_bool *cancel;
    /* Extra retry rule: is this error transient for this call? (from the spec; may be NULL) */
    bool (*transient)(void *ctx, const struct err *err);
    void *transient_ctx;
    int64_t transient_for_ms; /* how long such errors are retried; 0: 2 minutes, 15 s in an emulator */
    /* Told when it is to be sent for the nth time, throttled or without a good answer. NULL: nobody is. */
    void (*repeats)(void *ctx, const struct err *failure, int nth);
    void *repeats_ctx;
    int64_t answers_in_ms; /* how long the service may be silent; 0: the HTTP engine's minute */
    bool sensitive;        /* request or answer hold secrets: -vv does not show their bodies */
};

struct aws_options {
    struct str name;            /* "aws.tokyo" for messages */
    const struct value *config; /* region, profile, endpoint, endpoints: {s3: …}, access_key, secret_key,
                                   session_token, insecure, path_style, assume_role: {role, session_name,
                                   external_id}, default_tags, account_id, max_attempts. NULL: none */
    struct http_engine *http;
    /* A port of this machine that leads to host:port, where services are reached through something else; the
     * same one whenever the same location is asked for. Called by every thread. NULL: straight. */
    int (*way)(void *ctx, struct str host, int port, int *local_port, struct err *err);
    void *way_ctx;
    const atomic_bool *cancel; /* whose account it is, and what it may have, is not asked any more */
};

int aws_client_new(const struct aws_options *options, struct aws_client **out, struct err *err);
void aws_client_free(struct aws_client *client);
/*
 * 0: a 2xx answer in *response. -1: err with class, code, message and request id; *response may still be
 * filled (status 0: none).
 */
int aws_send(struct aws_client *client, const struct aws_call *call, struct arena *arena,
    struct wire_message *response, struct err *err);
/*
 * The same for a call that asks: the answer as a document. One that is empty, cut, or without the member that
 * it `needs` ("": none) is asked for again where that does no harm, and never taken for "there is nothing".
 */
int aws_ask(struct aws_client *client, const struct aws_call *call, struct arena *arena, const char *needs,
    const struct value **document, struct err *err);
/*
 * The same of an operation with a JSON protocol: what it sends is `input`, under the service's own names and
 * without what is null there. call->request is not looked at.
 */
int aws_ask_json(struct aws_client *client, const struct aws_call *call, const struct value *input,
    struct arena *arena, const char *needs, const struct value **document, struct err *err);
#define AWS_JSON_OPERATION(target_, name_)                                                                   \
    {                                                                                                        \
        .name = STR_INIT(name_), .protocol = WIRE_JSON11, .target_prefix = STR_INIT(target_),                \
        .method = STR_INIT("POST"), .path = STR_INIT("/")                                                    \
    }

/*
 * Many calls of one thread: aws_flight_add() and aws_flight_next() as they come, from one thread; each goes
 * the whole way that aws_send() goes with one. aws_flight_free() when nothing is on its way any more.
 */
struct aws_flight;
struct aws_sending {
    const struct aws_call *call; /* these two: the caller's, until it is back */
    struct arena *arena;
    void *owner; /* what the caller knows it by */
    int result;  /* this and the rest: as from aws_send() */
    struct wire_message response;
    struct err err;
};

struct aws_flight *aws_flight_new(struct aws_client *client);
void aws_flight_free(struct aws_flight *flight);
size_t aws_flight_count(const struct aws_flight *flight); /* added, and not yet back */
void aws_flight_add(struct aws_flight *flight, struct aws_sending *sending);
/* Waits until one is back, so long at most (-1: as long as it takes). NULL: none is. */
struct aws_sending *aws_flight_next(struct aws_flight *flight, int64_t timeout_ms);

struct str aws_region(const struct aws_client *client);
struct str aws_partition(const struct aws_client *client); /* "aws", "aws-cn", "aws-us-gov" by region */
/* Account number; asks STS once (GetCallerIdentity) unless configured. */
int aws_account(struct aws_client *client, struct arena *arena, struct str *account, struct err *err);
uint64_t aws_requests(const struct aws_client *client);
/*
 * How far the services' clock is ahead of ours (negative: behind) as the latest answer reported, to a few
 * seconds; 0 where none did. For comparing their times with ours.
 */
int64_t aws_clock_ahead_ms(const struct aws_client *client);
/* The same, asked for where no answer has told yet and `ask`. False: nobody told. */
bool aws_clock_reported(struct aws_client *client, bool ask, int64_t *ahead_ms);
/* A refusal for being asked too much that came in another way than as an answer's status: slows down like
 * one. */
void aws_throttled(struct aws_client *client, const struct aws_service *service);
/* Something was made just now; and: was anything within so long? Services take a moment to see it everywhere.
 */
void aws_made(struct aws_client *client);
bool aws_made_within(const struct aws_client *client, int64_t ms);

/* ---- location.c: where a configured provider makes resources: account, region, partition and address, as
 * they are recorded with each resource, so that it is looked for, changed and deleted there and nowhere else.
 *
 * A location is a map {region, partition, endpoint, account, profile, assume_role}. `endpoint` is there where
 * the service is not at AWS's own address, `account` where it is known; the last two are how its credentials
 * were found, which is nothing to compare but opens the location again when the stack does not configure it
 * any more. */
/*
 * Where `service` makes resources. With `ask` STS is asked whose account it is (once for a client), unless a
 * store that knows S3 only would be asked: then, and where a service of one's own does not say, there is no
 * account in it.
 */
int aws_location(struct aws_client *client, const struct aws_service *service, bool ask, struct arena *arena,
    const struct value **location, struct err *err);
/* The address of the service where it is not AWS's own; "" otherwise. */
struct str aws_custom_endpoint(
    struct aws_client *client, const struct aws_service *service, struct arena *arena);
/*
 * What of two locations of the service cannot be the same: "region", "account", "partition", "endpoint";
 * NULL: nothing. Where a global service, or a bucket, was made from does not matter; addresses of this
 * machine are all the same, because servers for trying things out take another port each time.
 */
const char *aws_location_difference(
    const struct aws_service *service, const struct value *then, const struct value *now);
/* The settings that open a location: those of `config` (which may be NULL), but there. */
const struct value *aws_location_settings(
    const struct value *location, const struct value *config, struct arena *arena);
/* "eu-west-1", "account 123456789012, eu-west-1", "https://minio.example:9000" for people. */
struct str aws_location_text(const struct value *location, struct arena *arena);

/* ---- tagging.c: the tagging API of a region: what has which tags, of one type or of all that it knows. */
extern const struct aws_service aws_tagging_service;

struct aws_tagged {
    struct str type;             /* "glue:job"; "" of every type */
    const struct value *filters; /* aws_tag_filter(); NULL: whatever its tags are */
    const atomic_bool *cancel;   /* may be NULL */
};

/* Of one thread; tags is a map, in the arena. */
typedef void aws_tagged_found(void *ctx, struct str arn, const struct value *tags);

enum { AWS_TAGGED_AT_ONCE = 100 }; /* so many can be asked about by name in one call */

/* Every page. */
int aws_tagged(struct aws_client *client, struct arena *arena, const struct aws_tagged *wanted,
    aws_tagged_found *found, void *found_ctx, struct err *err);
/* The same of these alone, however many others there are; what never had a tag is passed over. Of a server
 * that cannot be asked so it is all of the type, or, without one, -1. */
int aws_tagged_of(struct aws_client *client, struct arena *arena, const struct str *arns, size_t n,
    const struct aws_tagged *wanted, aws_tagged_found *found, void *found_ctx, struct err *err);
/* That the tag `key` is `text`; that there is one, where that is empty. */
const struct value *aws_tag_filter(struct arena *arena, const char *key, struct str text);

/* ---- tagging.c: what a store of one's own does not have (tags on buckets, say), as it was found out by
 * trying: kept in the stack's .weir, by the store's address, so that it is tried and reported once. */
/* Does the answer say that the service has no such call, rather than that this one was wrong? */
bool unsupported_says(const struct err *err);
/* Was that found out before? work_dir "": nothing is kept. */
bool unsupported_is_known(struct str work_dir, struct str endpoint, const char *what);
/* True the first time. Safe from every thread. */
bool unsupported_note(struct str work_dir, struct str endpoint, const char *what);

/* ---- What can be expressed of an AWS account, under `providers: aws:` and of a state on S3: attributes of
 * an object. */
#define AWS_SETTING_ATTRS                                                                                    \
    SETTING_ATTR("region", setting_text, "AWS Region, such as eu-west-1; without it AWS_REGION"),            \
        SETTING_ATTR("profile", setting_text, "Profile in ~/.aws/config and ~/.aws/credentials"),            \
        SETTING_PLACE("endpoint", setting_text, "Endpoint URL of all services, if it is not AWS"),           \
        SETTING_PLACE("endpoints", setting_texts, "Endpoint URLs by service"),                               \
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

/* ---- logs.c: the logs of runs in CloudWatch Logs (provider/job.h). No more than a page of each
 * source is held at a time. */
extern const struct log_ops aws_log_ops;

/* ---- sigv4.c: AWS Signature Version 4 in its stages, each testable alone: canonical request -> string to
 * sign -> signature. See "Signing AWS API requests" in the IAM User Guide. Used by the client and, for
 * verification, by the sandbox. */

struct sigv4_params {
    struct str access_key, secret_key, session_token; /* token may be empty */
    struct str region, service;                       /* of the credential scope */
    int64_t wall_ms;
    struct str payload_hash; /* hex SHA-256, "UNSIGNED-PAYLOAD" or a STREAMING-… constant; empty: hashed from
                                the body */
    struct str signed_headers; /* verification: exactly these ("host;x-amz-date"); empty: every header but
                                  those that proxies change */
    const unsigned char *key;  /* from sigv4_signing_key() for the same day and scope; NULL: derived anew */
    bool s3;                   /* path encoded once and not normalised; x-amz-content-sha256 is sent */
};

/* Each result lives in the arena. */
struct str sigv4_canonical_request(struct arena *arena, const struct sigv4_params *params,
    const struct wire_message *request, struct str *signed_headers);
struct str sigv4_string_to_sign(
    struct arena *arena, const struct sigv4_params *params, struct str canonical_request);
/* Good for one day in one scope: worth keeping where many requests are signed. */
void sigv4_signing_key(const struct sigv4_params *params, unsigned char key[32]);
struct str sigv4_signature(struct arena *arena, const struct sigv4_params *params, struct str string_to_sign);

/*
 * Adds X-Amz-Date, X-Amz-Security-Token, x-amz-content-sha256 (S3) and Authorization; the Host header must be
 * there already. Every header present when called is signed, except those that proxies change.
 */
void sigv4_sign_headers(struct arena *arena, const struct sigv4_params *params, struct wire_message *request);

/* ---- sigv4.c: Addresses that are signed beforehand: whoever has one may send that one request, for so
 * long. */
struct presign {
    struct str service; /* as it is signed for: "kafka-cluster" */
    struct str host;    /* "kafka.eu-west-1.amazonaws.com" */
    struct str path;    /* percent-encoded; "": "/" */
    struct str query;   /* percent-encoded: "Action=kafka-cluster%3AConnect" */
    bool plain;         /* http */
    int64_t seconds;    /* that it holds */
};

struct sigv4_params;

/* The same with given keys, region and time. */
struct str presign_with(struct arena *arena, const struct sigv4_params *params, const struct presign *what);

/* "https://HOST/?QUERY&X-Amz-…", of a GET, and when it ends (wall clock); both as of now. */
int aws_presign(struct aws_client *client, const struct presign *what, struct arena *arena, struct str *url,
    int64_t *ends_ms, struct err *err);

/* ---- retry.c: When to send again: how often, how long to wait, and the budget that ends retries when a
 * service is down for good. Calculation only; sleeping and sending are the client's.
 *
 * The budget is the SDKs' token bucket: every retry after a failure costs, every success gives a little back,
 * so that a thousand calls to a dead service do not become four thousand. Throttled calls cost nothing,
 * because the throttle (client_state.h) already holds them back. */

enum retry_kind {
    RETRY_FAILURE,   /* no answer, or one of 500, 502, 503, 504 */
    RETRY_THROTTLED, /* not processed: too many requests */
    RETRY_UNSETTLED, /* waits for something to become visible: "role cannot be assumed" */
};

enum {
    RETRY_ATTEMPTS = 4,            /* in all, for failures */
    RETRY_ATTEMPTS_THROTTLED = 10, /* unless the user set a number */
    RETRY_BUDGET = 500,
    RETRY_COST = 5,
    RETRY_COST_TIMEOUT = 10,
};

/*
 * How long to wait before the nth repetition (from 1). `chance` is a random number in [0, 1): full jitter.
 * What the service asks for (after_ms, 0: nothing) is the least, within reason.
 */
int64_t retry_delay_ms(enum retry_kind kind, int nth, double chance, int64_t after_ms);
double retry_chance(void);
/* Retry-After (seconds or a date) or x-amz-retry-after (milliseconds); 0 where there is none. */
int64_t retry_after_ms(const struct wire_message *response, int64_t wall_ms);

/* How often the process has sent something again, for whoever watches it. Safe from every thread. */
struct retry_counts {
    unsigned failures, throttled;
};
void retry_counted(enum retry_kind kind);
struct retry_counts retry_counts(void);

/* Starts with RETRY_BUDGET. Safe from every thread. */
bool retry_budget_take(atomic_int *budget, int cost);
void retry_budget_give(atomic_int *budget, int amount);

/* ---- retry.c: what an operation's name says of repeating it. Services name their calls by a small set of
 * verbs; what a verb does not say by itself, specs do (`idempotent:`). */
/* GetRole, ListTables: changes nothing. */
bool verb_reads(struct str operation);
/* The same, or what sets or takes away something named: once done, doing it again changes nothing. */
bool verb_repeats(struct str operation);
