/* The provider `host`: what lies on a host, done over one of the stack's connections by POSIX sh alone. */
#pragma once

#include "provider/kind.h"

extern const struct provider_kind host_kind;
