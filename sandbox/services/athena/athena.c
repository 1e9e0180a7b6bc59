/* Athena's statements. Queries run in python3 with DuckDB (python/weir_athena.py), and fail with a message
 * where it is missing; DDL does not need it. A result is written to S3, and as JSON beside the task's record
 * for GetQueryResults. */
#include "base/file.h"
#include "base/json.h"
#include "sandbox/engine/view.h"
#include "sandbox/engine/warm_worker.h"

#include <ctype.h>

/* ---- the data catalog: Glue's databases and tables under Athena's names; there is one catalog ---- */

#define CATALOG "AwsDataCatalog"

/* Calls Glue and returns one member of the response. Errors have Athena's codes. */
static int ask_glue(struct service_call *call, const char *operation, const struct value *input,
    const char *member, const struct value **out, struct err *err)
{
    struct err why = ERR_INIT;
    const struct value *output;
    const struct service_request request = {
        .service = STR("glue"), .operation = str_z(operation), .region = call->region, .input = input};
    if (!services_call(call->services, call->arena, &request, &output, &why)) {
        *out = value_getz(output, member);
        return 0;
    }
    bool absent = str_eqz(str_z(why.code), "EntityNotFoundException");
    return service_refuse(
        err, 400, absent ? "MetadataException" : "InvalidRequestException", "%s", why.message);
}

static int check_catalog(struct service_call *call, const char *member, struct err *err)
{
    struct str name = value_text(value_getz(call->input, member), STR(CATALOG));
    (void)value_getz(call->input, "WorkGroup"); /* matters only for catalogs of IAM Identity Center */
    if (str_ieq(name, STR(CATALOG)))
        return 0;
    return service_refuse(
        err, 400, "InvalidRequestException", "Data catalog %.*s was not found", STR_ARG(name));
}

static const struct value *view_database(struct arena *arena, const struct value *database)
{
    struct value_builder b = VALUE_BUILDER(arena);
    view_members(&b, database, "Name Description Parameters");
    return value_builder_map(&b);
}

static const struct value *view_columns(struct arena *arena, const struct value *columns)
{
    AUTO_BUILDER struct value_builder list = VALUE_BUILDER(arena);
    for (uint32_t i = 0; columns && i < columns->count; i++) {
        struct value_builder b = VALUE_BUILDER(arena);
        view_members(&b, columns->items[i], "Name Type Comment");
        value_builder_add(&list, value_builder_map(&b));
    }
    return value_builder_list(&list);
}

/* Returns the table's parameters; Athena adds location and formats to them. */
static const struct value *parameters_of(struct arena *arena, const struct value *table)
{
    static const struct {
        const char *glue, *athena;
    } names[] = {{"Location", "location"}, {"InputFormat", "inputformat"}, {"OutputFormat", "outputformat"}};
    const struct value *all = value_getz(table, "Parameters"),
                       *where = value_getz(table, "StorageDescriptor"),
                       *serde = value_getz(value_getz(where, "SerdeInfo"), "SerializationLibrary");
    all = all ? all : &value_empty_map;
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if (value_getz(where, names[i].glue))
            all = value_with(arena, all, str_z(names[i].athena), value_getz(where, names[i].glue));
    return serde ? value_with(arena, all, STR("serde.serialization.lib"), serde) : all;
}

static const struct value *view_table(struct arena *arena, const struct value *table)
{
    struct value_builder b = VALUE_BUILDER(arena);
    view_members(&b, table, "Name CreateTime LastAccessTime TableType");
    view_set(
        &b, "Columns", view_columns(arena, value_getz(value_getz(table, "StorageDescriptor"), "Columns")));
    view_set(&b, "PartitionKeys", view_columns(arena, value_getz(table, "PartitionKeys")));
    view_set(&b, "Parameters", parameters_of(arena, table));
    return value_builder_map(&b);
}

/* Answers the requested page of a list, with each item converted by `view`. */
static int show_page(struct service_call *call, const struct value *list, const char *member,
    const struct value *(*view)(struct arena *, const struct value *), struct err *err)
{
    struct value_builder shown = VALUE_BUILDER(call->arena);
    for (uint32_t i = 0; list && i < list->count; i++)
        value_builder_add(&shown, view(call->arena, list->items[i]));
    return service_answer_page(call, member, value_builder_list(&shown), 50, err);
}

static int list_databases(struct service_call *call, struct err *err)
{
    const struct value *list;
    return check_catalog(call, "CatalogName", err) ||
                   ask_glue(call, "GetDatabases", &value_empty_map, "DatabaseList", &list, err)
               ? -1
               : show_page(call, list, "DatabaseList", view_database, err);
}

static int get_database(struct service_call *call, struct err *err)
{
    struct str name = value_gets(call->input, "DatabaseName");
    const struct value *one;
    if (check_catalog(call, "CatalogName", err) ||
        ask_glue(call, "GetDatabase",
            value_with(call->arena, NULL, STR("Name"), value_string(call->arena, name)), "Database", &one,
            err))
        return -1;
    service_answer(call, "Database", view_database(call->arena, one));
    return 0;
}

static int list_tables(struct service_call *call, struct err *err)
{
    struct str name = value_gets(call->input, "DatabaseName");
    const struct value *list;
    if (check_catalog(call, "CatalogName", err))
        return -1;
    const struct value *input =
        value_with(call->arena, NULL, STR("DatabaseName"), value_string(call->arena, name));
    input = value_with(call->arena, input, STR("Expression"), value_getz(call->input, "Expression"));
    return ask_glue(call, "GetTables", input, "TableList", &list, err)
               ? -1
               : show_page(call, list, "TableMetadataList", view_table, err);
}

static int get_table(struct service_call *call, struct err *err)
{
    struct str database = value_gets(call->input, "DatabaseName"),
               name = value_gets(call->input, "TableName");
    const struct value *one;
    if (check_catalog(call, "CatalogName", err))
        return -1;
    const struct value *input =
        value_with(call->arena, NULL, STR("DatabaseName"), value_string(call->arena, database));
    input = value_with(call->arena, input, STR("Name"), value_string(call->arena, name));
    if (ask_glue(call, "GetTable", input, "Table", &one, err))
        return -1;
    service_answer(call, "TableMetadata", view_table(call->arena, one));
    return 0;
}

static int list_catalogs(struct service_call *call, struct err *err UNUSED)
{
    struct value_builder b = VALUE_BUILDER(call->arena);
    view_text(&b, "CatalogName", STR(CATALOG));
    view_text(&b, "Type", STR("GLUE"));
    view_text(&b, "Status", STR("CREATE_COMPLETE"));
    const struct value *one = value_builder_map(&b);
    call->output =
        value_with(call->arena, NULL, STR("DataCatalogsSummary"), value_list(call->arena, &one, 1));
    return 0;
}

static int get_catalog(struct service_call *call, struct err *err)
{
    struct str name = value_gets(call->input, "Name");
    struct value_builder b = VALUE_BUILDER(call->arena);
    if (check_catalog(call, "Name", err))
        return -1;
    view_text(&b, "Name", name);
    view_text(&b, "Type", STR("GLUE"));
    view_set(&b, "Parameters",
        value_with(call->arena, NULL, STR("catalog-id"),
            value_string(call->arena, services_account(call->services))));
    service_answer(call, "DataCatalog", value_builder_map(&b));
    return 0;
}

enum { MAX_ROWS = 1000, MAX_SHOWN = 50, NO_DUCKDB = 3, TIMEOUT_MS = 1800000 };
static const size_t MAX_RESULT = 64 * 1024 * 1024;

static const char no_duckdb[] =
    "the sandbox runs SQL where python3 has the package duckdb (pip install duckdb, or tools/setup jobs in a "
    "checkout of weir)";

/* ---- classifying statements ---- */

/* Returns the first word after any comments; *rest is what follows it. */
static struct str first_word(struct str query, struct str *rest)
{
    query = str_trim(query);
    while (str_starts(query, STR("--")) || str_starts(query, STR("/*"))) {
        bool line = query.p[0] == '-';
        ptrdiff_t end = line ? str_find_char(query, '\n', 0) : str_find(query, STR("*/"), 2);
        query = end < 0 ? STR_EMPTY : str_trim(str_slice(query, (size_t)end + (line ? 1 : 2), query.n));
    }
    size_t n = 0;
    while (n < query.n && isalpha((unsigned char)query.p[n]))
        n++;
    *rest = str_slice(query, n, query.n);
    return str_slice(query, 0, n);
}

/* Returns the statement type that Athena reports, by the first word. */
static struct str statement_type(struct str query)
{
    static const struct {
        const char *word, *type;
    } words[] = {{"create", "DDL"}, {"drop", "DDL"}, {"alter", "DDL"}, {"msck", "DDL"}, {"show", "UTILITY"},
        {"describe", "UTILITY"}, {"desc", "UTILITY"}, {"prepare", "DDL"}, {"deallocate", "DDL"}};
    struct str rest, word = first_word(query, &rest);
    for (size_t i = 0; i < sizeof words / sizeof *words; i++)
        if (str_ieq(word, str_z(words[i].word)))
            return str_z(words[i].type);
    return STR("DML");
}

/* True for statements that Athena runs on Hive, not Trino: DDL, except views and CREATE TABLE AS. */
static bool is_of_hive(struct str query)
{
    static const char *const verbs[] = {"alter", "msck", "show", "describe", "desc"};
    static const char *const resources[] = {"external", "database", "schema", "table"};
    struct str rest, word = first_word(query, &rest);
    for (size_t i = 0; i < sizeof verbs / sizeof *verbs; i++)
        if (str_ieq(word, str_z(verbs[i])))
            return true;
    bool drops = str_ieq(word, STR("drop")), makes = str_ieq(word, STR("create"));
    word = first_word(rest, &rest);
    for (size_t i = 0; (drops || makes) && i < sizeof resources / sizeof *resources; i++)
        if (str_ieq(word, str_z(resources[i])))
            return drops || !str_ieq(word, STR("table"));
    return false;
}

/* ---- running a query ---- */

static const struct task_kind kind;

/*
 * Hive reads the database `default` before any DDL, so a caller without glue:GetDatabase on it cannot run DDL
 * (Athena's guide, "Configure access to databases and tables in the AWS Glue Data Catalog").
 */
static int may_see_default(
    struct task *task, struct arena *arena, const struct session *caller, struct err *err)
{
    static const char *const about[] = {"catalog", "database/default"};
    const struct task_info *self = task_self(task);
    struct services *services = task_jobs(task);
    int status = 0;
    for (size_t i = 0; session_is_limited(caller) && !status && i < 2; i++) {
        const struct gate_action asked = {.who = {.session = caller},
            .service = STR("glue"),
            .action = STR("glue:GetDatabase"),
            .resource = arena_printf(arena, "arn:aws:glue:%.*s:%.*s:%s", STR_ARG(self->region),
                STR_ARG(services_account(services)), about[i]),
            .region = self->region};
        status = gate_check_action(sandbox_gate(services_sandbox(services)), arena, &asked, err);
    }
    return status;
}

static const struct value *athena_request(struct task *task, struct arena *arena)
{
    const struct task_info *self = task_self(task);
    const struct value *request = self->request;
    struct value_builder b = VALUE_BUILDER(arena);
    view_set(&b, "query", value_getz(request, "QueryString"));
    view_set(&b, "database", value_getz(value_getz(request, "QueryExecutionContext"), "Database"));
    view_members(&b, request, "parameters=ExecutionParameters output");
    view_text(&b, "workgroup", self->owner);
    view_text(&b, "result", task_result(task_jobs(task), arena, kind.name, self->region, self->id));
    return value_builder_map(&b);
}

static void athena_report_end(struct task *task, const struct warm_worker_answer *answer)
{
    if (answer->whole && answer->status == 0)
        task_end(task, ACTIVITY_SUCCEEDED, 0, "%s", "");
    else if (answer->whole && answer->status == NO_DUCKDB)
        task_end(task, ACTIVITY_FAILED, -1, "%s", no_duckdb);
    else if (answer->timed_out)
        task_end(task, ACTIVITY_FAILED, -1, "the query took longer than half an hour");
    else if (!task_over_limit(task, &answer->end))
        task_end(task, ACTIVITY_FAILED, -1, "%.*s",
            STR_ARG(answer->text.n ? answer->text : STR("what ran the query has ended")));
}

static void athena_work(struct task *task)
{
    AUTO_ARENA struct arena arena = ARENA_INIT;
    struct warm_worker_answer answer;
    struct err err = ERR_INIT;
    /* The query runs with its caller's permissions. */
    const struct session caller = session_of_value(value_getz(task_self(task)->request, "caller"));
    const struct warm_worker_options options = {.module = "weir_athena",
        .environment = {.region = task_self(task)->region, .as = &caller},
        .request = athena_request(task, &arena),
        .timeout_ms = TIMEOUT_MS};
    task_running(task);
    if (is_of_hive(value_gets(task_self(task)->request, "QueryString")) &&
        may_see_default(task, &arena, &caller, &err))
        task_end(task, ACTIVITY_FAILED, -1,
            "FAILED: Execution Error, return code 1 from org.apache.hadoop.hive.ql.exec.DDLTask. "
            "MetaException(message:%s (Service: AmazonDataCatalog; Status Code: 400; Error Code: %s))",
            err.message, err.code);
    else if (warm_worker_ask(task, &options, &arena, &answer, &err))
        task_end(task, ACTIVITY_FAILED, -1, "%s", err.message);
    else
        athena_report_end(task, &answer);
}

/* ---- views ---- */

/* Returns where a statement that writes rows lists the objects it wrote; "" for other statements. */
static struct str manifest_of(struct arena *arena, const struct task_info *info)
{
    struct str rest, output = value_gets(info->request, "output");
    struct str word = first_word(value_gets(info->request, "QueryString"), &rest);
    bool writes = str_ieq(word, STR("insert")) || str_ieq(word, STR("unload")) ||
                  (str_ieq(word, STR("create")) && str_ieq(first_word(rest, &rest), STR("table")));
    return writes && info->state == ACTIVITY_SUCCEEDED && output.n > 4
               ? arena_printf(arena, "%.*s-manifest.csv", (int)output.n - 4, output.p)
               : STR_EMPTY;
}

static const char *const states[] =
    ACTIVITY_NAMES("QUEUED", "QUEUED", "RUNNING", "RUNNING", "SUCCEEDED", "FAILED", "FAILED", "CANCELLED");

static const struct value *athena_view(const struct task_info *info, struct arena *arena)
{
    struct value_builder b = VALUE_BUILDER(arena), status = VALUE_BUILDER(arena),
                         place = VALUE_BUILDER(arena);
    struct value_builder statistics = VALUE_BUILDER(arena);
    const struct value *context = value_getz(info->request, "QueryExecutionContext");
    view_text(&status, "State", str_z(states[info->state]));
    view_text(&status, "StateChangeReason", info->message);
    view_time(&status, "SubmissionDateTime", info->created_ms);
    view_time(&status, "CompletionDateTime", info->ended_ms);
    view_set(&place, "OutputLocation", value_getz(info->request, "output"));
    if (info->started_ms && info->ended_ms)
        view_int(&statistics, "EngineExecutionTimeInMillis", info->ended_ms - info->started_ms);
    view_text(&statistics, "DataManifestLocation", manifest_of(arena, info));
    view_text(&b, "QueryExecutionId", info->id);
    view_set(&b, "Query", value_getz(info->request, "QueryString"));
    view_text(&b, "StatementType", statement_type(value_gets(info->request, "QueryString")));
    view_set(&b, "ResultConfiguration", value_builder_map(&place));
    view_set(&b, "QueryExecutionContext", context ? context : &value_empty_map);
    view_set(&b, "Status", value_builder_map(&status));
    view_set(&b, "Statistics", value_builder_map(&statistics));
    view_text(&b, "WorkGroup", info->owner);
    view_set(&b, "ExecutionParameters", value_getz(info->request, "ExecutionParameters"));
    return value_builder_map(&b);
}

static const struct task_kind kind = {.name = "athena", .work = athena_work, .view = athena_view};

/* ---- operations ---- */

/* Finds the workgroup. *attrs is NULL for `primary`, which exists without a record. */
static int find_group(
    const struct service_call *call, struct str *name, const struct value **attrs, struct err *err)
{
    struct control_record record = {.attrs = NULL};
    *name = value_text(value_getz(call->input, "WorkGroup"), STR("primary"));
    bool known = service_find(call, STR("aws.athena.workgroup"), *name, &record);
    *attrs = known ? record.attrs : NULL;
    return known || str_eqz(*name, "primary") ? 0
                                              : service_refuse(err, 400, "InvalidRequestException",
                                                    "WorkGroup %.*s is not found.", STR_ARG(*name));
}

/* Returns the result's location: that of the request or of the workgroup. -1: neither has one, or the
 * workgroup is unknown or disabled. */
static int find_output(const struct service_call *call, struct str *group, struct str id, const char *suffix,
    struct str *out, struct err *err)
{
    const struct value *attrs;
    if (find_group(call, group, &attrs, err))
        return -1;
    if (str_eqz(value_gets(attrs, "state"), "DISABLED"))
        return service_refuse(
            err, 400, "InvalidRequestException", "WorkGroup %.*s is disabled.", STR_ARG(*group));
    struct str place = value_gets(value_getz(call->input, "ResultConfiguration"), "OutputLocation");
    struct str own = value_gets(attrs, "output_location");
    place = own.n && (value_getb(attrs, "enforce_configuration") || !place.n) ? own : place;
    if (!place.n)
        return service_refuse(err, 400, "InvalidRequestException",
            "No output location provided. An output location is required either through the Workgroup result "
            "configuration setting or as an API input.");
    bool slash = place.p[place.n - 1] == '/';
    *out = arena_printf(call->arena, "%.*s%s%.*s.%s", STR_ARG(place), slash ? "" : "/", STR_ARG(id), suffix);
    return 0;
}

static int athena_start(struct service_call *call, struct err *err)
{
    static const struct str added[] = {STR_INIT("output"), STR_INIT("caller")};
    struct str query = value_gets(call->input, "QueryString"), output, group,
               token = value_gets(call->input, "ClientRequestToken");
    struct err why = ERR_INIT;
    struct task_info before;
    const char *digits = task_token_digits(call, token);
    struct str id = arena_printf(call->arena, "%.8s-%.4s-4%.3s-8%.3s-%.12s", digits, digits + 8, digits + 12,
        digits + 16, digits + 20);
    if (token.n && task_call_find(call, kind.name, STR_EMPTY, id, &before)) {
        service_answer_text(call, "QueryExecutionId", id);
        return value_equal(value_without(call->arena, before.request, added, 2), call->input)
                   ? 0
                   : service_refuse(
                         err, 400, "InvalidRequestException", "Idempotent parameters do not match");
    }
    const char *suffix = str_eqz(statement_type(query), "DML") ? "csv" : "txt";
    if (find_output(call, &group, id, suffix, &output, err))
        return -1;
    const struct value *request =
        value_with(call->arena, call->input, STR("output"), value_string(call->arena, output));
    if (call->caller)
        request =
            value_with(call->arena, request, STR("caller"), session_as_value(call->arena, call->caller));
    const struct task_options options = {
        .kind = &kind, .region = call->region, .owner = group, .id = id, .request = request};
    if (task_call_start(call, &options, &why))
        return service_refuse(err, 400, "TooManyRequestsException", "%s", why.message);
    service_answer_text(call, "QueryExecutionId", id);
    return 0;
}

static int find_query(const struct service_call *call, struct task_info *out, struct err *err)
{
    struct str id;
    if (service_required(call, "QueryExecutionId", &id, err))
        return -1;
    if (task_call_find(call, kind.name, STR_EMPTY, id, out))
        return 0;
    return service_refuse(
        err, 400, "InvalidRequestException", "QueryExecution %.*s was not found", STR_ARG(id));
}

static int athena_get(struct service_call *call, struct err *err)
{
    struct task_info info;
    if (find_query(call, &info, err))
        return -1;
    service_answer(call, "QueryExecution", athena_view(&info, call->arena));
    return 0;
}

static int get_many(struct service_call *call, struct err *err)
{
    const struct value *ids;
    AUTO_BUILDER struct value_builder found = VALUE_BUILDER(call->arena), others = VALUE_BUILDER(call->arena);
    if (service_list_within(call, "QueryExecutionIds", 1, MAX_SHOWN, &ids, err))
        return -1;
    for (uint32_t i = 0; i < ids->count; i++) {
        struct task_info info;
        struct value_builder one = VALUE_BUILDER(call->arena);
        struct str id = value_text(ids->items[i], STR_EMPTY);
        if (task_call_find(call, kind.name, STR_EMPTY, id, &info)) {
            value_builder_add(&found, athena_view(&info, call->arena));
            continue;
        }
        view_text(&one, "QueryExecutionId", id);
        view_text(&one, "ErrorCode", STR("INVALID_QUERY_EXECUTION_ID"));
        value_builder_add(&others, value_builder_map(&one));
    }
    service_answer(call, "QueryExecutions", value_builder_list(&found));
    service_answer(call, "UnprocessedQueryExecutionIds", value_builder_list(&others));
    return 0;
}

static int athena_list(struct service_call *call, struct err *err)
{
    size_t n;
    struct value_builder ids = VALUE_BUILDER(call->arena);
    struct str group;
    const struct value *ignored;
    if (find_group(call, &group, &ignored, err))
        return -1;
    const struct task_info *all = task_call_list(call, kind.name, group, &n);
    for (size_t i = 0; i < n; i++)
        value_builder_add(&ids, value_string(call->arena, all[i].id));
    return service_answer_page(call, "QueryExecutionIds", value_builder_list(&ids), MAX_SHOWN, err);
}

static int athena_stop(struct service_call *call, struct err *err)
{
    struct task_info info;
    if (find_query(call, &info, err))
        return -1;
    task_call_stop(call, kind.name, info.id, STR_EMPTY);
    return 0;
}

/* ---- results ---- */

static const struct value *row_of(struct arena *arena, const struct value *cells, const char *member)
{
    struct value_builder data = VALUE_BUILDER(arena);
    for (uint32_t i = 0; i < cells->count; i++) {
        struct value_builder one = VALUE_BUILDER(arena);
        view_set(&one, "VarCharValue", member ? value_getz(cells->items[i], member) : cells->items[i]);
        value_builder_add(&data, value_builder_map(&one));
    }
    return value_with(arena, NULL, STR("Data"), value_builder_list(&data));
}

/* The first row of the first page has the column names. */
static int answer_rows(struct service_call *call, const struct value *result, struct err *err)
{
    struct arena *arena = call->arena;
    const struct value *header = value_getz(result, "header");
    size_t names = header && header->kind == VALUE_BOOL && !header->boolean ? 0 : 1;
    const struct value *columns = value_getz(result, "columns"), *rows = value_getz(result, "rows"), *next;
    size_t first, end;
    if (!columns || columns->kind != VALUE_LIST || !rows || rows->kind != VALUE_LIST)
        return service_refuse(
            err, 500, "InternalServerException", "the sandbox cannot read the query's result");
    if (service_page(
            call, "NextToken", "MaxResults", MAX_ROWS, rows->count + names, &first, &end, &next, err))
        return -1;
    struct value_builder list = VALUE_BUILDER(arena);
    for (size_t i = first; i < end; i++)
        value_builder_add(
            &list, i < names ? row_of(arena, columns, "Name") : row_of(arena, rows->items[i - names], NULL));
    const struct value_entry set[] = {{STR("Rows"), value_builder_list(&list)},
        {STR("ResultSetMetadata"), value_with(arena, NULL, STR("ColumnInfo"), columns)}};
    service_answer(call, "ResultSet", value_map(arena, set, 2));
    service_answer(call, "NextToken", next);
    return 0;
}

static int results(struct service_call *call, struct err *err)
{
    struct task_info info;
    struct str path, text;
    struct err why = ERR_INIT;
    const struct value *result;
    if (find_query(call, &info, err))
        return -1;
    if (info.state < ACTIVITY_SUCCEEDED)
        return service_refuse(err, 400, "InvalidRequestException",
            "Query has not yet finished. Current state: %s", states[info.state]);
    if (info.state != ACTIVITY_SUCCEEDED)
        return service_refuse(err, 400, "InvalidRequestException",
            "Query did not finish successfully. Final query state: %s", states[info.state]);
    path = task_result(call->services, call->arena, kind.name, call->region, info.id);
    if (file_read(call->arena, path.p, MAX_RESULT, &text, &why) ||
        json_parse(call->arena, text, &result, &why))
        return service_refuse(err, 500, "InternalServerException", "%s", why.message);
    return answer_rows(call, result, err);
}

const struct service_operation athena_operations[] = {
    {"athena", "ListDatabases", list_databases},
    {"athena", "GetDatabase", get_database},
    {"athena", "ListTableMetadata", list_tables},
    {"athena", "GetTableMetadata", get_table},
    {"athena", "ListDataCatalogs", list_catalogs},
    {"athena", "GetDataCatalog", get_catalog},
    {"athena", "StartQueryExecution", athena_start},
    {"athena", "GetQueryExecution", athena_get},
    {"athena", "BatchGetQueryExecution", get_many},
    {"athena", "ListQueryExecutions", athena_list},
    {"athena", "StopQueryExecution", athena_stop},
    {"athena", "GetQueryResults", results},
    {0},
};
