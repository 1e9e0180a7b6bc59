/*
 * Queues and streams that are read in batches by Lambda's event source mappings and EventBridge's pipes. One
 * thread looks for records (mappings, pipes) and starts reader threads for each. A reader takes one batch per
 * turn, filters it and has it processed. Queue messages that were not processed become visible again after
 * their visibility timeout, and are moved by the queue's redrive policy. A Kinesis or DynamoDB stream has one
 * reader thread, which reads its shards in turn from the starting position, also after a restart of the
 * sandbox. Kafka topics are not read.
 *
 *   sources.c          records and their threads; queues
 *   source_streams.c   streams
 */
#pragma once

#include "sandbox/calls/services.h"

struct source;
struct turn;

/* Records of a stream that are not retried any more. */
struct discarded {
    const char *shard, *condition; /* condition: why, such as "RetryAttemptsExhausted" */
    int64_t attempts;
    const struct value *batch; /* {KinesisBatchInfo: range of the records} */
};

/* What differs between Lambda's mappings and pipes. */
struct source_kind {
    const char *type;            /* type of the records: aws.pipes.pipe */
    const char *from;            /* attribute with the ARN of the queue or stream */
    const char *state, *running; /* state attribute, and its value while the source is read */
    const char *what;            /* noun in messages: "pipe" */
    bool flat; /* Kinesis data is at the top level of a record, and failures name its eventID (pipes) */
    /* Fills in the fields of `turn` that depend on the record type. */
    void (*describe)(struct services *services, const struct control_record *record, struct turn *turn);
    /* Processes a batch. False: the whole batch failed. True: *failures has the failed items, or is NULL. */
    bool (*process)(const struct turn *turn, const struct value *records, const struct value **failures);
    /* Sends discarded records to turn->on_failure, which is not empty. */
    void (*discard)(const struct turn *turn, const struct discarded *discarded);
};

/* A record that is read. Freed by the last thread that releases it. */
struct source {
    const struct source_kind *kind;
    struct services *services;
    char *id, *region;
    int64_t created_ms; /* of the record: a record created again under the same name is another source */
    atomic_int references;
    bool streams; /* reads a stream, not a queue */
    atomic_bool over;
    atomic_uint
        reported; /* digest of the last printed failure, which is not repeated; 0: the last batch succeeded */
};

/* One turn of a reader thread: a batch. */
struct turn {
    struct source *source;
    struct arena *arena;
    struct str source_arn, region;
    const struct value *attrs;    /* the record's attributes */
    bool paused;                  /* disabled: nothing is read, and positions are kept */
    struct str processor;         /* ARN of the function or pipe */
    struct str role;              /* role that reads the source; "": the sandbox itself */
    struct str session;           /* session name of that role */
    const struct value *settings; /* batch_size, maximum_retry_attempts, starting_position … */
    const struct value *filters;
    struct str on_failure; /* ARN of the destination for discarded records */
    bool halves;           /* split a failed batch in two (BisectBatchOnFunctionError) */
};

/* Starts the thread that looks for sources; it ends with services_stop(). `kinds` ends with NULL. */
void sources_start(struct services *services, const struct source_kind *const *kinds);

/* ---- for source_streams.c and the implementations of struct source_kind ---- */

/* Reads the current record into `turn`. False: the record was deleted, or the sandbox is stopping. */
bool source_turn(struct source *source, struct arena *arena, struct turn *turn);
/* Calls a service with the role's permissions. source_call() prints only AccessDenied errors and returns no
 * err. */
int source_try(const struct turn *turn, const char *service, const char *operation, const struct value *input,
    const struct value **output, struct err *err);
int source_call(const struct turn *turn, const char *service, const char *operation,
    const struct value *input, const struct value **output);
/* Prints on stderr why a source cannot be read. An error that was just printed is not repeated. */
void source_print(struct source *source, const struct err *why);
/* True if any filter matches the record, or there are no filters. `member` of the record is matched as parsed
 * JSON. */
bool source_passes(const struct turn *turn, const struct value *record, const char *member);
/* Body of a stream's reader thread; returns when the record was deleted or the sandbox stops. */
void source_read_stream(struct source *source);

extern const struct source_kind lambda_source_kind, pipe_source_kind;
