/*
 * postgres.role. A password goes to the server as the verifier that it keeps, never as itself: neither the
 * server's log nor anybody who sees statements learns it.
 */
#include "provider/postgres/type.h"

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
    struct str verifier, password = text_of(work->ctx, work->desired, "password");
    if (!pg_work_has(work, "password"))
        return 0;
    if (!password.n) {
        buf_addz(&work->sql, " password null");
        return 0;
    }
    if (sql_verifier(work->session, work->ctx->arena, role_name_of(work), password, &verifier, err))
        return -1;
    sql_add(&work->sql, work->session, " password %L", verifier);
    return 0;
}

/* What `create role` and `alter role` have in common. */
static int write_options(struct pg_work *work, struct err *err)
{
    for (size_t i = 0; i < sizeof flags / sizeof *flags; i++)
        if (pg_work_has(work, flags[i].attribute))
            buf_addf(&work->sql, " %s",
                flag_of(work->ctx, work->desired, flags[i].attribute) ? flags[i].on : flags[i].off);
    const struct value *limit = value_getz(work->desired, "connection_limit");
    if (pg_work_has(work, "connection_limit"))
        sql_add(&work->sql, work->session, " connection limit %s",
            limit ? value_scalar_text(work->ctx->arena, limit) : STR("-1"));
    struct str until = text_of(work->ctx, work->desired, "valid_until");
    if (pg_work_has(work, "valid_until"))
        sql_add(&work->sql, work->session, " valid until %L", until.n ? until : STR("infinity"));
    return write_password(work, err);
}

static bool role_lists(const struct value *list, const struct value *item)
{
    for (uint32_t i = 0; list && i < list->count; i++)
        if (value_equal(list->items[i], item))
            return true;
    return false;
}

static void write_members(
    struct pg_work *work, const char *format, const struct value *of, const struct value *but)
{
    for (uint32_t i = 0; of && i < of->count; i++)
        if (!role_lists(but, of->items[i]))
            sql_add(
                &work->sql, work->session, format, value_text(of->items[i], STR_EMPTY), role_name_of(work));
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

static void write_role_settings(struct pg_work *work)
{
    const struct value *now = value_getz(work->desired, "settings"),
                       *before = value_getz(work->prior, "settings");
    if (!pg_work_has(work, "settings"))
        return;
    for (uint32_t i = 0; before && i < before->count; i++)
        if (!value_get(now, before->entries[i].key))
            sql_add(&work->sql, work->session, "alter role %I reset %I;\n", role_name_of(work),
                before->entries[i].key);
    for (uint32_t i = 0; now && i < now->count; i++)
        sql_add(&work->sql, work->session, "alter role %I set %I to %L;\n", role_name_of(work),
            now->entries[i].key, value_text(now->entries[i].value, STR_EMPTY));
}

static void role_write_rest(struct pg_work *work)
{
    struct str comment = text_of(work->ctx, work->desired, "comment");
    write_memberships(work);
    write_role_settings(work);
    if (pg_work_has(work, "comment"))
        sql_add(&work->sql, work->session, "comment on role %I is %L;\n", role_name_of(work),
            comment.n ? comment : (struct str){0});
}

static int role_create(struct pg_work *work, struct err *err)
{
    sql_add(&work->sql, work->session, "create role %I", role_name_of(work));
    if (write_options(work, err))
        return -1;
    buf_addz(&work->sql, ";\n");
    role_write_rest(work);
    return 0;
}

static int role_update(struct pg_work *work, struct err *err)
{
    sql_add(&work->sql, work->session, "alter role %I", role_name_of(work));
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

/* ---- removing ---- */

/* In one database: what the role owns goes to its heir, what it was granted is taken away. */
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
    session_give(&work->session); /* each database has a session of its own */
    for (int i = 0; i < rows_count(&rows) && !status; i++)
        status = reassign_in(work, rows_text(&rows, i, 0), heir, err);
    return session_take(work->ctx, SERVER_WIDE, &work->session, status ? &ignored : err) ? -1 : status;
}

static int role_remove(struct pg_work *work, struct err *err)
{
    struct str heir = text_of(work->ctx, work->prior, "reassign_to");
    AUTO_ROWS struct rows rows = {0};
    sql_add(&work->sql, work->session, "select from pg_roles where rolname = %L", role_name_of(work));
    if (session_run(work->session, buf_str(&work->sql), NULL, &rows, err))
        return -1;
    buf_clear(&work->sql);
    if (!rows_count(&rows))
        return 0;
    if (heir.n && reassign(work, heir, err))
        return -1;
    sql_add(&work->sql, work->session, "drop role if exists %I", role_name_of(work));
    int status = session_change(work->session, buf_str(&work->sql), err);
    buf_clear(&work->sql);
    if (status && strcmp(err->code, "2BP01") == 0)
        err_hint(err, "`reassign_to: ROLE` gives what it owns to another, in every database, and takes back "
                      "what it was granted");
    return status;
}

/* Without the password, which nothing shows. */
const struct pg_type pg_role = {.name = "role",
    .keys = "name",
    .catalog = "role",
    .server_wide = true,
    .create = role_create,
    .update = role_update,
    .remove = role_remove};
