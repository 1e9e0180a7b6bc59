/*
 * What a client keeps, shared by client.c (opening, closing, questions) and send.c (calls). Not for others.
 */
#pragma once

#include "base/lock.h"
#include "base/map.h"
#include "provider/aws/client.h"
#include "provider/aws/credentials.h"
#include "provider/aws/settings.h"
#include "provider/aws/throttle.h"

#include <stdatomic.h>

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
/* The region a redirect told of; "" where there was none. */
struct str client_bucket_region(struct aws_client *client, struct str bucket);
void client_remember_bucket(struct aws_client *client, struct str bucket, struct str region);
/* The key for these parameters, from the cache or derived. */
struct sigv4_params;
void client_signing_key(struct aws_client *client, const struct sigv4_params *params, unsigned char key[32]);
