/* `weir.random`: something made up once and kept in the state. Attributes: specs/weir.yaml. */
#pragma once

#include "provider/provider.h"

extern const struct resource_ops weir_random_ops;
