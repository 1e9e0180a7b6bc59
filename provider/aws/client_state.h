/*
 * The client's internal state, shared by client.c (opening, closing, calls) and exchange.c. Not for other
 * files.
 */
#pragma once

#include "provider/aws/credentials.h"

/* ---- settings.c: the map under `providers: aws:`, checked and parsed. */
struct aws_settings {
    struct str name;            /* "aws.tokyo" */
    const struct value *config; /* never NULL */
    const struct profiles *profiles;
    struct endpoint_settings endpoints; /* with the region */
    struct str profile;                 /* as configured; "": not configured */
    struct str access_key, secret_key, session_token;
    struct str role, role_session, role_external_id;
    struct str account_id;
    struct str ca_file; /* "": the system's certificates */
    bool insecure;
    int max_attempts; /* 0: the default */
};

/* Everything is allocated in the arena. ERR_INVALID names the provider and the setting. */
int aws_settings_read(struct arena *arena, struct str name, const struct value *config,
    struct aws_settings *out, struct err *err);

/* ---- retry.c: slows all threads down together when a service throttles: the request rate is cut to a
 * fraction, then grows again in steady steps (multiplicative decrease, additive increase). Without throttling
 * it costs one lock.
 *
 * One throttle for each service. Safe to call from every thread. The caller passes the time (monotonic
 * milliseconds). */
struct throttle {
    pthread_mutex_t lock;
    bool active;
    double rate;       /* allowed requests per second, while active */
    double refused_at; /* the rate that was refused */
    double next_ms;    /* time of the next free slot */
    int64_t cut_ms;    /* time of the last cut */

    int64_t window_ms; /* start of the window in which requests are counted */
    unsigned in_window;
    double sent_rate;
};

void throttle_init(struct throttle *throttle);
void throttle_release(struct throttle *throttle);
/* Takes the next slot and returns the delay before sending. */
int64_t throttle_reserve(struct throttle *throttle, int64_t now_ms);
void throttle_refused(struct throttle *throttle, int64_t now_ms);
void throttle_accepted(struct throttle *throttle);

/* ---- client_state ---- */

/* State of one service, made at its first call. */
struct service_state {
    struct endpoint endpoint;
    struct throttle throttle;
    atomic_int budget;
};

/* One for each service and region: most requests of a run share a few. */
struct signing_key {
    char day[8];
    struct str access_key, region, service;
    unsigned char key[32];
};

enum {
    SIGNING_KEYS = 64
}; /* more than there are services; each evicted key leaks its strings until the client is freed */

struct aws_client {
    struct arena arena; /* settings; immutable after the client is opened */
    struct aws_settings settings;
    struct http_engine *http;
    struct credentials_chain *credentials;
    int (*route)(
        void *ctx, struct str host, int port, int *local_port, struct err *err); /* see struct aws_options */
    void *route_ctx;
    const atomic_bool *cancel;         /* see struct aws_options */
    atomic_int_fast64_t skew_ms;       /* the services' clock minus ours */
    atomic_bool dated;                 /* a response has had a date */
    atomic_int_fast64_t date_ahead_ms; /* the same by the latest response's Date, without a tolerance */
    atomic_uint_fast64_t requests;
    /* Responds to all calls in place of the services, for tests. NULL: calls are sent. */
    int (*answer)(
        const struct aws_call *call, struct arena *arena, struct wire_message *response, struct err *err);
    atomic_int_fast64_t created_ms; /* monotonic time of the last creation; 0: none yet */
    atomic_bool tags_by_page;       /* the tagging API ignores the requested names */

    pthread_mutex_t lock;      /* guards the members below */
    struct arena store;        /* allocates what they point to */
    struct map services;       /* id -> struct service_state */
    struct map bucket_regions; /* bucket -> struct str */
    struct signing_key keys[SIGNING_KEYS];
    size_t next_key;

    pthread_mutex_t account_lock; /* held during the call to STS */
    struct str account;
    bool account_unreported; /* STS did not report the account */
};

/* Returns the service's state, creating it at the first use. Valid as long as the client. */
struct service_state *client_service(
    struct aws_client *client, const struct aws_service *service, struct err *err);
/* Returns the bucket's region from an earlier redirect; "" if there was none. */
struct str client_bucket_region(struct aws_client *client, struct str bucket);
void client_remember_bucket(struct aws_client *client, struct str bucket, struct str region);
/* Returns the signing key for these parameters, cached or derived. */
struct sigv4_params;
void client_signing_key(struct aws_client *client, const struct sigv4_params *params, unsigned char key[32]);

/* ---- exchange.c: one call from begin to end: what is sent, and what follows from the response. All state
 * that a retry needs is in struct aws_exchange. Nothing here blocks.
 *
 *     exchange_begin()
 *     exchange_request()     until exchange_settle() returns true: the next request, newly signed
 *     … the HTTP engine …
 *     exchange_settle()
 *     exchange_end()
 *
 * Only for client.c. */
struct aws_exchange {
    struct aws_client *client;
    struct aws_sending *sending; /* the caller's struct */
    const struct aws_call *call; /* call and arena of `sending` */
    struct arena *arena;
    struct service_state *service;
    struct endpoint endpoint; /* the service's own, or the bucket's after a redirect */
    struct str bucket;
    struct str payload_hash;

    int attempt; /* requests sent so far */
    int failures, throttled, unsettled;
    int64_t unsettled_since_ms;
    bool skew_corrected, credentials_renewed, redirected;
    bool lost;           /* the response of an attempt before the last one was lost */
    bool incomplete;     /* the last response is 2xx but incomplete */
    int64_t skew_ms;     /* the services' clock minus ours, as used in the last signature */
    int last_cost;       /* taken from the budget for the current request */
    size_t sent_to_sink; /* bytes that went to the caller's sink */

    /* State of the last request. */
    struct arena secrets; /* allocates the credentials */
    struct credentials credentials;
    struct http_request request;
    struct http_exchange http;
    struct wire_message answer; /* status 0: no response */
    struct err failure;         /* class ERR_NONE: no failure */

    /* Used by client.c. */
    int64_t ready_ms; /* time of the next (re)send */
    bool reserved;    /* has its slot of the throttle */
    bool answered;    /* by struct aws_client.answer, without being sent */
    struct aws_exchange *next;
};

/* Returns -1 with x->failure if no request can be sent. */
int exchange_begin(struct aws_exchange *x);
/* Fills x->request and x->http. Returns -1 with x->failure; exchange_settle() then is called without
 * sending. */
int exchange_request(struct aws_exchange *x);
/* Evaluates x->http, if it was sent. Returns false if the request is to be sent again after *delay_ms. */
bool exchange_settle(struct aws_exchange *x, bool sent, int64_t *delay_ms);
/* Copies the result to x->sending. */
void exchange_end(struct aws_exchange *x);
