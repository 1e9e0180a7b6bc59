#include "cmd/output/progress.h"

#include "base/clock.h"
#include "base/mask.h"
#include "tests/unit/support/manual_clock.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

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

#define K "\033[K" /* each row of the tree is written over the one that was there */

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
    check_frame(p,
        K "  creating lake 1.2 s\n" K "  updating db 0 ms  waiting for status available (modifying\n" K
          "| 1.2 s  0 of 3 done, 2 in flight, 1 waiting\n");
    clock_sleep_ms(100);
    check_frame(p, "\033[3A\r" K "  creating lake 1.3 s\n" K
                   "  updating db 0.1 s  waiting for status available (modifyin\n" K
                   "/ 1.3 s  0 of 3 done, 2 in flight, 1 waiting\n");
    send(p, EVENT_DONE, "lake", ACTION_CREATE, NULL);
    check_frame(p,
        "\033[3A\r\033[J"
        "* created lake in 1.2 s\n" K "  updating db 0.1 s  waiting for status available (modifyin\n" K
        "/ 1.3 s  1 of 3 done, 1 in flight, 1 waiting\n\033[J");
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
    check_frame(p, K "  creating 데..수 0 ms\n" K "| 0 ms  0 done, 1 in f\n");
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
    observer.event(observer.ctx, &(struct event){.kind = EVENT_DONE,
                                     .address = STR("db"),
                                     .action = ACTION_DELETE,
                                     .ms = 1200,
                                     .of_replacement = true});
    send(p, EVENT_START, "db", ACTION_REPLACE, NULL);
    check_frame(
        p, "* deleted db in 1.2 s\n" K "  replacing db 0 ms\n" K "| 0 ms  0 of 1 done, 1 in flight\n");
    send(p, EVENT_DONE, "db", ACTION_REPLACE, NULL);
    check_frame(p, "\033[2A\r\033[J"
                   "* replaced db in 1.2 s\n" K "| 0 ms  1 of 1 done, 0 in flight\n\033[J");
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
    check_frame(p, K "  creating a 0 ms\n" K "  creating b 0 ms\n" K "  creating c 0 ms\n" K
                     "  and 2 more\n" K "| 0 ms  0 done, 5 in flight\n");
    end(p);
    manual_clock_remove();
}

/* A frame on terminals that break lines anew when they become narrower: each of its rows is two by then. */
static void a_window_that_becomes_narrower(void **state)
{
    (void)state;
    manual_clock_install(0);
    struct progress *p =
        progress_new_idle(&(struct progress_options){.mode = PROGRESS_LIVE, .term = &terminal});
    send(p, EVENT_START, "a_name_of_twenty_six_letters", ACTION_CREATE, NULL);
    check_frame(p, K "  creating a_name_of_twenty_six_letters 0 ms\n" K "| 0 ms  0 done, 1 in flight\n");
    progress_resize(p, 26, 24);
    check_frame(p, "\033[4A\r" K "  creating a_n..ters 0 ms\n" K "| 0 ms  0 done, 1 in flig\n\033[J");
    end(p);
    manual_clock_remove();
}

/* Cut in the middle it would be no secret any more, as far as those can see who look for it. */
static void no_half_of_a_secret(void **state)
{
    (void)state;
    manual_clock_install(0);
    mask_add(STR("Kingfisher-of-the-long-lake"), MASK_GIVEN);
    struct progress *p =
        progress_new_idle(&(struct progress_options){.mode = PROGRESS_LIVE, .term = &terminal});
    send(p, EVENT_START, "code", ACTION_CREATE, NULL);
    send(p, EVENT_PRINTED, "code", ACTION_CREATE, "logging in to the store as Kingfisher-of-the-long-lake");
    check_frame(p,
        K "  creating code 0 ms  logging in to the store as (redacted)\n" K "| 0 ms  0 done, 1 in flight\n");
    mask_clear();
    end(p);
    manual_clock_remove();
}

/* role and net/subnet come first; db waits for both, etl for db. What has no address orders others only. */
static const struct exec_graph_step steps[] = {{STR("role"), ACTION_CREATE, false},
    {STR("net/subnet[\"a/b\"]"), ACTION_CREATE, false}, {STR_EMPTY, ACTION_NOOP, false},
    {STR_EMPTY, ACTION_NOOP, false}, {STR("db"), ACTION_CREATE, false}, {STR("etl"), ACTION_UPDATE, false}};
static const uint32_t firsts[] = {0, 1, 2, 3, 4, 5, 5}, targets[] = {2, 3, 4, 4, 5};
static const struct exec_graph exec_graph = {steps, firsts, targets, 6};

static void send_step(struct progress *p, enum event_kind kind, uint32_t step)
{
    struct observer observer = progress_observer(p);
    observer.event(observer.ctx, &(struct event){.kind = kind,
                                     .address = steps[step].address,
                                     .action = steps[step].action,
                                     .step = step + 1,
                                     .ms = 1200});
}

static struct progress *scheduled(const struct term *term)
{
    struct progress *p =
        progress_new_idle(&(struct progress_options){.mode = PROGRESS_LIVE, .term = term, .total = 4});
    struct observer observer = progress_observer(p);
    observer.event(observer.ctx, &(struct event){.kind = EVENT_SCHEDULED, .exec_graph = &exec_graph});
    send_step(p, EVENT_START, 1);
    send_step(p, EVENT_START, 0);
    return p;
}

static void what_waits_for_what(void **state)
{
    (void)state;
    manual_clock_install(0);
    struct progress *p = scheduled(&terminal);
    check_frame(p, K "  net  0 of 1 done\n" K "    creating subnet[\"a/b\"] 0 ms (1 waits)\n" K
                     "      `-to create db  waits also for role\n" K "        `-to update etl\n" K
                     "  the stack itself  0 of 3 done\n" K "    creating role 0 ms (1 waits)\n" K
                     "| 0 ms  0 of 4 done, 2 in flight, 2 waiting\n");
    send_step(p, EVENT_DONE, 0);
    check_frame(p, "\033[7A\r\033[J"
                   "* created role in 1.2 s\n" K "  net  0 of 1 done\n" K
                   "    creating subnet[\"a/b\"] 0 ms (1 waits)\n" K "      `-to create db\n" K
                   "        `-to update etl\n" K "| 0 ms  1 of 4 done, 1 in flight, 2 waiting\n\033[J");
    send_step(p, EVENT_FAILED, 1);
    send_step(p, EVENT_SKIPPED, 4);
    send_step(p, EVENT_SKIPPED, 5);
    AUTO_BUF struct buf out = BUF_INIT;
    progress_frame(p, clock_mono_ms(), &out);
    assert_non_null(strstr(out.p, "| 0 ms  1 of 4 done, 0 in flight, 1 failed, 2 skipped\n"));
    assert_null(strstr(out.p, "`-"));
    end(p);
    manual_clock_remove();
}

/* What is in flight goes before what waits, and both before the names of modules. */
static void what_there_is_room_for(void **state)
{
    (void)state;
    manual_clock_install(0);
    struct term small = terminal;
    small.height = 7;
    struct progress *p = scheduled(&small);
    check_frame(p,
        K "  creating net/subnet[\"a/b\"] 0 ms (1 waits)\n" K "    `-to create db  waits also for role\n" K
          "  creating role 0 ms (1 waits)\n" K "| 0 ms  0 of 4 done, 2 in flight, 2 waiting\n");
    end(p);
    manual_clock_remove();
}

static void failures_are_kept_for_the_end(void **state)
{
    (void)state;
    struct progress *p =
        progress_new_idle(&(struct progress_options){.mode = PROGRESS_QUIET, .term = &terminal});
    struct err err = {.class = ERR_SERVICE,
        .message = "NoSuchBucket: no\x1b such\nLINE 1: x\n        ^\n",
        .hint = "make it",
        .request_id = "r1"};
    struct observer observer = progress_observer(p);
    observer.event(observer.ctx,
        &(struct event){.kind = EVENT_FAILED, .address = STR("lake"), .action = ACTION_CREATE, .err = &err});
    AUTO_BUF struct buf failures = BUF_INIT;
    progress_free(p, &failures);
    assert_string_equal(failures.p, "  lake: NoSuchBucket: no\\u001b such\n"
                                    "    LINE 1: x\n"
                                    "            ^\n"
                                    "    hint: make it\n"
                                    "    request id: r1\n");
}

static void a_refresh_that_takes_long_gives_signs_of_life(void **state)
{
    (void)state;
    manual_clock_install(0);
    struct progress *p =
        progress_new_idle(&(struct progress_options){.mode = PROGRESS_PLAIN, .term = &terminal});
    clock_sleep_ms(14000);
    check_frame(p, "");
    clock_sleep_ms(1000);
    check_frame(p, ". still working, 15.0 s\n");
    send(p, EVENT_REFRESH, "", ACTION_NOOP, "reading 300 resources");
    check_frame(p, "");
    clock_sleep_ms(30000);
    check_frame(p, ". still reading 300 resources, 45.0 s\n");
    send(p, EVENT_DONE, "lake", ACTION_CREATE, NULL);
    check_frame(p, "* created lake in 1.2 s\n");
    clock_sleep_ms(600000);
    check_frame(p, "");
    progress_free(p, NULL);
}

static void failures_with_one_cause_are_reported_once(void **state)
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
        cmocka_unit_test(a_refresh_that_takes_long_gives_signs_of_life),
        cmocka_unit_test(a_live_list),
        cmocka_unit_test(wide_letters_do_not_break_a_line),
        cmocka_unit_test(a_replacement_takes_off_twice),
        cmocka_unit_test(a_list_higher_than_the_terminal_is_cut),
        cmocka_unit_test(a_window_that_becomes_narrower),
        cmocka_unit_test(no_half_of_a_secret),
        cmocka_unit_test(what_waits_for_what),
        cmocka_unit_test(what_there_is_room_for),
        cmocka_unit_test(failures_are_kept_for_the_end),
        cmocka_unit_test(failures_with_one_cause_are_reported_once),
        cmocka_unit_test(events_as_json),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
