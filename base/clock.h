/*
 * The clocks. Production reads the system's, unit tests install a manual clock that does not wait. With
 * WEIR_CLOCK_SPEED=20 in the environment clock_mono_ms() runs 20 times as fast, so that tests of the whole
 * program wait a 20th of the time between retries and polls. The time of day is not affected. All functions
 * may be called from any thread.
 */
#pragma once

#include "base/arena.h"

#include <pthread.h>

struct clock_ops {
    int64_t (*wall_ms)(void *ctx); /* since 1970-01-01 UTC */
    int64_t (*mono_ms)(void *ctx);
    void (*sleep_ms)(void *ctx, int64_t ms);
    void *ctx;
};

int64_t clock_wall_ms(void);
int64_t clock_mono_ms(void);
void clock_sleep_ms(int64_t ms);
/* NULL: back to the system's clocks. Not while other threads run. */
void clock_install(const struct clock_ops *ops);

/* Initialises a condition for clock_cond_wait(), on the monotonic clock, which is never set back. */
void clock_cond_init(pthread_cond_t *cond);
/* Waits for the condition until clock_mono_ms() reaches the deadline. False: the deadline has passed. */
bool clock_cond_wait(pthread_cond_t *cond, pthread_mutex_t *mutex, int64_t deadline_ms);

/* 2026-11-21T09:30:00Z, with milliseconds if with_ms; in the arena. */
struct str time_rfc3339(struct arena *arena, int64_t wall_ms, bool with_ms);
bool time_parse_rfc3339(struct str text, int64_t *wall_ms); /* accepts fractions and offsets */
/* 20261121T093000Z, the format of SigV4; out has 17 bytes. */
void time_iso_basic(int64_t wall_ms, char out[17]);
/* "Sat, 21 Nov 2026 09:30:00 GMT", the format of Date headers. */
struct str time_http(struct arena *arena, int64_t wall_ms);
bool time_parse_http(struct str text, int64_t *wall_ms);

/* Parses a positive duration such as "90s", "1h30m" or "2d": numbers with d, h, m or s, each at most once and
 * in this order. */
bool duration_read(struct str text, int64_t *ms);
