/* Pipes as clients see them, the processing of batches, and execution logs: see pipes.h. */
#include "sandbox/services/pipes/pipes.h"

#include "base/clock.h"
#include "base/hash.h"
#include "base/json.h"
#include "provider/notation/asl_check.h"
#include "sandbox/engine/view.h"
#include "sandbox/services/shared/event_targets.h"
#include "sandbox/services/shared/tables.h"

/* ---- Execution logs: a record for each step, sent to a log group, a Firehose stream and a bucket.
 * https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-pipes-logs.html ---- */

enum { MAX_PAYLOAD = 250000 }; /* a record has up to 256 KiB */

static const char *const levels[] = {"OFF", "ERROR", "INFO", "TRACE"};

static size_t level_of(struct str name)
{
    size_t level = sizeof levels / sizeof *levels - 1;
    while (level && !str_eqz(name, levels[level]))
        level--;
    return level;
}

static struct pipe_log pipe_log_open(const struct turn *turn)
{
    const struct value *settings = value_getz(turn->attrs, "log_configuration");
    return (struct pipe_log){.turn = turn,
        .settings = settings,
        .level = level_of(value_gets(settings, "level")),
        .execution = uuid_random(turn->arena)};
}

/* Returns the level of a step: failures are ERROR, executions and stages INFO, other steps TRACE. */
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

/* Logs a step, such as TARGET, INVOCATION_FAILED. payload and why may be NULL. */
static void pipe_log_step(const struct pipe_log *log, const char *stage, const char *step,
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

/* ---- Pipes as clients see them: a pipe whose role may not read its source is shown as failed ---- */

enum { MAX_SHOWN = 100 };

/* Permissions needed to read a source. */
static const struct {
    const char *service, *called, *actions;
} readings[] = {
    {"sqs", "SQS", "sqs:ReceiveMessage sqs:DeleteMessage sqs:GetQueueAttributes"},
    {"kinesis", "Kinesis", "kinesis:GetRecords kinesis:GetShardIterator kinesis:DescribeStream"},
    {"dynamodb", "DynamoDB", "dynamodb:GetRecords dynamodb:GetShardIterator dynamodb:DescribeStream"},
};

/* Returns AWS's message if the pipe's role may not read its source; "": it may. */
static struct str pipe_refused(
    struct services *services, struct arena *arena, const struct control_record *pipe)
{
    struct str source = value_gets(pipe->attrs, "source"), service = str_part(source, ':', 2);
    struct gate *gate = sandbox_gate(services_sandbox(services));
    const struct session session = services_role_session(value_gets(pipe->attrs, "role"), pipe->id);
    struct gate_action asked = {
        .who = {.session = &session}, .service = service, .resource = source, .region = pipe->region};
    for (size_t i = 0; i < sizeof readings / sizeof *readings; i++)
        for (struct str rest = str_z(readings[i].actions); str_eqz(service, readings[i].service) && rest.p;) {
            asked.action = str_cut(rest, ' ', &rest);
            if (gate_check_action(gate, arena, &asked, ERR_IGNORED))
                return arena_printf(arena,
                    "Input parameter is invalid from the request due to : The provided customer role does "
                    "not have permissions to call %.*s on %s",
                    STR_ARG(str_last_part(asked.action, ":")), readings[i].called);
        }
    return STR_EMPTY;
}

/* Returns the shown pipe with its state corrected. */
static const struct value *pipe_shown(struct service_call *call, const struct value *shown)
{
    struct control_record pipe;
    if (!str_eqz(value_gets(shown, "CurrentState"), "RUNNING") ||
        !service_find(call, STR("aws.pipes.pipe"), value_gets(shown, "Name"), &pipe))
        return shown;
    struct str why = pipe_refused(call->services, call->arena, &pipe);
    const char *failed = pipe.changed_ms > pipe.created_ms ? "UPDATE_FAILED" : "CREATE_FAILED";
    return !why.n ? shown
                  : value_merge(call->arena, shown,
                        VALUE_MAP(call->arena, {STR("CurrentState"), value_stringz(call->arena, failed)},
                            {STR("StateReason"), value_string(call->arena, why)}));
}

static int do_describe_pipe(struct service_call *call, struct err *err)
{
    return service_control_shown(call, "", pipe_shown, err);
}

/* The filter CurrentState applies to the corrected states, so pages are made here. */
static int do_list_pipes(struct service_call *call, struct err *err)
{
    AUTO_BUILDER struct value_builder all = VALUE_BUILDER(call->arena);
    struct str state = value_gets(call->input, "CurrentState");
    const struct str own[] = {STR("CurrentState"), STR("Limit"), STR("NextToken")};
    const struct value *wanted = value_without(call->arena, call->input, own, 3), *found;
    if (service_control(call, "ListPipes", wanted, &found, err))
        return -1;
    const struct value *pipes = value_as_list(value_getz(found, "Pipes"));
    for (uint32_t i = 0; i < pipes->count; i++) {
        const struct value *shown = pipe_shown(call, pipes->items[i]);
        if (!state.n || str_eq(value_gets(shown, "CurrentState"), state))
            value_builder_add(&all, shown);
    }
    return service_answer_page(call, "Pipes", value_builder_list(&all), MAX_SHOWN, err);
}

const struct service_operation pipes_operations[] = {
    {"pipes", "DescribePipe", do_describe_pipe},
    {"pipes", "ListPipes", do_list_pipes},
    {0},
};

enum { STREAM_BATCH = 100, QUEUE_BATCH = 10 };

/* ---- inputs ---- */

/* Parses the body of a message and the data of a Kinesis record as JSON, so that templates can refer to
 * parts. */
static const struct value *with_body_read(struct arena *arena, const struct value *event)
{
    const struct value *body = value_getz(event, "body");
    struct str plain;
    if (body && body->kind == VALUE_STRING)
        event = value_with(arena, event, STR("body"), json_or_string(arena, body->string));
    if (base64_decode(arena, value_gets(event, "data"), &plain) && plain.n)
        event = value_with(arena, event, STR("data"), json_or_string(arena, plain));
    return event;
}

/* An event for a template: as received, and with its body parsed. */
struct templated {
    const struct turn *turn;
    const struct value *raw, *event;
};

static const struct value *pipe_variable(const void *ctx, struct arena *arena, struct str name)
{
    static const struct {
        const char *name, *attribute;
    } of_pipe[] = {{"pipe-name", "name"}, {"source-arn", "source"}, {"enrichment-arn", "enrichment"},
        {"target-arn", "target"}};
    const struct templated *of = ctx;
    const char *why;
    if (str_starts(name, STR("$")))
        return asl_path_find(arena, name, of->event, NULL, &why);
    if (!str_starts(name, STR("aws.pipes.")))
        return NULL;
    name = str_slice(name, 10, name.n);
    for (size_t i = 0; i < sizeof of_pipe / sizeof *of_pipe; i++)
        if (str_eqz(name, of_pipe[i].name))
            return value_getz(of->turn->attrs, of_pipe[i].attribute);
    return str_eqz(name, "pipe-arn")     ? value_string(arena, of->turn->processor)
           : str_eqz(name, "event")      ? of->raw
           : str_eqz(name, "event.json") ? of->event
           : str_eqz(name, "event.ingestion-time")
               ? value_string(arena, time_rfc3339(arena, clock_wall_ms(), true))
               : NULL;
}

/* Prepares a stage. `own`: the events come from the source, not from the enrichment. */
static struct pipe_stage stage_of(
    const struct turn *turn, const char *calls, const char *with, const struct value *events, bool own)
{
    struct arena *arena = turn->arena;
    struct pipe_stage stage = {
        .turn = turn, .arn = value_gets(turn->attrs, calls), .parameters = value_getz(turn->attrs, with)};
    struct str template = value_gets(stage.parameters, "input_template");
    AUTO_BUILDER struct value_builder inputs = VALUE_BUILDER(arena), all = VALUE_BUILDER(arena);
    for (uint32_t i = 0; i < events->count; i++) {
        const struct value *raw = events->items[i], *event = own ? with_body_read(arena, raw) : raw;
        struct str input = !template.n ? input_event(arena, raw)
                                       : input_template(arena, template, false, pipe_variable,
                                             &(struct templated){turn, raw, event});
        value_builder_add(&all, event);
        value_builder_add(&inputs, value_string(arena, input));
    }
    stage.events = value_builder_list(&all);
    stage.inputs = value_builder_list(&inputs);
    return stage;
}

/* ---- batches ---- */

/* Returns the items from `from` on as batchItemFailures. */
static const struct value *undone(const struct turn *turn, const struct value *records, uint32_t from)
{
    AUTO_BUILDER struct value_builder failures = VALUE_BUILDER(turn->arena);
    for (uint32_t i = from; i < records->count; i++) {
        const struct value *id =
            value_getz(records->items[i], turn->source->streams ? "eventID" : "messageId");
        value_builder_add(&failures, value_with(turn->arena, NULL, STR("itemIdentifier"), id));
    }
    return value_builder_list(&failures);
}

/* ---- enrichment and target, with their log records ---- */

static void log_entry(const struct pipe_log *log, const char *name, const struct pipe_stage *stage)
{
    pipe_log_step(log, name, "STAGE_ENTERED", stage->events, NULL);
    if (value_gets(stage->parameters, "input_template").n) {
        pipe_log_step(log, name, "TRANSFORMATION_STARTED", stage->events, NULL);
        pipe_log_step(log, name, "TRANSFORMATION_SUCCEEDED", stage->inputs, NULL);
    }
    pipe_log_step(
        log, name, stage->inputs->count ? "INVOCATION_STARTED" : "INVOCATION_SKIPPED", stage->inputs, NULL);
}

static int enrich_events(
    const struct pipe_log *log, const struct value *records, const struct value **events, struct err *err)
{
    const struct pipe_stage stage = stage_of(log->turn, "enrichment", "enrichment_parameters", records, true);
    *events = records;
    if (!stage.arn.n)
        return 0;
    log_entry(log, "ENRICHMENT", &stage);
    if (pipe_enrich(&stage, events, err)) {
        pipe_log_step(log, "ENRICHMENT", "INVOCATION_FAILED", stage.inputs, err);
        return -1;
    }
    pipe_log_step(log, "ENRICHMENT", "INVOCATION_SUCCEEDED", *events, NULL);
    pipe_log_step(log, "ENRICHMENT", "STAGE_EXITED", *events, NULL);
    return 0;
}

/* Sends the events to the target. -1: the whole batch failed. *failures: failed items, or NULL. */
static int deliver_events(const struct pipe_log *log, const struct value *records, const struct value *events,
    const struct value **failures, struct err *err)
{
    const struct turn *turn = log->turn;
    uint32_t done = 0;
    const struct pipe_stage stage = stage_of(turn, "target", "target_parameters", events, events == records);
    log_entry(log, "TARGET", &stage);
    int status = events->count ? pipe_deliver(&stage, &done, failures, err) : 0;
    if (status) {
        source_print(turn->source, err);
        *failures = undone(turn, records, done);
        status = done && events->count == records->count ? 0 : -1;
    }
    const char *how = status                            ? "INVOCATION_FAILED"
                      : value_as_list(*failures)->count ? "INVOCATION_PARTIALLY_FAILED"
                                                        : "INVOCATION_SUCCEEDED";
    if (events->count)
        pipe_log_step(log, "TARGET", how, stage.inputs, *err->message ? err : NULL);
    if (!status)
        pipe_log_step(log, "TARGET", "STAGE_EXITED", NULL, NULL);
    return status;
}

static bool process_batch(const struct turn *turn, const struct value *records, const struct value **failures)
{
    const struct pipe_log log = pipe_log_open(turn);
    const struct value *events;
    struct err err = ERR_INIT;
    pipe_log_step(&log, "EXECUTION", "STARTED", records, NULL);
    bool enriched = !enrich_events(&log, records, &events, &err);
    if (!enriched)
        source_print(turn->source, &err);
    bool done = enriched && !deliver_events(&log, records, events, failures, &err);
    pipe_log_step(&log, "EXECUTION",
        !done                             ? "FAILED"
        : value_as_list(*failures)->count ? "PARTIALLY_FAILED"
                                          : "SUCCEEDED",
        NULL, *err.message ? &err : NULL);
    return done;
}

/* Sets a batch size that enrichment and target can take, if the pipe sets none. */
static const struct value *with_batch_size(const struct turn *turn, const struct value *settings)
{
    struct str enrichment = value_gets(turn->attrs, "enrichment");
    int64_t most = pipe_most(value_gets(turn->attrs, "target")),
            enriched = enrichment.n ? pipe_most(enrichment) : most,
            usual = turn->source->streams ? STREAM_BATCH : QUEUE_BATCH;
    most = enriched < most ? enriched : most;
    return value_getz(settings, "batch_size") || most >= usual
               ? settings
               : value_with(turn->arena, settings, STR("batch_size"), value_int(turn->arena, most));
}

static void describe_pipe(struct services *services, const struct control_record *pipe, struct turn *turn)
{
    const struct value *parameters = value_getz(pipe->attrs, "source_parameters");
    turn->session = pipe->id;
    turn->processor = arena_printf(turn->arena, "arn:aws:pipes:%.*s:%.*s:pipe/%.*s", STR_ARG(pipe->region),
        STR_ARG(services_account(services)), STR_ARG(pipe->id));
    turn->role = value_gets(pipe->attrs, "role");
    turn->settings = with_batch_size(turn, value_get(parameters, str_part(turn->source_arn, ':', 2)));
    turn->filters = value_getz(parameters, "filters");
    turn->on_failure = value_gets(turn->settings, "dead_letter_queue");
    turn->halves = str_eqz(value_gets(turn->settings, "on_partial_batch_item_failure"), "AUTOMATIC_BISECT");
    struct err err = ERR_INIT;
    struct str why = STR_EMPTY;
    if (turn->paused)
        return;
    if (!gate_trusts(sandbox_gate(services_sandbox(services)), turn->arena, turn->role,
            STR("pipes.amazonaws.com"), turn->processor))
        why = arena_printf(
            turn->arena, "pipes.amazonaws.com may not assume the role %.*s", STR_ARG(turn->role));
    else
        why = pipe_refused(services, turn->arena, pipe);
    turn->paused = why.n;
    if (!why.n)
        return;
    service_refuse(&err, 400, "AccessDeniedException", "%.*s", STR_ARG(why));
    source_print(turn->source, &err);
}

static void keep_discarded(const struct turn *turn, const struct discarded *discarded)
{
    struct arena *arena = turn->arena;
    const struct value *context =
        VALUE_MAP(arena, {STR("partnerResourceArn"), value_string(arena, turn->processor)},
            {STR("condition"), value_stringz(arena, discarded->condition)},
            {STR("approximateInvokeCount"), value_int(arena, discarded->attempts)});
    const struct value *message =
        VALUE_MAP(arena, {STR("context"), context}, {STR("version"), value_stringz(arena, "1.0")},
            {STR("timestamp"), value_string(arena, time_rfc3339(arena, clock_wall_ms(), true))});
    target_deliver(turn->source->services,
        &(struct target){.region = turn->region,
            .arn = turn->on_failure,
            .input = json_or_text(arena, value_merge(arena, message, discarded->batch)),
            .by = arena_printf(arena, "pipe %.*s", STR_ARG(turn->session)),
            .role = turn->role});
}

const struct source_kind pipe_source_kind = {.type = "aws.pipes.pipe",
    .from = "source",
    .state = "current_state",
    .running = "RUNNING",
    .what = "pipe",
    .flat = true,
    .describe = describe_pipe,
    .process = process_batch,
    .discard = keep_discarded};
