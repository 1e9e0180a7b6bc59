/*
 * What a FIFO queue or topic was sent lately, by deduplication id: the same within the time that it is kept
 * is the earlier one again. Two generations, of which the older goes as a whole; nothing is searched in
 * order. Not safe from several threads.
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
    int64_t since_ms; /* of the latest generation */
};

/* NULL: there is none that is younger than this. Good until the next addition. */
const struct deduplicated *deduplication_find(
    struct deduplication *d, struct str key, int64_t now_ms, int64_t kept_ms);
void deduplication_add(struct deduplication *d, struct str key, struct str id, uint64_t sequence,
    int64_t now_ms, int64_t kept_ms);
void deduplication_clear(struct deduplication *d);
