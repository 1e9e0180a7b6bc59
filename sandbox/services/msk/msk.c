/* Who connects to a cluster's brokers: one real broker is behind all of them, at all ports that MSK has. */
#include "base/file.h"
#include "sandbox/services/shared/endpoints.h"

#include <stdio.h>

/* In the clear, with TLS, with a user and with IAM: here the same. */
static const uint16_t ports[] = {9092, 9094, 9096, 9098, 0};

/* The end of its ARN is no other's, ever. */
static struct str daemon_name(struct arena *arena, const struct control_record *record)
{
    struct str id = value_gets(record->attrs, "arn");
    return arena_printf(arena, "kafka-%.*s", STR_ARG(str_last_part(id, "/")));
}

static int msk_want(struct services *services, struct arena *arena, const struct control_record *record,
    struct daemon_self *out, struct err *err)
{
    struct value_entry entries[] = {
        {STR("address"), value_getz(record->attrs, "address")}, {STR("port"), value_int(arena, ports[0])}};
    return daemon_want(services_parts(services)->daemons, &kafka_daemon, daemon_name(arena, record),
        value_map(arena, entries, 2), arena, out, err);
}

/* Kafka's protocol has no words for a refusal before a request: who comes is sent away, and the sandbox says
 * why. */
static void msk_visit(struct services *services, const struct listener_of *of, const void *ctx UNUSED, int fd)
{
    AUTO_ARENA struct arena arena = ARENA_INIT;
    struct control_record record;
    struct daemon_self self;
    struct err err = ERR_INIT;
    if (!endpoint_record(services, &arena, of, &record))
        return;
    if (msk_want(services, &arena, &record, &self, &err)) {
        fprintf(stderr, "sandbox: the cluster %.*s is a record only: %s\n", STR_ARG(record.id), err.message);
        return;
    }
    AUTO_FD int broker = listener_dial(self.ports[0]);
    if (broker >= 0)
        listener_join(services_parts(services)->listeners, fd, broker);
}

const struct endpoint msk_endpoint = {
    .type = "aws.kafka.cluster", .ports = ports, .visit = msk_visit, .daemons = daemon_name};
