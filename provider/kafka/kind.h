/* The kind of providers whose types lie in a Kafka cluster. */
#ifndef WEIR_PROVIDER_KAFKA_KIND_H
#define WEIR_PROVIDER_KAFKA_KIND_H

#include "provider/kind.h"

extern const struct provider_kind kafka_kind;

#endif
