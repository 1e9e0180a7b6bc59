/* Matches events with rules, makes the input of targets, and manages a bus's policy. */
#include "sandbox/services/events/events.h"

#include "base/clock.h"
#include "base/hash.h"
#include "base/json.h"
#include "sandbox/asl/asl_internal.h"
#include "sandbox/engine/view.h"
#include "sandbox/notation/languages.h"
#include "sandbox/services/shared/event_targets.h"
#include "sandbox/services/shared/permissions.h"
#include "sandbox/services/shared/tables.h"

/* ---- Input of a rule's target: the event, a part of it, a constant, or a transformed text ---- */

struct transformed {
    const struct control_record *rule;
    const struct value *paths, *event;
};

/* Returns the value of a placeholder; a path that is not found is an empty string. */
static const struct value *rule_variable(const void *ctx, struct arena *arena, struct str name)
{
    const struct transformed *of = ctx;
    const char *why;
    if (str_eqz(name, "aws.events.rule-arn"))
        return value_getz(of->rule->attrs, "arn");
    if (str_eqz(name, "aws.events.rule-name"))
        return value_getz(of->rule->attrs, "name");
    if (str_eqz(name, "aws.events.event.ingestion-time"))
        return value_getz(of->event, "time");
    if (str_eqz(name, "aws.events.event.json"))
        return of->event;
    if (str_eqz(name, "aws.events.event")) { /* without detail, and with detailType */
        const struct str left[] = {STR("detail"), STR("detail-type")};
        return value_with(arena, value_without(arena, of->event, left, 2), STR("detailType"),
            value_getz(of->event, "detail-type"));
    }
    struct str path = value_text(value_get(of->paths, name), STR_EMPTY);
    const struct value *found = path.n ? asl_path_find(arena, path, of->event, NULL, &why) : NULL;
    return found ? found : &value_empty_string;
}

static int transform(struct arena *arena, const struct transformed *of, const struct value *transformer,
    struct str *out, struct err *err)
{
    const struct value *ignored;
    struct str template = value_gets(transformer, "input_template"), trimmed = str_trim(template);
    *out = input_template(arena, template, str_starts(trimmed, STR("\"")), rule_variable, of);
    return str_starts(trimmed, STR("{")) && json_parse(arena, *out, &ignored, ERR_IGNORED)
               ? service_refuse(
                     err, 400, "INVALID_JSON", "what the input transformer makes is not valid JSON")
               : 0;
}

static int rule_input(struct arena *arena, const struct control_record *rule, const struct value *target,
    const struct value *event, struct str *out, struct err *err)
{
    const struct value *input = value_getz(target, "input"),
                       *transformer = value_getz(target, "input_transformer");
    struct str path = value_gets(target, "input_path");
    const char *why;
    if (!value_is_null(transformer))
        return transform(arena,
            &(struct transformed){rule, value_getz(transformer, "input_paths_map"), event}, transformer, out,
            err);
    const struct value *part = path.n ? asl_path_find(arena, path, event, NULL, &why) : event;
    *out = !value_is_null(input) ? json_or_text(arena, input) : part ? input_event(arena, part) : STR("{}");
    return 0;
}

/* ---- checks of PutTargets ---- */

static int check_template(const struct value *target, struct str template, struct err *err)
{
    const struct value *paths = value_getz(value_getz(target, "InputTransformer"), "InputPathsMap");
    struct str before, name;
    for (ptrdiff_t at; (at = str_find_char(template, '<', 0)) >= 0;) {
        struct str rest = str_slice(template, (size_t)at + 1, template.n);
        before = str_cut(rest, '>', &name);
        if (!name.p)
            return 0;
        if (!str_starts(before, STR("aws.events.")) && !value_get(paths, before))
            return service_refuse(err, 400, "ValidationException",
                "InputTemplate for target %.*s contains invalid placeholder %.*s.",
                STR_ARG(value_gets(target, "Id")), STR_ARG(before));
        template = name;
    }
    return 0;
}

int rule_check_targets(struct service_call *call, struct err *err)
{
    static const char *const inputs[] = {"Input", "InputPath", "InputTransformer"};
    const struct value *targets = value_as_list(value_getz(call->input, "Targets"));
    for (uint32_t i = 0; i < targets->count; i++) {
        const struct value *target = targets->items[i];
        int given = 0;
        for (size_t k = 0; k < sizeof inputs / sizeof *inputs; k++)
            given += value_getz(target, inputs[k]) != NULL;
        if (given > 1)
            return service_refuse(err, 400, "ValidationException",
                "Only one of Input, InputPath, or InputTransformer must be provided for target %.*s.",
                STR_ARG(value_gets(target, "Id")));
        if (check_template(target, value_gets(value_getz(target, "InputTransformer"), "InputTemplate"), err))
            return -1;
    }
    call->declined = true;
    return 0;
}

enum { MAX_ENTRIES = 10, MAX_EVENTS_SIZE = 262144 };
static const int64_t MAX_TIME_S = 250000000000; /* in the year 9892 */

const struct value *event_value(struct arena *arena, const struct bus_event *event)
{
    return VALUE_MAP(arena, {STR("version"), value_stringz(arena, "0")},
        {STR("id"), value_string(arena, event->id)},
        {STR("detail-type"), value_string(arena, event->detail_type)},
        {STR("source"), value_string(arena, event->source)},
        {STR("account"), value_string(arena, event->account)},
        {STR("time"), value_string(arena, time_rfc3339(arena, event->time_ms, false))},
        {STR("region"), value_string(arena, event->region)},
        {STR("resources"), event->resources ? event->resources : &value_empty_list},
        {STR("detail"), event->detail ? event->detail : &value_empty_map});
}

/* ---- rules ---- */

struct str events_bus_name(struct str reference)
{
    ptrdiff_t at = str_find(reference, STR(":event-bus/"), 0);
    if (at >= 0)
        reference = str_slice(reference, (size_t)at + 11, reference.n);
    return reference.n ? reference : STR("default");
}

/* Returns the message group of a queue, or the partition key of a stream: a part of the event, or its id. */
static struct str group_of(struct arena *arena, const struct value *target, const struct value *event)
{
    const char *why;
    struct str path = value_gets(target, "kinesis_partition_key_path");
    const struct value *found = path.n ? asl_path_find(arena, path, event, NULL, &why) : NULL;
    return found                                             ? json_or_text(arena, found)
           : arn_is_of(value_gets(target, "arn"), "kinesis") ? value_gets(event, "id")
                                                             : value_gets(target, "sqs_message_group_id");
}

void rule_fire(struct services *services, struct arena *arena, const struct control_record *rule,
    const struct value *event, struct str trace, bool forwarded)
{
    const struct value *targets = value_getz(rule->attrs, "targets");
    for (uint32_t i = 0; targets && targets->kind == VALUE_MAP && i < targets->count; i++) {
        const struct value *of = targets->entries[i].value;
        struct str arn = value_gets(of, "arn");
        if (str_find(arn, STR(":event-bus/"), 0) >= 0) {
            /* An event is forwarded only once, so that buses cannot form a loop. */
            if (!forwarded)
                events_meet(services, arena, str_part(arn, ':', 3), arn, event, trace, true);
            continue;
        }
        struct err err = ERR_INIT;
        struct target target = {.region = rule->region,
            .arn = arn,
            .message_group = group_of(arena, of, event),
            .dead_letter_queue = value_gets(of, "dead_letter_queue"),
            .task = value_getz(of, "ecs"),
            .http = value_getz(of, "http"),
            .retry = value_getz(of, "retry_policy"),
            .rule = value_gets(rule->attrs, "arn"),
            .role = value_gets(of, "role"),
            .service = STR("events.amazonaws.com"),
            .source_arn = value_gets(rule->attrs, "arn"),
            .trace = trace,
            .by = arena_printf(arena, "rule %.*s", STR_ARG(value_gets(rule->attrs, "name")))};
        if (rule_input(arena, rule, of, event, &target.input, &err))
            target_keep(services, arena, &target, &(struct target_retries){0}, &err);
        else
            target_deliver(services, &target);
    }
}

void events_meet(struct services *services, struct arena *arena, struct str region, struct str bus,
    const struct value *event, struct str trace, bool forwarded)
{
    size_t n;
    archives_meet(services, arena, region, bus, event);
    struct control_record *rules =
        control_list(services_control(services), arena, STR("aws.events.rule"), region, &n);
    for (size_t i = 0; i < n; i++)
        if (archives_same_bus(value_gets(rules[i].attrs, "event_bus"), bus) &&
            !str_eqz(value_gets(rules[i].attrs, "state"), "DISABLED") &&
            event_matches(value_getz(rules[i].attrs, "event_pattern"), event))
            rule_fire(services, arena, &rules[i], event, trace, forwarded);
}

/* ---- PutEvents ---- */

/* Returns the event of an entry, or NULL with the reason in *why. */
static const struct value *read_entry(struct service_call *call, const struct value *entry, const char **why)
{
    const struct value *detail = NULL;
    struct bus_event event = {.id = uuid_random(call->arena),
        .source = value_gets(entry, "Source"),
        .detail_type = value_gets(entry, "DetailType"),
        .account = services_account(call->services),
        .region = call->region,
        .time_ms = clock_wall_ms(),
        .resources = value_getz(entry, "Resources")};
    int64_t given = service_int_within(entry, "Time", 0, 0, MAX_TIME_S);
    if (given)
        event.time_ms = given * 1000;
    *why = !event.source.n ? "Parameter Source is not valid. Reason: Source is a required argument."
           : !event.detail_type.n
               ? "Parameter DetailType is not valid. Reason: DetailType is a required argument."
           : !value_gets(entry, "Detail").n
               ? "Parameter Detail is not valid. Reason: Detail is a required argument."
           : json_parse(call->arena, value_gets(entry, "Detail"), &detail, ERR_IGNORED)
               ? "Detail is malformed."
           : detail->kind != VALUE_MAP ? "Detail is malformed."
                                       : NULL;
    event.detail = detail;
    return *why ? NULL : event_value(call->arena, &event);
}

/* Returns the size of the entries, counted as the service does. */
static size_t size_of(const struct value *entries)
{
    static const char *const members[] = {"Source", "DetailType", "Detail"};
    size_t n = 0;
    for (uint32_t i = 0; i < entries->count; i++)
        for (size_t k = 0; k < sizeof members / sizeof *members; k++)
            n += value_gets(entries->items[i], members[k]).n;
    return n;
}

static int do_put(struct service_call *call, struct err *err)
{
    const struct value *entries;
    /* A bus passes the trace on without its lineage, so that loop detection starts anew. */
    ptrdiff_t lineage = str_find(call->trace, STR(";Lineage="), 0);
    struct str trace = lineage < 0 ? call->trace : str_slice(call->trace, 0, (size_t)lineage);
    int64_t failed = 0;
    if (service_list_within(call, "Entries", 1, MAX_ENTRIES, &entries, err))
        return -1;
    if (size_of(entries) > MAX_EVENTS_SIZE)
        return service_refuse(
            err, 400, "ValidationException", "Total size of the entries in the request is over the limit.");
    AUTO_BUILDER struct value_builder results = VALUE_BUILDER(call->arena);
    for (uint32_t i = 0; i < entries->count; i++) {
        const char *why;
        const struct value *event = read_entry(call, entries->items[i], &why);
        if (event) {
            events_meet(call->services, call->arena, call->region,
                value_gets(entries->items[i], "EventBusName"), event, trace, false);
            value_builder_add(
                &results, value_with(call->arena, NULL, STR("EventId"), value_getz(event, "id")));
        } else {
            bool malformed = str_starts(str_z(why), STR("Detail"));
            value_builder_add(&results,
                VALUE_MAP(call->arena,
                    {STR("ErrorCode"),
                        value_stringz(call->arena, malformed ? "MalformedDetail" : "InvalidArgument")},
                    {STR("ErrorMessage"), value_stringz(call->arena, why)}));
            failed++;
        }
    }
    service_answer(call, "Entries", value_builder_list(&results));
    service_answer(call, "FailedEntryCount", value_int(call->arena, failed));
    return 0;
}

static bool is_event(const struct value *event)
{
    static const char *const members[] = {"id", "account", "source", "time", "region", "detail-type"};
    for (size_t i = 0; i < sizeof members / sizeof *members; i++)
        if (!value_getz(event, members[i]))
            return false;
    return true;
}

static int do_test_pattern(struct service_call *call, struct err *err)
{
    const struct value *pattern, *event;
    struct err why = ERR_INIT;
    struct str pattern_text = value_gets(call->input, "EventPattern"),
               event_text = value_gets(call->input, "Event");
    if (json_parse(call->arena, pattern_text, &pattern, &why))
        return service_refuse(
            err, 400, "InvalidEventPatternException", "Event pattern is not valid. Reason: %s", why.message);
    struct str wrong = event_fault_message(call->arena, pattern, pattern_text);
    if (wrong.n)
        return service_refuse(err, 400, "InvalidEventPatternException",
            "Event pattern is not valid. Reason: %.*s", STR_ARG(wrong));
    if (json_parse(call->arena, event_text, &event, &why) || !is_event(event))
        return service_refuse(err, 400, "ValidationException", "Parameter Event is not valid.");
    service_answer(call, "Result", value_bool(event_matches(pattern, event)));
    return 0;
}

static bool leads_to(const struct control_record *rule, struct str arn)
{
    const struct value *targets = value_getz(rule->attrs, "targets");
    for (uint32_t i = 0; targets && targets->kind == VALUE_MAP && i < targets->count; i++)
        if (str_eq(value_gets(targets->entries[i].value, "arn"), arn))
            return true;
    return false;
}

static int names_by_target(struct service_call *call, struct err *err)
{
    struct str arn = value_gets(call->input, "TargetArn"), bus = value_gets(call->input, "EventBusName");
    size_t n;
    AUTO_BUILDER struct value_builder all = VALUE_BUILDER(call->arena);
    const struct control_record *rules = service_list(call, STR("aws.events.rule"), &n);
    for (size_t i = 0; i < n; i++)
        if (archives_same_bus(value_gets(rules[i].attrs, "event_bus"), bus) && leads_to(&rules[i], arn))
            value_builder_add(&all, value_getz(rules[i].attrs, "name"));
    return service_answer_page(call, "RuleNames", value_builder_list(&all), 100, err);
}

/* ---- PutPermission and RemovePermission of one principal: a statement in the bus's policy ---- */

/* Returns the statements of the bus's policy. */
static int bus_statements(
    struct service_call *call, struct control_record *bus, const struct value **out, struct err *err)
{
    struct str name = events_bus_name(value_gets(call->input, "EventBusName"));
    const struct value *described, *policy = NULL;
    if (service_control(call, "DescribeEventBus",
            value_with(call->arena, NULL, STR("Name"), value_string(call->arena, name)), &described, err))
        return -1;
    if (!service_find(call, STR("aws.events.event_bus"), name, bus))
        return service_refuse(
            err, 400, "ResourceNotFoundException", "Event bus %.*s does not exist.", STR_ARG(name));
    if (json_parse(call->arena, value_gets(described, "Policy"), &policy, ERR_IGNORED))
        policy = NULL;
    *out = permission_statements(call->arena, policy);
    return 0;
}

static int put_statements(struct service_call *call, const struct control_record *bus,
    const struct value *statements, struct err *err)
{
    struct value_builder policy = VALUE_BUILDER(call->arena), b = VALUE_BUILDER(call->arena);
    view_text(&policy, "Version", STR("2012-10-17"));
    view_set(&policy, "Statement", statements);
    view_set(&b, "EventBusName", value_getz(bus->attrs, "name"));
    if (statements->count)
        view_set(&b, "Policy", json_as_text(call->arena, value_builder_map(&policy)));
    else
        view_set(&b, "RemoveAllPermissions", &value_true);
    return service_control(call, statements->count ? "PutPermission" : "RemovePermission",
        value_builder_map(&b), &call->output, err);
}

static const struct value *statement_of(struct service_call *call, const struct control_record *bus)
{
    struct value_builder b = VALUE_BUILDER(call->arena);
    struct str principal = value_gets(call->input, "Principal");
    const struct value *condition = value_getz(call->input, "Condition");
    view_set(&b, "Sid", value_getz(call->input, "StatementId"));
    view_text(&b, "Effect", STR("Allow"));
    view_set(&b, "Principal",
        str_eqz(principal, "*")
            ? value_string(call->arena, principal)
            : value_with(call->arena, NULL, STR("AWS"),
                  value_string(
                      call->arena, arena_printf(call->arena, "arn:aws:iam::%.*s:root", STR_ARG(principal)))));
    view_set(&b, "Action", value_getz(call->input, "Action"));
    view_set(&b, "Resource", value_getz(bus->attrs, "arn"));
    if (condition)
        view_set(&b, "Condition",
            value_with(call->arena, NULL, value_gets(condition, "Type"),
                value_with(call->arena, NULL, value_gets(condition, "Key"), value_getz(condition, "Value"))));
    return value_builder_map(&b);
}

static int put_permission(struct service_call *call, struct err *err)
{
    struct control_record bus;
    const struct value *statements;
    call->declined = value_getz(call->input, "Policy") != NULL;
    if (call->declined)
        return 0;
    if (bus_statements(call, &bus, &statements, err))
        return -1;
    if (!str_eqz(value_gets(call->input, "Action"), "events:PutEvents"))
        return service_refuse(
            err, 400, "ValidationException", "Provided value in parameter 'action' is not supported.");
    return put_statements(call, &bus,
        permission_replaced(
            call->arena, statements, value_gets(call->input, "StatementId"), statement_of(call, &bus)),
        err);
}

static int remove_permission(struct service_call *call, struct err *err)
{
    struct control_record bus;
    const struct value *statements, *rest;
    call->declined = value_getb(call->input, "RemoveAllPermissions");
    if (call->declined)
        return 0;
    if (bus_statements(call, &bus, &statements, err))
        return -1;
    rest = permission_replaced(call->arena, statements, value_gets(call->input, "StatementId"), NULL);
    if (rest->count == statements->count)
        return service_refuse(
            err, 400, "ResourceNotFoundException", "Statement with the provided id does not exist.");
    return put_statements(call, &bus, rest, err);
}

const struct service_operation events_operations[] = {
    {"events", "ListRuleNamesByTarget", names_by_target},
    {"events", "PutEvents", do_put},
    {"events", "PutTargets", rule_check_targets},
    {"events", "TestEventPattern", do_test_pattern},
    {"events", "PutPermission", put_permission},
    {"events", "RemovePermission", remove_permission},
    {0},
};
