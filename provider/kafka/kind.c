/* The kind of providers whose types lie in a Kafka cluster: see kind.h. */
#include "provider/kafka/kind.h"

#include "provider/kafka/type.h"

static const struct native natives[] = {{.name = "kafka", .ops = &kafka_ops}, {0}};

static int kafka_open(
    const struct provider_options *options, struct arena *arena UNUSED, void **self, struct err *err)
{
    struct cluster *cluster;
    if (cluster_new(options, &cluster, err))
        return -1;
    *self = cluster;
    return 0;
}

static void kafka_close(void *self)
{
    cluster_free(self);
}

const struct provider_kind kafka_kind = {
    .name = "kafka",
    .specs = "provider/kafka/specs/",
    .natives = natives,
    .settings = &kafka_settings_attr,
    .http = true,
    .open = kafka_open,
    .close = kafka_close,
};
