#include "sandbox/engine/logs.h"

#include "base/file.h"
#include "cmd/invocation/kinds.h"
#include "sandbox/calls/services.h"
#include "sandbox/s3/store.h"
#include "sandbox/sandbox.h"
#include "tests/unit/support/temp_folder.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <cmocka.h>

static const struct log_location place = {STR_INIT("eu-west-1"), STR_INIT("/aws/jobs"), STR_INIT("run/1")};

static struct logs *fresh(void)
{
    struct logs *logs;
    struct err err = ERR_INIT;
    tree_remove(temp_folder);
    assert_int_equal(logs_open(temp_folder, &logs, &err), 0);
    assert_int_equal(logs_create(logs, &place), LOGS_OK);
    return logs;
}

static struct logs *again(struct logs *logs)
{
    struct err err = ERR_INIT;
    logs_close(logs);
    assert_int_equal(logs_open(temp_folder, &logs, &err), 0);
    return logs;
}

static void put(struct logs *logs, int from, int to)
{
    for (int i = from; i < to; i++) {
        char text[32];
        snprintf(text, sizeof text, "line %d", i);
        struct log_entry event = {.time_ms = 1000 + i, .message = str_z(text)};
        assert_int_equal(logs_append(logs, &place, &event, 1), LOGS_OK);
    }
}

static void assert_lines(const struct logs_page *page, int from, int to)
{
    assert_int_equal(page->n, to - from);
    for (int i = from; i < to; i++) {
        char text[32];
        snprintf(text, sizeof text, "line %d", i);
        assert_true(str_eqz(page->events[i - from].message, text));
        assert_int_equal(page->events[i - from].time_ms, 1000 + i);
    }
}

static void test_forward_and_backward(void **state)
{
    (void)state;
    struct arena arena = ARENA_INIT;
    struct logs_page page;
    struct logs *logs = fresh();
    put(logs, 0, 10);
    struct logs_query query = {.limit = 4};
    assert_int_equal(logs_read(logs, &arena, &place, &query, &page), LOGS_OK);
    assert_lines(&page, 0, 4);
    query.offset = page.after;
    logs_read(logs, &arena, &place, &query, &page);
    assert_lines(&page, 4, 8);
    query.limit = 100;
    query.offset = page.after;
    logs_read(logs, &arena, &place, &query, &page);
    assert_lines(&page, 8, 10);
    query.offset = page.after;
    logs_read(logs, &arena, &place, &query, &page);
    assert_lines(&page, 0, 0);
    assert_int_equal(page.after, query.offset); /* from here on what is written later is read */
    put(logs, 10, 12);
    logs_read(logs, &arena, &place, &query, &page);
    assert_lines(&page, 10, 12);

    query = (struct logs_query){.limit = 5, .backward = true};
    logs_read(logs, &arena, &place, &query, &page);
    assert_lines(&page, 7, 12);
    query.offset = page.before;
    logs_read(logs, &arena, &place, &query, &page);
    assert_lines(&page, 2, 7);
    query.offset = page.before;
    logs_read(logs, &arena, &place, &query, &page);
    assert_lines(&page, 0, 2);
    query.offset = page.before;
    logs_read(logs, &arena, &place, &query, &page);
    assert_int_equal(page.n, 0);

    query = (struct logs_query){.limit = 100, .from_ms = 1003, .to_ms = 1006};
    logs_read(logs, &arena, &place, &query, &page);
    assert_lines(&page, 3, 6);
    logs_close(logs);
    arena_release(&arena);
}

static void test_kept_over_a_restart(void **state)
{
    (void)state;
    struct arena arena = ARENA_INIT;
    struct logs_page page;
    struct logs *logs = fresh();
    const struct logs_query query = {.limit = 100};
    size_t n;
    put(logs, 0, 3);
    logs = again(logs);
    struct log_stream *streams = logs_streams(logs, &arena, place.region, place.group, &n);
    assert_int_equal(n, 1);
    assert_true(str_eq(streams[0].name, place.stream));
    assert_int_equal(streams[0].first_ms, 1000);
    assert_int_equal(streams[0].last_ms, 1002);
    put(logs, 3, 5);
    assert_int_equal(logs_read(logs, &arena, &place, &query, &page), LOGS_OK);
    assert_lines(&page, 0, 5);
    logs_close(logs);
    arena_release(&arena);
}

/* A line that a crash cut short is gone, those before it are there, and writing goes on. */
static void test_torn_line(void **state)
{
    (void)state;
    struct arena arena = ARENA_INIT;
    struct err err = ERR_INIT;
    struct logs_page page;
    struct logs *logs = fresh();
    const struct logs_query query = {.limit = 100};
    put(logs, 0, 3);
    logs_close(logs);
    char command[512];
    snprintf(command, sizeof command, "for f in %s/*.jsonl; do printf '{\"i\":1,\"m\":\"to' >> $f; done",
        temp_folder);
    assert_int_equal(system(command), 0);
    assert_int_equal(logs_open(temp_folder, &logs, &err), 0);
    put(logs, 3, 4);
    logs_read(logs, &arena, &place, &query, &page);
    assert_lines(&page, 0, 4);
    logs_close(logs);
    arena_release(&arena);
}

/* More than one answer can hold: every event comes once, in order, in both directions. */
static void test_large_stream(void **state)
{
    (void)state;
    enum { EVENTS = 40, SIZE = 100 * 1000 };
    struct arena arena = ARENA_INIT;
    struct logs *logs = fresh();
    char *text = malloc(SIZE);
    memset(text, '\x01', SIZE); /* six bytes each in JSON */
    for (int i = 0; i < EVENTS; i++) {
        struct log_entry event = {.time_ms = 1000 + i, .message = str_n(text, SIZE)};
        assert_int_equal(logs_append(logs, &place, &event, 1), LOGS_OK);
    }
    struct logs_query query = {.limit = 10000};
    struct logs_page page;
    int seen = 0;
    do {
        logs_read(logs, &arena, &place, &query, &page);
        for (size_t i = 0; i < page.n; i++)
            assert_int_equal(page.events[i].time_ms, 1000 + seen++);
        query.offset = page.after;
    } while (page.n);
    assert_int_equal(seen, EVENTS);
    query = (struct logs_query){.limit = 10000, .backward = true};
    do {
        logs_read(logs, &arena, &place, &query, &page);
        for (size_t i = page.n; i-- > 0;)
            assert_int_equal(page.events[i].time_ms, 1000 + --seen);
        query.offset = page.before;
    } while (page.n);
    assert_int_equal(seen, 0);
    struct log_entry event = {.time_ms = 1, .message = str_n(text, SIZE)};
    int written = EVENTS;
    enum logs_result result;
    while ((result = logs_append(logs, &place, &event, 1)) == LOGS_OK && written < 1000)
        written++;
    assert_int_equal(result, LOGS_FULL); /* 64 MiB */
    assert_int_equal(written, 111);
    free(text);
    logs_close(logs);
    arena_release(&arena);
}

static void test_streams_come_and_go(void **state)
{
    (void)state;
    struct arena arena = ARENA_INIT;
    struct logs *logs = fresh();
    const struct log_location other = {place.region, place.group, STR("a")},
                              absent = {place.region, place.group, STR("b")};
    const struct logs_query query = {.limit = 1};
    struct logs_page page;
    size_t n;
    assert_int_equal(logs_create(logs, &place), LOGS_EXISTS);
    assert_int_equal(logs_create(logs, &other), LOGS_OK);
    logs_streams(logs, &arena, place.region, place.group, &n);
    assert_int_equal(n, 2);
    logs_streams(logs, &arena, STR("us-east-1"), place.group, &n);
    assert_int_equal(n, 0);
    assert_int_equal(logs_delete(logs, &absent), LOGS_ABSENT);
    assert_int_equal(logs_delete(logs, &other), LOGS_OK);
    assert_int_equal(logs_read(logs, &arena, &other, &query, &page), LOGS_ABSENT);
    logs_forget(logs, place.region, place.group, INT64_MAX);
    logs = again(logs);
    logs_streams(logs, &arena, place.region, place.group, &n);
    assert_int_equal(n, 0);
    logs_close(logs);
    arena_release(&arena);
}

static void test_lines_of_a_program(void **state)
{
    (void)state;
    struct arena arena = ARENA_INIT;
    struct logs *logs = fresh();
    struct log_sink sink = {.logs = logs, .location = place};
    struct logs_page page;
    const struct logs_query query = {.limit = 10000};
    log_sink_add(&sink, "one\ntw", 6);
    log_sink_add(&sink, "o\n\nno \xff utf", 11);
    log_sink_line(&sink, "%s", "END");
    char *text = malloc(150000);
    memset(text, 'x', 150000);
    log_sink_add(&sink, text, 150000);
    log_sink_flush(&sink);
    assert_int_equal(logs_read(logs, &arena, &place, &query, &page), LOGS_OK);
    static const char *const expected[] = {"one", "two", "", "no \xef\xbf\xbd utf", "END"};
    assert_int_equal(page.n, 8);
    for (size_t i = 0; i < 5; i++)
        assert_true(str_eqz(page.events[i].message, expected[i]));
    assert_int_equal(page.events[5].message.n, 65536);
    assert_int_equal(page.events[7].message.n, 150000 - 2 * 65536);
    assert_int_equal(sink.tail.n, 16384);
    for (int i = 0; i < 1000; i++)
        log_sink_add(&sink, "a\nb\n", 4);
    logs_read(logs, &arena, &place, &query, &page);
    assert_int_equal(page.n, 2008);
    log_sink_release(&sink);
    free(text);
    logs_close(logs);
    arena_release(&arena);
}

/* ---- runs that begin at once, in a group that does not exist yet ---- */

enum { RUNS = 4, ROUNDS = 60 };

struct run {
    struct services *services;
    pthread_barrier_t *begin;
    struct str group, stream;
    pthread_t thread;
};

static void *write_line(void *ctx)
{
    const struct run *run = ctx;
    struct arena arena = ARENA_INIT;
    struct log_sink sink;
    struct err err = ERR_INIT;
    pthread_barrier_wait(run->begin);
    bool open = !service_sink_open(run->services, place.region, run->group, run->stream, &arena, &sink, &err);
    if (open)
        log_sink_add(&sink, "line\n", 5);
    log_sink_release(&sink);
    arena_release(&arena);
    return NULL;
}

static void test_runs_that_begin_at_once(void **state)
{
    (void)state;
    static const char *const streams[RUNS] = {"0", "1", "2", "3"};
    struct arena arena = ARENA_INIT;
    struct sandbox *sandbox;
    struct err err = ERR_INIT;
    pthread_barrier_t begin;
    const struct sandbox_options options = {.ephemeral = true, .kinds = &cmd_kinds};
    assert_int_equal(sandbox_start(&options, &sandbox, &err), 0);
    pthread_barrier_init(&begin, NULL, RUNS);
    for (int round = 0; round < ROUNDS; round++) {
        struct run runs[RUNS];
        for (int i = 0; i < RUNS; i++) {
            runs[i] = (struct run){sandbox_services(sandbox), &begin, arena_printf(&arena, "/jobs/%d", round),
                str_z(streams[i]), 0};
            assert_int_equal(pthread_create(&runs[i].thread, NULL, write_line, &runs[i]), 0);
        }
        for (int i = 0; i < RUNS; i++)
            pthread_join(runs[i].thread, NULL);
        for (int i = 0; i < RUNS; i++) {
            const struct log_location location = {place.region, runs[i].group, runs[i].stream};
            const struct logs_query query = {.limit = 10};
            struct logs_page page;
            struct logs *logs = services_logs(runs[i].services);
            assert_int_equal(logs_read(logs, &arena, &location, &query, &page), LOGS_OK);
            assert_int_equal(page.n, 1);
        }
    }
    pthread_barrier_destroy(&begin);
    sandbox_stop(sandbox);
    arena_release(&arena);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_forward_and_backward),
        cmocka_unit_test(test_kept_over_a_restart),
        cmocka_unit_test(test_torn_line),
        cmocka_unit_test(test_large_stream),
        cmocka_unit_test(test_streams_come_and_go),
        cmocka_unit_test(test_lines_of_a_program),
        cmocka_unit_test(test_runs_that_begin_at_once),
    };
    return cmocka_run_group_tests(tests, temp_folder_make, temp_folder_remove);
}
