/*
 * EventBridge Pipes: events from a queue or stream that pass the filters (shared/source.h) are enriched and
 * sent to a target.
 *
 *   pipes.c     batches, enrichment and target, execution logs, what clients see
 *   targets.c   calls of enrichment and target
 */
#pragma once

#include "sandbox/services/shared/source.h"

/* Enrichment or target of a batch. */
struct pipe_stage {
    const struct turn *turn;
    struct str arn;                 /* of the called resource */
    const struct value *parameters; /* for the called resource, or NULL */
    const struct value *events;     /* parameters may refer to parts of them by JSON path */
    const struct value *inputs;     /* strings, one per event: JSON, or the template's result */
};

/* Calls a function, state machine or API destination with all inputs, and waits. *answers: the results. */
int pipe_enrich(const struct pipe_stage *stage, const struct value **answers, struct err *err);
/* Sends all inputs to the target. -1: the inputs from *done on were not sent. *failures: batchItemFailures of
 * the response, or NULL. */
int pipe_deliver(
    const struct pipe_stage *stage, uint32_t *done, const struct value **failures, struct err *err);

/* Returns how many events the target takes in a batch; 1: no batches. */
int64_t pipe_most(struct str arn);

/* The log of an execution, which is one batch. */
struct pipe_log {
    const struct turn *turn;
    const struct value *settings;
    size_t level; /* 0: off */
    struct str execution;
};
