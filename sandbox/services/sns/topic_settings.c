/* Topics, subscriptions and permissions: SNS's checks before the control plane, and additions to
 * attributes. */
#include "base/json.h"
#include "sandbox/engine/view.h"
#include "sandbox/services/shared/permissions.h"
#include "sandbox/services/shared/tables.h"
#include "sandbox/services/sns/sns.h"

#include <stdlib.h>

/* ---- subscriptions ---- */

enum { UUID_SIZE = 36 };

static int check_endpoint(struct str topic, struct str protocol, struct str endpoint, struct err *err)
{
    if (!str_is_any(protocol, "email email-json http https lambda sqs sms firehose application"))
        return sns_refuse(err, "Amazon SNS does not support this protocol string: %.*s", STR_ARG(protocol));
    if (str_eqz(protocol, "sqs") &&
        (!str_starts(endpoint, STR("arn:")) || str_find(endpoint, STR(":sqs:"), 0) < 0))
        return sns_refuse(err, "SQS endpoint ARN");
    if (str_eqz(protocol, "sqs") && str_ends(endpoint, STR(".fifo")) && !str_ends(topic, STR(".fifo")))
        return sns_refuse(err, "Invalid parameter: Endpoint Reason: FIFO SQS Queues can not be subscribed to "
                               "standard SNS topics");
    if (str_eqz(protocol, "sms") && !sns_is_phone_number(endpoint))
        return service_refuse(err, 400, "InvalidParameter", "Invalid SMS endpoint: %.*s", STR_ARG(endpoint));
    return 0;
}

static int check_attributes_given(
    struct service_call *call, const struct value *given, struct str endpoint, struct err *err)
{
    static const char context[] = "Attributes Reason: ";
    for (uint32_t i = 0; i < given->count; i++)
        if (sns_check_attribute(call->arena, given->entries[i].key,
                value_text(given->entries[i].value, STR_EMPTY), endpoint, context, err))
            return -1;
    return sns_check_filter(
        call->arena, value_gets(given, "FilterPolicy"), value_gets(given, "FilterPolicyScope"), context, err);
}

/* Normalises attributes before they are stored: lower-case flags, no empty policy. */
static const struct value *attributes_normal(struct arena *arena, const struct value *given)
{
    struct str raw = value_gets(given, "RawMessageDelivery");
    if (raw.n)
        given =
            value_with(arena, given, STR("RawMessageDelivery"), value_string(arena, arena_lower(arena, raw)));
    if (value_getz(given, "FilterPolicy") && !value_gets(given, "FilterPolicy").n)
        given = value_with(arena, given, STR("FilterPolicy"), NULL);
    return given;
}

static int subscribe(struct service_call *call, struct err *err)
{
    struct str topic = value_gets(call->input, "TopicArn"), protocol = value_gets(call->input, "Protocol"),
               endpoint = value_gets(call->input, "Endpoint");
    const struct value *given = sns_by_name(call->arena, value_getz(call->input, "Attributes")),
                       *input = call->input;
    struct control_record record;
    if (sns_check_arn(call, topic, "TopicArn", err) || check_endpoint(topic, protocol, endpoint, err) ||
        check_attributes_given(call, given, endpoint, err))
        return -1;
    if (!service_find(call, STR("aws.sns.topic"), topic, &record))
        return service_refuse(err, 404, "NotFound", "Topic does not exist");
    given = attributes_normal(call->arena, given);
    input = value_with(call->arena, input, STR("Attributes"), given->count ? given : NULL);
    if (sns_control(call, "Subscribe", input, &call->output, err))
        return -1;
    bool asks = str_starts(protocol, STR("http")) || str_starts(protocol, STR("email"));
    if (asks && !service_flag(call->input, "ReturnSubscriptionArn"))
        service_answer(call, "SubscriptionArn", value_stringz(call->arena, "pending confirmation"));
    return 0;
}

static int check_subscription(const struct service_call *call, struct str arn, struct err *err)
{
    struct str id = str_last_part(arn, ":");
    if (!arn.n)
        return sns_refuse(err, "SubscriptionArn Reason: no value for required parameter");
    if (sns_check_arn(call, arn, "SubscriptionArn", err))
        return -1;
    return id.n == UUID_SIZE ? 0 : sns_refuse(err, "SubscriptionId");
}

/* Unsubscribing an absent subscription succeeds. */
static int unsubscribe(struct service_call *call, struct err *err)
{
    struct str arn = value_gets(call->input, "SubscriptionArn");
    struct control_record record;
    if (check_subscription(call, arn, err))
        return -1;
    call->declined = service_find(call, STR("aws.sns.subscription"), arn, &record);
    return 0;
}

static int get_subscription(struct service_call *call, struct err *err)
{
    struct str arn = value_gets(call->input, "SubscriptionArn");
    const struct value *attributes;
    if (check_subscription(call, arn, err) ||
        sns_attributes(call, "GetSubscriptionAttributes", "SubscriptionArn", arn, &attributes, err))
        return -1;
    if (str_eqz(value_gets(attributes, "FilterPolicy"), "{}"))
        attributes = value_with(call->arena, attributes, STR("FilterPolicy"), NULL);
    if (!value_getz(attributes, "FilterPolicy"))
        attributes = value_with(call->arena, attributes, STR("FilterPolicyScope"), NULL);
    sns_answer_attributes(call, attributes);
    return 0;
}

static int set_subscription(struct service_call *call, struct err *err)
{
    struct str arn = value_gets(call->input, "SubscriptionArn"),
               name = value_gets(call->input, "AttributeName"),
               value = value_gets(call->input, "AttributeValue");
    struct control_record record;
    if (check_subscription(call, arn, err))
        return -1;
    bool known = service_find(call, STR("aws.sns.subscription"), arn, &record);
    if (known && sns_check_attribute(call->arena, name, value, value_gets(record.attrs, "endpoint"), "", err))
        return -1;
    struct str scope = known ? value_gets(record.attrs, "filter_policy_scope") : STR_EMPTY;
    if (known && str_eqz(name, "FilterPolicy") && sns_check_filter(call->arena, value, scope, "", err))
        return -1;
    if (str_eqz(name, "FilterPolicy") && !value.n) /* removes the policy */
        return sns_control(call, "SetSubscriptionAttributes",
            value_with(call->arena, call->input, STR("AttributeValue"), value_stringz(call->arena, "{}")),
            &call->output, err);
    call->declined = true; /* last, so that refused requests are not forwarded */
    return 0;
}

/* No token is ever valid: queues and functions need no confirmation, and other endpoints get no messages. */
static int confirm(struct service_call *call, struct err *err)
{
    struct str token = value_gets(call->input, "Token");
    if (sns_check_arn(call, value_gets(call->input, "TopicArn"), "TopicArn", err))
        return -1;
    (void)value_getz(call->input, "AuthenticateOnUnsubscribe");
    return !token.n || str_is_made_of(token, CHARS_HEX "ABCDEF")
               ? sns_refuse(err, "Token")
               : service_refuse(err, 400, "InvalidParameter", "Invalid token");
}

enum { MAX_TOPIC_NAME = 256 };

#define DELIVERY_POLICY                                                                                      \
    "{\"http\":{\"defaultHealthyRetryPolicy\":{\"minDelayTarget\":20,\"maxDelayTarget\":20,"                 \
    "\"numRetries\":3,\"numMaxDelayRetries\":0,\"numNoDelayRetries\":0,\"numMinDelayRetries\":0,"            \
    "\"backoffFunction\":\"linear\"},\"disableSubscriptionOverrides\":false,"                                \
    "\"defaultRequestPolicy\":{\"headerContentType\":\"text/plain; charset=UTF-8\"}}}"

/* Returns the default policy with the topic's own settings in it. */
static const struct value *delivery_policy(struct arena *arena, struct str own)
{
    const struct value *usual, *given;
    struct err err = ERR_INIT;
    if (json_parse(arena, STR(DELIVERY_POLICY), &usual, &err) || !own.n ||
        json_parse(arena, own, &given, &err))
        return value_stringz(arena, DELIVERY_POLICY);
    const struct value *http = value_merge(arena, value_getz(usual, "http"), value_getz(given, "http"));
    return json_as_text(arena, value_with(arena, usual, STR("http"), http));
}

/* ---- attributes ---- */

/* True for delivery status logging, such as LambdaSuccessFeedbackRoleArn, and archive policies, which are
 * only stored. */
static bool is_only_kept(struct str name)
{
    static const char *const protocols[] = {"HTTP", "Lambda", "SQS", "Firehose", "Application"};
    for (size_t i = 0; i < sizeof protocols / sizeof *protocols; i++)
        if (str_starts(name, str_z(protocols[i])))
            return str_is_any(str_slice(name, strlen(protocols[i]), name.n),
                "SuccessFeedbackRoleArn SuccessFeedbackSampleRate FailureFeedbackRoleArn");
    return str_eqz(name, "ArchivePolicy");
}

static const struct value *only_kept(const struct service_call *call, const struct control_record *topic)
{
    return value_as_map(value_getz(service_note_read(call, "topics", topic), "attributes"));
}

static int keep_attribute(struct service_call *call, const struct control_record *topic, struct str name,
    struct str text, struct err *err)
{
    const struct value *all = value_with(
        call->arena, only_kept(call, topic), name, text.n ? value_string(call->arena, text) : NULL);
    struct value_entry entry = {STR("attributes"), all};
    call->output = &value_empty_map;
    return service_note_write(call, "topics", topic, value_map(call->arena, &entry, 1), err);
}

static int get_topic(struct service_call *call, struct err *err)
{
    struct str arn = value_gets(call->input, "TopicArn");
    const struct value *attributes;
    struct control_record topic;
    if (sns_check_arn(call, arn, "TopicArn", err) ||
        sns_attributes(call, "GetTopicAttributes", "TopicArn", arn, &attributes, err))
        return -1;
    if (service_find(call, STR("aws.sns.topic"), arn, &topic))
        attributes = value_merge(call->arena, attributes, only_kept(call, &topic));
    if (!value_getz(attributes, "DisplayName"))
        attributes = value_with(call->arena, attributes, STR("DisplayName"), value_stringz(call->arena, ""));
    if (str_eqz(value_gets(attributes, "FifoTopic"), "false"))
        attributes = value_with(call->arena, attributes, STR("FifoTopic"), NULL);
    if (str_ends(arn, STR(".fifo")) && !value_getz(attributes, "ContentBasedDeduplication"))
        attributes = value_with(
            call->arena, attributes, STR("ContentBasedDeduplication"), value_stringz(call->arena, "false"));
    sns_answer_attributes(call, value_with(call->arena, attributes, STR("EffectiveDeliveryPolicy"),
                                    delivery_policy(call->arena, value_gets(attributes, "DeliveryPolicy"))));
    return 0;
}

static int set_topic(struct service_call *call, struct err *err)
{
    struct str name = value_gets(call->input, "AttributeName"), arn = value_gets(call->input, "TopicArn");
    struct control_record topic;
    if (sns_check_arn(call, arn, "TopicArn", err))
        return -1;
    if (is_only_kept(name) && service_find(call, STR("aws.sns.topic"), arn, &topic))
        return keep_attribute(call, &topic, name, value_gets(call->input, "AttributeValue"), err);
    if (!is_only_kept(name) &&
        !str_is_any(name, "ContentBasedDeduplication DeliveryPolicy DisplayName FifoThroughputScope "
                          "KmsMasterKeyId Policy SignatureVersion TracingConfig"))
        return sns_refuse(err, "AttributeName");
    call->declined = true;
    return 0;
}

static bool is_topic_name(struct str name, bool fifo)
{
    size_t n = str_ends(name, STR(".fifo")) ? name.n - 5 : name.n;
    return name.n <= MAX_TOPIC_NAME && (n < name.n) == fifo &&
           str_is_made_of(str_slice(name, 0, n), CHARS_ALNUM "-_");
}

/* Returns the default value of an attribute. */
static struct str usual_of(struct str name)
{
    return str_eqz(name, "FifoTopic") ? STR("false") : STR_EMPTY;
}

/* Creating an existing topic succeeds if attributes and tags are the same. */
static int same_topic(struct service_call *call, struct str arn, const struct value *given, struct err *err)
{
    const struct value *have, *output, *tags = value_getz(call->input, "Tags");
    const struct value_entry entry = {STR("ResourceArn"), value_string(call->arena, arn)};
    if (sns_attributes(call, "GetTopicAttributes", "TopicArn", arn, &have, err))
        return -1;
    for (uint32_t i = 0; i < given->count; i++)
        if (!str_eq(value_text(given->entries[i].value, STR_EMPTY),
                value_text(value_get(have, given->entries[i].key), usual_of(given->entries[i].key))))
            return sns_refuse(err, "Attributes Reason: Topic already exists with different attributes");
    if (tags && sns_control(call, "ListTagsForResource", value_map(call->arena, &entry, 1), &output, err))
        return -1;
    const struct value *wanted = tags ? wire_path(call->arena, tags, STR("@[]")) : NULL,
                       *had = tags ? wire_path(call->arena, output, STR("Tags[]")) : NULL;
    for (uint32_t i = 0; wanted && i < wanted->count; i++) {
        bool found = false;
        for (uint32_t k = 0; had && k < had->count; k++)
            found = found || value_equal(wanted->items[i], had->items[k]);
        if (!found)
            return sns_refuse(err, "Tags Reason: Topic already exists with different tags");
    }
    call->output = &value_empty_map;
    service_answer_text(call, "TopicArn", arn);
    return 0;
}

static int create_topic(struct service_call *call, struct err *err)
{
    struct str name = value_gets(call->input, "Name");
    struct control_record topic;
    const struct value *given = sns_by_name(call->arena, value_getz(call->input, "Attributes"));
    if (!is_topic_name(name, service_flag(given, "FifoTopic")))
        return sns_refuse(err, "Topic Name");
    struct str arn = arena_printf(call->arena, "arn:aws:sns:%.*s:%.*s:%.*s", STR_ARG(call->region),
        STR_ARG(services_account(call->services)), STR_ARG(name));
    if (service_find(call, STR("aws.sns.topic"), arn, &topic))
        return same_topic(call, arn, given, err);
    call->declined = true;
    return 0;
}

/* Refuses topics of other regions. */
static int check_region(struct service_call *call, struct err *err)
{
    call->declined = !sns_check_arn(call, value_gets(call->input, "TopicArn"), "TopicArn", err);
    return call->declined ? 0 : -1;
}

static int tag_topic(struct service_call *call, struct err *err)
{
    const struct value *tags =
        value_as_list(wire_path(call->arena, value_getz(call->input, "Tags"), STR("@[]")));
    struct str *keys = ARENA_ARRAY(call->arena, struct str, tags->count);
    for (uint32_t i = 0; i < tags->count; i++)
        keys[i] = value_gets(tags->items[i], "Key");
    if (tags->count)
        qsort(keys, tags->count, sizeof *keys, str_order);
    for (uint32_t i = 1; i < tags->count; i++)
        if (str_eq(keys[i], keys[i - 1]))
            return sns_refuse(err, "Duplicated keys are not allowed.");
    call->declined = true;
    return 0;
}

/* ---- permissions: statements in the topic's policy ---- */

static const struct value *policy_read(struct service_call *call, struct err *err)
{
    struct str arn = value_gets(call->input, "TopicArn");
    const struct value *attributes, *policy;
    if (sns_check_arn(call, arn, "TopicArn", err) ||
        sns_attributes(call, "GetTopicAttributes", "TopicArn", arn, &attributes, err))
        return NULL;
    return json_parse(call->arena, value_gets(attributes, "Policy"), &policy, ERR_IGNORED) ? &value_empty_map
                                                                                           : policy;
}

static int policy_write(
    struct service_call *call, const struct value *policy, const struct value *statements, struct err *err)
{
    const struct value *output;
    struct value_builder b = VALUE_BUILDER(call->arena);
    view_set(&b, "TopicArn", value_getz(call->input, "TopicArn"));
    view_text(&b, "AttributeName", STR("Policy"));
    view_set(&b, "AttributeValue",
        json_as_text(call->arena, value_with(call->arena, policy, STR("Statement"), statements)));
    return sns_control(call, "SetTopicAttributes", value_builder_map(&b), &output, err);
}

static const struct value *permission_list(struct service_call *call, const char *member)
{
    return value_as_list(wire_path(call->arena, value_getz(call->input, member), STR("@[]")));
}

static int check_actions(const struct value *names, struct err *err)
{
    for (uint32_t i = 0; i < names->count; i++)
        if (!str_is_any(value_text(names->items[i], STR_EMPTY),
                "Publish Subscribe GetTopicAttributes SetTopicAttributes AddPermission RemovePermission "
                "DeleteTopic ListSubscriptionsByTopic Receive"))
            return sns_refuse(err, "Policy statement action out of service scope!");
    return 0;
}

static int add_permission(struct service_call *call, struct err *err)
{
    const struct value *policy = policy_read(call, err);
    const struct permission permission = {.label = value_gets(call->input, "Label"),
        .resource = value_gets(call->input, "TopicArn"),
        .accounts = permission_list(call, "AWSAccountId"),
        .actions = permission_list(call, "ActionName"),
        .prefix = "SNS:"};
    if (!policy)
        return -1;
    const struct value *statements = permission_statements(call->arena, policy);
    if (value_list_find(statements, "Sid", permission.label))
        return sns_refuse(err, "Statement already exists");
    if (check_actions(permission.actions, err))
        return -1;
    return policy_write(call, policy,
        permission_replaced(
            call->arena, statements, permission.label, permission_statement(call->arena, &permission)),
        err);
}

static int drop_permission(struct service_call *call, struct err *err)
{
    const struct value *policy = policy_read(call, err);
    if (!policy)
        return -1;
    const struct value *statements = permission_statements(call->arena, policy);
    return policy_write(call, policy,
        permission_replaced(call->arena, statements, value_gets(call->input, "Label"), NULL), err);
}

const struct service_operation topic_operations[] = {
    {"sns", "Subscribe", subscribe},
    {"sns", "ConfirmSubscription", confirm},
    {"sns", "Unsubscribe", unsubscribe},
    {"sns", "GetSubscriptionAttributes", get_subscription},
    {"sns", "SetSubscriptionAttributes", set_subscription},
    {"sns", "CreateTopic", create_topic},
    {"sns", "GetTopicAttributes", get_topic},
    {"sns", "SetTopicAttributes", set_topic},
    {"sns", "DeleteTopic", check_region},
    {"sns", "ListSubscriptionsByTopic", check_region},
    {"sns", "TagResource", tag_topic},
    {"sns", "AddPermission", add_permission},
    {"sns", "RemovePermission", drop_permission},
    {0},
};
