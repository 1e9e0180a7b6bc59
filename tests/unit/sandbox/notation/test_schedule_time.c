/* When schedules are due: tables worked out by hand with a calendar, and every fifth minute of two years
 * beside a plain reading of the rules. Zones beside the C library's own. */
#include "sandbox/notation/languages.h"

#include "base/clock.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <time.h>

#include <cmocka.h>

static struct arena arena;

static int release(void **state)
{
    (void)state;
    arena_release(&arena);
    return 0;
}

static int64_t at(const char *text)
{
    int64_t ms = 0;
    assert_true(time_parse_rfc3339(str_z(text), &ms));
    return ms;
}

static void check_next(
    const char *expression, const char *zone_name, const char *after, const char *const *expected)
{
    struct schedule_time time;
    const struct zone *zone = zone_find(&arena, str_z(zone_name));
    const char *why = schedule_parse(str_z(expression), &time);
    if (why || !zone)
        fail_msg("%s: %s", expression, why ? why : "no such zone");
    int64_t now = at(after), base = at("2026-01-01T00:00:00Z");
    for (size_t i = 0; i < 4 && expected[i]; i++) {
        int64_t next = 0;
        bool any = schedule_next(&time, zone, base, now, &next);
        const char *got = any ? time_rfc3339(&arena, next, false).p : "never";
        if (!str_eqz(str_z(got), expected[i]))
            fail_msg("%s in %s: after %s comes %s, not %s", expression, zone_name,
                time_rfc3339(&arena, now, false).p, got, expected[i]);
        now = next;
    }
}

static void test_tables(void **state)
{
    (void)state;
    static const struct {
        const char *expression, *zone, *after;
        const char *expected[4];
    } cases[] = {
        {"cron(0 10 * * ? *)", "UTC", "2026-11-21T10:00:00Z",
            {"2026-11-22T10:00:00Z", "2026-11-23T10:00:00Z"}},
        {"cron(15 12 * * ? *)", "UTC", "2026-12-31T12:14:59Z",
            {"2026-12-31T12:15:00Z", "2027-01-01T12:15:00Z"}},
        {"cron(0 18 ? * MON-FRI *)", "UTC", "2026-11-20T17:00:00Z",
            {"2026-11-20T18:00:00Z", "2026-11-23T18:00:00Z"}},
        {"cron(0 8 1 * ? *)", "UTC", "2026-11-21T00:00:00Z",
            {"2026-12-01T08:00:00Z", "2027-01-01T08:00:00Z"}},
        {"cron(0/15 * * * ? *)", "UTC", "2026-11-21T23:31:00Z",
            {"2026-11-21T23:45:00Z", "2026-11-22T00:00:00Z"}},
        {"cron(5,35 14 * * ? *)", "UTC", "2026-11-21T14:05:00Z",
            {"2026-11-21T14:35:00Z", "2026-11-22T14:05:00Z"}},
        {"cron(0/30 20-2 ? * FRI *)", "UTC", "2026-11-20T00:00:00Z",
            {"2026-11-20T00:30:00Z", "2026-11-20T01:00:00Z", "2026-11-20T01:30:00Z", "2026-11-20T02:00:00Z"}},
        {"cron(0 0 ? * FRI-SUN *)", "UTC", "2026-11-21T00:00:00Z",
            {"2026-11-22T00:00:00Z", "2026-11-27T00:00:00Z"}},
        {"cron(0 9 ? * 2#1 *)", "UTC", "2026-11-21T00:00:00Z",
            {"2026-12-07T09:00:00Z", "2027-01-04T09:00:00Z"}},
        {"cron(0 9 ? * 3#5 *)", "UTC", "2026-11-21T00:00:00Z",
            {"2026-12-29T09:00:00Z", "2027-03-30T09:00:00Z"}},
        {"cron(15 10 ? * 6L 2026-2027)", "UTC", "2026-11-21T00:00:00Z",
            {"2026-11-27T10:15:00Z", "2026-12-25T10:15:00Z", "2027-01-29T10:15:00Z"}},
        {"cron(0 0 L * ? *)", "UTC", "2028-02-01T00:00:00Z",
            {"2028-02-29T00:00:00Z", "2028-03-31T00:00:00Z"}},
        {"cron(0 0 LW * ? *)", "UTC", "2026-10-31T00:00:00Z",
            {"2026-11-30T00:00:00Z", "2026-12-31T00:00:00Z", "2027-01-29T00:00:00Z"}},
        {"cron(0 0 L-3,L * ? *)", "UTC", "2026-11-01T00:00:00Z",
            {"2026-11-27T00:00:00Z", "2026-11-30T00:00:00Z", "2026-12-28T00:00:00Z"}},
        {"cron(0 0 ? * L *)", "UTC", "2026-11-21T00:00:00Z", {"2026-11-28T00:00:00Z"}},
        {"cron(0 0 15W * ? *)", "UTC", "2026-11-01T00:00:00Z",
            {"2026-11-16T00:00:00Z", "2026-12-15T00:00:00Z"}},
        {"cron(0 0 1W * ? *)", "UTC", "2026-07-15T00:00:00Z",
            {"2026-08-03T00:00:00Z"}}, /* the 1st is a Saturday */
        {"cron(0 0 31W * ? *)", "UTC", "2026-05-01T00:00:00Z",
            {"2026-05-29T00:00:00Z", "2026-07-31T00:00:00Z"}},
        {"cron(0 0 29 2 ? *)", "UTC", "2026-11-21T00:00:00Z",
            {"2028-02-29T00:00:00Z", "2032-02-29T00:00:00Z"}},
        {"cron(0 0 1 JAN,JUL ? 2027)", "UTC", "2026-11-21T00:00:00Z",
            {"2027-01-01T00:00:00Z", "2027-07-01T00:00:00Z", "never"}},
        {"cron(0 0 31 2 ? *)", "UTC", "2026-11-21T00:00:00Z", {"never"}},
        {"cron(30 2 * * ? *)", "Europe/Berlin", "2027-03-26T12:00:00Z", /* 28 March has no half past two */
            {"2027-03-27T01:30:00Z", "2027-03-29T00:30:00Z"}},
        {"cron(30 2 * * ? *)", "Europe/Berlin", "2026-10-24T12:00:00Z", /* 25 October has two of them */
            {"2026-10-25T00:30:00Z", "2026-10-26T01:30:00Z"}},
        {"cron(0 0 * * ? *)", "Asia/Seoul", "2026-11-21T14:59:59Z",
            {"2026-11-21T15:00:00Z", "2026-11-22T15:00:00Z"}},
        {"cron(0 0 * * ? *)", "Pacific/Kiritimati", "2026-11-21T09:00:00Z", {"2026-11-21T10:00:00Z"}},
        {"cron(0 23 * * ? *)", "Pacific/Pago_Pago", "2026-11-21T09:00:00Z", {"2026-11-21T10:00:00Z"}},
        {"cron(0 9 * * ? *)", "America/New_York", "2050-07-01T00:00:00Z", {"2050-07-01T13:00:00Z"}},
        {"cron(0 9 * * ? *)", "Australia/Sydney", "2050-01-01T00:00:00Z", {"2050-01-01T22:00:00Z"}},
        {"rate(5 minutes)", "UTC", "2026-11-21T10:02:00Z", {"2026-11-21T10:05:00Z", "2026-11-21T10:10:00Z"}},
        {"rate(1 hour)", "UTC", "2026-11-21T10:00:00Z", {"2026-11-21T11:00:00Z"}},
        {"rate(1 day)", "UTC", "2025-11-21T10:00:00Z", {"2026-01-01T00:00:00Z", "2026-01-02T00:00:00Z"}},
        {"at(2030-01-01T00:00:00)", "UTC", "2026-11-21T10:00:00Z", {"2030-01-01T00:00:00Z", "never"}},
        {"at(2030-07-01T12:00:00)", "America/New_York", "2026-11-21T10:00:00Z", {"2030-07-01T16:00:00Z"}},
        {"at(2020-01-01T00:00:00)", "UTC", "2026-11-21T10:00:00Z", {"never"}},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        check_next(cases[i].expression, cases[i].zone, cases[i].after, cases[i].expected);
}

static void test_wrong(void **state)
{
    (void)state;
    static const char *const wrong[] = {"", "cron", "cron()", "0 10 * * ? *", "cron(0 10 * * ?)",
        "cron(0 10 * * * *)", "cron(0 10 ? * ? *)", "cron(60 10 * * ? *)", "cron(0 24 * * ? *)",
        "cron(0 10 0 * ? *)", "cron(0 10 32 * ? *)", "cron(0 10 * 13 ? *)", "cron(0 10 ? * 8 *)",
        "cron(0 10 ? * 2#6 *)", "cron(0 10 ? * 0 *)", "cron(0 10 L-0 * ? *)", "cron(0 10 L- * ? *)",
        "cron(0 10 ? * LW *)", "cron(0 10 * * ? 1969)", "cron(0 10 * * ? 2200)", "cron(*/0 10 * * ? *)",
        "cron(1- 10 * * ? *)", "cron(,1 10 * * ? *)", "cron(0 10 * JANUARY ? *)", "cron(0 10 * * ? * *)",
        "rate(0 minutes)", "rate(1 minute", "rate(5 second)", "rate(5 seconds)", "rate(5)",
        "rate(-1 minutes)", "at(2030-01-01)", "at(2030-01-01T00:00:00Z)", "at(2030-13-01T00:00:00)",
        "every(1 day)", "cron(0 10 * * ? *"};
    struct schedule_time time;
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++)
        if (!schedule_parse(str_z(wrong[i]), &time))
            fail_msg("%s is taken", wrong[i]);
}

/* The same set of minutes as asking each minute of two years whether it is meant. */
static void test_every_minute(void **state)
{
    (void)state;
    struct schedule_time time;
    const struct zone *zone = zone_find(&arena, STR("UTC"));
    assert_null(schedule_parse(STR("cron(*/20 3,15 ? FEB,NOV MON-THU *)"), &time));
    int64_t found = at("2026-12-31T23:59:00Z"), minute = found, end = at("2028-12-31T23:59:00Z");
    size_t n = 0;
    assert_true(schedule_next(&time, zone, 0, found, &found));
    for (minute += 60000; minute <= end; minute += 60000) {
        time_t seconds = (time_t)(minute / 1000);
        struct tm utc;
        gmtime_r(&seconds, &utc);
        bool meant = utc.tm_min % 20 == 0 && (utc.tm_hour == 3 || utc.tm_hour == 15) &&
                     (utc.tm_mon == 1 || utc.tm_mon == 10) && utc.tm_wday >= 1 && utc.tm_wday <= 4;
        assert_true(meant == (found == minute));
        n += meant;
        if (meant)
            assert_true(schedule_next(&time, zone, 0, found, &found));
    }
    assert_int_equal(n, 6 * (16 + 18 + 17 + 18)); /* Mondays to Thursdays of the four months */
}

static void test_zones(void **state)
{
    (void)state;
    static const char *const names[] = {"UTC", "Europe/Berlin", "America/New_York", "America/St_Johns",
        "Asia/Kathmandu", "Australia/Lord_Howe", "America/Sao_Paulo", "Africa/Casablanca", "America/Nuuk",
        "Pacific/Chatham", "Asia/Tehran", "Etc/GMT-14"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        const struct zone *zone = zone_find(&arena, str_z(names[i]));
        assert_non_null(zone);
        setenv("TZ", names[i], 1);
        tzset();
        /* Every 13 hours from 1965 to 2090. */
        for (int64_t s = -157766400; s < 3786912000; s += 46800) {
            time_t seconds = (time_t)s;
            struct tm local;
            localtime_r(&seconds, &local);
            if (zone_offset(zone, s) != local.tm_gmtoff)
                fail_msg("%s at %lld: %lld, not %ld", names[i], (long long)s, (long long)zone_offset(zone, s),
                    local.tm_gmtoff);
        }
    }
    setenv("TZ", "UTC", 1);
    tzset();
    assert_null(zone_find(&arena, STR("Nowhere/Atall")));
    assert_null(zone_find(&arena, STR("../../../etc/passwd")));
    assert_null(zone_find(&arena, STR("/etc/passwd")));
    assert_null(zone_find(&arena, STR("")));
    assert_null(zone_find(&arena, STR("Europe")));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_teardown(test_tables, release),
        cmocka_unit_test_teardown(test_wrong, release),
        cmocka_unit_test_teardown(test_every_minute, release),
        cmocka_unit_test_teardown(test_zones, release),
    };
    return cmocka_run_group_tests_name("sandbox/jobs/schedule_time", tests, NULL, NULL);
}
