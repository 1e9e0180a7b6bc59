/*
 * SubscribeToShard: records of a shard are sent as they come, in messages of AWS's event stream, for five
 * minutes. Without records a message comes every second, so that who has gone away is noticed.
 */
#include "sandbox/services/kinesis/shards.h"

#include "base/clock.h"
#include "base/json.h"
#include "base/mem.h"
#include "sandbox/calls/services.h"

#include <stdlib.h>
#include <zlib.h>

enum { LASTS_MS = 300000, LOOK_MS = 50, BEAT_MS = 1000 };

struct subscription {
    struct services *services;
    char *region, *iterator; /* iterator NULL: the shard is over */
    int64_t ends_ms, said_ms;
    uint64_t next;      /* the number after that of the last record */
    struct buf message; /* of which `sent` bytes are gone */
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

/* Lengths and their checksum, headers, content, checksum of all. */
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

/* ---- what there is to say ---- */

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

/* -1: it is over. */
static int look_for_more(struct subscription *s)
{
    AUTO_ARENA struct arena arena = ARENA_INIT;
    const struct value *said;
    const struct service_request request = {.service = STR("kinesis"),
        .operation = STR("GetRecords"),
        .region = str_z(s->region),
        .input = value_with(&arena, NULL, STR("ShardIterator"), value_stringz(&arena, s->iterator))};
    if (services_call(s->services, &arena, &request, &said, ERR_IGNORED))
        return -1;
    const struct value *records = value_as_list(value_getz(said, "Records"));
    struct str next = value_gets(said, "NextShardIterator");
    free(s->iterator);
    s->iterator = next.n ? mem_strdup(arena_strz(&arena, next)) : NULL;
    if (!records->count && clock_wall_ms() - s->said_ms < BEAT_MS && s->iterator)
        return services_sleep(s->services, LOOK_MS) ? 0 : -1;
    const struct value *event = VALUE_MAP(&arena, {STR("Records"), without_encryption(&arena, s, records)},
        {STR("ContinuationSequenceNumber"), value_string(&arena, stream_sequence(&arena, s->next))},
        {STR("MillisBehindLatest"), value_getz(said, "MillisBehindLatest")});
    add_message(&s->message, "SubscribeToShardEvent", json_as_text(&arena, event)->string);
    s->said_ms = clock_wall_ms();
    return 0;
}

static ssize_t read_subscription(void *ctx, uint64_t position, char *out, size_t n)
{
    enum { OVER = -1 };
    struct subscription *s = ctx;
    (void)position;
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
    struct str arn, rest, marked = STR("/consumer/");
    if (service_required(call, "ConsumerARN", &arn, err))
        return -1;
    if (!service_find(call, STR("aws.kinesis.consumer"), arn, &consumer))
        return service_refuse(
            err, 400, "ResourceNotFoundException", "Consumer %.*s not found.", STR_ARG(arn));
    ptrdiff_t at = str_find(arn, marked, 0);
    struct str name = str_slice(arn, 0, at < 0 ? arn.n : (size_t)at);
    str_cut(name, '/', &rest);
    const struct value *input = VALUE_MAP(call->arena, {STR("StreamName"), value_string(call->arena, rest)},
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
        .said_ms = now};
    add_message(&s->message, "initial-response", STR("{}"));
    call->stream = (struct service_stream){read_subscription, s, free_subscription};
    return 0;
}
