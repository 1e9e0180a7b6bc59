/* postgres.schema and postgres.extension: little more than their names. */
#include "provider/postgres/type.h"

/* Whatever hangs on it, where the stack or the command agrees to that. */
static bool schema_takes_all(const struct pg_work *work)
{
    return flag_of(work->ctx, work->prior, "force_destroy") || work->teardown & TEARDOWN_EMPTY;
}

static int schema_drop(struct pg_work *work, const char *format, const char *hint, struct err *err)
{
    sql_add(&work->sql, work->session, format, pg_work_text(work, "name"),
        schema_takes_all(work) ? STR(" cascade") : STR_EMPTY);
    int status = session_change(work->session, buf_str(&work->sql), err);
    buf_clear(&work->sql);
    if (status && strcmp(err->code, "2BP01") == 0)
        err_hint(err, "%s", hint);
    return status;
}

/* ---- schema ---- */

static void schema_write_comment(struct pg_work *work)
{
    struct str comment = pg_work_text(work, "comment");
    if (pg_work_has(work, "comment"))
        sql_add(&work->sql, work->session, "comment on schema %I is %L;\n", pg_work_text(work, "name"),
            comment.n ? comment : (struct str){0});
}

static int schema_create(struct pg_work *work, struct err *err UNUSED)
{
    sql_add(&work->sql, work->session, "create schema %I", pg_work_text(work, "name"));
    if (pg_work_text(work, "owner").n)
        sql_add(&work->sql, work->session, " authorization %I", pg_work_text(work, "owner"));
    buf_addz(&work->sql, ";\n");
    schema_write_comment(work);
    return 0;
}

static int schema_update(struct pg_work *work, struct err *err UNUSED)
{
    if (pg_work_has(work, "owner") && pg_work_text(work, "owner").n)
        sql_add(&work->sql, work->session, "alter schema %I owner to %I;\n", pg_work_text(work, "name"),
            pg_work_text(work, "owner"));
    schema_write_comment(work);
    return 0;
}

static int schema_remove(struct pg_work *work, struct err *err)
{
    return schema_drop(work, "drop schema if exists %I%s",
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
    sql_add(&work->sql, work->session, "create extension %I", pg_work_text(work, "name"));
    if (pg_work_text(work, "schema").n)
        sql_add(&work->sql, work->session, " schema %I", pg_work_text(work, "schema"));
    if (pg_work_text(work, "version").n)
        sql_add(&work->sql, work->session, " version %L", pg_work_text(work, "version"));
    if (flag_of(work->ctx, work->desired, "cascade"))
        buf_addz(&work->sql, " cascade");
    return 0;
}

static int extension_update(struct pg_work *work, struct err *err UNUSED)
{
    if (pg_work_has(work, "schema") && pg_work_text(work, "schema").n)
        sql_add(&work->sql, work->session, "alter extension %I set schema %I;\n", pg_work_text(work, "name"),
            pg_work_text(work, "schema"));
    if (pg_work_has(work, "version") && pg_work_text(work, "version").n)
        sql_add(&work->sql, work->session, "alter extension %I update to %L;\n", pg_work_text(work, "name"),
            pg_work_text(work, "version"));
    return 0;
}

static int extension_remove(struct pg_work *work, struct err *err)
{
    return schema_drop(work, "drop extension if exists %I%s",
        "something uses what it brings; `force_destroy: true`, or destroy --force-empty, drops that as well",
        err);
}

const struct pg_type pg_extension = {.name = "extension",
    .keys = "name",
    .catalog = "extension",
    .create = extension_create,
    .update = extension_update,
    .remove = extension_remove};
