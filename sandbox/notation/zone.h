/*
 * Time zones by name, from the system's database (TZif files). The C library knows one zone a process, set by
 * an environment variable, which is no way to ask about several from several threads.
 */
#pragma once

#include "base/arena.h"

struct zone;

/* NULL: there is none of that name. "UTC" is always there. Lives in the arena. */
const struct zone *zone_find(struct arena *arena, struct str name);
/* Seconds east of Greenwich at a moment (seconds since 1970 in UTC). */
int64_t zone_offset(const struct zone *zone, int64_t utc_s);
/*
 * The moment at which clocks there show this (seconds since 1970 as if it were UTC): the first of two where
 * they are set back. False where they never do, because they are set forward over it.
 */
bool zone_to_utc(const struct zone *zone, int64_t local_s, int64_t *utc_s);

/* ---- the calendar ---- */

/* Days since 1970-01-01. */
int64_t days_of_date(int64_t year, int month, int day);
void date_of_days(int64_t days, int64_t *year, int *month, int *day);
/* 0: Sunday. */
int weekday_of_days(int64_t days);
int days_of_month(int64_t year, int month);
