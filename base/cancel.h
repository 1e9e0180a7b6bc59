/*
 * Giving up: a flag that a signal's handler or another thread sets when what is going on is no longer wanted.
 * Whoever waits looks at it several times a second. NULL is a flag that nobody ever sets.
 */
#pragma once

#include "base/err.h"

#include <stdatomic.h>
#include <stdint.h>

static inline bool cancel_is_set(const atomic_bool *cancel)
{
    return cancel && atomic_load(cancel);
}

/* Sleeps so long, or until the flag is set: then -1 with ERR_INTERRUPTED. */
int cancel_sleep_ms(const atomic_bool *cancel, int64_t ms, struct err *err);
