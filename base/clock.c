/* The clocks and formats of time: see clock.h. */
#include "base/clock.h"

#include "base/system.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

enum { SPEED_MAX = 1000 };

static int64_t speed = 1;

/* Runs before main, so that the speed never changes while the program runs. */
__attribute__((constructor)) static void clock_init(void)
{
    const char *text = getenv("WEIR_CLOCK_SPEED");
    long given = text ? strtol(text, NULL, 10) : 1;
    if (given >= 1 && given <= SPEED_MAX)
        speed = given;
}

static struct timespec read_clock(clockid_t id)
{
    struct timespec now;
    clock_gettime(id, &now);
    return now;
}

static int64_t system_wall(void *ctx UNUSED)
{
    struct timespec now = read_clock(CLOCK_REALTIME);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

static int64_t system_mono(void *ctx UNUSED)
{
    struct timespec now = read_clock(CLOCK_MONOTONIC);
    return (int64_t)now.tv_sec * 1000 * speed + now.tv_nsec * speed / 1000000;
}

/* Converts milliseconds of clock_mono_ms() to the system's time. */
static struct timespec timespec_of(int64_t ms)
{
    int64_t second = 1000 * speed;
    return (struct timespec){.tv_sec = ms / second, .tv_nsec = ms % second * 1000000 / speed};
}

static void system_sleep(void *ctx UNUSED, int64_t ms)
{
    if (ms <= 0)
        return;
    struct timespec left = timespec_of(ms);
    while (nanosleep(&left, &left) && errno == EINTR)
        ;
}

static const struct clock_ops system_clock_ops = {system_wall, system_mono, system_sleep, NULL};
static const struct clock_ops *current = &system_clock_ops;

void clock_install(const struct clock_ops *ops)
{
    current = ops ? ops : &system_clock_ops;
}

int64_t clock_wall_ms(void)
{
    return current->wall_ms(current->ctx);
}

int64_t clock_mono_ms(void)
{
    return current->mono_ms(current->ctx);
}

void clock_sleep_ms(int64_t ms)
{
    current->sleep_ms(current->ctx, ms);
}

void clock_cond_init(pthread_cond_t *cond)
{
    system_cond_init(cond);
}

bool clock_cond_wait(pthread_cond_t *cond, pthread_mutex_t *mutex, int64_t deadline_ms)
{
    struct timespec at = timespec_of(deadline_ms);
    return system_cond_wait(cond, mutex, &at) != ETIMEDOUT;
}

static struct tm to_utc(int64_t wall_ms)
{
    time_t seconds = (time_t)(wall_ms / 1000 - (wall_ms % 1000 < 0));
    struct tm utc;
    gmtime_r(&seconds, &utc);
    return utc;
}

struct str time_rfc3339(struct arena *arena, int64_t wall_ms, bool with_ms)
{
    struct tm utc = to_utc(wall_ms);
    char text[32];
    strftime(text, sizeof text, "-%m-%dT%H:%M:%S", &utc);
    int year = utc.tm_year + 1900; /* strftime() may not pad it */
    return with_ms ? arena_printf(arena, "%04d%s.%03dZ", year, text, (int)((wall_ms % 1000 + 1000) % 1000))
                   : arena_printf(arena, "%04d%sZ", year, text);
}

/* Caches the text of the last second: each request is signed with it several times, and thousands of requests
 * may be sent in one second. */
void time_iso_basic(int64_t wall_ms, char out[17])
{
    static _Thread_local int64_t known_s = -1;
    static _Thread_local char known[17];
    if (wall_ms / 1000 != known_s) {
        struct tm utc = to_utc(wall_ms);
        strftime(known, sizeof known, "%Y%m%dT%H%M%SZ", &utc);
        known_s = wall_ms / 1000;
    }
    memcpy(out, known, sizeof known);
}

struct str time_http(struct arena *arena, int64_t wall_ms)
{
    struct tm utc = to_utc(wall_ms);
    char text[32];
    strftime(text, sizeof text, "%a, %d %b %Y %H:%M:%S GMT", &utc);
    return arena_str(arena, str_z(text));
}

/* Parses a prefix of the text, which is copied to `copy`, and returns the position after it. NULL: it does
 * not match, or the day does not exist. */
static const char *parse_time(struct str text, const char *format, char copy[64], int64_t *wall_ms)
{
    struct tm utc = {0};
    if (!text.n || text.n >= 64) /* an empty text may have no bytes to copy */
        return NULL;
    memcpy(copy, text.p, text.n);
    copy[text.n] = '\0';
    const char *end = strptime(copy, format, &utc);
    int day = utc.tm_mday, second = utc.tm_sec;
    *wall_ms = (int64_t)timegm(&utc) * 1000;
    return utc.tm_mday == day || second > 59 ? end : NULL; /* a leap second may end a month */
}

bool time_parse_http(struct str text, int64_t *wall_ms)
{
    char copy[64];
    int64_t parsed;
    const char *end = parse_time(text, "%a, %d %b %Y %H:%M:%S GMT", copy, &parsed);
    if (!end || *end)
        return false;
    *wall_ms = parsed;
    return true;
}

/* ".123" -> 123; further digits are ignored. */
static const char *parse_fraction(const char *p, int64_t *ms)
{
    int64_t unit = 100;
    for (p++; *p >= '0' && *p <= '9'; p++, unit /= 10)
        *ms += (*p - '0') * unit;
    return p;
}

bool time_parse_rfc3339(struct str text, int64_t *wall_ms)
{
    char copy[64];
    int64_t seconds_ms;
    const char *p = parse_time(text, "%Y-%m-%dT%H:%M:%S", copy, &seconds_ms);
    if (!p)
        return false;
    int64_t ms = 0;
    if (*p == '.')
        p = parse_fraction(p, &ms);
    int64_t offset_minutes = 0;
    if (*p == 'Z' || *p == 'z') {
        p++;
    } else if (*p == '+' || *p == '-') {
        int hours, minutes, used = 0;
        bool colon = p[1] && p[2] && p[3] == ':'; /* Lambda writes +0000 */
        if (sscanf(p + 1, colon ? "%2d:%2d%n" : "%2d%2d%n", &hours, &minutes, &used) != 2 ||
            used != 4 + colon)
            return false;
        offset_minutes = (*p == '-' ? -1 : 1) * (hours * 60 + minutes);
        p += 1 + used;
    } else {
        return false;
    }
    if (*p)
        return false;
    *wall_ms = seconds_ms + ms - offset_minutes * 60000;
    return true;
}

bool duration_read(struct str text, int64_t *ms)
{
    static const struct {
        char unit;
        int64_t ms;
    } units[] = {{'d', 24 * 3600 * 1000}, {'h', 3600 * 1000}, {'m', 60 * 1000}, {'s', 1000}};
    enum { UNITS = sizeof units / sizeof *units };
    size_t at = 0, unit = 0;
    int64_t total = 0;
    while (at < text.n) {
        size_t first = at;
        while (at < text.n && text.p[at] >= '0' && text.p[at] <= '9')
            at++;
        int64_t number;
        if (at == text.n || at - first > 6 || !str_to_int(str_slice(text, first, at), &number))
            return false;
        while (unit < UNITS && units[unit].unit != text.p[at])
            unit++;
        if (unit == UNITS)
            return false;
        total += number * units[unit++].ms;
        at++;
    }
    *ms = total;
    return total > 0;
}
