/*
 * When to send again: how often, how long to wait, and the budget that ends retries when a service is down
 * for good. Calculation only; sleeping and sending are the client's.
 *
 * The budget is the SDKs' token bucket: every retry after a failure costs, every success gives a little back,
 * so that a thousand calls to a dead service do not become four thousand. Throttled calls cost nothing,
 * because the throttle (client_state.h) already holds them back.
 */
#pragma once

#include "provider/wire/wire.h"

#include <stdatomic.h>

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
