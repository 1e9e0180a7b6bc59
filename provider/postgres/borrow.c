/*
 * An administrator that is no superuser (the master of a managed server) may make roles, and yet not act on
 * what they own. It may make itself a member of them: so it does, for as long as the one change takes.
 */
#include "provider/postgres/type.h"

/* One at a time, or the first to end would take away what the second is just using. */
#define BORROW_LOCK "78376910712"

static void borrow_add_literals(struct pg_work *work, struct buf *sql, const struct value *names)
{
    for (uint32_t i = 0; i < names->count; i++)
        sql_add(sql, work->session, ", %L", value_text(names->items[i], STR_EMPTY));
}

/* A query of roles that would do: who owns it, shall own it, or owns the schema that it lies in. */
static void borrow_ask(struct pg_work *work, const struct value *object, struct buf *sql)
{
    const struct value *names = value_getz(object, "names");
    bool is_role = str_eqz(work->ctx->schema->name, "postgres.role");
    struct str name = text_of(work->ctx, object, "name"), schema = text_of(work->ctx, object, "schema");
    sql_add(sql, work->session, "select oid from pg_roles where rolname in (%L, %L, %L",
        text_of(work->ctx, object, "owner"), is_role ? name : STR_EMPTY,
        text_of(work->ctx, object, "reassign_to"));
    sql_add(sql, work->session, ") union select nspowner from pg_namespace where nspname in (%L, %L", schema,
        name);
    if (names && names->kind == VALUE_LIST)
        borrow_add_literals(work, sql, names);
    sql_add(sql, work->session,
        ") union select datdba from pg_database where datname = %L"
        " union select relowner from pg_class where relnamespace = "
        "(select oid from pg_namespace where nspname = %L) and (relname = %L or %L = '')",
        name, schema, name, name);
}

static int borrow_roles(struct pg_work *work, struct rows *roles, struct err *err)
{
    AUTO_BUF struct buf sql = BUF_INIT;
    buf_addz(&sql, "select rolname from pg_roles where (oid in (");
    borrow_ask(work, work->prior ? work->prior : work->desired, &sql);
    buf_addz(&sql, ") or oid in (");
    borrow_ask(work, work->desired ? work->desired : work->prior, &sql);
    buf_addz(&sql,
        ")) and not rolsuper and rolname !~ '^pg_' and rolname <> current_user and not "
        "case when current_setting('server_version_num')::int >= 160000 "
        "then pg_has_role(oid, 'usage') and pg_has_role(oid, 'set') else pg_has_role(oid, 'member') end");
    return session_run(work->session, buf_str(&sql), NULL, roles, err);
}

static int borrow_change(
    struct pg_work *work, const struct rows *roles, const char *verb, const char *to, struct err *err)
{
    AUTO_BUF struct buf sql = BUF_INIT;
    buf_addf(&sql, "%s", verb);
    for (int i = 0; i < rows_count(roles); i++)
        sql_add(&sql, work->session, i ? ", %I" : " %I", rows_text(roles, i, 0));
    buf_addf(&sql, " %s current_user", to);
    return session_change(work->session, buf_str(&sql), err);
}

bool borrow_begin(struct pg_work *work, struct rows *roles)
{
    struct err ignored = ERR_INIT;
    if (session_run(work->session, STR("select pg_advisory_lock(" BORROW_LOCK ")"), NULL, NULL, &ignored))
        return false;
    if (!borrow_roles(work, roles, &ignored) && rows_count(roles) &&
        !borrow_change(work, roles, "grant", "to", &ignored))
        return true;
    session_run(work->session, STR("select pg_advisory_unlock(" BORROW_LOCK ")"), NULL, NULL, &ignored);
    return false;
}

void borrow_end(struct pg_work *work, const struct rows *roles)
{
    struct err ignored = ERR_INIT;
    borrow_change(work, roles, "revoke", "from", &ignored); /* a role that was dropped has no members */
    session_run(work->session, STR("select pg_advisory_unlock(" BORROW_LOCK ")"), NULL, NULL, &ignored);
}
