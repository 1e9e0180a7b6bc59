/* Calculations with given timestamps, all in UTC. There is no clock, since functions are pure. */
#include "stacks/expressions/func.h"

#include "base/clock.h"

#include <ctype.h>
#include <time.h>

static bool arg_time(struct call *call, size_t i, int64_t *ms)
{
    if (time_parse_rfc3339(arg_text(call, i), ms))
        return true;
    call_fail(call, i, "%s is not a timestamp such as 2026-11-21T09:30:00Z", call_quote(call, i).p);
    return false;
}

/* ---- formatdate ---- */

static const char *const months[] = {"January", "February", "March", "April", "May", "June", "July", "August",
    "September", "October", "November", "December"};
static const char *const days[] = {
    "Sunday", "Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday"};

/* Appends the field for a letter repeated n times. Returns false if that is not a valid field. */
static bool add_time_field(struct buf *out, const struct tm *tm, char letter, size_t n)
{
    int hour12 = tm->tm_hour % 12 ? tm->tm_hour % 12 : 12;
    int number;
    switch (letter) {
    case 'Y':
        buf_addf(out, n == 2 ? "%02d" : "%04d", n == 2 ? tm->tm_year % 100 : tm->tm_year + 1900);
        return n == 2 || n == 4;
    case 'M':
        if (n > 2) {
            buf_addf(out, "%.*s", n == 3 ? 3 : 20, months[tm->tm_mon]);
            return n <= 4;
        }
        number = tm->tm_mon + 1;
        break;
    case 'E': buf_addf(out, "%.*s", n == 3 ? 3 : 20, days[tm->tm_wday]); return n == 3 || n == 4;
    case 'A': buf_addz(out, tm->tm_hour < 12 ? "AM" : "PM"); return n == 2;
    case 'a': buf_addz(out, tm->tm_hour < 12 ? "am" : "pm"); return n == 2;
    case 'Z':
        buf_addz(out, n == 1 ? "Z" : n == 3 ? "UTC" : n == 4 ? "+0000" : "+00:00");
        return n != 2 && n <= 5;
    case 'D': number = tm->tm_mday; break;
    case 'h': number = tm->tm_hour; break;
    case 'H': number = hour12; break;
    case 'm': number = tm->tm_min; break;
    case 's': number = tm->tm_sec; break;
    default: return false;
    }
    buf_addf(out, n == 2 ? "%02d" : "%d", number);
    return n <= 2;
}

/* Reads quoted text at a '; '' is a quote. Returns false if the closing quote is missing. */
static bool add_time_quoted(struct buf *out, struct str format, size_t *at)
{
    for (++*at; *at < format.n; ++*at) {
        if (format.p[*at] != '\'') {
            buf_add_char(out, format.p[*at]);
        } else if (*at + 1 < format.n && format.p[*at + 1] == '\'') {
            buf_add_char(out, '\'');
            ++*at;
        } else {
            ++*at;
            return true;
        }
    }
    return false;
}

const struct value *func_formatdate(struct call *call)
{
    struct str format = arg_text(call, 0);
    int64_t ms;
    struct tm tm;
    if (!arg_time(call, 1, &ms))
        return NULL;
    time_t seconds = (time_t)(ms / 1000 - (ms % 1000 < 0));
    gmtime_r(&seconds, &tm);
    AUTO_BUF struct buf out = {.max = call_bytes_left(call)};
    for (size_t at = 0; at < format.n;) {
        char c = format.p[at];
        if (c == '\'') {
            if (!add_time_quoted(&out, format, &at))
                return call_fail(call, 0, "a quote in the format has no end");
            continue;
        }
        if (!isalpha((unsigned char)c)) {
            buf_add_char(&out, c);
            at++;
            continue;
        }
        size_t n = 1;
        while (at + n < format.n && format.p[at + n] == c)
            n++;
        if (!add_time_field(&out, &tm, c, n)) {
            struct diag *d =
                call_error(call, 0, "formatdate() does not know \"%.*s\"", (int)n, format.p + at);
            diag_hint(call->ev->scope->diags, d,
                "it knows YYYY YY MMMM MMM MM M DD D EEEE EEE hh h HH H AA aa mm m ss s ZZZZZ ZZZZ ZZZ Z; "
                "other "
                "letters are quoted: '…'");
            return NULL;
        }
        at += n;
    }
    return call_text(call, &out);
}

/* ---- timeadd ---- */

/* Parses "-1h30m", "90s", "7d" or "1.5h" into milliseconds. */
static bool parse_duration(struct str text, int64_t *ms)
{
    static const struct {
        struct str unit;
        double ms;
    } units[] = {{STR_INIT("ms"), 1}, {STR_INIT("d"), 86400e3}, {STR_INIT("h"), 3600e3},
        {STR_INIT("m"), 60e3}, {STR_INIT("s"), 1e3}};
    bool negative = text.n && text.p[0] == '-';
    size_t at = text.n && (text.p[0] == '-' || text.p[0] == '+');
    double total = 0;
    if (at == text.n)
        return false;
    while (at < text.n) {
        size_t start = at;
        while (at < text.n && (isdigit((unsigned char)text.p[at]) || text.p[at] == '.'))
            at++;
        double number;
        if (!str_to_double(str_slice(text, start, at), &number))
            return false;
        size_t unit = 0, count = sizeof units / sizeof *units;
        while (unit < count && !str_starts(str_slice(text, at, text.n), units[unit].unit))
            unit++;
        if (unit == count)
            return false;
        at += units[unit].unit.n;
        total += number * units[unit].ms;
    }
    if (!(total < 1e14))
        return false;
    *ms = (int64_t)(negative ? -total : total);
    return true;
}

static const int64_t FIRST_YEAR_MS = -62167219200000, LAST_YEAR_MS = 253402300800000;

const struct value *func_timeadd(struct call *call)
{
    int64_t ms, more;
    if (!arg_time(call, 0, &ms))
        return NULL;
    if (!parse_duration(arg_text(call, 1), &more))
        return call_fail(call, 1, "%s is not a duration such as 1h30m", call_quote(call, 1).p);
    ms += more;
    if (ms < FIRST_YEAR_MS || ms >= LAST_YEAR_MS)
        return call_fail(call, 1, "the result is not in the years 0000 to 9999");
    return value_string_ref(call->arena, time_rfc3339(call->arena, ms, ms % 1000));
}
