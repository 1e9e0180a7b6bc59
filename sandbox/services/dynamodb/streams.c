/*
 * Streams of DynamoDB: the engine keeps their records. A stream's ARN is the record's here; an iterator
 * begins with it, as DynamoDB's do, so that whoever brings one is asked for his permission to read that
 * stream.
 */
#include "sandbox/services/dynamodb/items.h"

#include "sandbox/engine/view.h"

#include <stdlib.h>

static int no_stream(struct str arn, struct err *err)
{
    return service_refuse(err, 400, "ResourceNotFoundException",
        "Requested resource not found: Stream: %.*s not found", STR_ARG(arn));
}

/* The engine's own ARN of this stream. */
static int open_stream(struct service_call *call, struct str arn, const struct value **own, struct err *err)
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
    if (item_table(call->services, arena, call->region, name, &table, &absent)) {
        if (absent.class == ERR_SERVICE)
            return no_stream(arn, err);
        *err = absent;
        return -1;
    }
    if (!str_eq(value_gets(table, "LatestStreamArn"), arn))
        return no_stream(arn, err);
    struct item_call engine = {.services = call->services,
        .arena = arena,
        .region = call->region,
        .target = ITEM_TARGET,
        .operation = STR("DescribeTable"),
        .input = value_with(arena, NULL, STR("TableName"), value_string(arena, name))};
    if (item_engine_call(&engine, err))
        return -1;
    *own = value_getz(value_getz(engine.output, "Table"), "LatestStreamArn");
    return 0;
}

static int streams_forward(
    struct service_call *call, const struct value *input, const struct value **out, struct err *err)
{
    struct item_call engine = {.services = call->services,
        .arena = call->arena,
        .region = call->region,
        .target = STREAM_TARGET,
        .operation = str_z(call->operation->name),
        .input = input};
    int status = item_engine_call(&engine, err);
    *out = engine.output;
    return status;
}

static const struct value *iterator_text_of(struct arena *arena, struct str arn, struct str own)
{
    return value_string(arena, arena_printf(arena, "%.*s|1|%.*s", STR_ARG(arn), STR_ARG(own)));
}

/* Names of shards are longer on AWS, and clients refuse shorter ones. */
#define SHARD_LONG "shardId-000000000000"
static const struct str shard_short = STR_INIT("shardId-"), shard_long = STR_INIT(SHARD_LONG);

static const struct value *shard_name(struct arena *arena, struct str name, struct str from, struct str to)
{
    struct str rest = str_starts(name, from) ? str_slice(name, from.n, name.n) : STR_EMPTY;
    return rest.n ? value_string(arena, arena_printf(arena, "%.*s%.*s", STR_ARG(to), STR_ARG(rest)))
                  : value_string(arena, name);
}

/* Those of a stream that is on are open, whatever the engine says of their end. */
static const struct value *stream_shards(struct arena *arena, const struct value *stream)
{
    AUTO_BUILDER struct value_builder b = VALUE_BUILDER(arena);
    const struct value *list = value_getz(stream, "Shards");
    bool open = str_eqz(value_gets(stream, "StreamStatus"), "ENABLED");
    for (uint32_t i = 0; list && i < list->count; i++) {
        const struct value *shard = list->items[i], *range = value_getz(shard, "SequenceNumberRange");
        struct str id = value_gets(shard, "ShardId");
        shard = value_with(arena, shard, STR("ShardId"), shard_name(arena, id, shard_short, shard_long));
        if (open && range)
            shard = value_with(arena, shard, STR("SequenceNumberRange"),
                value_with(arena, range, STR("EndingSequenceNumber"), NULL));
        value_builder_add(&b, shard);
    }
    return value_builder_list(&b);
}

static int describe_stream(struct service_call *call, struct err *err)
{
    const struct value *own, *output;
    struct arena *arena = call->arena;
    struct str arn;
    if (service_required(call, "StreamArn", &arn, err) || open_stream(call, arn, &own, err) ||
        streams_forward(call, value_with(arena, call->input, STR("StreamArn"), own), &output, err))
        return -1;
    const struct value *stream = value_getz(output, "StreamDescription");
    stream = value_with(arena, stream, STR("Shards"), stream_shards(arena, stream));
    stream = value_with(arena, stream, STR("StreamArn"), value_string(arena, arn));
    stream = value_with(arena, stream, STR("StreamLabel"),
        value_string(arena, str_slice(arn, str_after_last(arn, "/"), arn.n)));
    call->output = value_with(arena, NULL, STR("StreamDescription"), stream);
    return 0;
}

static int get_iterator(struct service_call *call, struct err *err)
{
    const struct value *own, *output;
    struct str arn, shard;
    if (service_required(call, "StreamArn", &arn, err) || service_required(call, "ShardId", &shard, err) ||
        open_stream(call, arn, &own, err))
        return -1;
    const struct value *input = value_with(
        call->arena, call->input, STR("ShardId"), shard_name(call->arena, shard, shard_long, shard_short));
    if (streams_forward(call, value_with(call->arena, input, STR("StreamArn"), own), &output, err))
        return -1;
    call->output = value_with(call->arena, NULL, STR("ShardIterator"),
        iterator_text_of(call->arena, arn, value_gets(output, "ShardIterator")));
    return 0;
}

static const struct value *in_region(struct arena *arena, const struct value *records, struct str region)
{
    AUTO_BUILDER struct value_builder b = VALUE_BUILDER(arena);
    for (uint32_t i = 0; records && i < records->count; i++)
        value_builder_add(
            &b, value_with(arena, records->items[i], STR("awsRegion"), value_string(arena, region)));
    return value_builder_list(&b);
}

static int get_records(struct service_call *call, struct err *err)
{
    const struct value *own, *output;
    struct arena *arena = call->arena;
    struct str text, rest, next;
    if (service_required(call, "ShardIterator", &text, err))
        return -1;
    struct str arn = str_cut(text, '|', &rest);
    str_cut(rest.p ? rest : STR_EMPTY, '|', &rest);
    if (!rest.p)
        return service_refuse(err, 400, "ValidationException", "Invalid ShardIterator");
    if (open_stream(call, arn, &own, err) ||
        streams_forward(call, value_with(arena, call->input, STR("ShardIterator"), value_string(arena, rest)),
            &output, err))
        return -1;
    output = value_with(
        arena, output, STR("Records"), in_region(arena, value_getz(output, "Records"), call->region));
    next = value_gets(output, "NextShardIterator");
    call->output = value_with(
        arena, output, STR("NextShardIterator"), next.n ? iterator_text_of(arena, arn, next) : NULL);
    return 0;
}

/* ---- which there are ---- */

static int by_name(const void *a, const void *b)
{
    const struct control_record *x = a, *y = b;
    return str_cmp(x->id, y->id);
}

static const struct value *stream_view(struct arena *arena, const struct control_record *table)
{
    struct value_builder b = VALUE_BUILDER(arena);
    struct str arn = value_gets(table->attrs, "stream_arn");
    view_text(&b, "StreamArn", arn);
    view_text(&b, "StreamLabel", str_slice(arn, str_after_last(arn, "/"), arn.n));
    view_text(&b, "TableName", table->id);
    return value_builder_map(&b);
}

static int list_streams(struct service_call *call, struct err *err)
{
    struct arena *arena = call->arena;
    struct str table = value_gets(call->input, "TableName"),
               after = value_gets(call->input, "ExclusiveStartStreamArn");
    int64_t most = service_int_within(call->input, "Limit", 100, 1, 100);
    AUTO_BUILDER struct value_builder list = VALUE_BUILDER(arena);
    size_t n;
    (void)err;
    struct control_record *tables =
        control_list(services_control(call->services), arena, STR("aws.dynamodb.table"), call->region, &n);
    qsort(tables, n, sizeof *tables, by_name);
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
    {"dynamodb", "ListStreams", list_streams, NULL, NULL},
    {"dynamodb", "DescribeStream", describe_stream, NULL, NULL},
    {"dynamodb", "GetShardIterator", get_iterator, NULL, NULL},
    {"dynamodb", "GetRecords", get_records, NULL, NULL},
    {0},
};
