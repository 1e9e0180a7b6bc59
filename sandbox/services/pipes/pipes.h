/*
 * EventBridge Pipes: what is read from a queue or stream and passes the filters (shared/source.h) is
 * enriched, and goes to a target.
 *
 *   pipes.c    a batch and its two stages: enrichment, target
 *   targets.c  what a stage calls
 *   pipes.c  records of its steps
 *   pipes.c  what clients see: one whose role may not read its source has failed
 */
#pragma once

#include "sandbox/services/shared/source.h"

/* One stage of a batch. */
struct pipe_stage {
    const struct turn *turn;
    struct str arn;                 /* of what it calls */
    const struct value *parameters; /* of that, or NULL */
    const struct value *events;     /* of which parameters may name parts by JSON paths */
    const struct value *inputs;     /* texts, one for each event: JSON, or what a template makes */
};

/* Calls a function, a machine or an API destination with all inputs and waits. *answers: what they gave. */
int pipe_enrich(const struct pipe_stage *stage, const struct value **answers, struct err *err);
/* Hands all inputs to the target. -1: those from *done on it did not get. *failures: batchItemFailures of its
 * answer, or NULL. */
int pipe_deliver(
    const struct pipe_stage *stage, uint32_t *done, const struct value **failures, struct err *err);

/* How many events it takes in one batch; 1: it takes none in batches. */
int64_t pipe_most(struct str arn);

/* The log of an execution, which is a batch on its way. */
struct pipe_log {
    const struct turn *turn;
    const struct value *settings;
    size_t level; /* 0: nothing is logged */
    struct str execution;
};
