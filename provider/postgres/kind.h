/* The kind of providers whose types lie in a PostgreSQL server. */
#ifndef WEIR_PROVIDER_POSTGRES_KIND_H
#define WEIR_PROVIDER_POSTGRES_KIND_H

#include "provider/kind.h"

extern const struct provider_kind postgres_kind;

#endif
