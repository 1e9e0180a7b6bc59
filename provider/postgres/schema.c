/* postgres.schema, postgres.extension, postgres.database and postgres.view: each created and dropped by one
 * statement. */
#include "provider/postgres/postgres.h"

/* ---- schema ---- */

static int schema_create(struct pg_work *work, struct err *err UNUSED)
{
    pg_write(work, "create schema %I", pg_work_text(work, "name"));
    pg_write_option(work, "owner", " authorization %I");
    buf_addz(&work->sql, ";\n");
    pg_write_comment(work, "schema", pg_work_name(work, NULL, "name"));
    return 0;
}

static int schema_update(struct pg_work *work, struct err *err UNUSED)
{
    pg_write_owner(work, "schema", pg_work_name(work, NULL, "name"));
    pg_write_comment(work, "schema", pg_work_name(work, NULL, "name"));
    return 0;
}

static int schema_remove(struct pg_work *work, struct err *err)
{
    pg_write(work, "drop schema if exists %I", pg_work_text(work, "name"));
    return pg_work_drop(work,
        "something is in it that this stack did not make; `force_destroy: true`, or destroy --force-empty, "
        "drops that as well",
        err);
}

const struct pg_type pg_schema = {.name = "schema",
    .keys = "name",
    .catalog = "schema",
    .create = schema_create,
    .update = schema_update,
    .remove = schema_remove};

/* ---- extension ---- */

static int extension_create(struct pg_work *work, struct err *err UNUSED)
{
    pg_write(work, "create extension %I", pg_work_text(work, "name"));
    pg_write_option(work, "schema", " schema %I");
    pg_write_option(work, "version", " version %L");
    if (pg_work_flag(work, "cascade"))
        buf_addz(&work->sql, " cascade");
    return 0;
}

static int extension_update(struct pg_work *work, struct err *err UNUSED)
{
    if (pg_work_has(work, "schema") && pg_work_text(work, "schema").n)
        pg_write(work, "alter extension %I set schema %I;\n", pg_work_text(work, "name"),
            pg_work_text(work, "schema"));
    if (pg_work_has(work, "version") && pg_work_text(work, "version").n)
        pg_write(work, "alter extension %I update to %L;\n", pg_work_text(work, "name"),
            pg_work_text(work, "version"));
    return 0;
}

static int extension_remove(struct pg_work *work, struct err *err)
{
    pg_write(work, "drop extension if exists %I", pg_work_text(work, "name"));
    return pg_work_drop(work,
        "something uses what it brings; `force_destroy: true`, or destroy --force-empty, drops that as well",
        err);
}

const struct pg_type pg_extension = {.name = "extension",
    .keys = "name",
    .catalog = "extension",
    .create = extension_create,
    .update = extension_update,
    .remove = extension_remove};

/* ---- postgres.database. The server creates and drops databases outside transactions, one statement at a
 * time. */

/* Writes numeric and boolean settings that are configured or change. */
static void database_write_settings(struct pg_work *work)
{
    struct str name = pg_work_text(work, "name");
    const struct value *limit = value_getz(work->desired, "connection_limit");
    if (pg_work_has(work, "connection_limit"))
        pg_write(work, "alter database %I connection limit %s;\n", name,
            limit ? value_scalar_text(work->ctx->arena, limit) : STR("-1"));
    if (pg_work_has(work, "allow_connections"))
        pg_write(work, "alter database %I allow_connections %s;\n", name,
            pg_work_flag(work, "allow_connections") ? STR("true") : STR("false"));
}

/* The database is created by one statement, and its comment set by another. */
static int database_is_made(struct op_ctx *ctx, const struct value *desired, const struct value *live,
    bool *made, struct err *err UNUSED)
{
    static const char *const with_it[] = {"owner", "encoding", "collate", "ctype", "tablespace"};
    *made = true;
    for (size_t i = 0; i < sizeof with_it / sizeof *with_it; i++) {
        const struct value *v = value_getz(desired, with_it[i]);
        *made = *made && (value_is_null(v) || str_eq(v->string, op_text(ctx, live, with_it[i])));
    }
    return 0;
}

/* True if the server has completed the request of a killed run. */
static bool was_completed_later(struct pg_work *work, const struct err *why)
{
    const struct value *live = NULL;
    bool made = false;
    bool exists = why->class == ERR_EXISTS || strcmp(why->code, "23505") == 0;
    if (!exists || !work->is_repeated ||
        catalog_look(work->session, work->ctx, &pg_database, work->desired, true, &live, ERR_IGNORED) ||
        !live)
        return false;
    return !database_is_made(work->ctx, work->desired, live, &made, ERR_IGNORED) && made;
}

static int database_create(struct pg_work *work, struct err *err)
{
    struct err why = ERR_INIT;
    pg_write(work, "create database %I", pg_work_text(work, "name"));
    pg_write_option(work, "owner", " owner %I");
    pg_write_option(work, "template", " template %I");
    pg_write_option(work, "encoding", " encoding %L");
    pg_write_option(work, "collate", " lc_collate %L");
    pg_write_option(work, "ctype", " lc_ctype %L");
    pg_write_option(work, "tablespace", " tablespace %I");
    if (pg_work_run(work, &why) && !was_completed_later(work, &why))
        return err_raise(err, &why);
    database_write_settings(work);
    pg_write_comment(work, "database", pg_work_name(work, NULL, "name"));
    return 0;
}

static int database_update(struct pg_work *work, struct err *err)
{
    struct str tablespace = pg_work_text(work, "tablespace");
    if (pg_work_has(work, "tablespace") && tablespace.n) {
        pg_write(work, "alter database %I set tablespace %I", pg_work_text(work, "name"), tablespace);
        if (pg_work_run(work, err))
            return -1;
    }
    pg_write_owner(work, "database", pg_work_name(work, NULL, "name"));
    database_write_settings(work);
    pg_write_comment(work, "database", pg_work_name(work, NULL, "name"));
    return 0;
}

static int database_remove(struct pg_work *work, struct err *err)
{
    struct str name = op_text(work->ctx, work->prior, "name");
    server_forget(name);
    pg_write(work,
        pg_work_takes_all(work) ? "drop database if exists %I with (force)" : "drop database if exists %I",
        name);
    int status = pg_work_run(work, err);
    if (status && strcmp(err->code, "55006") == 0)
        err_hint(err, "others are connected to it; `force_destroy: true` ends their sessions");
    return status;
}

static void count_tables(struct pg_work *work)
{
    buf_addz(&work->sql,
        "select count(*), coalesce(sum(pg_total_relation_size(c.oid)), 0) from pg_class c join "
        "pg_namespace n on n.oid = c.relnamespace where c.relkind = 'r' and n.nspname not in "
        "('pg_catalog', 'information_schema') and n.nspname !~ '^pg_t'");
}

const struct pg_type pg_database = {.name = "database",
    .keys = "name",
    .catalog = "database",
    .server_wide = true,
    .create = database_create,
    .update = database_update,
    .remove = database_remove,
    .count = count_tables,
    .counted = "tables",
    .message = "everything in it is deleted",
    .is_made = database_is_made};

/* ---- postgres.view, plain or materialized. The server stores a query in its own form, which is recorded
 * (`as_stored`), as for tables. */

static const char *view_kind(const struct pg_work *work)
{
    return pg_work_flag(work, "materialized") ? "materialized view" : "view";
}

static const struct value *view_shape(
    struct arena *arena, const struct value *prior, const struct value *live, bool fresh)
{
    const struct value *now = value_getz(live, "query"), *configured = value_getz(prior, "query"),
                       *became = fresh ? now : value_getz(prior, "as_stored");
    if (configured && became && value_equal(became, now))
        live = value_with(arena, live, STR("query"), configured);
    return value_with(arena, live, STR("as_stored"), now);
}

static void view_write_settings(struct pg_work *work)
{
    pg_write_comment(work, view_kind(work), pg_work_name(work, "schema", "name"));
    pg_write_owner(work, view_kind(work), pg_work_name(work, "schema", "name"));
}

static void view_write_view(struct pg_work *work, const char *verb)
{
    bool barrier = pg_work_flag(work, "security_barrier");
    pg_write(work, "%s %s %s%s as\n%s;\n", str_z(verb), str_z(view_kind(work)),
        pg_work_name(work, "schema", "name"), barrier ? STR(" with (security_barrier)") : STR_EMPTY,
        query_of(work->ctx, work->desired));
}

/* An error in the query has its position in the attribute. */
static int view_run_query(struct pg_work *work, const char *verb, struct err *err)
{
    struct source_text source = {STR("query"), query_of(work->ctx, work->desired)};
    pg_write_path(work);
    view_write_view(work, verb);
    int status = session_run(work->session, buf_str(&work->sql), &source, NULL, err);
    buf_clear(&work->sql);
    return status;
}

static int view_create(struct pg_work *work, struct err *err)
{
    if (!pg_work_has(work, "comment") && !pg_work_has(work, "owner"))
        return view_run_query(work, "create", err);
    pg_write_path(work);
    view_write_view(work, "create");
    view_write_settings(work);
    return 0;
}

/* Columns can be added at the end; any other change drops and recreates the view, if nothing depends on
 * it. */
static int view_renew(struct pg_work *work, struct err *err)
{
    struct err why = *err;
    *err = (struct err)ERR_INIT;
    bool cannot = strcmp(why.code, "42P16") == 0 || pg_work_flag(work, "materialized");
    if (!cannot)
        return err_raise(err, &why);
    pg_write_path(work);
    pg_write(work, "drop %s %s;\n", str_z(view_kind(work)), pg_work_name(work, "schema", "name"));
    view_write_view(work, "create");
    const struct value *changed = work->changed;
    work->changed = NULL; /* a new view has no settings */
    view_write_settings(work);
    work->changed = changed;
    int status = pg_work_run(work, err);
    return status && strcmp(err->code, "2BP01") == 0
               ? err_hint(err, "what depends on it has to be dropped first: give that `lifecycle: "
                               "{replace_triggered_by: …}`, or the view another name")
               : status;
}

static int view_update(struct pg_work *work, struct err *err)
{
    bool materialized = pg_work_flag(work, "materialized");
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
    pg_write(work, "drop %s if exists %s", str_z(view_kind(work)), pg_work_name(work, "schema", "name"));
    return pg_work_drop(
        work, "`force_destroy: true`, or destroy --force-empty, drops what depends on it, too", err);
}

/* Creates a temporary view that is rolled back, to read the server's form of the query. */
static int view_twin(struct pg_work *work, const struct value **words, struct err *err)
{
    struct op_ctx *ctx = work->ctx;
    const struct value *twin = NULL, *name = value_getz(work->desired, "name");
    AUTO_ROWS struct rows rows = {0};
    const struct value *wanted = VALUE_MAP(ctx->arena, {STR("key"), value_stringz(ctx->arena, "twin")},
        {STR("schema"), value_stringz(ctx->arena, "pg_temp")}, {STR("name"), name});
    struct pg_work trying = {.ctx = ctx, .session = work->session, .desired = work->desired};
    buf_addz(&trying.sql, "begin;\n");
    pg_write_path(&trying);
    pg_write(&trying, "create temp view %I as %s;\nset local search_path = '';\n%s;\nrollback", name->string,
        query_of(ctx, trying.desired),
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
