/*
 * The interpreter of the States Language alone: the cases of tests/asl, and what they cannot say because it
 * takes tasks that fail or time that passes. Nothing waits: the host's clock moves when somebody sleeps.
 */
#include "provider/notation/asl_check.h"
#include "sandbox/asl/asl.h"

#include "base/file.h"
#include "base/json.h"
#include "tests/unit/support/json_text.h"

#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <time.h>

#include <cmocka.h>

static struct arena arena;

static int release(void **state)
{
    (void)state;
    arena_release(&arena);
    return 0;
}

/* ---- a host ---- */

enum { START = 1800000000 };

struct fake {
    pthread_mutex_t lock;
    int64_t now_ms, slept_ms;
    int64_t events;
    uint64_t random;
    int failures; /* left, of arn:fail */
    int tasks;
    struct buf log; /* types of events */
};

static int64_t wall(void *ctx)
{
    struct fake *fake = ctx;
    pthread_mutex_lock(&fake->lock);
    int64_t now = fake->now_ms;
    pthread_mutex_unlock(&fake->lock);
    return now;
}

static bool nap(void *ctx, const struct asl_scope *scope, int64_t ms)
{
    struct fake *fake = ctx;
    pthread_mutex_lock(&fake->lock);
    fake->now_ms += ms;
    fake->slept_ms += ms;
    pthread_mutex_unlock(&fake->lock);
    return !asl_stopped(scope);
}

static void wake(void *ctx)
{
    (void)ctx;
}

static int64_t event(
    void *ctx, int64_t previous, const char *type, const char *name, const struct value *details)
{
    struct fake *fake = ctx;
    assert_true(!name == !details);
    pthread_mutex_lock(&fake->lock);
    assert_true(previous <= fake->events);
    int64_t id = ++fake->events;
    buf_addf(&fake->log, "%s ", type);
    pthread_mutex_unlock(&fake->lock);
    return id;
}

static void map_run(void *ctx, struct arena *into, struct asl_map_run *run)
{
    (void)ctx;
    (void)into;
    const struct asl_map_counts *c = &run->executions;
    run->arn = STR("arn:aws:states:::mapRun:m/l:1");
    assert_int_equal(
        c->pending + c->running + c->succeeded + c->failed + c->timed_out + c->aborted, c->total);
    assert_true(!run->ended || (!c->pending && !c->running));
}

static uint64_t draw(void *ctx)
{
    struct fake *fake = ctx;
    pthread_mutex_lock(&fake->lock);
    uint64_t n = fake->random = fake->random * 6364136223846793005U + 1442695040888963407U;
    pthread_mutex_unlock(&fake->lock);
    return n >> 11;
}

/* arn:echo gives its input back; arn:fail fails `failures` times; arn:slow takes a minute. */
static const struct value *do_task(
    void *ctx, struct arena *to, struct asl_task *task, struct asl_error *error)
{
    struct fake *fake = ctx;
    pthread_mutex_lock(&fake->lock);
    fake->tasks++;
    bool fails = str_eqz(task->resource, "arn:fail") && fake->failures && fake->failures--;
    pthread_mutex_unlock(&fake->lock);
    if (fails)
        *error = (struct asl_error){
            arena_str(to, value_text(value_getz(task->input, "error"), STR("Oops"))), STR("it was told to")};
    if (str_eqz(task->resource, "arn:slow")) {
        int64_t limit = task->timeout_ms && task->timeout_ms < 60000 ? task->timeout_ms : 60000;
        nap(ctx, task->scope, limit);
        if (limit < 60000)
            *error = (struct asl_error){STR("States.Timeout"), STR_EMPTY};
    }
    return error->name.n ? NULL : task->token.n ? value_string(to, task->token) : task->input;
}

static struct asl_outcome run(
    struct fake *fake, const struct value *definition, const struct value *input, int threads, double speed)
{
    struct asl_host host = {.ctx = fake,
        .wall_ms = wall,
        .sleep = nap,
        .wake = wake,
        .task = do_task,
        .event = event,
        .random = draw,
        .map_run = map_run,
        .speed = speed,
        .threads = threads,
        .events = 1000};
    struct value_entry execution[] = {{STR("Input"), input}, {STR("Name"), value_stringz(&arena, "run")}};
    struct value_entry context = {STR("Execution"), value_map(&arena, execution, 2)};
    struct asl_scope scope = {0};
    const struct asl_execution all = {.host = &host,
        .definition = definition,
        .input = input,
        .context = value_map(&arena, &context, 1),
        .scope = &scope};
    struct asl_outcome out;
    *fake = (struct fake){.now_ms = START * INT64_C(1000), .random = 1, .failures = fake->failures};
    pthread_mutex_init(&fake->lock, NULL);
    asl_run(&arena, &all, &out);
    pthread_mutex_destroy(&fake->lock);
    return out;
}

static const struct value *json(const char *text)
{
    return json_text(&arena, text);
}

static const char *text_of(const struct value *v)
{
    AUTO_BUF struct buf out = BUF_INIT;
    json_write(&out, v, JSON_PLAIN);
    return arena_strz(&arena, buf_str(&out));
}

static const struct value *read_cases(const char *path)
{
    struct str text;
    struct err err = ERR_INIT;
    assert_int_equal(file_read(&arena, path, 1 << 20, &text, &err), 0);
    return json(arena_strz(&arena, text));
}

/* ---- the cases ---- */

static const struct value *definition_of(const struct value *one)
{
    const struct value *template = value_getz(one, "template"), *rule = value_getz(one, "rule");
    if (!template && !rule)
        return value_getz(one, "definition");
    if (template)
        return json(arena_printf(&arena,
            "{\"StartAt\":\"P\",\"States\":{\"P\":{\"Type\":\"Pass\",\"Parameters\":%s,\"End\":true}}}",
            text_of(template))
                        .p);
    const struct value *with_next = value_with(&arena, rule, STR("Next"), value_stringz(&arena, "Yes"));
    return json(arena_printf(&arena,
        "{\"StartAt\":\"C\",\"States\":{\"C\":{\"Type\":\"Choice\",\"Choices\":[%s],\"Default\":\"No\"},"
        "\"Yes\":{\"Type\":\"Pass\",\"Result\":true,\"End\":true},"
        "\"No\":{\"Type\":\"Pass\",\"Result\":false,\"End\":true}}}",
        text_of(with_next))
                    .p);
}

static void check_case(const struct value *one, int threads)
{
    const char *name = value_gets(one, "name").p;
    const struct value *definition = definition_of(one), *error = value_getz(one, "error");
    struct asl_diags diags = {.arena = &arena, .interpreted = true};
    asl_validate(definition, &diags);
    if (diags.n)
        fail_msg("%s: %s at %s", name, diags.items[0].message.p, diags.items[0].location.p);
    struct fake fake = {0};
    struct asl_outcome out = run(&fake, definition, value_getz(one, "input"), threads, 1);
    buf_release(&fake.log);
    if (!error) {
        if (out.status != ASL_SUCCEEDED)
            fail_msg("%s: %s: %s", name, out.error.name.p, out.error.cause.p);
        if (!value_equal(out.output, value_getz(one, "output")))
            fail_msg("%s: gives %s", name, text_of(out.output));
        return;
    }
    const struct value *wanted = error->kind == VALUE_LIST ? error->items[0] : error;
    if (out.status != ASL_FAILED || !str_eq(out.error.name, wanted->string))
        fail_msg("%s: %d %s %s", name, out.status, out.error.name.p, out.output ? text_of(out.output) : "");
    if (error->kind == VALUE_LIST)
        assert_string_equal(out.error.cause.p, error->items[1]->string.p);
}

static void test_cases(void **state)
{
    (void)state;
    const struct value *cases = read_cases("tests/asl/cases.json");
    assert_true(cases->count > 90);
    for (uint32_t i = 0; i < cases->count; i++)
        for (int threads = 0; threads < 5; threads += 4)
            check_case(cases->items[i], threads);
}

static void test_definitions(void **state)
{
    (void)state;
    const struct value *cases = read_cases("tests/asl/definitions.json");
    for (uint32_t i = 0; i < cases->count; i++) {
        const struct value *wrong = value_getz(cases->items[i], "wrong");
        const char *name = value_gets(cases->items[i], "name").p;
        struct asl_diags diags = {.arena = &arena, .interpreted = true};
        asl_validate(value_getz(cases->items[i], "definition"), &diags);
        for (size_t k = 0; k < diags.n; k++) {
            bool expected = false;
            for (uint32_t w = 0; w < wrong->count; w++)
                expected =
                    expected || (str_eq(diags.items[k].code, wrong->items[w]->items[0]->string) &&
                                    str_eq(diags.items[k].location, wrong->items[w]->items[1]->string));
            if (!expected)
                fail_msg("%s: %s %s at %s", name, diags.items[k].code.p, diags.items[k].message.p,
                    diags.items[k].location.p);
        }
        if (diags.n != wrong->count)
            fail_msg("%s: %zu mistakes were found", name, diags.n);
        asl_diags_release(&diags);
    }
}

/* ---- tasks and time ---- */

#define TASK(resource, rest)                                                                                 \
    "{\"StartAt\":\"T\",\"States\":{\"T\":{\"Type\":\"Task\",\"Resource\":\"" resource "\"," rest            \
    ",\"End\":true},\"Caught\":{\"Type\":\"Succeed\"}}}"

static void test_retry(void **state)
{
    (void)state;
    static const struct {
        const char *retry, *error;
        int failures, tasks;
        int64_t slept_ms;
        enum asl_status status;
    } cases[] = {
        {"\"ErrorEquals\":[\"States.ALL\"]", "E", 3, 4, 7000, ASL_SUCCEEDED}, /* 1 + 2 + 4 */
        {"\"ErrorEquals\":[\"States.ALL\"]", "E", 4, 4, 7000, ASL_FAILED},
        {"\"ErrorEquals\":[\"E\"],\"MaxAttempts\":0", "E", 1, 1, 0, ASL_FAILED},
        {"\"ErrorEquals\":[\"E\"]", "F", 1, 1, 0, ASL_FAILED},
        {"\"ErrorEquals\":[\"F\",\"E\"],\"IntervalSeconds\":2,\"BackoffRate\":3,\"MaxDelaySeconds\":10", "E",
            3, 4, 18000, ASL_SUCCEEDED}, /* 2 + 6 + 10 */
        {"\"ErrorEquals\":[\"E\"],\"IntervalSeconds\":3,\"BackoffRate\":1,\"MaxAttempts\":5", "E", 5, 6,
            15000, ASL_SUCCEEDED},
        {"\"ErrorEquals\":[\"States.TaskFailed\"]", "E", 1, 2, 1000, ASL_SUCCEEDED},
        {"\"ErrorEquals\":[\"States.TaskFailed\"]", "States.Timeout", 1, 1, 0, ASL_FAILED},
        {"\"ErrorEquals\":[\"States.ALL\"]", "States.Runtime", 1, 1, 0, ASL_FAILED},
        {"\"ErrorEquals\":[\"States.ALL\"]", "States.DataLimitExceeded", 1, 1, 0, ASL_FAILED},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct fake fake = {.failures = cases[i].failures};
        const char *definition = arena_printf(&arena, TASK("arn:fail", "\"Retry\":[{%s}]"), cases[i].retry).p;
        const char *input = arena_printf(&arena, "{\"error\":\"%s\"}", cases[i].error).p;
        struct asl_outcome out = run(&fake, json(definition), json(input), 0, 1);
        buf_release(&fake.log);
        if (out.status != cases[i].status || fake.tasks != cases[i].tasks ||
            fake.slept_ms != cases[i].slept_ms)
            fail_msg("case %zu: %d, %d tasks, %lld ms", i, out.status, fake.tasks, (long long)fake.slept_ms);
    }
}

static void test_jitter(void **state)
{
    (void)state;
    struct fake fake = {.failures = 3};
    const char *definition = TASK("arn:fail",
        "\"Retry\":[{\"ErrorEquals\":[\"States.ALL\"],\"IntervalSeconds\":100,\"JitterStrategy\":\"FULL\"}]");
    struct asl_outcome out = run(&fake, json(definition), json("{}"), 0, 1);
    buf_release(&fake.log);
    assert_int_equal(out.status, ASL_SUCCEEDED);
    assert_true(fake.slept_ms > 0 && fake.slept_ms < 700000);
    assert_true(fake.slept_ms % 1000 != 0);
}

static void test_catch(void **state)
{
    (void)state;
    struct fake fake = {.failures = 1};
    const char *definition = TASK(
        "arn:fail", "\"Catch\":[{\"ErrorEquals\":[\"E\"],\"Next\":\"Caught\",\"ResultPath\":\"$.why\"}]");
    struct asl_outcome out = run(&fake, json(definition), json("{\"error\":\"E\"}"), 0, 1);
    assert_int_equal(out.status, ASL_SUCCEEDED);
    assert_string_equal(
        text_of(out.output), "{\"error\":\"E\",\"why\":{\"Cause\":\"it was told to\",\"Error\":\"E\"}}");
    assert_string_equal(
        fake.log.p, "TaskStateEntered TaskStateExited SucceedStateEntered SucceedStateExited ");
    buf_release(&fake.log);
}

static void test_task_data(void **state)
{
    (void)state;
    struct fake fake = {0};
    const char *definition = TASK("arn:echo",
        "\"InputPath\":\"$.a\",\"Parameters\":{\"n.$\":\"$.n\"},\"ResultSelector\":{\"m.$\":\"$.n\"},"
        "\"ResultPath\":\"$.r\"");
    struct asl_outcome out = run(&fake, json(definition), json("{\"a\":{\"n\":1}}"), 0, 1);
    buf_release(&fake.log);
    assert_string_equal(text_of(out.output), "{\"a\":{\"n\":1},\"r\":{\"m\":1}}");
}

static void test_time_limits(void **state)
{
    (void)state;
    static const struct {
        const char *definition;
        double speed;
        enum asl_status status;
        const char *error;
        int64_t slept_ms;
    } cases[] = {
        {TASK("arn:slow", "\"TimeoutSeconds\":5"), 1, ASL_FAILED, "States.Timeout", 5000},
        {TASK("arn:slow",
             "\"TimeoutSeconds\":5,\"Catch\":[{\"ErrorEquals\":[\"States.Timeout\"],\"Next\":\"Caught\"}]"),
            1, ASL_SUCCEEDED, "", 5000},
        {TASK("arn:slow", "\"TimeoutSeconds\":70"), 1, ASL_SUCCEEDED, "", 60000},
        /* The whole machine's limit is no error that could be caught. */
        {"{\"TimeoutSeconds\":5,\"StartAt\":\"T\",\"States\":{\"T\":{\"Type\":\"Task\",\"Resource\":\"arn:"
         "slow\","
         "\"TimeoutSeconds\":50,\"Catch\":[{\"ErrorEquals\":[\"States.ALL\"],\"Next\":\"D\"}],\"End\":true},"
         "\"D\":{\"Type\":\"Succeed\"}}}",
            1, ASL_TIMED_OUT, "States.Timeout", 5000},
        {"{\"TimeoutSeconds\":5,\"StartAt\":\"W\",\"States\":{\"W\":{\"Type\":\"Wait\",\"Seconds\":9,\"End\":"
         "true}}}",
            1, ASL_TIMED_OUT, "", 5000},
        /* At a hundred times the speed an hour takes 36 seconds, and is still longer than half an hour. */
        {"{\"StartAt\":\"W\",\"States\":{\"W\":{\"Type\":\"Wait\",\"Seconds\":3600,\"End\":true}}}", 100,
            ASL_SUCCEEDED, "", 36000},
        {"{\"TimeoutSeconds\":1800,\"StartAt\":\"W\",\"States\":{\"W\":{\"Type\":\"Wait\",\"Seconds\":3600,"
         "\"End\":true}}}",
            100, ASL_TIMED_OUT, "", 18000},
        {"{\"TimeoutSeconds\":1800,\"StartAt\":\"P\",\"States\":{\"P\":{\"Type\":\"Parallel\",\"Branches\":[{"
         "\"StartAt\":\"W\",\"States\":{\"W\":{\"Type\":\"Wait\",\"Seconds\":3600,\"End\":true}}}],\"End\":"
         "true}}}",
            100, ASL_TIMED_OUT, "", 18000},
        /* An hour, then until half an hour after the start: that is over. */
        {"{\"StartAt\":\"W\",\"States\":{\"W\":{\"Type\":\"Wait\",\"Seconds\":3600,\"Next\":\"X\"},"
         "\"X\":{\"Type\":\"Wait\",\"Timestamp\":\"2027-01-15T08:30:00Z\",\"End\":true}}}",
            100, ASL_SUCCEEDED, "", 36000},
        {"{\"StartAt\":\"X\",\"States\":{"
         "\"X\":{\"Type\":\"Wait\",\"Timestamp\":\"2027-01-15T08:30:00Z\",\"End\":true}}}",
            1, ASL_SUCCEEDED, "", 1800000},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct fake fake = {0};
        struct asl_outcome out = run(&fake, json(cases[i].definition), json("{}"), 2, cases[i].speed);
        buf_release(&fake.log);
        if (out.status != cases[i].status || !str_eqz(out.error.name, cases[i].error) ||
            fake.slept_ms != cases[i].slept_ms)
            fail_msg("case %zu: %d %s, %lld ms", i, out.status, out.error.name.p, (long long)fake.slept_ms);
    }
}

static void test_limits(void **state)
{
    (void)state;
    struct fake fake = {0};
    struct asl_outcome out = run(&fake,
        json("{\"StartAt\":\"A\",\"States\":{\"A\":{\"Type\":\"Pass\",\"Next\":\"A\"}}}"), json("{}"), 0, 1);
    buf_release(&fake.log);
    assert_int_equal(out.status, ASL_FAILED);
    assert_string_equal(out.error.name.p, "States.Runtime");
    assert_true(fake.events >= 1000 && fake.events < 1010);
    /* Doubled again and again. */
    out = run(&fake,
        json("{\"StartAt\":\"A\",\"States\":{\"A\":{\"Type\":\"Pass\",\"Parameters\":{\"x.$\":\"States.Array("
             "$.x, "
             "$.x)\"},\"Next\":\"A\"}}}"),
        json("{\"x\":\"some text\"}"), 0, 1);
    buf_release(&fake.log);
    assert_string_equal(out.error.name.p, "States.DataLimitExceeded");
    /* It is the text of all JSON that counts, in which a quote has two characters. */
    char *quotes = arena_alloc(&arena, 200000);
    memset(quotes, '"', 200000);
    const struct value *input =
        value_with(&arena, NULL, STR("x"), value_string(&arena, str_n(quotes, 200000)));
    out = run(
        &fake, json("{\"StartAt\":\"A\",\"States\":{\"A\":{\"Type\":\"Pass\",\"End\":true}}}"), input, 0, 1);
    buf_release(&fake.log);
    assert_string_equal(out.error.name.p, "States.DataLimitExceeded");
}

/* Once for each item, however many there are: it was quadratic, and took a quarter of a minute. */
static void test_unique(void **state)
{
    enum { MANY = 80000 };
    (void)state;
    struct fake fake = {0};
    AUTO_BUILDER struct value_builder items = VALUE_BUILDER(&arena);
    for (int i = 0; i < MANY; i++)
        value_builder_add(&items, value_int(&arena, i % (MANY - 1)));
    const struct value *definition =
        json("{\"StartAt\":\"A\",\"States\":{\"A\":{\"Type\":\"Pass\",\"Parameters\":{\"n.$\":"
             "\"States.ArrayLength(States.ArrayUnique($))\"},\"End\":true}}}");
    clock_t begin = clock();
    struct asl_outcome out = run(&fake, definition, value_builder_list(&items), 0, 1);
    buf_release(&fake.log);
    assert_int_equal(value_geti(out.output, "n", 0), MANY - 1);
    assert_true(clock() - begin < 5 * CLOCKS_PER_SEC);
}

/* They are counted, not their bytes. */
static void test_characters(void **state)
{
    (void)state;
    const struct value *definition =
        json("{\"StartAt\":\"A\",\"States\":{\"A\":{\"Type\":\"Pass\",\"Parameters\":{\"x.$\":"
             "\"States.Base64Encode($)\"},\"End\":true}}}");
    AUTO_BUF struct buf text = BUF_INIT;
    for (int n = 10000; n <= 10001; n++) {
        struct fake fake = {0};
        buf_clear(&text);
        for (int i = 0; i < n; i++)
            buf_addz(&text, "\xc3\xbc");
        struct asl_outcome out = run(&fake, definition, value_string(&arena, buf_str(&text)), 0, 1);
        buf_release(&fake.log);
        assert_int_equal(out.status, n == 10000 ? ASL_SUCCEEDED : ASL_FAILED);
    }
}

static void test_token(void **state)
{
    (void)state;
    struct fake fake = {0};
    const char *definition =
        TASK("arn:x.waitForTaskToken", "\"Parameters\":{\"t.$\":\"$$.Task.Token\"},\"ResultPath\":\"$.got\"");
    struct asl_outcome out = run(&fake, json(definition), json("{}"), 0, 1);
    buf_release(&fake.log);
    assert_int_equal(value_gets(out.output, "got").n, 64);
}

static void test_history(void **state)
{
    (void)state;
    struct fake fake = {0};
    run(&fake,
        json("{\"StartAt\":\"M\",\"States\":{\"M\":{\"Type\":\"Map\",\"Iterator\":{\"StartAt\":\"P\","
             "\"States\":{"
             "\"P\":{\"Type\":\"Pass\",\"End\":true}}},\"End\":true}}}"),
        json("[1]"), 0, 1);
    assert_string_equal(fake.log.p,
        "MapStateEntered MapStateStarted MapIterationStarted PassStateEntered PassStateExited "
        "MapIterationSucceeded MapStateSucceeded MapStateExited ");
    buf_release(&fake.log);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_teardown(test_cases, release),
        cmocka_unit_test_teardown(test_definitions, release),
        cmocka_unit_test_teardown(test_retry, release),
        cmocka_unit_test_teardown(test_jitter, release),
        cmocka_unit_test_teardown(test_catch, release),
        cmocka_unit_test_teardown(test_task_data, release),
        cmocka_unit_test_teardown(test_time_limits, release),
        cmocka_unit_test_teardown(test_limits, release),
        cmocka_unit_test_teardown(test_unique, release),
        cmocka_unit_test_teardown(test_characters, release),
        cmocka_unit_test_teardown(test_token, release),
        cmocka_unit_test_teardown(test_history, release),
    };
    return cmocka_run_group_tests_name("sandbox/asl", tests, NULL, NULL);
}
