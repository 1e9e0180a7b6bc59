/* The kind `weir`: types that are no service's. */
#pragma once

#include "provider/kind.h"

extern const struct provider_kind weir_kind;
