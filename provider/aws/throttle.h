/*
 * Slows all workers down together when a service says "too many requests": the rate of requests is cut to a
 * part of what it was, then grows again by steady steps (multiplicative decrease, additive increase). While a
 * service is content it costs a lock and nothing else.
 *
 * One throttle a service. Safe from every thread. Time comes from the caller (monotonic milliseconds).
 */
#pragma once

#include "base/lock.h"

#include <stdbool.h>
#include <stdint.h>

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
