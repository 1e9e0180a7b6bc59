/*
 * postgres.view, plain or materialized. The server keeps a query in its own words; which words came of the
 * file's is recorded (`as_stored`), as for tables.
 */
#include "provider/postgres/type.h"

static struct str view_query_of(const struct pg_work *work)
{
    struct str query = str_trim(text_of(work->ctx, work->desired, "query"));
    while (query.n && query.p[query.n - 1] == ';')
        query = str_trim(str_slice(query, 0, query.n - 1));
    return query;
}

static const char *view_kind(const struct pg_work *work)
{
    return flag_of(work->ctx, pg_work_object(work), "materialized") ? "materialized view" : "view";
}

static const struct value *view_shape(
    struct arena *arena, const struct value *prior, const struct value *live, bool fresh)
{
    const struct value *now = value_getz(live, "query"), *said = value_getz(prior, "query"),
                       *became = fresh ? now : value_getz(prior, "as_stored");
    if (said && became && value_equal(became, now))
        live = value_with(arena, live, STR("query"), said);
    return value_with(arena, live, STR("as_stored"), now);
}

static void view_write_path(struct pg_work *work)
{
    sql_add(&work->sql, work->session, "set local search_path = %I, public;\n",
        text_of(work->ctx, work->desired, "schema"));
}

static void view_write_settings(struct pg_work *work)
{
    struct str name = pg_work_name(work, "schema", "name"),
               owner = text_of(work->ctx, work->desired, "owner"),
               comment = text_of(work->ctx, work->desired, "comment");
    if (pg_work_has(work, "comment"))
        sql_add(&work->sql, work->session, "comment on %s %s is %L;\n", str_z(view_kind(work)), name,
            comment.n ? comment : (struct str){0});
    if (owner.n && pg_work_has(work, "owner"))
        sql_add(&work->sql, work->session, "alter %s %s owner to %I;\n", str_z(view_kind(work)), name, owner);
}

static void view_write_view(struct pg_work *work, const char *verb)
{
    bool barrier = flag_of(work->ctx, work->desired, "security_barrier");
    sql_add(&work->sql, work->session, "%s %s %s%s as\n%s;\n", str_z(verb), str_z(view_kind(work)),
        pg_work_name(work, "schema", "name"), barrier ? STR(" with (security_barrier)") : STR_EMPTY,
        view_query_of(work));
}

/* An error in the query is told with its place there. */
static int view_run_query(struct pg_work *work, const char *verb, struct err *err)
{
    struct source_text source = {STR("query"), view_query_of(work)};
    bool barrier = flag_of(work->ctx, work->desired, "security_barrier");
    view_write_path(work);
    sql_add(&work->sql, work->session, "%s %s %s%s as\n%s", str_z(verb), str_z(view_kind(work)),
        pg_work_name(work, "schema", "name"), barrier ? STR(" with (security_barrier)") : STR_EMPTY,
        source.text);
    int status = session_run(work->session, buf_str(&work->sql), &source, NULL, err);
    buf_clear(&work->sql);
    return status;
}

static int view_create(struct pg_work *work, struct err *err)
{
    if (!pg_work_has(work, "comment") && !pg_work_has(work, "owner"))
        return view_run_query(work, "create", err);
    view_write_path(work);
    view_write_view(work, "create");
    view_write_settings(work);
    return 0;
}

/* Columns can be added at the end; for anything else it is dropped and made anew, where nothing hangs on it.
 */
static int view_renew(struct pg_work *work, struct err *err)
{
    struct err why = *err;
    *err = (struct err)ERR_INIT;
    bool cannot = strcmp(why.code, "42P16") == 0 || flag_of(work->ctx, work->desired, "materialized");
    if (!cannot)
        return err_raise(err, &why);
    view_write_path(work);
    sql_add(&work->sql, work->session, "drop %s %s;\n", str_z(view_kind(work)),
        pg_work_name(work, "schema", "name"));
    view_write_view(work, "create");
    const struct value *changed = work->changed;
    work->changed = NULL; /* a new one has none of the settings */
    view_write_settings(work);
    work->changed = changed;
    int status = session_change(work->session, buf_str(&work->sql), err);
    buf_clear(&work->sql);
    return status && strcmp(err->code, "2BP01") == 0
               ? err_hint(err, "what hangs on it has to go first: give that `lifecycle: "
                               "{replace_triggered_by: …}`, or the view another name")
               : status;
}

static int view_update(struct pg_work *work, struct err *err)
{
    bool materialized = flag_of(work->ctx, work->desired, "materialized");
    if (pg_work_has(work, "query") || pg_work_has(work, "security_barrier")) {
        struct err why = ERR_INIT;
        if (materialized || view_run_query(work, "create or replace", &why)) {
            *err = why;
            return view_renew(work, err);
        }
    }
    view_write_settings(work);
    return 0;
}

static int view_remove(struct pg_work *work, struct err *err)
{
    struct err why = ERR_INIT;
    bool all = flag_of(work->ctx, work->prior, "force_destroy") || work->teardown & TEARDOWN_EMPTY;
    sql_add(&work->sql, work->session, "drop %s if exists %s%s", str_z(view_kind(work)),
        pg_work_name(work, "schema", "name"), all ? STR(" cascade") : STR_EMPTY);
    int status = session_change(work->session, buf_str(&work->sql), &why);
    buf_clear(&work->sql);
    if (!status || strcmp(why.code, "3F000") == 0)
        return 0;
    return err_raise(err, &why);
}

/* As a temporary view that is rolled back, the query has the words that it would have for good. */
static int view_twin(struct pg_work *work, const struct value **words, struct err *err)
{
    struct op_ctx *ctx = work->ctx;
    const struct value *twin = NULL, *name = value_getz(work->desired, "name");
    AUTO_ROWS struct rows rows = {0};
    const struct value *wanted = VALUE_MAP(ctx->arena, {STR("key"), value_stringz(ctx->arena, "twin")},
        {STR("schema"), value_stringz(ctx->arena, "pg_temp")}, {STR("name"), name});
    struct pg_work trying = {.ctx = ctx, .session = work->session, .desired = work->desired};
    buf_addz(&trying.sql, "begin;\n");
    view_write_path(&trying);
    sql_add(&trying.sql, work->session,
        "create temp view %I as %s;\nset local search_path = '';\n%s;\nrollback", name->string,
        view_query_of(&trying),
        catalog_query(work->session, ctx->arena, "view", value_list(ctx->arena, &wanted, 1)));
    int status = session_run(work->session, buf_str(&trying.sql), NULL, &rows, err) ||
                 catalog_row(ctx, &rows, &twin, err);
    buf_release(&trying.sql);
    if (status && session_in_transaction(work->session))
        session_run(work->session, STR("rollback"), NULL, NULL, ERR_IGNORED);
    *words = value_getz(twin, "query");
    return status ? -1 : 0;
}

static int view_is_made(
    struct op_ctx *ctx, const struct value *desired, const struct value *live, bool *made, struct err *err)
{
    struct pg_work work = {.ctx = ctx, .desired = desired};
    const struct value *words = NULL;
    if (object_session(ctx, desired, &work.session, err))
        return -1;
    int status = view_twin(&work, &words, err);
    *made = !status && value_equal(words, value_getz(live, "as_stored"));
    session_give(&work.session);
    return status;
}

const struct pg_type pg_view = {.name = "view",
    .keys = "schema name",
    .catalog = "view",
    .create = view_create,
    .update = view_update,
    .remove = view_remove,
    .shape = view_shape,
    .remember = view_twin,
    .is_made = view_is_made};
