/*
 * An administrator that is no superuser makes itself a member of who owns what it shall change, for so long.
 */
#include "provider/postgres/type.h"

/*
 * Between the two stands a role of the session's own: with it all goes at once, sessions do not take from
 * each other what they are just using, and what a kill has left is told by its name, which no living session
 * has. It is made of a row of pg_stat_activity. A process number comes again, its start does not.
 */
#define TEMPORARY_GRANT_NAME                                                                                 \
    "'weir_borrow_' || usesysid || '_' || pid || '_' || (extract(epoch from backend_start) * 1000)::bigint"

static void temporary_grant_add_literals(struct pg_work *work, struct buf *sql, const struct value *names)
{
    for (uint32_t i = 0; i < names->count; i++)
        sql_add(sql, work->session, ", %L", value_text(names->items[i], STR_EMPTY));
}

/* A query of roles that would do: who owns it, shall own it, or owns the schema that it lies in. */
static void temporary_grant_ask(struct pg_work *work, const struct value *object, struct buf *sql)
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
        temporary_grant_add_literals(work, sql, names);
    sql_add(sql, work->session,
        ") union select datdba from pg_database where datname = %L"
        " union select relowner from pg_class where relnamespace = "
        "(select oid from pg_namespace where nspname = %L) and (relname = %L or %L = '')",
        name, schema, name, name);
}

/* What its user is only because another of its sessions has just borrowed it does not count: that one gives
 * it back whenever it is done. */
static int temporary_grant_roles(struct pg_work *work, struct rows *roles, struct err *err)
{
    AUTO_BUF struct buf sql = BUF_INIT;
    buf_addz(&sql,
        "with recursive lent(oid) as (select oid from pg_roles where starts_with(rolname, 'weir_borrow_' || "
        "(select oid from pg_roles where rolname = session_user) || '_')"
        " union select roleid from pg_auth_members m join lent on m.member = lent.oid) "
        "select rolname from pg_roles where (oid in (");
    temporary_grant_ask(work, work->prior ? work->prior : work->desired, &sql);
    buf_addz(&sql, ") or oid in (");
    temporary_grant_ask(work, work->desired ? work->desired : work->prior, &sql);
    buf_addz(&sql,
        ")) and not rolsuper and rolname !~ '^pg_' and rolname <> current_user and "
        "(oid in (select oid from lent) or not "
        "case when current_setting('server_version_num')::int >= 160000 "
        "then pg_has_role(oid, 'usage') and pg_has_role(oid, 'set') else pg_has_role(oid, 'member') end)");
    return session_run(work->session, buf_str(&sql), NULL, roles, err);
}

/* Who makes no roles can only be made a member itself: that is what `to` the user is for. */
static void temporary_grant_add_grant(
    struct pg_work *work, const struct rows *roles, const char *verb, const char *to, struct buf *sql)
{
    buf_addf(sql, "%s", verb);
    for (int i = 0; i < rows_count(roles); i++)
        sql_add(sql, work->session, i ? ", %I" : " %I", rows_text(roles, i, 0));
    buf_addz(sql, to);
}

static bool temporary_grant_try(struct pg_work *work, struct buf *sql)
{
    bool done = !session_change(work->session, buf_str(sql), ERR_IGNORED);
    buf_clear(sql);
    return done;
}

bool temporary_grant_begin(struct pg_work *work, struct borrowed *borrowed)
{
    AUTO_BUF struct buf sql = BUF_INIT;
    const struct session *s = work->session;
    const struct rows *roles = &borrowed->roles;
    /* Who does not inherit (noinherit) would have nothing of it; older servers know no other way. */
    const char *whole = s->pq->serverVersion(s->connection) >= 160000 ? " with inherit true, set true" : "";
    if (temporary_grant_roles(work, &borrowed->roles, ERR_IGNORED) || !rows_count(roles) ||
        session_run(work->session,
            STR("select " TEMPORARY_GRANT_NAME " from pg_stat_activity where pid = pg_backend_pid()"), NULL,
            &borrowed->between, ERR_IGNORED))
        return false;
    struct str between = rows_text(&borrowed->between, 0, 0);
    sql_add(&sql, work->session, "create role %I", between);
    temporary_grant_add_grant(work, roles, "; grant", "", &sql);
    sql_add(&sql, work->session, " to %I; grant %I to current_user", between, between);
    buf_addz(&sql, whole);
    if (temporary_grant_try(work, &sql))
        return true;
    rows_clear(&borrowed->between);
    temporary_grant_add_grant(work, roles, "grant", " to current_user", &sql);
    buf_addz(&sql, whole);
    return temporary_grant_try(work, &sql);
}

void temporary_grant_end(struct pg_work *work, const struct borrowed *borrowed)
{
    AUTO_BUF struct buf sql = BUF_INIT;
    if (rows_count(&borrowed->between))
        sql_add(&sql, work->session, "drop role %I", rows_text(&borrowed->between, 0, 0));
    else /* of a role that was dropped there are no members */
        temporary_grant_add_grant(work, &borrowed->roles, "revoke", " from current_user", &sql);
    temporary_grant_try(work, &sql);
}

void temporary_grant_take_back(struct session *session)
{
    AUTO_ROWS struct rows left = {0};
    const char *superuser = session->pq->parameterStatus(session->connection, "is_superuser");
    if ((superuser && strcmp(superuser, "on") == 0) ||
        session_run(session,
            STR("select rolname from pg_roles where starts_with(rolname, 'weir_borrow_' || "
                "(select oid from pg_roles where rolname = session_user) || '_') and rolname not in "
                "(select " TEMPORARY_GRANT_NAME " from pg_stat_activity where usename = session_user)"),
            NULL, &left, ERR_IGNORED))
        return;
    for (int i = 0; i < rows_count(&left); i++) {
        AUTO_BUF struct buf sql = BUF_INIT;
        sql_add(&sql, session, "drop role %I", rows_text(&left, i, 0));
        session_change(session, buf_str(&sql), ERR_IGNORED);
    }
}

void temporary_grant_clear(struct borrowed *borrowed)
{
    rows_clear(&borrowed->roles);
    rows_clear(&borrowed->between);
}
