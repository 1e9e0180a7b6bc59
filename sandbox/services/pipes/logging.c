/*
 * What a pipe's log configuration asks for: a record for each step of an execution, to a log group, a
 * Firehose stream and a bucket. https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-pipes-logs.html
 */
#include "sandbox/services/pipes/pipes.h"

#include "base/clock.h"
#include "base/hash.h"
#include "base/json.h"
#include "sandbox/engine/view.h"
#include "sandbox/services/shared/event_targets.h"

enum { MAX_PAYLOAD = 250000 }; /* a record has 256 KiB */

static const char *const levels[] = {"OFF", "ERROR", "INFO", "TRACE"};

static size_t level_of(struct str name)
{
    size_t level = sizeof levels / sizeof *levels - 1;
    while (level && !str_eqz(name, levels[level]))
        level--;
    return level;
}

struct pipe_log pipe_log_open(const struct turn *turn)
{
    const struct value *settings = value_getz(turn->attrs, "log_configuration");
    return (struct pipe_log){.turn = turn,
        .settings = settings,
        .level = level_of(value_gets(settings, "level")),
        .execution = uuid_random(turn->arena)};
}

/* What failed is an error; of the rest the execution and its stages are in INFO, their parts in TRACE. */
static size_t level_of_step(struct str step)
{
    return str_ends(step, STR("FAILED"))                                                  ? 1
           : str_starts(step, STR("EXECUTION")) || str_find(step, STR("_STAGE_"), 0) >= 0 ? 2
                                                                                          : 3;
}

static const struct value *error_of(struct arena *arena, const struct err *why)
{
    struct value_builder b = VALUE_BUILDER(arena);
    if (!why)
        return NULL;
    if (why->http_status)
        view_int(&b, "httpStatusCode", why->http_status);
    view_text(&b, "message", str_z(why->message));
    view_text(&b, "details", str_z(why->code));
    return value_builder_map(&b);
}

static struct str pipe_record(
    const struct pipe_log *log, struct str step, const struct value *payload, const struct err *why)
{
    struct arena *arena = log->turn->arena;
    struct value_builder b = VALUE_BUILDER(arena);
    const struct value *cut = value_stringz(arena, "payload");
    view_text(&b, "executionId", log->execution);
    view_int(&b, "timestamp", clock_wall_ms());
    view_text(&b, "messageType", step);
    view_text(&b, "resourceArn", log->turn->processor);
    view_text(&b, "logLevel", str_z(levels[log->level]));
    if (payload && value_list_has(value_getz(log->settings, "include_execution_data"), STR("ALL"))) {
        struct str text = json_or_text(arena, payload);
        view_text(&b, "payload",
            str_slice(
                text, 0, str_utf8_prefix(str_slice(text, 0, text.n < MAX_PAYLOAD ? text.n : MAX_PAYLOAD))));
        if (text.n > MAX_PAYLOAD)
            view_set(&b, "truncatedFields", value_list(arena, &cut, 1));
    }
    view_set(&b, "error", error_of(arena, why));
    return json_as_text(arena, value_builder_map(&b))->string;
}

void pipe_log_step(const struct pipe_log *log, const char *stage, const char *step,
    const struct value *payload, const struct err *why)
{
    const struct turn *turn = log->turn;
    struct arena *arena = turn->arena;
    const struct value *s3 = value_getz(log->settings, "s3");
    struct str name = arena_printf(arena, "%s_%s", stage, step), bucket = value_gets(s3, "bucket"),
               to[] = {value_gets(log->settings, "log_group"), value_gets(log->settings, "delivery_stream"),
                   bucket.n ? arena_printf(arena, "arn:aws:s3:::%.*s", STR_ARG(bucket)) : STR_EMPTY};
    if (level_of_step(name) > log->level)
        return;
    struct str record = pipe_record(log, name, payload, why);
    for (size_t i = 0; i < sizeof to / sizeof *to; i++)
        if (to[i].n)
            target_deliver(turn->source->services,
                &(struct target){.region = turn->region,
                    .arn = to[i],
                    .input = record,
                    .log_stream = turn->session,
                    .object_key = value_gets(s3, "prefix"),
                    .by = arena_printf(arena, "log of pipe %.*s", STR_ARG(turn->session))});
}
