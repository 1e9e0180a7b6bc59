/* All provider types of this program; provider/kind.h describes how to add one. */
#pragma once

#include "provider/kind.h"

extern const struct provider_kinds cmd_kinds;
