/* Sleeping until it is over or no longer wanted: see cancel.h. */
#include "base/cancel.h"

#include "base/clock.h"

enum { LOOK_MS = 100 };

int cancel_sleep_ms(const atomic_bool *cancel, int64_t ms, struct err *err)
{
    for (int64_t left = ms; left > 0 && !cancel_is_set(cancel); left -= LOOK_MS)
        clock_sleep_ms(left < LOOK_MS ? left : LOOK_MS);
    return cancel_is_set(cancel) ? err_set(err, ERR_INTERRUPTED, "interrupted while waiting") : 0;
}
