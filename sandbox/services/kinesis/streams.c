/* Kinesis's operations that put and read records. */
#include "sandbox/services/kinesis/shards.h"
#include "sandbox/services/shared/tables.h"

#include "base/clock.h"
#include "base/hash.h"
#include "base/mem.h"
#include "sandbox/engine/view.h"

enum { MAX_READ = 10000 };
enum { ITERATOR_MS = 5 * 60 * 1000 };
static const size_t MAX_KEPT = 256 * 1024 * 1024, MAX_ANSWER = 10 * 1024 * 1024;

static int find_stream(struct service_call *call, struct control_record *out, struct err *err)
{
    struct str arn = value_gets(call->input, "StreamARN"), name = value_gets(call->input, "StreamName");
    if (!arn.n && !name.n)
        return service_refuse(
            err, 400, "InvalidArgumentException", "Either StreamName or StreamARN must be provided.");
    if (service_find(call, STR("aws.kinesis.stream"), arn.n ? arn : name, out))
        return 0;
    struct str given = arn.n ? arn : name, account = services_account(call->services);
    return service_refuse(err, 400, "ResourceNotFoundException", "Stream %.*s under account %.*s not found.",
        STR_ARG(given), STR_ARG(account));
}

/* ---- putting ---- */

static hash_key hash_of(struct str key)
{
    unsigned char digest[MD5_SIZE];
    hash_key n = 0;
    hash_md5(key, digest);
    for (size_t i = 0; i < MD5_SIZE; i++)
        n = n << 8 | digest[i];
    return n;
}

static int check_record(
    const struct service_call *call, const struct value *record, hash_key *hash, struct err *err)
{
    struct str data;
    const struct value *explicit = value_getz(record, "ExplicitHashKey");
    if (!base64_decode(call->arena, value_gets(record, "Data"), &data))
        return service_refuse(err, 400, "SerializationException", "Data is not in base64");
    *hash = hash_of(value_gets(record, "PartitionKey"));
    if (explicit && !stream_read_decimal(value_text(explicit, STR_EMPTY), hash))
        return service_refuse(err, 400, "InvalidArgumentException", "Invalid ExplicitHashKey");
    return 0;
}

/* Stores a record and returns its result. The lock must be held. */
static const struct value *put_one(struct service_call *call, struct streams *streams, struct stream_box *box,
    const struct value *record, hash_key hash)
{
    struct stream_record *made = mem_zalloc(sizeof *made);
    made->key = arena_str(&made->arena, value_gets(record, "PartitionKey"));
    made->data = arena_str(&made->arena, value_gets(record, "Data"));
    made->sequence = ++streams->sequence;
    made->arrived_ms = clock_wall_ms();
    made->shard = box->shard_count - 1;
    for (size_t i = 0; i < box->shard_count; i++)
        if (!box->shards[i].end && box->shards[i].first <= hash && hash <= box->shards[i].last)
            made->shard = i;
    MEM_GROW(box->items, box->cap, box->n + 1);
    box->items[box->n++] = made;
    streams->kept += made->data.n;
    struct value_builder b = VALUE_BUILDER(call->arena);
    view_text(&b, "ShardId", stream_shard_name(call->arena, made->shard));
    view_text(&b, "SequenceNumber", stream_sequence(call->arena, made->sequence));
    return value_builder_map(&b);
}

static struct streams *streams_of(const struct service_call *call)
{
    return services_parts(call->services)->streams;
}

static const char *encryption_of(const struct control_record *stream)
{
    return value_getz(stream->attrs, "kms_key") ? "KMS" : "NONE";
}

/* Frees the records of deleted streams. The lock must be held. */
static void forget_deleted(struct service_call *call, struct streams *streams)
{
    struct control_record stream;
    for (size_t i = 0; i < streams->boxes.n; i++) {
        struct str arn = streams->boxes.items[i].key;
        if (!control_find(services_control(call->services), call->arena, STR("aws.kinesis.stream"),
                str_part(arn, ':', 3), arn, &stream))
            stream_box_empty(streams, streams->boxes.items[i].ptr);
    }
}

/* Stores all records, or none if one is invalid. */
static int put_all(struct service_call *call, const struct control_record *stream,
    const struct value *records, const struct value **out, struct err *err)
{
    struct streams *streams = streams_of(call);
    hash_key *hashes = ARENA_ARRAY(call->arena, hash_key, records->count + 1);
    AUTO_BUILDER struct value_builder put = VALUE_BUILDER(call->arena), data = VALUE_BUILDER(call->arena);
    for (uint32_t i = 0; i < records->count; i++) {
        if (check_record(call, records->items[i], &hashes[i], err))
            return -1;
        value_builder_add(&data, value_getz(records->items[i], "Data"));
    }
    pthread_mutex_lock(&streams->lock);
    if (streams->kept >= MAX_KEPT)
        forget_deleted(call, streams);
    struct stream_box *box = stream_box_of(streams, stream);
    bool full = streams->kept >= MAX_KEPT;
    for (uint32_t i = 0; i < records->count && !full; i++)
        value_builder_add(&put, put_one(call, streams, box, records->items[i], hashes[i]));
    pthread_mutex_unlock(&streams->lock);
    if (full)
        return service_refuse(err, 400, "ProvisionedThroughputExceededException",
            "the sandbox keeps 256 MiB of records in memory, which are all used");
    *out = value_builder_list(&put);
    deliveries_from_stream(call->services, call->arena, call->region, value_gets(stream->attrs, "arn"),
        value_builder_list(&data));
    return 0;
}

static int put_record(struct service_call *call, struct err *err)
{
    struct control_record stream;
    const struct value *put;
    (void)value_getz(call->input, "SequenceNumberForOrdering"); /* records are in the order of arrival */
    if (find_stream(call, &stream, err) ||
        put_all(call, &stream, value_list(call->arena, &call->input, 1), &put, err))
        return -1;
    call->output = value_with(call->arena, put->items[0], STR("EncryptionType"),
        value_stringz(call->arena, encryption_of(&stream)));
    return 0;
}

static int put_records(struct service_call *call, struct err *err)
{
    struct control_record stream;
    const struct value *put;
    if (find_stream(call, &stream, err) ||
        put_all(call, &stream, value_as_list(value_getz(call->input, "Records")), &put, err))
        return -1;
    service_answer(call, "FailedRecordCount", value_int(call->arena, 0));
    service_answer(call, "Records", put);
    service_answer_text(call, "EncryptionType", str_z(encryption_of(&stream)));
    return 0;
}

/* ---- reading ---- */

/* An iterator has its creation time, the shard, the next sequence number and the stream's ARN. */
static struct str iterator_text(struct arena *arena, struct str arn, size_t shard, uint64_t next)
{
    return base64_encode(arena, arena_printf(arena, "%lld %zu %llu %.*s", (long long)clock_wall_ms(), shard,
                                    (unsigned long long)next, STR_ARG(arn)));
}

static int refuse_shard(
    const struct service_call *call, const struct control_record *stream, struct str name, struct err *err)
{
    struct str account = services_account(call->services);
    return service_refuse(err, 400, "ResourceNotFoundException",
        "Could not find shard %.*s in stream %.*s under account %.*s.", STR_ARG(name), STR_ARG(stream->id),
        STR_ARG(account));
}

/* Returns the sequence number of the shard's first record at or after the time, or `none`. */
static uint64_t first_since(const struct stream_box *box, size_t shard, int64_t ms, uint64_t none)
{
    for (size_t i = 0; i < box->n; i++)
        if (box->items[i]->shard == shard && box->items[i]->arrived_ms >= ms)
            return box->items[i]->sequence;
    return none;
}

static int get_iterator(struct service_call *call, struct err *err)
{
    struct control_record stream;
    struct str name = value_gets(call->input, "ShardId"), type = value_gets(call->input, "ShardIteratorType");
    struct streams *streams = streams_of(call);
    size_t shard;
    uint64_t next = 0, after = 0;
    if (find_stream(call, &stream, err))
        return -1;
    bool at = str_eqz(type, "AT_SEQUENCE_NUMBER"), past = str_eqz(type, "AFTER_SEQUENCE_NUMBER");
    const struct value *time = value_getz(call->input, "Timestamp");
    if ((at || past) && !stream_read_sequence(value_gets(call->input, "StartingSequenceNumber"), &after))
        return service_refuse(err, 400, "InvalidArgumentException", "Must specify StartingSequenceNumber");
    if (str_eqz(type, "AT_TIMESTAMP") && !time)
        return service_refuse(err, 400, "InvalidArgumentException", "Must specify timestamp parameter");
    pthread_mutex_lock(&streams->lock);
    struct stream_box *box = stream_box_of(streams, &stream);
    bool found = stream_shard_find(box, name, &shard);
    double seconds = value_is_number(time) ? value_number(time) : 0;
    if (found)
        next = at                        ? after
               : past                    ? after + 1
               : str_eqz(type, "LATEST") ? streams->sequence + 1
               : time ? first_since(box, shard, int_within(seconds * 1000), streams->sequence + 1)
                      : box->shards[shard].begin;
    pthread_mutex_unlock(&streams->lock);
    if (!found)
        return refuse_shard(call, &stream, name, err);
    struct str text = iterator_text(call->arena, value_gets(stream.attrs, "arn"), shard, next);
    call->output = value_with(call->arena, NULL, STR("ShardIterator"), value_string(call->arena, text));
    return 0;
}

static int read_iterator(struct service_call *call, int64_t *made, size_t *shard, uint64_t *next,
    struct control_record *stream, struct err *err)
{
    struct str text, plain, rest = STR_EMPTY;
    int64_t numbers[3];
    bool whole = true;
    if (service_required(call, "ShardIterator", &text, err))
        return -1;
    if (text.n > 2 && text.p[0] == '"' && text.p[text.n - 1] == '"')
        text = str_slice(text, 1, text.n - 1); /* Kinesis accepts quotes, which some clients send */
    whole = base64_decode(call->arena, text, &rest);
    for (size_t i = 0; i < 3 && whole; i++) {
        plain = str_cut(rest, ' ', &rest);
        whole = str_to_int(plain, &numbers[i]) && numbers[i] >= 0;
    }
    if (!whole)
        return service_refuse(err, 400, "InvalidArgumentException", "Invalid ShardIterator.");
    *made = numbers[0];
    *shard = (size_t)numbers[1];
    *next = (uint64_t)numbers[2];
    if (!service_find(call, STR("aws.kinesis.stream"), rest, stream))
        return service_refuse(err, 400, "ResourceNotFoundException", "Stream %.*s not found.", STR_ARG(rest));
    if (clock_wall_ms() - *made > ITERATOR_MS)
        return service_refuse(err, 400, "ExpiredIteratorException",
            "Iterator expired. The iterator was created more than five minutes ago.");
    return 0;
}

static const struct value *view_record(
    struct service_call *call, const struct stream_record *record, const char *encryption)
{
    struct value_builder b = VALUE_BUILDER(call->arena);
    view_text(&b, "SequenceNumber", stream_sequence(call->arena, record->sequence));
    view_time(&b, "ApproximateArrivalTimestamp", record->arrived_ms);
    value_builder_set(&b, STR("Data"), value_string(call->arena, record->data));
    view_text(&b, "PartitionKey", record->key);
    if (strcmp(encryption, "NONE") != 0)
        view_text(&b, "EncryptionType", str_z(encryption));
    return value_builder_map(&b);
}

static const struct value *children_of(struct arena *arena, const struct stream_box *box, size_t shard)
{
    AUTO_BUILDER struct value_builder list = VALUE_BUILDER(arena);
    for (size_t i = 0; i < box->shard_count; i++) {
        const size_t *of = box->shards[i].parents;
        if (of[0] != shard + 1 && of[1] != shard + 1)
            continue;
        const struct value *view = stream_shard_view(arena, box, i);
        struct value_builder b = VALUE_BUILDER(arena), parents = VALUE_BUILDER(arena);
        for (size_t k = 0; k < 2 && of[k]; k++)
            value_builder_add(&parents, value_string(arena, stream_shard_name(arena, of[k] - 1)));
        view_set(&b, "ShardId", value_getz(view, "ShardId"));
        view_set(&b, "ParentShards", value_builder_list(&parents));
        view_set(&b, "HashKeyRange", value_getz(view, "HashKeyRange"));
        value_builder_add(&list, value_builder_map(&b));
    }
    return value_builder_list(&list);
}

/* Returns the index of the first record with this or a higher sequence number. */
static size_t first_from(const struct stream_box *box, uint64_t sequence)
{
    size_t low = 0, high = box->n;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (box->items[middle]->sequence < sequence)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

static int get_records(struct service_call *call, struct err *err)
{
    struct control_record stream;
    struct streams *streams = streams_of(call);
    size_t shard = 0, bytes = 0;
    uint64_t next = 0;
    int64_t made;
    bool more = false;
    int64_t most = service_int_within(call->input, "Limit", MAX_READ, 1, MAX_READ);
    struct value_builder list = VALUE_BUILDER(call->arena), b = VALUE_BUILDER(call->arena);
    if (read_iterator(call, &made, &shard, &next, &stream, err))
        return -1;
    pthread_mutex_lock(&streams->lock);
    struct stream_box *box = stream_box_of(streams, &stream);
    const struct stream_record *last = NULL;
    for (size_t i = first_from(box, next); i < box->n && !more; i++) {
        const struct stream_record *record = box->items[i];
        if (record->shard != shard)
            continue;
        more = list.n >= (size_t)most || (list.n && bytes + record->data.n > MAX_ANSWER);
        if (more)
            continue;
        bytes += record->data.n;
        last = record;
        value_builder_add(&list, view_record(call, record, encryption_of(&stream)));
        next = record->sequence + 1;
    }
    size_t newest = box->n; /* searched from the end, only if the page is full */
    while (more && box->items[--newest]->shard != shard)
        ;
    bool known = shard < box->shard_count, over = known && box->shards[shard].end && !more;
    int64_t behind = more ? box->items[newest]->arrived_ms - last->arrived_ms : 0;
    view_int(&b, "MillisBehindLatest", behind > 0 ? behind : 0);
    if (over)
        view_set(&b, "ChildShards", children_of(call->arena, box, shard));
    pthread_mutex_unlock(&streams->lock);
    view_set(&b, "Records", value_builder_list(&list));
    if (!over)
        view_text(&b, "NextShardIterator",
            iterator_text(call->arena, value_gets(stream.attrs, "arn"), shard, next));
    call->output = value_builder_map(&b);
    return known ? 0 : refuse_shard(call, &stream, stream_shard_name(call->arena, shard), err);
}

/* A filter of ListShards: shards that are open at a time, from it on, or after another shard. */
struct shard_filter {
    struct str type, after;
    int64_t time_ms;
};

static int shard_filter_read(struct service_call *call, const struct control_record *stream,
    const struct stream_box *box, struct shard_filter *out, struct err *err)
{
    enum { HOUR_IN_MS = 3600 * 1000 };
    const struct value *filter = value_getz(call->input, "ShardFilter"),
                       *time = value_getz(filter, "Timestamp");
    struct str after = value_gets(filter, "ShardId");
    *out = (struct shard_filter){
        value_gets(filter, "Type"), value_gets(call->input, "ExclusiveStartShardId"), 0};
    bool by_time = str_ends(out->type, STR("_TIMESTAMP")), by_shard = str_eqz(out->type, "AFTER_SHARD_ID");
    if (by_time ? !value_is_number(time) : by_shard && !after.n)
        return service_refuse(err, 400, "InvalidArgumentException",
            "Must specify %s parameter in ShardFilter", by_time ? "timestamp" : "shardId");
    out->after = by_shard ? after : out->after;
    int64_t oldest = clock_wall_ms() - value_geti(stream->attrs, "retention_period", 24) * HOUR_IN_MS;
    int64_t begun = box->shard_count ? box->shards[0].opened_ms : 0;
    out->time_ms = by_time ? int_within(value_number(time) * 1000) : oldest;
    if (out->time_ms < begun)
        out->time_ms = begun;
    return 0;
}

static bool filter_has(
    struct arena *arena, const struct shard_filter *filter, const struct stream_box *box, size_t i)
{
    const struct shard *shard = &box->shards[i];
    bool at = str_starts(filter->type, STR("AT_")), open = !shard->end;
    if (filter->after.n && str_cmp(stream_shard_name(arena, i), filter->after) <= 0)
        return false;
    if (!filter->type.n || str_eqz(filter->type, "AFTER_SHARD_ID"))
        return true;
    if (str_eqz(filter->type, "AT_LATEST"))
        return open;
    return (open || shard->closed_ms > filter->time_ms) && (!at || shard->opened_ms <= filter->time_ms);
}

static int list_shards(struct service_call *call, struct err *err)
{
    struct control_record stream;
    struct streams *streams = streams_of(call);
    struct value_builder all = VALUE_BUILDER(call->arena), b = VALUE_BUILDER(call->arena);
    struct str token = value_gets(call->input, "NextToken");
    struct shard_filter filter;
    size_t first, end;
    const struct value *next;
    if (token.n) /* the token has the stream's name as well */
        call->input = value_with(call->arena, call->input, STR("StreamName"),
            value_string(call->arena, str_cut(token, '|', &token)));
    if (find_stream(call, &stream, err))
        return -1;
    pthread_mutex_lock(&streams->lock);
    struct stream_box *box = stream_box_of(streams, &stream);
    int failed = shard_filter_read(call, &stream, box, &filter, err);
    for (size_t i = 0; i < box->shard_count && !failed; i++)
        if (filter_has(call->arena, &filter, box, i))
            value_builder_add(&all, stream_shard_view(call->arena, box, i));
    pthread_mutex_unlock(&streams->lock);
    if (failed)
        return -1;
    const struct value *list = value_builder_list(&all);
    call->input = value_with(
        call->arena, call->input, STR("NextToken"), token.n ? value_string(call->arena, token) : NULL);
    if (service_page(call, "NextToken", "MaxResults", 1000, list->count, &first, &end, &next, err))
        return -1;
    view_set(&b, "Shards", value_list(call->arena, list->items + first, end - first));
    if (next)
        view_text(&b, "NextToken",
            arena_printf(call->arena, "%.*s|%.*s", STR_ARG(stream.id), STR_ARG(value_text(next, STR_EMPTY))));
    call->output = value_builder_map(&b);
    return 0;
}

/* DescribeStreamSummary in its older form, with the shards. */
static int describe_stream(struct service_call *call, struct err *err)
{
    struct control_record stream;
    const struct value *output;
    struct value_builder list = VALUE_BUILDER(call->arena);
    struct streams *streams = streams_of(call);
    struct str after = value_gets(call->input, "ExclusiveStartShardId");
    size_t most = (size_t)service_int_within(call->input, "Limit", 100, 1, 10000), i = 0;
    if (find_stream(call, &stream, err) ||
        service_control(call, "DescribeStreamSummary",
            value_with(call->arena, NULL, STR("StreamName"), value_string(call->arena, stream.id)), &output,
            err))
        return -1;
    pthread_mutex_lock(&streams->lock);
    struct stream_box *box = stream_box_of(streams, &stream);
    if (stream_shard_find(box, after, &i))
        i++;
    for (; i < box->shard_count && list.n < most; i++)
        value_builder_add(&list, stream_shard_view(call->arena, box, i));
    bool more = i < box->shard_count;
    pthread_mutex_unlock(&streams->lock);
    const struct value *given = value_getz(output, "StreamDescriptionSummary");
    given = value_with(call->arena, given, STR("OpenShardCount"), NULL);
    given = value_with(call->arena, given, STR("ConsumerCount"), NULL);
    given = value_with(call->arena, given, STR("Shards"), value_builder_list(&list));
    given = value_with(call->arena, given, STR("HasMoreShards"), value_bool(more));
    call->output = value_with(call->arena, NULL, STR("StreamDescription"), given);
    return 0;
}

/* ---- SplitShard, MergeShards ---- */

/* Finds the stream, which has to be active, and a shard that is open. The lock must be held. */
static int find_open_shard(struct service_call *call, const struct control_record *stream,
    const struct stream_box *box, const char *member, size_t *out, struct err *err)
{
    struct str name, account = services_account(call->services);
    if (service_required(call, member, &name, err))
        return -1;
    if (!stream_shard_find(box, name, out))
        return refuse_shard(call, stream, name, err);
    if (!box->shards[*out].end)
        return 0;
    return service_refuse(err, 400, "ResourceInUseException",
        "Shard %.*s in stream %.*s under account %.*s has already been merged or split, and thus is not "
        "eligible for merging or splitting.",
        STR_ARG(name), STR_ARG(stream->id), STR_ARG(account));
}

/* Stores the number of open shards, which is that of the stream. */
static void keep_count(struct service_call *call, const struct control_record *stream, struct stream_box *box)
{
    struct control_record now;
    static const struct str type = STR_INIT("aws.kinesis.stream");
    control_set(services_control(call->services), type, stream, "shard_count",
        value_int(call->arena, (int64_t)box->open));
    if (service_find(call, type, stream->id, &now))
        box->revision = now.revision;
}

static int split_shard(struct service_call *call, const struct control_record *stream,
    struct streams *streams, struct stream_box *box, struct err *err)
{
    size_t i = 0;
    hash_key at;
    struct str text = value_gets(call->input, "NewStartingHashKey"),
               account = services_account(call->services);
    if (find_open_shard(call, stream, box, "ShardToSplit", &i, err))
        return -1;
    struct shard old = box->shards[i];
    if (!stream_read_decimal(text, &at) || at <= old.first + 1 || at >= old.last) {
        const struct value *range = value_getz(stream_shard_view(call->arena, box, i), "HashKeyRange");
        struct str first = value_gets(range, "StartingHashKey"), last = value_gets(range, "EndingHashKey");
        return service_refuse(err, 400, "InvalidArgumentException",
            "NewStartingHashKey %.*s used in SplitShard() on shard %s in stream %.*s under account %.*s is "
            "not "
            "both greater than one plus the shard's StartingHashKey %.*s and less than the shard's "
            "EndingHashKey %.*s.",
            STR_ARG(text), stream_shard_name(call->arena, i).p, STR_ARG(stream->id), STR_ARG(account),
            STR_ARG(first), STR_ARG(last));
    }
    uint64_t closed_at = streams->sequence;
    stream_shard_close(streams, box, i);
    stream_shard_open(streams, box, old.first, at - 1, closed_at);
    stream_shard_open(streams, box, at, old.last, closed_at);
    return 0;
}

static int merge_shards(struct service_call *call, const struct control_record *stream,
    struct streams *streams, struct stream_box *box, struct err *err)
{
    size_t one = 0, other = 0;
    struct str account = services_account(call->services);
    if (find_open_shard(call, stream, box, "ShardToMerge", &one, err) ||
        find_open_shard(call, stream, box, "AdjacentShardToMerge", &other, err))
        return -1;
    struct shard a = box->shards[one], b = box->shards[other];
    bool before = b.first && a.last == b.first - 1, after = a.first && b.last == a.first - 1;
    if (!before && !after)
        return service_refuse(err, 400, "InvalidArgumentException",
            "Shards %s and %s in stream %.*s under account %.*s are not an adjacent pair of shards eligible "
            "for "
            "merging",
            stream_shard_name(call->arena, one).p, stream_shard_name(call->arena, other).p,
            STR_ARG(stream->id), STR_ARG(account));
    uint64_t closed_at = streams->sequence;
    stream_shard_close(streams, box, one);
    stream_shard_close(streams, box, other);
    stream_shard_open(streams, box, before ? a.first : b.first, before ? b.last : a.last, closed_at);
    struct shard *made = &box->shards[box->shard_count - 1];
    made->parents[0] = one + 1;
    made->parents[1] = other + 1;
    return 0;
}

static int reshard(struct service_call *call, struct err *err)
{
    struct control_record stream;
    const struct value *seen;
    struct streams *streams = streams_of(call);
    if (find_stream(call, &stream, err) ||
        service_control(call, "DescribeStreamSummary",
            value_with(call->arena, NULL, STR("StreamName"), value_string(call->arena, stream.id)), &seen,
            err))
        return -1;
    seen = value_getz(seen, "StreamDescriptionSummary");
    struct str status = value_gets(seen, "StreamStatus"), account = services_account(call->services);
    if (str_eqz(value_gets(stream.attrs, "mode"), "ON_DEMAND"))
        return service_refuse(err, 400, "ValidationException",
            "The operation is not supported for streams with the on-demand capacity mode.");
    if (!str_eqz(status, "ACTIVE"))
        return service_refuse(err, 400, "ResourceInUseException",
            "Stream %.*s under account %.*s not ACTIVE, instead in state %.*s", STR_ARG(stream.id),
            STR_ARG(account), STR_ARG(status));
    pthread_mutex_lock(&streams->lock);
    struct stream_box *box = stream_box_of(streams, &stream);
    int failed =
        (service_is(call, "SplitShard") ? split_shard : merge_shards)(call, &stream, streams, box, err);
    if (!failed)
        keep_count(call, &stream, box);
    pthread_mutex_unlock(&streams->lock);
    return failed;
}

const struct service_operation kinesis_operations[] = {
    {"kinesis", "PutRecord", put_record},
    {"kinesis", "PutRecords", put_records},
    {"kinesis", "GetShardIterator", get_iterator},
    {"kinesis", "GetRecords", get_records},
    {"kinesis", "SubscribeToShard", kinesis_subscribe},
    {"kinesis", "ListShards", list_shards},
    {"kinesis", "DescribeStream", describe_stream},
    {"kinesis", "SplitShard", reshard},
    {"kinesis", "MergeShards", reshard},
    {0},
};
