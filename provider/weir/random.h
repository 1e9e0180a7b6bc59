/* `weir.random`: something made up once and kept in the state. Attributes: specs/weir.yaml. */
#ifndef WEIR_PROVIDER_WEIR_RANDOM_H
#define WEIR_PROVIDER_WEIR_RANDOM_H

#include "provider/provider.h"

extern const struct resource_ops weir_random_ops;

#endif
