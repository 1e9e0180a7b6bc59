/* The provider `host`: what lies on a host, done over one of the stack's connections by POSIX sh alone. */
#ifndef WEIR_PROVIDER_HOST_KIND_H
#define WEIR_PROVIDER_HOST_KIND_H

#include "provider/kind.h"

extern const struct provider_kind host_kind;

#endif
