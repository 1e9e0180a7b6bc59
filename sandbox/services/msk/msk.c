/* MSK: one Kafka broker serves all brokers and all ports of a cluster. */
#include "base/file.h"
#include "sandbox/services/shared/endpoints.h"

#include <stdio.h>

/* Plaintext, TLS, SASL/SCRAM and IAM: all the same here, without encryption or authentication. */
static const uint16_t ports[] = {9092, 9094, 9096, 9098, 0};

/* The UUID at the end of the ARN is unique. */
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
    return daemon_require(services_parts(services)->daemons, &kafka_daemon, daemon_name(arena, record),
        value_map(arena, entries, 2), arena, out, err);
}

/* Kafka's protocol has no error before the first request, so the connection is closed and the reason is
 * printed. */
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
