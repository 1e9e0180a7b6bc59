/* Who answers every service but S3. */
#pragma once

#include "sandbox/http/exchange.h"

extern const struct responder services_responder;
