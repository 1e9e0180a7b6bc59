/*
 * Operations on items: finds the tables of a request, authorizes each, and forwards to the engine. Requests
 * for several tables have "-" in operations.txt, since the gate cannot authorize them.
 */
#include "sandbox/services/dynamodb/items.h"

#include "base/hash.h"
#include "sandbox/services/shared/tables.h"

#include <ctype.h>

/* ---- Stream records as DynamoDB shows them. The engine's have both images, whatever the table's view
 * type. */

enum { COLLECTION_BYTES = 3 /* of a list or map, plus one for each entry */ };

static size_t value_bytes(struct arena *arena, const struct value *typed);

/* Returns a number's size: two digits per byte, and one byte more. */
static size_t number_bytes(struct str text)
{
    size_t digits = 0;
    for (size_t i = 0; i < text.n && text.p[i] != 'e' && text.p[i] != 'E'; i++)
        digits += text.p[i] >= '0' && text.p[i] <= '9';
    return (digits + 1) / 2 + 1;
}

static size_t binary_bytes(struct arena *arena, struct str text)
{
    struct str plain;
    return base64_decode(arena, text, &plain) ? plain.n : text.n;
}

static size_t scalar_bytes(struct arena *arena, char type, const struct value *v)
{
    struct str text = value_text(v, STR_EMPTY);
    return type == 'N' ? number_bytes(text) : type == 'B' ? binary_bytes(arena, text) : text.n;
}

/* Returns the size of an item or map: its names and values. */
static size_t item_bytes(struct arena *arena, const struct value *item)
{
    size_t n = 0;
    for (uint32_t i = 0; item && item->kind == VALUE_MAP && i < item->count; i++)
        n += item->entries[i].key.n + value_bytes(arena, item->entries[i].value);
    return n;
}

/* Returns the size of a typed value, {"S": "text"}, by DynamoDB's guide, "item sizes and formats". */
static size_t value_bytes(struct arena *arena, const struct value *typed)
{
    if (typed->kind != VALUE_MAP || typed->count != 1)
        return 0;
    struct str type = typed->entries[0].key;
    const struct value *v = typed->entries[0].value;
    size_t n = 0;
    if (str_eqz(type, "M"))
        return COLLECTION_BYTES + v->count + item_bytes(arena, v);
    if (str_eqz(type, "L"))
        n = COLLECTION_BYTES + v->count;
    else if (type.n == 1)
        return scalar_bytes(arena, type.p[0], v);
    else if (type.n != 2) /* one letter: a scalar; two: a set (SS, NS, BS); else NULL or BOOL */
        return 1;
    for (uint32_t i = 0; v->kind == VALUE_LIST && i < v->count; i++)
        n += type.n == 1 ? value_bytes(arena, v->items[i]) : scalar_bytes(arena, type.p[0], v->items[i]);
    return n;
}

const struct value *item_record(struct arena *arena, const struct value *record, struct str view)
{
    const struct value *change = value_getz(record, "dynamodb"), *before = value_getz(change, "OldImage"),
                       *after = value_getz(change, "NewImage");
    if (before && after && value_equal(before, after))
        return NULL;
    if (!str_eqz(view, "OLD_IMAGE") && !str_eqz(view, "NEW_AND_OLD_IMAGES"))
        before = NULL;
    if (!str_eqz(view, "NEW_IMAGE") && !str_eqz(view, "NEW_AND_OLD_IMAGES"))
        after = NULL;
    size_t bytes =
        item_bytes(arena, value_getz(change, "Keys")) + item_bytes(arena, before) + item_bytes(arena, after);
    change = value_with(arena, change, STR("OldImage"), before);
    change = value_with(arena, change, STR("NewImage"), after);
    change = value_with(arena, change, STR("SizeBytes"), value_int(arena, (int64_t)bytes));
    change = value_with(arena, change, STR("StreamViewType"), value_string(arena, view));
    return value_with(arena, record, STR("dynamodb"), change);
}

/* ---- Additions to the control plane's view of tables: warm throughput, ARNs of indexes, and the whole table
 * after a change. */

static bool is_on_demand(const struct value *table)
{
    return str_eqz(value_gets(value_getz(table, "BillingModeSummary"), "BillingMode"), "PAY_PER_REQUEST");
}

/* Returns the warm throughput of a table or index: as configured, or derived from its capacity. */
static const struct value *warm_throughput(
    struct arena *arena, const struct value *of, bool on_demand, const struct value *given)
{
    const struct value *capacity = value_getz(of, "ProvisionedThroughput");
    int64_t reads = on_demand ? 12000 : value_geti(capacity, "ReadCapacityUnits", 0),
            writes = on_demand ? 4000 : value_geti(capacity, "WriteCapacityUnits", 0);
    return VALUE_MAP(arena,
        {STR("ReadUnitsPerSecond"), value_int(arena, value_geti(given, "ReadUnitsPerSecond", reads))},
        {STR("WriteUnitsPerSecond"), value_int(arena, value_geti(given, "WriteUnitsPerSecond", writes))},
        {STR("Status"), value_stringz(arena, "ACTIVE")});
}

static const struct value *shown_index(
    struct arena *arena, const struct value *table, const struct value *index, bool global, bool described)
{
    struct str arn = arena_printf(arena, "%.*s/index/%.*s", STR_ARG(value_gets(table, "TableArn")),
        STR_ARG(value_gets(index, "IndexName")));
    index = value_with(arena, index, STR("IndexArn"), value_string(arena, arn));
    return global && described ? value_with(arena, index, STR("WarmThroughput"),
                                     warm_throughput(arena, index, is_on_demand(table), NULL))
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
        given = warm_throughput(arena, table, is_on_demand(table), given);
    else if (given)
        given = value_with(arena, given, STR("Status"), value_stringz(arena, "UPDATING"));
    if (billing && service_is(call, "CreateTable"))
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

/* UpdateTable reports the whole table, also for a change of one setting. */
static int change_table(struct service_call *call, struct err *err)
{
    const struct value *described;
    if (service_control_same(call, err))
        return -1;
    const struct value *table = value_getz(call->output, "TableDescription");
    bool update = service_is(call, "UpdateTable");
    if (update) {
        const struct value *name =
            value_with(call->arena, NULL, STR("TableName"), value_getz(call->input, "TableName"));
        if (service_control(call, "DescribeTable", name, &described, err))
            return -1;
        table = value_getz(described, "Table");
    }
    call->output =
        value_with(call->arena, call->output, STR("TableDescription"), shown_table(call, table, update));
    return 0;
}

/* ---- Kinesis streaming destinations ---- */

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
    service_answer_text(call, "TableName", name);
    service_answer_text(call, "StreamArn", stream);
    service_answer(call, "DestinationStatus", value_stringz(call->arena, "UPDATING"));
    service_answer(call, "UpdateKinesisStreamingConfiguration", given);
    return 0;
}

const struct service_operation dynamodb_shown_operations[] = {{"dynamodb", "CreateTable", change_table},
    {"dynamodb", "UpdateTable", change_table}, {"dynamodb", "DescribeTable", describe_table},
    {"dynamodb", "UpdateKinesisStreamingDestination", update_destination}, {0}};

/* ---- tables of a request ---- */

static int may_use(const struct service_call *call, const char *action, struct str table, struct err *err)
{
    struct arena *arena = call->arena;
    struct str account = services_account(call->services);
    const struct gate_action asked = {.who = {.session = call->caller},
        .service = STR("dynamodb"),
        .action = arena_printf(arena, "dynamodb:%s", action),
        .resource = arena_printf(arena, "arn:aws:dynamodb:%.*s:%.*s:table/%.*s", STR_ARG(call->region),
            STR_ARG(account), STR_ARG(table)),
        .region = call->region};
    return call->caller
               ? gate_check_action(sandbox_gate(services_sandbox(call->services)), arena, &asked, err)
               : 0;
}

/* Authorizes the action (NULL: already done by the gate) and makes sure that the engine has the table. */
static int open_table(struct service_call *call, const char *action, struct str table, struct err *err)
{
    const struct value *description;
    const struct item_scope scope = item_scope_of(call);
    struct str name = item_table_name(table);
    if (action && may_use(call, action, name, err))
        return -1;
    return item_table(&scope, name, &description, err);
}

/* Sets TableName to the plain name: the engine does not know this account's ARNs. */
static const struct value *with_name(struct arena *arena, const struct value *map, struct str table)
{
    return value_with(arena, map, STR("TableName"), value_string(arena, item_table_name(table)));
}

static int items_forward(struct service_call *call, const struct value *input, struct err *err)
{
    const struct item_scope scope = item_scope_of(call);
    const struct value *output = NULL;
    int status = item_engine_call(&scope, call->operation->name, input, &output, err);
    *(status ? &call->refusal : &call->output) = output;
    return status;
}

/* ---- operations on one table ---- */

static int one_table(struct service_call *call, struct err *err)
{
    struct str table = value_gets(call->input, "TableName");
    if (open_table(call, NULL, table, err))
        return -1;
    return items_forward(call, with_name(call->arena, call->input, table), err);
}

/* ---- operations on several tables ---- */

/* BatchGetItem and BatchWriteItem: RequestItems is keyed by table. */
static int item_batch(struct service_call *call, struct err *err)
{
    const struct value *items = value_getz(call->input, "RequestItems");
    AUTO_BUILDER struct value_builder named = VALUE_BUILDER(call->arena);
    for (uint32_t i = 0; items && items->kind == VALUE_MAP && i < items->count; i++) {
        if (open_table(call, call->operation->name, items->entries[i].key, err))
            return -1;
        value_builder_set(&named, item_table_name(items->entries[i].key), items->entries[i].value);
    }
    return items_forward(call,
        value_with(
            call->arena, call->input, STR("RequestItems"), named.n ? value_builder_map(&named) : items),
        err);
}

/* TransactGetItems and TransactWriteItems: items are {Put: {TableName, …}} and the like. */
static const struct value *transaction_item(
    struct service_call *call, const struct value *item, struct err *err)
{
    static const struct {
        const char *member, *action;
    } kinds[] = {{"Get", "GetItem"}, {"Put", "PutItem"}, {"Update", "UpdateItem"}, {"Delete", "DeleteItem"},
        {"ConditionCheck", "ConditionCheckItem"}};
    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++) {
        const struct value *of = value_getz(item, kinds[i].member);
        struct str table = value_gets(of, "TableName");
        if (!table.n)
            continue;
        if (open_table(call, kinds[i].action, table, err))
            return NULL;
        item = value_with(call->arena, item, str_z(kinds[i].member), with_name(call->arena, of, table));
    }
    return item;
}

static int item_transaction(struct service_call *call, struct err *err)
{
    const struct value *items = value_getz(call->input, "TransactItems");
    AUTO_BUILDER struct value_builder named = VALUE_BUILDER(call->arena);
    for (uint32_t i = 0; items && items->kind == VALUE_LIST && i < items->count; i++) {
        const struct value *item = transaction_item(call, items->items[i], err);
        if (!item)
            return -1;
        value_builder_add(&named, item);
    }
    return items_forward(call,
        value_with(
            call->arena, call->input, STR("TransactItems"), named.n ? value_builder_list(&named) : items),
        err);
}

/* ---- PartiQL ---- */

/* A word or a quoted text; other characters are skipped. */
struct partiql_word {
    struct str text;
    char quote; /* 0: a word, perhaps a keyword; ": a name; ' or `: a value */
};

static struct partiql_word next_word(struct str *rest)
{
    size_t at = 0, end;
    while (at < rest->n && !isalnum((unsigned char)rest->p[at]) && !strchr("_\"'`", rest->p[at]))
        at++;
    char quote = at < rest->n && strchr("\"'`", rest->p[at]) ? rest->p[at] : 0;
    for (end = at += quote != 0; end < rest->n; end++)
        if (quote ? rest->p[end] == quote
                  : !isalnum((unsigned char)rest->p[end]) && !strchr("_-.", rest->p[end]))
            break;
    const struct partiql_word word = {str_slice(*rest, at, end), quote};
    *rest = str_slice(*rest, end + (quote && end < rest->n), rest->n);
    return word;
}

static bool is_keyword(struct partiql_word word, const char *name)
{
    return !word.quote && word.text.n == strlen(name) && !strncasecmp(word.text.p, name, word.text.n);
}

/* Returns the table of SELECT … FROM "table", INSERT INTO, UPDATE or DELETE FROM; "": none found. */
static struct str statement_table(struct str rest, const char **action)
{
    struct partiql_word word = next_word(&rest);
    *action = is_keyword(word, "INSERT")   ? "PartiQLInsert"
              : is_keyword(word, "UPDATE") ? "PartiQLUpdate"
              : is_keyword(word, "DELETE") ? "PartiQLDelete"
                                           : "PartiQLSelect";
    while (rest.n && !is_keyword(word, "FROM") && !is_keyword(word, "INTO") && !is_keyword(word, "UPDATE"))
        word = next_word(&rest);
    return rest.n ? next_word(&rest).text : STR_EMPTY;
}

static int open_statement(struct service_call *call, const struct value *of, struct err *err)
{
    const char *action;
    struct str table = statement_table(value_gets(of, "Statement"), &action);
    if (table.n)
        return open_table(call, action, table, err);
    return call->caller /* without a table nothing can be authorized; the account's own user gets the engine's
                           error */
               ? service_refuse(
                     err, 400, "ValidationException", "Statement wasn't well formed, can't be processed")
               : 0;
}

/* ExecuteStatement has one statement, BatchExecuteStatement and ExecuteTransaction have lists. */
static int partiql(struct service_call *call, struct err *err)
{
    static const char *const lists[] = {"Statements", "TransactStatements"};
    if (value_getz(call->input, "Statement") && open_statement(call, call->input, err))
        return -1;
    for (size_t l = 0; l < sizeof lists / sizeof *lists; l++) {
        const struct value *list = value_as_list(value_getz(call->input, lists[l]));
        for (uint32_t i = 0; list && i < list->count; i++)
            if (open_statement(call, list->items[i], err))
                return -1;
    }
    return items_forward(call, call->input, err);
}

const struct service_operation dynamodb_operations[] = {
    {"dynamodb", "GetItem", one_table},
    {"dynamodb", "PutItem", one_table},
    {"dynamodb", "UpdateItem", one_table},
    {"dynamodb", "DeleteItem", one_table},
    {"dynamodb", "Query", one_table},
    {"dynamodb", "Scan", one_table},
    {"dynamodb", "BatchGetItem", item_batch},
    {"dynamodb", "BatchWriteItem", item_batch},
    {"dynamodb", "TransactGetItems", item_transaction},
    {"dynamodb", "TransactWriteItems", item_transaction},
    {"dynamodb", "ExecuteStatement", partiql},
    {"dynamodb", "BatchExecuteStatement", partiql},
    {"dynamodb", "ExecuteTransaction", partiql},
    {0},
};
