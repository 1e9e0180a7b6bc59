/*
 * What mappings of queues (event_sources.c) and of streams (event_streams.c) have in common: a thread of a
 * mapping takes one turn after the other, each a batch that the function is called with.
 */
#pragma once

#include "sandbox/calls/services.h"

#include <stdatomic.h>

/* One mapping's threads; freed by the last of them. */
struct source {
    struct services *services;
    char *uuid, *region;
    atomic_int references;
    bool streams; /* it reads a stream, not a queue */
    atomic_bool over;
    atomic_bool denied; /* which has been said */
};

/* One turn of a thread: a batch. */
struct turn {
    struct source *source;
    struct arena *arena;
    struct str source_arn, function, region;
    const struct value *attrs; /* the mapping's */
    struct str role;           /* the function's: it reads the queue */
};

/* The mapping as it is now, for the next turn; false: it is gone, or the sandbox stops. */
bool source_turn(struct source *source, struct arena *arena, struct turn *turn);
/* Whose permissions are the function's role's. */
int source_call(const struct turn *turn, const char *service, const char *operation,
    const struct value_entry *entries, size_t n, const struct value **output);
/* Does one of the mapping's filters match? `member` of the record is matched as the JSON that it is. */
bool source_passes(const struct turn *turn, const struct value *record, const char *member);
/* False: it failed, and nothing of the batch is done. *answer: what it gave back. */
bool source_invoke(const struct turn *turn, const struct value *records, const struct value **answer);
/* batchItemFailures of the answer; NULL: none, or the mapping does not look at them. */
const struct value *source_failures(const struct turn *turn, const struct value *answer);

/* ---- event_streams.c ---- */

/* A mapping's thread, until the mapping is gone. */
void source_read_stream(struct source *source);
