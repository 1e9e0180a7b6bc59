/* The next time of a schedule, and time zones: see languages.h. */
#include "sandbox/notation/languages.h"

#include "base/file.h"

#include <stdlib.h>

/* ---- time zones: TZif files (RFC 8536), their TZ string for later years, and the calendar ---- */

enum { ZONE_DAY = 86400, MAX_FILE = 1024 * 1024, HEADER = 44 };

/* A yearly clock change: "M3.5.0/2" is month 3, last week, Sunday, at two o'clock. */
struct zone_change {
    char kind; /* 'M', 'J' (1 to 365, no leap day), '0' (0 to 365) */
    int month, week, day;
    int64_t time_s;
};

struct zone {
    const unsigned char *times, *types, *infos; /* arrays of the file, big endian */
    int64_t time_count, type_count;
    /* the TZ string, for times after the last of `times` */
    bool rule, summer;
    int64_t standard_s, summer_s;
    struct zone_change to_summer, to_standard;
};

/* ---- calendar: 400 years have 146097 days; years are counted from March ---- */

static int64_t days_of_date(int64_t year, int month, int day)
{
    year -= month <= 2;
    int64_t era = (year >= 0 ? year : year - 399) / 400, of_era = year - era * 400;
    int64_t of_year = (153 * (month + (month > 2 ? -3 : 9)) + 2) / 5 + day - 1;
    return era * 146097 + of_era * 365 + of_era / 4 - of_era / 100 + of_year - 719468;
}

/* Converts days since 1970-01-01 to a date. */
static void date_of_days(int64_t days, int64_t *year, int *month, int *day)
{
    days += 719468;
    int64_t era = (days >= 0 ? days : days - 146096) / 146097, left = days - era * 146097;
    int64_t of_era = (left - left / 1460 + left / 36524 - left / 146096) / 365;
    int64_t of_year = left - (365 * of_era + of_era / 4 - of_era / 100), m = (5 * of_year + 2) / 153;
    *day = (int)(of_year - (153 * m + 2) / 5 + 1);
    *month = (int)(m < 10 ? m + 3 : m - 9);
    *year = of_era + era * 400 + (*month <= 2);
}

static int weekday_of_days(int64_t days)
{
    return (int)(((days + 4) % 7 + 7) % 7);
}

/* Returns the number of days of a month (1 to 12). */
static int days_of_month(int64_t year, int month)
{
    return (int)(days_of_date(year + (month == 12), month % 12 + 1, 1) - days_of_date(year, month, 1));
}

/* ---- TZ string: CET-1CEST,M3.5.0,M10.5.0/3 ---- */

static bool zone_take(const char **p, char c)
{
    bool there = **p == c;
    *p += there;
    return there;
}

static bool read_number(const char **p, int64_t *out)
{
    char *end;
    if (**p < '0' || **p > '9')
        return false;
    *out = strtol(*p, &end, 10);
    *p = end;
    return *out < 100000;
}

static bool skip_name(const char **p)
{
    const char *start = *p;
    if (zone_take(p, '<')) {
        while (**p && **p != '>')
            ++*p;
        return zone_take(p, '>');
    }
    while ((**p >= 'A' && **p <= 'Z') || (**p >= 'a' && **p <= 'z'))
        ++*p;
    return *p - start >= 3;
}

/* Parses [+-]hh[:mm[:ss]] into seconds. */
static bool read_time(const char **p, int64_t *out)
{
    int64_t h, m = 0, s = 0;
    bool minus = zone_take(p, '-');
    if (!minus)
        zone_take(p, '+');
    if (!read_number(p, &h) || (zone_take(p, ':') && !read_number(p, &m)) ||
        (zone_take(p, ':') && !read_number(p, &s)))
        return false;
    *out = (h * 3600 + m * 60 + s) * (minus ? -1 : 1);
    return true;
}

static bool read_change(const char **p, struct zone_change *out)
{
    int64_t n[3] = {0};
    out->time_s = 7200;
    if (!zone_take(p, ','))
        return false;
    out->kind = **p == 'M' || **p == 'J' ? **p : '0';
    if (out->kind != '0')
        ++*p;
    if (!read_number(p, &n[0]))
        return false;
    if (out->kind == 'M' &&
        (!zone_take(p, '.') || !read_number(p, &n[1]) || !zone_take(p, '.') || !read_number(p, &n[2]) ||
            n[0] < 1 || n[0] > 12 || n[1] < 1 || n[1] > 5 || n[2] > 6))
        return false;
    out->month = (int)n[0];
    out->week = (int)n[1];
    out->day = out->kind == 'M' ? (int)n[2] : (int)n[0];
    return !zone_take(p, '/') || read_time(p, &out->time_s);
}

static bool read_rule(struct zone *zone, const char *p)
{
    int64_t west;
    if (!skip_name(&p) || !read_time(&p, &west))
        return false;
    zone->standard_s = -west;
    if (!*p)
        return true;
    zone->summer = true;
    zone->summer_s = zone->standard_s + 3600;
    if (!skip_name(&p))
        return false;
    if (*p != ',') {
        if (!read_time(&p, &west))
            return false;
        zone->summer_s = -west;
    }
    return read_change(&p, &zone->to_summer) && read_change(&p, &zone->to_standard) && !*p;
}

/* Returns the UTC time of a clock change in a year; offset_s is the offset before it. */
static int64_t change_at(const struct zone_change *change, int64_t year, int64_t offset_s)
{
    int64_t day;
    if (change->kind == 'M') {
        day = days_of_date(year, change->month, 1);
        day += (change->day - weekday_of_days(day) + 7) % 7 + 7 * (change->week - 1);
        while (day >= days_of_date(year, change->month, 1) + days_of_month(year, change->month))
            day -= 7;
    } else {
        bool leap = days_of_month(year, 2) == 29;
        day = days_of_date(year, 1, 1) + change->day;
        if (change->kind == 'J')
            day += (leap && change->day >= 60) - 1;
    }
    return day * ZONE_DAY + change->time_s - offset_s;
}

static int64_t rule_offset(const struct zone *zone, int64_t utc_s)
{
    int64_t year, local = utc_s + zone->standard_s;
    int month, day;
    if (!zone->summer)
        return zone->standard_s;
    date_of_days((local - (((local % ZONE_DAY) + ZONE_DAY) % ZONE_DAY)) / ZONE_DAY, &year, &month, &day);
    int64_t from = change_at(&zone->to_summer, year, zone->standard_s);
    int64_t to = change_at(&zone->to_standard, year, zone->summer_s);
    bool summer = from < to ? utc_s >= from && utc_s < to : utc_s >= from || utc_s < to;
    return summer ? zone->summer_s : zone->standard_s;
}

/* ---- files ---- */

static int64_t big_endian(const unsigned char *p, int bytes)
{
    uint64_t n = 0;
    for (int i = 0; i < bytes; i++)
        n = n << 8 | p[i];
    return bytes == 8 ? (int64_t)n : (int64_t)(int32_t)(uint32_t)n;
}

struct block {
    int64_t utc_flags, standard_flags, leaps, times, types, chars;
};

/* Returns the size of the block after a header, or -1 if there is no valid header. */
static int64_t read_header(struct str file, int64_t at, int time_bytes, struct block *out)
{
    int64_t counts[6];
    if (at < 0 || at + HEADER > (int64_t)file.n || memcmp(file.p + at, "TZif", 4) != 0)
        return -1;
    for (int i = 0; i < 6; i++) {
        counts[i] = big_endian((const unsigned char *)file.p + at + 20 + (ptrdiff_t)i * 4, 4);
        if (counts[i] < 0 || counts[i] > MAX_FILE)
            return -1;
    }
    *out = (struct block){counts[0], counts[1], counts[2], counts[3], counts[4], counts[5]};
    int64_t size = out->times * (time_bytes + 1) + out->types * 6 + out->chars +
                   out->leaps * (time_bytes + 4) + out->standard_flags + out->utc_flags;
    return at + HEADER + size <= (int64_t)file.n ? size : -1;
}

/* Reads version 2 or later: the second block has 64-bit times and is followed by the TZ string. */
static bool zone_read_file(struct arena *arena, struct zone *zone, struct str file)
{
    struct block block;
    int64_t first = read_header(file, 0, 4, &block);
    int64_t at = first + HEADER, size = first < 0 ? -1 : read_header(file, at, 8, &block);
    if (size < 0 || !block.types)
        return false;
    const unsigned char *data = (const unsigned char *)file.p + at + HEADER;
    zone->time_count = block.times;
    zone->type_count = block.types;
    zone->times = data;
    zone->types = data + block.times * 8;
    zone->infos = zone->types + block.times;
    struct str rest, rule = str_slice(file, (size_t)(at + HEADER + size), file.n);
    str_cut(rule, '\n', &rest);
    rule = rest.p ? str_cut(rest, '\n', &rest) : STR_EMPTY;
    zone->rule = rule.n && read_rule(zone, arena_strz(arena, rule));
    return true;
}

static bool is_name(struct str name)
{
    return name.n < 64 && str_is_word(name, CHARS_ALNUM "_+-", CHARS_ALNUM "_+-/");
}

const struct zone *zone_find(struct arena *arena, struct str name)
{
    struct zone *zone = ARENA_NEW(arena, struct zone);
    struct str file;
    if (str_eqz(name, "UTC")) {
        zone->rule = true;
        return zone;
    }
    if (!is_name(name) ||
        file_read(
            arena, path_join(arena, STR("/usr/share/zoneinfo"), name).p, MAX_FILE, &file, ERR_IGNORED) ||
        !zone_read_file(arena, zone, file))
        return NULL;
    return zone;
}

/* ---- lookups ---- */

static int64_t type_offset(const struct zone *zone, int64_t type)
{
    return type < zone->type_count ? big_endian(zone->infos + type * 6, 4) : 0;
}

int64_t zone_offset(const struct zone *zone, int64_t utc_s)
{
    int64_t low = 0, high = zone->time_count;
    while (low < high) {
        int64_t middle = (low + high) / 2;
        if (big_endian(zone->times + middle * 8, 8) <= utc_s)
            low = middle + 1;
        else
            high = middle;
    }
    if (low == zone->time_count && zone->rule)
        return rule_offset(zone, utc_s);
    return type_offset(zone, low ? zone->types[low - 1] : 0);
}

/*
 * Converts a local time (seconds since 1970 as if it were UTC) to UTC: the first of two when clocks are set
 * back. Returns false if clocks are set forward over it.
 */
static bool zone_to_utc(const struct zone *zone, int64_t local_s, int64_t *utc_s)
{
    int64_t before = zone_offset(zone, local_s - ZONE_DAY), after = zone_offset(zone, local_s + ZONE_DAY);
    int64_t offsets[] = {before > after ? before : after, before > after ? after : before};
    for (int i = 0; i < 2; i++) { /* the greater offset gives the earlier time */
        *utc_s = local_s - offsets[i];
        if (zone_offset(zone, *utc_s) == offsets[i])
            return true;
    }
    return false;
}

enum { DAY = 86400, FIRST_YEAR = SCHEDULE_FIRST_YEAR, LAST_YEAR = SCHEDULE_LAST_YEAR };

/* ---- matching days ---- */

static bool schedule_time_has(uint32_t bits, int n)
{
    return bits >> n & 1;
}

/* Returns the weekday nearest to day `wanted` within the month, or 0 if the month is shorter. */
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
    if (schedule_time_has(cron->days, day) || schedule_time_has(cron->before_last, last - day) ||
        (cron->last_workday && nearest_weekday(year, month, last) == day))
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

/* Finds the first time of a day after `after_ms`. */
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

/* Returns the next candidate day; years and months that do not match are skipped. */
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
    days = days < 0 ? 0 : days; /* starts a day earlier: the local date may be behind UTC */
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
