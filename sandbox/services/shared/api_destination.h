/*
 * API destinations, which rules call over HTTP: the endpoint's wildcards, and headers, query and body of the
 * target and of the connection, whose values come first, with its credentials.
 */
#pragma once

#include "sandbox/services/shared/event_targets.h"

/* Waits for the answer, *answer in the arena; one that is no success is an error. `name` is the
 * destination's. */
int api_destination_call(struct services *services, struct arena *arena, const struct target *target,
    struct str region, struct str name, struct str *answer, struct err *err);
