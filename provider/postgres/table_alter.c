/*
 * Changes a table to the desired one. Compares two forms of the catalog, so that only differences for the
 * server count. A change that would lose data, or rewrite it in another type, needs consent (`allow`).
 */
#include "provider/postgres/postgres.h"

/* ---- the two catalog forms ---- */

int table_twin(struct pg_work *work, const struct value **twin, struct err *err)
{
    struct op_ctx *ctx = work->ctx;
    const struct value *wanted = VALUE_MAP(ctx->arena, {STR("key"), value_stringz(ctx->arena, "twin")},
        {STR("schema"), value_stringz(ctx->arena, "pg_temp")},
        {STR("name"), value_getz(work->desired, "name")});
    struct pg_work making = {.ctx = ctx, .session = work->session, .desired = work->desired};
    AUTO_ROWS struct rows rows = {0};
    sql_add(&making.sql, work->session, "begin; set local search_path = %I, public;\n",
        op_text(ctx, work->desired, "schema"));
    table_write(&making, true);
    buf_addz(&making.sql, "set local search_path = '';\n");
    buf_add_str(
        &making.sql, catalog_query(work->session, ctx->arena, "table", value_list(ctx->arena, &wanted, 1)));
    buf_addz(&making.sql, ";\nrollback");
    int status = session_run(work->session, buf_str(&making.sql), NULL, &rows, err);
    buf_release(&making.sql);
    if (status && session_in_transaction(work->session))
        session_run(work->session, STR("rollback"), NULL, NULL, ERR_IGNORED);
    if (status && (str_starts(str_z(err->code), STR("42")) || str_starts(str_z(err->code), STR("22"))))
        err->class = ERR_INVALID; /* the configuration is invalid */
    if (status)
        return err_context(err, "trying the definition");
    return catalog_row(ctx, &rows, twin, err);
}

int table_now(struct pg_work *work, const struct value **now, struct err *err)
{
    struct op_ctx *ctx = work->ctx;
    const struct value *wanted = VALUE_MAP(ctx->arena, {STR("key"), value_stringz(ctx->arena, "now")},
        {STR("schema"), value_string(ctx->arena, op_text(ctx, work->desired, "schema"))},
        {STR("name"), value_getz(work->desired, "name")});
    struct str query = catalog_query(work->session, ctx->arena, "table", value_list(ctx->arena, &wanted, 1));
    AUTO_ROWS struct rows rows = {0};
    struct str sql = arena_printf(ctx->arena, "set local search_path = '';\n%.*s", STR_ARG(query));
    return session_run(work->session, sql, NULL, &rows, err) ? -1 : catalog_row(ctx, &rows, now, err);
}

/* ---- consent ---- */

static bool alter_allows(const struct pg_work *work, const char *what)
{
    const struct value *list = value_getz(work->desired, "allow");
    for (uint32_t i = 0; list && i < list->count; i++)
        if (str_eqz(list->items[i]->string, what))
            return true;
    return false;
}

static int alter_refuse(const char *what, struct err *err, const char *hint)
{
    return what ? err_hint(err, "%s; `allow: [%s]` agrees to it", hint, what) : err_hint(err, "%s", hint);
}

/* ---- columns ---- */

struct altering {
    struct pg_work *work;
    struct str table;
    const struct value *now, *twin;
    struct value_builder *checked;
};

static void alter_column(struct altering *a, struct str column, const char *format, struct str rest)
{
    pg_write(a->work, "alter table %s alter column %I ", a->table, column);
    pg_write(a->work, format, rest);
    buf_addz(&a->work->sql, ";\n");
}

static int alter_type(
    struct altering *a, struct str name, const struct value *now, const struct value *wanted, struct err *err)
{
    struct str from = value_gets(now, "type"), to = value_gets(wanted, "type");
    bool same_order = str_eq(value_gets(now, "collation"), value_gets(wanted, "collation"));
    if (str_eq(from, to) && same_order)
        return 0;
    if ((!type_widens(from, to) || !same_order) && !alter_allows(a->work, "rewrite")) {
        if (same_order)
            err_set(err, ERR_INVALID,
                "the column \"%.*s\" is %.*s and cannot become %.*s without its values being rewritten",
                STR_ARG(name), STR_ARG(from), STR_ARG(to));
        else
            err_set(err, ERR_INVALID, "the column \"%.*s\" would be sorted anew", STR_ARG(name));
        return alter_refuse("rewrite", err,
            "add a column of the new type, copy in a postgres.migrations, and leave the old one out later");
    }
    pg_write(a->work, "alter table %s alter column %I type %s", a->table, name, to);
    if (value_gets(wanted, "collation").n)
        pg_write(a->work, " collate %I", value_gets(wanted, "collation"));
    pg_write(a->work, " using %I::%s;\n", name, to);
    return 0;
}

static void alter_null(struct altering *a, struct str name, const struct value *now,
    const struct value *wanted, const struct value *configured)
{
    bool was = value_getb(now, "not_null"), is = value_getb(wanted, "not_null");
    if (is && !was)
        value_builder_add(a->checked, value_string(a->work->ctx->arena, name));
    else if (was && !is && value_getz(configured, "not_null"))
        alter_column(a, name, "drop not null%s", STR_EMPTY);
}

static void alter_default(struct altering *a, struct str name, const struct value *now,
    const struct value *wanted, const struct value *configured)
{
    if (!value_getz(configured, "default") ||
        str_eq(value_gets(now, "default"), value_gets(wanted, "default")))
        return;
    if (value_gets(wanted, "default").n)
        alter_column(a, name, "set default %s", value_gets(configured, "default"));
    else
        alter_column(a, name, "drop default%s", STR_EMPTY);
}

static void alter_identity(struct altering *a, struct str name, const struct value *now,
    const struct value *wanted, const struct value *configured)
{
    struct str was = value_gets(now, "identity"), is = value_gets(wanted, "identity");
    bool waits =
        is.n && !value_getb(now, "not_null"); /* the server requires the column to be not null before */
    if (!value_getz(configured, "identity") || str_eq(was, is) || waits)
        return;
    if (!is.n)
        alter_column(a, name, "drop identity%s", STR_EMPTY);
    else
        alter_column(a, name, was.n ? "set generated %s" : "add generated %s as identity", is);
}

static int alter_generated(
    struct altering *a, struct str name, const struct value *now, const struct value *wanted, struct err *err)
{
    struct str was = value_gets(now, "generated"), is = value_gets(wanted, "generated");
    if (str_eq(was, is))
        return 0;
    if (was.n && !is.n) {
        alter_column(a, name, "drop expression%s", STR_EMPTY);
        return 0;
    }
    err_set(
        err, ERR_INVALID, "how the column \"%.*s\" is generated cannot be changed in place", STR_ARG(name));
    return alter_refuse(NULL, err, "add a new column with the new expression, and leave the old one out");
}

static void alter_comment(
    struct altering *a, struct str name, const struct value *now, const struct value *configured)
{
    struct str is = value_gets(configured, "comment");
    if (value_getz(configured, "comment") && !str_eq(value_gets(now, "comment"), is))
        pg_write(a->work, "comment on column %s.%I is %L;\n", a->table, name, is.n ? is : (struct str){0});
}

static int alter_one(struct altering *a, const struct value *wanted, struct err *err)
{
    struct str name = value_gets(wanted, "name");
    const struct value *now = value_list_find(value_getz(a->now, "columns"), "name", name),
                       *configured = value_list_find(value_getz(a->work->desired, "columns"), "name", name);
    if (!now) {
        pg_write(a->work, "alter table %s add column ", a->table);
        table_write_column(a->work, configured);
        buf_addz(&a->work->sql, ";\n");
        alter_comment(a, name, NULL, configured);
        return 0;
    }
    alter_default(a, name, now, wanted, configured);
    if (alter_type(a, name, now, wanted, err) || alter_generated(a, name, now, wanted, err))
        return -1;
    alter_null(a, name, now, wanted, configured);
    alter_identity(a, name, now, wanted, configured);
    alter_comment(a, name, now, configured);
    return 0;
}

static int alter_columns(struct altering *a, struct err *err)
{
    const struct value *now = value_getz(a->now, "columns"), *wanted = value_getz(a->twin, "columns");
    for (uint32_t i = 0; now && i < now->count; i++) {
        struct str name = value_gets(now->items[i], "name");
        bool ours = value_list_find(value_getz(a->work->prior, "columns"), "name", name);
        if (value_list_find(wanted, "name", name) || !ours)
            continue;
        if (!alter_allows(a->work, "drop")) {
            err_set(
                err, ERR_INVALID, "the column \"%.*s\" would be dropped with what is in it", STR_ARG(name));
            return alter_refuse("drop", err, "keep it in the file, or give it back its name");
        }
        pg_write(a->work, "alter table %s drop column %I;\n", a->table, name);
    }
    for (uint32_t i = 0; wanted && i < wanted->count; i++)
        if (alter_one(a, wanted->items[i], err))
            return -1;
    return 0;
}

/* ---- parts with names: constraints, indexes, partitions ---- */

static bool same_foreign_key(const struct value *now, const struct value *configured)
{
    static const char *const parts[] = {"columns", "references", "on_delete", "on_update", "deferrable"};
    const struct value *to = value_getz(configured, "to");
    for (size_t i = 0; i < sizeof parts / sizeof *parts; i++) {
        const struct value *x = value_getz(now, parts[i]), *y = value_getz(configured, parts[i]);
        bool none =
            !y || str_eqz(value_text(y, STR("-")), "no action") || (y->kind == VALUE_BOOL && !y->boolean);
        if (none ? x != NULL : !value_equal(x, y))
            return false;
    }
    return !to || value_equal(to, value_getz(now, "to"));
}

static void drop_constraint(struct altering *a, struct str name)
{
    pg_write(a->work, "alter table %s drop constraint %I;\n", a->table, name);
}

static void begin_constraint(struct altering *a, struct str name)
{
    pg_write(a->work, "alter table %s add constraint %I ", a->table, name);
}

static void make_unique(struct altering *a, struct str name, const struct value *configured)
{
    begin_constraint(a, name);
    buf_addz(&a->work->sql, "unique (");
    sql_add_idents(&a->work->sql, a->work->session, configured);
    buf_addz(&a->work->sql, ");\n");
}

static void make_check(struct altering *a, struct str name, const struct value *configured)
{
    begin_constraint(a, name);
    pg_write(a->work, "check (%s);\n", configured->string);
}

static void make_foreign_key(struct altering *a, struct str name, const struct value *configured)
{
    begin_constraint(a, name);
    table_write_foreign_key(a->work, configured);
    buf_addz(&a->work->sql, ";\n");
}

static void make_index(struct altering *a, struct str name, const struct value *configured)
{
    table_write_index(a->work, name, configured->string, a->table);
}

static void drop_index(struct altering *a, struct str name)
{
    pg_write(a->work, "drop index %I.%I;\n", op_text(a->work->ctx, a->work->desired, "schema"), name);
}

/* Constraints that others depend on are dropped last and created first: foreign keys refer to unique ones. */
static const struct part {
    const char *attribute;
    void (*make)(struct altering *a, struct str name, const struct value *configured);
    void (*drop)(struct altering *a, struct str name);
    bool twin; /* compared with the twin, not with the configuration */
} parts[] = {
    {"unique", make_unique, drop_constraint, false},
    {"checks", make_check, drop_constraint, true},
    {"foreign_keys", make_foreign_key, drop_constraint, false},
    {"indexes", make_index, drop_index, true},
};

static bool is_same(const struct part *part, const struct value *now, const struct value *wanted)
{
    return part->make == make_foreign_key ? same_foreign_key(now, wanted) : value_equal(now, wanted);
}

static const struct value *wanted_of(const struct altering *a, const struct part *part)
{
    return value_getz(part->twin ? a->twin : a->work->desired, part->attribute);
}

static bool is_managed(const struct altering *a, const char *attribute)
{
    return value_getz(a->work->desired, attribute) || (a->work->changed && pg_work_has(a->work, attribute));
}

static void drop_parts(struct altering *a, const struct part *part)
{
    const struct value *now = value_getz(a->now, part->attribute), *wanted = wanted_of(a, part);
    for (uint32_t i = 0; now && is_managed(a, part->attribute) && i < now->count; i++)
        if (!value_get(wanted, now->entries[i].key) ||
            !is_same(part, now->entries[i].value, value_get(wanted, now->entries[i].key)))
            part->drop(a, now->entries[i].key);
}

static void make_parts(struct altering *a, const struct part *part)
{
    const struct value *now = value_getz(a->now, part->attribute), *wanted = wanted_of(a, part),
                       *configured = value_getz(a->work->desired, part->attribute);
    for (uint32_t i = 0; configured && i < configured->count; i++) {
        struct str name = configured->entries[i].key;
        const struct value *is = value_get(now, name);
        if (!is || !is_same(part, is, value_get(wanted, name)))
            part->make(a, name, configured->entries[i].value);
    }
}

/* ---- others ---- */

static void alter_primary_key(struct altering *a)
{
    const struct value *now = value_getz(a->now, "primary_key"),
                       *wanted = value_getz(a->work->desired, "primary_key");
    bool none = !wanted || !wanted->count;
    if (!is_managed(a, "primary_key") || (none ? !now : value_equal(now, wanted)))
        return;
    if (now)
        drop_constraint(a, value_gets(a->now, "primary_key_name"));
    if (none)
        return;
    pg_write(a->work, "alter table %s add primary key (", a->table);
    sql_add_idents(&a->work->sql, a->work->session, wanted);
    buf_addz(&a->work->sql, ");\n");
}

static int alter_partitions(struct altering *a, struct err *err)
{
    const struct value *now = value_getz(a->now, "partitions"), *wanted = value_getz(a->twin, "partitions"),
                       *configured = value_getz(a->work->desired, "partitions");
    struct str schema = op_text(a->work->ctx, a->work->desired, "schema");
    if (!str_eq(value_gets(a->now, "partition_by"), value_gets(a->twin, "partition_by"))) {
        err_set(err, ERR_INVALID, "how a table is divided into partitions cannot be changed");
        return alter_refuse(NULL, err, "make a table of another name, and copy in a postgres.migrations");
    }
    for (uint32_t i = 0; now && is_managed(a, "partitions") && i < now->count; i++) {
        struct str name = now->entries[i].key;
        if (value_equal(now->entries[i].value, value_get(wanted, name)))
            continue;
        if (!alter_allows(a->work, "drop")) {
            err_set(err, ERR_INVALID, "the partition \"%.*s\" would be dropped with what is in it",
                STR_ARG(name));
            return alter_refuse("drop", err, "keep it in the file as it is");
        }
        pg_write(a->work, "drop table %I.%I;\n", schema, name);
    }
    for (uint32_t i = 0; configured && i < configured->count; i++)
        if (!value_equal(
                value_get(now, configured->entries[i].key), value_get(wanted, configured->entries[i].key)))
            table_write_partition(
                a->work, configured->entries[i].key, configured->entries[i].value->string, schema, a->table);
    return 0;
}

static void alter_settings(struct altering *a)
{
    struct pg_work *work = a->work;
    struct str comment = pg_work_text(work, "comment"), owner = pg_work_text(work, "owner");
    bool unlogged = pg_work_flag(work, "unlogged");
    if (is_managed(a, "comment") && !str_eq(comment, value_gets(a->now, "comment")))
        pg_write(work, "comment on table %s is %L;\n", a->table, comment.n ? comment : (struct str){0});
    if (is_managed(a, "unlogged") && unlogged != value_getb(a->now, "unlogged"))
        pg_write(work, "alter table %s set %s;\n", a->table, unlogged ? STR("unlogged") : STR("logged"));
    if (owner.n && !str_eq(owner, value_gets(a->now, "owner")))
        pg_write(work, "alter table %s owner to %I;\n", a->table, owner);
}

int table_alter(struct pg_work *work, const struct value *now, const struct value *twin,
    const struct value **checked, struct err *err)
{
    AUTO_BUILDER struct value_builder columns = VALUE_BUILDER(work->ctx->arena);
    struct altering a = {work, table_name(work), now, twin, &columns};
    for (size_t i = sizeof parts / sizeof *parts; i-- > 0;)
        drop_parts(&a, &parts[i]);
    if (alter_columns(&a, err))
        return -1;
    alter_primary_key(&a);
    for (size_t i = 0; i < sizeof parts / sizeof *parts; i++)
        make_parts(&a, &parts[i]);
    if (alter_partitions(&a, err))
        return -1;
    alter_settings(&a);
    *checked = value_builder_list(&columns);
    return 0;
}
