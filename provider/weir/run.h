/* `weir.command`: a command of the stack's own, what it printed, and how it is taken back. */
#ifndef WEIR_PROVIDER_WEIR_RUN_H
#define WEIR_PROVIDER_WEIR_RUN_H

#include "provider/kind.h"

extern const struct resource_ops weir_command_ops;

#endif
