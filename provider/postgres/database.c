/* postgres.database. The server makes and drops databases outside of transactions, one statement at a time.
 */
#include "provider/postgres/type.h"

static void database_add_option(struct pg_work *work, const char *attribute, const char *format)
{
    struct str v = text_of(work->ctx, work->desired, attribute);
    if (v.n)
        sql_add(&work->sql, work->session, format, v);
}

static void database_write_comment(struct pg_work *work)
{
    struct str name = text_of(work->ctx, work->desired, "name"),
               comment = text_of(work->ctx, work->desired, "comment");
    if (pg_work_has(work, "comment"))
        sql_add(&work->sql, work->session, "comment on database %I is %L;\n", name,
            comment.n ? comment : (struct str){0});
}

/* Whole numbers, of those that are given or change. */
static void database_write_settings(struct pg_work *work)
{
    struct str name = text_of(work->ctx, work->desired, "name");
    const struct value *limit = value_getz(work->desired, "connection_limit");
    if (pg_work_has(work, "connection_limit"))
        sql_add(&work->sql, work->session, "alter database %I connection limit %s;\n", name,
            limit ? value_scalar_text(work->ctx->arena, limit) : STR("-1"));
    if (pg_work_has(work, "allow_connections"))
        sql_add(&work->sql, work->session, "alter database %I allow_connections %s;\n", name,
            flag_of(work->ctx, work->desired, "allow_connections") ? STR("true") : STR("false"));
}

static int database_is_made(
    struct op_ctx *ctx, const struct value *desired, const struct value *live, bool *made, struct err *err);

/* A server goes on with what it was sent by a run that has been killed since. */
static bool came_after_all(struct pg_work *work, const struct err *why)
{
    const struct value *live = NULL;
    bool made = false;
    bool exists = why->class == ERR_EXISTS || strcmp(why->code, "23505") == 0;
    if (!exists || !work->again ||
        catalog_look(work->session, work->ctx, &pg_database, work->desired, true, &live, ERR_IGNORED) ||
        !live)
        return false;
    return !database_is_made(work->ctx, work->desired, live, &made, ERR_IGNORED) && made;
}

static int database_create(struct pg_work *work, struct err *err)
{
    struct err why = ERR_INIT;
    sql_add(&work->sql, work->session, "create database %I", text_of(work->ctx, work->desired, "name"));
    database_add_option(work, "owner", " owner %I");
    database_add_option(work, "template", " template %I");
    database_add_option(work, "encoding", " encoding %L");
    database_add_option(work, "collate", " lc_collate %L");
    database_add_option(work, "ctype", " lc_ctype %L");
    database_add_option(work, "tablespace", " tablespace %I");
    if (session_change(work->session, buf_str(&work->sql), &why) && !came_after_all(work, &why))
        return err_raise(err, &why);
    buf_clear(&work->sql);
    database_write_settings(work);
    database_write_comment(work);
    return 0;
}

static int database_update(struct pg_work *work, struct err *err)
{
    struct str name = text_of(work->ctx, work->desired, "name"),
               tablespace = text_of(work->ctx, work->desired, "tablespace");
    if (pg_work_has(work, "tablespace") && tablespace.n) {
        sql_add(&work->sql, work->session, "alter database %I set tablespace %I", name, tablespace);
        if (session_change(work->session, buf_str(&work->sql), err))
            return -1;
        buf_clear(&work->sql);
    }
    if (pg_work_has(work, "owner") && text_of(work->ctx, work->desired, "owner").n)
        sql_add(&work->sql, work->session, "alter database %I owner to %I;\n", name,
            text_of(work->ctx, work->desired, "owner"));
    database_write_settings(work);
    database_write_comment(work);
    return 0;
}

static int database_remove(struct pg_work *work, struct err *err)
{
    struct str name = text_of(work->ctx, work->prior, "name");
    bool force = flag_of(work->ctx, work->prior, "force_destroy") || work->teardown & TEARDOWN_EMPTY;
    server_forget(name);
    sql_add(&work->sql, work->session,
        force ? "drop database if exists %I with (force)" : "drop database if exists %I", name);
    int status = session_change(work->session, buf_str(&work->sql), err);
    buf_clear(&work->sql);
    if (status && strcmp(err->code, "55006") == 0)
        err_hint(err, "others are connected to it; `force_destroy: true` ends their sessions");
    return status;
}

/* Made by one statement, and given its comment by another. */
static int database_is_made(struct op_ctx *ctx, const struct value *desired, const struct value *live,
    bool *made, struct err *err UNUSED)
{
    static const char *const with_it[] = {"owner", "encoding", "collate", "ctype", "tablespace"};
    *made = true;
    for (size_t i = 0; i < sizeof with_it / sizeof *with_it; i++) {
        const struct value *v = value_getz(desired, with_it[i]);
        *made = *made && (value_is_null(v) || str_eq(v->string, text_of(ctx, live, with_it[i])));
    }
    return 0;
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
    .says = "everything in it is deleted",
    .is_made = database_is_made};
