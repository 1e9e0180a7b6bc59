/* Apache Kafka as a daemon: see kafka.h. */
#include "sandbox/daemon/kafka.h"

#include "base/embed.h"
#include "base/file.h"
#include "base/hash.h"
#include "sandbox/engine/installed.h"

#include <dirent.h>
#include <stdlib.h>

enum { CLIENTS, CONTROLLER, PORTS };
enum { START_MS = 120000 }; /* a Java program, on a machine that may be busy */

/* ---- where it is ---- */

/* Kafka's own archive has its libraries there, and so has what tools/setup fetches. */
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
    static const char *const places[] = {"/opt/kafka", "/usr/local/kafka", "/usr/share/kafka"};
    const char *given = getenv("WEIR_KAFKA");
    if (!installed_program(arena, "java", NULL))
        return NULL;
    if (given)
        return has_kafka(arena, given) ? arena_strz(arena, str_z(given)) : NULL;
    const char *installed = installed_at(arena, ".cache/kafka");
    if (installed && has_kafka(arena, installed))
        return installed;
    for (size_t i = 0; i < sizeof places / sizeof *places; i++)
        if (has_kafka(arena, places[i]))
            return places[i];
    return NULL;
}

/* ---- its folder ---- */

static int write_properties(const struct daemon_self *self, const char *name, uint16_t clients,
    uint16_t controller, struct str address, int64_t port, struct err *err)
{
    const char *path = arena_printf(self->arena, "%s/%s", self->data, name).p;
    struct str text = EMBEDDED_FILLED(self->arena, "sandbox/daemon/kafka.properties",
        {"clients", arena_printf(self->arena, "%u", (unsigned)clients)},
        {"controller", arena_printf(self->arena, "%u", (unsigned)controller)}, {"address", address},
        {"port", arena_printf(self->arena, "%lld", (long long)port)}, {"data", str_z(self->seen_data)});
    return file_write_atomic(path, text, 0600, err) || daemon_give(path, self->user, err) ? -1 : 0;
}

static const char *java(const struct daemon_self *self)
{
    return installed_program(self->arena, "java", NULL);
}

static const char *libraries(const struct daemon_self *self)
{
    return arena_printf(self->arena, "%s/libs/*", self->program).p;
}

/* The cluster's id, as Kafka spells it: 16 bytes in base64url. */
static const char *cluster_id(struct arena *arena)
{
    unsigned char bytes[16];
    hash_random(bytes, sizeof bytes);
    char *text = arena_strz(arena, base64_encode(arena, str_n((const char *)bytes, sizeof bytes)));
    for (char *c = text; *c; c++)
        *c = (char)(*c == '+' ? 'a' : *c == '/' ? 'b' : *c == '=' ? 0 : *c);
    return text;
}

/* Which ports it gets is known at the start only; here they are not opened. */
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

/* ---- running ---- */

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
