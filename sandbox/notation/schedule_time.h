/* When a schedule is due. Pure: no clock is read. */
#pragma once

#include "provider/notation/schedule.h"
#include "sandbox/notation/zone.h"

/*
 * The first time after a moment (ms since 1970). A rate counts from `base_ms`. False: never again. What
 * clocks skip is left out, what they show twice comes once.
 */
bool schedule_next(const struct schedule_time *time, const struct zone *zone, int64_t base_ms,
    int64_t after_ms, int64_t *next_ms);
