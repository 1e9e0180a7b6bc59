/*
 * One call from its beginning to its end, whoever waits for it: what is sent, and what is done about the
 * answer. Everything that a repetition must remember stands in struct aws_exchange. Nothing here waits.
 *
 *     exchange_begin()
 *     exchange_request()     until exchange_settle() says that it is over: the next request, signed anew
 *     … the HTTP engine …
 *     exchange_settle()
 *     exchange_end()
 *
 * Not for others than send.c.
 */
#pragma once

#include "provider/aws/client_state.h"
#include "provider/http/http.h"

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

    /* send.c's */
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
