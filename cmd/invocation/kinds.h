/* All kinds of providers that this program has; provider/kind.h tells how one is added. */
#ifndef WEIR_CMD_INVOCATION_KINDS_H
#define WEIR_CMD_INVOCATION_KINDS_H

#include "provider/kind.h"

extern const struct provider_kinds cmd_kinds;

#endif
