/* RDS: connections to databases, their settings and users in the server, snapshots, and operations that
 * affect the server. */
#include "sandbox/services/rds/rds.h"

#include "base/file.h"
#include "base/hash.h"
#include "base/json.h"
#include "sandbox/engine/view.h"
#include "sandbox/services/shared/endpoints.h"
#include "sandbox/services/shared/tables.h"

#include <unistd.h>

/* ---- Snapshots: a base backup of the server in DIR/snapshots, with the instance settings that a restored
 * instance inherits. The records of both are the control plane's ---- */

enum { MAX_SETTINGS = 64 * 1024 };

static const struct str instance_type = STR_INIT("aws.rds.instance"),
                        snapshot_type = STR_INIT("aws.rds.snapshot");

/* Returns the snapshot's folder. Names with / or . are not valid names and must not lead elsewhere. */
static const char *snapshot_folder(struct service_call *call, struct str name)
{
    if (str_find_char(name, '/', 0) >= 0 || str_find_char(name, '.', 0) >= 0)
        name = STR_EMPTY;
    struct str last = arena_lower(call->arena, name); /* the service lower-cases names */
    return arena_printf(call->arena, "%s/snapshots/rds-%.*s-%.*s",
        sandbox_dir(services_sandbox(call->services)), STR_ARG(call->region), STR_ARG(last))
        .p;
}

/* Saves the instance's settings as members of CreateDBInstance; a restore may override them. */
static int keep_settings(
    struct service_call *call, const struct control_record *instance, const char *folder, struct err *err)
{
    struct value_builder b = VALUE_BUILDER(call->arena);
    AUTO_BUF struct buf text = BUF_INIT;
    view_members(&b, instance->attrs,
        "Engine=engine EngineVersion=engine_version DBInstanceClass=instance_class "
        "AllocatedStorage=allocated_storage "
        "MasterUsername=master_username DBName=db_name StorageType=storage_type "
        "Port=port DBParameterGroupName=db_parameter_group_name");
    view_text(&b, "MasterUserPassword",
        database_password(call->services, call->arena, instance->region,
            value_gets(instance->attrs, "secret"), value_gets(instance->attrs, "master_user_password")));
    json_write(&text, value_builder_map(&b), JSON_PLAIN);
    return file_write_atomic(
        arena_printf(call->arena, "%s/settings.json", folder).p, buf_str(&text), 0600, err);
}

static int unkept(struct err *why, struct err *err)
{
    return service_refuse(err, 500, "InternalFailure", "%s", why->message);
}

static struct str instance_daemon(struct arena *arena, const struct control_record *record);

static int snapshot_take(
    struct service_call *call, const struct control_record *instance, struct str name, struct err *err)
{
    struct daemons *daemons = services_parts(call->services)->daemons;
    struct str server = instance_daemon(call->arena, instance);
    const char *folder = snapshot_folder(call, name);
    struct daemon_self self;
    struct err why = ERR_INIT;
    tree_remove(folder);
    if (dir_make(folder, &why) || keep_settings(call, instance, folder, &why))
        return unkept(&why, err);
    if (!server.n || !path_exists(daemon_data(daemons, call->arena, server)))
        return 0;
    if (daemon_require(daemons, &postgres_daemon, server, NULL, call->arena, &self, &why) ||
        postgres_copy(&self, arena_printf(call->arena, "%s/data", folder).p, &why))
        return unkept(&why, err);
    return 0;
}

int snapshot_create(struct service_call *call, struct err *err)
{
    struct control_record instance, there;
    struct control *control = services_control(call->services);
    struct str name = value_gets(call->input, "DBSnapshotIdentifier");
    call->declined = true;
    if (!name.n || control_find(control, call->arena, snapshot_type, call->region, name, &there) ||
        !control_find(control, call->arena, instance_type, call->region,
            value_gets(call->input, "DBInstanceIdentifier"), &instance))
        return 0;
    return snapshot_take(call, &instance, name, err);
}

int snapshot_delete(struct service_call *call, struct err *err UNUSED)
{
    struct control_record there;
    struct str name = value_gets(call->input, "DBSnapshotIdentifier");
    call->declined = true;
    if (service_find(call, snapshot_type, name, &there))
        tree_remove(snapshot_folder(call, name));
    return 0;
}

/* ---- restoring ---- */

/* Returns the restore request as a CreateDBInstance request. */
static const struct value *as_creation(struct service_call *call, const struct value *settings)
{
    const struct value *input = value_with(call->arena, call->input, STR("DBSnapshotIdentifier"), NULL);
    return value_merge(call->arena, settings, input);
}

int snapshot_restore(struct service_call *call, struct err *err)
{
    struct control_record instance, snapshot;
    struct str id = value_gets(call->input, "DBInstanceIdentifier"),
               name = value_gets(call->input, "DBSnapshotIdentifier"), text;
    struct err why = ERR_INIT;
    const struct value *settings, *ignored;
    if (!service_find(call, snapshot_type, name, &snapshot))
        return service_refuse(err, 404, "DBSnapshotNotFound", "DBSnapshot %.*s not found.", STR_ARG(name));
    const char *folder = snapshot_folder(call, snapshot.id);
    if (file_read(call->arena, arena_printf(call->arena, "%s/settings.json", folder).p, MAX_SETTINGS, &text,
            &why) ||
        json_parse(call->arena, text, &settings, &why))
        return unkept(&why, err);
    if (service_control(call, "CreateDBInstance", as_creation(call, settings), &ignored, err))
        return -1;
    const char *data = arena_printf(call->arena, "%s/data", folder).p;
    call->declined = true; /* the control plane describes the new instance */
    if (!path_exists(data) || !service_find(call, instance_type, id, &instance))
        return 0;
    struct str server = instance_daemon(call->arena, &instance);
    return daemon_adopt(services_parts(call->services)->daemons, server, data, &why) ? unkept(&why, err) : 0;
}

/* ---- The record's settings, roles, owner and database in the server */

/* Roles that every RDS database has. */
static const char roles[] =
    "do $$ begin "
    "if not exists (select from pg_roles where rolname = 'rds_superuser') then "
    "create role rds_superuser; create role rds_iam; create role rds_replication; create role rds_password; "
    "grant pg_monitor, pg_signal_backend, rds_replication, rds_password to rds_superuser with admin option; "
    "end if; end $$";

struct str database_password(
    struct services *services, struct arena *arena, struct str region, struct str secret, struct str other)
{
    struct control_record record;
    const struct value *content;
    if (!secret.n ||
        !control_find(
            services_control(services), arena, STR("aws.secretsmanager.secret"), region, secret, &record) ||
        json_parse(arena, value_gets(record.attrs, "secret_string"), &content, ERR_IGNORED))
        return other;
    return value_gets(content, "password");
}

/* Returns a digest of the wanted state; a file beside the data has that of the last applied state. */
static struct str digest_of(struct arena *arena, const struct database_wanted *wish)
{
    return sha256_hex(arena, arena_printf(arena, "%.*s\n%.*s\n%.*s\n%.*s", STR_ARG(wish->user),
                                 STR_ARG(wish->password), STR_ARG(wish->database), STR_ARG(wish->conf)));
}

static int furnish_ask(
    PGconn *session, struct arena *arena, const char *sql, struct str given, bool *any, struct err *err)
{
    const char *const values[] = {arena_strz(arena, given), NULL};
    PGresult *result = NULL;
    if (postgres_run(session, sql, values, &result, err))
        return -1;
    const struct pq_api *pq = pq_api(err);
    *any = pq->ntuples(result) > 0;
    pq->clear(result);
    return 0;
}

/* Quotes an identifier or a literal for a statement. */
static const char *furnish_quoted(PGconn *session, struct arena *arena, struct str text, bool name)
{
    const struct pq_api *pq = pq_api(ERR_IGNORED);
    char *made =
        name ? pq->escapeIdentifier(session, text.p, text.n) : pq->escapeLiteral(session, text.p, text.n);
    const char *copy = arena_strz(arena, str_z(made));
    pq->freemem(made);
    return copy;
}

static int furnish_owner(
    PGconn *session, struct arena *arena, const struct database_wanted *wish, struct err *err)
{
    const char *user = furnish_quoted(session, arena, wish->user, true);
    const char *password = wish->password.n ? furnish_quoted(session, arena, wish->password, false) : "null";
    bool there;
    if (postgres_run(session, roles, NULL, NULL, err) ||
        furnish_ask(session, arena, "select from pg_roles where rolname = $1", wish->user, &there, err))
        return -1;
    return postgres_run(session,
               arena_printf(arena, "%s role %s login createdb createrole password %s",
                   there ? "alter" : "create", user, password)
                   .p,
               NULL, NULL, err) ||
                   postgres_run(
                       session, arena_printf(arena, "grant rds_superuser to %s", user).p, NULL, NULL, err)
               ? -1
               : 0;
}

static int furnish_database(PGconn *session, struct arena *arena, const struct database_wanted *wish,
    struct str name, struct err *err)
{
    const char *user = furnish_quoted(session, arena, wish->user, true),
               *database = furnish_quoted(session, arena, name, true);
    bool there;
    if (furnish_ask(session, arena, "select from pg_database where datname = $1", name, &there, err))
        return -1;
    return postgres_run(session,
        arena_printf(
            arena, there ? "alter database %s owner to %s" : "create database %s owner %s", database, user)
            .p,
        NULL, NULL, err);
}

/* Settings that need a restart take effect at the next one. */
static int furnish_settings(
    const struct daemon_self *self, PGconn *session, const struct database_wanted *wish, struct err *err)
{
    const char *path = arena_printf(self->arena, "%s/" POSTGRES_CONF, self->data).p;
    return file_write_atomic(path, wish->conf, 0600, err) || daemon_set_owner(path, self->user, err) ||
                   postgres_run(session, "select pg_reload_conf()", NULL, NULL, err)
               ? -1
               : 0;
}

/* True if the digest in the file equals this one. */
static bool is_furnished(struct arena *arena, const char *path, struct str digest)
{
    struct str before = STR_EMPTY;
    return !file_read(arena, path, 128, &before, ERR_IGNORED) && str_eq(before, digest);
}

/* Concurrent callers wait for the lock, and then find the work done. */
static const char one_at_a_time[] = "select pg_advisory_lock(hashtext('furnished'))";

int database_prepare(const struct daemon_self *self, const struct database_wanted *wish, struct err *err)
{
    AUTO_WIPED_ARENA struct arena arena = ARENA_INIT;
    const char *path = arena_printf(&arena, "%s/furnished", self->dir).p;
    struct str digest = digest_of(&arena, wish);
    if (is_furnished(&arena, path, digest))
        return 0;
    PGconn *session = postgres_open(self, "postgres", err);
    if (!session)
        return -1;
    int status = postgres_run(session, one_at_a_time, NULL, NULL, err);
    if (!status && !is_furnished(&arena, path, digest))
        status = furnish_settings(self, session, wish, err) || furnish_owner(session, &arena, wish, err) ||
                 furnish_database(session, &arena, wish, STR("postgres"), err) ||
                 (wish->database.n && furnish_database(session, &arena, wish, wish->database, err)) ||
                 file_write_atomic(path, digest, 0600, err);
    pq_api(ERR_IGNORED)->finish(session);
    return status ? -1 : 0;
}

static bool is_postgres(const struct value *attrs)
{
    return str_eqz(value_gets(attrs, "engine"), "postgres");
}

/* The resource id is unique. */
static struct str instance_daemon(struct arena *arena, const struct control_record *record)
{
    return is_postgres(record->attrs)
               ? arena_printf(arena, "rds-%.*s", STR_ARG(value_gets(record->attrs, "resource_id")))
               : STR_EMPTY;
}

/* ---- settings ---- */

/* True for settings that the sandbox or RDS controls. */
static bool is_controlled_setting(struct str name)
{
    static const char *const names[] = {"shared_buffers", "huge_pages", "listen_addresses", "port", "ssl",
        "shared_preload_libraries", "data_directory", "log_destination", "logging_collector",
        "unix_socket_directories", "max_connections", NULL};
    for (size_t i = 0; names[i]; i++)
        if (str_eqz(name, names[i]))
            return true;
    return !str_is_made_of(name, CHARS_ALNUM "_"); /* of an extension, or not a valid name */
}

/* Returns the parameter group as lines of postgresql.conf. Values that are formulas of the instance's size
 * are omitted. */
static struct str conf_of(struct services *services, struct arena *arena, const struct control_record *record)
{
    struct control_record group;
    struct buf text = BUF_INIT;
    if (!control_find(services_control(services), arena, STR("aws.rds.parameter_group"), record->region,
            value_gets(record->attrs, "db_parameter_group_name"), &group))
        return STR_EMPTY;
    const struct value *parameters = value_getz(group.attrs, "parameters");
    for (uint32_t i = 0; parameters && parameters->kind == VALUE_MAP && i < parameters->count; i++) {
        struct str name = parameters->entries[i].key, v = value_gets(parameters->entries[i].value, "value");
        if (is_controlled_setting(name) || str_find_char(v, '{', 0) >= 0 || str_find_char(v, '\n', 0) >= 0)
            continue;
        buf_addf(&text, "%.*s = '", STR_ARG(name));
        for (size_t k = 0; k < v.n; k++) {
            if (char_is_among(v.p[k], "'\\"))
                buf_add_char(&text, v.p[k]);
            buf_add_char(&text, v.p[k]);
        }
        buf_addf(&text, "'\n");
    }
    struct str conf = arena_str(arena, buf_str(&text));
    buf_release(&text);
    return conf;
}

static struct database_wanted wish_of(
    struct services *services, struct arena *arena, const struct control_record *record)
{
    const struct value *attrs = record->attrs;
    return (struct database_wanted){.user = value_text(value_getz(attrs, "master_username"), STR("postgres")),
        .password = database_password(services, arena, record->region, value_gets(attrs, "secret"),
            value_gets(attrs, "master_user_password")),
        .database = value_gets(attrs, "db_name"),
        .conf = conf_of(services, arena, record)};
}

/* ---- connections ---- */

static int rds_want(struct services *services, struct arena *arena, const struct control_record *record,
    struct daemon_self *out, struct err *err)
{
    const struct database_wanted wish = wish_of(services, arena, record);
    struct str name = instance_daemon(arena, record);
    if (!daemon_require(services_parts(services)->daemons, &postgres_daemon, name, NULL, arena, out, err))
        return database_prepare(out, &wish, err);
    err_context(err, "the database is a record only");
    return -1;
}

static bool is_stop_requested(const struct control_record *record)
{
    return value_equal(value_getz(record->attrs, "stopped"), &value_true);
}

static void rds_visit(struct services *services, const struct listener_of *of, const void *ctx UNUSED, int fd)
{
    AUTO_ARENA struct arena arena = ARENA_INIT;
    AUTO_BUF struct buf startup = BUF_INIT;
    struct control_record record;
    struct daemon_self self;
    struct err err = ERR_INIT;
    if (!greeting_read(fd, &startup))
        return;
    if (!endpoint_record(services, &arena, of, &record) || is_stop_requested(&record)) {
        greeting_refuse(fd, "57P03", "the database instance is stopped: aws rds start-db-instance starts it");
        return;
    }
    if (greeting_is_user(&startup, POSTGRES_ADMIN)) {
        greeting_refuse(fd, "28000", "pg_hba.conf rejects connection for user \"" POSTGRES_ADMIN "\"");
        return;
    }
    if (rds_want(services, &arena, &record, &self, &err)) {
        greeting_refuse(fd, "58000", err.message);
        return;
    }
    AUTO_FD int server = listener_dial_path(postgres_socket(&arena, &self));
    if (server >= 0 && send(server, startup.p, startup.n, MSG_NOSIGNAL) == (ssize_t)startup.n)
        listener_join(services_parts(services)->listeners, fd, server);
}

const struct endpoint rds_endpoint = {.type = "aws.rds.instance",
    .port = "port",
    .visit = rds_visit,
    .serves = is_postgres,
    .daemons = instance_daemon};

/* ---- operations ---- */

static bool find_instance(const struct service_call *call, struct control_record *out)
{
    return service_find(call, instance_type, value_gets(call->input, "DBInstanceIdentifier"), out);
}

static int wrong_state(const struct control_record *record, const char *wanted, struct err *err)
{
    return service_refuse(
        err, 400, "InvalidDBInstanceState", "Instance %.*s is not in %s state.", STR_ARG(record->id), wanted);
}

static bool is_stopped(const struct control_record *record)
{
    return str_eqz(value_gets(record->attrs, "status"), "stopped");
}

static void stop_server(struct service_call *call, const struct control_record *record)
{
    struct str name = instance_daemon(call->arena, record);
    if (name.n)
        daemon_stop(services_parts(call->services)->daemons, name);
}

static int stop_instance(struct service_call *call, struct err *err)
{
    struct control_record record;
    call->declined = true;
    if (!find_instance(call, &record))
        return 0;
    if (!str_eqz(value_gets(record.attrs, "status"), "available"))
        return wrong_state(&record, "available", err);
    control_set(services_control(call->services), instance_type, &record, "stopped", &value_true);
    stop_server(call, &record);
    return 0;
}

static int start_instance(struct service_call *call, struct err *err)
{
    struct control_record record;
    call->declined = true;
    if (!find_instance(call, &record))
        return 0;
    if (!is_stopped(&record))
        return wrong_state(&record, "stopped", err);
    control_set(services_control(call->services), instance_type, &record, "stopped", NULL);
    return 0;
}

/* The server starts again with the next connection. */
static int reboot_instance(struct service_call *call, struct err *err)
{
    struct control_record record;
    call->declined = true;
    if (!find_instance(call, &record))
        return 0;
    if (is_stopped(&record))
        return wrong_state(&record, "available", err);
    stop_server(call, &record);
    return 0;
}

/* Takes the final snapshot if the request names one. The control plane checks whether the instance can be
 * deleted. */
static int delete_instance(struct service_call *call, struct err *err)
{
    struct control_record record, there;
    struct str last = value_gets(call->input, "FinalDBSnapshotIdentifier");
    call->declined = true;
    if (!last.n || !find_instance(call, &record) ||
        value_equal(value_getz(record.attrs, "deletion_protection"), &value_true) ||
        service_find(call, STR("aws.rds.snapshot"), last, &there))
        return 0;
    return snapshot_take(call, &record, last, err);
}

/* ---- subnet groups ---- */

/* A subnet group must cover two zones. */
static int check_zones(const struct control *control, const struct value *attrs, struct err *err)
{
    const struct value *subnets = value_getz(attrs, "subnet_ids");
    struct str first = STR_EMPTY;
    for (uint32_t i = 0; subnets && subnets->kind == VALUE_LIST && i < subnets->count; i++) {
        const struct value *subnet =
            control_seen(control, STR("aws.ec2.subnet"), value_text(subnets->items[i], STR_EMPTY));
        struct str zone = value_gets(subnet, "availability_zone");
        if (!subnet || (first.n && !str_eq(zone, first))) /* a missing subnet was refused before */
            return 0;
        first = zone;
    }
    return !subnets ? 0
                    : service_refuse(err, 400, "DBSubnetGroupDoesNotCoverEnoughAZs",
                          "subnet_ids have to be in at least 2 different zones");
}

const struct control_type rds_types[] = {{"aws.rds.subnet_group", .check = check_zones}, {0}};

const struct service_operation rds_operations[] = {
    {"rds", "CreateDBSnapshot", snapshot_create},
    {"rds", "DeleteDBSnapshot", snapshot_delete},
    {"rds", "RestoreDBInstanceFromDBSnapshot", snapshot_restore},
    {"rds", "DeleteDBInstance", delete_instance},
    {"rds", "StopDBInstance", stop_instance},
    {"rds", "StartDBInstance", start_instance},
    {"rds", "RebootDBInstance", reboot_instance},
    {0},
};
