/* postgres.table: making, changing and dropping one; the parts are in table_*.c. */
#include "provider/postgres/postgres.h"

/* ---- what the file says ---- */

/* Names without a schema are the table's own schema's, so that they are compared with what the catalog has.
 */
static const struct value *table_qualify(struct op_ctx *ctx, const struct value *desired)
{
    const struct value *keys = value_getz(desired, "foreign_keys");
    AUTO_BUILDER struct value_builder b = VALUE_BUILDER(ctx->arena);
    for (uint32_t i = 0; keys && keys->kind == VALUE_MAP && i < keys->count; i++) {
        const struct value *key = keys->entries[i].value;
        struct str to = value_gets(key, "references");
        if (to.n && str_find_char(to, '.', 0) < 0)
            key = value_with(ctx->arena, key, STR("references"),
                value_string(ctx->arena, arena_printf(ctx->arena, "%.*s.%.*s",
                                             STR_ARG(text_of(ctx, desired, "schema")), STR_ARG(to))));
        value_builder_set(&b, keys->entries[i].key, key);
    }
    return b.n ? value_with(ctx->arena, desired, STR("foreign_keys"), value_builder_map(&b)) : desired;
}

/* A setting of a column that is not configured any more becomes an empty text: otherwise it would be nobody's
 * business. */
static const struct value *with_removed(
    struct arena *arena, const struct value *column, const struct value *before)
{
    static const char *const texts[] = {"default", "comment", "identity", "generated"};
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++)
        if (value_gets(before, texts[i]).n && !value_getz(column, texts[i]))
            column = value_with(arena, column, str_z(texts[i]), &value_empty_string);
    if (value_getb(before, "not_null") && !value_getz(column, "not_null"))
        column = value_with(arena, column, STR("not_null"), &value_false);
    return column;
}

static const struct value *note_removed(
    struct op_ctx *ctx, const struct value *recorded, const struct value *desired)
{
    const struct value *columns = value_getz(desired, "columns"), *before = value_getz(recorded, "columns");
    AUTO_BUILDER struct value_builder b = VALUE_BUILDER(ctx->arena);
    for (uint32_t i = 0; before && columns && columns->kind == VALUE_LIST && i < columns->count; i++) {
        const struct value *column = columns->items[i];
        value_builder_add(&b,
            with_removed(ctx->arena, column, value_list_find(before, "name", value_gets(column, "name"))));
    }
    return b.n ? value_with(ctx->arena, desired, STR("columns"), value_builder_list(&b)) : desired;
}

static int check_columns(const struct value *columns, struct err *err)
{
    static const char *const serials[] = {
        "serial", "bigserial", "smallserial", "serial4", "serial8", "serial2"};
    for (uint32_t i = 0; columns && columns->kind == VALUE_LIST && i < columns->count; i++) {
        struct str name = value_gets(columns->items[i], "name"), type = value_gets(columns->items[i], "type");
        if (name.n && value_list_find(columns, "name", name) != columns->items[i])
            return err_set(err, ERR_INVALID, "two columns are called \"%.*s\"", STR_ARG(name));
        for (size_t k = 0; k < sizeof serials / sizeof *serials; k++)
            if (str_ieq(type, str_z(serials[k]))) {
                err_set(err, ERR_INVALID,
                    "the column \"%.*s\" is %s, which is not a type but a short form that leaves a sequence "
                    "behind",
                    STR_ARG(name), serials[k]);
                return err_hint(err, "say `type: bigint` and `identity: always`");
            }
    }
    return 0;
}

static int table_prepare(struct op_ctx *ctx, const struct preparation *how, const struct value *desired,
    const struct value **prepared, struct err *err)
{
    *prepared = note_removed(ctx, how->recorded, table_qualify(ctx, desired));
    return check_columns(value_getz(desired, "columns"), err);
}

/* ---- the server ---- */

static int table_create(struct pg_work *work, struct err *err UNUSED)
{
    sql_add(&work->sql, work->session, "set local search_path = %I, public;\n",
        text_of(work->ctx, work->desired, "schema"));
    table_write(work, false);
    return 0;
}

/* Statements for both, and what they have to begin with. */
static int table_compare(struct pg_work *work, const struct value **checked, struct err *err)
{
    const struct value *now, *twin;
    if (table_twin(work, &twin, err) || table_now(work, &now, err))
        return -1;
    if (!now)
        return err_set(err, ERR_STALE, "the table is not there any more");
    sql_add(&work->sql, work->session, "set local search_path = %I, public;\n",
        text_of(work->ctx, work->desired, "schema"));
    size_t head = work->sql.n;
    if (table_alter(work, now, twin, checked, err))
        return -1;
    if (work->sql.n == head)
        buf_clear(&work->sql); /* nothing to do by one message */
    return 0;
}

/* Rows are looked at under a lock that lets others read and write, and only then the column is closed. */
static int close_column(struct pg_work *work, struct str column, uint32_t number, struct err *err)
{
    struct str table = table_name(work), name = arena_printf(work->ctx->arena, "weir_not_null_%u", number);
    AUTO_BUF struct buf sql = BUF_INIT;
    sql_add(&sql, work->session,
        "alter table %s drop constraint if exists %I, add constraint %I check (%I is not null) not valid",
        table, name, name, column);
    if (session_change(work->session, buf_str(&sql), err))
        return -1;
    buf_clear(&sql);
    sql_add(&sql, work->session, "alter table %s validate constraint %I", table, name);
    int status = session_change(work->session, buf_str(&sql), err);
    buf_clear(&sql);
    if (!status) {
        sql_add(&sql, work->session, "alter table %s alter column %I set not null, drop constraint %I", table,
            column, name);
        return session_change(work->session, buf_str(&sql), err);
    }
    sql_add(&sql, work->session, "alter table %s drop constraint if exists %I", table, name);
    session_change(work->session, buf_str(&sql), ERR_IGNORED);
    if (strcmp(err->code, "23514") != 0)
        return -1;
    err_set(err, ERR_SERVICE, "the column \"%.*s\" has rows without a value", STR_ARG(column));
    return err_hint(err, "give them one first, in a postgres.migrations");
}

static int table_run_alter(struct pg_work *work, struct err *err)
{
    if (!work->sql.n || !session_change(work->session, buf_str(&work->sql), err))
        return 0;
    if (strcmp(err->code, "0A000") == 0 && !err->hint[0]) /* feature_not_supported: a view shows the column */
        err_hint(
            err, "what shows the column has to be gone meanwhile: leave it out of the file for one apply");
    return -1;
}

/* Until nothing is left to do: some of it needs columns that are closed. */
static int table_update(struct pg_work *work, struct err *err)
{
    const struct value *checked = NULL;
    do {
        buf_clear(&work->sql);
        if (table_compare(work, &checked, err) || table_run_alter(work, err))
            return -1;
        for (uint32_t i = 0; i < checked->count; i++)
            if (close_column(work, checked->items[i]->string, i, err))
                return -1;
    } while (checked->count);
    buf_clear(&work->sql);
    return 0;
}

static int table_remove(struct pg_work *work, struct err *err)
{
    sql_add(&work->sql, work->session, "drop table if exists %s", table_name(work));
    return pg_work_drop(
        work, "`force_destroy: true`, or destroy --force-empty, drops what hangs on it as well", err);
}

/* What would be refused when it is carried out is refused when it is planned. */
static int table_plan(struct op_ctx *ctx, const struct value *desired, const struct value *prior,
    const struct value **planned, struct err *err)
{
    struct pg_work work = {.ctx = ctx, .prior = prior, .desired = desired, .changed = &value_empty_list};
    const struct value *checked;
    if (!prior)
        return 0;
    *planned = value_with(ctx->arena, *planned, STR("as_stored"), &value_unknown);
    if (object_session(ctx, desired, &work.session, err))
        return -1;
    int status = table_compare(&work, &checked, err);
    session_give(&work.session);
    buf_release(&work.sql);
    return status;
}

/* Is it what an interrupted creation would have made? */
static int table_is_made(struct op_ctx *ctx, const struct value *desired, const struct value *live UNUSED,
    bool *made, struct err *err)
{
    struct pg_work work = {.ctx = ctx, .desired = desired};
    const struct value *now = NULL, *twin;
    static const char *const parts[] = {
        "columns", "primary_key", "unique", "checks", "indexes", "partition_by", "partitions"};
    if (object_session(ctx, desired, &work.session, err))
        return -1;
    int status = table_twin(&work, &twin, err) || table_now(&work, &now, err);
    session_give(&work.session);
    *made = !status && now;
    for (size_t i = 0; *made && i < sizeof parts / sizeof *parts; i++)
        *made = value_equal(value_getz(now, parts[i]), value_getz(twin, parts[i]));
    return status ? -1 : 0;
}

/* Counting goes no further than a million: it is shown, not worked with. */
static void count_rows(struct pg_work *work)
{
    struct str table = table_name(work);
    sql_add(&work->sql, work->session,
        "select count(*), pg_total_relation_size(%L::regclass) + (select coalesce(sum(pg_total_relation_size("
        "relid)), 0) from pg_partition_tree(%L) where level > 0) from (select from %s limit 1000000) q",
        table, table, table);
}

const struct pg_type pg_table = {.name = "table",
    .keys = "schema name",
    .catalog = "table",
    .create = table_create,
    .update = table_update,
    .remove = table_remove,
    .shape = table_shape,
    .remember = table_twin,
    .prepare = table_prepare,
    .plan = table_plan,
    .count = count_rows,
    .counted = "rows",
    .says = "its rows are deleted",
    .is_made = table_is_made};
