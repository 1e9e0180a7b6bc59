/* SNS Publish: to the subscriptions that are queues and functions; others (mail, HTTP) go nowhere. */
#include "provider/sandbox/jobs/event_pattern.h"
#include "provider/sandbox/jobs/targets.h"

#include "base/clock.h"
#include "base/hash.h"
#include "base/json.h"

enum { MAX_MESSAGE = 262144 };

static struct str text_of(const struct value *map, const char *key)
{
    return value_text(value_getz(map, key), STR_EMPTY);
}

/* ---- attributes: name, type and value ---- */

/* As a form has them (a list of entries), or as a map by name (from a machine's task). */
static const struct value *attribute_list(struct arena *arena, const struct value *given)
{
    const struct value *entries = wire_path(arena, given, STR("entry[]"));
    AUTO_BUILDER struct value_builder list = VALUE_BUILDER(arena);
    if (entries || !given || given->kind != VALUE_MAP)
        return entries ? entries : &value_empty_list;
    for (uint32_t i = 0; i < given->count; i++) {
        struct value_entry entry[] = {{STR("Name"), value_string(arena, given->entries[i].key)},
            {STR("Value"), given->entries[i].value}};
        value_builder_add(&list, value_map(arena, entry, 2));
    }
    return value_builder_list(&list);
}

static const struct value *value_of(struct arena *arena, const struct value *attribute)
{
    struct str type = text_of(attribute, "DataType"), text = text_of(attribute, "StringValue");
    const struct value *v;
    struct err err = ERR_INIT;
    bool plain = !str_starts(type, STR("Number")) && !str_eqz(type, "String.Array");
    return plain || json_parse(arena, text, &v, &err) ? value_string(arena, text) : v;
}

struct attributes {
    const struct value *values, *shown; /* for filters; as the envelope has them */
};

static struct attributes read_attributes(const struct job_call *call)
{
    struct arena *arena = call->arena;
    const struct value *list = attribute_list(arena, value_getz(call->input, "MessageAttributes"));
    AUTO_BUILDER struct value_builder values = VALUE_BUILDER(arena), shown = VALUE_BUILDER(arena);
    for (uint32_t i = 0; list->kind == VALUE_LIST && i < list->count; i++) {
        struct str name = text_of(list->items[i], "Name");
        const struct value *attribute = value_getz(list->items[i], "Value");
        struct value_entry entry[] = {{STR("Type"), value_string(arena, text_of(attribute, "DataType"))},
            {STR("Value"), value_string(arena, text_of(attribute, "StringValue"))}};
        value_builder_set(&values, name, value_of(arena, attribute));
        value_builder_set(&shown, name, value_map(arena, entry, 2));
    }
    return (struct attributes){value_builder_map(&values), value_builder_map(&shown)};
}

/* A subscription without a policy takes all. */
static bool takes(
    struct arena *arena, const struct control_record *subscription, const struct value *attributes)
{
    const struct value *policy = value_getz(subscription->attrs, "filter_policy"), *parsed;
    struct err err = ERR_INIT;
    if (policy && policy->kind == VALUE_STRING)
        policy = json_parse(arena, policy->string, &parsed, &err) ? NULL : parsed;
    return value_is_null(policy) || !policy->count || event_matches(policy, attributes);
}

/* ---- messages ---- */

static const struct value *notification(
    const struct job_call *call, struct str id, struct str topic, const struct value *attributes)
{
    struct arena *arena = call->arena;
    struct str subject = text_of(call->input, "Subject");
    struct value_entry entries[] = {
        {STR("Type"), value_stringz(arena, "Notification")},
        {STR("MessageId"), value_string(arena, id)},
        {STR("TopicArn"), value_string(arena, topic)},
        {STR("Message"), value_string(arena, text_of(call->input, "Message"))},
        {STR("Timestamp"), value_string(arena, time_rfc3339(arena, clock_wall_ms(), true))},
        {STR("Subject"), value_string(arena, subject)},
    };
    const struct value *note = value_map(arena, entries, subject.n ? 6 : 5);
    return attributes->count ? value_with(arena, note, STR("MessageAttributes"), attributes) : note;
}

/* What a function gets: a list of records. */
static struct str for_function(const struct job_call *call, const struct value *note, struct str subscription)
{
    struct arena *arena = call->arena;
    struct value_entry record[] = {{STR("EventSource"), value_stringz(arena, "aws:sns")},
        {STR("EventVersion"), value_stringz(arena, "1.0")},
        {STR("EventSubscriptionArn"), value_string(arena, subscription)}, {STR("Sns"), note}};
    const struct value *one = value_map(arena, record, 4);
    struct value_entry event = {STR("Records"), value_list(arena, &one, 1)};
    return json_as_text(arena, value_map(arena, &event, 1))->string;
}

static void deliver(
    const struct job_call *call, const struct control_record *subscription, const struct value *note)
{
    struct str protocol = text_of(subscription->attrs, "protocol");
    bool function = str_eqz(protocol, "lambda");
    if (!function && !str_eqz(protocol, "sqs"))
        return;
    const struct value *raw = value_getz(subscription->attrs, "raw_message_delivery");
    bool bare = str_eqz(value_scalar_text(call->arena, raw), "true");
    struct str input = function ? for_function(call, note, subscription->id)
                       : bare   ? text_of(note, "Message")
                                : json_as_text(call->arena, note)->string;
    const struct target target = {.region = call->region,
        .arn = text_of(subscription->attrs, "endpoint"),
        .input = input,
        .by = arena_printf(call->arena, "topic %.*s", STR_ARG(text_of(note, "TopicArn")))};
    target_deliver(call->jobs, &target);
}

static int do_publish(struct job_call *call, struct err *err)
{
    struct control_record topic;
    struct control *control = jobs_control(call->jobs);
    struct str message, arn = text_of(call->input, "TopicArn");
    arn = arn.n ? arn : text_of(call->input, "TargetArn");
    if (job_required(call, "Message", &message, err))
        return -1;
    if (message.n > MAX_MESSAGE)
        return job_refuse(err, 400, "InvalidParameter", "Invalid parameter: Message too long");
    if (!control_find(control, call->arena, STR("aws.sns.topic"), call->region, arn, &topic))
        return job_refuse(err, 404, "NotFound", "Topic does not exist");
    struct str id = uuid_random(call->arena);
    struct attributes attributes = read_attributes(call);
    const struct value *note = notification(call, id, arn, attributes.shown);
    size_t n;
    struct control_record *all =
        control_list(control, call->arena, STR("aws.sns.subscription"), call->region, &n);
    for (size_t i = 0; i < n; i++)
        if (str_eq(text_of(all[i].attrs, "topic"), arn) && takes(call->arena, &all[i], attributes.values))
            deliver(call, &all[i], note);
    struct value_entry output = {STR("MessageId"), value_string(call->arena, id)};
    call->output = value_map(call->arena, &output, 1);
    return 0;
}

const struct job_operation sns_operations[] = {
    {"sns", "Publish", do_publish, NULL, NULL},
    {0},
};
