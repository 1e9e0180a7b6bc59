/*
 * postgres.role. A password is sent as the verifier that the server stores, so that neither its log nor
 * pg_stat_activity shows it. Temporary grants for administrators that are not superusers.
 */
#include "provider/postgres/postgres.h"

/* ---- An administrator that is not a superuser temporarily becomes a member of the roles that own what it
 * changes. */

/*
 * The membership goes through a role of the session: dropping it revokes everything at once, sessions do not
 * revoke each other's memberships, and what a killed run left is recognised by a name that no active session
 * has. The name is built from a row of pg_stat_activity; process ids are reused, start times are not.
 */
#define TEMPORARY_GRANT_NAME                                                                                 \
    "'weir_borrow_' || usesysid || '_' || pid || '_' || (extract(epoch from backend_start) * 1000)::bigint"

static void temporary_grant_add_literals(struct pg_work *work, struct buf *sql, const struct value *names)
{
    for (uint32_t i = 0; i < names->count; i++)
        sql_add(sql, work->session, ", %L", value_text(names->items[i], STR_EMPTY));
}

/* Adds a query for the roles to join: the object's owner, its future owner, and its schema's owner. */
static void temporary_grant_query(struct pg_work *work, const struct value *object, struct buf *sql)
{
    const struct value *names = value_getz(object, "names");
    bool is_role = str_eqz(work->ctx->schema->name, "postgres.role");
    struct str name = op_text(work->ctx, object, "name"), schema = op_text(work->ctx, object, "schema");
    sql_add(sql, work->session, "select oid from pg_roles where rolname in (%L, %L, %L",
        op_text(work->ctx, object, "owner"), is_role ? name : STR_EMPTY,
        op_text(work->ctx, object, "reassign_to"));
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

/* Memberships that only come from another session's temporary grant do not count, since that session may
 * revoke them at any time. */
static int temporary_grant_roles(struct pg_work *work, struct rows *roles, struct err *err)
{
    AUTO_BUF struct buf sql = BUF_INIT;
    buf_addz(&sql,
        "with recursive lent(oid) as (select oid from pg_roles where starts_with(rolname, 'weir_borrow_' || "
        "(select oid from pg_roles where rolname = session_user) || '_')"
        " union select roleid from pg_auth_members m join lent on m.member = lent.oid) "
        "select rolname from pg_roles where (oid in (");
    temporary_grant_query(work, work->prior ? work->prior : work->desired, &sql);
    buf_addz(&sql, ") or oid in (");
    temporary_grant_query(work, work->desired ? work->desired : work->prior, &sql);
    buf_addz(&sql,
        ")) and not rolsuper and rolname !~ '^pg_' and rolname <> current_user and "
        "(oid in (select oid from lent) or not "
        "case when current_setting('server_version_num')::int >= 160000 "
        "then pg_has_role(oid, 'usage') and pg_has_role(oid, 'set') else pg_has_role(oid, 'member') end)");
    return session_run(work->session, buf_str(&sql), NULL, roles, err);
}

/* A user that may not create roles becomes a member itself, with `to` naming the user. */
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
    /* A user without inherit would not get the privileges; older servers have no such option. */
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
    else /* memberships of a dropped role are already gone */
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

static const struct {
    const char *attribute, *on, *off;
} flags[] = {
    {"login", "login", "nologin"},
    {"inherit", "inherit", "noinherit"},
    {"superuser", "superuser", "nosuperuser"},
    {"create_database", "createdb", "nocreatedb"},
    {"create_role", "createrole", "nocreaterole"},
    {"replication", "replication", "noreplication"},
    {"bypass_row_security", "bypassrls", "nobypassrls"},
};

static struct str role_name_of(const struct pg_work *work)
{
    return pg_work_text(work, "name");
}

static int write_password(struct pg_work *work, struct err *err)
{
    struct str verifier, password = pg_work_text(work, "password");
    if (!pg_work_has(work, "password"))
        return 0;
    if (!password.n) {
        buf_addz(&work->sql, " password null");
        return 0;
    }
    if (sql_verifier(work->session, work->ctx->arena, role_name_of(work), password, &verifier, err))
        return -1;
    pg_write(work, " password %L", verifier);
    return 0;
}

/* Writes the options of `create role` and `alter role`. */
static int write_options(struct pg_work *work, struct err *err)
{
    for (size_t i = 0; i < sizeof flags / sizeof *flags; i++)
        if (pg_work_has(work, flags[i].attribute))
            buf_addf(&work->sql, " %s", pg_work_flag(work, flags[i].attribute) ? flags[i].on : flags[i].off);
    const struct value *limit = value_getz(work->desired, "connection_limit");
    if (pg_work_has(work, "connection_limit"))
        pg_write(
            work, " connection limit %s", limit ? value_scalar_text(work->ctx->arena, limit) : STR("-1"));
    struct str until = pg_work_text(work, "valid_until");
    if (pg_work_has(work, "valid_until"))
        pg_write(work, " valid until %L", until.n ? until : STR("infinity"));
    return write_password(work, err);
}

static void write_members(
    struct pg_work *work, const char *format, const struct value *of, const struct value *but)
{
    for (uint32_t i = 0; of && i < of->count; i++)
        if (!value_list_has(but, value_text(of->items[i], STR_EMPTY)))
            pg_write(work, format, value_text(of->items[i], STR_EMPTY), role_name_of(work));
}

static void write_memberships(struct pg_work *work)
{
    const struct value *now = value_getz(work->desired, "member_of"),
                       *before = value_getz(work->prior, "member_of");
    if (!pg_work_has(work, "member_of"))
        return;
    write_members(work, "grant %I to %I;\n", now, before);
    write_members(work, "revoke %I from %I;\n", before, now);
}

/* Returns the first name of a list, without its quotes. */
static struct str take_name(struct arena *arena, struct str *list)
{
    AUTO_BUF struct buf name = BUF_INIT;
    bool quoted = false;
    size_t at = 0;
    for (; at < list->n && (quoted || list->p[at] != ','); at++) {
        bool quote = list->p[at] == '"', twice = quoted && at + 1 < list->n && list->p[at + 1] == '"';
        if (!quote || twice)
            buf_add_char(&name, list->p[at]);
        at += quote && twice;
        quoted ^= quote && !twice;
    }
    *list = str_slice(*list, at < list->n ? at + 1 : at, list->n);
    return arena_str(arena, str_trim(buf_str(&name)));
}

/* For list settings a literal is a single name, even with commas: each name gets its own literal. */
static void write_setting(struct pg_work *work, struct str name, struct str value)
{
    bool list =
        str_is_any(name, "search_path temp_tablespaces local_preload_libraries session_preload_libraries");
    struct str first = list ? take_name(work->ctx->arena, &value) : value;
    pg_write(work, "alter role %I set %I to %L", role_name_of(work), name, first);
    while (list && value.n)
        pg_write(work, ", %L", take_name(work->ctx->arena, &value));
    buf_addz(&work->sql, ";\n");
}

static void write_role_settings(struct pg_work *work)
{
    const struct value *now = value_getz(work->desired, "settings"),
                       *before = value_getz(work->prior, "settings");
    if (!pg_work_has(work, "settings"))
        return;
    for (uint32_t i = 0; before && i < before->count; i++)
        if (!value_get(now, before->entries[i].key))
            pg_write(work, "alter role %I reset %I;\n", role_name_of(work), before->entries[i].key);
    for (uint32_t i = 0; now && i < now->count; i++)
        write_setting(work, now->entries[i].key, value_text(now->entries[i].value, STR_EMPTY));
}

static void role_write_rest(struct pg_work *work)
{
    write_memberships(work);
    write_role_settings(work);
    pg_write_comment(work, "role", pg_work_name(work, NULL, "name"));
}

static int role_create(struct pg_work *work, struct err *err)
{
    pg_write(work, "create role %I", role_name_of(work));
    if (write_options(work, err))
        return -1;
    buf_addz(&work->sql, ";\n");
    role_write_rest(work);
    return 0;
}

static int role_update(struct pg_work *work, struct err *err)
{
    pg_write(work, "alter role %I", role_name_of(work));
    size_t head = work->sql.n;
    if (write_options(work, err))
        return -1;
    if (work->sql.n == head)
        buf_clear(&work->sql);
    else
        buf_addz(&work->sql, ";\n");
    role_write_rest(work);
    return 0;
}

/* ---- deletion ---- */

/* In one database: reassigns what the role owns to its heir, and revokes what it was granted. */
static int reassign_in(struct pg_work *work, struct str database, struct str heir, struct err *err)
{
    AUTO_SESSION struct session *session = NULL;
    AUTO_BUF struct buf sql = BUF_INIT;
    if (session_take(work->ctx, database, &session, err))
        return err_context(err, "reassigning what %.*s owns", STR_ARG(role_name_of(work)));
    sql_add(&sql, session, "reassign owned by %I to %I; drop owned by %I", role_name_of(work), heir,
        role_name_of(work));
    return session_change(session, buf_str(&sql), err)
               ? err_context(err, "reassigning what %.*s owns in the database %.*s",
                     STR_ARG(role_name_of(work)), STR_ARG(database))
               : 0;
}

static int reassign(struct pg_work *work, struct str heir, struct err *err)
{
    AUTO_ROWS struct rows rows = {0};
    if (session_run(work->session,
            STR("select datname from pg_database where datallowconn and not datistemplate"), NULL, &rows,
            err))
        return -1;
    struct err ignored = ERR_INIT;
    int status = 0;
    session_give(&work->session); /* each database needs its own session */
    for (int i = 0; i < rows_count(&rows) && !status; i++)
        status = reassign_in(work, rows_text(&rows, i, 0), heir, err);
    return session_take(work->ctx, SERVER_WIDE, &work->session, status ? &ignored : err) ? -1 : status;
}

static int role_remove(struct pg_work *work, struct err *err)
{
    struct str heir = op_text(work->ctx, work->prior, "reassign_to");
    AUTO_ROWS struct rows rows = {0};
    pg_write(work, "select from pg_roles where rolname = %L", role_name_of(work));
    if (session_run(work->session, buf_str(&work->sql), NULL, &rows, err))
        return -1;
    buf_clear(&work->sql);
    if (!rows_count(&rows))
        return 0;
    if (heir.n && reassign(work, heir, err))
        return -1;
    pg_write(work, "drop role if exists %I", role_name_of(work));
    int status = pg_work_run(work, err);
    if (status && strcmp(err->code, "2BP01") == 0)
        err_hint(err, "`reassign_to: ROLE` gives what it owns to another, in every database, and takes back "
                      "what it was granted");
    return status;
}

/* Without the password, which cannot be read. */
const struct pg_type pg_role = {.name = "role",
    .keys = "name",
    .catalog = "role",
    .server_wide = true,
    .create = role_create,
    .update = role_update,
    .remove = role_remove};
