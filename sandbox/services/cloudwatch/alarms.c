/*
 * CloudWatch alarms whose state is set by SetAlarmState, and their notifications. Metrics are not evaluated.
 * The history is a note beside the alarm: {items: [as DescribeAlarmHistory shows them]}.
 */
#include "base/clock.h"
#include "base/json.h"
#include "sandbox/engine/view.h"
#include "sandbox/services/shared/event_targets.h"

#include <ctype.h>
#include <stdlib.h>

#define NOTE "alarms"
enum { MAX_ITEMS = 1000 };

static bool find_alarm(const struct service_call *call, struct str name, struct control_record *out)
{
    return service_find(call, STR("aws.cloudwatch.alarm"), name, out);
}

/* Appends an item to the history; beyond MAX_ITEMS the oldest is removed. */
static int add_item(
    struct service_call *call, const struct control_record *alarm, const struct value *item, struct err *err)
{
    struct value_builder all = VALUE_BUILDER(call->arena);
    const struct value *had = service_note_list(call, NOTE, alarm, "items");
    for (uint32_t i = had->count >= MAX_ITEMS; i < had->count; i++)
        value_builder_add(&all, had->items[i]);
    value_builder_add(&all, item);
    return service_note_list_write(call, NOTE, alarm, "items", value_builder_list(&all), err);
}

static int note_item(struct service_call *call, const struct control_record *alarm, struct str summary,
    const struct value *data, struct err *err)
{
    struct value_builder b = VALUE_BUILDER(call->arena);
    view_text(&b, "AlarmName", alarm->id);
    view_text(&b, "AlarmType", STR("MetricAlarm"));
    view_int(&b, "Timestamp", clock_wall_ms());
    view_text(&b, "HistoryItemType", STR("StateUpdate"));
    view_text(&b, "HistorySummary", summary);
    view_text(&b, "HistoryData", json_as_text(call->arena, data)->string);
    return add_item(call, alarm, value_builder_map(&b), err);
}

/* Returns the alarm as DescribeAlarms shows it. */
static const struct value *shown_alarm(struct service_call *call, struct str name)
{
    const struct value *input =
        value_with(call->arena, NULL, STR("AlarmNamePrefix"), value_string(call->arena, name));
    const struct value *output = &value_empty_map;
    service_control(call, "DescribeAlarms", input, &output, ERR_IGNORED);
    const struct value *alarms = value_as_list(service_items(call->arena, output, "MetricAlarms"));
    for (uint32_t i = 0; i < alarms->count; i++)
        if (str_eq(value_gets(alarms->items[i], "AlarmName"), name))
            return alarms->items[i];
    return &value_empty_map;
}

/* Returns the Trigger of a notification: what the alarm watches. */
static const struct value *trigger_of(struct service_call *call, const struct value *alarm)
{
    struct value_builder b = VALUE_BUILDER(call->arena), list = VALUE_BUILDER(call->arena);
    const struct value *dimensions = value_as_list(service_items(call->arena, alarm, "Dimensions"));
    struct str simple = value_gets(alarm, "Statistic");
    for (uint32_t i = 0; i < dimensions->count; i++)
        value_builder_add(
            &list, VALUE_MAP(call->arena, {STR("value"), value_getz(dimensions->items[i], "Value")},
                       {STR("name"), value_getz(dimensions->items[i], "Name")}));
    view_members(&b, alarm,
        "MetricName Namespace ExtendedStatistic Unit Period EvaluationPeriods DatapointsToAlarm "
        "ComparisonOperator Threshold Metrics");
    if (value_getz(alarm, "MetricName")) {
        view_text(&b, "StatisticType", simple.n ? STR("Statistic") : STR("ExtendedStatistic"));
        view_set(&b, "Dimensions", value_builder_list(&list));
    }
    char statistic[16] = "";
    for (size_t i = 0; i < simple.n && i + 1 < sizeof statistic; i++)
        statistic[i] = (char)toupper((unsigned char)simple.p[i]);
    view_text(&b, "Statistic", str_z(statistic));
    view_text(&b, "TreatMissingData", value_text(value_getz(alarm, "TreatMissingData"), STR("missing")));
    view_set(&b, "EvaluateLowSampleCountPercentile",
        value_string(call->arena, value_gets(alarm, "EvaluateLowSampleCountPercentile")));
    return value_builder_map(&b);
}

/* Returns a time as notifications have it, such as 2026-11-27T06:54:32.000+0000. */
static const struct value *notified_time(struct arena *arena, int64_t wall_ms)
{
    struct str text = time_rfc3339(arena, wall_ms, true);
    return value_string(arena, arena_printf(arena, "%.*s+0000", (int)text.n - 1, text.p));
}

/* Notifies the alarm's actions. Topics get the message that CloudWatch sends; functions get the same as their
 * event. */
static void notify_actions(struct service_call *call, const struct control_record *alarm, struct str before)
{
    static const struct {
        const char *state, *actions;
    } by_state[] = {
        {"ALARM", "alarm_actions"}, {"OK", "ok_actions"}, {"INSUFFICIENT_DATA", "insufficient_data_actions"}};
    struct str state = value_gets(alarm->attrs, "state"), account = services_account(call->services);
    struct value_builder b = VALUE_BUILDER(call->arena);
    if (str_eq(state, before) || value_equal(value_getz(alarm->attrs, "actions_enabled"), &value_false))
        return;
    const struct value *shown = shown_alarm(call, alarm->id);
    view_text(&b, "AlarmName", alarm->id);
    view_text(&b, "AlarmDescription", value_gets(alarm->attrs, "description"));
    view_text(&b, "AWSAccountId", account);
    view_text(&b, "NewStateValue", state);
    view_text(&b, "NewStateReason", value_gets(alarm->attrs, "state_reason"));
    view_set(&b, "StateChangeTime", notified_time(call->arena, clock_wall_ms()));
    view_set(&b, "AlarmConfigurationUpdatedTimestamp", notified_time(call->arena, alarm->changed_ms));
    view_text(&b, "Region", call->region);
    view_text(&b, "OldStateValue", before);
    view_members(&b, shown, "AlarmArn OKActions AlarmActions InsufficientDataActions");
    view_set(&b, "Trigger", trigger_of(call, shown));
    struct target target = {.region = call->region,
        .input = json_as_text(call->arena, value_builder_map(&b))->string,
        .subject = arena_printf(
            call->arena, "%.*s: \"%.*s\" in %.*s", STR_ARG(state), STR_ARG(alarm->id), STR_ARG(call->region)),
        .by = arena_printf(call->arena, "alarm %.*s", STR_ARG(alarm->id)),
        .service = STR("cloudwatch.amazonaws.com"),
        .source_arn = value_gets(alarm->attrs, "arn")};
    for (size_t i = 0; i < sizeof by_state / sizeof *by_state; i++) {
        const struct value *actions =
            str_eqz(state, by_state[i].state) ? value_getz(alarm->attrs, by_state[i].actions) : NULL;
        for (uint32_t k = 0; actions && k < actions->count; k++) {
            target.arn = value_text(actions->items[k], STR_EMPTY);
            target_deliver(call->services, &target);
        }
    }
}

static int note_state(
    struct service_call *call, const struct control_record *alarm, struct str before, struct err *err)
{
    struct value_builder data = VALUE_BUILDER(call->arena);
    struct str state = value_gets(call->input, "StateValue"), reason = value_gets(call->input, "StateReason");
    if (str_eq(before, state))
        return 0;
    view_text(&data, "version", STR("1.0"));
    view_set(&data, "oldState",
        value_with(call->arena, NULL, STR("stateValue"), value_string(call->arena, before)));
    view_set(&data, "newState",
        value_with(call->arena,
            value_with(call->arena, NULL, STR("stateReason"), value_string(call->arena, reason)),
            STR("stateValue"), value_string(call->arena, state)));
    struct str summary =
        arena_printf(call->arena, "Alarm updated from %.*s to %.*s", STR_ARG(before), STR_ARG(state));
    return note_item(call, alarm, summary, value_builder_map(&data), err);
}

static int change_state(
    struct service_call *call, struct control_record *alarm, struct str *before, struct err *err)
{
    const struct value *output;
    struct str name = value_gets(call->input, "AlarmName");
    if (!find_alarm(call, name, alarm))
        return service_refuse(err, 404, "ResourceNotFound", "%s", "");
    *before = arena_str(call->arena, value_gets(alarm->attrs, "state"));
    if (service_control(call, "SetAlarmState", call->input, &output, err) || !find_alarm(call, name, alarm))
        return -1;
    return note_state(call, alarm, *before, err);
}

/* The lock serialises changes, so that each sees the state that the previous one set. */
static int set_state(struct service_call *call, struct err *err)
{
    static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
    struct control_record alarm;
    struct str before;
    pthread_mutex_lock(&lock);
    int status = change_state(call, &alarm, &before, err);
    pthread_mutex_unlock(&lock);
    if (!status)
        notify_actions(call, &alarm, before);
    return status;
}

static int by_time(const void *a, const void *b)
{
    int64_t one = service_int(*(const struct value *const *)a, "Timestamp", 0),
            other = service_int(*(const struct value *const *)b, "Timestamp", 0);
    return one < other ? -1 : one > other;
}

/* Answers the history of one or all alarms, newest first unless ScanBy asks otherwise. */
static int describe_history(struct service_call *call, struct err *err)
{
    size_t n;
    struct str name = value_gets(call->input, "AlarmName"), type = value_gets(call->input, "HistoryItemType");
    bool oldest_first = str_eqz(value_gets(call->input, "ScanBy"), "TimestampAscending");
    AUTO_BUILDER struct value_builder all = VALUE_BUILDER(call->arena), shown = VALUE_BUILDER(call->arena);
    const struct control_record *alarms = service_list(call, STR("aws.cloudwatch.alarm"), &n);
    for (size_t i = 0; i < n; i++) {
        const struct value *items = service_note_list(call, NOTE, &alarms[i], "items");
        if (name.n && !str_eq(name, alarms[i].id))
            continue;
        for (uint32_t k = 0; k < items->count; k++)
            if (!type.n || str_eq(type, value_gets(items->items[k], "HistoryItemType")))
                value_builder_add(&all, items->items[k]);
    }
    const struct value *list = value_builder_list(&all);
    if (list->count)
        qsort(list->items, list->count, sizeof *list->items, by_time);
    for (uint32_t i = 0; i < list->count; i++) {
        const struct value *item = list->items[oldest_first ? i : list->count - 1 - i];
        value_builder_add(&shown, value_with(call->arena, item, STR("Timestamp"),
                                      service_time(call, service_int(item, "Timestamp", 0))));
    }
    return service_answer_page(call, "AlarmHistoryItems", value_builder_list(&shown), 100, err);
}

/* The sandbox has no composite alarms. */
static int describe_alarms(struct service_call *call, struct err *err UNUSED)
{
    const struct value *types = value_as_list(service_items(call->arena, call->input, "AlarmTypes"));
    call->declined = !types->count || value_list_has(types, STR("MetricAlarm"));
    call->output = &value_empty_map;
    return 0;
}

const struct service_operation alarms_operations[] = {
    {"monitoring", "DescribeAlarms", describe_alarms},
    {"monitoring", "SetAlarmState", set_state},
    {"monitoring", "DescribeAlarmHistory", describe_history},
    {0},
};
