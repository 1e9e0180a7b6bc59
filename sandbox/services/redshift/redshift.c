/* A warehouse that answers: see redshift.h. */
#include "sandbox/services/redshift/redshift.h"

#include "base/file.h"
#include "base/hash.h"
#include "sandbox/daemon/daemon.h"
#include "sandbox/engine/script.h"
#include "sandbox/services/shared/endpoints.h"

#include <string.h>
#include <sys/socket.h>

static const struct str cluster_type = STR_INIT("aws.redshift.cluster"),
                        workgroup_type = STR_INIT("aws.redshiftserverless.workgroup"),
                        namespace_type = STR_INIT("aws.redshiftserverless.namespace");

/* ---- the front, in Python ---- */

static const char *find_python(struct arena *arena)
{
    return installed_program(arena, "python3", NULL);
}

struct str warehouse_pass(struct services *services, struct arena *arena)
{
    struct sandbox_key key = sandbox_first_key(services_sandbox(services));
    return sha256_hex(arena, arena_printf(arena, "warehouse %.*s", STR_ARG(key.secret_key)));
}

static const char *const *front_environment(const struct daemon_self *self)
{
    struct environment env;
    const struct environment_options options = {
        .region = value_gets(self->settings, "region"), .home = str_z(self->data)};
    environment_start(&env, self->services, self->arena, &options);
    environment_set(&env, "WEIR_PASS", warehouse_pass(self->services, self->arena));
    environment_set(&env, "WEIR_WAREHOUSE", value_gets(self->settings, "warehouse"));
    environment_set(&env, "PYTHONPATH", arena_printf(self->arena, "%s/python", self->dir));
    const char **items = ARENA_ARRAY(self->arena, const char *, env.n);
    memcpy(items, env.items, env.n * sizeof *items);
    environment_release(&env);
    return items;
}

static int front_command(const struct daemon_self *self, struct daemon_command *out, struct err *err)
{
    const char *folder = arena_printf(self->arena, "%s/python", self->dir).p;
    const char *const words[] = {self->program, arena_printf(self->arena, "%s/weir_redshift.py", folder).p,
        arena_printf(self->arena, "%u", (unsigned)self->ports[0]).p,
        arena_strz(self->arena, value_gets(self->settings, "socket")), NULL};
    const char **argv = ARENA_ARRAY(self->arena, const char *, sizeof words / sizeof *words);
    memcpy(argv, words, sizeof words);
    *out = (struct daemon_command){argv, front_environment(self)};
    return script_write_support(folder, err);
}

static bool front_ready(const struct daemon_self *self)
{
    return daemon_port_answers(self->ports[0]);
}

static const struct daemon_kind front_daemon = {.title = "python3 with boto3",
    .install = "apt-get install python3; pip install boto3 duckdb sqlglot",
    .ports = 1,
    .find = find_python,
    .command = front_command,
    .ready = front_ready};

/* ---- which ---- */

static struct str both(struct arena *arena, struct str server)
{
    return arena_printf(arena, "%.*s-front %.*s", STR_ARG(server), STR_ARG(server));
}

static struct str cluster_server(struct arena *arena, const struct control_record *record)
{
    return arena_printf(arena, "redshift-%.*s-%.*s-%lld", STR_ARG(record->region), STR_ARG(record->id),
        (long long)record->created_ms);
}

static struct str namespace_server(struct arena *arena, const struct control_record *record)
{
    return arena_printf(arena, "redshift-%.*s", STR_ARG(value_gets(record->attrs, "namespace_id")));
}

static struct str cluster_daemons(struct arena *arena, const struct control_record *record)
{
    return both(arena, cluster_server(arena, record));
}

static struct str namespace_daemons(struct arena *arena, const struct control_record *record)
{
    return both(arena, namespace_server(arena, record));
}

static struct database_wish wish_of(struct services *services, struct arena *arena,
    const struct control_record *record, const char *user, const char *password)
{
    return (struct database_wish){.user = value_text(value_getz(record->attrs, user), STR("admin")),
        .password = database_password(services, arena, record->region, value_gets(record->attrs, "secret"),
            value_gets(record->attrs, password)),
        .database = value_text(value_getz(record->attrs, "db_name"), STR("dev"))};
}

bool warehouse_find(struct services *services, struct arena *arena, struct str region, struct str cluster,
    struct str workgroup, struct warehouse *out)
{
    struct control *control = services_control(services);
    struct control_record record, space;
    if (cluster.n) {
        if (!control_find(control, arena, cluster_type, region, cluster, &record))
            return false;
        *out = (struct warehouse){cluster_server(arena, &record), record.region,
            wish_of(services, arena, &record, "master_username", "master_user_password")};
        return true;
    }
    if (!control_find(control, arena, workgroup_type, region, workgroup, &record) ||
        !control_find(control, arena, namespace_type, region, value_gets(record.attrs, "namespace"), &space))
        return false;
    *out = (struct warehouse){namespace_server(arena, &space), space.region,
        wish_of(services, arena, &space, "admin_username", "admin_user_password")};
    return true;
}

int warehouse_want(struct services *services, struct arena *arena, const struct warehouse *warehouse,
    uint16_t *port, struct err *err)
{
    struct daemons *daemons = services_parts(services)->daemons;
    struct daemon_self server, front;
    if (daemon_want(daemons, &postgres_daemon, warehouse->name, NULL, arena, &server, err))
        return err_context(err, "the warehouse is a record only");
    const struct value_entry settings[] = {{STR("region"), value_string(arena, warehouse->region)},
        {STR("socket"), value_stringz(arena, postgres_socket(arena, &server))},
        {STR("warehouse"), value_string(arena, warehouse->name)}};
    if (database_furnish(&server, &warehouse->wish, err))
        return -1;
    if (daemon_want(daemons, &front_daemon, arena_printf(arena, "%.*s-front", STR_ARG(warehouse->name)),
            value_map(arena, settings, 3), arena, &front, err))
        return err_context(err, "the warehouse is a record only");
    *port = front.ports[0];
    return 0;
}

/* ---- visitors ---- */

static void redshift_visit(
    struct services *services, const struct listener_of *of, const void *ctx UNUSED, int fd)
{
    AUTO_ARENA struct arena arena = ARENA_INIT;
    AUTO_BUF struct buf startup = BUF_INIT;
    struct warehouse warehouse;
    struct err err = ERR_INIT;
    uint16_t port = 0;
    bool cluster = str_eq(of->type, cluster_type);
    if (!greeting_read(fd, &startup))
        return;
    if (!warehouse_find(services, &arena, of->region, cluster ? of->id : STR_EMPTY,
            cluster ? STR_EMPTY : of->id, &warehouse)) {
        greeting_refuse(fd, "57P03", "the warehouse is gone");
        return;
    }
    if (warehouse_want(services, &arena, &warehouse, &port, &err)) {
        greeting_refuse(fd, "58000", err.message);
        return;
    }
    AUTO_FD int front = listener_dial(port);
    if (front >= 0 && send(front, startup.p, startup.n, MSG_NOSIGNAL) == (ssize_t)startup.n)
        listener_join(services_parts(services)->listeners, fd, front);
}

const struct endpoint cluster_endpoint = {
    .type = "aws.redshift.cluster", .port = "port", .visit = redshift_visit, .daemons = cluster_daemons};
const struct endpoint workgroup_endpoint = {
    .type = "aws.redshiftserverless.workgroup", .port = "port", .visit = redshift_visit};
const struct endpoint namespace_endpoint = {
    .type = "aws.redshiftserverless.namespace", .daemons = namespace_daemons};
