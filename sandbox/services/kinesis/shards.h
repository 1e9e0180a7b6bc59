/*
 * Kinesis's records: in memory only, as SQS's messages are, oldest first. A stream is a record of the control
 * plane; its shards divide the 128-bit hashes of partition keys evenly, and when their number changes all are
 * closed and have children. What a delivery stream of Firehose reads is handed to it at once. Everything here
 * is done with the streams' lock held, but for the spelling of numbers.
 */
#pragma once

#include "sandbox/calls/services.h"

struct streams;

struct streams *streams_new(void);
void streams_free(struct streams *streams);

/* ---- shards.c ---- */

service_handler kinesis_subscribe;

typedef unsigned __int128 hash_key __attribute__((aligned(8))); /* as arenas align; no name of C's own */

struct stream_record {
    struct arena arena;
    struct str key, data; /* as base64 */
    uint64_t sequence;
    int64_t arrived_ms;
    size_t shard;
};

struct shard {
    hash_key first, last;
    uint64_t begin, end; /* of its sequence numbers; end 0: it is open */
    size_t parent;       /* + 1; 0: none */
};

struct stream_box {
    int64_t made_ms; /* of the record that it belongs to */
    struct shard *shards;
    size_t shard_count, open;
    struct stream_record **items; /* oldest first */
    size_t n, cap;
};

struct streams {
    pthread_mutex_t lock;
    struct map boxes; /* by ARN */
    struct arena names;
    uint64_t sequence;
    size_t kept; /* bytes */
};

/* The stream's records and shards as they are now: without what is older than it keeps. */
struct stream_box *stream_box_of(struct streams *streams, const struct control_record *stream);
void stream_box_empty(struct streams *streams, struct stream_box *box);
bool stream_shard_find(const struct stream_box *box, struct str name, size_t *out);
struct str stream_shard_name(struct arena *arena, size_t i);
/* As DescribeStream and ListShards have it. */
const struct value *stream_shard_view(struct arena *arena, const struct stream_box *box, size_t i);

/* ---- numbers as the service writes them ---- */

/* False: it is no number, or one of more than 128 bits. */
bool stream_read_decimal(struct str text, hash_key *out);
/* As long as the service's own, of 56 digits. */
struct str stream_sequence(struct arena *arena, uint64_t sequence);
bool stream_read_sequence(struct str text, uint64_t *out);
