/* The kind of providers whose types lie in a Kafka cluster. */
#pragma once

#include "provider/kind.h"

extern const struct provider_kind kafka_kind;
