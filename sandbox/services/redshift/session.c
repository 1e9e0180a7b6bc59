/* A statement's session with its warehouse, and the statements one after the other. */
#include "sandbox/services/redshift/session.h"

#include "base/json.h"
#include "sandbox/engine/view.h"

#include <poll.h>

/* ---- the session ---- */

static PGconn *data_open(
    struct task *task, struct arena *arena, uint16_t port, const struct warehouse *warehouse, struct err *err)
{
    const struct value *request = task_self(task)->request, *content;
    const struct pq_api *pq = pq_api(err);
    struct control_record secret;
    struct str identity = value_text(value_getz(request, STATEMENT_IDENTITY), warehouse->wish.user);
    struct str user = value_text(value_getz(request, "DbUser"), identity), password = STR_EMPTY;
    if (!pq)
        return NULL;
    struct str arn = value_gets(request, "SecretArn"), pass = warehouse_pass(task_jobs(task), arena);
    struct str options = arena_printf(arena, "-c weir.pass=%.*s", STR_ARG(pass));
    if (arn.n) {
        if (!control_find(services_control(task_jobs(task)), arena, STR("aws.secretsmanager.secret"),
                task_self(task)->region, arn, &secret) ||
            json_parse(arena, value_gets(secret.attrs, "secret_string"), &content, ERR_IGNORED)) {
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
            *out = warehouse_rows(arena, pq, result);
        else if (is != PGRES_EMPTY_QUERY) {
            *why = why_failed(pq, result, arena);
            status = -1;
        }
    }
    return atomic_load(&task_switch(task)->turned) ? -1 : status;
}

/* Several statements are one transaction: with the first that fails, none has happened. */
static int run_all(
    struct task *task, struct arena *arena, PGconn *session, const struct value **out, struct err *err)
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
    *out = value_builder_list(&results);
    return status ? err_set(err, ERR_FAILED, "%.*s", STR_ARG(why)) : 0;
}

int warehouse_run(struct task *task, struct arena *arena, uint16_t port, const struct warehouse *warehouse,
    const struct value **out, struct err *err)
{
    PGconn *session = data_open(task, arena, port, warehouse, err);
    *out = &value_empty_list;
    if (!session)
        return -1;
    int status = run_all(task, arena, session, out, err);
    pq_api(err)->finish(session);
    return status;
}
