/* librdkafka, loaded when a Kafka cluster is first spoken to: see rdkafka_api.h. */
#include "provider/kafka/rdkafka_api.h"

#include "base/library.h"

#define KAFKA_DECLARED(gives, name, takes) gives rd_kafka_##name takes;
KAFKA_FUNCTIONS(KAFKA_DECLARED)
KAFKA_NEWER_FUNCTIONS(KAFKA_DECLARED)

const struct kafka_api *kafka_api(struct err *err)
{
#define KAFKA_NAME(gives, name, takes)   "rd_kafka_" #name "\0"
#define KAFKA_LINKED(gives, name, takes) rd_kafka_##name,
    static struct kafka_api api =
        LIBRARY_LINKED(KAFKA_FUNCTIONS(KAFKA_LINKED) KAFKA_NEWER_FUNCTIONS(KAFKA_LINKED));
    static struct library library = {
        .file = "librdkafka.so.1",
        .install = "Kafka's client library, 1.9 or newer (Debian and Ubuntu: apt install librdkafka1)",
        .table = &api,
        .names = KAFKA_FUNCTIONS(KAFKA_NAME),
        .newer = KAFKA_NEWER_FUNCTIONS(KAFKA_NAME),
    };
    return library_table(&library, err);
}
