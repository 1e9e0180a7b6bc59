/*
 * DynamoDB's streams, whose records the engine stores. A stream's ARN is the one in the table's record. An
 * iterator begins with this ARN, as DynamoDB's do, so that GetRecords is authorized for the stream.
 */
#include "sandbox/services/dynamodb/items.h"

#include "base/hash.h"
#include "sandbox/engine/view.h"

#include <stdlib.h>

static int no_stream(struct str arn, struct err *err)
{
    return service_refuse(err, 400, "ResourceNotFoundException",
        "Requested resource not found: Stream: %.*s not found", STR_ARG(arn));
}

struct open_stream {
    const struct value *table; /* as DescribeTable shows it */
    const struct value *own;   /* the engine's ARN */
};

static int open_stream(struct service_call *call, struct str arn, struct open_stream *out, struct err *err)
{
    struct arena *arena = call->arena;
    const struct value *table;
    struct err absent = ERR_INIT;
    struct str name = item_table_name(arn);
    const struct gate_action asked = {.who = {.session = call->caller},
        .service = STR("dynamodb"),
        .action = arena_printf(arena, "dynamodb:%s", call->operation->name),
        .resource = arn,
        .region = call->region};
    if (call->caller && gate_check_action(sandbox_gate(services_sandbox(call->services)), arena, &asked, err))
        return -1;
    const struct item_scope scope = item_scope_of(call);
    if (item_table(&scope, name, &table, &absent)) {
        if (absent.class == ERR_SERVICE)
            return no_stream(arn, err);
        *err = absent;
        return -1;
    }
    if (!str_eq(value_gets(table, "LatestStreamArn"), arn))
        return no_stream(arn, err);
    const struct value *input = value_with(arena, NULL, STR("TableName"), value_string(arena, name)), *output;
    if (item_engine_call(&scope, "DescribeTable", input, &output, err))
        return -1;
    out->table = table;
    out->own = value_getz(value_getz(output, "Table"), "LatestStreamArn");
    return 0;
}

static int streams_forward(
    struct service_call *call, const struct value *input, const struct value **out, struct err *err)
{
    const struct item_scope scope = item_scope_of(call);
    return item_engine_call(&scope, call->operation->name, input, out, err);
}

static const struct value *iterator_text_of(struct arena *arena, struct str arn, struct str own)
{
    return value_string(arena, arena_printf(arena, "%.*s|1|%.*s", STR_ARG(arn), STR_ARG(own)));
}

/* Returns a shard id of AWS's length, which does not contain the table's name. */
static struct str shard_alias(struct arena *arena, struct str own)
{
    unsigned char digest[MD5_SIZE];
    uint64_t number = 0;
    hash_md5(own, digest);
    for (size_t i = 0; i < sizeof number; i++)
        number = number << 8 | digest[i];
    return arena_printf(arena, "shardId-%020llu-%02x%02x%02x%02x", (unsigned long long)number, digest[8],
        digest[9], digest[10], digest[11]);
}

#define FIRST_NUMBER "100000000000000000000" /* as long as the engine's, and lower */

/* Returns the shards with their aliases. Shards of an enabled stream are shown as open, whatever the engine
 * reports. `after`: only the shards after this one. */
static const struct value *stream_shards(struct arena *arena, const struct value *stream, struct str after)
{
    AUTO_BUILDER struct value_builder b = VALUE_BUILDER(arena);
    const struct value *list = value_getz(stream, "Shards");
    bool open = str_eqz(value_gets(stream, "StreamStatus"), "ENABLED"), shown = !after.n;
    for (uint32_t i = 0; list && i < list->count; i++) {
        const struct value *shard = list->items[i], *range = value_getz(shard, "SequenceNumberRange");
        struct str alias = shard_alias(arena, value_gets(shard, "ShardId"));
        shard = value_with(arena, shard, STR("ShardId"), value_string(arena, alias));
        if (!value_gets(range, "StartingSequenceNumber").n) /* no record was written yet */
            range =
                value_with(arena, range, STR("StartingSequenceNumber"), value_stringz(arena, FIRST_NUMBER));
        if (open)
            range = value_with(arena, range, STR("EndingSequenceNumber"), NULL);
        shard = value_with(arena, shard, STR("SequenceNumberRange"), range);
        if (shown)
            value_builder_add(&b, shard);
        shown = shown || str_eq(alias, after);
    }
    return value_builder_list(&b);
}

/* Finds the engine's id of a shard by its alias. */
static int find_shard(struct service_call *call, const struct value *stream, struct str alias,
    const struct value **own, struct err *err)
{
    const struct item_scope scope = item_scope_of(call);
    const struct value *output;
    if (item_engine_call(
            &scope, "DescribeStream", value_with(call->arena, NULL, STR("StreamArn"), stream), &output, err))
        return -1;
    const struct value *list = value_getz(value_getz(output, "StreamDescription"), "Shards");
    for (uint32_t i = 0; list && i < list->count; i++)
        if (str_eq(alias, shard_alias(call->arena, value_gets(list->items[i], "ShardId")))) {
            *own = value_getz(list->items[i], "ShardId");
            return 0;
        }
    return service_refuse(
        err, 400, "ResourceNotFoundException", "Requested resource not found: Shard does not exist");
}

static int describe_stream(struct service_call *call, struct err *err)
{
    const struct value *output;
    struct arena *arena = call->arena;
    struct open_stream stream;
    struct str arn = value_gets(call->input, "StreamArn");
    if (open_stream(call, arn, &stream, err) ||
        streams_forward(call, value_with(arena, call->input, STR("StreamArn"), stream.own), &output, err))
        return -1;
    const struct value *shown = value_getz(output, "StreamDescription");
    const struct value_entry own[] = {
        {STR("Shards"), stream_shards(arena, shown, value_gets(call->input, "ExclusiveStartShardId"))},
        {STR("StreamArn"), value_string(arena, arn)},
        {STR("StreamLabel"), value_string(arena, str_last_part(arn, "/"))},
        {STR("KeySchema"), value_getz(stream.table, "KeySchema")},
        {STR("StreamViewType"),
            value_getz(value_getz(stream.table, "StreamSpecification"), "StreamViewType")},
    };
    call->output = value_with(arena, NULL, STR("StreamDescription"),
        value_merge(arena, shown, value_map(arena, own, sizeof own / sizeof *own)));
    return 0;
}

static int get_iterator(struct service_call *call, struct err *err)
{
    const struct value *own_shard = NULL, *output;
    struct open_stream stream;
    struct str arn = value_gets(call->input, "StreamArn"), shard = value_gets(call->input, "ShardId");
    if (open_stream(call, arn, &stream, err) || find_shard(call, stream.own, shard, &own_shard, err))
        return -1;
    const struct value *input = value_with(call->arena, call->input, STR("ShardId"), own_shard);
    if (streams_forward(call, value_with(call->arena, input, STR("StreamArn"), stream.own), &output, err))
        return -1;
    service_answer(
        call, "ShardIterator", iterator_text_of(call->arena, arn, value_gets(output, "ShardIterator")));
    return 0;
}

static const struct value *shown_records(
    struct service_call *call, const struct open_stream *stream, const struct value *records)
{
    AUTO_BUILDER struct value_builder b = VALUE_BUILDER(call->arena);
    struct str view = value_gets(value_getz(stream->table, "StreamSpecification"), "StreamViewType");
    for (uint32_t i = 0; records && i < records->count; i++) {
        const struct value *record = item_record(call->arena, records->items[i], view);
        if (record)
            value_builder_add(&b,
                value_with(call->arena, record, STR("awsRegion"), value_string(call->arena, call->region)));
    }
    return value_builder_list(&b);
}

static int get_records(struct service_call *call, struct err *err)
{
    const struct value *output;
    struct arena *arena = call->arena;
    struct open_stream stream;
    struct str text = value_gets(call->input, "ShardIterator"), rest, next;
    struct str arn = str_cut(text, '|', &rest);
    str_cut(rest.p ? rest : STR_EMPTY, '|', &rest);
    if (!rest.p)
        return service_refuse(err, 400, "ValidationException", "Invalid ShardIterator");
    if (open_stream(call, arn, &stream, err) ||
        streams_forward(call, value_with(arena, call->input, STR("ShardIterator"), value_string(arena, rest)),
            &output, err))
        return -1;
    output = value_with(
        arena, output, STR("Records"), shown_records(call, &stream, value_getz(output, "Records")));
    next = value_gets(output, "NextShardIterator");
    call->output = value_with(
        arena, output, STR("NextShardIterator"), next.n ? iterator_text_of(arena, arn, next) : NULL);
    return 0;
}

/* ---- listing ---- */

/* Orders by stream ARN, which pages continue from: a/stream comes after a-b/stream. */
static int by_stream(const void *a, const void *b)
{
    const struct control_record *x = a, *y = b;
    return str_cmp(value_gets(x->attrs, "stream_arn"), value_gets(y->attrs, "stream_arn"));
}

static const struct value *stream_view(struct arena *arena, const struct control_record *table)
{
    struct value_builder b = VALUE_BUILDER(arena);
    struct str arn = value_gets(table->attrs, "stream_arn");
    view_text(&b, "StreamArn", arn);
    view_text(&b, "StreamLabel", str_last_part(arn, "/"));
    view_text(&b, "TableName", table->id);
    return value_builder_map(&b);
}

static int list_streams(struct service_call *call, struct err *err UNUSED)
{
    struct arena *arena = call->arena;
    struct str table = value_gets(call->input, "TableName"),
               after = value_gets(call->input, "ExclusiveStartStreamArn");
    int64_t most = service_int_within(call->input, "Limit", 100, 1, 100);
    AUTO_BUILDER struct value_builder list = VALUE_BUILDER(arena);
    size_t n;
    struct control_record *tables = service_list(call, STR("aws.dynamodb.table"), &n);
    qsort(tables, n, sizeof *tables, by_stream);
    for (size_t i = 0; i < n; i++) {
        struct str arn = value_gets(tables[i].attrs, "stream_arn");
        bool asked = !table.n || str_eq(item_table_name(table), tables[i].id);
        if (!arn.n || !asked || (after.n && str_cmp(arn, after) <= 0))
            continue;
        if ((int64_t)list.n == most) {
            service_answer(
                call, "LastEvaluatedStreamArn", value_getz(list.entries[list.n - 1].value, "StreamArn"));
            break;
        }
        value_builder_add(&list, stream_view(arena, &tables[i]));
    }
    service_answer(call, "Streams", value_builder_list(&list));
    return 0;
}

const struct service_operation dynamodb_stream_operations[] = {
    {"dynamodb", "ListStreams", list_streams},
    {"dynamodb", "DescribeStream", describe_stream},
    {"dynamodb", "GetShardIterator", get_iterator},
    {"dynamodb", "GetRecords", get_records},
    {0},
};
