/*
 * What a client keeps, shared by client.c (opening, closing, calls) and exchange.c. Not for others.
 */
#pragma once

#include "provider/aws/credentials.h"

/* ---- settings.c: the map under `providers: aws:`, checked and taken apart. */
struct aws_settings {
    struct str name;            /* "aws.tokyo" */
    const struct value *config; /* never NULL */
    const struct profiles *profiles;
    struct endpoint_settings endpoints; /* with the region */
    struct str profile;                 /* as configured; "" */
    struct str access_key, secret_key, session_token;
    struct str role, role_session, role_external_id;
    struct str account_id;
    struct str ca_file; /* "" : the system's */
    bool insecure;
    int max_attempts; /* 0: the default */
};

/* Everything lives in the arena. ERR_INVALID names the provider and the setting. */
int aws_settings_read(struct arena *arena, struct str name, const struct value *config,
    struct aws_settings *out, struct err *err);

/* ---- retry.c: Slows all workers down together when a service says "too many requests": the rate of requests
 * is cut to a part of what it was, then grows again by steady steps (multiplicative decrease, additive
 * increase). While a service is content it costs a lock and nothing else.
 *
 * One throttle a service. Safe from every thread. Time comes from the caller (monotonic milliseconds). */
struct throttle {
    pthread_mutex_t lock;
    bool active;
    double rate;       /* requests a second allowed, while active */
    double refused_at; /* the rate that was too much */
    double next_ms;    /* the next free slot */
    int64_t cut_ms;    /* when the rate was last cut */

    int64_t window_ms; /* measures what is sent: the window's start, and counts */
    unsigned in_window;
    double sent_rate;
};

void throttle_init(struct throttle *throttle);
void throttle_release(struct throttle *throttle);
/* Takes the next slot: how long to wait before sending. */
int64_t throttle_reserve(struct throttle *throttle, int64_t now_ms);
void throttle_refused(struct throttle *throttle, int64_t now_ms);
void throttle_accepted(struct throttle *throttle);

/* ---- client_state ---- */

/* Of one service, made at its first call. */
struct service_state {
    struct endpoint endpoint;
    struct throttle throttle;
    atomic_int budget;
};

/* One for each service and region: nearly all requests of a run share a few. */
struct signing_key {
    char day[8];
    struct str access_key, region, service;
    unsigned char key[32];
};

enum { SIGNING_KEYS = 64 }; /* more than there are services; every one given up costs memory for good */

struct aws_client {
    struct arena arena; /* settings; immutable after opening */
    struct aws_settings settings;
    struct http_engine *http;
    struct credentials_chain *credentials;
    int (*way)(
        void *ctx, struct str host, int port, int *local_port, struct err *err); /* as in the options */
    void *way_ctx;
    const atomic_bool *cancel;         /* likewise */
    atomic_int_fast64_t skew_ms;       /* the services' clock minus ours */
    atomic_bool dated;                 /* an answer told */
    atomic_int_fast64_t date_ahead_ms; /* the same as the latest answer's Date says, however little it is */
    atomic_uint_fast64_t requests;
    /* Answers all calls in place of the services: the seam for tests. NULL: they are sent. */
    int (*answer)(
        const struct aws_call *call, struct arena *arena, struct wire_message *response, struct err *err);
    atomic_int_fast64_t made_ms; /* when something was last made, monotonic; 0: not yet */
    atomic_bool tags_by_page;    /* its tagging API passes over the names it is asked about */

    pthread_mutex_t lock;      /* guards what follows */
    struct arena store;        /* what it points to */
    struct map services;       /* id -> struct service_state */
    struct map bucket_regions; /* bucket -> struct str */
    struct signing_key keys[SIGNING_KEYS];
    size_t next_key;

    pthread_mutex_t account_lock; /* held while STS is asked */
    struct str account;
    bool account_unreported; /* it was asked in vain */
};

/* Finds or makes it; lives as long as the client. */
struct service_state *client_service(
    struct aws_client *client, const struct aws_service *service, struct err *err);
/* The region a redirect reported; "" where there was none. */
struct str client_bucket_region(struct aws_client *client, struct str bucket);
void client_remember_bucket(struct aws_client *client, struct str bucket, struct str region);
/* The key for these parameters, from the cache or derived. */
struct sigv4_params;
void client_signing_key(struct aws_client *client, const struct sigv4_params *params, unsigned char key[32]);

/* ---- exchange.c: one call from its beginning to its end, whoever waits for it: what is sent, and what is
 * done about the answer. Everything that a repetition must remember is in struct aws_exchange. Nothing
 * here waits.
 *
 *     exchange_begin()
 *     exchange_request()     until exchange_settle() says that it is over: the next request, signed anew
 *     … the HTTP engine …
 *     exchange_settle()
 *     exchange_end()
 *
 * Not for others than client.c. */
struct aws_exchange {
    struct aws_client *client;
    struct aws_sending *sending; /* the caller's side of it */
    const struct aws_call *call; /* these two: what it says */
    struct arena *arena;
    struct service_state *service;
    struct endpoint endpoint; /* the service's own, or the bucket's after a redirect */
    struct str bucket;
    struct str payload_hash;

    int attempt; /* requests sent so far */
    int failures, throttled, unsettled;
    int64_t unsettled_since_ms;
    bool skew_corrected, credentials_renewed, redirected;
    bool lost;       /* an attempt before the last one was lost */
    bool not_whole;  /* of the last answer, which says that all is well */
    int64_t skew_ms; /* the service's clock minus ours, as the last request was signed */
    int last_cost;   /* taken from the budget for the request under way */
    size_t sunk;     /* bytes that went to the caller's sink */

    /* Of the last request. */
    struct arena secrets; /* holds the credentials */
    struct credentials credentials;
    struct http_request request;
    struct http_exchange http;
    struct wire_message answer; /* status 0: none */
    struct err failure;         /* class ERR_NONE: it succeeded */

    /* client.c's */
    int64_t ready_ms; /* when it is sent (again) */
    bool reserved;    /* it has its slot of the throttle */
    bool answered;    /* without having been sent: struct aws_client.answer */
    struct aws_exchange *next;
};

/* -1 with x->failure: nothing can be sent. */
int exchange_begin(struct aws_exchange *x);
/* Fills x->request and x->http. -1 with x->failure: goes to exchange_settle() without having been sent. */
int exchange_request(struct aws_exchange *x);
/* Of x->http, when it was sent. False: again, after *delay_ms. */
bool exchange_settle(struct aws_exchange *x, bool sent, int64_t *delay_ms);
/* Hands the result to x->sending. */
void exchange_end(struct aws_exchange *x);
