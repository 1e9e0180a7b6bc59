/* Parses schedule expressions: see notation.h. */
#include "provider/notation/notation.h"

#include "base/clock.h"

enum { DAY = 86400, FIRST_YEAR = SCHEDULE_FIRST_YEAR, LAST_YEAR = SCHEDULE_LAST_YEAR };

/* ---- parsing one field ---- */

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

/* Parses one of the parts separated by commas: *, a, a-b, each with /step. A range may wrap around:
 * FRI-MON. */
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
            set_32(&cron->before_last, 0);
        else if (str_eqz(part, "LW"))
            cron->last_workday = true;
        else if (str_starts(part, STR("L-")) && read_value(&day_field, str_slice(part, 2, part.n), &day))
            set_32(&cron->before_last, day);
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

static size_t schedule_split(struct str text, struct str *words, size_t max)
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
    if (schedule_split(text, words, 6) != 6)
        return "cron has six fields: minutes, hours, day of the month, month, day of the week, year";
    cron->any_day = str_eqz(words[2], "?");
    cron->any_weekday = str_eqz(words[4], "?");
    if (cron->any_day == cron->any_weekday)
        return "of the two days one is ?, the other is not";
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
    bool padded = str_starts(text, STR(" ")) || str_ends(text, STR(" "));
    if (padded || schedule_split(text, words, 2) != 2 || !str_to_int(words[0], &n) || n < 1 || n > 1000000)
        return "rate is of minutes, hours or days, such as rate(5 minutes)";
    for (size_t i = 0; i < sizeof units / sizeof *units; i++)
        if (str_eqz(words[1], units[i].one) || str_eqz(words[1], units[i].many)) {
            out->rate_s = n * units[i].seconds;
            out->loose = str_eqz(words[1], units[i].one) != (n == 1);
            return NULL;
        }
    return "rate is of minutes, hours or days, such as rate(5 minutes)";
}

static const char *parse_at(struct str text, int64_t *out)
{
    char zoned[24];
    int64_t ms;
    if (text.n != 19)
        return "at is a time without a zone: at(2030-01-01T00:00:00)";
    memcpy(zoned, text.p, 19);
    zoned[19] = 'Z';
    if (!time_parse_rfc3339(str_n(zoned, 20), &ms))
        return "at is a time without a zone: at(2030-01-01T00:00:00)";
    *out = ms / 1000;
    return NULL;
}

const char *schedule_parse(struct str text, struct schedule_time *out)
{
    struct str inside, kind = str_cut(text, '(', &inside);
    *out = (struct schedule_time){.kind = SCHEDULE_CRON};
    if (!inside.p || !str_ends(inside, STR(")")))
        return "a schedule is rate(1 day), cron(0 2 * * ? *) or at(2030-01-01T00:00:00)";
    inside = str_slice(inside, 0, inside.n - 1);
    if (str_eqz(kind, "cron"))
        return parse_cron(inside, &out->cron);
    out->kind = str_eqz(kind, "rate") ? SCHEDULE_RATE : SCHEDULE_AT;
    if (out->kind == SCHEDULE_RATE)
        return parse_rate(inside, out);
    return str_eqz(kind, "at") ? parse_at(inside, &out->at_s)
                               : "a schedule is rate(1 day), cron(0 2 * * ? *) or at(2030-01-01T00:00:00)";
}

/* True if a day exists in one of the months. */
static bool has_day(const struct cron *cron)
{
    static const int longest[] = {31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    if (cron->any_day || cron->before_last || cron->last_workday)
        return true;
    for (int month = 1; month <= 12; month++)
        for (int day = 1; (cron->months >> month & 1) && day <= longest[month - 1]; day++)
            if ((cron->days | cron->near_weekday) >> day & 1)
                return true;
    return false;
}

bool schedule_is_never(const struct schedule_time *time)
{
    return time->kind == SCHEDULE_CRON && !has_day(&time->cron);
}
