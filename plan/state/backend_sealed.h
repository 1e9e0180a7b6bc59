/*
 * Seals every record of a backend as a whole (`state: {encrypt: records}`): whoever reads the place learns
 * how many records there are and when they came, and nothing else.
 *
 *     <checksum> {"seq":17,"sealed":"<key id>:<base64>"}
 *
 * The number stands inside the seal too, so that records cannot change places. Records from before the switch
 * are read as they are.
 */
#pragma once

#include "plan/state/backend.h"

/* ERR_INVALID where options->config has no key. */
int backend_seal(struct backend *b, const struct backend_options *options, struct err *err);
