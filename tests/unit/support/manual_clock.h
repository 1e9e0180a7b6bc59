/*
 * A clock that stands still until it is told otherwise; sleeping moves it and does not wait. Install it while
 * only one thread runs.
 */
#pragma once

#include <stdint.h>

void manual_clock_install(int64_t wall_ms);
void manual_clock_remove(void);
void manual_clock_advance(int64_t ms);
int64_t manual_clock_slept(void); /* by all sleeps since it was installed */
