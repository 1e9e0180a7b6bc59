/* `weir.command`: a command of the stack's own, what it printed, and how it is taken back. */
#pragma once

#include "provider/kind.h"

extern const struct resource_ops weir_command_ops;
