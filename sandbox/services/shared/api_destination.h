/*
 * API destinations, which rules call over HTTP: the endpoint's wildcards, and headers, query and body of the
 * target and of the connection, whose values come first, with its credentials.
 */
#pragma once

#include "sandbox/services/shared/event_targets.h"

/* How often in a second it may be called. */
int64_t api_destination_rate(struct services *services, struct str region, struct str name);
/* Waits for the answer, *answer in the arena; one that is no success is an error,
 * retryable where it may be another later. `name` is the
 * destination's. */
int api_destination_call(struct services *services, struct arena *arena, const struct target *target,
    struct str region, struct str name, struct str *answer, struct err *err);
