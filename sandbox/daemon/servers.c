/* The servers behind records: Kafka and PostgreSQL. */
#include "base/embed.h"
#include "base/file.h"
#include "sandbox/daemon/daemon.h"
#include "sandbox/engine/script.h"

#include <pwd.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

enum { CLIENTS, CONTROLLER, PORTS };
enum { START_MS = 120000 }; /* long enough for a Java program on a busy machine */

/* ---- Kafka: installation ---- */

/* True for Kafka's archive and for the installation of tools/setup. */
static bool has_kafka(struct arena *arena, const char *folder)
{
    bool any = false;
    AUTO_DIR DIR *dir = opendir(arena_printf(arena, "%s/libs", folder).p);
    for (struct dirent *entry; dir && !any && (entry = readdir(dir));)
        any = str_starts(str_z(entry->d_name), STR("kafka_2."));
    return any;
}

static const char *find_kafka(struct arena *arena)
{
    static const char *const locations[] = {"/opt/kafka", "/usr/local/kafka", "/usr/share/kafka"};
    const char *given = getenv("WEIR_KAFKA");
    if (!installed_program(arena, "java", NULL))
        return NULL;
    if (given)
        return has_kafka(arena, given) ? arena_strz(arena, str_z(given)) : NULL;
    const char *installed = installed_at(arena, ".cache/kafka");
    if (installed && has_kafka(arena, installed))
        return installed;
    for (size_t i = 0; i < sizeof locations / sizeof *locations; i++)
        if (has_kafka(arena, locations[i]))
            return locations[i];
    return NULL;
}

/* ---- Kafka: folder ---- */

static int write_properties(const struct daemon_self *self, const char *name, uint16_t clients,
    uint16_t controller, struct str address, int64_t port, struct err *err)
{
    const char *path = arena_printf(self->arena, "%s/%s", self->data, name).p;
    struct str text = EMBEDDED_FILLED(self->arena, "sandbox/daemon/kafka.properties",
        {"clients", arena_printf(self->arena, "%u", (unsigned)clients)},
        {"controller", arena_printf(self->arena, "%u", (unsigned)controller)}, {"address", address},
        {"port", arena_printf(self->arena, "%lld", (long long)port)}, {"data", str_z(self->seen_data)});
    return file_write_atomic(path, text, 0600, err) || daemon_set_owner(path, self->user, err) ? -1 : 0;
}

static const char *java(const struct daemon_self *self)
{
    return installed_program(self->arena, "java", NULL);
}

static const char *libraries(const struct daemon_self *self)
{
    return arena_printf(self->arena, "%s/libs/*", self->program).p;
}

/* Returns a random cluster id in Kafka's format: 16 bytes in base64url. */
static const char *cluster_id(struct arena *arena)
{
    unsigned char bytes[16];
    hash_random(bytes, sizeof bytes);
    char *text = arena_strz(arena, base64_encode(arena, str_n((const char *)bytes, sizeof bytes)));
    for (char *c = text; *c; c++)
        *c = (char)(*c == '+' ? 'a' : *c == '/' ? 'b' : *c == '=' ? 0 : *c);
    return text;
}

/* Formats the storage. The final ports are known only at a start; these are not opened. */
static int kafka_prepare(const struct daemon_self *self, struct err *err)
{
    const char *const format[] = {java(self), "-Xmx128m", "-XX:TieredStopAtLevel=1", "-XX:+UseSerialGC",
        "-cp", libraries(self), "kafka.tools.StorageTool", "format", "-t", cluster_id(self->arena), "-c",
        "format.properties", NULL};
    return write_properties(self, "format.properties", 9092, 9093, STR("127.0.0.1"), 9092, err) ||
                   daemon_run(self, format, err)
               ? -1
               : 0;
}

/* ---- Kafka: start ---- */

static int kafka_command(const struct daemon_self *self, struct daemon_command *out, struct err *err)
{
    const char *const fixed[] = {java(self), "-Xmx512m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1",
        "-XX:-UsePerfData", "-cp", libraries(self), "kafka.Kafka", "server.properties", NULL};
    const char **argv = ARENA_ARRAY(self->arena, const char *, sizeof fixed / sizeof *fixed);
    memcpy(argv, fixed, sizeof fixed);
    out->argv = argv;
    return write_properties(self, "server.properties", self->ports[CLIENTS], self->ports[CONTROLLER],
        value_gets(self->settings, "address"), value_geti(self->settings, "port", 9092), err);
}

static bool kafka_ready(const struct daemon_self *self)
{
    return daemon_port_answers(self->ports[CLIENTS]);
}

const struct daemon_kind kafka_daemon = {.title = "Apache Kafka 3.3 or newer, or Java,",
    .install = "its archive in /opt/kafka or where WEIR_KAFKA says, and apt-get install default-jre-headless",
    .ports = PORTS,
    .start_ms = START_MS,
    .find = find_kafka,
    .prepare = kafka_prepare,
    .command = kafka_command,
    .ready = kafka_ready};

/* ---- PostgreSQL ---- */

enum { OLDEST = 14, NEWEST = 40 }; /* version 14 introduced abstract sockets */

/* ---- PostgreSQL: installation ---- */

/* Returns the folder of the programs; Debian and Red Hat install versions side by side, outside PATH. */
static const char *find_programs(struct arena *arena)
{
    static const char *const locations[] = {
        "/usr/lib/postgresql/%d/bin", "/usr/pgsql-%d/bin", "/usr/local/pgsql-%d/bin"};
    const char *given = getenv("WEIR_POSTGRES");
    if (given)
        return path_exists(arena_printf(arena, "%s/initdb", given).p) ? given : NULL;
    for (int version = NEWEST; version >= OLDEST; version--)
        for (size_t i = 0; i < sizeof locations / sizeof *locations; i++) {
            char dir[64];
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
            snprintf(dir, sizeof dir, locations[i], version);
#pragma GCC diagnostic pop
            if (path_exists(arena_printf(arena, "%s/initdb", dir).p))
                return arena_strz(arena, str_z(dir));
        }
    const char *initdb = installed_program(arena, "initdb", NULL);
    return initdb ? arena_strz(arena, path_dir(str_z(initdb))) : NULL;
}

static const char *program(const struct daemon_self *self, const char *name)
{
    return arena_printf(self->arena, "%s/%s", self->program, name).p;
}

/* ---- PostgreSQL: folder ---- */

static int write_conf(const struct daemon_self *self, const char *name, struct str text, struct err *err)
{
    const char *path = arena_printf(self->arena, "%s/%s", self->data, name).p;
    return file_write_atomic(path, text, 0600, err);
}

static struct str own_name(struct arena *arena)
{
    char text[4096];
    struct passwd entry, *who = NULL;
    bool found = !getpwuid_r(geteuid(), &entry, text, sizeof text, &who) && who;
    return found ? arena_str(arena, str_z(who->pw_name)) : arena_printf(arena, "%u", (unsigned)geteuid());
}

/* Creates a cluster with password authentication; only the sandbox's user connects by peer authentication. */
static int postgres_prepare(const struct daemon_self *self, struct err *err)
{
    const char *const initdb[] = {program(self, "initdb"), "-N", "-E", "UTF8", "--locale=C.UTF-8", "-A",
        "peer", "-U", POSTGRES_ADMIN, "-D", self->seen_data, NULL};
    struct str name = own_name(self->arena);
    struct str conf, more = STR("\npassword_encryption = scram-sha-256\nlog_timezone = UTC\ntimezone = UTC\n"
                                "include_if_exists = '" POSTGRES_CONF "'\n");
    struct str hba = STR("local all " POSTGRES_ADMIN " peer map=sandbox\n"
                         "local replication " POSTGRES_ADMIN " peer map=sandbox\n"
                         "local all all scram-sha-256\n");
    struct str ident = arena_printf(self->arena, "sandbox \"%.*s\" " POSTGRES_ADMIN "\n", STR_ARG(name));
    const char *made = arena_printf(self->arena, "%s/postgresql.conf", self->data).p;
    if (daemon_run(self, initdb, err) || file_read(self->arena, made, 0, &conf, err))
        return -1;
    conf = arena_printf(self->arena, "%.*s%.*s", STR_ARG(conf), STR_ARG(more));
    return write_conf(self, "postgresql.conf", conf, err) || write_conf(self, "pg_hba.conf", hba, err) ||
                   write_conf(self, "pg_ident.conf", ident, err) ||
                   daemon_set_owner(self->data, self->user, err)
               ? -1
               : 0;
}

/* ---- PostgreSQL: start ---- */

static struct str socket_folder(struct arena *arena, const struct daemon_self *self)
{
    return arena_printf(arena, "@weir-%s-%.*s", services_family(self->services), STR_ARG(self->name));
}

const char *postgres_socket(struct arena *arena, const struct daemon_self *self)
{
    struct str folder = socket_folder(arena, self);
    return arena_printf(arena, "%.*s/.s.PGSQL.5432", STR_ARG(folder)).p;
}

static int postgres_command(const struct daemon_self *self, struct daemon_command *out, struct err *err)
{
    struct str folder = socket_folder(self->arena, self);
    const char *const fixed[] = {program(self, "postgres"), "-D", self->seen_data, "-c",
        "listen_addresses=", "-c",
        arena_printf(self->arena, "unix_socket_directories=%.*s", STR_ARG(folder)).p, "-c", "port=5432", "-c",
        "shared_buffers=32MB", "-c",
        sandbox_ephemeral(services_sandbox(self->services)) ? "fsync=off" : "fsync=on", "-c", "ssl=off", "-c",
        "logging_collector=off", "-c", "log_destination=stderr", NULL};
    const char **argv = ARENA_ARRAY(self->arena, const char *, sizeof fixed / sizeof *fixed);
    (void)err;
    memcpy(argv, fixed, sizeof fixed);
    unlink(arena_printf(self->arena, "%s/postmaster.pid", self->data).p); /* left by a killed server */
    out->argv = argv;
    return 0;
}

static bool postgres_ready(const struct daemon_self *self)
{
    AUTO_ARENA struct arena arena = ARENA_INIT;
    AUTO_FD int fd = listener_dial_path(postgres_socket(&arena, self));
    PGconn *session = fd >= 0 ? postgres_open(self, "postgres", ERR_IGNORED) : NULL;
    if (session)
        pq_api(ERR_IGNORED)->finish(session);
    return session != NULL;
}

const struct daemon_kind postgres_daemon = {.title = "PostgreSQL 14 or newer",
    .install = "apt-get install postgresql",
    .user = "postgres",
    .end_signal = SIGINT, /* ends sessions instead of waiting for them */
    .find = find_programs,
    .prepare = postgres_prepare,
    .command = postgres_command,
    .ready = postgres_ready};

/* ---- PostgreSQL: sessions ---- */

PGconn *postgres_open(const struct daemon_self *self, const char *database, struct err *err)
{
    AUTO_ARENA struct arena arena = ARENA_INIT;
    const struct pq_api *pq = pq_api(err);
    const char *const keys[] = {
        "host", "user", "dbname", "client_encoding", "application_name", "options", NULL};
    const char *const values[] = {socket_folder(&arena, self).p, POSTGRES_ADMIN, database, "UTF8", "sandbox",
        "-c client_min_messages=warning", NULL};
    PGconn *session = pq ? pq->connectdbParams(keys, values, 0) : NULL;
    if (!pq || (session && pq->status(session) == CONNECTION_OK))
        return session;
    err_set(
        err, ERR_FAILED, "PostgreSQL does not answer: %s", session ? pq->errorMessage(session) : "no memory");
    pq->finish(session);
    return NULL;
}

int postgres_run(PGconn *session, const char *sql, const char *const *values, PGresult **out, struct err *err)
{
    const struct pq_api *pq = pq_api(err);
    int n = 0;
    while (values && values[n])
        n++;
    PGresult *result = pq->execParams(session, sql, n, NULL, values, NULL, NULL, 0);
    ExecStatusType status = pq->resultStatus(result);
    bool failed = status != PGRES_TUPLES_OK && status != PGRES_COMMAND_OK;
    if (failed) {
        struct str why = str_trim(str_z(pq->errorMessage(session)));
        err_set(err, ERR_FAILED, "PostgreSQL: %.*s", STR_ARG(why));
    }
    if (out && !failed)
        *out = result;
    else
        pq->clear(result);
    return failed ? -1 : 0;
}

int postgres_copy(const struct daemon_self *self, const char *folder, struct err *err)
{
    AUTO_ARENA struct arena arena = ARENA_INIT;
    struct daemon_self copy = *self;
    copy.arena = &arena;
    copy.user = NULL; /* the sandbox reads the copy and later gives it to another daemon's user */
    const char *const argv[] = {arena_printf(&arena, "%s/pg_basebackup", self->program).p, "-h",
        socket_folder(&arena, self).p, "-U", POSTGRES_ADMIN, "-D", folder, "-c", "fast", "-N", NULL};
    return daemon_run(&copy, argv, err);
}
