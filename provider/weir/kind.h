/* The kind `weir`: types that are no service's. */
#ifndef WEIR_PROVIDER_WEIR_KIND_H
#define WEIR_PROVIDER_WEIR_KIND_H

#include "provider/kind.h"

extern const struct provider_kind weir_kind;

#endif
