/* When a schedule is due: see schedule_time.h. */
#include "sandbox/notation/schedule_time.h"

enum { DAY = 86400, FIRST_YEAR = SCHEDULE_FIRST_YEAR, LAST_YEAR = SCHEDULE_LAST_YEAR };

/* ---- which days ---- */

static bool schedule_time_has(uint32_t bits, int n)
{
    return bits >> n & 1;
}

/* The weekday nearest to the `wanted`th, without leaving the month. */
static int nearest_weekday(int64_t year, int month, int wanted)
{
    int last = days_of_month(year, month);
    if (wanted > last)
        return 0;
    int weekday = weekday_of_days(days_of_date(year, month, wanted));
    if (weekday == 6)
        return wanted > 1 ? wanted - 1 : wanted + 2;
    if (weekday == 0)
        return wanted < last ? wanted + 1 : wanted - 2;
    return wanted;
}

static bool day_fits(const struct cron *cron, int64_t days)
{
    int64_t year;
    int month, day, weekday = weekday_of_days(days);
    date_of_days(days, &year, &month, &day);
    int last = days_of_month(year, month);
    if (year < FIRST_YEAR || year > LAST_YEAR || !cron->years[year - FIRST_YEAR] ||
        !schedule_time_has(cron->months, month))
        return false;
    if (cron->any_day)
        return schedule_time_has(cron->weekdays, weekday) ||
               schedule_time_has(cron->nth[weekday], (day + 6) / 7) ||
               (schedule_time_has(cron->last_weekdays, weekday) && day + 7 > last);
    if (schedule_time_has(cron->days, day) || (cron->last_day && day == last))
        return true;
    for (int wanted = 1; cron->near_weekday && wanted <= 31; wanted++)
        if (schedule_time_has(cron->near_weekday, wanted) && nearest_weekday(year, month, wanted) == day)
            return true;
    return false;
}

static int64_t floor_days(int64_t seconds)
{
    return (seconds >= 0 ? seconds : seconds - (DAY - 1)) / DAY;
}

/* The first of the day's times after a moment. */
static bool next_in_day(
    const struct cron *cron, const struct zone *zone, int64_t days, int64_t after_ms, int64_t *next_ms)
{
    for (int hour = 0; hour < 24; hour++)
        for (int minute = 0; schedule_time_has(cron->hours, hour) && minute < 60; minute++) {
            int64_t utc;
            if (!(cron->minutes >> minute & 1) ||
                !zone_to_utc(zone, days * DAY + hour * 3600 + minute * 60, &utc) || utc * 1000 <= after_ms)
                continue;
            *next_ms = utc * 1000;
            return true;
        }
    return false;
}

/* Months and years that do not fit are skipped as a whole. */
static int64_t next_day(const struct cron *cron, int64_t days)
{
    int64_t year;
    int month, day;
    date_of_days(days, &year, &month, &day);
    if (year >= FIRST_YEAR && year <= LAST_YEAR && !cron->years[year - FIRST_YEAR])
        return days_of_date(year + 1, 1, 1);
    if (!schedule_time_has(cron->months, month))
        return days_of_date(year + (month == 12), month % 12 + 1, 1);
    return days + 1;
}

static bool next_cron(const struct cron *cron, const struct zone *zone, int64_t after_ms, int64_t *next_ms)
{
    int64_t last = days_of_date(LAST_YEAR, 12, 31), days = floor_days(after_ms / 1000) - 1;
    days = days < 0 ? 0 : days; /* a day earlier: it may still be yesterday there */
    for (; days <= last; days = next_day(cron, days))
        if (day_fits(cron, days) && next_in_day(cron, zone, days, after_ms, next_ms))
            return true;
    return false;
}

bool schedule_next(const struct schedule_time *time, const struct zone *zone, int64_t base_ms,
    int64_t after_ms, int64_t *next_ms)
{
    int64_t utc, every = time->rate_s * 1000;
    switch (time->kind) {
    case SCHEDULE_CRON: return next_cron(&time->cron, zone, after_ms, next_ms);
    case SCHEDULE_RATE:
        *next_ms = after_ms < base_ms ? base_ms : base_ms + ((after_ms - base_ms) / every + 1) * every;
        return true;
    case SCHEDULE_AT:
        if (!zone_to_utc(zone, time->at_s, &utc))
            return false;
        *next_ms = utc * 1000;
        return *next_ms > after_ms;
    }
    return false;
}
