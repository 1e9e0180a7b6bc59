/*
 * Crash points: named places at which the process can be made to die, so that tests can check what a kill
 * leaves behind.
 *
 * WEIR_CRASH_AT=N kills the process (SIGKILL, so that nothing is cleaned up) when the Nth point is reached,
 * counted from 1 over all threads. WEIR_CRASH_LOG=FILE appends the name of every point passed to a file, one
 * per line; with WEIR_CRASH_AT unset or 0 that counts the points. If neither is set, a point costs one
 * relaxed load. Points are around every durable step (plan/state) and every request (provider/http).
 *
 * WEIR_FAIL_ALLOC=N makes the Nth allocation of the process fail (mem_fail_after): running out of memory must
 * leave no more behind than a kill.
 */
#pragma once

#include <stdbool.h>

void crash_point(const char *name);
/* True if WEIR_CRASH_AT or WEIR_CRASH_LOG is set. Writers then split a write in two, so that a kill can
 * happen between its halves. */
bool crash_armed(void);
