/* postgres.table: creates, changes and drops a table; writes its definition as SQL, and converts the
 * catalog's form to the configured one. */
#include "provider/postgres/postgres.h"

/* ---- Which types accept every value of another type unchanged, so that a column may be converted without
 * consent. */

/* Splits "numeric(10,2)" into "numeric" and its numbers. */
static struct str bare_type(struct str type, int64_t numbers[2])
{
    ptrdiff_t open = str_find_char(type, '(', 0);
    numbers[0] = numbers[1] = -1;
    if (open < 0)
        return type;
    ptrdiff_t close = str_find_char(type, ')', (size_t)open);
    struct str second, inner = str_slice(type, (size_t)open + 1, close < 0 ? type.n : (size_t)close);
    struct str first = str_cut(inner, ',', &second);
    str_to_int(str_trim(first), &numbers[0]);
    if (second.p)
        str_to_int(str_trim(second), &numbers[1]);
    return str_trim(str_slice(type, 0, (size_t)open));
}

static int type_widens_rank(struct str type, const char *const *order, int n)
{
    for (int i = 0; i < n; i++)
        if (str_eqz(type, order[i]))
            return i;
    return -1;
}

bool type_widens(struct str from, struct str to)
{
    static const char *const whole[] = {"smallint", "integer", "bigint", "numeric"}, *const real[] = {"real",
                                                                                         "double precision"};
    int64_t a[2], b[2];
    struct str was = bare_type(from, a), is = bare_type(to, b);
    bool text = str_eqz(was, "character varying") || str_eqz(was, "text");
    if (text && str_eqz(is, "text"))
        return true;
    if (text && str_eqz(is, "character varying"))
        return b[0] < 0 || (a[0] >= 0 && a[0] <= b[0]);
    if (str_eqz(was, "numeric") && str_eq(was, is))
        return b[0] < 0 || (a[0] >= 0 && (b[1] < 0 ? 0 : b[1]) == (a[1] < 0 ? 0 : a[1]) && b[0] >= a[0]);
    int first = type_widens_rank(was, whole, 4), second = type_widens_rank(is, whole, 4);
    if (first >= 0 && second > first)
        return b[0] < 0;
    first = type_widens_rank(was, real, 2), second = type_widens_rank(is, real, 2);
    return (first >= 0 && second > first) || (str_eq(was, is) && a[0] >= 0 && (b[0] < 0 || b[0] >= a[0]) &&
                                                 str_starts(was, STR("bit varying")));
}

/* ---- The catalog's form of a table, converted to the configured form where that is still valid. */

/* Returns the configured value if the live value is the recorded server form of it. */
static const struct value *shape_word(
    const struct value *configured, const struct value *became, const struct value *now)
{
    return configured && became && value_equal(became, now) ? configured : now;
}

static const struct value *map_words(
    struct arena *arena, const struct value *configured, const struct value *became, const struct value *now)
{
    AUTO_BUILDER struct value_builder b = VALUE_BUILDER(arena);
    for (uint32_t i = 0; now && i < now->count; i++) {
        struct str key = now->entries[i].key;
        value_builder_set(
            &b, key, shape_word(value_get(configured, key), value_get(became, key), now->entries[i].value));
    }
    return value_builder_map(&b);
}

/* Keeps the configured order. Columns added by others are not managed; a table read for the first time shows
 * all columns. */
static const struct value *column_words(
    struct arena *arena, const struct value *configured, const struct value *became, const struct value *now)
{
    AUTO_BUILDER struct value_builder b = VALUE_BUILDER(arena);
    for (uint32_t i = 0; configured && i < configured->count; i++) {
        struct str name = value_gets(configured->items[i], "name");
        const struct value *column = value_list_find(now, "name", name);
        if (column)
            value_builder_add(
                &b, shape_word(configured->items[i], value_list_find(became, "name", name), column));
    }
    for (uint32_t i = 0; now && !became && i < now->count; i++)
        if (!value_list_find(configured, "name", value_gets(now->items[i], "name")))
            value_builder_add(&b, now->items[i]);
    return value_builder_list(&b);
}

const struct value *table_shape(
    struct arena *arena, const struct value *prior, const struct value *live, bool fresh)
{
    static const char *const stored[] = {"checks", "columns", "indexes", "partition_by", "partitions"};
    AUTO_BUILDER struct value_builder kept = VALUE_BUILDER(arena);
    const struct value *memory = fresh ? live : value_getz(prior, "as_stored"), *shown = live;
    for (size_t i = 0; i < sizeof stored / sizeof *stored; i++) {
        struct str name = str_z(stored[i]);
        const struct value *configured = value_get(prior, name), *became = value_get(memory, name),
                           *now = value_get(live, name);
        if (!now)
            continue;
        value_builder_set(&kept, name, now);
        const struct value *v = now->kind == VALUE_LIST  ? column_words(arena, configured, became, now)
                                : now->kind == VALUE_MAP ? map_words(arena, configured, became, now)
                                                         : shape_word(configured, became, now);
        shown = value_with(arena, shown, name, v);
    }
    shown = value_with(arena, shown, STR("as_stored"), value_builder_map(&kept));
    return value_with(arena, shown, STR("primary_key_name"), NULL);
}

struct str table_name(struct pg_work *work)
{
    return pg_work_name(work, "schema", "name");
}

void table_write_column(struct pg_work *work, const struct value *column)
{
    struct buf *sql = &work->sql;
    sql_add(sql, work->session, "%I %s", value_gets(column, "name"), value_gets(column, "type"));
    if (value_gets(column, "collation").n)
        sql_add(sql, work->session, " collate %I", value_gets(column, "collation"));
    if (value_getb(column, "not_null"))
        buf_addz(sql, " not null");
    if (value_gets(column, "default").n)
        sql_add(sql, work->session, " default %s", value_gets(column, "default"));
    if (value_gets(column, "generated").n)
        sql_add(sql, work->session, " generated always as (%s) stored", value_gets(column, "generated"));
    if (value_gets(column, "identity").n)
        sql_add(sql, work->session, " generated %s as identity", value_gets(column, "identity"));
}

static void table_write_list(struct pg_work *work, const char *format, const struct value *names)
{
    pg_write(work, "%s (", str_z(format));
    sql_add_idents(&work->sql, work->session, names);
    buf_add_char(&work->sql, ')');
}

/* Writes "schema.table", each quoted. */
static void write_reference(struct pg_work *work, struct str table)
{
    struct str name, schema = str_cut(table, '.', &name);
    if (name.p)
        pg_write(work, "%I.%I", schema, name);
    else
        pg_write(work, "%I", schema);
}

void table_write_foreign_key(struct pg_work *work, const struct value *key)
{
    static const char *const events[][2] = {{"on_delete", " on delete %s"}, {"on_update", " on update %s"}};
    table_write_list(work, "foreign key", value_getz(key, "columns"));
    buf_addz(&work->sql, " references ");
    write_reference(work, value_gets(key, "references"));
    if (value_getz(key, "to"))
        table_write_list(work, "", value_getz(key, "to"));
    for (size_t i = 0; i < 2; i++)
        if (value_gets(key, events[i][0]).n)
            pg_write(work, events[i][1], value_gets(key, events[i][0]));
    if (value_getb(key, "deferrable"))
        buf_addz(&work->sql, " deferrable");
}

/* For "unique using gin (a)", `unique` precedes the index's name, the rest follows the table's. */
void table_write_index(struct pg_work *work, struct str name, struct str definition, struct str table)
{
    static const struct str unique = STR_INIT("unique ");
    bool is_unique = definition.n > unique.n && str_ieq(str_slice(definition, 0, unique.n), unique);
    if (is_unique)
        definition = str_slice(definition, unique.n, definition.n);
    pg_write(work, "create %sindex %I on %s %s;\n", is_unique ? unique : STR_EMPTY, name, table, definition);
}

void table_write_partition(
    struct pg_work *work, struct str name, struct str bounds, struct str schema, struct str table)
{
    bool twin = !schema.n;
    if (twin)
        pg_write(work, "create temp table %I partition of %s %s;\n", name, table, bounds);
    else
        pg_write(work, "create table %I.%I partition of %s %s;\n", schema, name, table, bounds);
}

/* ---- the whole table ---- */

static void table_write_constraints(struct pg_work *work, bool twin)
{
    const struct value *d = work->desired, *unique = value_getz(d, "unique"),
                       *checks = value_getz(d, "checks"), *foreign = value_getz(d, "foreign_keys"),
                       *primary = value_getz(d, "primary_key");
    if (primary && primary->count) {
        buf_addz(&work->sql, ",\n  ");
        table_write_list(work, "primary key", primary);
    }
    for (uint32_t i = 0; unique && i < unique->count; i++) {
        pg_write(work, ",\n  constraint %I ", unique->entries[i].key);
        table_write_list(work, "unique", unique->entries[i].value);
    }
    for (uint32_t i = 0; checks && i < checks->count; i++)
        pg_write(
            work, ",\n  constraint %I check (%s)", checks->entries[i].key, checks->entries[i].value->string);
    for (uint32_t i = 0; foreign && !twin && i < foreign->count; i++) {
        pg_write(work, ",\n  constraint %I ", foreign->entries[i].key);
        table_write_foreign_key(work, foreign->entries[i].value);
    }
}

static void table_write_comments(struct pg_work *work, struct str table)
{
    const struct value *columns = value_getz(work->desired, "columns");
    struct str comment = pg_work_text(work, "comment");
    if (comment.n)
        pg_write(work, "comment on table %s is %L;\n", table, comment);
    for (uint32_t i = 0; columns && i < columns->count; i++)
        if (value_gets(columns->items[i], "comment").n)
            pg_write(work, "comment on column %s.%I is %L;\n", table, value_gets(columns->items[i], "name"),
                value_gets(columns->items[i], "comment"));
}

void table_write(struct pg_work *work, bool twin)
{
    const struct value *columns = value_getz(work->desired, "columns"),
                       *indexes = value_getz(work->desired, "indexes"),
                       *partitions = value_getz(work->desired, "partitions");
    struct str schema = pg_work_text(work, "schema"), name = pg_work_text(work, "name");
    struct str by = pg_work_text(work, "partition_by"), owner = pg_work_text(work, "owner");
    AUTO_BUF struct buf table = BUF_INIT;
    if (twin)
        sql_add(&table, work->session, "pg_temp.%I", name);
    else
        sql_add(&table, work->session, "%I.%I", schema, name);
    bool unlogged = !twin && pg_work_flag(work, "unlogged");
    pg_write(work, "create %stable %s (", unlogged ? STR("unlogged ") : STR_EMPTY, buf_str(&table));
    for (uint32_t i = 0; columns && i < columns->count; i++) {
        buf_addz(&work->sql, i ? ",\n  " : "\n  ");
        table_write_column(work, columns->items[i]);
    }
    table_write_constraints(work, twin);
    pg_write(work, by.n ? ")\npartition by %s;\n" : ");\n", by);
    for (uint32_t i = 0; partitions && i < partitions->count; i++)
        table_write_partition(work, partitions->entries[i].key, partitions->entries[i].value->string,
            twin ? STR_EMPTY : schema, buf_str(&table));
    for (uint32_t i = 0; indexes && i < indexes->count; i++)
        table_write_index(work, indexes->entries[i].key, indexes->entries[i].value->string, buf_str(&table));
    table_write_comments(work, buf_str(&table));
    if (owner.n && !twin)
        pg_write(work, "alter table %s owner to %I;\n", buf_str(&table), owner);
}

/* ---- the configured table ---- */

/* Adds the table's own schema to names without one, for the comparison with the catalog. */
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
                                             STR_ARG(op_text(ctx, desired, "schema")), STR_ARG(to))));
        value_builder_set(&b, keys->entries[i].key, key);
    }
    return b.n ? value_with(ctx->arena, desired, STR("foreign_keys"), value_builder_map(&b)) : desired;
}

/* A column setting removed from the configuration becomes an empty string; otherwise it would not be managed
 * any more. */
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
    pg_write_path(work);
    table_write(work, false);
    return 0;
}

/* Writes the statements for the change, after a common search_path. */
static int table_compare(struct pg_work *work, const struct value **checked, struct err *err)
{
    const struct value *now, *twin;
    if (table_twin(work, &twin, err) || table_now(work, &now, err))
        return -1;
    if (!now)
        return err_set(err, ERR_STALE, "the table no longer exists");
    pg_write_path(work);
    size_t head = work->sql.n;
    if (table_alter(work, now, twin, checked, err))
        return -1;
    if (work->sql.n == head)
        buf_clear(&work->sql); /* no statements for this message */
    return 0;
}

/* Makes a column not null: rows are checked under a lock that allows reads and writes, before the column is
 * changed. */
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
    if (strcmp(err->code, "0A000") == 0 && !err->hint[0]) /* feature_not_supported: a view uses the column */
        err_hint(
            err, "views of the column have to be dropped first: leave them out of the file for one apply");
    return -1;
}

/* Repeats until nothing is left to change: some changes require columns that are not null. */
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
    pg_write(work, "drop table if exists %s", table_name(work));
    return pg_work_drop(
        work, "`force_destroy: true`, or destroy --force-empty, drops what depends on it, too", err);
}

/* A change that would be refused is refused at plan time. */
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

/* Whether the table is what an interrupted creation would have created. */
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

/* Counts at most a million rows, since the number is only shown. */
static void count_rows(struct pg_work *work)
{
    struct str table = table_name(work);
    pg_write(work,
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
    .message = "its rows are deleted",
    .is_made = table_is_made};
