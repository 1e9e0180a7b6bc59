/* Attributes of queues: what the control plane would take, and SQS refuses in words of its own. */
#include "sandbox/services/sqs/queues.h"

#include "base/json.h"
#include "sandbox/engine/view.h"
#include "sandbox/services/shared/permissions.h"

static int refuse_name(struct err *err, struct str name)
{
    return service_refuse(err, 400, "InvalidAttributeName", "Unknown Attribute %.*s.", STR_ARG(name));
}

static int check_name(struct str name, bool fifo, struct err *err)
{
    static const char *const scopes[] = {"DeduplicationScope", "FifoThroughputLimit"};
    static const char *const of_fifo[] = {"FifoQueue", "ContentBasedDeduplication"};
    static const char *const known[] = {"DelaySeconds", "MaximumMessageSize", "MessageRetentionPeriod",
        "Policy", "ReceiveMessageWaitTimeSeconds", "VisibilityTimeout", "RedrivePolicy", "RedriveAllowPolicy",
        "KmsMasterKeyId", "KmsDataKeyReusePeriodSeconds", "SqsManagedSseEnabled"};
    if (STR_IS_ONE_OF(name, known) || (fifo && (STR_IS_ONE_OF(name, scopes) || STR_IS_ONE_OF(name, of_fifo))))
        return 0;
    if (STR_IS_ONE_OF(name, scopes))
        return service_refuse(err, 400, "InvalidAttributeName",
            "You can specify the %.*s only when FifoQueue is set to true.", STR_ARG(name));
    return refuse_name(err, name);
}

int sqs_check_attribute_names(const struct service_call *call, struct err *err)
{
    static const char *const shown[] = {"All", "QueueArn", "CreatedTimestamp", "LastModifiedTimestamp",
        "ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible",
        "ApproximateNumberOfMessagesDelayed"};
    const struct value *names = value_as_list(value_getz(call->input, "AttributeNames"));
    for (uint32_t i = 0; i < names->count; i++) {
        struct str name = value_text(names->items[i], STR_EMPTY);
        if (!STR_IS_ONE_OF(name, shown) && check_name(name, true, err))
            return -1;
    }
    return 0;
}

/* Truth values come as people write them. */
static const struct value *plain_value(struct arena *arena, const struct value *v)
{
    struct str text = value_text(v, STR_EMPTY);
    bool yes = str_ieq(text, STR("true"));
    return yes || str_ieq(text, STR("false")) ? value_stringz(arena, yes ? "true" : "false") : v;
}

/* An encryption of its own and a key exclude each other: the later one is meant. */
static const struct value *with_encryption(struct arena *arena, const struct value *attributes)
{
    if (service_flag(attributes, "SqsManagedSseEnabled") && !value_getz(attributes, "KmsMasterKeyId"))
        return value_with(arena, attributes, STR("KmsMasterKeyId"), value_stringz(arena, ""));
    if (value_gets(attributes, "KmsMasterKeyId").n && !value_getz(attributes, "SqsManagedSseEnabled"))
        return value_with(arena, attributes, STR("SqsManagedSseEnabled"), value_stringz(arena, "false"));
    return attributes;
}

static int forward_checked(
    struct service_call *call, bool fifo, const struct value *attributes, struct err *err)
{
    const struct value *out = attributes;
    for (uint32_t i = 0; attributes && attributes->kind == VALUE_MAP && i < attributes->count; i++) {
        if (check_name(attributes->entries[i].key, fifo, err))
            return -1;
        out = value_with(call->arena, out, attributes->entries[i].key,
            plain_value(call->arena, attributes->entries[i].value));
    }
    call->forward = call->input;
    if (out)
        call->forward =
            value_with(call->arena, call->input, STR("Attributes"), with_encryption(call->arena, out));
    return 0;
}

int sqs_create_queue(struct service_call *call, struct err *err)
{
    const struct value *attributes = value_getz(call->input, "Attributes");
    const struct value *given = value_getz(attributes, "FifoQueue");
    bool fifo = given && str_ieq(value_text(given, STR_EMPTY), STR("true"));
    struct str name = value_gets(call->input, "QueueName");
    if (given && !fifo)
        return refuse_name(err, STR("FifoQueue"));
    if (fifo != str_ends(name, STR(".fifo")))
        return service_refuse(err, 400, "InvalidParameterValue",
            fifo ? "The name of a FIFO queue can only include alphanumeric characters, hyphens, or "
                   "underscores, must "
                   "end with .fifo suffix and be 1 to 80 in length."
                 : "Can only include alphanumeric characters, hyphens, or underscores. 1 to 80 in length");
    return forward_checked(call, fifo, attributes, err);
}

int sqs_set_attributes(struct service_call *call, struct err *err)
{
    const struct value *attributes = value_getz(call->input, "Attributes");
    const struct value *given = value_getz(attributes, "FifoQueue");
    struct queue queue;
    if (!queue_find(call->services, call->arena, call->region, value_gets(call->input, "QueueUrl"), &queue)) {
        call->declined = true;
        return 0;
    }
    if (given && queue.fifo && !str_ieq(value_text(given, STR_EMPTY), STR("true")))
        return service_refuse(err, 400, "InvalidAttributeValue",
            "Invalid value for the parameter FifoQueue. Reason: Modifying queue type is not supported.");
    if (forward_checked(call, queue.fifo, attributes, err))
        return -1;
    attributes = value_getz(call->forward, "Attributes");
    if (given) /* it is as it was */
        call->forward = value_with(call->arena, call->forward, STR("Attributes"),
            value_with(call->arena, attributes, STR("FifoQueue"), NULL));
    return 0;
}

/* Lists and maps without anything in them are left out. */
int sqs_sparse(struct service_call *call, struct err *err)
{
    if (service_control_same(call, err))
        return -1;
    for (uint32_t i = call->output ? call->output->count : 0; i-- > 0;) {
        const struct value *v = call->output->entries[i].value;
        if ((v->kind == VALUE_LIST || v->kind == VALUE_MAP) && !v->count)
            call->output = value_with(call->arena, call->output, call->output->entries[i].key, NULL);
    }
    return 0;
}

/* ---- permissions: statements in the queue's policy ---- */

static int read_policy(
    struct service_call *call, struct queue *queue, const struct value **policy, struct err *err)
{
    static const struct value name = {.kind = VALUE_STRING, .string = STR_INIT("Policy")};
    const struct value *output, *names[] = {&name};
    struct value_builder b = VALUE_BUILDER(call->arena);
    if (!queue_find(call->services, call->arena, call->region, value_gets(call->input, "QueueUrl"), queue))
        return service_refuse(
            err, 400, "AWS.SimpleQueueService.NonExistentQueue", "The specified queue does not exist.");
    view_set(&b, "QueueUrl", value_getz(queue->attrs, "url"));
    view_set(&b, "AttributeNames", value_list(call->arena, names, 1));
    if (service_control(call, "GetQueueAttributes", value_builder_map(&b), &output, err))
        return -1;
    struct str text = value_gets(value_getz(output, "Attributes"), "Policy");
    if (!text.n || json_parse(call->arena, text, policy, ERR_IGNORED)) {
        *policy = value_with(call->arena, NULL, STR("Version"), value_stringz(call->arena, "2008-10-17"));
        *policy = value_with(call->arena, *policy, STR("Id"),
            value_string(
                call->arena, arena_printf(call->arena, "%.*s/SQSDefaultPolicy", STR_ARG(queue->arn))));
    }
    return 0;
}

static int write_policy(const struct service_call *call, const struct queue *queue,
    const struct value *policy, const struct value *statements, struct err *err)
{
    const struct value *output, *text = value_stringz(call->arena, "");
    struct value_builder b = VALUE_BUILDER(call->arena);
    if (statements->count)
        text = json_as_text(call->arena, value_with(call->arena, policy, STR("Statement"), statements));
    view_set(&b, "QueueUrl", value_getz(queue->attrs, "url"));
    view_set(&b, "Attributes", value_with(call->arena, NULL, STR("Policy"), text));
    return service_control(call, "SetQueueAttributes", value_builder_map(&b), &output, err);
}

static int refuse_label(struct err *err, struct str label, const char *reason)
{
    return service_refuse(err, 400, "InvalidParameterValue",
        "Value %.*s for parameter Label is invalid. Reason: %s.", STR_ARG(label), reason);
}

int sqs_add_permission(struct service_call *call, struct err *err)
{
    struct queue queue;
    const struct value *policy;
    if (read_policy(call, &queue, &policy, err))
        return -1;
    const struct value *statements = permission_statements(call->arena, policy);
    const struct permission permission = {.label = value_gets(call->input, "Label"),
        .resource = queue.arn,
        .accounts = value_as_list(value_getz(call->input, "AWSAccountIds")),
        .actions = value_as_list(value_getz(call->input, "Actions")),
        .prefix = "SQS:"};
    if (value_list_find(statements, "Sid", permission.label))
        return refuse_label(err, permission.label, "Already exists");
    return write_policy(call, &queue, policy,
        permission_replaced(
            call->arena, statements, permission.label, permission_statement(call->arena, &permission)),
        err);
}

int sqs_remove_permission(struct service_call *call, struct err *err)
{
    struct queue queue;
    const struct value *policy;
    struct str label = value_gets(call->input, "Label");
    if (read_policy(call, &queue, &policy, err))
        return -1;
    const struct value *statements = permission_statements(call->arena, policy);
    if (!value_list_find(statements, "Sid", label))
        return refuse_label(err, label, "can't find label");
    return write_policy(call, &queue, policy, permission_replaced(call->arena, statements, label, NULL), err);
}
