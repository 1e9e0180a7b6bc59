/* postgres.schema and postgres.extension: little more than their names. */
#include "provider/postgres/type.h"

static struct str text(const struct work *work, const char *name)
{
    return text_of(work->ctx, work->desired ? work->desired : work->prior, name);
}

/* Whatever hangs on it, where the stack or the command agrees to that. */
static bool takes_all(const struct work *work)
{
    return flag_of(work->ctx, work->prior, "force_destroy") || work->ctx->teardown & TEARDOWN_EMPTY;
}

static int drop(struct work *work, const char *format, const char *hint, struct err *err)
{
    sql_add(
        &work->sql, work->session, format, text(work, "name"), takes_all(work) ? STR(" cascade") : STR_EMPTY);
    int status = session_change(work->session, buf_str(&work->sql), err);
    buf_clear(&work->sql);
    if (status && strcmp(err->code, "2BP01") == 0)
        err_hint(err, "%s", hint);
    return status;
}

/* ---- schema ---- */

static void write_comment(struct work *work)
{
    struct str comment = text(work, "comment");
    if (work_has(work, "comment"))
        sql_add(&work->sql, work->session, "comment on schema %I is %L;\n", text(work, "name"),
            comment.n ? comment : (struct str){0});
}

static int schema_create(struct work *work, struct err *err)
{
    (void)err;
    sql_add(&work->sql, work->session, "create schema %I", text(work, "name"));
    if (text(work, "owner").n)
        sql_add(&work->sql, work->session, " authorization %I", text(work, "owner"));
    buf_addz(&work->sql, ";\n");
    write_comment(work);
    return 0;
}

static int schema_update(struct work *work, struct err *err)
{
    (void)err;
    if (work_has(work, "owner") && text(work, "owner").n)
        sql_add(&work->sql, work->session, "alter schema %I owner to %I;\n", text(work, "name"),
            text(work, "owner"));
    write_comment(work);
    return 0;
}

static int schema_remove(struct work *work, struct err *err)
{
    return drop(work, "drop schema if exists %I%s",
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

static int extension_create(struct work *work, struct err *err)
{
    (void)err;
    sql_add(&work->sql, work->session, "create extension %I", text(work, "name"));
    if (text(work, "schema").n)
        sql_add(&work->sql, work->session, " schema %I", text(work, "schema"));
    if (text(work, "version").n)
        sql_add(&work->sql, work->session, " version %L", text(work, "version"));
    if (flag_of(work->ctx, work->desired, "cascade"))
        buf_addz(&work->sql, " cascade");
    return 0;
}

static int extension_update(struct work *work, struct err *err)
{
    (void)err;
    if (work_has(work, "schema") && text(work, "schema").n)
        sql_add(&work->sql, work->session, "alter extension %I set schema %I;\n", text(work, "name"),
            text(work, "schema"));
    if (work_has(work, "version") && text(work, "version").n)
        sql_add(&work->sql, work->session, "alter extension %I update to %L;\n", text(work, "name"),
            text(work, "version"));
    return 0;
}

static int extension_remove(struct work *work, struct err *err)
{
    return drop(work, "drop extension if exists %I%s",
        "something uses what it brings; `force_destroy: true`, or destroy --force-empty, drops that as well",
        err);
}

const struct pg_type pg_extension = {.name = "extension",
    .keys = "name",
    .catalog = "extension",
    .create = extension_create,
    .update = extension_update,
    .remove = extension_remove};
