/*
 * State machines: any definition is checked, and one that is found right runs on any input, with tasks that
 * give their input back. Text: the definition, a NUL, the input.
 */
#include "provider/sandbox/jobs/asl.h"

#include "base/buf.h"
#include "base/json.h"

#include <assert.h>

enum { MAX_EVENTS = 300 };

struct fake {
    int64_t now_ms, events;
    uint64_t random;
};

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

static void run(struct arena *arena, const struct value *definition, const struct value *input)
{
    struct fake fake = {.random = 1};
    const struct asl_host host = {&fake, wall, nap, wake, do_task, event, draw, 2, 0, MAX_EVENTS};
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
    struct str input_text, text = str_cut(str_n((const char *)data, n), '\0', &input_text);
    const struct value *definition, *input = &value_empty_map;
    struct err err;
    if (json_parse(&arena, text, &definition, &err))
        return 0;
    if (input_text.p && json_parse(&arena, input_text, &input, &err))
        return 0;
    struct asl_diags diags = {.arena = &arena};
    asl_validate(definition, &diags);
    for (size_t i = 0; i < diags.n; i++)
        assert(diags.items[i].message.n && diags.items[i].location.p[0] == '/');
    if (!diags.n)
        run(&arena, definition, input);
    asl_diags_release(&diags);
    return 0;
}
