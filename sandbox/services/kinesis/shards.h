/*
 * Kinesis's records, in memory only and oldest first, as SQS's messages are. A stream is a record of the
 * control plane. Its shards divide the 128-bit hashes of partition keys evenly; when their number changes,
 * all are closed and get child shards; SplitShard and MergeShards close only theirs. Records are passed to
 * delivery streams of Firehose at once. Hold the streams' lock for all access to shards and records.
 */
#pragma once

#include "sandbox/calls/services.h"

struct streams;

struct streams *streams_new(void);
void streams_free(struct streams *streams);

/* ---- shards.c ---- */

service_handler kinesis_subscribe;

typedef unsigned __int128 hash_key __attribute__((aligned(8))); /* not standard C; aligned as in arenas */

struct stream_record {
    struct arena arena;
    struct str key, data; /* data: base64 */
    uint64_t sequence;
    int64_t arrived_ms;
    size_t shard;
};

struct shard {
    hash_key first, last;
    uint64_t begin, end; /* sequence numbers; end 0: the shard is open */
    size_t parents[2];   /* index + 1; 0: none. The second one is the adjacent shard of a merge */
    int64_t opened_ms, closed_ms;
};

struct stream_box {
    int64_t made_ms;  /* creation time of the stream's record */
    int64_t revision; /* of the record whose shard count was applied; older copies of it change nothing */
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
    size_t kept; /* bytes of data in all streams */
};

/* Returns the stream's records and shards, without records older than its retention period. */
struct stream_box *stream_box_of(struct streams *streams, const struct control_record *stream);
void stream_box_empty(struct streams *streams, struct stream_box *box);
bool stream_shard_find(const struct stream_box *box, struct str name, size_t *out);
struct str stream_shard_name(struct arena *arena, size_t i);
/* Opens a shard whose parents are the shards that were closed at this sequence number and overlap it. */
void stream_shard_open(
    struct streams *streams, struct stream_box *box, hash_key first, hash_key last, uint64_t closed_at);
/* Closes a shard after the last sequence number. */
void stream_shard_close(const struct streams *streams, struct stream_box *box, size_t i);
/* Returns a shard as DescribeStream and ListShards show it. */
const struct value *stream_shard_view(struct arena *arena, const struct stream_box *box, size_t i);

/* ---- numbers in the service's format ---- */

/* False: not a decimal number, or more than 128 bits. */
bool stream_read_decimal(struct str text, hash_key *out);
/* Returns a sequence number of 56 digits, as long as the service's. */
struct str stream_sequence(struct arena *arena, uint64_t sequence);
bool stream_read_sequence(struct str text, uint64_t *out);
