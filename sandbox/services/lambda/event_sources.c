/* Queues and streams as event sources of functions: aws.lambda.event_source_mapping. */
#include "sandbox/services/lambda/lambda.h"

#include "base/json.h"
#include "sandbox/services/shared/source.h"

enum { PAUSE_MS = 1000 }; /* delay after the function could not be called */

/* The source is read with the function's role. */
static struct str role_of_function(
    struct services *services, struct arena *arena, struct str region, struct str function)
{
    struct control_record found;
    struct str name = function, mark = STR(":function:");
    ptrdiff_t at = str_find(function, mark, 0);
    if (at >= 0)
        name = str_slice(function, (size_t)at + mark.n, function.n);
    name = str_cut(name, ':', &mark);
    bool known =
        control_find(services_control(services), arena, STR("aws.lambda.function"), region, name, &found);
    return known ? value_gets(found.attrs, "role") : STR_EMPTY;
}

static void describe_mapping(
    struct services *services, const struct control_record *mapping, struct turn *turn)
{
    turn->processor = turn->session = value_gets(mapping->attrs, "function");
    turn->role = role_of_function(services, turn->arena, mapping->region, turn->processor);
    turn->settings = mapping->attrs;
    turn->filters = value_getz(mapping->attrs, "filters");
    turn->on_failure = value_gets(mapping->attrs, "on_failure");
    turn->halves = value_getb(mapping->attrs, "bisect_batch_on_function_error");
}

/* Returns batchItemFailures of the response if the mapping has ReportBatchItemFailures. */
static const struct value *mapping_failures(const struct turn *turn, struct str payload)
{
    const struct value *answer;
    bool looked_at =
        value_list_has(value_getz(turn->attrs, "function_response_types"), STR("ReportBatchItemFailures"));
    return looked_at && payload.n && !json_parse(turn->arena, payload, &answer, ERR_IGNORED)
               ? value_as_list(value_getz(answer, "batchItemFailures"))
               : NULL;
}

/* Returns the trace header of the record whose chain has called a function most often. */
static struct str chain_of(const struct value *records)
{
    struct str chain = STR_EMPTY;
    for (uint32_t i = 0; i < records->count; i++) {
        struct str trace = value_gets(value_getz(records->items[i], "attributes"), "AWSTraceHeader");
        if (!chain.n || lambda_chain_length(trace) > lambda_chain_length(chain))
            chain = trace;
    }
    return chain;
}

static bool call_function(const struct turn *turn, const struct value *records, const struct value **failures)
{
    struct arena *arena = turn->arena;
    struct services *services = turn->source->services;
    const struct service_request request = {.service = STR("lambda"),
        .operation = STR("Invoke"),
        .region = turn->region,
        .trace = chain_of(records),
        .input = VALUE_MAP(arena, {STR("FunctionName"), value_string(arena, turn->processor)},
            {STR("Payload"), json_as_text(arena, value_with(arena, NULL, STR("Records"), records))})};
    const struct value *output;
    struct activity *activity;
    struct activity_result result;
    struct err err = ERR_INIT;
    if (services_start(services, arena, &request, &output, &activity, &err)) {
        source_print(turn->source, &err);
        services_sleep(services, PAUSE_MS);
        return false;
    }
    bool ended = activity_wait(activity, -1);
    activity_result(activity, arena, &result);
    activity_release(activity);
    *failures = mapping_failures(turn, value_gets(result.output, "Payload"));
    return ended && result.state == ACTIVITY_SUCCEEDED;
}

static void report_discarded(const struct turn *turn, const struct discarded *discarded)
{
    struct arena *arena = turn->arena;
    lambda_outcome_report(turn->source->services, arena,
        &(struct lambda_outcome){.region = turn->region,
            .role = turn->role,
            .by = arena_printf(arena, "event source %s", turn->source->id),
            .to = turn->on_failure,
            .key = arena_printf(arena, "aws/lambda/%s/%s/", turn->source->id, discarded->shard),
            .function = turn->processor,
            .condition = discarded->condition,
            .attempts = discarded->attempts,
            .more = discarded->batch});
}

const struct source_kind lambda_source_kind = {.type = "aws.lambda.event_source_mapping",
    .from = "event_source",
    .state = "state",
    .running = "Enabled",
    .what = "event source",
    .describe = describe_mapping,
    .process = call_function,
    .discard = report_discarded};
