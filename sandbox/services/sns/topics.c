/* SNS publishing: messages are delivered to queues, functions and Firehose streams. Other subscriptions
 * (email, HTTP) get nothing. */
#include "sandbox/engine/view.h"
#include "sandbox/notation/languages.h"
#include "sandbox/services/shared/event_targets.h"
#include "sandbox/services/sns/sns.h"

#include "base/clock.h"
#include "base/json.h"

#include <ctype.h>

enum { MAX_ENTRIES = 10, MAX_ENTRY_ID = 80, MAX_MESSAGE = 262144 };

/* Returns a policy that is a map or JSON text. */
static const struct value *policy_of(
    struct arena *arena, const struct control_record *subscription, const char *name)
{
    const struct value *policy = value_getz(subscription->attrs, name), *parsed;
    if (policy && policy->kind == VALUE_STRING)
        policy = json_parse(arena, policy->string, &parsed, ERR_IGNORED) ? NULL : parsed;
    return policy;
}

/* True if the subscription has no policy, or it matches the attributes or (MessageBody) the message's
 * JSON. */
static bool topics_takes(
    struct arena *arena, const struct control_record *subscription, const struct publication *what)
{
    const struct value *policy = policy_of(arena, subscription, "filter_policy"), *body;
    if (value_is_null(policy) || !policy->count)
        return true;
    if (!str_eqz(value_gets(subscription->attrs, "filter_policy_scope"), "MessageBody"))
        return event_matches(policy, what->attributes.values);
    return !json_parse(arena, what->text, &body, ERR_IGNORED) && body->kind == VALUE_MAP &&
           event_matches(policy, body);
}

/* ---- messages ---- */

static struct str text_for(const struct publication *what, const char *protocol)
{
    struct str fallback = value_gets(what->by_protocol, "default");
    return what->by_protocol ? value_text(value_getz(what->by_protocol, protocol), fallback) : what->text;
}

/* Returns the text to sign, which clients build from the same members. */
static struct str signed_text(struct arena *arena, const struct value *note)
{
    static const char *const names[] = {"Message", "MessageId", "Subject", "Timestamp", "TopicArn", "Type"};
    AUTO_BUF struct buf text = BUF_INIT;
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if (value_getz(note, names[i]))
            buf_addf(&text, "%s\n%.*s\n", names[i], STR_ARG(value_gets(note, names[i])));
    return arena_str(arena, buf_str(&text));
}

static const struct value *notification(const struct service_call *call, const struct publication *what,
    const char *protocol, struct str subscription)
{
    struct arena *arena = call->arena;
    bool function = !strcmp(protocol, "lambda");
    struct value_builder b = VALUE_BUILDER(arena);
    view_text(&b, "Type", STR("Notification"));
    view_text(&b, "MessageId", what->id);
    view_text(&b, "SequenceNumber", what->sequence);
    view_text(&b, "TopicArn", what->topic);
    view_text(&b, "Subject", what->subject);
    view_text(&b, "Message", text_for(what, protocol));
    view_text(&b, "Timestamp", time_rfc3339(arena, clock_wall_ms(), true));
    const struct value *note = value_builder_map(&b);
    struct str unsubscribe = arena_printf(arena, "%.*s/?Action=Unsubscribe&SubscriptionArn=%.*s",
        STR_ARG(sandbox_endpoint(services_sandbox(call->services), arena)), STR_ARG(subscription));
    struct value_builder more = VALUE_BUILDER(arena);
    /* functions get version 1 whatever signature is used */
    struct str version = function ? STR("1") : what->signature_version;
    if (!what->sequence.n) { /* FIFO messages are not signed */
        view_text(&more, "SignatureVersion", version);
        view_text(&more, "Signature",
            signature_of(call->services, arena, signed_text(arena, note), what->signature_version));
        view_text(
            &more, function ? "SigningCertUrl" : "SigningCertURL", signature_url(call->services, arena));
    }
    if (function && !what->subject.n) /* functions get a null Subject */
        value_builder_set(&more, STR("Subject"), &value_null);
    view_text(&more, function ? "UnsubscribeUrl" : "UnsubscribeURL", unsubscribe);
    if (what->attributes.shown->count || function)
        view_set(&more, "MessageAttributes", what->attributes.shown);
    return value_merge(arena, note, value_builder_map(&more));
}

/* Returns a function's event: a list with one record. */
static struct str for_function(struct arena *arena, const struct value *note, struct str subscription)
{
    const struct value *one = VALUE_MAP(arena, {STR("EventSource"), value_stringz(arena, "aws:sns")},
        {STR("EventVersion"), value_stringz(arena, "1.0")},
        {STR("EventSubscriptionArn"), value_string(arena, subscription)}, {STR("Sns"), note});
    return json_as_text(arena, value_with(arena, NULL, STR("Records"), value_list(arena, &one, 1)))->string;
}

static void topics_deliver(const struct service_call *call, const struct control_record *subscription,
    const struct publication *what)
{
    struct arena *arena = call->arena;
    struct str protocol = value_gets(subscription->attrs, "protocol"),
               endpoint = value_gets(subscription->attrs, "endpoint");
    bool function = str_eqz(protocol, "lambda"), stream = str_eqz(protocol, "firehose"),
         raw = service_flag(subscription->attrs, "raw_message_delivery");
    if (!function && !stream && !str_eqz(protocol, "sqs"))
        return;
    const struct value *note = notification(call, what, arena_strz(arena, protocol), subscription->id);
    bool ordered = str_ends(endpoint, STR(".fifo"));
    struct str input = function ? for_function(arena, note, subscription->id)
                       : raw    ? value_gets(note, "Message")
                                : json_as_text(arena, note)->string;
    if (stream) /* one line per record */
        input = arena_printf(arena, "%.*s\n", STR_ARG(input));
    const struct target target = {.region = call->region,
        .arn = endpoint,
        .input = input,
        .letter =
            function ? json_as_text(arena, notification(call, what, "sqs", subscription->id))->string : input,
        .trace = call->trace,
        .message_attributes = raw && what->attributes.raw->count ? what->attributes.raw : NULL,
        .message_group = function || (what->sequence.n && !ordered) ? STR_EMPTY : what->group,
        .message_deduplication = ordered ? what->deduplication : STR_EMPTY,
        .dead_letter_queue =
            value_gets(policy_of(arena, subscription, "redrive_policy"), "deadLetterTargetArn"),
        .role = value_gets(subscription->attrs, "role"),
        .service = STR("sns.amazonaws.com"),
        .source_arn = what->topic,
        .by = arena_printf(arena, "topic %.*s", STR_ARG(what->topic))};
    target_deliver(call->services, &target);
}

/* ---- publishing ---- */

static const struct value *topics_publish(
    struct service_call *call, const void *ctx, const struct value *message, struct err *err)
{
    const struct control_record *topic = ctx;
    struct publication what;
    size_t n;
    if (message_read(call, topic, message, "", &what, err))
        return NULL;
    bool known =
        str_ends(what.topic, STR(".fifo")) && message_is_known(call->services, topic, call->arena, &what);
    struct control_record *all = control_list_having(services_control(call->services), call->arena,
        STR("aws.sns.subscription"), call->region, what.topic, &n);
    for (size_t i = 0; i < n && !known; i++)
        if (str_eq(value_gets(all[i].attrs, "topic"), what.topic) &&
            topics_takes(call->arena, &all[i], &what))
            topics_deliver(call, &all[i], &what);
    struct value_builder b = VALUE_BUILDER(call->arena);
    view_text(&b, "MessageId", what.id);
    view_text(&b, "SequenceNumber", what.sequence);
    return value_builder_map(&b);
}

static int topic_of(const struct service_call *call, struct control_record *out, struct err *err)
{
    bool target = !value_getz(call->input, "TopicArn") && value_getz(call->input, "TargetArn");
    struct str arn = value_gets(call->input, target ? "TargetArn" : "TopicArn");
    if (sns_check_arn(call, arn, target ? "TargetArn" : "TopicArn", err))
        return -1;
    if (service_find(call, STR("aws.sns.topic"), arn, out))
        return 0;
    if (target && str_find(arn, STR(":endpoint/"), 0) >= 0)
        return sns_refuse(err, "TargetArn Reason: No endpoint found for the target arn specified");
    return service_refuse(err, 404, "NotFound", "Topic does not exist");
}

static int do_publish(struct service_call *call, struct err *err)
{
    struct control_record topic;
    struct str phone = value_gets(call->input, "PhoneNumber");
    if (phone.n && !sns_is_phone_number(phone))
        return sns_refuse(err, "PhoneNumber Reason: %.*s is not valid to publish to", STR_ARG(phone));
    if (phone.n)
        return service_refuse(err, 400, "InvalidParameter", "Publish: the sandbox does not know PhoneNumber");
    if (topic_of(call, &topic, err))
        return -1;
    call->output = topics_publish(call, &topic, call->input, err);
    return call->output ? 0 : -1;
}

static int check_entry_id(struct str id, struct err *err)
{
    for (size_t i = 0; i < id.n; i++)
        if (!isalnum((unsigned char)id.p[i]) && !char_is_among(id.p[i], "-_"))
            return service_refuse(err, 400, "InvalidBatchEntryId",
                "The Id of a batch entry in the batch request contains an impermissible character: %.*s",
                STR_ARG(id));
    if (id.n > MAX_ENTRY_ID)
        return service_refuse(err, 400, "InvalidBatchEntryId",
            "The Id of a batch entry in the batch request is too long: %.*s", STR_ARG(id));
    return 0;
}

/* An invalid message refuses the whole batch. */
static int check_entries(struct service_call *call, const struct control_record *topic,
    const struct value *entries, struct err *err)
{
    size_t bytes = 0;
    if (entries->count > MAX_ENTRIES)
        return service_refuse(err, 400, "TooManyEntriesInBatchRequest",
            "The batch request contains more entries than permissible.");
    for (uint32_t i = 0; i < entries->count; i++)
        for (uint32_t k = 0; k < i; k++)
            if (str_eq(value_gets(entries->items[i], "Id"), value_gets(entries->items[k], "Id")))
                return service_refuse(err, 400, "BatchEntryIdsNotDistinct",
                    "Two or more batch entries in the request have the same Id.");
    for (uint32_t i = 0; i < entries->count; i++) {
        struct publication what;
        struct str at = arena_printf(call->arena, "publishBatchRequestEntries.%u.member.", (unsigned)i + 1);
        if (check_entry_id(value_gets(entries->items[i], "Id"), err) ||
            (message_read(call, topic, entries->items[i], at.p, &what, err) &&
                strcmp(err->message, "Invalid parameter: Message too long") != 0))
            return -1;
        bytes += what.text.n + what.attributes.bytes;
    }
    if (bytes > MAX_MESSAGE)
        return service_refuse(err, 400, "BatchRequestTooLong",
            "The length of all the messages put together is more than the limit.");
    return 0;
}

static int do_publish_batch(struct service_call *call, struct err *err)
{
    struct control_record topic;
    const struct value *given = value_getz(call->input, "PublishBatchRequestEntries");
    const struct value *entries =
        value_as_list(given && given->kind == VALUE_LIST ? given : wire_path(call->arena, given, STR("@[]")));
    return topic_of(call, &topic, err) || check_entries(call, &topic, entries, err) ||
                   service_batch(call, entries, "", topics_publish, &topic, err)
               ? -1
               : 0;
}

const struct service_operation sns_operations[] = {
    {"sns", "Publish", do_publish},
    {"sns", "PublishBatch", do_publish_batch},
    {0},
};
