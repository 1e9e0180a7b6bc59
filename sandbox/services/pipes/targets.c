/* Calls of enrichment and target: functions and state machines get all events of a batch at once, other
 * targets one at a time. */
#include "sandbox/services/pipes/pipes.h"

#include "base/clock.h"
#include "base/json.h"
#include "provider/notation/asl_check.h"
#include "sandbox/engine/view.h"
#include "sandbox/services/shared/event_targets.h"

/* Returns [input, …], with each input as JSON or as a string. */
static struct str array_of(const struct pipe_stage *stage)
{
    struct arena *arena = stage->turn->arena;
    AUTO_BUILDER struct value_builder all = VALUE_BUILDER(arena);
    for (uint32_t i = 0; i < stage->inputs->count; i++)
        value_builder_add(&all, json_or_string(arena, stage->inputs->items[i]->string));
    return json_as_text(arena, value_builder_list(&all))->string;
}

static bool calls(const struct pipe_stage *stage, const char *service)
{
    return arn_is_of(stage->arn, service);
}

int64_t pipe_most(struct str arn)
{
    static const struct {
        const char *service, *resource;
        int64_t most;
    } takers[] = {{"logs", "", 10000}, {"lambda", "", 10000}, {"states", "", 10000}, {"firehose", "", 500},
        {"kinesis", "", 500}, {"sqs", "", 10}, {"sns", "", 10}, {"events", "event-bus/", 10}};
    for (size_t i = 0; i < sizeof takers / sizeof *takers; i++)
        if (arn_is_of(arn, takers[i].service) && str_starts(str_part(arn, ':', 5), str_z(takers[i].resource)))
            return takers[i].most;
    return 1;
}

/* ---- batch targets ---- */

static int call_function(const struct pipe_stage *stage, bool waits, struct str *answer, struct err *err)
{
    struct arena *arena = stage->turn->arena;
    const struct value *output;
    const struct value *input = VALUE_MAP(arena, {STR("FunctionName"), value_string(arena, stage->arn)},
        {STR("InvocationType"), value_stringz(arena, waits ? "RequestResponse" : "Event")},
        {STR("Payload"), value_string(arena, array_of(stage))});
    if (source_try(stage->turn, "lambda", "Invoke", input, &output, err))
        return -1;
    *answer = value_gets(output, "Payload");
    return value_gets(output, "FunctionError").n
               ? err_set(err, ERR_SERVICE, "%.*s failed: %.*s", STR_ARG(stage->arn), STR_ARG(*answer))
               : 0;
}

static int call_machine(const struct pipe_stage *stage, bool waits, struct str *answer, struct err *err)
{
    struct arena *arena = stage->turn->arena;
    const struct value *output;
    const struct value *input = VALUE_MAP(arena, {STR("stateMachineArn"), value_string(arena, stage->arn)},
        {STR("input"), value_string(arena, array_of(stage))});
    if (source_try(
            stage->turn, "states", waits ? "StartSyncExecution" : "StartExecution", input, &output, err))
        return -1;
    *answer = value_gets(output, "output");
    return waits && !str_eqz(value_gets(output, "status"), "SUCCEEDED")
               ? err_set(err, ERR_SERVICE, "%.*s failed: %.*s", STR_ARG(stage->arn),
                     STR_ARG(value_gets(output, "cause")))
               : 0;
}

/* ---- single-event targets ---- */

/* Replaces each JSON path in the parameters by what it selects in the event. */
static const struct value *filled_parameters(
    struct arena *arena, const struct value *parameters, const struct value *event)
{
    const char *why;
    AUTO_BUILDER struct value_builder b = VALUE_BUILDER(arena);
    if (parameters->kind == VALUE_STRING && str_starts(parameters->string, STR("$."))) {
        const struct value *found = asl_path_find(arena, parameters->string, event, NULL, &why);
        return value_string(arena, found ? json_or_text(arena, found) : STR_EMPTY);
    }
    for (uint32_t i = 0; parameters->kind == VALUE_LIST && i < parameters->count; i++)
        value_builder_add(&b, filled_parameters(arena, parameters->items[i], event));
    for (uint32_t i = 0; parameters->kind == VALUE_MAP && i < parameters->count; i++)
        value_builder_set(
            &b, parameters->entries[i].key, filled_parameters(arena, parameters->entries[i].value, event));
    return parameters->kind == VALUE_LIST  ? value_builder_list(&b)
           : parameters->kind == VALUE_MAP ? value_builder_map(&b)
                                           : parameters;
}

static const struct value *parameters_for(const struct pipe_stage *stage, uint32_t i)
{
    return stage->parameters
               ? filled_parameters(stage->turn->arena, stage->parameters, stage->events->items[i])
               : &value_empty_map;
}

/* Returns the time of a number of milliseconds or ISO 8601 text; 0: neither. */
static int64_t time_ms_of(struct str text)
{
    int64_t ms;
    return time_parse_rfc3339(text, &ms) || str_to_int(text, &ms) ? ms : 0;
}

/* Converts {A: a} to [{name: A, value: a}]. */
static const struct value *pairs_of(
    struct arena *arena, const struct value *map, const char *key, const char *value)
{
    AUTO_BUILDER struct value_builder b = VALUE_BUILDER(arena);
    for (uint32_t i = 0; map && i < map->count; i++)
        value_builder_add(&b, VALUE_MAP(arena, {str_z(key), value_string(arena, map->entries[i].key)},
                                  {str_z(value), map->entries[i].value}));
    return value_builder_list(&b);
}

/* Converts the overrides to RunTask's form. */
static const struct value *overrides_of(struct arena *arena, const struct value *given)
{
    const struct value *containers = value_as_list(value_getz(given, "container_overrides"));
    AUTO_BUILDER struct value_builder all = VALUE_BUILDER(arena), b = VALUE_BUILDER(arena);
    if (value_is_null(given))
        return NULL;
    for (uint32_t i = 0; i < containers->count; i++) {
        AUTO_BUILDER struct value_builder one = VALUE_BUILDER(arena);
        view_members(
            &one, containers->items[i], "name command cpu memory memoryReservation=memory_reservation");
        value_builder_set(&one, STR("environment"),
            pairs_of(arena, value_getz(containers->items[i], "environment"), "name", "value"));
        value_builder_add(&all, value_builder_map(&one));
    }
    view_members(&b, given, "cpu memory executionRoleArn=execution_role taskRoleArn=task_role");
    value_builder_set(&b, STR("containerOverrides"), value_builder_list(&all));
    return value_builder_map(&b);
}

static struct target target_for(const struct pipe_stage *stage, uint32_t i)
{
    const struct turn *turn = stage->turn;
    const struct value *parameters = parameters_for(stage, i), *sqs = value_getz(parameters, "sqs"),
                       *bus = value_getz(parameters, "event_bus"), *logs = value_getz(parameters, "logs"),
                       *ecs = value_getz(parameters, "ecs");
    struct str partition = value_gets(value_getz(parameters, "kinesis"), "partition_key"),
               at = value_gets(bus, "time"), service = str_part(turn->source_arn, ':', 2);
    return (struct target){.region = turn->region,
        .arn = stage->arn,
        .input = stage->inputs->items[i]->string,
        .message_group = partition.n ? partition : value_gets(sqs, "message_group_id"),
        .message_deduplication = value_gets(sqs, "message_deduplication_id"),
        .source = value_text(
            value_getz(bus, "source"), arena_printf(turn->arena, "Pipe %.*s", STR_ARG(turn->session))),
        .detail_type = value_text(value_getz(bus, "detail_type"),
            arena_printf(turn->arena, "Event from aws:%.*s", STR_ARG(service))),
        .resources = value_getz(bus, "resources"),
        .log_stream = value_gets(logs, "log_stream_name"),
        .time_ms = time_ms_of(at.n ? at : value_gets(logs, "timestamp")),
        .task = ecs,
        .overrides = overrides_of(turn->arena, value_getz(ecs, "overrides")),
        .http = value_getz(parameters, "http"),
        .by = arena_printf(turn->arena, "pipe %.*s", STR_ARG(turn->session)),
        .role = turn->role};
}

static int submit_job(const struct pipe_stage *stage, uint32_t i, struct err *err)
{
    struct arena *arena = stage->turn->arena;
    const struct value *batch = value_getz(parameters_for(stage, i), "batch"), *output;
    AUTO_BUILDER struct value_builder b = VALUE_BUILDER(arena), container = VALUE_BUILDER(arena),
                                      array = VALUE_BUILDER(arena), retries = VALUE_BUILDER(arena);
    view_members(&array, batch, "size=array_size");
    view_members(&retries, batch, "attempts");
    view_members(&container, batch, "command instanceType=instance_type");
    if (value_getz(batch, "environment"))
        value_builder_set(&container, STR("environment"),
            pairs_of(arena, value_getz(batch, "environment"), "name", "value"));
    if (value_getz(batch, "resources"))
        value_builder_set(&container, STR("resourceRequirements"),
            pairs_of(arena, value_getz(batch, "resources"), "type", "value"));
    view_members(&b, batch, "jobName=job_name jobDefinition=job_definition parameters");
    value_builder_set(&b, STR("jobQueue"), value_string(arena, stage->arn));
    if (array.n)
        value_builder_set(&b, STR("arrayProperties"), value_builder_map(&array));
    if (retries.n)
        value_builder_set(&b, STR("retryStrategy"), value_builder_map(&retries));
    if (container.n)
        value_builder_set(&b, STR("containerOverrides"), value_builder_map(&container));
    return source_try(stage->turn, "batch", "SubmitJob", value_builder_map(&b), &output, err);
}

static int execute_statements(const struct pipe_stage *stage, uint32_t i, struct err *err)
{
    struct arena *arena = stage->turn->arena;
    const struct value *data = value_getz(parameters_for(stage, i), "redshift_data"), *output;
    AUTO_BUILDER struct value_builder b = VALUE_BUILDER(arena);
    view_members(&b, data,
        "Database=database DbUser=db_user SecretArn=secret StatementName=statement_name Sqls=sqls "
        "WithEvent=with_event");
    bool serverless = calls(stage, "redshift-serverless"); /* a workgroup may be named by its ARN */
    view_text(&b, serverless ? "WorkgroupName" : "ClusterIdentifier",
        serverless ? stage->arn : str_last_part(stage->arn, ":"));
    return source_try(
        stage->turn, "redshift-data", "BatchExecuteStatement", value_builder_map(&b), &output, err);
}

static int deliver_one(const struct pipe_stage *stage, uint32_t i, struct err *err)
{
    const struct turn *turn = stage->turn;
    if (calls(stage, "batch"))
        return submit_job(stage, i, err);
    if (calls(stage, "redshift") || calls(stage, "redshift-serverless"))
        return execute_statements(stage, i, err);
    const struct target target = target_for(stage, i);
    return target_send(turn->source->services, turn->arena, &target, err);
}

/* ---- enrichment and delivery ---- */

/* Adds the results of a response; an empty response adds none. */
static void add_answers(struct arena *arena, struct value_builder *answers, struct str text)
{
    const struct value *v = json_or_string(arena, text);
    if (!text.n)
        return;
    for (uint32_t i = 0; v->kind == VALUE_LIST && i < v->count; i++)
        value_builder_add(answers, v->items[i]);
    bool nothing = value_is_null(v) || v->kind == VALUE_LIST || (v->kind == VALUE_MAP && !v->count) ||
                   (v->kind == VALUE_STRING && !v->string.n);
    if (!nothing)
        value_builder_add(answers, v);
}

int pipe_enrich(const struct pipe_stage *stage, const struct value **answers, struct err *err)
{
    const struct turn *turn = stage->turn;
    AUTO_BUILDER struct value_builder all = VALUE_BUILDER(turn->arena);
    struct str answer = STR_EMPTY;
    bool function = calls(stage, "lambda"), at_once = function || calls(stage, "states");
    if (at_once && (function ? call_function : call_machine)(stage, true, &answer, err))
        return -1;
    add_answers(turn->arena, &all, answer);
    for (uint32_t i = 0; !at_once && i < stage->inputs->count; i++) {
        const struct target target = target_for(stage, i);
        if (!calls(stage, "events"))
            return err_set(err, ERR_INVALID, "the sandbox cannot call %.*s", STR_ARG(stage->arn));
        if (target_call_api(turn->source->services, turn->arena, &target, &answer, err))
            return -1;
        add_answers(turn->arena, &all, answer);
    }
    *answers = value_builder_list(&all);
    return 0;
}

int pipe_deliver(
    const struct pipe_stage *stage, uint32_t *done, const struct value **failures, struct err *err)
{
    bool function = calls(stage, "lambda");
    const struct value *settings = value_getz(stage->parameters, function ? "lambda" : "stepfunctions"),
                       *reported;
    struct str answer = STR_EMPTY;
    int64_t most = pipe_most(stage->arn);
    if (stage->inputs->count > most)
        return err_set(err, ERR_INVALID, "%.*s takes %lld events in a batch, not %u", STR_ARG(stage->arn),
            (long long)most, stage->inputs->count);
    if (function || calls(stage, "states")) {
        bool waits = !str_eqz(value_gets(settings, "invocation_type"), "FIRE_AND_FORGET");
        if ((function ? call_function : call_machine)(stage, waits, &answer, err))
            return -1;
        if (waits && answer.n && !json_parse(stage->turn->arena, answer, &reported, ERR_IGNORED))
            *failures = value_as_list(value_getz(reported, "batchItemFailures"));
        return 0;
    }
    for (*done = 0; *done < stage->inputs->count; ++*done)
        if (deliver_one(stage, *done, err))
            return -1;
    return 0;
}
