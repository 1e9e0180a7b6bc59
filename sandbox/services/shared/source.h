/*
 * Queues and streams that something reads in batches: Lambda's event source mappings and EventBridge's pipes.
 * One thread looks at what there is; each has a few others, of which every one takes turn after turn: a batch
 * that is filtered and processed. Of a queue, what was not taken care of comes back after its visibility
 * timeout, and goes in the end where its redrive policy says. A stream of Kinesis or DynamoDB has one thread,
 * which reads its shards in turn from the starting position, also after a restart of the sandbox. Kafka's
 * topics are not read.
 *
 *   sources.c         which there are, their threads, queues
 *   source_streams.c  streams
 */
#pragma once

#include "sandbox/calls/services.h"

struct source;
struct turn;

/* Records of a stream that were given up. */
struct discarded {
    const char *shard, *condition; /* why: "RetryAttemptsExhausted" */
    int64_t attempts;
    const struct value *batch; /* {KinesisBatchInfo: which they are} */
};

/* What the two services have in common, and what tells them apart. */
struct source_kind {
    const char *type;            /* aws.pipes.pipe: a record says what is read */
    const char *from;            /* its attribute with the ARN of that */
    const char *state, *running; /* its attribute, and the value while it is read */
    const char *what;            /* "pipe": in messages */
    bool flat; /* a record of Kinesis has its members at the top, and is known by its eventID */
    /* What the record says beyond that. */
    void (*describe)(struct services *services, const struct control_record *record, struct turn *turn);
    /* False: it failed, and nothing of the batch is done. *failures: items of it that were not, or NULL. */
    bool (*process)(const struct turn *turn, const struct value *records, const struct value **failures);
    /* Tells turn->on_failure, which is not empty. */
    void (*discard)(const struct turn *turn, const struct discarded *discarded);
};

/* One record's threads; freed by the last of them. */
struct source {
    const struct source_kind *kind;
    struct services *services;
    char *id, *region;
    int64_t created_ms; /* one that is made anew by the same name is another */
    atomic_int references;
    bool streams; /* it reads a stream, not a queue */
    atomic_bool over;
    atomic_uint
        reported; /* a digest of the failure that was reported last; 0: none since something was done */
};

/* One turn of a thread: a batch. */
struct turn {
    struct source *source;
    struct arena *arena;
    struct str source_arn, region;
    const struct value *attrs;    /* the record's */
    bool paused;                  /* it is stopped: nothing is read, and nothing forgotten */
    struct str processor;         /* ARN of the function, or the pipe */
    struct str role;              /* with whose permissions it is read; "": the sandbox itself does it */
    struct str session;           /* name of that session */
    const struct value *settings; /* batch_size, maximum_retry_attempts, starting_position … */
    const struct value *filters;
    struct str on_failure; /* ARN of where that goes which was given up */
    bool halves;           /* a batch that failed */
};

/* Starts the thread; it ends with services_stop(). `kinds` ends with NULL. */
void sources_start(struct services *services, const struct source_kind *const *kinds);

/* ---- for source_streams.c and the kinds ---- */

/* The record as it is now, for the next turn; false: it is gone, or the sandbox stops. */
bool source_turn(struct source *source, struct arena *arena, struct turn *turn);
/* A call with the role's permissions; of source_call() only what the role may not do is reported. */
int source_try(const struct turn *turn, const char *service, const char *operation, const struct value *input,
    const struct value **output, struct err *err);
int source_call(const struct turn *turn, const char *service, const char *operation,
    const struct value *input, const struct value **output);
/* Says on standard error why it does not go on; once, for it is tried again and again. */
void source_say(struct source *source, const struct err *why);
/* Does one of the filters match? `member` of the record is matched as the JSON that it is. */
bool source_passes(const struct turn *turn, const struct value *record, const char *member);
/* A thread of a stream, until there is no more. */
void source_read_stream(struct source *source);

extern const struct source_kind lambda_source_kind, pipe_source_kind;
