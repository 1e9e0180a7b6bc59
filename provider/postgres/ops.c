/*
 * The operations of all postgres.* types (provider.h): sessions, reading back, recovery. What differs between
 * types is in struct pg_type.
 */
#include "provider/aws/client.h"
#include "provider/postgres/postgres.h"

static const struct pg_type *const types[] = {&pg_database, &pg_role, &pg_schema, &pg_extension, &pg_grant,
    &pg_default_privileges, &pg_table, &pg_view, &pg_migrations, &pg_load, &pg_statement, &pg_query};

static const struct pg_type *ops_type_of(const struct op_ctx *ctx)
{
    struct str name;
    str_cut(ctx->schema->name, '.', &name);
    for (size_t i = 0; i < sizeof types / sizeof *types; i++)
        if (str_eqz(name, types[i]->name))
            return types[i];
    return NULL; /* a test checks every type of the spec */
}

bool pg_work_has(const struct pg_work *work, const char *name)
{
    return work->changed ? value_list_has(work->changed, str_z(name))
                         : !value_is_null(value_getz(work->desired, name));
}

const struct value *pg_work_object(const struct pg_work *work)
{
    return work->desired ? work->desired : work->prior;
}

struct str pg_work_text(const struct pg_work *work, const char *name)
{
    return op_text(work->ctx, pg_work_object(work), name);
}

bool pg_work_flag(const struct pg_work *work, const char *name)
{
    return op_flag(work->ctx, pg_work_object(work), name);
}

void pg_write(struct pg_work *work, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    sql_vadd(&work->sql, work->session, format, args);
    va_end(args);
}

void pg_write_comment(struct pg_work *work, const char *kind, struct str name)
{
    struct str comment = pg_work_text(work, "comment");
    if (pg_work_has(work, "comment"))
        pg_write(work, "comment on %s %s is %L;\n", str_z(kind), name, comment.n ? comment : (struct str){0});
}

void pg_write_owner(struct pg_work *work, const char *kind, struct str name)
{
    struct str owner = pg_work_text(work, "owner");
    if (owner.n && pg_work_has(work, "owner"))
        pg_write(work, "alter %s %s owner to %I;\n", str_z(kind), name, owner);
}

void pg_write_option(struct pg_work *work, const char *attribute, const char *format)
{
    struct str v = pg_work_text(work, attribute);
    if (v.n)
        pg_write(work, format, v);
}

void pg_write_path(struct pg_work *work)
{
    pg_write(work, "set local search_path = %I, public;\n", pg_work_text(work, "schema"));
}

int pg_work_run(struct pg_work *work, struct err *err)
{
    int status = session_change(work->session, buf_str(&work->sql), err);
    buf_clear(&work->sql);
    return status;
}

struct str pg_work_name(struct pg_work *work, const char *schema, const char *name)
{
    AUTO_BUF struct buf b = BUF_INIT;
    if (schema)
        sql_add(&b, work->session, "%I.", pg_work_text(work, schema));
    sql_add(&b, work->session, "%I", pg_work_text(work, name));
    return arena_str(work->ctx->arena, buf_str(&b));
}

bool pg_work_takes_all(const struct pg_work *work)
{
    return op_flag(work->ctx, work->prior, "force_destroy") || work->teardown & TEARDOWN_EMPTY;
}

int pg_work_drop(struct pg_work *work, const char *hint, struct err *err)
{
    struct err why = ERR_INIT;
    if (pg_work_takes_all(work))
        buf_addz(&work->sql, " cascade");
    if (!pg_work_run(work, &why) ||
        strcmp(why.code, "3F000") == 0) /* invalid_schema_name: its schema is deleted, too */
        return 0;
    err_raise(err, &why);
    return strcmp(why.code, "2BP01") == 0 ? err_hint(err, "%s", hint) : -1;
}

static struct str database_of(const struct pg_type *type, const struct value *object)
{
    return type->server_wide ? SERVER_WIDE : value_gets(object, "database");
}

int object_session(struct op_ctx *ctx, const struct value *object, struct session **out, struct err *err)
{
    return session_take(ctx, database_of(ops_type_of(ctx), object), out, err);
}

/* ---- reading ---- */

/* For a first read, as at an import, computes the server's form of the configured values. */
static const struct value *with_memory(
    struct op_ctx *ctx, const struct pg_type *type, struct session *session, const struct value *prior)
{
    struct pg_work work = {.ctx = ctx, .session = session, .desired = prior};
    const struct value *memory = NULL;
    if (!type->remember || value_getz(prior, "as_stored") || type->remember(&work, &memory, ERR_IGNORED) ||
        !memory)
        return prior;
    return value_with(ctx->arena, prior, STR("as_stored"), memory);
}

static int ops_look(struct op_ctx *ctx, const struct value *prior, const struct value **live, struct err *err)
{
    const struct pg_type *type = ops_type_of(ctx);
    AUTO_SESSION struct session *session = NULL;
    struct err why = ERR_INIT;
    *live = NULL;
    int status = type->read ? type->read(ctx, prior, live, &why) : 0;
    if (!type->read)
        status = object_session(ctx, prior, &session, &why) ||
                 catalog_look(session, ctx, type, with_memory(ctx, type, session, prior), false, live, &why);
    if (status && why.class == ERR_ABSENT) /* its database is deleted, and so is the resource */
        *live = NULL;
    if (!status || why.class == ERR_ABSENT)
        return 0;
    return err_raise(err, &why);
}

static int postgres_read(struct op_ctx *ctx, const struct value *prior, const struct value *wanted UNUSED,
    const struct value **live, struct err *err)
{
    return ops_look(ctx, prior, live, err);
}

static int list_database(struct op_ctx *ctx, const struct pg_type *type, struct str database,
    const struct list_filter *filter, resource_found *found, void *found_ctx, struct err *err)
{
    const struct value **mine = ARENA_ARRAY(ctx->arena, const struct value *, filter->count);
    size_t n = 0;
    for (size_t i = 0; i < filter->count; i++)
        if (str_eq(database_of(type, filter->priors[i]), database))
            mine[n++] = filter->priors[i];
    AUTO_SESSION struct session *session = NULL;
    struct err why = ERR_INIT;
    if (!session_take(ctx, database, &session, &why) &&
        !catalog_look_all(session, ctx, type, mine, n, found, found_ctx, &why))
        return 0;
    if (why.class == ERR_ABSENT)
        return 0;
    return err_raise(err, &why);
}

static int postgres_list(struct op_ctx *ctx, const struct list_filter *filter, resource_found *found,
    void *found_ctx, const struct value **covered, struct err *err)
{
    const struct pg_type *type = ops_type_of(ctx);
    AUTO_MAP struct map done = MAP_INIT;
    *covered = op_all_readable(ctx); /* all attributes that the query returns */
    for (size_t i = 0; i < filter->count; i++) {
        if (type->read) {
            const struct value *live;
            if (ops_look(ctx, filter->priors[i], &live, err))
                return -1;
            if (live)
                found(found_ctx, live);
            continue;
        }
        struct str database = database_of(type, filter->priors[i]);
        if (map_set(&done, database, ctx))
            continue;
        if (list_database(ctx, type, database, filter, found, found_ctx, err))
            return -1;
    }
    return 0;
}

/* ---- planning ---- */

static int postgres_prepare_desired(struct op_ctx *ctx, const struct preparation *how,
    const struct value *desired, const struct value **prepared, struct err *err)
{
    const struct pg_type *type = ops_type_of(ctx);
    *prepared = desired;
    return type->prepare ? type->prepare(ctx, how, desired, prepared, err) : 0;
}

/* Computed attributes keep their prior values, unless the type predicts a change. */
static int postgres_predict(struct op_ctx *ctx, const struct value *desired, const struct value *prior,
    const struct value **planned, struct err *err)
{
    const struct pg_type *type = ops_type_of(ctx);
    *planned = op_predicted(ctx, desired, prior, catalog_id(ctx, type, desired));
    return type->plan && value_is_known(desired) ? type->plan(ctx, desired, prior, planned, err) : 0;
}

/* ---- create, update, delete ---- */

static int ops_try(struct pg_work *work, pg_work_fn *write, struct err *err)
{
    buf_clear(&work->sql);
    int status = write(work, err);
    if (!status && work->sql.n)
        status = session_change(work->session, buf_str(&work->sql), err);
    return status;
}

static int ops_carry_out(struct pg_work *work, pg_work_fn *write, struct err *err)
{
    struct err why = ERR_INIT;
    AUTO_BORROWED struct borrowed borrowed = {0};
    int status = ops_try(work, write, &why);
    if (status && work->session && strcmp(why.code, "42501") == 0 && temporary_grant_begin(work, &borrowed)) {
        why = (struct err)ERR_INIT;
        status = ops_try(work, write, &why);
        if (work->session) /* the session may have been lost meanwhile */
            temporary_grant_end(work, &borrowed);
    }
    if (status)
        *err = why;
    return status;
}

static int ops_look_back(struct pg_work *work, const struct value **live, struct err *err)
{
    const struct pg_type *type = ops_type_of(work->ctx);
    if (type->catalog && work->session) {
        if (catalog_look(work->session, work->ctx, type, work->desired, true, live, err))
            return -1;
    } else {
        session_give(&work->session);
        if (ops_look(work->ctx, work->desired, live, err))
            return -1;
    }
    return *live ? 0 : err_set(err, ERR_PROTOCOL, "it was created, but the server does not report it");
}

static int ops_change(struct pg_work *work, pg_work_fn *write, const struct value **live, struct err *err)
{
    if (object_session(work->ctx, work->desired, &work->session, err))
        return -1;
    int status = ops_carry_out(work, write, err);
    *live = work->live;
    if (!status && !work->live)
        status = ops_look_back(work, live, err);
    session_give(&work->session);
    buf_release(&work->sql);
    return status;
}

/* A creation is one transaction: an existing object that is not complete belongs to others. */
static int postgres_find(struct op_ctx *ctx, const struct attempt *attempt UNUSED,
    const struct value *desired, const struct value **live, struct err *err)
{
    const struct pg_type *type = ops_type_of(ctx);
    bool made = false;
    if (ops_look(ctx, desired, live, err))
        return -1;
    if (!*live)
        return 0;
    if (type->is_made && type->is_made(ctx, desired, *live, &made, err))
        return -1;
    if (!type->is_made)
        made = type->always_made || op_as_given(ctx, desired, *live);
    if (!made)
        *live = NULL;
    return 0;
}

static int postgres_create(struct op_ctx *ctx, const struct attempt *attempt, const struct value *desired,
    const struct value **live, struct err *err)
{
    struct pg_work work = {.ctx = ctx, .is_repeated = attempt->is_repeated, .desired = desired};
    struct err why = ERR_INIT, ignored = ERR_INIT;
    if (!ops_change(&work, ops_type_of(ctx)->create, live, &why))
        return 0;
    bool exists = why.class == ERR_EXISTS || strcmp(why.code, "23505") == 0;
    /* The server completes a request that a killed run has sent. */
    if (exists && attempt->is_repeated && !*live && !postgres_find(ctx, attempt, desired, live, &ignored) &&
        *live)
        return 0;
    return err_raise(err, &why);
}

static int postgres_update(struct op_ctx *ctx, const struct value *prior, const struct value *desired,
    const struct value *changed, const struct value **live, struct err *err)
{
    struct pg_work work = {.ctx = ctx, .prior = prior, .desired = desired, .changed = changed};
    return ops_change(&work, ops_type_of(ctx)->update, live, err);
}

static int postgres_delete(struct op_ctx *ctx, unsigned teardown, const struct value *prior, struct err *err)
{
    struct pg_work work = {.ctx = ctx, .teardown = teardown, .prior = prior};
    struct err why = ERR_INIT;
    int status = object_session(ctx, prior, &work.session, &why);
    if (!status)
        status = ops_carry_out(&work, ops_type_of(ctx)->remove, &why);
    session_give(&work.session);
    buf_release(&work.sql);
    if (!status || why.class == ERR_ABSENT)
        return 0;
    return err_raise(err, &why);
}

static const struct value *lost_rows(
    struct pg_work *work, const struct pg_type *type, const struct rows *rows)
{
    int64_t n = 0, bytes = 0;
    struct arena *arena = work->ctx->arena;
    str_to_int(rows_text(rows, 0, 0), &n);
    str_to_int(rows_text(rows, 0, 1), &bytes);
    if (!n)
        return &value_empty_list;
    struct value_entry counts[] = {
        {str_z(type->counted), value_int(arena, n)}, {STR("bytes"), value_int(arena, bytes)}};
    const struct value *what = VALUE_MAP(arena, {STR("message"), value_stringz(arena, type->message)},
        {STR("counts"), value_map(arena, counts, 2)});
    return value_list(arena, &what, 1);
}

/* An object that cannot be read, since it does not exist, loses nothing. */
static int postgres_data_loss(struct op_ctx *ctx, unsigned teardown UNUSED, const struct value *object,
    const struct value **list, struct err *err UNUSED)
{
    const struct pg_type *type = ops_type_of(ctx);
    struct pg_work work = {.ctx = ctx, .prior = object};
    AUTO_ROWS struct rows rows = {0};
    *list = &value_empty_list;
    struct str database = type->server_wide ? value_gets(object, "name") : database_of(type, object);
    if (!type->count || session_take(ctx, database, &work.session, ERR_IGNORED))
        return 0;
    type->count(&work);
    if (!session_run(work.session, buf_str(&work.sql), NULL, &rows, ERR_IGNORED) && rows_count(&rows))
        *list = lost_rows(&work, type, &rows);
    buf_release(&work.sql);
    session_give(&work.session);
    return 0;
}

/* ---- recovery ---- */

const struct resource_ops postgres_ops = {
    .prepare = postgres_prepare_desired,
    .predict = postgres_predict,
    .read = postgres_read,
    .list = postgres_list,
    .create = postgres_create,
    .update = postgres_update,
    .delete = postgres_delete,
    .find = postgres_find,
    .data_loss = postgres_data_loss,
    .permissions = source_permissions,
    .scope = source_scope,
};

/* ---- The provider type for types in a PostgreSQL server ---- */

static const struct attr aws_settings[] = {AWS_SETTING_ATTRS};
static const struct type aws_type = OBJECT_TYPE(aws_settings);

static const struct attr settings[] = {
    SETTING_LOCATION(
        "host", setting_text, "Host name or address, or directory of the server's socket; without it PGHOST"),
    SETTING_ATTR("port", setting_any, "Port; without it PGPORT, or 5432"),
    SETTING_ATTR(
        "user", setting_text, "Role to log in as; without it PGUSER, or the operating system's user"),
    SETTING_ATTR("password", setting_text, "Password of the role; without it PGPASSWORD, or ~/.pgpass"),
    SETTING_ATTR("iam", setting_flag,
        "Log in with a token of IAM database authentication (RDS, Aurora) instead of a password; sslmode is "
        "then `require` by default"),
    SETTING_ATTR("dbname", setting_text,
        "Database of resources without `database`; without it PGDATABASE, or postgres"),
    SETTING_ATTR(
        "maintenance", setting_text, "Database to connect to for databases and roles; without it postgres"),
    SETTING_ATTR(
        "sslmode", setting_text, "TLS mode of libpq: disable, prefer, require, verify-ca or verify-full"),
    SETTING_ATTR("sslrootcert", setting_text, "Path of a file with trusted CA certificates"),
    SETTING_ATTR("sslcert", setting_text, "Path of the client certificate"),
    SETTING_ATTR("sslkey", setting_text, "Path of the client certificate's key"),
    SETTING_ATTR("service", setting_text, "Service name in pg_service.conf"),
    SETTING_ATTR("via", setting_text, "Name of the connection to the server"),
    SETTING_ATTR("aws", aws_type,
        "AWS settings for the buckets of postgres.load and for `iam`, as for the provider "
        "aws; without it those of the environment"),
    SETTING_ATTR("wait_seconds", setting_number,
        "Time in seconds to wait for a server that is starting; without it 60"),
};

static const struct type settings_type = OBJECT_TYPE(settings);

static const struct attr settings_attr = {
    .name = STR_INIT("postgres"), .type = &settings_type, .settable = true};

static const struct native natives[] = {{.name = "postgres", .ops = &postgres_ops}, {0}};

const struct provider_kind postgres_kind = {
    .name = "postgres",
    .specs = "provider/postgres/specs/",
    .natives = natives,
    .settings = &settings_attr,
    .http = true,
    .open = server_new,
    .close = server_free,
    .aws = server_aws,
    .aws_at = "aws",
};
