/* Calls targets of rules, schedules and topics, and fills in input templates: see event_targets.h. */
#include "sandbox/services/shared/event_targets.h"

#include "base/clock.h"
#include "base/hash.h"
#include "base/json.h"
#include "sandbox/engine/logs.h"
#include "sandbox/engine/view.h"

#include <ctype.h>
#include <inttypes.h>
#include <stdio.h>

/* ---- input templates ---- */

/* Writes an event with its members in AWS's order, and any other value as it is. */
static void add_event(struct buf *out, const struct value *v)
{
    static const char *const members[] = {
        "version", "id", "detail-type", "source", "account", "time", "region", "resources", "detail"};
    enum { N = sizeof members / sizeof *members };
    size_t n = 0;
    for (size_t i = 0; i < N; i++)
        n += value_getz(v, members[i]) != NULL;
    if (n < N - 1 || n != v->count) {
        json_write(out, v, JSON_PLAIN);
        return;
    }
    for (size_t i = 0; i < N; i++) {
        const struct value *member = value_getz(v, members[i]);
        if (!member)
            continue;
        buf_addf(out, "%c\"%s\":", i ? ',' : '{', members[i]);
        json_write(out, member, JSON_PLAIN);
    }
    buf_add_char(out, '}');
}

struct str input_event(struct arena *arena, const struct value *v)
{
    AUTO_BUF struct buf out = BUF_INIT;
    add_event(&out, v);
    return arena_str(arena, buf_str(&out));
}

/* Writes a placeholder's value. Inside quotes a string loses its own quotes; other values lose theirs if the
 * template is a plain string (`text`). */
static void add_variable(struct buf *out, const struct value *v, bool quoted, bool text)
{
    AUTO_BUF struct buf json = BUF_INIT;
    add_event(&json, v);
    struct str written = buf_str(&json);
    if (quoted && v->kind == VALUE_STRING)
        written = str_slice(written, 1, written.n - 1);
    else if (quoted && text)
        for (struct str rest = written; rest.p; written = rest)
            buf_add_str(out, str_cut(rest, '"', &rest));
    buf_add_str(out, written);
}

struct str input_template(
    struct arena *arena, struct str template, bool text, input_variable *variable, const void *ctx)
{
    AUTO_BUF struct buf out = BUF_INIT;
    bool quoted = false, escaped = false;
    for (size_t i = 0; i < template.n; i++) {
        char c = template.p[i];
        ptrdiff_t end = c == '<' ? str_find_char(template, '>', i) : -1;
        if (end > 0) {
            const struct value *v = variable(ctx, arena, str_slice(template, i + 1, (size_t)end));
            if (v)
                add_variable(&out, v, quoted, text);
            i = (size_t)end;
            continue;
        }
        quoted ^= c == '"' && !escaped;
        escaped = c == '\\' && !escaped;
        buf_add_char(&out, c);
    }
    return arena_str(arena, buf_str(&out));
}

#define API "api-destination/"

/* arn:aws:SERVICE:REGION:ACCOUNT:RESOURCE */
struct arn {
    struct str service, region, resource;
};

static bool read_arn(struct str text, struct arn *out)
{
    struct str rest = text, parts[5];
    for (int i = 0; i < 5; i++)
        parts[i] = str_cut(rest, ':', &rest);
    *out = (struct arn){parts[2], parts[3], rest.p ? rest : STR_EMPTY};
    return str_eqz(parts[0], "arn") && rest.p;
}

/* Returns the last word of `by`: "nightly" of "schedule nightly". */
static struct str session_name(struct str by)
{
    return str_last_part(by, " ");
}

/* Returns the caller: the target's role, or the service if the target has no role. */
static struct gate_caller caller_of(const struct target *target, struct session *session)
{
    *session = services_role_session(target->role, session_name(target->by));
    return (struct gate_caller){.session = target->role.n ? session : NULL,
        .service = target->role.n ? STR_EMPTY : target->service,
        .source_arn = target->source_arn};
}

static int targets_call(struct services *services, struct arena *arena, const struct arn *arn,
    const struct target *target, const char *operation, const struct value *input, struct err *err)
{
    const struct value *output;
    struct session session;
    const struct gate_caller caller = caller_of(target, &session);
    const struct service_request request = {.service = arn->service,
        .operation = str_z(operation),
        .region = arn->region.n ? arn->region : target->region,
        .input = input,
        .trace = target->trace,
        .as = &caller};
    return services_call(services, arena, &request, &output, err);
}

const struct value *target_attribute(struct arena *arena, const char *type, struct str text)
{
    return VALUE_MAP(arena, {STR("DataType"), value_stringz(arena, type)},
        {STR("StringValue"), value_string(arena, text)});
}

/* ---- target types ---- */

static int to_function(struct services *services, struct arena *arena, const struct arn *arn,
    const struct target *target, struct err *err)
{
    AUTO_BUF struct buf payload = BUF_INIT;
    json_write(&payload, json_or_string(arena, target->input), JSON_PLAIN);
    return targets_call(services, arena, arn, target, "Invoke",
        VALUE_MAP(arena, {STR("FunctionName"), value_string(arena, target->arn)},
            {STR("InvocationType"), value_stringz(arena, "Event")},
            {STR("Payload"), value_string(arena, buf_str(&payload))}),
        err);
}

static int to_machine(struct services *services, struct arena *arena, const struct arn *arn,
    const struct target *target, struct err *err)
{
    return targets_call(services, arena, arn, target, "StartExecution",
        VALUE_MAP(arena, {STR("stateMachineArn"), value_string(arena, target->arn)},
            {STR("input"), value_string(arena, target->input)}),
        err);
}

static int to_queue(struct services *services, struct arena *arena, const struct arn *arn,
    const struct target *target, struct err *err)
{
    struct value_builder b = VALUE_BUILDER(arena);
    value_builder_set(&b, STR("QueueUrl"), value_string(arena, target->arn));
    value_builder_set(&b, STR("MessageBody"), value_string(arena, target->input));
    view_text(&b, "MessageGroupId", target->message_group);
    view_text(&b, "MessageDeduplicationId", target->message_deduplication);
    view_set(&b, "MessageAttributes", target->message_attributes);
    return targets_call(services, arena, arn, target, "SendMessage", value_builder_map(&b), err);
}

static int may_log(struct services *services, struct arena *arena, const struct log_location *place,
    const struct target *target, struct err *err)
{
    static const char *const actions[] = {"logs:CreateLogStream", "logs:PutLogEvents"};
    struct session session;
    struct gate_action asked = {.who = caller_of(target, &session),
        .service = STR("logs"),
        .resource = arena_printf(arena, "arn:aws:logs:%.*s:%.*s:log-group:%.*s:log-stream:%.*s",
            STR_ARG(place->region), STR_ARG(services_account(services)), STR_ARG(place->group),
            STR_ARG(place->stream)),
        .region = place->region};
    for (size_t i = 0; i < sizeof actions / sizeof *actions; i++) {
        asked.action = str_z(actions[i]);
        if (gate_check_action(sandbox_gate(services_sandbox(services)), arena, &asked, err))
            return -1;
    }
    return 0;
}

/* Appends one log event; without a given log stream it goes to a new stream. */
static int to_log_group(struct services *services, struct arena *arena, const struct arn *arn,
    const struct target *target, struct err *err)
{
    struct str group = str_slice(arn->resource, 10, arn->resource.n);
    if (str_ends(group, STR(":*")))
        group = str_slice(group, 0, group.n - 2);
    const struct log_location place = {arn->region.n ? arn->region : target->region, group,
        target->log_stream.n ? target->log_stream : uuid_random(arena)};
    struct control_record record;
    if (!control_find(
            services_control(services), arena, STR("aws.logs.log_group"), place.region, group, &record))
        return service_refuse(
            err, 400, "ResourceNotFoundException", "The specified log group does not exist.");
    if (may_log(services, arena, &place, target, err))
        return -1;
    const struct log_entry event = {
        .time_ms = target->time_ms ? target->time_ms : clock_wall_ms(), .message = target->input};
    logs_forget(services_logs(services), place.region, group, record.created_ms);
    enum logs_result made = logs_create(services_logs(services), &place);
    if ((made != LOGS_OK && made != LOGS_EXISTS) ||
        logs_append(services_logs(services), &place, &event, 1) != LOGS_OK)
        return err_set(err, ERR_IO, "the log group cannot be written to");
    return 0;
}

static int to_topic(struct services *services, struct arena *arena, const struct arn *arn,
    const struct target *target, struct err *err)
{
    struct value_builder b = VALUE_BUILDER(arena);
    view_text(&b, "TopicArn", target->arn);
    view_text(&b, "Message", target->input);
    view_text(&b, "Subject", target->subject);
    view_set(&b, "MessageAttributes", target->message_attributes);
    return targets_call(services, arena, arn, target, "Publish", value_builder_map(&b), err);
}

/* Puts the input as an object with the key PREFIX2026/11/21/2026-11-21T10.30.00-ID. */
static int to_bucket(struct services *services, struct arena *arena, const struct arn *arn,
    const struct target *target, struct err *err)
{
    struct str day = time_rfc3339(arena, clock_wall_ms(), false);
    char *time = arena_strz(arena, str_slice(day, 0, 19));
    for (char *c = time; *c; c++)
        *c = (char)(*c == ':' ? '.' : *c);
    struct str key = arena_printf(arena, "%.*s%.4s/%.2s/%.2s/%s-%s", STR_ARG(target->object_key), time,
        time + 5, time + 8, time, uuid_random(arena).p);
    return targets_call(services, arena, arn, target, "PutObject",
        VALUE_MAP(arena, {STR("Bucket"), value_string(arena, arn->resource)},
            {STR("Key"), value_string(arena, key)}, {STR("Body"), value_string(arena, target->input)}),
        err);
}

static int to_bus(struct services *services, struct arena *arena, const struct arn *arn,
    const struct target *target, struct err *err)
{
    const struct value *entry =
        VALUE_MAP(arena, {STR("EventBusName"), value_string(arena, str_last_part(arn->resource, "/"))},
            {STR("Source"), value_string(arena, target->source)},
            {STR("DetailType"), value_string(arena, target->detail_type)},
            {STR("Resources"), target->resources ? target->resources : &value_empty_list},
            {STR("Detail"), value_string(arena, target->input)});
    if (target->time_ms)
        entry = value_with(arena, entry, STR("Time"), value_int(arena, target->time_ms / 1000));
    return targets_call(services, arena, arn, target, "PutEvents",
        value_with(arena, NULL, STR("Entries"), value_list(arena, &entry, 1)), err);
}

/* Runs an ECS task. The input is used as its overrides only if it has containerOverrides, which an event does
 * not. */
static int to_cluster(struct services *services, struct arena *arena, const struct arn *arn,
    const struct target *target, struct err *err)
{
    AUTO_BUILDER struct value_builder b = VALUE_BUILDER(arena);
    const struct value *given = json_or_string(arena, target->input);
    if (value_is_null(target->task))
        return err_set(err, ERR_INVALID, "%.*s says no task", STR_ARG(target->by));
    value_builder_set(&b, STR("cluster"), value_string(arena, target->arn));
    view_members(&b, target->task,
        "taskDefinition=task_definition count=task_count launchType=launch_type "
        "platformVersion=platform_version");
    if (target->overrides || value_getz(given, "containerOverrides"))
        value_builder_set(&b, STR("overrides"), target->overrides ? target->overrides : given);
    const struct value *subnets = value_getz(target->task, "subnets");
    if (!value_is_null(subnets)) {
        struct value_builder vpc = VALUE_BUILDER(arena);
        view_set(&vpc, "subnets", subnets);
        view_set(&vpc, "securityGroups", value_getz(target->task, "security_groups"));
        view_text(&vpc, "assignPublicIp",
            value_getb(target->task, "assign_public_ip") ? STR("ENABLED") : STR("DISABLED"));
        view_set(&b, "networkConfiguration",
            value_with(arena, NULL, STR("awsvpcConfiguration"), value_builder_map(&vpc)));
    }
    return targets_call(services, arena, arn, target, "RunTask", value_builder_map(&b), err);
}

/* Calls api-destination/NAME/ID, if the caller may do events:InvokeApiDestination. */
int target_call_api(struct services *services, struct arena *arena, const struct target *target,
    struct str *answer, struct err *err)
{
    struct arn arn;
    struct session session;
    read_arn(target->arn, &arn);
    const struct gate_action asked = {.who = caller_of(target, &session),
        .service = arn.service,
        .action = STR("events:InvokeApiDestination"),
        .resource = target->arn,
        .region = arn.region};
    return gate_check_action(sandbox_gate(services_sandbox(services)), arena, &asked, err)
               ? -1
               : api_destination_call(
                     services, arena, target, arn.region, str_part(arn.resource, '/', 1), answer, err);
}

static int to_api(struct services *services, struct arena *arena, const struct arn *arn UNUSED,
    const struct target *target, struct err *err)
{
    struct str answer;
    return target_call_api(services, arena, target, &answer, err);
}

/* A universal target of Scheduler, arn:aws:scheduler:::aws-sdk:glue:startJobRun: calls any operation. */
static int to_operation(struct services *services, struct arena *arena, const struct arn *arn,
    const struct target *target, struct err *err)
{
    struct str action, rest = arn->resource;
    str_cut(rest, ':', &rest);
    struct arn called = {
        .service = services_sdk_service(str_cut(rest, ':', &action)), .region = target->region};
    if (!action.n)
        return err_set(err, ERR_INVALID, "%.*s names no operation", STR_ARG(target->arn));
    char *operation = arena_strz(arena, action);
    operation[0] = (char)toupper((unsigned char)operation[0]);
    const struct value *input = json_or_string(arena, target->input);
    return targets_call(services, arena, &called, target, operation, value_as_map(input), err);
}

static int to_stream(struct services *services, struct arena *arena, const struct arn *arn,
    const struct target *target, struct err *err)
{
    struct str key = target->message_group.n ? target->message_group : uuid_random(arena);
    return targets_call(services, arena, arn, target, "PutRecord",
        VALUE_MAP(arena, {STR("StreamARN"), value_string(arena, target->arn)},
            {STR("Data"), value_string(arena, base64_encode(arena, target->input))},
            {STR("PartitionKey"), value_string(arena, key)}),
        err);
}

static int to_firehose(struct services *services, struct arena *arena, const struct arn *arn,
    const struct target *target, struct err *err)
{
    const struct value *data = value_string(arena, base64_encode(arena, target->input));
    return targets_call(services, arena, arn, target, "PutRecord",
        VALUE_MAP(arena, {STR("DeliveryStreamName"), value_string(arena, str_last_part(arn->resource, "/"))},
            {STR("Record"), value_with(arena, NULL, STR("Data"), data)}),
        err);
}

static const struct {
    const char *service, *resource; /* prefix of the ARN's resource part */
    int (*deliver)(struct services *services, struct arena *arena, const struct arn *arn,
        const struct target *target, struct err *err);
} kinds[] = {
    {"lambda", "function:", to_function},
    {"states", "stateMachine:", to_machine},
    {"sqs", "", to_queue},
    {"sns", "", to_topic},
    {"s3", "", to_bucket},
    {"logs", "log-group:", to_log_group},
    {"events", "event-bus/", to_bus},
    {"events", API, to_api},
    {"ecs", "cluster/", to_cluster},
    {"kinesis", "stream/", to_stream},
    {"firehose", "deliverystream/", to_firehose},
    {"scheduler", "aws-sdk:", to_operation},
};

int target_send(struct services *services, struct arena *arena, const struct target *target, struct err *err)
{
    struct arn arn;
    if (target->role.n && target->service.n &&
        !gate_trusts(sandbox_gate(services_sandbox(services)), arena, target->role, target->service,
            target->source_arn))
        return service_refuse(err, 400, "AccessDeniedException", "%.*s may not assume the role %.*s",
            STR_ARG(target->service), STR_ARG(target->role));
    if (!read_arn(target->arn, &arn))
        return err_set(err, ERR_INVALID, "\"%.*s\" is not an ARN", STR_ARG(target->arn));
    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++)
        if (str_eqz(arn.service, kinds[i].service) && str_starts(arn.resource, str_z(kinds[i].resource)))
            return kinds[i].deliver(services, arena, &arn, target, err);
    return err_set(err, ERR_INVALID, "the sandbox cannot start %.*s", STR_ARG(target->arn));
}

/* Returns the message attributes that describe a failed delivery in the dead-letter queue. */
static const struct value *why_dead(struct arena *arena, const struct target *target,
    const struct target_retries *retries, const struct err *err)
{
    struct value_entry entries[] = {
        {STR("ERROR_CODE"),
            target_attribute(arena, "String", str_z(err->code[0] ? err->code : "INVALID_TARGET"))},
        {STR("ERROR_MESSAGE"), target_attribute(arena, "String", str_z(err->message))},
        {STR("TARGET_ARN"), target_attribute(arena, "String", target->arn)},
        {STR("RULE_ARN"), target_attribute(arena, "String", target->rule)},
    };
    const struct value *why = value_map(arena, entries, target->rule.n ? 4 : 3);
    if (!retries->exhausted)
        return why;
    return value_merge(arena, why,
        VALUE_MAP(arena,
            {STR("EXHAUSTED_RETRY_CONDITION"), target_attribute(arena, "String", str_z(retries->exhausted))},
            {STR("RETRY_ATTEMPTS"),
                target_attribute(arena, "String", arena_printf(arena, "%" PRId64, retries->attempts))}));
}

void target_keep(struct services *services, struct arena *arena, const struct target *target,
    const struct target_retries *retries, const struct err *why)
{
    struct err lost = ERR_INIT;
    struct target letters = *target;
    letters.arn = target->dead_letter_queue;
    if (str_eqz(target->service, "events.amazonaws.com"))
        letters.role = STR_EMPTY; /* the queue's policy allows the service; schedules use their role */
    if (target->letter.n)
        letters.input = target->letter;
    else
        letters.message_attributes = why_dead(arena, target, retries, why);
    if (letters.arn.n && !target_send(services, arena, &letters, &lost))
        return;
    fprintf(stderr, "sandbox: %.*s: %s\n", STR_ARG(target->by), why->message);
}

void target_deliver(struct services *services, const struct target *target)
{
    struct arn arn;
    AUTO_ARENA struct arena arena = ARENA_INIT;
    struct err err = ERR_INIT;
    if (read_arn(target->arn, &arn) && str_eqz(arn.service, "events") && str_starts(arn.resource, STR(API)))
        outside_call(services, target);
    else if (target_send(services, &arena, target, &err))
        target_keep(services, &arena, target, &(struct target_retries){0}, &err);
}
