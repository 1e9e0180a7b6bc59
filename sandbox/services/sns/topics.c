/* SNS: what is published goes to the subscriptions that are queues and functions; others (mail, HTTP) get
 * nothing. */
#include "sandbox/notation/event_match.h"
#include "sandbox/services/shared/event_targets.h"

#include "base/clock.h"
#include "base/hash.h"
#include "base/json.h"

enum { MAX_MESSAGE = 262144 };

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
    struct str type = value_gets(attribute, "DataType"), text = value_gets(attribute, "StringValue");
    const struct value *v;
    struct err err = ERR_INIT;
    bool plain = !str_starts(type, STR("Number")) && !str_eqz(type, "String.Array");
    return plain || json_parse(arena, text, &v, &err) ? value_string(arena, text) : v;
}

struct attributes {
    const struct value *values, *shown, *raw; /* for filters; as the envelope has them; as SQS takes them */
};

static struct attributes read_attributes(struct arena *arena, const struct value *message)
{
    const struct value *list = attribute_list(arena, value_getz(message, "MessageAttributes"));
    AUTO_BUILDER struct value_builder values = VALUE_BUILDER(arena), shown = VALUE_BUILDER(arena),
                                      raw = VALUE_BUILDER(arena);
    for (uint32_t i = 0; list->kind == VALUE_LIST && i < list->count; i++) {
        struct str name = value_gets(list->items[i], "Name");
        const struct value *attribute = value_getz(list->items[i], "Value");
        bool binary = value_getz(attribute, "BinaryValue") != NULL;
        struct value_entry entry[] = {{STR("Type"), value_string(arena, value_gets(attribute, "DataType"))},
            {STR("Value"),
                value_string(arena, value_gets(attribute, binary ? "BinaryValue" : "StringValue"))}};
        value_builder_set(&values, name, value_of(arena, attribute));
        value_builder_set(&shown, name, value_map(arena, entry, 2));
        value_builder_set(&raw, name, attribute);
    }
    return (struct attributes){
        value_builder_map(&values), value_builder_map(&shown), value_builder_map(&raw)};
}

/* What is published: its parts as the call has them. */
struct publication {
    struct str topic, id, text, subject, group, deduplication;
    const struct value *by_protocol; /* MessageStructure json; NULL: one text for all */
    struct attributes attributes;
};

static bool is_true(const struct value *v)
{
    return value_equal(v, &value_true) || str_eqz(value_text(v, STR_EMPTY), "true");
}

static const struct value *policy_of(struct arena *arena, const struct control_record *subscription)
{
    const struct value *policy = value_getz(subscription->attrs, "filter_policy"), *parsed;
    struct err err = ERR_INIT;
    if (policy && policy->kind == VALUE_STRING)
        policy = json_parse(arena, policy->string, &parsed, &err) ? NULL : parsed;
    return policy;
}

/* A subscription without a policy takes all; a policy may look at the message's own JSON instead of its
 * attributes. */
static bool topics_takes(
    struct arena *arena, const struct control_record *subscription, const struct publication *what)
{
    const struct value *policy = policy_of(arena, subscription), *body;
    struct err err = ERR_INIT;
    if (value_is_null(policy) || !policy->count)
        return true;
    if (!str_eqz(value_gets(subscription->attrs, "filter_policy_scope"), "MessageBody"))
        return event_matches(policy, what->attributes.values);
    return !json_parse(arena, what->text, &body, &err) && body->kind == VALUE_MAP &&
           event_matches(policy, body);
}

/* ---- messages ---- */

static struct str text_for(const struct publication *what, const char *protocol)
{
    struct str fallback = value_gets(what->by_protocol, "default");
    return what->by_protocol ? value_text(value_getz(what->by_protocol, protocol), fallback) : what->text;
}

static const struct value *notification(
    struct arena *arena, const struct publication *what, const char *protocol)
{
    const struct value *attributes = what->attributes.shown;
    struct value_entry entries[] = {
        {STR("Type"), value_stringz(arena, "Notification")},
        {STR("MessageId"), value_string(arena, what->id)},
        {STR("TopicArn"), value_string(arena, what->topic)},
        {STR("Message"), value_string(arena, text_for(what, protocol))},
        {STR("Timestamp"), value_string(arena, time_rfc3339(arena, clock_wall_ms(), true))},
        {STR("Subject"), value_string(arena, what->subject)},
    };
    const struct value *note = value_map(arena, entries, what->subject.n ? 6 : 5);
    return attributes->count ? value_with(arena, note, STR("MessageAttributes"), attributes) : note;
}

/* What a function gets: a list of records. */
static struct str for_function(struct arena *arena, const struct value *note, struct str subscription)
{
    struct value_entry record[] = {{STR("EventSource"), value_stringz(arena, "aws:sns")},
        {STR("EventVersion"), value_stringz(arena, "1.0")},
        {STR("EventSubscriptionArn"), value_string(arena, subscription)}, {STR("Sns"), note}};
    const struct value *one = value_map(arena, record, 4);
    struct value_entry event = {STR("Records"), value_list(arena, &one, 1)};
    return json_as_text(arena, value_map(arena, &event, 1))->string;
}

static struct str letters_of(struct arena *arena, const struct control_record *subscription)
{
    const struct value *redrive = value_getz(subscription->attrs, "redrive_policy"), *parsed;
    struct err err = ERR_INIT;
    if (redrive && redrive->kind == VALUE_STRING)
        redrive = json_parse(arena, redrive->string, &parsed, &err) ? NULL : parsed;
    return value_gets(redrive, "deadLetterTargetArn");
}

static void topics_deliver(const struct service_call *call, const struct control_record *subscription,
    const struct publication *what)
{
    struct arena *arena = call->arena;
    struct str protocol = value_gets(subscription->attrs, "protocol"),
               endpoint = value_gets(subscription->attrs, "endpoint");
    bool function = str_eqz(protocol, "lambda"),
         raw = is_true(value_getz(subscription->attrs, "raw_message_delivery"));
    if (!function && !str_eqz(protocol, "sqs"))
        return;
    const struct value *note = notification(arena, what, function ? "lambda" : "sqs");
    bool ordered = str_ends(endpoint, STR(".fifo"));
    const struct target target = {.region = call->region,
        .arn = endpoint,
        .input = function ? for_function(arena, note, subscription->id)
                 : raw    ? value_gets(note, "Message")
                          : json_as_text(arena, note)->string,
        .message_attributes = raw && what->attributes.raw->count ? what->attributes.raw : NULL,
        .message_group = ordered ? what->group : STR_EMPTY,
        .message_deduplication = ordered ? what->deduplication : STR_EMPTY,
        .dead_letter_queue = letters_of(arena, subscription),
        .service = STR("sns.amazonaws.com"),
        .source_arn = what->topic,
        .by = arena_printf(arena, "topic %.*s", STR_ARG(what->topic))};
    target_deliver(call->services, &target);
}

/* ---- publishing ---- */

static int read_structure(
    struct arena *arena, const struct value *message, struct publication *out, struct err *err)
{
    struct err why = ERR_INIT;
    if (!str_eqz(value_gets(message, "MessageStructure"), "json"))
        return 0;
    if (json_parse(arena, out->text, &out->by_protocol, &why) || out->by_protocol->kind != VALUE_MAP)
        return service_refuse(err, 400, "InvalidParameter",
            "Invalid parameter: Message Structure - JSON message body failed to parse");
    if (!value_getz(out->by_protocol, "default"))
        return service_refuse(err, 400, "InvalidParameter",
            "Invalid parameter: Message Structure - No default entry in JSON message body");
    return 0;
}

/* Of a topic that keeps the order a message says which others it goes with. */
static int read_group(const struct control_record *topic, struct arena *arena, const struct value *message,
    struct publication *out, struct err *err)
{
    out->group = value_gets(message, "MessageGroupId");
    out->deduplication = value_gets(message, "MessageDeduplicationId");
    if (!str_ends(out->topic, STR(".fifo")))
        return 0;
    if (!out->group.n)
        return service_refuse(err, 400, "InvalidParameter",
            "Invalid parameter: The MessageGroupId parameter is required for FIFO topics");
    if (!out->deduplication.n && !is_true(value_getz(topic->attrs, "content_based_deduplication")))
        return service_refuse(err, 400, "InvalidParameter",
            "Invalid parameter: The topic should either have ContentBasedDeduplication enabled or "
            "MessageDeduplicationId provided explicitly");
    if (!out->deduplication.n)
        out->deduplication = sha256_hex(arena, out->text);
    return 0;
}

static int read_message(const struct service_call *call, const struct control_record *topic,
    const struct value *message, struct publication *out, struct err *err)
{
    *out = (struct publication){.topic = value_gets(topic->attrs, "arn"),
        .id = uuid_random(call->arena),
        .text = value_gets(message, "Message"),
        .subject = value_gets(message, "Subject"),
        .attributes = read_attributes(call->arena, message)};
    if (!out->text.n)
        return service_refuse(err, 400, "InvalidParameter", "Invalid parameter: Empty message");
    if (out->text.n > MAX_MESSAGE)
        return service_refuse(err, 400, "InvalidParameter", "Invalid parameter: Message too long");
    return read_structure(call->arena, message, out, err) || read_group(topic, call->arena, message, out, err)
               ? -1
               : 0;
}

static const struct value *topics_publish(
    struct service_call *call, const void *ctx, const struct value *message, struct err *err)
{
    const struct control_record *topic = ctx;
    struct publication what;
    size_t n;
    if (read_message(call, topic, message, &what, err))
        return NULL;
    struct control_record *all = control_list(
        services_control(call->services), call->arena, STR("aws.sns.subscription"), call->region, &n);
    for (size_t i = 0; i < n; i++)
        if (str_eq(value_gets(all[i].attrs, "topic"), what.topic) &&
            topics_takes(call->arena, &all[i], &what))
            topics_deliver(call, &all[i], &what);
    struct value_entry said = {STR("MessageId"), value_string(call->arena, what.id)};
    return value_map(call->arena, &said, 1);
}

static int topic_of(const struct service_call *call, struct control_record *out, struct err *err)
{
    struct str arn = value_gets(call->input, "TopicArn");
    arn = arn.n ? arn : value_gets(call->input, "TargetArn");
    if (control_find(
            services_control(call->services), call->arena, STR("aws.sns.topic"), call->region, arn, out))
        return 0;
    return service_refuse(err, 404, "NotFound", "Topic does not exist");
}

static int do_publish(struct service_call *call, struct err *err)
{
    struct control_record topic;
    if (topic_of(call, &topic, err))
        return -1;
    call->output = topics_publish(call, &topic, call->input, err);
    return call->output ? 0 : -1;
}

static int do_publish_batch(struct service_call *call, struct err *err)
{
    struct control_record topic;
    const struct value *given = value_getz(call->input, "PublishBatchRequestEntries");
    const struct value *entries =
        given && given->kind == VALUE_LIST ? given : wire_path(call->arena, given, STR("@[]"));
    return topic_of(call, &topic, err) || service_batch(call, entries, "", topics_publish, &topic, err) ? -1
                                                                                                        : 0;
}

const struct service_operation sns_operations[] = {
    {"sns", "Publish", do_publish, NULL, NULL},
    {"sns", "PublishBatch", do_publish_batch, NULL, NULL},
    {0},
};
