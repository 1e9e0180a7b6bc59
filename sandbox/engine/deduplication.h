/*
 * Deduplication of messages sent to a FIFO queue or topic: a message with the same deduplication id within
 * the retention time returns the earlier one. Entries are in two generations; the older one is dropped as a
 * whole. Not thread-safe.
 */
#pragma once

#include "base/arena.h"
#include "base/map.h"

struct deduplicated {
    struct str id;
    uint64_t sequence;
    int64_t at_ms;
};

struct deduplication {
    struct {
        struct map map;
        struct arena arena;
    } latest, earlier;
    int64_t since_ms; /* start of the latest generation */
};

/* Returns the entry if it is younger than `kept_ms`, or NULL. Valid until the next addition. */
const struct deduplicated *deduplication_find(
    struct deduplication *d, struct str key, int64_t now_ms, int64_t kept_ms);
void deduplication_add(struct deduplication *d, struct str key, struct str id, uint64_t sequence,
    int64_t now_ms, int64_t kept_ms);
void deduplication_clear(struct deduplication *d);
