/*
 * Shards of a Kinesis stream, and SubscribeToShard, which sends records as they arrive for five minutes.
 * Without records it sends a message each second, so that a closed connection is noticed.
 */
#include "sandbox/services/kinesis/shards.h"

#include "base/clock.h"
#include "base/json.h"
#include "base/mem.h"
#include "sandbox/engine/view.h"

#include <stdlib.h>
#include <zlib.h>

/* ---- SubscribeToShard: messages of AWS's event stream encoding ---- */

enum { LASTS_MS = 300000, LOOK_MS = 50, BEAT_MS = 1000 };

struct subscription {
    struct services *services;
    char *region, *iterator; /* iterator NULL: the shard is closed and read */
    int64_t ends_ms, reported_ms;
    uint64_t next;      /* number after that of the last record */
    struct buf message; /* the first `sent` bytes are sent */
    size_t sent;
};

/* ---- messages ---- */

static uint32_t crc32_of(struct str bytes)
{
    return (uint32_t)crc32(0, (const unsigned char *)bytes.p, (unsigned)bytes.n);
}

static void add_number(struct buf *out, uint32_t n)
{
    for (int shift = 24; shift >= 0; shift -= 8)
        buf_add_char(out, (char)(n >> shift & 0xff));
}

static void add_header(struct buf *out, const char *name, const char *value)
{
    enum { TEXT = 7 };
    buf_add_char(out, (char)strlen(name));
    buf_addz(out, name);
    buf_add_char(out, TEXT);
    buf_add_char(out, 0);
    buf_add_char(out, (char)strlen(value));
    buf_addz(out, value);
}

/* Appends a message: lengths and their checksum, headers, content, checksum of the whole. */
static void add_message(struct buf *out, const char *event, struct str content)
{
    enum { AROUND = 16 };
    AUTO_BUF struct buf headers = BUF_INIT;
    size_t begin = out->n;
    add_header(&headers, ":event-type", event);
    add_header(&headers, ":content-type", "application/json");
    add_header(&headers, ":message-type", "event");
    add_number(out, (uint32_t)(AROUND + headers.n + content.n));
    add_number(out, (uint32_t)headers.n);
    add_number(out, crc32_of(str_slice(buf_str(out), begin, out->n)));
    buf_add_str(out, buf_str(&headers));
    buf_add_str(out, content);
    add_number(out, crc32_of(str_slice(buf_str(out), begin, out->n)));
}

/* ---- events ---- */

static const struct value *without_encryption(
    struct arena *arena, struct subscription *s, const struct value *records)
{
    struct value_builder list = VALUE_BUILDER(arena);
    for (uint32_t i = 0; i < records->count; i++) {
        if (stream_read_sequence(value_gets(records->items[i], "SequenceNumber"), &s->next))
            s->next++;
        value_builder_add(&list, value_with(arena, records->items[i], STR("EncryptionType"), NULL));
    }
    return value_builder_list(&list);
}

/* Reads records and appends an event if there are any. -1: the subscription ends. */
static int look_for_more(struct subscription *s)
{
    AUTO_ARENA struct arena arena = ARENA_INIT;
    const struct value *reply;
    const struct service_request request = {.service = STR("kinesis"),
        .operation = STR("GetRecords"),
        .region = str_z(s->region),
        .input = value_with(&arena, NULL, STR("ShardIterator"), value_stringz(&arena, s->iterator))};
    if (services_call(s->services, &arena, &request, &reply, ERR_IGNORED))
        return -1;
    const struct value *records = value_as_list(value_getz(reply, "Records"));
    struct str next = value_gets(reply, "NextShardIterator");
    free(s->iterator);
    s->iterator = next.n ? mem_strdup(arena_strz(&arena, next)) : NULL;
    if (!records->count && clock_wall_ms() - s->reported_ms < BEAT_MS && s->iterator)
        return services_sleep(s->services, LOOK_MS) ? 0 : -1;
    const struct value *event = VALUE_MAP(&arena, {STR("Records"), without_encryption(&arena, s, records)},
        {STR("ContinuationSequenceNumber"), value_string(&arena, stream_sequence(&arena, s->next))},
        {STR("MillisBehindLatest"), value_getz(reply, "MillisBehindLatest")});
    add_message(&s->message, "SubscribeToShardEvent", json_as_text(&arena, event)->string);
    s->reported_ms = clock_wall_ms();
    return 0;
}

static ssize_t read_subscription(void *ctx, uint64_t position UNUSED, char *out, size_t n)
{
    enum { OVER = -1 };
    struct subscription *s = ctx;
    while (s->sent == s->message.n) {
        buf_clear(&s->message);
        s->sent = 0;
        if (!s->iterator || services_stopping(s->services) || clock_wall_ms() >= s->ends_ms ||
            look_for_more(s))
            return OVER;
    }
    size_t left = s->message.n - s->sent, count = left < n ? left : n;
    memcpy(out, s->message.p + s->sent, count);
    s->sent += count;
    return (ssize_t)count;
}

static void free_subscription(void *ctx)
{
    struct subscription *s = ctx;
    buf_release(&s->message);
    free(s->region);
    free(s->iterator);
    free(s);
}

int kinesis_subscribe(struct service_call *call, struct err *err)
{
    struct control_record consumer;
    const struct value *position = value_getz(call->input, "StartingPosition"), *found;
    struct str arn = value_gets(call->input, "ConsumerARN");
    if (!service_find(call, STR("aws.kinesis.stream_consumer"), arn, &consumer))
        return service_refuse(
            err, 400, "ResourceNotFoundException", "Consumer %.*s not found.", STR_ARG(arn));
    ptrdiff_t at = str_find(arn, STR("/consumer/"), 0);
    struct str name = str_slice(arn, 0, at < 0 ? arn.n : (size_t)at);
    const struct value *input =
        VALUE_MAP(call->arena, {STR("StreamName"), value_string(call->arena, str_last_part(name, "/"))},
            {STR("ShardId"), value_getz(call->input, "ShardId")},
            {STR("ShardIteratorType"), value_getz(position, "Type")});
    static const char *const starts[][2] = {
        {"SequenceNumber", "StartingSequenceNumber"}, {"Timestamp", "Timestamp"}};
    for (size_t i = 0; i < 2; i++)
        if (value_getz(position, starts[i][0]))
            input = value_with(call->arena, input, str_z(starts[i][1]), value_getz(position, starts[i][0]));
    const struct service_request request = {.service = STR("kinesis"),
        .operation = STR("GetShardIterator"),
        .region = call->region,
        .input = input};
    if (services_call(call->services, call->arena, &request, &found, err))
        return -1;
    struct subscription *s = mem_zalloc(sizeof *s);
    struct str iterator = value_gets(found, "ShardIterator");
    int64_t now = clock_wall_ms();
    *s = (struct subscription){.services = call->services,
        .region = mem_strdup(arena_strz(call->arena, call->region)),
        .iterator = mem_strdup(arena_strz(call->arena, iterator)),
        .ends_ms = now + (int64_t)(LASTS_MS / sandbox_speed(services_sandbox(call->services))),
        .reported_ms = now};
    add_message(&s->message, "initial-response", STR("{}"));
    call->stream = (struct service_stream){read_subscription, s, free_subscription};
    return 0;
}

/* ---- streams ---- */

enum { ON_DEMAND_SHARDS = 4, HOUR_IN_MS = 3600 * 1000 };

struct streams *streams_new(void)
{
    struct streams *streams = mem_zalloc(sizeof *streams);
    pthread_mutex_init(&streams->lock, NULL);
    return streams;
}

static void drop_first(struct streams *streams, struct stream_box *box, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        streams->kept -= box->items[i]->data.n;
        arena_release(&box->items[i]->arena);
        free(box->items[i]);
    }
    box->n -= n;
    if (n)
        memmove(box->items, box->items + n, box->n * sizeof *box->items);
}

void stream_box_empty(struct streams *streams, struct stream_box *box)
{
    drop_first(streams, box, box->n);
    free(box->items);
    free(box->shards);
    *box = (struct stream_box){0};
}

void streams_free(struct streams *streams)
{
    if (!streams)
        return;
    for (size_t i = 0; i < streams->boxes.n; i++) {
        stream_box_empty(streams, streams->boxes.items[i].ptr);
        free(streams->boxes.items[i].ptr);
    }
    map_release(&streams->boxes);
    arena_release(&streams->names);
    pthread_mutex_destroy(&streams->lock);
    free(streams);
}

/* ---- shards ---- */

void stream_shard_close(const struct streams *streams, struct stream_box *box, size_t i)
{
    box->shards[i].end = streams->sequence;
    box->shards[i].closed_ms = clock_wall_ms();
    box->open--;
}

void stream_shard_open(
    struct streams *streams, struct stream_box *box, hash_key first, hash_key last, uint64_t closed_at)
{
    struct shard made = {.first = first, .last = last, .opened_ms = clock_wall_ms()};
    made.begin = ++streams->sequence; /* one sequence number for the start of each shard */
    for (size_t i = 0; i < box->shard_count; i++) {
        const struct shard *old = &box->shards[i];
        if (old->end && old->end == closed_at && old->first <= last && first <= old->last)
            made.parents[made.parents[0] ? 1 : 0] = i + 1;
    }
    box->shards = mem_realloc_array(box->shards, box->shard_count + 1, sizeof *box->shards);
    box->shards[box->shard_count++] = made;
    box->open++;
}

/* Replaces all open shards by ones of equal width. */
static void open_evenly(struct streams *streams, struct stream_box *box, size_t count)
{
    hash_key width = (hash_key)-1 / count + (count == 1 ? 0 : 1);
    uint64_t closed_at = streams->sequence;
    for (size_t i = 0; i < box->shard_count; i++)
        if (!box->shards[i].end)
            stream_shard_close(streams, box, i);
    for (size_t i = 0; i < count; i++)
        stream_shard_open(
            streams, box, width * i, i + 1 == count ? (hash_key)-1 : width * (i + 1) - 1, closed_at);
}

struct stream_box *stream_box_of(struct streams *streams, const struct control_record *stream)
{
    struct str arn = value_gets(stream->attrs, "arn");
    struct stream_box *box = map_get(&streams->boxes, arn);
    if (!box) {
        box = mem_zalloc(sizeof *box);
        map_set(&streams->boxes, arena_str(&streams->names, arn), box);
    }
    if (box->made_ms != stream->created_ms)
        stream_box_empty(streams, box);
    box->made_ms = stream->created_ms;
    bool on_demand = str_eqz(value_gets(stream->attrs, "mode"), "ON_DEMAND");
    int64_t count = on_demand ? ON_DEMAND_SHARDS : value_geti(stream->attrs, "shard_count", 1);
    if (stream->revision >= box->revision) {
        box->revision = stream->revision;
        if (count > 0 && (size_t)count != box->open)
            open_evenly(streams, box, (size_t)count);
    }
    int64_t oldest = clock_wall_ms() - value_geti(stream->attrs, "retention_period", 24) * HOUR_IN_MS;
    size_t old = 0;
    while (old < box->n && box->items[old]->arrived_ms < oldest)
        old++;
    drop_first(streams, box, old);
    return box;
}

/* ---- numbers ---- */

static struct str decimal(struct arena *arena, hash_key n)
{
    char text[40], *p = text + sizeof text;
    do
        *--p = (char)('0' + (int)(n % 10));
    while (n /= 10);
    return arena_str(arena, str_n(p, (size_t)(text + sizeof text - p)));
}

bool stream_read_decimal(struct str text, hash_key *out)
{
    *out = 0;
    for (size_t i = 0; i < text.n; i++) {
        unsigned digit = (unsigned)(text.p[i] - '0');
        if (digit > 9 || *out > ((hash_key)-1 - digit) / 10)
            return false;
        *out = *out * 10 + digit;
    }
    return text.n;
}

struct str stream_sequence(struct arena *arena, uint64_t sequence)
{
    return arena_printf(arena, "49%054llu", (unsigned long long)sequence);
}

bool stream_read_sequence(struct str text, uint64_t *out)
{
    int64_t n;
    bool whole = text.n == 56 && str_starts(text, STR("49")) && str_to_int(str_slice(text, 40, 56), &n);
    *out = whole ? (uint64_t)n : 0;
    return whole;
}

/* ---- shards by name ---- */

struct str stream_shard_name(struct arena *arena, size_t i)
{
    return arena_printf(arena, "shardId-%012zu", i);
}

bool stream_shard_find(const struct stream_box *box, struct str name, size_t *out)
{
    int64_t n;
    struct str number = str_starts(name, STR("shardId-")) ? str_slice(name, 8, name.n) : STR_EMPTY;
    bool found = str_to_int(number, &n) && n >= 0 && (size_t)n < box->shard_count;
    *out = found ? (size_t)n : 0;
    return found;
}

const struct value *stream_shard_view(struct arena *arena, const struct stream_box *box, size_t i)
{
    const struct shard *shard = &box->shards[i];
    struct value_builder b = VALUE_BUILDER(arena), keys = VALUE_BUILDER(arena),
                         numbers = VALUE_BUILDER(arena);
    view_text(&keys, "StartingHashKey", decimal(arena, shard->first));
    view_text(&keys, "EndingHashKey", decimal(arena, shard->last));
    view_text(&numbers, "StartingSequenceNumber", stream_sequence(arena, shard->begin));
    if (shard->end)
        view_text(&numbers, "EndingSequenceNumber", stream_sequence(arena, shard->end));
    view_text(&b, "ShardId", stream_shard_name(arena, i));
    static const char *const parents[] = {"ParentShardId", "AdjacentParentShardId"};
    for (size_t k = 0; k < 2; k++)
        if (shard->parents[k])
            view_text(&b, parents[k], stream_shard_name(arena, shard->parents[k] - 1));
    view_set(&b, "HashKeyRange", value_builder_map(&keys));
    view_set(&b, "SequenceNumberRange", value_builder_map(&numbers));
    return value_builder_map(&b);
}
