/*
 * Crash points: named places at which the process can be told to die, so that tests can prove what a kill
 * leaves behind.
 *
 * WEIR_CRASH_AT=N kills the process (SIGKILL, so nothing is cleaned up) when the Nth point is reached,
 * counted from 1 over all threads. WEIR_CRASH_LOG=FILE adds the name of every point passed to a file, one per
 * line; with WEIR_CRASH_AT unset or 0 that counts them. Neither set: a point costs one relaxed load. Points
 * are around every durable step (plan/state) and every request (provider/http).
 *
 * WEIR_FAIL_ALLOC=N lets the Nth allocation of the process fail (mem_fail_after): running out of memory must
 * leave no more behind than a kill.
 */
#pragma once

#include <stdbool.h>

void crash_point(const char *name);
/* Is one of the first two set? Then writers take their steps apart, so that a kill can fall between two
 * halves of one write. */
bool crash_armed(void);
