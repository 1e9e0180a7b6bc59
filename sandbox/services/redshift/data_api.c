/*
 * The Redshift Data API: statements are tasks, each with a session of its own (redshift.c). Results are
 * stored beside the task's record: a list with an item for each statement, {columns, rows, updated} or
 * {error}.
 */
#include "base/clock.h"
#include "base/file.h"
#include "base/hash.h"
#include "base/json.h"
#include "sandbox/engine/view.h"
#include "sandbox/services/redshift/redshift.h"

enum { MAX_PAGE = 100, MAX_ROWS = 1000 };
static const size_t MAX_RESULT = 500 * 1024 * 1024; /* Redshift's limit, of compressed data */

static const struct task_kind data_kind;

static int keep_results(struct task *task, struct arena *arena, const struct value *results, struct err *err)
{
    AUTO_BUF struct buf text = {.max = MAX_RESULT};
    struct str path =
        task_result(task_jobs(task), arena, data_kind.name, task_self(task)->region, task_self(task)->id);
    json_write(&text, results, JSON_PLAIN);
    if (text.overflow)
        return err_set(err, ERR_FAILED, "ERROR: The query result is larger than 500 MB.");
    return file_write_atomic(path.p, buf_str(&text), 0600, err);
}

static void data_work(struct task *task)
{
    AUTO_WIPED_ARENA struct arena arena = ARENA_INIT;
    struct warehouse warehouse;
    struct err err = ERR_INIT;
    uint16_t port;
    const struct task_info *self = task_self(task);
    task_running(task);
    if (!warehouse_find(task_jobs(task), &arena, self->region, value_gets(self->request, "ClusterIdentifier"),
            value_gets(self->request, "WorkgroupName"), &warehouse))
        err_set(&err, ERR_FAILED, "Redshift endpoint doesn't exist in this region.");
    else if (!warehouse_start(task_jobs(task), &arena, &warehouse, &port, &err)) {
        const struct value *results;
        int status = warehouse_run(task, &arena, port, &warehouse, &results, &err);
        if (!keep_results(task, &arena, results, &err) && !status)
            task_end(task, ACTIVITY_SUCCEEDED, 0, "%s", "");
    }
    if (err.class != ERR_NONE)
        task_end(task, ACTIVITY_FAILED, -1, "%s", err.message);
}

/* ---- views ---- */

static const char *const states[] =
    ACTIVITY_NAMES("SUBMITTED", "PICKED", "STARTED", "STARTED", "FINISHED", "FAILED", "FAILED", "ABORTED");

static const struct value *results_of(
    struct services *services, struct arena *arena, const struct task_info *info)
{
    struct str text, path = task_result(services, arena, data_kind.name, info->region, info->id);
    const struct value *results;
    if (file_read(arena, path.p, MAX_RESULT, &text, ERR_IGNORED) ||
        json_parse(arena, text, &results, ERR_IGNORED))
        return &value_empty_list;
    return results;
}

static void view_common(struct value_builder *b, const struct task_info *info)
{
    view_text(b, "Id", info->id);
    view_text(b, "Status", str_z(states[info->state]));
    view_time(b, "CreatedAt", info->created_ms);
    view_time(b, "UpdatedAt",
        info->ended_ms     ? info->ended_ms
        : info->started_ms ? info->started_ms
                           : info->created_ms);
    view_set(b, "StatementName", value_getz(info->request, "StatementName"));
}

static void view_origin(struct value_builder *b, const struct value *request)
{
    view_members(b, request, "ClusterIdentifier WorkgroupName Database DbUser SecretArn");
}

static void view_outcome(struct value_builder *b, const struct value *result)
{
    const struct value *rows = value_getz(result, "rows");
    value_builder_set(b, STR("HasResultSet"), value_getz(result, "columns") ? &value_true : &value_false);
    view_int(b, "ResultRows",
        value_getz(result, "columns") && rows ? rows->count : value_geti(result, "updated", -1));
    view_int(b, "ResultSize", 0);
}

static const struct value *view_parts(
    struct arena *arena, const struct task_info *info, const struct value *results)
{
    const struct value *sqls = value_getz(info->request, "Sqls");
    struct value_builder list = VALUE_BUILDER(arena);
    for (uint32_t i = 0; i < sqls->count; i++) {
        const struct value *result = i < results->count ? results->items[i] : NULL;
        struct value_builder b = VALUE_BUILDER(arena);
        struct str error = value_gets(result, "error");
        view_text(&b, "Id", arena_printf(arena, "%.*s:%u", STR_ARG(info->id), (unsigned)i + 1));
        view_set(&b, "QueryString", sqls->items[i]);
        view_text(&b, "Status",
            result           ? error.n ? STR("FAILED") : STR("FINISHED")
                      : info->ended_ms ? STR("ABORTED")
                             : STR("SUBMITTED"));
        view_text(&b, "Error", error);
        view_outcome(&b, result);
        value_builder_add(&list, value_builder_map(&b));
    }
    return value_builder_list(&list);
}

static const struct value *data_view(const struct task_info *info, struct arena *arena)
{
    struct value_builder b = VALUE_BUILDER(arena);
    view_common(&b, info);
    view_origin(&b, info->request);
    view_set(&b, "QueryString", value_getz(info->request, "Sql"));
    view_text(&b, "Error", info->message);
    return value_builder_map(&b);
}

static const struct task_kind data_kind = {.name = "redshift-data", .work = data_work, .view = data_view};

/* ---- operations ---- */

static int check_warehouse(const struct service_call *call, struct err *err)
{
    struct warehouse warehouse;
    struct str cluster = value_gets(call->input, "ClusterIdentifier"),
               workgroup = value_gets(call->input, "WorkgroupName"), database;
    if (!cluster.n == !workgroup.n)
        return service_refuse(
            err, 400, "ValidationException", "Either ClusterIdentifier or WorkgroupName has to be given.");
    if (service_required(call, "Database", &database, err))
        return -1;
    if (!warehouse_find(call->services, call->arena, call->region, cluster, workgroup, &warehouse))
        return service_refuse(err, 400, "ValidationException",
            cluster.n ? "Cluster doesn't exist in this region."
                      : "Redshift endpoint doesn't exist in this region.");
    return 0;
}

/* Returns the statement that was started with the same client token, or "". */
static struct str made_before(const struct service_call *call)
{
    struct str token = value_gets(call->input, "ClientToken");
    size_t n;
    const struct task_info *all = task_call_list(call, data_kind.name, STR_EMPTY, &n);
    for (size_t i = 0; token.n && i < n; i++)
        if (str_eq(value_gets(all[i].request, "ClientToken"), token))
            return all[i].id;
    return STR_EMPTY;
}

/* Adds the caller's IAM identity to the request if it has neither secret nor user. */
static const struct value *with_identity(const struct service_call *call)
{
    struct str identity = warehouse_identity(call->arena, call->caller);
    if (!identity.n || value_gets(call->input, "SecretArn").n || value_gets(call->input, "DbUser").n)
        return call->input;
    return value_with(call->arena, call->input, STR(STATEMENT_IDENTITY), value_string(call->arena, identity));
}

static int data_start(struct service_call *call, struct err *err)
{
    struct value_builder b = VALUE_BUILDER(call->arena);
    struct err why = ERR_INIT;
    if (check_warehouse(call, err))
        return -1;
    struct str id = made_before(call);
    if (!id.n) {
        id = uuid_random(call->arena);
        const struct task_options options = {.kind = &data_kind,
            .region = call->region,
            .owner = STR("statements"),
            .id = id,
            .request = with_identity(call)};
        if (task_call_start(call, &options, &why))
            return service_refuse(err, 400, "ActiveStatementsExceededException", "%s", why.message);
    }
    view_text(&b, "Id", id);
    view_set(&b, "CreatedAt", service_time(call, clock_wall_ms()));
    view_origin(&b, call->input);
    call->output = value_builder_map(&b);
    return 0;
}

static int execute(struct service_call *call, struct err *err)
{
    struct str sql;
    return service_required(call, "Sql", &sql, err) ? -1 : data_start(call, err);
}

static int execute_batch(struct service_call *call, struct err *err)
{
    const struct value *sqls = value_getz(call->input, "Sqls");
    if (!sqls || sqls->kind != VALUE_LIST || !sqls->count || sqls->count > 40)
        return service_refuse(err, 400, "ValidationException", "Sqls has 1 to 40 statements.");
    return data_start(call, err);
}

/* Finds a statement by ID, or ID:2 for a part of a batch; *part counts from 0. */
static int find_statement(
    const struct service_call *call, struct task_info *out, size_t *part, struct err *err)
{
    struct str id, rest;
    int64_t n = 1;
    if (service_required(call, "Id", &id, err))
        return -1;
    struct str whole = str_cut(id, ':', &rest);
    if (rest.p && (!str_to_int(rest, &n) || n < 1))
        n = 0;
    *part = (size_t)(n - 1);
    if (n && task_call_find(call, data_kind.name, STR_EMPTY, whole, out))
        return 0;
    return service_refuse(err, 400, "ResourceNotFoundException", "Query does not exist.");
}

static int statement_describe(struct service_call *call, struct err *err)
{
    struct task_info info;
    struct value_builder b = VALUE_BUILDER(call->arena);
    size_t part;
    if (find_statement(call, &info, &part, err))
        return -1;
    const struct value *results = results_of(call->services, call->arena, &info);
    const struct value *result = part < results->count ? results->items[part] : NULL;
    view_common(&b, &info);
    view_origin(&b, info.request);
    view_set(&b, "QueryString", value_getz(info.request, "Sql"));
    view_text(&b, "Error", info.message);
    view_int(
        &b, "Duration", info.started_ms && info.ended_ms ? (info.ended_ms - info.started_ms) * 1000000 : -1);
    view_outcome(&b, result);
    view_set(&b, "QueryParameters", value_getz(info.request, "Parameters"));
    if (value_getz(info.request, "Sqls"))
        view_set(&b, "SubStatements", view_parts(call->arena, &info, results));
    call->output = value_builder_map(&b);
    return 0;
}

static bool statement_passes(const struct service_call *call, const struct task_info *info)
{
    static const char *const same[] = {"ClusterIdentifier", "WorkgroupName", "Database"};
    struct str status = value_gets(call->input, "Status"), name = value_gets(call->input, "StatementName");
    for (size_t i = 0; i < sizeof same / sizeof *same; i++) {
        struct str wanted = value_gets(call->input, same[i]);
        if (wanted.n && !str_eq(wanted, value_gets(info->request, same[i])))
            return false;
    }
    if (name.n && !str_starts(value_gets(info->request, "StatementName"), name))
        return false;
    return !status.n || str_eqz(status, "ALL") || str_eqz(status, states[info->state]);
}

static int list_statements(struct service_call *call, struct err *err)
{
    size_t n;
    struct value_builder list = VALUE_BUILDER(call->arena);
    const struct task_info *all = task_call_list(call, data_kind.name, STR_EMPTY, &n);
    for (size_t i = 0; i < n; i++) {
        struct value_builder one = VALUE_BUILDER(call->arena);
        const struct value *sqls = value_getz(all[i].request, "Sqls");
        if (!statement_passes(call, &all[i]))
            continue;
        view_common(&one, &all[i]);
        view_set(&one, "QueryString", value_getz(all[i].request, "Sql"));
        view_set(&one, "QueryStrings", sqls);
        view_set(&one, "SecretArn", value_getz(all[i].request, "SecretArn"));
        value_builder_set(&one, STR("IsBatchStatement"), sqls ? &value_true : &value_false);
        value_builder_add(&list, value_builder_map(&one));
    }
    return service_answer_page(call, "Statements", value_builder_list(&list), MAX_PAGE, err);
}

static int get_result(struct service_call *call, struct err *err)
{
    struct task_info info;
    size_t part;
    if (find_statement(call, &info, &part, err))
        return -1;
    const struct value *results = results_of(call->services, call->arena, &info);
    const struct value *result = part < results->count ? results->items[part] : NULL,
                       *rows = value_getz(result, "rows");
    if (info.state != ACTIVITY_SUCCEEDED || !value_getz(result, "columns"))
        return service_refuse(err, 400, "ResourceNotFoundException",
            "Query does not have result. Please check query status with DescribeStatement.");
    service_answer(call, "ColumnMetadata", value_getz(result, "columns"));
    service_answer(call, "TotalNumRows", value_int(call->arena, rows->count));
    return service_answer_page(call, "Records", rows, MAX_ROWS, err);
}

static int cancel_statement(struct service_call *call, struct err *err)
{
    struct task_info info;
    size_t part;
    if (find_statement(call, &info, &part, err))
        return -1;
    bool stopped = task_call_stop(call, data_kind.name, info.id, STR("Query cancelled by user."));
    if (!stopped)
        return service_refuse(err, 400, "ValidationException",
            "Could not cancel a query that is already in %s state with ID: %.*s.", states[info.state],
            STR_ARG(info.id));
    service_answer(call, "Status", &value_true);
    return 0;
}

const struct service_operation redshift_data_operations[] = {
    {"redshift-data", "ExecuteStatement", execute},
    {"redshift-data", "BatchExecuteStatement", execute_batch},
    {"redshift-data", "DescribeStatement", statement_describe},
    {"redshift-data", "ListStatements", list_statements},
    {"redshift-data", "GetStatementResult", get_result},
    {"redshift-data", "CancelStatement", cancel_statement},
    {0},
};
