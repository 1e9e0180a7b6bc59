/* The kind of providers whose types lie in a PostgreSQL server. */
#pragma once

#include "provider/kind.h"

extern const struct provider_kind postgres_kind;
