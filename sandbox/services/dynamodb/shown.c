/*
 * What tables are shown with beside their records: capacity that is warm, ARNs of indexes, and the whole
 * table after a change of one setting of it.
 */
#include "sandbox/services/shared/tables.h"

/* Of a table or an index: what was asked for, or what its capacity comes to. */
static const struct value *warm_throughput(
    struct arena *arena, const struct value *of, bool on_demand, const struct value *given)
{
    const struct value *capacity = value_getz(of, "ProvisionedThroughput");
    int64_t reads = on_demand ? 12000 : value_geti(capacity, "ReadCapacityUnits", 0),
            writes = on_demand ? 4000 : value_geti(capacity, "WriteCapacityUnits", 0);
    const struct value_entry entries[] = {
        {STR("ReadUnitsPerSecond"), value_int(arena, value_geti(given, "ReadUnitsPerSecond", reads))},
        {STR("WriteUnitsPerSecond"), value_int(arena, value_geti(given, "WriteUnitsPerSecond", writes))},
        {STR("Status"), value_stringz(arena, "ACTIVE")}};
    return value_map(arena, entries, sizeof entries / sizeof *entries);
}

static const struct value *shown_index(
    struct arena *arena, const struct value *table, const struct value *index, bool global, bool described)
{
    bool on_demand = value_getz(table, "BillingModeSummary") != NULL;
    struct str arn = arena_printf(arena, "%.*s/index/%.*s", STR_ARG(value_gets(table, "TableArn")),
        STR_ARG(value_gets(index, "IndexName")));
    index = value_with(arena, index, STR("IndexArn"), value_string(arena, arn));
    return global && described ? value_with(arena, index, STR("WarmThroughput"),
                                     warm_throughput(arena, index, on_demand, NULL))
                               : index;
}

static const struct value *shown_indexes(
    struct arena *arena, const struct value *table, const char *kind, bool described)
{
    AUTO_BUILDER struct value_builder b = VALUE_BUILDER(arena);
    const struct value *indexes = value_getz(table, kind);
    for (uint32_t i = 0; indexes && i < indexes->count; i++)
        value_builder_add(&b,
            shown_index(arena, table, indexes->items[i], str_starts(str_z(kind), STR("Global")), described));
    return indexes ? value_with(arena, table, str_z(kind), value_builder_list(&b)) : table;
}

static const struct value *shown_table(
    const struct service_call *call, const struct value *table, bool described)
{
    struct arena *arena = call->arena;
    const struct value *given = value_getz(table, "WarmThroughput"),
                       *billing = value_getz(table, "BillingModeSummary");
    if (described)
        given = warm_throughput(arena, table, billing != NULL, given);
    else if (given)
        given = value_with(arena, given, STR("Status"), value_stringz(arena, "UPDATING"));
    if (billing && str_eqz(str_z(call->operation->name), "CreateTable"))
        table = value_with(arena, table, STR("BillingModeSummary"),
            value_with(arena, billing, STR("LastUpdateToPayPerRequestDateTime"), NULL));
    table = value_with(arena, table, STR("WarmThroughput"), given);
    table = shown_indexes(arena, table, "GlobalSecondaryIndexes", described);
    return shown_indexes(arena, table, "LocalSecondaryIndexes", described);
}

static int describe_table(struct service_call *call, struct err *err)
{
    if (service_control_same(call, err))
        return -1;
    call->output = value_with(
        call->arena, call->output, STR("Table"), shown_table(call, value_getz(call->output, "Table"), true));
    return 0;
}

/* A change of one setting is answered with the table, too. */
static int change_table(struct service_call *call, struct err *err)
{
    const struct value *described;
    if (service_control_same(call, err))
        return -1;
    const struct value *table = value_getz(call->output, "TableDescription");
    if (str_eqz(str_z(call->operation->name), "UpdateTable")) {
        const struct value *name =
            value_with(call->arena, NULL, STR("TableName"), value_getz(call->input, "TableName"));
        if (service_control(call, "DescribeTable", name, &described, err))
            return -1;
        table = value_getz(described, "Table");
    }
    call->output =
        value_with(call->arena, call->output, STR("TableDescription"), shown_table(call, table, false));
    return 0;
}

/* ---- where a table's changes go to ---- */

static int no_destination(struct err *err, struct str stream, struct str table)
{
    return service_refuse(err, 400, "ValidationException",
        "Table is not in a valid state to enable Kinesis Streaming Destination: No streaming destination "
        "with "
        "streamArn: %.*s found for table with tableName: %.*s",
        STR_ARG(stream), STR_ARG(table));
}

static int update_destination(struct service_call *call, struct err *err)
{
    struct control_record destination, table;
    const struct value *given = value_getz(call->input, "UpdateKinesisStreamingConfiguration");
    const struct value *precision = value_getz(given, "ApproximateCreationDateTimePrecision");
    struct str name = value_gets(call->input, "TableName"), stream = value_gets(call->input, "StreamArn");
    if (value_is_null(precision))
        return service_refuse(err, 400, "ValidationException",
            "Streaming destination cannot be updated with given parameters: "
            "UpdateKinesisStreamingConfiguration cannot be null or contain only null values");
    struct str id = arena_printf(call->arena, "%.*s/%.*s", STR_ARG(name), STR_ARG(stream));
    if (!service_find(call, STR("aws.dynamodb.table"), name, &table) ||
        !service_find(call, STR("aws.dynamodb.streaming_destination"), id, &destination))
        return no_destination(err, stream, name);
    if (value_equal(precision, value_getz(destination.attrs, "precision")))
        return service_refuse(err, 400, "ValidationException",
            "Invalid Request: Precision is already set to the desired value of %.*s for tableId: %.*s, "
            "kdsArn: "
            "%.*s",
            STR_ARG(precision->string), STR_ARG(value_gets(table.attrs, "table_id")), STR_ARG(stream));
    control_set(services_control(call->services), STR("aws.dynamodb.streaming_destination"), &destination,
        "precision", precision);
    service_answer(call, "TableName", value_string(call->arena, name));
    service_answer(call, "StreamArn", value_string(call->arena, stream));
    service_answer(call, "DestinationStatus", value_stringz(call->arena, "UPDATING"));
    service_answer(call, "UpdateKinesisStreamingConfiguration", given);
    return 0;
}

const struct service_operation dynamodb_shown_operations[] = {
    {"dynamodb", "CreateTable", change_table, NULL, NULL},
    {"dynamodb", "UpdateTable", change_table, NULL, NULL},
    {"dynamodb", "DescribeTable", describe_table, NULL, NULL},
    {"dynamodb", "UpdateKinesisStreamingDestination", update_destination, NULL, NULL}, {0}};
