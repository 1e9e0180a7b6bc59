/* When a schedule is due: see schedule_time.h. */
#include "sandbox/notation/schedule_time.h"

#include "base/clock.h"

enum { DAY = 86400, FIRST_YEAR = 1970, LAST_YEAR = 2199 };

/* ---- reading one field ---- */

struct field {
    int first, last;
    const char *const *names; /* of first, first + 1 … */
};

static const char *const month_names[] = {
    "JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT", "NOV", "DEC", NULL};
static const char *const weekday_names[] = {"SUN", "MON", "TUE", "WED", "THU", "FRI", "SAT", NULL};

static const struct field minute_field = {0, 59, NULL}, hour_field = {0, 23, NULL}, day_field = {1, 31, NULL},
                          month_field = {1, 12, month_names}, weekday_field = {1, 7, weekday_names},
                          year_field = {FIRST_YEAR, LAST_YEAR, NULL};

static bool read_value(const struct field *field, struct str text, int *out)
{
    int64_t n;
    for (int i = 0; field->names && field->names[i]; i++)
        if (str_ieq(text, str_z(field->names[i]))) {
            *out = field->first + i;
            return true;
        }
    if (!str_to_int(text, &n) || n < field->first || n > field->last || !text.n || text.p[0] == '+')
        return false;
    *out = (int)n;
    return true;
}

/* One of the parts between commas: *, a, a-b, each with /step. A range may go over the end: FRI-MON. */
static bool read_part(const struct field *field, struct str part, void (*set)(void *to, int n), void *to)
{
    struct str step_text, to_text, range = str_cut(part, '/', &step_text),
                                   from_text = str_cut(range, '-', &to_text);
    int64_t step = 1;
    int from = field->first, until = field->last, span = field->last - field->first + 1;
    if (step_text.p && (!str_to_int(step_text, &step) || step < 1 || step > span))
        return false;
    bool all = str_eqz(range, "*");
    if (!all && !read_value(field, from_text, &from))
        return false;
    if (!all && to_text.p && !read_value(field, to_text, &until))
        return false;
    if (!all && !to_text.p && !step_text.p)
        until = from;
    if (from > until && (!to_text.p || field == &year_field))
        return false;
    int length = until >= from ? until - from : until + span - from;
    for (int i = 0; i <= length; i += (int)step)
        set(to, field->first + (from - field->first + i) % span);
    return true;
}

static bool read_list(const struct field *field, struct str text, void (*set)(void *to, int n), void *to)
{
    do {
        struct str part = str_cut(text, ',', &text);
        if (!read_part(field, part, set, to))
            return false;
    } while (text.p);
    return true;
}

static void set_64(void *to, int n)
{
    *(uint64_t *)to |= UINT64_C(1) << n;
}

static void set_32(void *to, int n)
{
    *(uint32_t *)to |= UINT32_C(1) << n;
}

static void set_16(void *to, int n)
{
    *(uint16_t *)to = (uint16_t)(*(uint16_t *)to | 1U << n);
}

static void set_weekday(void *to, int n)
{
    *(uint8_t *)to = (uint8_t)(*(uint8_t *)to | 1U << (n - 1));
}

static void set_year(void *to, int n)
{
    ((uint8_t *)to)[n - FIRST_YEAR] = 1;
}

/* ---- the two day fields ---- */

static bool read_days(struct cron *cron, struct str text)
{
    do {
        struct str part = str_cut(text, ',', &text);
        int day;
        if (str_eqz(part, "L"))
            cron->last_day = true;
        else if (str_ends(part, STR("W")) && read_value(&day_field, str_slice(part, 0, part.n - 1), &day))
            set_32(&cron->near_weekday, day);
        else if (!read_part(&day_field, part, set_32, &cron->days))
            return false;
    } while (text.p);
    return true;
}

static bool read_weekdays(struct cron *cron, struct str text)
{
    do {
        struct str nth_text, part = str_cut(text, ',', &text), day_text = str_cut(part, '#', &nth_text);
        int day;
        int64_t nth;
        if (str_eqz(part, "L")) {
            set_weekday(&cron->weekdays, 7);
        } else if (nth_text.p) {
            if (!read_value(&weekday_field, day_text, &day) || !str_to_int(nth_text, &nth) || nth < 1 ||
                nth > 5)
                return false;
            cron->nth[day - 1] = (uint8_t)(cron->nth[day - 1] | 1U << nth);
        } else if (part.n > 1 && str_ends(part, STR("L")) &&
                   read_value(&weekday_field, str_slice(part, 0, part.n - 1), &day)) {
            set_weekday(&cron->last_weekdays, day);
        } else if (!read_part(&weekday_field, part, set_weekday, &cron->weekdays)) {
            return false;
        }
    } while (text.p);
    return true;
}

/* ---- expressions ---- */

static size_t schedule_time_split(struct str text, struct str *words, size_t max)
{
    size_t n = 0;
    while (text.n) {
        struct str word = str_cut(text, ' ', &text);
        if (word.n && n++ < max)
            words[n - 1] = word;
    }
    return n;
}

static const char *parse_cron(struct str text, struct cron *cron)
{
    struct str words[6];
    if (schedule_time_split(text, words, 6) != 6)
        return "cron takes six fields: minutes hours day-of-month month day-of-week year";
    cron->any_day = str_eqz(words[2], "?");
    cron->any_weekday = str_eqz(words[4], "?");
    if (cron->any_day == cron->any_weekday)
        return "one of day-of-month and day-of-week is ?, the other is not";
    if (!read_list(&minute_field, words[0], set_64, &cron->minutes))
        return "the minutes are not understood";
    if (!read_list(&hour_field, words[1], set_32, &cron->hours))
        return "the hours are not understood";
    if (!cron->any_day && !read_days(cron, words[2]))
        return "the day of the month is not understood";
    if (!read_list(&month_field, words[3], set_16, &cron->months))
        return "the month is not understood";
    if (!cron->any_weekday && !read_weekdays(cron, words[4]))
        return "the day of the week is not understood";
    if (!read_list(&year_field, words[5], set_year, cron->years))
        return "the year is not understood";
    return NULL;
}

static const char *parse_rate(struct str text, struct schedule_time *out)
{
    static const struct {
        const char *one, *many;
        int64_t seconds;
    } units[] = {{"minute", "minutes", 60}, {"hour", "hours", 3600}, {"day", "days", DAY}};
    struct str words[2];
    int64_t n;
    if (schedule_time_split(text, words, 2) != 2 || !str_to_int(words[0], &n) || n < 1 || n > 1000000)
        return "rate takes a positive number and a unit";
    for (size_t i = 0; i < sizeof units / sizeof *units; i++)
        if (str_eqz(words[1], units[i].one) || str_eqz(words[1], units[i].many)) {
            out->rate_s = n * units[i].seconds;
            out->loose = str_eqz(words[1], units[i].one) != (n == 1);
            return NULL;
        }
    return "the unit is minute, hour or day; minutes, hours or days for more than one";
}

static const char *parse_at(struct str text, int64_t *out)
{
    char zoned[24];
    int64_t ms;
    if (text.n != 19)
        return "at takes a time such as 2030-01-01T00:00:00";
    memcpy(zoned, text.p, 19);
    zoned[19] = 'Z';
    if (!time_parse_rfc3339(str_n(zoned, 20), &ms))
        return "at takes a time such as 2030-01-01T00:00:00";
    *out = ms / 1000;
    return NULL;
}

const char *schedule_parse(struct str text, struct schedule_time *out)
{
    struct str inside, kind = str_cut(text, '(', &inside);
    *out = (struct schedule_time){.kind = SCHEDULE_CRON};
    if (!inside.p || !str_ends(inside, STR(")")))
        return "it is cron(…), rate(…) or at(…)";
    inside = str_slice(inside, 0, inside.n - 1);
    if (str_eqz(kind, "cron"))
        return parse_cron(inside, &out->cron);
    out->kind = str_eqz(kind, "rate") ? SCHEDULE_RATE : SCHEDULE_AT;
    if (out->kind == SCHEDULE_RATE)
        return parse_rate(inside, out);
    return str_eqz(kind, "at") ? parse_at(inside, &out->at_s) : "it is cron(…), rate(…) or at(…)";
}

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
