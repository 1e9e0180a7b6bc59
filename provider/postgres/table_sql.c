/* A table's definition as statements. */
#include "provider/postgres/table.h"

static struct str table_field(const struct value *map, const char *name)
{
    return value_gets(map, name);
}

struct str table_name(struct pg_work *work)
{
    return pg_work_name(work, "schema", "name");
}

void table_write_column(struct pg_work *work, const struct value *column)
{
    struct buf *sql = &work->sql;
    sql_add(sql, work->session, "%I %s", table_field(column, "name"), table_field(column, "type"));
    if (table_field(column, "collation").n)
        sql_add(sql, work->session, " collate %I", table_field(column, "collation"));
    if (value_getb(column, "not_null"))
        buf_addz(sql, " not null");
    if (table_field(column, "default").n)
        sql_add(sql, work->session, " default %s", table_field(column, "default"));
    if (table_field(column, "generated").n)
        sql_add(sql, work->session, " generated always as (%s) stored", table_field(column, "generated"));
    if (table_field(column, "identity").n)
        sql_add(sql, work->session, " generated %s as identity", table_field(column, "identity"));
}

static void table_write_list(struct pg_work *work, const char *format, const struct value *names)
{
    sql_add(&work->sql, work->session, "%s (", str_z(format));
    sql_add_idents(&work->sql, work->session, names);
    buf_add_char(&work->sql, ')');
}

/* "schema.table", each quoted. */
static void write_reference(struct pg_work *work, struct str table)
{
    struct str name, schema = str_cut(table, '.', &name);
    if (name.p)
        sql_add(&work->sql, work->session, "%I.%I", schema, name);
    else
        sql_add(&work->sql, work->session, "%I", schema);
}

void table_write_foreign_key(struct pg_work *work, const struct value *key)
{
    static const char *const events[][2] = {{"on_delete", " on delete %s"}, {"on_update", " on update %s"}};
    table_write_list(work, "foreign key", value_getz(key, "columns"));
    buf_addz(&work->sql, " references ");
    write_reference(work, table_field(key, "references"));
    if (value_getz(key, "to"))
        table_write_list(work, "", value_getz(key, "to"));
    for (size_t i = 0; i < 2; i++)
        if (table_field(key, events[i][0]).n)
            sql_add(&work->sql, work->session, events[i][1], table_field(key, events[i][0]));
    if (value_getb(key, "deferrable"))
        buf_addz(&work->sql, " deferrable");
}

/* "unique using gin (a)": `unique` goes before the index's name, the rest after the table's. */
void table_write_index(struct pg_work *work, struct str name, struct str definition, struct str table)
{
    static const struct str unique = STR_INIT("unique ");
    bool is_unique = definition.n > unique.n && str_ieq(str_slice(definition, 0, unique.n), unique);
    if (is_unique)
        definition = str_slice(definition, unique.n, definition.n);
    sql_add(&work->sql, work->session, "create %sindex %I on %s %s;\n", is_unique ? unique : STR_EMPTY, name,
        table, definition);
}

void table_write_partition(
    struct pg_work *work, struct str name, struct str bounds, struct str schema, struct str table)
{
    bool twin = !schema.n;
    if (twin)
        sql_add(&work->sql, work->session, "create temp table %I partition of %s %s;\n", name, table, bounds);
    else
        sql_add(&work->sql, work->session, "create table %I.%I partition of %s %s;\n", schema, name, table,
            bounds);
}

/* ---- the whole ---- */

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
        sql_add(&work->sql, work->session, ",\n  constraint %I ", unique->entries[i].key);
        table_write_list(work, "unique", unique->entries[i].value);
    }
    for (uint32_t i = 0; checks && i < checks->count; i++)
        sql_add(&work->sql, work->session, ",\n  constraint %I check (%s)", checks->entries[i].key,
            checks->entries[i].value->string);
    for (uint32_t i = 0; foreign && !twin && i < foreign->count; i++) {
        sql_add(&work->sql, work->session, ",\n  constraint %I ", foreign->entries[i].key);
        table_write_foreign_key(work, foreign->entries[i].value);
    }
}

static void table_write_comments(struct pg_work *work, struct str table)
{
    const struct value *columns = value_getz(work->desired, "columns");
    struct str comment = text_of(work->ctx, work->desired, "comment");
    if (comment.n)
        sql_add(&work->sql, work->session, "comment on table %s is %L;\n", table, comment);
    for (uint32_t i = 0; columns && i < columns->count; i++)
        if (table_field(columns->items[i], "comment").n)
            sql_add(&work->sql, work->session, "comment on column %s.%I is %L;\n", table,
                table_field(columns->items[i], "name"), table_field(columns->items[i], "comment"));
}

void table_write(struct pg_work *work, bool twin)
{
    const struct value *columns = value_getz(work->desired, "columns"),
                       *indexes = value_getz(work->desired, "indexes"),
                       *partitions = value_getz(work->desired, "partitions");
    struct str schema = text_of(work->ctx, work->desired, "schema"),
               name = text_of(work->ctx, work->desired, "name");
    struct str by = text_of(work->ctx, work->desired, "partition_by"),
               owner = text_of(work->ctx, work->desired, "owner");
    AUTO_BUF struct buf table = BUF_INIT;
    if (twin)
        sql_add(&table, work->session, "pg_temp.%I", name);
    else
        sql_add(&table, work->session, "%I.%I", schema, name);
    bool unlogged = !twin && flag_of(work->ctx, work->desired, "unlogged");
    sql_add(&work->sql, work->session, "create %stable %s (", unlogged ? STR("unlogged ") : STR_EMPTY,
        buf_str(&table));
    for (uint32_t i = 0; columns && i < columns->count; i++) {
        buf_addz(&work->sql, i ? ",\n  " : "\n  ");
        table_write_column(work, columns->items[i]);
    }
    table_write_constraints(work, twin);
    sql_add(&work->sql, work->session, by.n ? ")\npartition by %s;\n" : ");\n", by);
    for (uint32_t i = 0; partitions && i < partitions->count; i++)
        table_write_partition(work, partitions->entries[i].key, partitions->entries[i].value->string,
            twin ? STR_EMPTY : schema, buf_str(&table));
    for (uint32_t i = 0; indexes && i < indexes->count; i++)
        table_write_index(work, indexes->entries[i].key, indexes->entries[i].value->string, buf_str(&table));
    table_write_comments(work, buf_str(&table));
    if (owner.n && !twin)
        sql_add(&work->sql, work->session, "alter table %s owner to %I;\n", buf_str(&table), owner);
}
