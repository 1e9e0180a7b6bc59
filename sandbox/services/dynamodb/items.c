/*
 * Operations on items: which tables a request is about, may the caller, and the engine's answer. What it asks
 * for several tables at once is permitted for each, which operations.txt leaves to here ("-").
 */
#include "sandbox/services/dynamodb/items.h"

#include <ctype.h>
#include <string.h>

/* ---- what a request needs ---- */

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

/* May the caller do this to the table (NULL: that has been asked), and does the engine have it? */
static int open_table(struct service_call *call, const char *action, struct str table, struct err *err)
{
    const struct value *description;
    const struct item_scope scope = item_scope_of(call);
    struct str name = item_table_name(table);
    if (action && may_use(call, action, name, err))
        return -1;
    return item_table(&scope, name, &description, err);
}

/* Names only: the engine knows no ARNs of this account's. */
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

/* ---- one table ---- */

static int one_table(struct service_call *call, struct err *err)
{
    struct str table;
    if (service_required(call, "TableName", &table, err) || open_table(call, NULL, table, err))
        return -1;
    return items_forward(call, with_name(call->arena, call->input, table), err);
}

/* ---- several ---- */

/* BatchGetItem, BatchWriteItem: RequestItems by the tables' names. */
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

/* TransactGetItems, TransactWriteItems: a list of {Put: {TableName, …}} and the like. */
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

/* A word, or what stands between quotes; other signs are nothing. */
struct partiql_word {
    struct str text;
    char quote; /* 0: a word, which may be a keyword; else a name ("), or a value (', `) */
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

/* SELECT … FROM "table", INSERT INTO, UPDATE, DELETE FROM. "" where none is named. */
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
    return call->caller /* what is not understood here cannot be permitted; else the engine says what is wrong
                         */
               ? service_refuse(
                     err, 400, "ValidationException", "Statement wasn't well formed, can't be processed")
               : 0;
}

/* ExecuteStatement; BatchExecuteStatement and ExecuteTransaction have lists of them. */
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
    {"dynamodb", "GetItem", one_table, NULL, NULL},
    {"dynamodb", "PutItem", one_table, NULL, NULL},
    {"dynamodb", "UpdateItem", one_table, NULL, NULL},
    {"dynamodb", "DeleteItem", one_table, NULL, NULL},
    {"dynamodb", "Query", one_table, NULL, NULL},
    {"dynamodb", "Scan", one_table, NULL, NULL},
    {"dynamodb", "BatchGetItem", item_batch, NULL, NULL},
    {"dynamodb", "BatchWriteItem", item_batch, NULL, NULL},
    {"dynamodb", "TransactGetItems", item_transaction, NULL, NULL},
    {"dynamodb", "TransactWriteItems", item_transaction, NULL, NULL},
    {"dynamodb", "ExecuteStatement", partiql, NULL, NULL},
    {"dynamodb", "BatchExecuteStatement", partiql, NULL, NULL},
    {"dynamodb", "ExecuteTransaction", partiql, NULL, NULL},
    {0},
};
