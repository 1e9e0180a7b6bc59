/* The kind `docker`: containers, and what they need, by the Engine's API. */
#pragma once

#include "provider/kind.h"

extern const struct provider_kind docker_kind;
