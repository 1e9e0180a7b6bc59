/* What Kinesis's streams hold: shards, and records in them; see shards.h. */
#include "sandbox/services/kinesis/shards.h"

#include "base/clock.h"
#include "base/mem.h"
#include "sandbox/engine/view.h"

#include <stdlib.h>
#include <string.h>

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

static void box_empty(struct streams *streams, struct stream_box *box)
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
        box_empty(streams, streams->boxes.items[i].ptr);
        free(streams->boxes.items[i].ptr);
    }
    map_release(&streams->boxes);
    arena_release(&streams->names);
    pthread_mutex_destroy(&streams->lock);
    free(streams);
}

/* ---- shards ---- */

static void open_shards(struct stream_box *box, size_t count, uint64_t next)
{
    size_t before = box->shard_count - box->open, total = box->shard_count + count;
    hash_key width = (hash_key)-1 / count + (count == 1 ? 0 : 1);
    box->shards = mem_realloc_array(box->shards, total, sizeof *box->shards);
    for (size_t i = before; i < box->shard_count; i++)
        box->shards[i].end = next - 1;
    for (size_t i = 0; i < count; i++) {
        struct shard *shard = &box->shards[box->shard_count + i];
        *shard = (struct shard){.first = width * i, .begin = next + i};
        shard->last = i + 1 == count ? (hash_key)-1 : width * (i + 1) - 1;
        for (size_t k = before; k < box->shard_count; k++)
            if (box->shards[k].first <= shard->first && shard->first <= box->shards[k].last)
                shard->parent = k + 1;
    }
    box->shard_count = total;
    box->open = count;
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
        box_empty(streams, box);
    box->made_ms = stream->created_ms;
    bool on_demand = str_eqz(value_gets(stream->attrs, "mode"), "ON_DEMAND");
    int64_t count = on_demand ? ON_DEMAND_SHARDS : value_geti(stream->attrs, "shard_count", 1);
    if (count > 0 && (size_t)count != box->open) {
        open_shards(box, (size_t)count, streams->sequence + 1);
        streams->sequence += (uint64_t)count; /* each shard begins with a number of its own */
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
    if (shard->parent)
        view_text(&b, "ParentShardId", stream_shard_name(arena, shard->parent - 1));
    view_set(&b, "HashKeyRange", value_builder_map(&keys));
    view_set(&b, "SequenceNumberRange", value_builder_map(&numbers));
    return value_builder_map(&b);
}
