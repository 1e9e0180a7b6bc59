/* Subscription and metric filters of log groups: see tables.h. */
#include "sandbox/services/shared/tables.h"

#include "base/hash.h"
#include "base/json.h"
#include "sandbox/engine/view.h"
#include "sandbox/notation/log_match.h"
#include "sandbox/services/s3/objects.h"
#include "sandbox/services/shared/event_targets.h"

enum { MAX_DATA = 1000 /* of one PutMetricData */ };

/* Events put into a stream, and the filter that is applied. */
struct log_batch {
    struct services *services;
    struct arena *arena;
    const struct log_location *location;
    const struct log_entry *events;
    size_t n;
    const struct control_record *record; /* the filter's record */
    struct log_filter filter;
};

/* ---- subscription filters ---- */

/* Returns the matching events in the format for destinations, or NULL if none matches. */
static const struct value *matching(const struct log_batch *batch)
{
    struct arena *arena = batch->arena;
    AUTO_BUILDER struct value_builder list = VALUE_BUILDER(arena);
    for (size_t i = 0; i < batch->n; i++) {
        const struct log_event event = log_event_read(arena, &batch->filter, batch->events[i].message);
        if (!log_matches(&batch->filter, &event))
            continue;
        struct str id = arena_printf(arena, "%014lld%020llu%022zu", (long long)batch->events[i].time_ms,
            (unsigned long long)str_hash(batch->location->stream), i);
        value_builder_add(&list, VALUE_MAP(arena, {STR("id"), value_string(arena, id)},
                                     {STR("timestamp"), value_int(arena, batch->events[i].time_ms)},
                                     {STR("message"), value_string(arena, event.message)}));
    }
    return list.n ? value_builder_list(&list) : NULL;
}

static const struct value *data_message(const struct log_batch *batch, const struct value *events)
{
    const struct value *name = value_getz(batch->record->attrs, "name");
    struct value_builder b = VALUE_BUILDER(batch->arena);
    view_text(&b, "messageType", STR("DATA_MESSAGE"));
    view_text(&b, "owner", services_account(batch->services));
    view_text(&b, "logGroup", batch->location->group);
    view_text(&b, "logStream", batch->location->stream);
    view_set(&b, "subscriptionFilters", value_list(batch->arena, &name, 1));
    view_set(&b, "logEvents", events);
    return value_builder_map(&b);
}

/* Sends the gzipped message: as base64 in JSON to functions, as it is to streams. */
static void deliver_message(const struct log_batch *batch, const struct value *message)
{
    struct arena *arena = batch->arena;
    const struct log_location *location = batch->location;
    const struct value *attrs = batch->record->attrs;
    struct str zipped, destination = value_gets(attrs, "destination");
    /* Other destinations are ignored; a log group or bus could lead back to the same group. */
    if (!str_is_any(str_part(destination, ':', 2), "lambda kinesis firehose") ||
        !object_gzip(arena, json_as_text(arena, message)->string, &zipped))
        return;
    bool function = arn_is_of(destination, "lambda"),
         random = str_eqz(value_gets(attrs, "distribution"), "Random");
    struct str input =
        function ? arena_printf(arena, "{\"awslogs\":{\"data\":\"%s\"}}", base64_encode(arena, zipped).p)
                 : zipped;
    const struct target target = {.region = location->region,
        .arn = destination,
        .input = input,
        .message_group = random ? STR_EMPTY : location->stream,
        .role = value_gets(attrs, "role"),
        .service = STR("logs.amazonaws.com"),
        .source_arn = arena_printf(arena, "arn:aws:logs:%.*s:%.*s:log-group:%.*s:*",
            STR_ARG(location->region), STR_ARG(services_account(batch->services)), STR_ARG(location->group)),
        .by = arena_printf(arena, "subscription filter %.*s", STR_ARG(value_gets(attrs, "name")))};
    target_deliver(batch->services, &target);
}

static void subscription_filter(const struct log_batch *batch)
{
    const struct value *found = matching(batch);
    if (found)
        deliver_message(batch, data_message(batch, found));
}

/* ---- metric filters ---- */

static const struct value *dimension_list(
    struct arena *arena, const struct value *dimensions, const struct log_event *event)
{
    AUTO_BUILDER struct value_builder list = VALUE_BUILDER(arena);
    dimensions = value_as_map(dimensions);
    for (uint32_t i = 0; i < dimensions->count; i++) {
        struct str text = log_event_value(event, value_text(dimensions->entries[i].value, STR_EMPTY));
        if (text.p)
            value_builder_add(
                &list, VALUE_MAP(arena, {STR("Name"), value_string(arena, dimensions->entries[i].key)},
                           {STR("Value"), value_string(arena, text)}));
    }
    return value_builder_list(&list);
}

/* Returns the metric datum of a matching event (NULL: the default value), or NULL if it has no number. */
static const struct value *datum_of(
    const struct log_batch *batch, const struct value *to, const struct log_event *event, int64_t time_ms)
{
    struct arena *arena = batch->arena;
    struct str configured = value_gets(to, "metric_value");
    double number;
    struct str text =
        event && str_starts(configured, STR("$")) ? log_event_value(event, configured) : configured;
    const struct value *value = !event                                   ? value_getz(to, "default_value")
                                : text.p && str_to_double(text, &number) ? value_float(arena, number)
                                                                         : NULL;
    struct value_builder b = VALUE_BUILDER(arena);
    if (value_is_null(value))
        return NULL;
    view_set(&b, "MetricName", value_getz(to, "metric_name"));
    view_set(&b, "Value", value);
    view_set(&b, "Unit", value_getz(to, "unit"));
    view_set(&b, "Timestamp", value_float(arena, (double)time_ms / 1000));
    if (event)
        view_set(&b, "Dimensions", dimension_list(arena, value_getz(to, "dimensions"), event));
    return value_builder_map(&b);
}

static void filters_publish(const struct log_batch *batch, const struct value *to, struct value_builder *data)
{
    const struct value *ignored;
    struct value_builder input = VALUE_BUILDER(batch->arena);
    if (!data->n)
        return;
    view_set(&input, "Namespace", value_getz(to, "metric_namespace"));
    view_set(&input, "MetricData", value_builder_list(data));
    const struct service_request request = {.service = STR("monitoring"),
        .operation = STR("PutMetricData"),
        .region = batch->location->region,
        .input = value_builder_map(&input)};
    services_call(batch->services, batch->arena, &request, &ignored, ERR_IGNORED);
}

/* Publishes a value for each matching event, or the default value if none matches. */
static void metric_filter(const struct log_batch *batch)
{
    const struct value *all = value_as_list(value_getz(batch->record->attrs, "transformations"));
    for (uint32_t t = 0; t < all->count; t++) {
        AUTO_BUILDER struct value_builder data = VALUE_BUILDER(batch->arena);
        bool any = false;
        for (size_t i = 0; i < batch->n; i++) {
            const struct log_entry *entry = &batch->events[i];
            const struct log_event event = log_event_read(batch->arena, &batch->filter, entry->message);
            if (!log_matches(&batch->filter, &event))
                continue;
            any = true;
            const struct value *datum = datum_of(batch, all->items[t], &event, entry->time_ms);
            if (datum)
                value_builder_add(&data, datum);
            if (data.n == MAX_DATA)
                filters_publish(batch, all->items[t], &data);
        }
        const struct value *usual =
            any ? NULL : datum_of(batch, all->items[t], NULL, batch->events[batch->n - 1].time_ms);
        if (usual)
            value_builder_add(&data, usual);
        filters_publish(batch, all->items[t], &data);
    }
}

void log_events_filter(
    void *ctx, const struct log_location *location, const struct log_entry *events, size_t n)
{
    static const struct {
        const char *type;
        void (*look)(const struct log_batch *batch);
    } kinds[] = {
        {"aws.logs.subscription_filter", subscription_filter}, {"aws.logs.metric_filter", metric_filter}};
    AUTO_ARENA struct arena arena = ARENA_INIT;
    struct log_batch batch = {
        .services = ctx, .arena = &arena, .location = location, .events = events, .n = n};
    for (size_t k = 0; k < sizeof kinds / sizeof *kinds; k++) {
        size_t count;
        const struct control_record *all = control_list(
            services_control(batch.services), &arena, str_z(kinds[k].type), location->region, &count);
        for (size_t i = 0; i < count; i++) {
            batch.record = &all[i];
            if (str_eq(value_gets(all[i].attrs, "log_group"), location->group) &&
                !log_filter_read(&arena, value_gets(all[i].attrs, "pattern"), &batch.filter))
                kinds[k].look(&batch);
        }
    }
}
