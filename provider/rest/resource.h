/* http.resource: an object of a REST API that is described in the stack itself. Its provider is any kind of
 * this folder's. */
#pragma once

#include "provider/kind.h"

extern const struct native rest_natives[];
/* http.response (response.c) */
extern const struct resource_ops rest_response_ops;
