/* All kinds of providers that this program has; provider/kind.h tells how one is added. */
#pragma once

#include "provider/kind.h"

extern const struct provider_kinds cmd_kinds;
