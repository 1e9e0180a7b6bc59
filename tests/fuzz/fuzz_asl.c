/*
 * State machines: any definition is checked, and one that is found right runs on any input, with tasks that
 * give their input back. Text: the definition, a NUL, the input, a NUL, the clock.
 */
#include "provider/notation/asl_check.h"
#include "sandbox/asl/asl.h"

#include "base/buf.h"
#include "base/clock.h"
#include "base/json.h"

#include <assert.h>

enum { MAX_EVENTS = 300 };

struct fake {
    int64_t now_ms, events;
    uint64_t random;
};

/* What nobody reads, and nobody writes. */
static const struct value *read_items(
    void *ctx, struct arena *arena, const struct value *reader, struct asl_error *error)
{
    (void)ctx, (void)arena, (void)reader;
    *error = (struct asl_error){STR("States.ItemReaderFailed"), STR("nothing to read")};
    return NULL;
}

static const struct value *write_results(void *ctx, struct arena *arena, const struct asl_map_run *run,
    const struct value *writer, const struct asl_map_result *results, size_t n, struct asl_error *error)
{
    (void)ctx, (void)arena, (void)run, (void)writer, (void)results, (void)n, (void)error;
    return &value_empty_map;
}

static void map_run(void *ctx, struct arena *arena, struct asl_map_run *run)
{
    (void)ctx;
    if (!run->arn.n)
        run->arn = arena_str(arena, STR("arn:aws:states:us-east-1:123456789012:mapRun:m/l:1"));
}

static int64_t wall(void *ctx)
{
    return ((struct fake *)ctx)->now_ms;
}

static bool nap(void *ctx, const struct asl_scope *scope, int64_t ms)
{
    assert(ms >= 0);
    ((struct fake *)ctx)->now_ms += ms;
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
    assert(*type && !name == !details && previous <= fake->events);
    return ++fake->events;
}

static uint64_t draw(void *ctx)
{
    struct fake *fake = ctx;
    return fake->random = fake->random * 6364136223846793005U + 1442695040888963407U;
}

/* Each third one fails. */
static const struct value *do_task(
    void *ctx, struct arena *arena, struct asl_task *task, struct asl_error *error)
{
    if (draw(ctx) >> 32 & 3)
        return task->input;
    *error = (struct asl_error){arena_str(arena, STR("E")), STR("told to")};
    return NULL;
}

/* A date, and how fast time goes: "2026-11-21T09:30:00Z 1000". */
static double read_clock(struct str text, struct fake *fake)
{
    struct str rate, date = str_cut(text, ' ', &rate);
    double speed;
    fake->now_ms = INT64_C(1800000000000);
    time_parse_rfc3339(date, &fake->now_ms);
    return rate.p && str_to_double(rate, &speed) && speed > 0 ? speed : 1;
}

static void run_machine(
    struct arena *arena, const struct value *definition, const struct value *input, struct str clock)
{
    struct fake fake = {.random = 1};
    const struct asl_host host = {.ctx = &fake,
        .wall_ms = wall,
        .sleep = nap,
        .wake = wake,
        .task = do_task,
        .event = event,
        .random = draw,
        .read_items = read_items,
        .write_results = write_results,
        .map_run = map_run,
        .speed = read_clock(clock, &fake),
        .events = MAX_EVENTS};
    struct value_entry context = {STR("Execution"), input};
    struct asl_scope scope = {0};
    const struct asl_execution execution = {.host = &host,
        .definition = definition,
        .input = input,
        .context = value_map(arena, &context, 1),
        .scope = &scope};
    struct asl_outcome out;
    asl_run(arena, &execution, &out);
    assert(out.status != ASL_ABORTED && !out.output == (out.status != ASL_SUCCEEDED));
    assert(out.status != ASL_FAILED || out.error.name.n);
    if (!out.output || out.output->depth > ASL_MAX_DEPTH)
        return;
    AUTO_BUF struct buf json = BUF_INIT;
    const struct value *back;
    struct err err;
    json_write(&json, out.output, JSON_PLAIN);
    assert(!json_parse(arena, buf_str(&json), &back, &err) && value_equal(back, out.output));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
    AUTO_ARENA struct arena arena = ARENA_INIT;
    struct str rest, clock = STR_EMPTY, text = str_cut(str_n((const char *)data, n), '\0', &rest);
    struct str input_text = rest.p ? str_cut(rest, '\0', &clock) : rest;
    const struct value *definition, *input = &value_empty_map;
    struct err err;
    if (json_parse(&arena, text, &definition, &err))
        return 0;
    if (input_text.p && json_parse(&arena, input_text, &input, &err))
        return 0;
    struct asl_diags served = {.arena = &arena}, diags = {.arena = &arena, .interpreted = true};
    asl_validate(definition, &served);
    asl_diags_release(&served);
    asl_validate(definition, &diags);
    for (size_t i = 0; i < diags.n; i++)
        assert(diags.items[i].message.n && diags.items[i].location.p[0] == '/');
    if (!diags.n)
        run_machine(&arena, definition, input, clock);
    asl_diags_release(&diags);
    return 0;
}
