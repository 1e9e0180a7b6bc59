/*
 * Kinesis and DynamoDB streams as sources: shards in turn, each in order. A failed batch is retried, halved
 * if configured, and discarded when its retries are exhausted or its records are too old.
 * https://docs.aws.amazon.com/lambda/latest/dg/services-kinesis-parameters.html
 */
#include "sandbox/services/shared/source.h"

#include "base/clock.h"
#include "base/hash.h"
#include "base/mem.h"

#include <stdlib.h>

enum { IDLE_MS = 200, RETRY_MS = 500, SHARDS_MS = 2000 };

struct shard_reader {
    char *id, *iterator;     /* iterator NULL: it has to be requested */
    char *from;              /* sequence number of the last position; NULL: the starting position */
    int64_t attempts, limit; /* limit: batch size after halving; 0: the configured size */
    bool after;              /* the record at `from` is processed */
    bool late, ended;        /* late: the shard was found after the start and is read from its beginning */
};

struct stream_reader {
    struct source *source;
    struct shard_reader *shards;
    size_t n, cap;
    int64_t looked_ms; /* when shards were last listed; 0: never */
};

static bool is_kinesis(const struct turn *turn)
{
    return arn_is_of(turn->source_arn, "kinesis");
}

static int stream_call(
    const struct turn *turn, const char *operation, const struct value *input, const struct value **output)
{
    return source_call(turn, is_kinesis(turn) ? "kinesis" : "dynamodb", operation, input, output);
}

static const struct value *named_stream(const struct turn *turn)
{
    return value_with(turn->arena, NULL, is_kinesis(turn) ? STR("StreamARN") : STR("StreamArn"),
        value_string(turn->arena, turn->source_arn));
}

static void set_text(char **text, struct str to)
{
    free(*text);
    *text = to.n ? mem_strdup(to.p) : NULL;
}

/* ---- shards ---- */

static bool has_shard(const struct stream_reader *reader, struct str id)
{
    for (size_t i = 0; i < reader->n; i++)
        if (str_eqz(id, reader->shards[i].id))
            return true;
    return false;
}

static void find_shards(struct stream_reader *reader, const struct turn *turn)
{
    const struct value *output, *stream, *input = named_stream(turn);
    bool first = !reader->looked_ms;
    if (!first && clock_mono_ms() - reader->looked_ms < SHARDS_MS)
        return;
    do {
        if (stream_call(turn, "DescribeStream", input, &output)) {
            services_sleep(reader->source->services, RETRY_MS); /* the stream cannot be read */
            return;
        }
        stream = value_getz(output, "StreamDescription");
        const struct value *shards = value_as_list(value_getz(stream, "Shards"));
        for (uint32_t i = 0; i < shards->count; i++) {
            struct str id = value_gets(shards->items[i], "ShardId");
            input =
                value_with(turn->arena, input, STR("ExclusiveStartShardId"), value_string(turn->arena, id));
            if (has_shard(reader, id))
                continue;
            MEM_GROW(reader->shards, reader->cap, reader->n + 1);
            reader->shards[reader->n++] = (struct shard_reader){.id = mem_strdup(id.p), .late = !first};
        }
    } while (value_getb(stream, "HasMoreShards"));
    reader->looked_ms = clock_mono_ms();
}

static void open_shard(struct shard_reader *shard, const struct turn *turn)
{
    struct str position = value_gets(turn->settings, "starting_position");
    const struct value *output, *input = named_stream(turn);
    struct arena *arena = turn->arena;
    int64_t from_ms;
    const char *type = !shard->from   ? "TRIM_HORIZON"
                       : shard->after ? "AFTER_SEQUENCE_NUMBER"
                                      : "AT_SEQUENCE_NUMBER";
    if (!shard->from && !shard->late && position.n)
        type = position.p;
    input = value_with(arena, input, STR("ShardId"), value_stringz(arena, shard->id));
    input = value_with(arena, input, STR("ShardIteratorType"), value_stringz(arena, type));
    if (shard->from)
        input = value_with(arena, input, STR("StartingSequenceNumber"), value_stringz(arena, shard->from));
    else if (!strcmp(type, "AT_TIMESTAMP") &&
             time_parse_rfc3339(value_gets(turn->settings, "starting_position_timestamp"), &from_ms))
        input = value_with(arena, input, STR("Timestamp"), value_float(arena, (double)from_ms / 1000));
    if (!stream_call(turn, "GetShardIterator", input, &output))
        set_text(&shard->iterator, value_gets(output, "ShardIterator"));
}

/* ---- records ---- */

static struct str sequence_of(const struct turn *turn, const struct value *record)
{
    return value_gets(is_kinesis(turn) ? record : value_getz(record, "dynamodb"), "SequenceNumber");
}

static struct str event_id(const struct turn *turn, const char *shard, const struct value *record)
{
    return is_kinesis(turn)
               ? arena_printf(turn->arena, "%s:%.*s", shard, STR_ARG(value_gets(record, "SequenceNumber")))
               : value_gets(record, "eventID");
}

static const struct value *kinesis_event(
    const struct turn *turn, const char *shard, const struct value *record)
{
    struct arena *arena = turn->arena;
    const struct value *data = VALUE_MAP(arena, {STR("kinesisSchemaVersion"), value_stringz(arena, "1.0")},
        {STR("partitionKey"), value_getz(record, "PartitionKey")},
        {STR("sequenceNumber"), value_getz(record, "SequenceNumber")},
        {STR("data"), value_getz(record, "Data")},
        {STR("approximateArrivalTimestamp"), value_getz(record, "ApproximateArrivalTimestamp")});
    const struct value *event = VALUE_MAP(arena, {STR("eventSource"), value_stringz(arena, "aws:kinesis")},
        {STR("eventVersion"), value_stringz(arena, "1.0")},
        {STR("eventID"), value_string(arena, event_id(turn, shard, record))},
        {STR("eventName"), value_stringz(arena, "aws:kinesis:record")},
        {STR("invokeIdentityArn"), value_string(arena, turn->role)},
        {STR("awsRegion"), value_string(arena, turn->region)},
        {STR("eventSourceARN"), value_string(arena, turn->source_arn)});
    return turn->source->kind->flat ? value_merge(arena, event, data)
                                    : value_with(arena, event, STR("kinesis"), data);
}

/* Applies the filters. They see the decoded data of a Kinesis record, and a DynamoDB record as it is. */
static bool stream_passes(const struct turn *turn, const struct value *event, const struct value *record)
{
    struct str plain;
    if (!is_kinesis(turn))
        return source_passes(turn, event, "");
    if (!base64_decode(turn->arena, value_gets(record, "Data"), &plain))
        return false;
    return source_passes(
        turn, value_with(turn->arena, event, STR("data"), value_string(turn->arena, plain)), "data");
}

static const struct value *events_of(
    const struct turn *turn, const struct shard_reader *shard, const struct value *records)
{
    AUTO_BUILDER struct value_builder events = VALUE_BUILDER(turn->arena);
    for (uint32_t i = 0; i < records->count; i++) {
        const struct value *event = is_kinesis(turn)
                                        ? kinesis_event(turn, shard->id, records->items[i])
                                        : value_with(turn->arena, records->items[i], STR("eventSourceARN"),
                                              value_string(turn->arena, turn->source_arn));
        if (stream_passes(turn, event, records->items[i]))
            value_builder_add(&events, event);
    }
    return value_builder_list(&events);
}

/* ---- failures ---- */

/* Returns when the record arrived, in ms since 1970; 0: not reported. */
static int64_t arrived_ms(const struct turn *turn, const struct value *record)
{
    const struct value *at = is_kinesis(turn)
                                 ? value_getz(record, "ApproximateArrivalTimestamp")
                                 : value_getz(value_getz(record, "dynamodb"), "ApproximateCreationDateTime");
    return value_is_number(at) ? int_within(value_number(at) * 1000) : 0;
}

static const struct value *iso(const struct turn *turn, int64_t ms)
{
    return value_string(turn->arena, time_rfc3339(turn->arena, ms, true));
}

/* Reports the discarded records and the reason to the failure destination, if there is one. */
static void discard_batch(const struct turn *turn, const struct shard_reader *shard,
    const struct value *records, const char *condition)
{
    struct arena *arena = turn->arena;
    const struct value *first = records->items[0], *last = records->items[records->count - 1];
    const struct value *batch = VALUE_MAP(arena, {STR("shardId"), value_stringz(arena, shard->id)},
        {STR("startSequenceNumber"), value_string(arena, sequence_of(turn, first))},
        {STR("endSequenceNumber"), value_string(arena, sequence_of(turn, last))},
        {STR("approximateArrivalOfFirstRecord"), iso(turn, arrived_ms(turn, first))},
        {STR("approximateArrivalOfLastRecord"), iso(turn, arrived_ms(turn, last))},
        {STR("batchSize"), value_int(arena, records->count)},
        {STR("streamArn"), value_string(arena, turn->source_arn)});
    if (turn->on_failure.n)
        turn->source->kind->discard(
            turn, &(struct discarded){shard->id, condition, shard->attempts,
                      value_with(arena, NULL,
                          is_kinesis(turn) ? STR("KinesisBatchInfo") : STR("DDBStreamBatchInfo"), batch)});
}

/* Returns the index of the first reported failure, or 0 (retry all) if no reported item is in the batch. */
static uint32_t first_failed(const struct turn *turn, const struct shard_reader *shard,
    const struct value *records, const struct value *failures)
{
    for (uint32_t i = 0; failures && i < records->count; i++)
        if (value_list_find(failures, "itemIdentifier",
                turn->source->kind->flat ? event_id(turn, shard->id, records->items[i])
                                         : sequence_of(turn, records->items[i])))
            return i;
    return 0;
}

static bool is_exhausted(const struct turn *turn, const struct shard_reader *shard)
{
    int64_t most = service_int(turn->settings, "maximum_retry_attempts", -1);
    return most >= 0 && shard->attempts > most;
}

static const struct value *items_from(struct arena *arena, const struct value *list, uint32_t from)
{
    return value_list(arena, list->items + from, list->count - from);
}

/* Handles a failure at index `from`. True: the batch is discarded; false: it is retried. */
static bool handle_failure(
    const struct turn *turn, struct shard_reader *shard, const struct value *records, uint32_t from)
{
    bool halved = turn->halves && records->count - from > 1;
    if (from) { /* the records before it are processed */
        set_text(&shard->from, sequence_of(turn, records->items[from]));
        set_text(&shard->iterator, STR_EMPTY);
        shard->after = false;
        shard->attempts = 0;
    }
    if (halved)
        shard->limit = (records->count - from) / 2;
    else
        shard->attempts++;
    if (is_exhausted(turn, shard)) {
        discard_batch(turn, shard, items_from(turn->arena, records, from), "RetryAttemptsExhausted");
        return true;
    }
    services_sleep(turn->source->services, RETRY_MS);
    return false;
}

/* ---- one batch ---- */

static const struct value *read_batch(
    struct shard_reader *shard, const struct turn *turn, const struct value **next)
{
    const struct value *output;
    int64_t size = shard->limit ? shard->limit : service_int(turn->settings, "batch_size", 100);
    const struct value *input =
        VALUE_MAP(turn->arena, {STR("ShardIterator"), value_stringz(turn->arena, shard->iterator)},
            {STR("Limit"), value_int(turn->arena, size)});
    if (stream_call(turn, "GetRecords", input, &output)) { /* the iterator may have expired */
        set_text(&shard->iterator, STR_EMPTY);
        services_sleep(turn->source->services, RETRY_MS);
        return NULL;
    }
    *next = value_getz(output, "NextShardIterator");
    return value_as_list(value_getz(output, "Records"));
}

/* Discards records older than the configured maximum age, and returns the rest. */
static const struct value *discard_too_old(
    const struct shard_reader *shard, const struct turn *turn, const struct value *records)
{
    int64_t most_s = service_int(turn->settings, "maximum_record_age_in_seconds", -1);
    int64_t since_ms = clock_wall_ms() - most_s * 1000;
    uint32_t old = 0;
    while (most_s > 0 && old < records->count && arrived_ms(turn, records->items[old]) < since_ms)
        old++;
    if (old)
        discard_batch(turn, shard, value_list(turn->arena, records->items, old), "RecordAgeExceeded");
    return items_from(turn->arena, records, old);
}

static bool shard_process(struct shard_reader *shard, const struct turn *turn, const struct value *records)
{
    const struct value *young = discard_too_old(shard, turn, records),
                       *events = events_of(turn, shard, young), *failures = NULL;
    if (!events->count)
        return true;
    bool whole = turn->source->kind->process(turn, events, &failures);
    if (whole && !(failures && failures->count)) {
        atomic_store(&turn->source->reported, 0);
        return true;
    }
    uint32_t failed = first_failed(turn, shard, young, whole ? failures : NULL);
    return handle_failure(turn, shard, records, records->count - young->count + failed);
}

/* Processes one batch of the shard. True if records were read. */
static bool shard_turn(struct shard_reader *shard, const struct turn *turn)
{
    const struct value *next, *records;
    int64_t window_ms = 1000 * service_int(turn->settings, "maximum_batching_window_in_seconds", 0);
    if (!shard->iterator)
        open_shard(shard, turn);
    if (!shard->iterator || !(records = read_batch(shard, turn, &next)))
        return false;
    if (records->count && window_ms && !shard->attempts && !shard->limit &&
        (int64_t)records->count < service_int(turn->settings, "batch_size", 100)) {
        services_sleep(turn->source->services, window_ms);
        if (!(records = read_batch(shard, turn, &next)))
            return false;
    }
    if (records->count && !shard_process(shard, turn, records))
        return true;
    set_text(&shard->iterator, value_text(next, STR_EMPTY));
    shard->ended = !shard->iterator;
    if (!records->count)
        return false;
    set_text(&shard->from, sequence_of(turn, records->items[records->count - 1]));
    shard->after = true;
    shard->attempts = shard->limit = 0;
    return true;
}

/* Reads a batch of each shard. False: the record was deleted, or the sandbox stops. */
static bool stream_turn(struct stream_reader *reader)
{
    AUTO_ARENA struct arena arena = ARENA_INIT;
    struct turn turn;
    bool any = false;
    if (!source_turn(reader->source, &arena, &turn))
        return false;
    if (turn.paused)
        return true;
    find_shards(reader, &turn);
    for (size_t i = 0; i < reader->n; i++)
        any |= !reader->shards[i].ended && shard_turn(&reader->shards[i], &turn);
    return any || services_sleep(reader->source->services, IDLE_MS);
}

void source_read_stream(struct source *source)
{
    struct stream_reader reader = {.source = source};
    while (stream_turn(&reader))
        ;
    for (size_t i = 0; i < reader.n; i++) {
        free(reader.shards[i].id);
        free(reader.shards[i].iterator);
        free(reader.shards[i].from);
    }
    free(reader.shards);
}
