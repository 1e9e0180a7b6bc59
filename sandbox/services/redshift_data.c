/*
 * The Data API of Redshift: statements as tasks, each in a session of its own with the warehouse that it
 * names (redshift.c). What a task's record does not have, rows and what they are, lies beside it: a list with
 * an item for each statement, {columns, rows, updated} or {error}.
 */
#include "base/clock.h"
#include "base/file.h"
#include "base/hash.h"
#include "base/json.h"
#include "sandbox/engine/task.h"
#include "sandbox/engine/view.h"
#include "sandbox/services/redshift.h"
#include "sandbox/services/registry.h"

#include <poll.h>
#include <stdlib.h>

enum { MAX_PAGE = 100, MAX_ROWS = 1000 };
static const size_t MAX_RESULT = 64 * 1024 * 1024;

/* ---- the session ---- */

static PGconn *data_open(
    struct task *task, struct arena *arena, uint16_t port, const struct warehouse *warehouse, struct err *err)
{
    const struct value *request = task_self(task)->request, *content;
    const struct pq_api *pq = pq_api(err);
    struct control_record secret;
    struct err ignored = ERR_INIT;
    struct str user = value_text(value_getz(request, "DbUser"), warehouse->wish.user), password = STR_EMPTY;
    if (!pq)
        return NULL;
    struct str arn = value_gets(request, "SecretArn"), pass = warehouse_pass(task_jobs(task), arena);
    struct str options = arena_printf(arena, "-c weir.pass=%.*s", STR_ARG(pass));
    if (arn.n) {
        if (!control_find(services_control(task_jobs(task)), arena, STR("aws.secretsmanager.secret"),
                task_self(task)->region, arn, &secret) ||
            json_parse(arena, value_gets(secret.attrs, "secret_string"), &content, &ignored)) {
            err_set(err, ERR_FAILED,
                "Secrets Manager can't find the specified secret, or it is no JSON with username and "
                "password");
            return NULL;
        }
        user = value_gets(content, "username");
        password = value_gets(content, "password");
        options = STR_EMPTY;
    }
    const char *const keys[] = {
        "host", "port", "user", "password", "dbname", "options", "sslmode", "application_name", NULL};
    const char *const values[] = {"127.0.0.1", arena_printf(arena, "%u", (unsigned)port).p,
        arena_strz(arena, user), arena_strz(arena, password),
        arena_strz(arena, value_text(value_getz(request, "Database"), warehouse->wish.database)), options.p,
        "disable", "redshift-data", NULL};
    PGconn *session = pq->connectdbParams(keys, values, 0);
    if (session && pq->status(session) == CONNECTION_OK)
        return session;
    struct str why = str_trim(str_z(session ? pq->errorMessage(session) : "no memory"));
    ptrdiff_t fatal = str_find(why, STR("FATAL:  "), 0);
    err_set(
        err, ERR_FAILED, "FATAL: %.*s", STR_ARG(fatal >= 0 ? str_slice(why, (size_t)fatal + 8, why.n) : why));
    pq->finish(session);
    return NULL;
}

/* The next result, or NULL: there is none, or the task was stopped. */
static PGresult *next_result(const struct pq_api *pq, PGconn *session, struct process_switch *stop)
{
    while (pq->isBusy(session)) {
        struct pollfd fds[] = {{pq->socket(session), POLLIN, 0}, {stop->fd, POLLIN, 0}};
        if (poll(fds, 2, -1) < 0)
            continue;
        if (atomic_load(&stop->turned)) {
            char why[256];
            PGcancel *cancel = pq->getCancel(session);
            pq->cancel(cancel, why, sizeof why);
            pq->freeCancel(cancel);
            return NULL;
        }
        if (!pq->consumeInput(session))
            return NULL;
    }
    return pq->getResult(session);
}

/* ---- results ---- */

static const struct {
    unsigned oid;
    const char *name, *member; /* of Redshift's type, and of the value in a record */
} types[] = {{16, "bool", "booleanValue"}, {20, "int8", "longValue"}, {21, "int2", "longValue"},
    {23, "int4", "longValue"}, {26, "oid", "longValue"}, {700, "float4", "doubleValue"},
    {701, "float8", "doubleValue"}, {1700, "numeric", "stringValue"}, {1082, "date", "stringValue"},
    {1114, "timestamp", "stringValue"}, {1184, "timestamptz", "stringValue"}, {1042, "bpchar", "stringValue"},
    {3802, "super", "stringValue"}, {0, "varchar", "stringValue"}};

static size_t type_at(unsigned oid)
{
    size_t i = 0;
    while (types[i].oid && types[i].oid != oid)
        i++;
    return i;
}

static const struct value *cell_of(struct arena *arena, const char *member, struct str text)
{
    int64_t whole;
    double number;
    if (strcmp(member, "longValue") == 0 && str_to_int(text, &whole))
        return value_int(arena, whole);
    if (strcmp(member, "doubleValue") == 0 && str_to_double(text, &number))
        return value_float(arena, number);
    if (strcmp(member, "booleanValue") == 0)
        return str_eqz(text, "t") ? &value_true : &value_false;
    return value_string(arena, text);
}

static const struct value *row_of(struct arena *arena, const struct pq_api *pq, PGresult *result, int row)
{
    struct value_builder cells = VALUE_BUILDER(arena);
    for (int i = 0; i < pq->nfields(result); i++) {
        const char *member = types[type_at(pq->ftype(result, i))].member;
        struct str text = str_n(pq->getvalue(result, row, i), (size_t)pq->getlength(result, row, i));
        bool null = pq->getisnull(result, row, i);
        const struct value_entry cell = {
            null ? STR("isNull") : str_z(member), null ? &value_true : cell_of(arena, member, text)};
        value_builder_add(&cells, value_map(arena, &cell, 1));
    }
    return value_builder_list(&cells);
}

static const struct value *columns_of(struct arena *arena, const struct pq_api *pq, PGresult *result)
{
    struct value_builder columns = VALUE_BUILDER(arena);
    for (int i = 0; i < pq->nfields(result); i++) {
        struct value_builder one = VALUE_BUILDER(arena);
        struct str name = str_z(pq->fname(result, i));
        view_text(&one, "name", name);
        view_text(&one, "label", name);
        view_text(&one, "typeName", str_z(types[type_at(pq->ftype(result, i))].name));
        view_int(&one, "nullable", 1);
        value_builder_add(&columns, value_builder_map(&one));
    }
    return value_builder_list(&columns);
}

static const struct value *view_result(struct arena *arena, const struct pq_api *pq, PGresult *result)
{
    struct value_builder b = VALUE_BUILDER(arena), rows = VALUE_BUILDER(arena);
    int64_t updated;
    for (int i = 0; i < pq->ntuples(result); i++)
        value_builder_add(&rows, row_of(arena, pq, result, i));
    bool any = pq->resultStatus(result) == PGRES_TUPLES_OK;
    if (any)
        view_set(&b, "columns", columns_of(arena, pq, result));
    view_set(&b, "rows", value_builder_list(&rows));
    if (!any && str_to_int(str_z(pq->cmdTuples(result)), &updated))
        view_int(&b, "updated", updated);
    return value_builder_map(&b);
}

/* ---- statements ---- */

/* :name outside of texts becomes its value, as a text whose type follows from where it stands. */
static struct str with_parameters(const struct pq_api *pq, PGconn *session, struct arena *arena,
    struct str sql, const struct value *parameters)
{
    AUTO_BUF struct buf out = BUF_INIT;
    bool text = false;
    for (size_t i = 0; i < sql.n; i++) {
        const struct value *given = NULL;
        size_t end = i + 1;
        text = text != (sql.p[i] == '\'');
        if (!text && sql.p[i] == ':' && (i == 0 || sql.p[i - 1] != ':'))
            while (end < sql.n && (sql.p[end] == '_' || (sql.p[end] >= '0' && sql.p[end] <= '9') ||
                                      ((sql.p[end] | 32) >= 'a' && (sql.p[end] | 32) <= 'z')))
                end++;
        for (uint32_t k = 0; parameters && end > i + 1 && k < parameters->count; k++)
            if (str_eq(value_gets(parameters->items[k], "name"), str_slice(sql, i + 1, end)))
                given = parameters->items[k];
        if (!given) {
            buf_add_char(&out, sql.p[i]);
            continue;
        }
        struct str v = value_gets(given, "value");
        char *literal = pq->escapeLiteral(session, v.p, v.n);
        buf_add_str(&out, str_z(literal));
        pq->freemem(literal);
        i = end - 1;
    }
    return arena_str(arena, buf_str(&out));
}

/* What the server says of it, as the service words it. */
static struct str why_failed(const struct pq_api *pq, PGresult *result, struct arena *arena)
{
    const char *message = pq->resultErrorField(result, PG_DIAG_MESSAGE_PRIMARY),
               *hint = pq->resultErrorField(result, PG_DIAG_MESSAGE_HINT);
    return arena_printf(
        arena, "ERROR: %s%s%s", message ? message : "it failed", hint ? "\n  Hint: " : "", hint ? hint : "");
}

/* -1: it failed, *why says how; "" it was stopped. */
static int run_one(struct task *task, const struct pq_api *pq, PGconn *session, struct arena *arena,
    struct str sql, const struct value **out, struct str *why)
{
    int status = 0;
    *out = &value_empty_map;
    *why = STR_EMPTY;
    if (!pq->sendQuery(session, arena_strz(arena, sql)))
        return -1;
    for (PGresult *result; (result = next_result(pq, session, task_switch(task))); pq->clear(result)) {
        ExecStatusType is = pq->resultStatus(result);
        if (is == PGRES_TUPLES_OK || is == PGRES_COMMAND_OK)
            *out = view_result(arena, pq, result);
        else if (is != PGRES_EMPTY_QUERY) {
            *why = why_failed(pq, result, arena);
            status = -1;
        }
    }
    return atomic_load(&task_switch(task)->turned) ? -1 : status;
}

static const struct task_kind data_kind;

static int keep_results(struct task *task, struct arena *arena, const struct value *results, struct err *err)
{
    AUTO_BUF struct buf text = BUF_INIT;
    struct str path =
        task_result(task_jobs(task), arena, data_kind.name, task_self(task)->region, task_self(task)->id);
    json_write(&text, results, JSON_PLAIN);
    return file_write_atomic(path.p, buf_str(&text), 0600, err);
}

/* Several statements are one transaction: with the first that fails, none has happened. */
static int run_all(struct task *task, struct arena *arena, PGconn *session, struct err *err)
{
    const struct pq_api *pq = pq_api(err);
    const struct value *request = task_self(task)->request, *sqls = value_getz(request, "Sqls"), *one,
                       *ignored;
    struct value_builder results = VALUE_BUILDER(arena);
    struct str why = STR_EMPTY, none;
    int status = 0;
    if (sqls)
        run_one(task, pq, session, arena, STR("begin"), &ignored, &none);
    for (uint32_t i = 0; !status && i < (sqls ? sqls->count : 1); i++) {
        struct str sql = sqls ? value_text(sqls->items[i], STR_EMPTY) : value_gets(request, "Sql");
        status = run_one(task, pq, session, arena,
            with_parameters(pq, session, arena, sql, value_getz(request, "Parameters")), &one, &why);
        value_builder_add(
            &results, status ? value_with(arena, one, STR("error"), value_string(arena, why)) : one);
    }
    if (sqls)
        run_one(task, pq, session, arena, status ? STR("rollback") : STR("commit"), &ignored, &none);
    if (keep_results(task, arena, value_builder_list(&results), err))
        return -1;
    return status ? err_set(err, ERR_FAILED, "%.*s", STR_ARG(why)) : 0;
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
    else if (!warehouse_want(task_jobs(task), &arena, &warehouse, &port, &err)) {
        PGconn *session = data_open(task, &arena, port, &warehouse, &err);
        if (session && !run_all(task, &arena, session, &err))
            task_end(task, ACTIVITY_SUCCEEDED, 0, "%s", "");
        if (session)
            pq_api(&err)->finish(session);
    }
    if (err.class != ERR_NONE)
        task_end(task, ACTIVITY_FAILED, -1, "%s", err.message);
}

/* ---- what is shown ---- */

static const char *const states[] = {[ACTIVITY_WAITING] = "SUBMITTED",
    [ACTIVITY_STARTING] = "PICKED",
    [ACTIVITY_RUNNING] = "STARTED",
    [ACTIVITY_STOPPING] = "STARTED",
    [ACTIVITY_SUCCEEDED] = "FINISHED",
    [ACTIVITY_FAILED] = "FAILED",
    [ACTIVITY_TIMEOUT] = "FAILED",
    [ACTIVITY_STOPPED] = "ABORTED"};

static const struct value *results_of(
    struct services *services, struct arena *arena, const struct task_info *info)
{
    struct str text, path = task_result(services, arena, data_kind.name, info->region, info->id);
    const struct value *results;
    struct err ignored = ERR_INIT;
    if (file_read(arena, path.p, MAX_RESULT, &text, &ignored) || json_parse(arena, text, &results, &ignored))
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
    static const char *const names[] = {
        "ClusterIdentifier", "WorkgroupName", "Database", "DbUser", "SecretArn"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        view_set(b, names[i], value_getz(request, names[i]));
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

static int check_place(const struct service_call *call, struct err *err)
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

/* A token is one call, however often it is made. "": a new one. */
static struct str made_before(const struct service_call *call)
{
    struct str token = value_gets(call->input, "ClientToken");
    size_t n;
    const struct task_info *all =
        task_list(call->services, call->arena, data_kind.name, call->region, STR_EMPTY, &n);
    for (size_t i = 0; token.n && i < n; i++)
        if (str_eq(value_gets(all[i].request, "ClientToken"), token))
            return all[i].id;
    return STR_EMPTY;
}

static int data_start(struct service_call *call, struct err *err)
{
    struct value_builder b = VALUE_BUILDER(call->arena);
    struct err why = ERR_INIT;
    if (check_place(call, err))
        return -1;
    struct str id = made_before(call);
    if (!id.n) {
        id = uuid_random(call->arena);
        const struct task_options options = {.kind = &data_kind,
            .region = call->region,
            .owner = STR("statements"),
            .id = id,
            .request = call->input};
        if (task_start(call->services, &options, call->wants_activity ? &call->activity : NULL, &why))
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

/* ID, or ID:2 of a batch; *part from 0. */
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
    if (n && task_find(call->services, call->arena, data_kind.name, call->region, STR_EMPTY, whole, out))
        return 0;
    return service_refuse(err, 400, "ResourceNotFoundException", "Query does not exist.");
}

static int describe(struct service_call *call, struct err *err)
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

static bool passes(const struct service_call *call, const struct task_info *info)
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
    size_t n, kept = 0, first, end;
    const struct value *next;
    struct value_builder list = VALUE_BUILDER(call->arena), b = VALUE_BUILDER(call->arena);
    struct task_info *all =
        task_list(call->services, call->arena, data_kind.name, call->region, STR_EMPTY, &n);
    for (size_t i = 0; i < n; i++)
        if (passes(call, &all[i]))
            all[kept++] = all[i];
    if (service_page(call, "NextToken", "MaxResults", MAX_PAGE, kept, &first, &end, &next, err))
        return -1;
    for (size_t i = first; i < end; i++) {
        struct value_builder one = VALUE_BUILDER(call->arena);
        const struct value *sqls = value_getz(all[i].request, "Sqls");
        view_common(&one, &all[i]);
        view_set(&one, "QueryString", value_getz(all[i].request, "Sql"));
        view_set(&one, "QueryStrings", sqls);
        view_set(&one, "SecretArn", value_getz(all[i].request, "SecretArn"));
        value_builder_set(&one, STR("IsBatchStatement"), sqls ? &value_true : &value_false);
        value_builder_add(&list, value_builder_map(&one));
    }
    view_set(&b, "Statements", value_builder_list(&list));
    view_set(&b, "NextToken", next);
    call->output = value_builder_map(&b);
    return 0;
}

static int get_result(struct service_call *call, struct err *err)
{
    struct task_info info;
    size_t part, first, end;
    const struct value *next;
    struct value_builder list = VALUE_BUILDER(call->arena), b = VALUE_BUILDER(call->arena);
    if (find_statement(call, &info, &part, err))
        return -1;
    const struct value *results = results_of(call->services, call->arena, &info);
    const struct value *result = part < results->count ? results->items[part] : NULL,
                       *rows = value_getz(result, "rows");
    if (info.state != ACTIVITY_SUCCEEDED || !value_getz(result, "columns"))
        return service_refuse(err, 400, "ResourceNotFoundException",
            "Query does not have result. Please check query status with DescribeStatement.");
    if (service_page(call, "NextToken", "", MAX_ROWS, rows->count, &first, &end, &next, err))
        return -1;
    for (size_t i = first; i < end; i++)
        value_builder_add(&list, rows->items[i]);
    view_set(&b, "Records", value_builder_list(&list));
    view_set(&b, "ColumnMetadata", value_getz(result, "columns"));
    view_int(&b, "TotalNumRows", rows->count);
    view_set(&b, "NextToken", next);
    call->output = value_builder_map(&b);
    return 0;
}

static int cancel_statement(struct service_call *call, struct err *err)
{
    struct task_info info;
    size_t part;
    if (find_statement(call, &info, &part, err))
        return -1;
    bool stopped =
        task_stop(call->services, data_kind.name, call->region, info.id, STR("Query cancelled by user."));
    if (!stopped)
        return service_refuse(err, 400, "ValidationException",
            "Could not cancel a query that is already in %s state with ID: %.*s.", states[info.state],
            STR_ARG(info.id));
    const struct value_entry status = {STR("Status"), &value_true};
    call->output = value_map(call->arena, &status, 1);
    return 0;
}

const struct service_operation redshift_data_operations[] = {
    {"redshift-data", "ExecuteStatement", execute, NULL, NULL},
    {"redshift-data", "BatchExecuteStatement", execute_batch, NULL, NULL},
    {"redshift-data", "DescribeStatement", describe, NULL, NULL},
    {"redshift-data", "ListStatements", list_statements, NULL, NULL},
    {"redshift-data", "GetStatementResult", get_result, NULL, NULL},
    {"redshift-data", "CancelStatement", cancel_statement, NULL, NULL},
    {0},
};
