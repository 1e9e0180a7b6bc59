/*
 * What a refresh saw, in a saved plan: by address, as the state would keep it. Secrets are sealed with the
 * state's key; without one they are hashes.
 */
#pragma once

#include "plan/planner.h"

const struct value *saved_live_values(const struct planner *p, struct arena *arena);
/* The other way. ERR_DAMAGED, ERR_INVALID where a secret cannot be opened. */
int saved_live_read(const struct state *state, const struct value *saved, struct arena *arena,
    const struct value **out, struct err *err);
