/*
 * A backend around another one that seals every record as a whole (`state: {encrypt: records}`): whoever
 * reads the place learns how many records there are and when they came, and nothing else.
 *
 *     <checksum> {"seq":17,"sealed":"<key id>:<base64>"}
 *
 * The number stands inside the seal too, so that records cannot change places. Records from before the switch
 * are read as they are.
 */
#pragma once

#include "plan/state/backend.h"

/* `inner` belongs to the new backend from here on, also after a failure. ERR_INVALID where options->config
 * has no key. */
int backend_sealed_new(
    const struct backend_options *options, struct backend *inner, struct backend **out, struct err *err);
