/* The kind `docker`: containers, and what they need, by the Engine's API. */
#ifndef WEIR_PROVIDER_DOCKER_KIND_H
#define WEIR_PROVIDER_DOCKER_KIND_H

#include "provider/kind.h"

extern const struct provider_kind docker_kind;

#endif
