/* Who answers every service but S3. */
#ifndef WEIR_SANDBOX_CALLS_FRONT_H
#define WEIR_SANDBOX_CALLS_FRONT_H

#include "sandbox/http/exchange.h"

extern const struct responder services_responder;

#endif
