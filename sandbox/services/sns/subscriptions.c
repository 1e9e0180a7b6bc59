/* Subscriptions: what SNS looks at before the control plane does, and what it adds to attributes. */
#include "sandbox/services/sns/arns.h"
#include "sandbox/services/sns/attributes.h"

#include "sandbox/services/shared/tables.h"

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

/* What is stored of them: flags in small letters, and no policy that is empty. */
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

/* One that is not there is one that was already ended. */
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
    if (str_eqz(name, "FilterPolicy") && !value.n) /* unset */
        return sns_control(call, "SetSubscriptionAttributes",
            value_with(call->arena, call->input, STR("AttributeValue"), value_stringz(call->arena, "{}")),
            &call->output, err);
    call->declined = true; /* last: what is refused is not passed on */
    return 0;
}

/* Nobody gets a token: queues and functions need none, and nothing is sent elsewhere. */
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

const struct service_operation subscription_operations[] = {
    {"sns", "Subscribe", subscribe, NULL, NULL},
    {"sns", "ConfirmSubscription", confirm, NULL, NULL},
    {"sns", "Unsubscribe", unsubscribe, NULL, NULL},
    {"sns", "GetSubscriptionAttributes", get_subscription, NULL, NULL},
    {"sns", "SetSubscriptionAttributes", set_subscription, NULL, NULL},
    {0},
};
