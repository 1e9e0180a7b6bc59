/*
 * postgres.statement: SQL of the file's own for what there is no type for, and what a query says afterwards.
 * Each text is one message, and so one transaction. The data source postgres.query is the query alone.
 */
#include "provider/postgres/type.h"

#include "base/json.h"

/* Runs the text of an attribute; an error is told with its place there. */
static int statement_run_text(
    struct pg_work *work, const struct value *object, const char *attribute, struct err *err)
{
    struct source_text source = {str_z(attribute), text_of(work->ctx, object, attribute)};
    AUTO_BUF struct buf sql = BUF_INIT;
    if (!str_trim(source.text).n)
        return 0;
    sql_add(&sql, work->session, "set local search_path = %I, public;\n%s",
        text_of(work->ctx, object, "schema"), source.text);
    return session_run(work->session, buf_str(&sql), &source, NULL, err);
}

static int statement_create(struct pg_work *work, struct err *err)
{
    return statement_run_text(work, work->desired, "create", err);
}

/* What steers only is no reason to run anything. */
static bool statement_is_another(const struct pg_work *work)
{
    return pg_work_has(work, "create") || pg_work_has(work, "update") || pg_work_has(work, "triggers");
}

static int statement_update(struct pg_work *work, struct err *err)
{
    if (!statement_is_another(work))
        return 0;
    if (text_of(work->ctx, work->desired, "update").n)
        return statement_run_text(work, work->desired, "update", err);
    return statement_run_text(work, work->prior, "delete", err) ||
                   statement_run_text(work, work->desired, "create", err)
               ? -1
               : 0;
}

static int statement_remove(struct pg_work *work, struct err *err)
{
    return statement_run_text(work, work->prior, "delete", err);
}

/* The rows of the object's query, as maps. */
static int run_query(
    struct op_ctx *ctx, const struct value *object, const struct value **result, struct err *err)
{
    struct str query = str_trim(text_of(ctx, object, "query"));
    while (query.n && query.p[query.n - 1] == ';')
        query = str_trim(str_slice(query, 0, query.n - 1));
    AUTO_SESSION struct session *session = NULL;
    AUTO_ROWS struct rows rows = {0};
    AUTO_BUF struct buf sql = BUF_INIT;
    if (object_session(ctx, object, &session, err))
        return -1;
    sql_add(&sql, session,
        "set transaction read only; set local search_path = %I, public;\nselect coalesce(json_agg(q), '[]') "
        "from (\n%s\n) q",
        text_of(ctx, object, "schema"), query);
    int status = session_run(session, buf_str(&sql), NULL, &rows, err) ||
                 json_parse(ctx->arena, rows_text(&rows, 0, 0), result, err);
    return status ? err_context(err, "the query") : 0;
}

/* Without a query nothing of it can be seen: it is as it was recorded. */
static int statement_read(
    struct op_ctx *ctx, const struct value *prior, const struct value **live, struct err *err)
{
    const struct value *result = NULL;
    *live = value_with(ctx->arena, prior, STR("id"), catalog_id(ctx, &pg_statement, prior));
    if (!str_trim(text_of(ctx, prior, "query")).n)
        return 0;
    if (run_query(ctx, prior, &result, err)) {
        if (strcmp(err->code, "42P01") == 0) /* what it asks for is gone */
            err->class = ERR_ABSENT;
        return -1;
    }
    if (flag_of(ctx, prior, "secret"))
        result = value_mark(ctx->arena, result, VALUE_SENSITIVE);
    *live = value_with(ctx->arena, *live, STR("result"), result);
    return 0;
}

/* Nobody can tell whether it was run: it is run again, as its documentation says. */
static int statement_is_made(struct op_ctx *ctx UNUSED, const struct value *desired UNUSED,
    const struct value *live UNUSED, bool *made, struct err *err UNUSED)
{
    *made = false;
    return 0;
}

const struct pg_type pg_statement = {.name = "statement",
    .keys = "name",
    .create = statement_create,
    .update = statement_update,
    .remove = statement_remove,
    .read = statement_read,
    .is_made = statement_is_made};

static int query_read(
    struct op_ctx *ctx, const struct value *prior, const struct value **live, struct err *err)
{
    const struct value *rows = NULL;
    if (run_query(ctx, prior, &rows, err))
        return -1;
    *live = value_with(ctx->arena, prior, STR("rows"), rows);
    return 0;
}

const struct pg_type pg_query = {.name = "query", .keys = "", .read = query_read};
