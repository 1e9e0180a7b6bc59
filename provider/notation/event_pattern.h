/* Event patterns: what EventBridge's rules, pipes and Lambda's event source mappings filter by, and messages
 * of SNS likewise. Pure. */
#pragma once

#include "base/arena.h"
#include "base/value.h"

/*
 * NULL: nothing is wrong with it; what is not known yet may be anything. The text lives in the arena or
 * forever. *path: keys and indices to what is wrong; NULL: nobody asks.
 */
const char *event_pattern_wrong(struct arena *arena, const struct value *pattern, const struct value **path);
struct event_pattern_fault {
    const char *why; /* in EventBridge's words; NULL: nothing is wrong */
    const struct value *path;
    /* What services say of the place: after a text that they have read, twice, or nothing. */
    bool read, twice, nowhere;
};
const char *event_pattern_fault(
    struct arena *arena, const struct value *pattern, struct event_pattern_fault *out);
/* The names of all operators. */
const struct str *event_pattern_operators(size_t *n);
