/*
 * Following a run: how often is asked, what is called back, when it ends; and its log from several streams.
 * The clock stands still; the job is a table of states.
 */
#include "base/clock.h"
#include "base/json.h"
#include "provider/job.h"
#include "tests/unit/support/manual_clock.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "tests/unit/support/toy_aws.h"

/* ---- the job ---- */

static const char *const *states; /* what the next looks see; "" the last one for ever */
static size_t looks;
static int64_t looked_at[64];
static const struct log_source *sources;
static size_t source_count;

static int toy_read(struct op_ctx *ctx, const struct value *object, const struct value *options,
    struct str id, struct job_run *run, struct err *err)
{
    (void)object, (void)options;
    looked_at[looks % 64] = clock_mono_ms();
    const char *state = states[looks++];
    if (!*state)
        return err_set(err, ERR_SERVICE, "nobody knows");
    if (*state == '~')
        return err_set(err, ERR_NETWORK, "nobody there");
    *run = (struct job_run){.id = arena_str(ctx->arena, id),
        .status = arena_str(ctx->arena, str_z(state)),
        .state = *state == 'd' ? JOB_SUCCEEDED : JOB_RUNNING,
        .live = &value_empty_map};
    return 0;
}

static int toy_logs(struct op_ctx *ctx, const struct value *object, const struct job_run *run,
    const struct log_source **out, size_t *n, struct err *err)
{
    (void)ctx, (void)object, (void)run, (void)err;
    *out = sources;
    *n = source_count;
    return 0;
}

static const struct job_ops ops = {.reads = true, .read = toy_read, .logs = toy_logs};
static const struct schema schema = {.name = STR_INIT("toy"), .job = &ops};

/* ---- the follower ---- */

static struct provider *provider;
static struct arena arena;
static struct buf said;
static atomic_int signals;

static void on_state(void *ctx, const struct job_run *run)
{
    (void)ctx;
    buf_addf(&said, "[%.*s]", STR_ARG(run->status));
}

static void on_line(void *ctx, const struct log_event *event)
{
    (void)ctx;
    buf_addf(&said, "%.*s ", STR_ARG(event->message));
}

static void on_trouble(void *ctx, const struct err *err)
{
    (void)ctx;
    buf_addf(&said, "!%s! ", err->code);
}

static int set_up(void **state)
{
    (void)state;
    struct err err = ERR_INIT;
    manual_clock_install(1700000000000);
    looks = source_count = 0;
    atomic_store(&signals, 0);
    play(NULL, 0);
    return fixed_provider(&provider, &err);
}

static int tear_down(void **state)
{
    (void)state;
    provider_free(provider);
    fixed_release();
    arena_release(&arena);
    buf_release(&said);
    manual_clock_remove();
    return 0;
}

static enum job_follow_end follow(const char *const *script_of_states, struct job_follow more)
{
    struct op_ctx ctx = {.arena = &arena, .provider = provider, .schema = &schema};
    struct job_run run = {.id = STR("r1"), .status = STR("new"), .live = &value_empty_map};
    struct err err = ERR_INIT;
    enum job_follow_end end;
    states = script_of_states;
    more.ctx = &ctx;
    more.object = &value_empty_map;
    more.state = on_state;
    more.line = source_count ? on_line : NULL;
    more.log_failure = on_trouble;
    more.signals = &signals;
    if (job_follow(&more, &run, &end, &err))
        fail_msg("%s", err.message);
    return end;
}

static void test_a_change_is_said_once(void **state)
{
    (void)state;
    static const char *const script_of_states[] = {"run", "run", "run", "done"};
    assert_int_equal(follow(script_of_states, (struct job_follow){0}), FOLLOW_ENDED);
    assert_string_equal(said.p, "[new][run][done]");
    assert_int_equal(looks, 4);
}

/* The longer nothing happens, the less is asked. */
static void test_intervals_grow(void **state)
{
    (void)state;
    static const char *script_of_states[40];
    for (size_t i = 0; i < 39; i++)
        script_of_states[i] = "new";
    script_of_states[39] = "done";
    int64_t began = clock_mono_ms();
    assert_int_equal(follow(script_of_states, (struct job_follow){0}), FOLLOW_ENDED);
    assert_int_equal(looked_at[0] - began, 500);
    for (size_t i = 2; i < 39; i++)
        assert_true(looked_at[i] - looked_at[i - 1] >= looked_at[i - 1] - looked_at[i - 2]);
    assert_int_equal(looked_at[38] - looked_at[37], 8000);
}

static void test_the_time_is_up(void **state)
{
    (void)state;
    static const char *const script_of_states[] = {"new", "new", "new", "new", "new", "new", "new"};
    int64_t began = clock_mono_ms();
    assert_int_equal(follow(script_of_states, (struct job_follow){.until_ms = began + 3000}), FOLLOW_TIMEOUT);
    assert_int_equal(clock_mono_ms() - began, 3000);
}

static void test_a_network_that_is_away_for_a_while(void **state)
{
    (void)state;
    static const char *const script_of_states[] = {"run", "~", "~", "~", "run", "~", "done"};
    assert_int_equal(follow(script_of_states, (struct job_follow){0}), FOLLOW_ENDED);
    assert_string_equal(said.p, "[new][run][done]");
}

static int follow_in_vain(const char *const *script_of_states, struct err *err)
{
    struct op_ctx ctx = {.arena = &arena, .provider = provider, .schema = &schema};
    struct job_run run = {.id = STR("r1"), .status = STR("new"), .live = &value_empty_map};
    struct job_follow f = {.ctx = &ctx, .object = &value_empty_map, .state = on_state};
    enum job_follow_end end;
    states = script_of_states;
    return job_follow(&f, &run, &end, err);
}

static void test_what_does_not_pass(void **state)
{
    (void)state;
    static const char *const refused[] = {"run", ""};
    struct err err = ERR_INIT;
    assert_int_equal(follow_in_vain(refused, &err), -1);
    assert_int_equal(err.class, ERR_SERVICE);
    static const char *away[64];
    for (size_t i = 0; i < 64; i++)
        away[i] = "~";
    int64_t began = clock_mono_ms();
    looks = 0;
    assert_int_equal(follow_in_vain(away, &err), -1);
    assert_int_equal(err.class, ERR_NETWORK);
    assert_in_range(clock_mono_ms() - began, 5 * 60 * 1000, 6 * 60 * 1000);
}

static void interrupt(void *ctx)
{
    int *ticks = ctx;
    if (++*ticks == 7)
        atomic_store(&signals, 1);
}

static void test_a_signal(void **state)
{
    (void)state;
    static const char *const script_of_states[] = {"new", "new", "new", "new"};
    int ticks = 0;
    struct job_follow f = {.tick = interrupt, .callback_ctx = &ticks};
    assert_int_equal(follow(script_of_states, f), FOLLOW_INTERRUPTED);
    assert_int_equal(ticks, 7);
}

/* ---- logs ---- */

#define EVENTS(token, events) "{\"nextForwardToken\": \"" token "\", \"events\": [" events "]}"
#define EVENT(at, text)       "{\"timestamp\": " #at ", \"message\": \"" text "\"}"

static void test_streams_are_merged_and_read_on(void **state)
{
    (void)state;
    static const struct log_source two[] = {{.group = STR_INIT("g"), .stream = STR_INIT("out")},
        {.group = STR_INIT("g"), .stream = STR_INIT("err")}};
    static const char *const script_of_states[] = {"done"};
    sources = two;
    source_count = 2;
    PLAY({"GetLogEvents", "{\"logGroupName\":\"g\",\"logStreamName\":\"out\",\"startFromHead\":true}",
             EVENTS("o1", EVENT(1, "a") "," EVENT(5, "c\\n")), NULL},
        {"GetLogEvents", "{\"logGroupName\":\"g\",\"logStreamName\":\"err\",\"startFromHead\":true}",
            EVENTS("e1", EVENT(3, "b") "," EVENT(9, "e")), NULL},
        /* the first is used up at c: what comes next in it may be older than e */
        {"GetLogEvents",
            "{\"logGroupName\":\"g\",\"logStreamName\":\"out\",\"nextToken\":\"o1\",\"startFromHead\":true}",
            EVENTS("o2", EVENT(7, "d")), NULL},
        {"GetLogEvents", NULL, EVENTS("o2", ""), NULL}, {"GetLogEvents", NULL, EVENTS("e1", ""), NULL},
        /* after the end, once more */
        {"GetLogEvents",
            "{\"logGroupName\":\"g\",\"logStreamName\":\"out\",\"nextToken\":\"o2\",\"startFromHead\":true}",
            EVENTS("o3", EVENT(12, "f")), NULL},
        {"GetLogEvents",
            "{\"logGroupName\":\"g\",\"logStreamName\":\"err\",\"nextToken\":\"e1\",\"startFromHead\":true}",
            EVENTS("e1", ""), NULL},
        {"GetLogEvents", NULL, EVENTS("o3", ""), NULL});
    assert_int_equal(follow(script_of_states, (struct job_follow){0}), FOLLOW_ENDED);
    assert_string_equal(said.p, "[new]a b c d e f [done]");
    PLAYED();
}

/* By time, from before what was seen last; and what was seen is left out by its id. */
static void test_a_group_is_read_on_by_time(void **state)
{
    (void)state;
#define FOUND(id, at, text)                                                                                  \
    "{\"eventId\": \"" id "\", \"timestamp\": " #at ", \"message\": \"" text "\", \"logStreamName\": "       \
    "\"ps\"}"
    static const struct log_source group[] = {{.group = STR_INIT("g"), .prefix = STR_INIT("p")}};
    static const char *const script_of_states[] = {"done"};
    sources = group;
    source_count = 1;
    PLAY({"FilterLogEvents",
             "{\"limit\":5000,\"logGroupName\":\"g\",\"logStreamNamePrefix\":\"p\",\"startTime\":100}",
             "{\"nextToken\": \"t\", \"events\": [" FOUND("1", 50000, "a") "]}", NULL},
        {"FilterLogEvents",
            "{\"limit\":5000,\"logGroupName\":\"g\",\"logStreamNamePrefix\":\"p\",\"nextToken\":\"t\","
            "\"startTime\":100}",
            "{\"events\": [" FOUND("2", 60000, "b") "]}", NULL},
        {"FilterLogEvents",
            "{\"limit\":5000,\"logGroupName\":\"g\",\"logStreamNamePrefix\":\"p\",\"startTime\":50000}",
            "{\"events\": [" FOUND("1", 50000, "a") "," FOUND("3", 55000, "late") "," FOUND(
                "2", 60000, "b") "]}",
            NULL});
    assert_int_equal(follow(script_of_states, (struct job_follow){.since_ms = 100}), FOLLOW_ENDED);
    assert_string_equal(said.p, "[new]a b late [done]");
    PLAYED();
}

/* A run that shares its stream: found by its first line, read to its last. */
static void test_a_part_of_a_stream(void **state)
{
    (void)state;
    static const struct log_source part[] = {
        {.group = STR_INIT("g"), .first = STR_INIT("BEGIN 7"), .last = STR_INIT("END 7")}};
    static const char *const script_of_states[] = {"done"};
    sources = part;
    source_count = 1;
    PLAY({"FilterLogEvents", "{\"filterPattern\":\"\\\"BEGIN 7\\\"\",\"limit\":5000,\"logGroupName\":\"g\"}",
             "{\"events\": []}", NULL}, /* not there yet */
        {"FilterLogEvents", NULL,
            "{\"events\": [" FOUND("1", 10, "saw BEGIN 7") "," FOUND("2", 20, "BEGIN 7") "]}", NULL},
        {"GetLogEvents",
            "{\"logGroupName\":\"g\",\"logStreamName\":\"ps\",\"startFromHead\":true,\"startTime\":20}",
            EVENTS("x", EVENT(20, "other") "," EVENT(20, "BEGIN 7") "," EVENT(21, "mine") "," EVENT(
                            22, "END 7") "," EVENT(23, "BEGIN 8")),
            NULL});
    assert_int_equal(follow(script_of_states, (struct job_follow){.late_ms = 60000}), FOLLOW_ENDED);
    assert_string_equal(said.p, "[new]BEGIN 7 mine END 7 [done]");
    PLAYED(); /* the last line was seen: nothing can come late */
}

/* A run that has ended, whose answer carried (the end of) its log. */
static void follow_output(const char *output)
{
    static const struct log_source part[] = {
        {.group = STR_INIT("g"), .first = STR_INIT("BEGIN 7"), .last = STR_INIT("END 7")}};
    struct op_ctx ctx = {.arena = &arena, .provider = provider, .schema = &schema};
    struct job_run run = {.id = STR("7"),
        .status = STR("done"),
        .state = JOB_SUCCEEDED,
        .output = str_z(output),
        .live = &value_empty_map};
    struct job_follow f = {
        .ctx = &ctx, .object = &value_empty_map, .state = on_state, .line = on_line, .late_ms = 2000};
    struct err err = ERR_INIT;
    enum job_follow_end end;
    sources = part;
    source_count = 1;
    assert_int_equal(job_follow(&f, &run, &end, &err), 0);
    assert_int_equal(end, FOLLOW_ENDED);
}

static void test_a_log_that_came_along(void **state)
{
    (void)state;
    follow_output("BEGIN 7\nall\n\nEND 7\n");
    assert_string_equal(said.p, "BEGIN 7 all END 7 [done]");
}

static void test_a_log_that_came_along_without_its_beginning(void **state)
{
    (void)state;
    PLAY({"FilterLogEvents", NULL, "{\"events\": [" FOUND("2", 20, "BEGIN 7") "]}", NULL},
        {"GetLogEvents", NULL, EVENTS("x", EVENT(20, "BEGIN 7") "," EVENT(21, "much") "," EVENT(22, "END 7")),
            NULL});
    follow_output("uch\nEND 7\n");
    assert_string_equal(said.p, "BEGIN 7 much END 7 [done]");
    PLAYED();
}

static void test_the_end_of_a_log_is_better_than_none(void **state)
{
    (void)state;
    PLAY({"FilterLogEvents", NULL, NULL, "ResourceNotFoundException"},
        {"FilterLogEvents", NULL, NULL, "ResourceNotFoundException"},
        {"FilterLogEvents", NULL, NULL, "ResourceNotFoundException"});
    follow_output("uch\nEND 7\n");
    assert_string_equal(said.p, "uch END 7 [done]");
    PLAYED();
}

static void test_last_lines_come_late(void **state)
{
    (void)state;
    static const struct log_source one[] = {{.group = STR_INIT("g"), .stream = STR_INIT("s")}};
    static const char *const script_of_states[] = {"done"};
    sources = one;
    source_count = 1;
    PLAY({"GetLogEvents", NULL, NULL, "ResourceNotFoundException"},
        {"GetLogEvents", NULL, NULL, "ResourceNotFoundException"},
        {"GetLogEvents", NULL, EVENTS("t", EVENT(1, "late")), NULL},
        {"GetLogEvents", NULL, EVENTS("t", ""), NULL}, {"GetLogEvents", NULL, EVENTS("t", ""), NULL},
        {"GetLogEvents", NULL, EVENTS("t", ""), NULL});
    int64_t began = clock_mono_ms();
    assert_int_equal(follow(script_of_states, (struct job_follow){.late_ms = 2000}), FOLLOW_ENDED);
    assert_string_equal(said.p, "[new]late [done]");
    assert_int_equal(clock_mono_ms() - began, 500 + 1000 + 2000);
    PLAYED();
}

static void test_a_log_that_is_refused_is_said_once(void **state)
{
    (void)state;
    static const struct log_source one[] = {{.group = STR_INIT("g"), .stream = STR_INIT("s")}};
    static const char *const script_of_states[] = {"run", "run", "done"};
    sources = one;
    source_count = 1;
    PLAY({"GetLogEvents", NULL, "no", "AccessDeniedException"});
    assert_int_equal(follow(script_of_states, (struct job_follow){0}), FOLLOW_ENDED);
    assert_string_equal(said.p, "[new]!AccessDeniedException! [run][done]");
    PLAYED();
}

static void test_the_latest_lines(void **state)
{
    (void)state;
    static const struct log_source two[] = {
        {.group = STR_INIT("g"), .stream = STR_INIT("s")}, {.group = STR_INIT("h"), .prefix = STR_INIT("")}};
    PLAY({"GetLogEvents",
             "{\"limit\":2,\"logGroupName\":\"g\",\"logStreamName\":\"s\",\"startFromHead\":false}",
             EVENTS("t", EVENT(4, "d") "," EVENT(6, "f")), NULL},
        {"FilterLogEvents", NULL,
            "{\"events\": [" FOUND("1", 1, "a") "," FOUND("2", 5, "e") "," FOUND("3", 7, "g") "]}", NULL},
        {"GetLogEvents",
            "{\"logGroupName\":\"g\",\"logStreamName\":\"s\",\"nextToken\":\"t\",\"startFromHead\":true}",
            EVENTS("u", EVENT(8, "h")), NULL},
        {"FilterLogEvents", NULL, "{\"events\": []}", NULL}, {"GetLogEvents", NULL, EVENTS("u", ""), NULL});
    struct err err = ERR_INIT;
    struct log_reader *reader = log_reader_new(provider, two, 2, &(struct log_options){.tail = 2});
    assert_int_equal(log_reader_poll(reader, on_line, NULL, &err), 0);
    assert_string_equal(said.p, "f g ");
    assert_int_equal(log_reader_poll(reader, on_line, NULL, &err), 0);
    assert_string_equal(said.p, "f g h ");
    log_reader_free(reader);
    PLAYED();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_a_change_is_said_once, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_intervals_grow, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_the_time_is_up, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_a_signal, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_a_network_that_is_away_for_a_while, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_what_does_not_pass, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_streams_are_merged_and_read_on, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_a_group_is_read_on_by_time, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_a_part_of_a_stream, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_a_log_that_came_along, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_a_log_that_came_along_without_its_beginning, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_the_end_of_a_log_is_better_than_none, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_last_lines_come_late, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_a_log_that_is_refused_is_said_once, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_the_latest_lines, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
