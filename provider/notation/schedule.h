/*
 * Schedules as texts: cron(…) with the service's six fields, rate(…), at(…). Pure.
 *
 *     cron(minutes hours day-of-month month day-of-week year)
 *         * , - /     everywhere;  ? in one of the two day fields
 *         L           the last day of the month, or Saturday; 5L the last Thursday of the month
 *         15W         the weekday nearest to the 15th, within the month
 *         3#2         the second Tuesday
 */
#pragma once

#include "base/str.h"

#include <stdbool.h>
#include <stdint.h>

enum { SCHEDULE_FIRST_YEAR = 1970, SCHEDULE_LAST_YEAR = 2199 };

struct cron {
    uint64_t minutes;
    uint32_t hours, days, near_weekday; /* bit n: n */
    uint16_t months;
    uint8_t weekdays, last_weekdays; /* bit 0: Sunday */
    uint8_t nth[7];                  /* of each weekday, bit n: the nth of the month */
    bool any_day, any_weekday, last_day;
    uint8_t years[SCHEDULE_LAST_YEAR - SCHEDULE_FIRST_YEAR + 1];
};

enum schedule_kind { SCHEDULE_CRON, SCHEDULE_RATE, SCHEDULE_AT };

struct schedule_time {
    enum schedule_kind kind;
    struct cron cron;
    int64_t rate_s;
    bool loose;   /* rate(1 minutes), rate(5 minute): Scheduler takes it, a rule does not */
    int64_t at_s; /* as clocks show it */
};

/* NULL: understood; else what is wrong with it. */
const char *schedule_parse(struct str text, struct schedule_time *out);
/* Is it a cron of days that its months never have? */
bool schedule_is_never(const struct schedule_time *time);
