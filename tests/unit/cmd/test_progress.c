#include "cmd/progress.h"

#include "base/clock.h"
#include "tests/unit/support/manual_clock.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

static struct term terminal = {.fd = -1, .tty = true, .width = 60, .height = 24};

static void send(
    struct progress *p, enum event_kind kind, const char *address, enum action action, const char *text)
{
    struct observer observer = progress_observer(p);
    observer.event(observer.ctx,
        &(struct event){.kind = kind, .address = str_z(address), .action = action, .text = text, .ms = 1200});
}

static void check_frame(struct progress *p, const char *expected)
{
    AUTO_BUF struct buf out = BUF_INIT;
    progress_frame(p, clock_mono_ms(), &out);
    assert_string_equal(out.p ? out.p : "", expected);
}

/* Frees without writing anything to the test's own output. */
static void end(struct progress *p)
{
    AUTO_BUF struct buf out = BUF_INIT;
    progress_frame(p, clock_mono_ms(), &out);
    progress_free(p, NULL);
}

static void plain_lines(void **state)
{
    (void)state;
    manual_clock_install(0);
    struct progress *p =
        progress_new_idle(&(struct progress_options){.mode = PROGRESS_PLAIN, .term = &terminal});
    send(p, EVENT_START, "lake", ACTION_CREATE, NULL);
    send(p, EVENT_START, "db", ACTION_REPLACE, NULL);
    check_frame(p, "");
    send(p, EVENT_DONE, "lake", ACTION_CREATE, NULL);
    check_frame(p, "* created lake in 1.2 s\n");
    send(p, EVENT_PROGRESS, "db", ACTION_REPLACE, "waiting for status available (creating)");
    clock_sleep_ms(14000);
    check_frame(p, "");
    clock_sleep_ms(1000);
    check_frame(p, ". still replacing db, 15.0 s: waiting for status available (creating)\n");
    clock_sleep_ms(29000);
    check_frame(p, "");
    clock_sleep_ms(1000);
    check_frame(p, ". still replacing db, 45.0 s: waiting for status available (creating)\n");
    send(p, EVENT_PROGRESS, "db", ACTION_REPLACE, "waiting for status available (backing-up)");
    clock_sleep_ms(59000);
    check_frame(p, "");
    clock_sleep_ms(1000);
    check_frame(p, ". still replacing db, 1 m 45 s: waiting for status available (backing-up)\n");
    clock_sleep_ms(120000);
    check_frame(p, ". still replacing db, 3 m 45 s: waiting for status available (backing-up)\n");
    clock_sleep_ms(240000);
    check_frame(p, ". still replacing db, 7 m 45 s: waiting for status available (backing-up)\n");
    for (int minute = 0; minute < 2; minute++) {
        clock_sleep_ms(299000);
        check_frame(p, "");
        clock_sleep_ms(1000);
        check_frame(p, minute
                           ? ". still replacing db, 17 m 45 s: waiting for status available (backing-up)\n"
                           : ". still replacing db, 12 m 45 s: waiting for status available (backing-up)\n");
    }
    send(p, EVENT_SKIPPED, "etl", ACTION_CREATE, "db failed");
    check_frame(p, "- skipped etl: db failed\n");
    end(p);
    manual_clock_remove();
}

static void a_live_list(void **state)
{
    (void)state;
    manual_clock_install(0);
    struct progress *p =
        progress_new_idle(&(struct progress_options){.mode = PROGRESS_LIVE, .term = &terminal, .total = 3});
    send(p, EVENT_START, "lake", ACTION_CREATE, NULL);
    clock_sleep_ms(1200);
    send(p, EVENT_START, "db", ACTION_UPDATE, NULL);
    send(
        p, EVENT_PROGRESS, "db", ACTION_UPDATE, "waiting for status available (modifying, a long way to go)");
    check_frame(p, "  creating lake 1.2 s\n"
                   "  updating db 0 ms  waiting for status available (modifying\n"
                   "| 0 of 3 done, 2 in flight  1.2 s\n");
    send(p, EVENT_DONE, "lake", ACTION_CREATE, NULL);
    check_frame(p, "\033[3A\r\033[J"
                   "* created lake in 1.2 s\n"
                   "  updating db 0 ms  waiting for status available (modifying\n"
                   "| 1 of 3 done, 1 in flight  1.2 s\n");
    end(p);
    manual_clock_remove();
}

/* A line that broke would leave its rest behind when the list is drawn anew. */
static void wide_letters_do_not_break_a_line(void **state)
{
    (void)state;
    manual_clock_install(0);
    struct term small = terminal;
    small.width = 23;
    struct progress *p = progress_new_idle(&(struct progress_options){.mode = PROGRESS_LIVE, .term = &small});
    send(p, EVENT_START, "데이터 호수", ACTION_CREATE, NULL);
    check_frame(p, "  creating 데이터 호수\n"
                   "| 0 done, 1 in flight \n");
    end(p);
    manual_clock_remove();
}

static void a_replacement_takes_off_twice(void **state)
{
    (void)state;
    manual_clock_install(0);
    struct progress *p =
        progress_new_idle(&(struct progress_options){.mode = PROGRESS_LIVE, .term = &terminal, .total = 1});
    struct observer observer = progress_observer(p);
    send(p, EVENT_START, "db", ACTION_DELETE, NULL);
    observer.event(observer.ctx,
        &(struct event){
            .kind = EVENT_DONE, .address = STR("db"), .action = ACTION_DELETE, .ms = 1200, .aside = true});
    send(p, EVENT_START, "db", ACTION_REPLACE, NULL);
    check_frame(p, "* deleted db in 1.2 s\n"
                   "  replacing db 0 ms\n"
                   "| 0 of 1 done, 1 in flight  0 ms\n");
    send(p, EVENT_DONE, "db", ACTION_REPLACE, NULL);
    check_frame(p, "\033[2A\r\033[J"
                   "* replaced db in 1.2 s\n"
                   "| 1 of 1 done, 0 in flight  0 ms\n");
    end(p);
    manual_clock_remove();
}

static void a_list_higher_than_the_terminal_is_cut(void **state)
{
    (void)state;
    manual_clock_install(0);
    struct term small = terminal;
    small.height = 7;
    struct progress *p = progress_new_idle(&(struct progress_options){.mode = PROGRESS_LIVE, .term = &small});
    static const char *const names[] = {"a", "b", "c", "d", "e"};
    for (size_t i = 0; i < 5; i++)
        send(p, EVENT_START, names[i], ACTION_CREATE, NULL);
    check_frame(p, "  creating a 0 ms\n"
                   "  creating b 0 ms\n"
                   "  creating c 0 ms\n"
                   "  and 2 more\n"
                   "| 0 done, 5 in flight  0 ms\n");
    end(p);
    manual_clock_remove();
}

static void failures_are_kept_for_the_end(void **state)
{
    (void)state;
    struct progress *p =
        progress_new_idle(&(struct progress_options){.mode = PROGRESS_QUIET, .term = &terminal});
    struct err err = {
        .class = ERR_SERVICE, .message = "NoSuchBucket: no\x1b such", .hint = "make it", .request_id = "r1"};
    struct observer observer = progress_observer(p);
    observer.event(observer.ctx,
        &(struct event){.kind = EVENT_FAILED, .address = STR("lake"), .action = ACTION_CREATE, .err = &err});
    AUTO_BUF struct buf failures = BUF_INIT;
    progress_free(p, &failures);
    assert_string_equal(failures.p, "  lake: NoSuchBucket: no\\u001b such\n"
                                    "    hint: make it\n"
                                    "    request id: r1\n");
}

static void failures_with_one_cause_are_told_once(void **state)
{
    (void)state;
    struct progress *p =
        progress_new_idle(&(struct progress_options){.mode = PROGRESS_PLAIN, .term = &terminal});
    struct observer observer = progress_observer(p);
    static const char *const names[] = {"a", "b", "c", "d"};
    for (size_t i = 0; i < 4; i++) {
        struct err err = ERR_INIT;
        err_set(&err, ERR_NETWORK, i == 2 ? "connection reset" : "nobody answers");
        err_hint(&err, "look");
        err_context(&err, "creating bucket %s", names[i]);
        observer.event(observer.ctx,
            &(struct event){
                .kind = EVENT_FAILED, .address = str_z(names[i]), .action = ACTION_CREATE, .err = &err});
    }
    check_frame(p, "! creating a failed: creating bucket a: nobody answers\n"
                   "! creating b failed as a did\n"
                   "! creating c failed: creating bucket c: connection reset\n"
                   "! creating d failed as a did\n");
    AUTO_BUF struct buf failures = BUF_INIT;
    progress_free(p, &failures);
    assert_string_equal(failures.p, "  a: creating bucket a: nobody answers\n"
                                    "    hint: look\n"
                                    "    the same for 2 others: b, d\n"
                                    "  c: creating bucket c: connection reset\n"
                                    "    hint: look\n");
}

static void events_as_json(void **state)
{
    (void)state;
    struct progress *p =
        progress_new_idle(&(struct progress_options){.mode = PROGRESS_JSON, .term = &terminal});
    send(p, EVENT_START, "c[\"a\"]", ACTION_CREATE, NULL);
    send(p, EVENT_DONE, "c[\"a\"]", ACTION_CREATE, NULL);
    send(p, EVENT_STOPPING, "", ACTION_NOOP, NULL);
    check_frame(p, "{\"event\":\"start\",\"address\":\"c[\\\"a\\\"]\",\"action\":\"create\"}\n"
                   "{\"event\":\"done\",\"address\":\"c[\\\"a\\\"]\",\"action\":\"create\",\"ms\":1200}\n"
                   "{\"event\":\"stopping\"}\n");
    end(p);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(plain_lines),
        cmocka_unit_test(a_live_list),
        cmocka_unit_test(wide_letters_do_not_break_a_line),
        cmocka_unit_test(a_replacement_takes_off_twice),
        cmocka_unit_test(a_list_higher_than_the_terminal_is_cut),
        cmocka_unit_test(failures_are_kept_for_the_end),
        cmocka_unit_test(failures_with_one_cause_are_told_once),
        cmocka_unit_test(events_as_json),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
