/* SQS's operations beyond the records of the control plane. */
#include "base/clock.h"
#include "base/hash.h"
#include "base/mem.h"
#include "sandbox/calls/services_state.h"
#include "sandbox/services/sqs/queues.h"

#include <stdio.h>

enum { MAX_BODY = 1048576, MAX_ATTRIBUTES = 10, PURGE_EVERY_MS = 60000 };

static int queues_operations_invalid(struct err *err, const char *why)
{
    return service_refuse(err, 400, "InvalidParameterValue", "%s", why);
}

static int missing(struct err *err, const char *member)
{
    return service_refuse(err, 400, "MissingParameter", "The request must contain the parameter %s.", member);
}

static int queue_of(const struct service_call *call, struct queue *out, struct err *err)
{
    struct str url;
    if (service_required(call, "QueueUrl", &url, err))
        return -1;
    if (queue_find(call->services, call->arena, call->region, url, out))
        return 0;
    return service_refuse(
        err, 400, "AWS.SimpleQueueService.NonExistentQueue", "The specified queue does not exist.");
}

static struct queues *queues_of(const struct service_call *call)
{
    return services_queues(call->services);
}

/* ---- sending ---- */

static bool is_attribute_name(struct str name)
{
    bool ends = str_starts(name, STR(".")) || str_ends(name, STR(".")) || str_find(name, STR(".."), 0) >= 0;
    struct str begin = str_slice(name, 0, name.n < 7 ? name.n : 7);
    if (!name.n || name.n > 256 || ends || str_ieq(begin, STR("amazon.")) ||
        str_ieq(str_slice(name, 0, name.n < 4 ? name.n : 4), STR("aws.")))
        return false;
    for (size_t i = 0; i < name.n; i++)
        if (strchr("!\"#$%&'()*+,/:;<=>?@[\\]^`{|}~ ", name.p[i]) || (name.p[i] & 0xff) == 0xc2)
            return false;
    return true;
}

static int check_attribute(struct str name, const struct value *one, struct err *err)
{
    struct str type = value_gets(one, "DataType"), text = value_gets(one, "StringValue");
    bool binary = str_starts(type, STR("Binary"));
    if (!is_attribute_name(name))
        return service_refuse(err, 400, "InvalidParameterValue",
            "Message (user) attribute name '%.*s' is invalid: it has a prefix or a character that it may not "
            "have, or "
            "is longer than 256 characters.",
            STR_ARG(name));
    if (type.n > 256 || (!str_starts(type, STR("String")) && !str_starts(type, STR("Number")) && !binary))
        return service_refuse(err, 400, "InvalidParameterValue",
            "The message attribute '%.*s' has an invalid message attribute type, the set of supported type "
            "prefixes is Binary, Number, and String.",
            STR_ARG(name));
    if (!text.n && !binary)
        return service_refuse(err, 400, "InvalidParameterValue",
            "Message (user) attribute '%.*s' must contain a non-empty value of type 'String'.",
            STR_ARG(name));
    double number;
    if (str_starts(type, STR("Number")) && !str_to_double(text, &number))
        return service_refuse(err, 400, "InvalidParameterValue",
            "Can't cast the value of message (user) attribute '%.*s' to a number.", STR_ARG(name));
    return wire_xml_can_say(text)
               ? 0
               : queues_operations_invalid(err, "Invalid characters found in a message attribute.");
}

static int check_attributes(const struct value *attributes, int64_t *size, struct err *err)
{
    if (attributes && attributes->kind == VALUE_MAP && attributes->count > MAX_ATTRIBUTES)
        return queues_operations_invalid(
            err, "Number of message attributes exceeds the allowed maximum [10].");
    for (uint32_t i = 0; attributes && attributes->kind == VALUE_MAP && i < attributes->count; i++) {
        const struct value *one = attributes->entries[i].value;
        if (check_attribute(attributes->entries[i].key, one, err))
            return -1;
        *size += (int64_t)(attributes->entries[i].key.n + value_gets(one, "DataType").n +
                           value_gets(one, "StringValue").n + value_gets(one, "BinaryValue").n);
    }
    return 0;
}

static int invalid_value(struct err *err, struct str value, const char *parameter, const char *reason)
{
    return service_refuse(err, 400, "InvalidParameterValue",
        "Value %.*s for parameter %s is invalid. Reason: %s", STR_ARG(value), parameter, reason);
}

static int out_of_range(struct err *err, int64_t given, const char *parameter, const char *reason)
{
    char text[24];
    snprintf(text, sizeof text, "%lld", (long long)given);
    return invalid_value(err, str_z(text), parameter, reason);
}

/* Checks group and deduplication id, if given. */
static int check_ids(const struct value *given, struct err *err)
{
    static const char *const names[] = {"MessageGroupId", "MessageDeduplicationId"};
    for (size_t n = 0; n < 2; n++) {
        struct str id = value_gets(given, names[n]);
        bool good = id.n > 0 && id.n <= 128;
        for (size_t i = 0; i < id.n; i++)
            good = good && id.p[i] > 0x20 && id.p[i] < 0x7f;
        if (value_getz(given, names[n]) && !good) {
            char reason[128];
            snprintf(reason, sizeof reason,
                "%s can only include alphanumeric and punctuation characters. 1 to 128 in length.", names[n]);
            return invalid_value(err, id, names[n], reason);
        }
    }
    return 0;
}

static int check_deduplication(const struct queue *queue, const struct value *given, struct err *err)
{
    bool has = service_flag(queue->attrs, "content_based_deduplication") ||
               value_gets(given, "MessageDeduplicationId").n;
    return has ? 0
               : queues_operations_invalid(err,
                     "The queue should either have ContentBasedDeduplication enabled or "
                     "MessageDeduplicationId provided explicitly");
}

static int check_fifo(const struct queue *queue, const struct value *given, struct err *err)
{
    if (check_ids(given, err))
        return -1;
    if (!queue->fifo)
        return 0;
    if (!value_gets(given, "MessageGroupId").n)
        return missing(err, "MessageGroupId");
    if (check_deduplication(queue, given, err))
        return -1;
    if (service_int(given, "DelaySeconds", 0))
        return out_of_range(err, service_int(given, "DelaySeconds", 0), "DelaySeconds",
            "The request include parameter that is not valid for this queue type.");
    return 0;
}

static int check_message(
    const struct service_call *call, const struct queue *queue, const struct value *given, struct err *err)
{
    struct str body = value_gets(given, "MessageBody");
    int64_t delay = service_int(given, "DelaySeconds", 0), size = (int64_t)body.n,
            most = service_int(queue->attrs, "maximum_message_size", MAX_BODY);
    if (!body.n)
        return missing(err, "MessageBody");
    if (check_attributes(value_getz(given, "MessageAttributes"), &size, err))
        return -1;
    if (!wire_xml_can_say(body))
        return service_refuse(
            err, 400, "InvalidMessageContents", "Invalid characters found in the message body.");
    if (size > most)
        return service_refuse(err, 400, "InvalidParameterValue",
            "One or more parameters %s. Reason: Message must be shorter than %lld bytes.",
            str_ends(str_z(call->operation->name), STR("Batch")) ? "cannot be validated" : "are invalid",
            (long long)most);
    if (delay < 0 || delay > 900)
        return queues_operations_invalid(err, "DelaySeconds must be >= 0 and <= 900.");
    return check_fifo(queue, given, err);
}

/* Returns the deduplication key; ids have no spaces. The scope is the one that the queue was created with. */
static struct str once_key(struct arena *arena, const struct queue *queue, const struct message *message)
{
    return str_eqz(value_gets(queue->attrs, "deduplicates"), "messageGroup")
               ? arena_printf(arena, "%.*s %.*s", STR_ARG(message->group), STR_ARG(message->deduplication))
               : message->deduplication;
}

static struct message *message_new(
    const struct service_call *call, const struct queue *queue, const struct value *given)
{
    struct message *message = mem_zalloc(sizeof *message);
    struct arena *arena = &message->arena;
    const struct value *attributes = value_getz(given, "MessageAttributes");
    message->id = uuid_random(arena);
    message->body = arena_str(arena, value_gets(given, "MessageBody"));
    message->group = arena_str(arena, value_gets(given, "MessageGroupId"));
    message->deduplication = arena_str(arena, value_gets(given, "MessageDeduplicationId"));
    if (queue->fifo && !message->deduplication.n)
        message->deduplication = sha256_hex(arena, message->body);
    if (queue->fifo)
        message->once = once_key(arena, queue, message);
    if (attributes && attributes->kind == VALUE_MAP && attributes->count)
        message->attributes = value_copy(arena, attributes);
    message->sent_ms = clock_wall_ms();
    struct str trace =
        value_gets(value_getz(value_getz(given, "MessageSystemAttributes"), "AWSTraceHeader"), "StringValue");
    message->trace = arena_str(arena, trace.n ? trace : call->trace);
    int64_t usual = service_int(queue->attrs, "delay_seconds", 0);
    message->visible_ms =
        clock_mono_ms() + 1000 * (queue->fifo ? usual : service_int(given, "DelaySeconds", usual));
    return message;
}

static struct str md5_hex(struct arena *arena, struct str text)
{
    unsigned char digest[MD5_SIZE];
    hash_md5(text, digest);
    return hex_encode(arena, digest, sizeof digest);
}

static const struct value *send_one(
    struct service_call *call, const void *ctx, const struct value *given, struct err *err)
{
    const struct queue *queue = ctx;
    struct arena *arena = call->arena;
    const struct value *attributes = value_getz(given, "MessageAttributes");
    struct queue_sent sent;
    if (check_message(call, queue, given, err))
        return NULL;
    if (!queue_send(queues_of(call), arena, queue, message_new(call, queue, given), &sent)) {
        service_refuse(err, 400, "OverLimit", "the sandbox holds as many messages as it can");
        return NULL;
    }
    AUTO_BUILDER struct value_builder b = VALUE_BUILDER(arena);
    value_builder_set(&b, STR("MessageId"), value_string(arena, sent.id));
    value_builder_set(
        &b, STR("MD5OfMessageBody"), value_string(arena, md5_hex(arena, value_gets(given, "MessageBody"))));
    if (attributes && attributes->kind == VALUE_MAP && attributes->count)
        value_builder_set(
            &b, STR("MD5OfMessageAttributes"), value_string(arena, queue_digest(arena, attributes)));
    const struct value *system = value_getz(given, "MessageSystemAttributes");
    if (system && system->kind == VALUE_MAP && system->count)
        value_builder_set(
            &b, STR("MD5OfMessageSystemAttributes"), value_string(arena, queue_digest(arena, system)));
    if (queue->fifo)
        value_builder_set(&b, STR("SequenceNumber"),
            value_string(arena, arena_printf(arena, "18850%015llu", (unsigned long long)sent.sequence)));
    return value_builder_map(&b);
}

static int do_send(struct service_call *call, struct err *err)
{
    struct queue queue;
    if (queue_of(call, &queue, err))
        return -1;
    call->output = send_one(call, &queue, call->input, err);
    return call->output ? 0 : -1;
}

/* ---- batches ---- */

static int each_entry(struct service_call *call, service_entry *one, struct err *err)
{
    struct queue queue;
    const struct value *entries = value_getz(call->input, "Entries");
    if (queue_of(call, &queue, err) ||
        service_batch(call, entries, "AWS.SimpleQueueService.", one, &queue, err))
        return -1;
    if (!value_getz(call->output, "Failed")->count)
        call->output = value_with(call->arena, call->output, STR("Failed"), NULL);
    return 0;
}

/* Limits the size of a batch to that of one message. */
static int check_batch_size(const struct value *entries, struct err *err)
{
    int64_t size = 0;
    for (uint32_t i = 0; entries && entries->kind == VALUE_LIST && i < entries->count; i++) {
        size += (int64_t)value_gets(entries->items[i], "MessageBody").n;
        check_attributes(value_getz(entries->items[i], "MessageAttributes"), &size, ERR_IGNORED);
    }
    return size <= MAX_BODY ? 0
                            : service_refuse(err, 400, "AWS.SimpleQueueService.BatchRequestTooLong",
                                  "Batch requests cannot be longer than %d bytes. You have sent %lld bytes.",
                                  MAX_BODY, (long long)size);
}

/* A missing FIFO parameter of one message refuses the whole batch. */
static int check_batch_fifo(const struct service_call *call, const struct value *entries, struct err *err)
{
    struct queue queue;
    if (queue_of(call, &queue, err))
        return -1;
    for (uint32_t i = 0; queue.fifo && entries && entries->kind == VALUE_LIST && i < entries->count; i++) {
        if (!value_gets(entries->items[i], "MessageGroupId").n)
            return queues_operations_invalid(err, "The request must contain the parameter MessageGroupId.");
        if (check_deduplication(&queue, entries->items[i], err))
            return -1;
    }
    return 0;
}

static int do_send_batch(struct service_call *call, struct err *err)
{
    const struct value *entries = value_getz(call->input, "Entries");
    bool refused = check_batch_size(entries, err) || check_batch_fifo(call, entries, err);
    return refused || each_entry(call, send_one, err) ? -1 : 0;
}

/* ---- receiving ---- */

static struct receive_request want_of(const struct service_call *call, const struct queue *queue)
{
    const struct value *system = value_getz(call->input, "MessageSystemAttributeNames");
    int64_t most = service_int(call->input, "MaxNumberOfMessages", 1);
    int64_t hidden_s =
        service_int(call->input, "VisibilityTimeout", service_int(queue->attrs, "visibility_timeout", 30));
    return (struct receive_request){.most = most,
        .hidden_ms = hidden_s * 1000,
        .system = system ? system : value_getz(call->input, "AttributeNames"),
        .named = value_getz(call->input, "MessageAttributeNames")};
}

/* The queue is found again after each wait, since it may have been changed or deleted. */
static int do_receive(struct service_call *call, struct err *err)
{
    struct queues *queues = queues_of(call);
    struct queue queue;
    if (queue_of(call, &queue, err))
        return -1;
    int64_t wait_s =
        service_int(call->input, "WaitTimeSeconds", service_int(queue.attrs, "receive_wait_time", 0));
    int64_t deadline = clock_mono_ms() + wait_s * 1000;
    for (;;) {
        const struct receive_request want = want_of(call, &queue);
        struct queue_wake wake = {.at_ms = deadline};
        const struct value *found = queue_receive(queues, call->arena, &queue, &want, &wake);
        if (found->count) {
            struct value_entry output = {STR("Messages"), found};
            call->output = value_map(call->arena, &output, 1);
            return 0;
        }
        if (clock_mono_ms() >= deadline || !queue_wait(queues, &wake))
            return 0;
        if (queue_of(call, &queue, err))
            return -1;
    }
}

/* ---- received messages ---- */

/* Returns the index of the message with this receipt; SIZE_MAX: none. In a standard queue, handles of earlier
 * receives are valid as well. The lock must be held. */
static size_t by_receipt(
    struct arena *arena, const struct queue *queue, const struct queue_box *box, struct str receipt)
{
    uint64_t number = receipt_number(arena, receipt);
    for (size_t i = 0; i < box->n; i++)
        if (queue->fifo ? str_eqz(receipt, box->items[i]->receipt)
                        : message_had_receipt(box->items[i], number))
            return i;
    return SIZE_MAX;
}

static void bad_receipt(struct err *err, struct str receipt)
{
    service_refuse(err, 404, "ReceiptHandleIsInvalid",
        "The input receipt handle \"%.*s\" is not a valid receipt handle.", STR_ARG(receipt));
}

static const struct value *delete_one(
    struct service_call *call, const void *ctx, const struct value *given, struct err *err)
{
    const struct queue *queue = ctx;
    struct str receipt = value_gets(given, "ReceiptHandle");
    struct queues *queues = queues_of(call);
    if (!receipt.n) {
        missing(err, "ReceiptHandle");
        return NULL;
    }
    if (!queue_gave_receipt(call->arena, queue, receipt)) {
        bad_receipt(err, receipt);
        return NULL;
    }
    pthread_mutex_lock(&queues->lock);
    struct queue_box *box = queue_box(queues, queue);
    size_t i = by_receipt(call->arena, queue, box, receipt);
    bool expired = queue->fifo && i != SIZE_MAX && box->items[i]->visible_ms <= clock_mono_ms();
    if (i != SIZE_MAX && !expired)
        queue_remove(queues, box, i);
    queue_changed(queues, box); /* the next message of the group may become available */
    pthread_mutex_unlock(&queues->lock);
    if (expired) {
        invalid_value(err, receipt, "ReceiptHandle", "The receipt handle has expired.");
        return NULL;
    }
    return &value_empty_map; /* deleting again is not an error */
}

static int do_delete(struct service_call *call, struct err *err)
{
    struct queue queue;
    return queue_of(call, &queue, err) || !delete_one(call, &queue, call->input, err) ? -1 : 0;
}

static int do_delete_batch(struct service_call *call, struct err *err)
{
    return each_entry(call, delete_one, err);
}

static const struct value *change_visibility(
    struct service_call *call, const void *ctx, const struct value *given, struct err *err)
{
    const struct queue *queue = ctx;
    struct queues *queues = queues_of(call);
    int64_t hidden_s = service_int(given, "VisibilityTimeout", -1);
    struct str receipt = value_gets(given, "ReceiptHandle");
    if (hidden_s < 0 || hidden_s > 43200) {
        queues_operations_invalid(err, "VisibilityTimeout is 0 to 43200");
        return NULL;
    }
    if (!queue_gave_receipt(call->arena, queue, receipt)) {
        bad_receipt(err, receipt);
        return NULL;
    }
    pthread_mutex_lock(&queues->lock);
    struct queue_box *box = queue_box(queues, queue);
    size_t i = by_receipt(call->arena, queue, box, receipt);
    bool there = i != SIZE_MAX; /* in a standard queue also if the message is visible again */
    if (there)
        box->items[i]->visible_ms = clock_mono_ms() + hidden_s * 1000;
    queue_changed(queues, box);
    pthread_mutex_unlock(&queues->lock);
    if (there)
        return &value_empty_map;
    invalid_value(err, receipt, "ReceiptHandle",
        "Message does not exist or is not available for visibility timeout change.");
    return NULL;
}

static int do_change_visibility(struct service_call *call, struct err *err)
{
    struct queue queue;
    return queue_of(call, &queue, err) || !change_visibility(call, &queue, call->input, err) ? -1 : 0;
}

static int do_change_visibility_batch(struct service_call *call, struct err *err)
{
    return each_entry(call, change_visibility, err);
}

static int do_purge(struct service_call *call, struct err *err)
{
    struct queue queue;
    struct queues *queues = queues_of(call);
    if (queue_of(call, &queue, err))
        return -1;
    AUTO_UNLOCK pthread_mutex_t *held = mutex_hold(&queues->lock);
    struct queue_box *box = queue_box(queues, &queue);
    int64_t now = clock_mono_ms();
    if (box->purged_ms && now < box->purged_ms + PURGE_EVERY_MS)
        return service_refuse(err, 403, "AWS.SimpleQueueService.PurgeQueueInProgress",
            "Only one PurgeQueue operation on %.*s is allowed every 60 seconds.",
            STR_ARG(value_gets(queue.attrs, "name")));
    while (box->n)
        queue_remove(queues, box, box->n - 1);
    deduplication_clear(&box->recent);
    box->purged_ms = now;
    return 0;
}

/* ---- queue attributes ---- */

/* Returns only the requested attributes. */
static const struct value *asked_for(const struct service_call *call, const struct value *attributes)
{
    const struct value *names = value_getz(call->input, "AttributeNames");
    if (!attributes || value_list_has(names, STR("All")))
        return attributes;
    AUTO_BUILDER struct value_builder b = VALUE_BUILDER(call->arena);
    for (uint32_t i = 0; i < attributes->count; i++)
        if (value_list_has(names, attributes->entries[i].key))
            value_builder_set(&b, attributes->entries[i].key, attributes->entries[i].value);
    return value_builder_map(&b);
}

/* Answers with the record's attributes and the current message counts. */
static int do_attributes(struct service_call *call, struct err *err)
{
    static const char *const names[] = {"ApproximateNumberOfMessages",
        "ApproximateNumberOfMessagesNotVisible", "ApproximateNumberOfMessagesDelayed"};
    struct queue queue;
    if (queue_of(call, &queue, err) || sqs_check_attribute_names(call, err) ||
        service_control(call, "GetQueueAttributes", call->input, &call->output, err))
        return -1;
    const struct value *attributes = value_getz(call->output, "Attributes");
    const struct queue_counts counts = queue_count(queues_of(call), &queue);
    const int64_t numbers[] = {counts.visible, counts.hidden, counts.delayed};
    for (size_t i = 0; i < 3; i++)
        if (value_getz(attributes, names[i]))
            attributes = value_with(call->arena, attributes, str_z(names[i]),
                value_string(call->arena, arena_printf(call->arena, "%lld", (long long)numbers[i])));
    if (attributes && !value_gets(attributes, "KmsMasterKeyId").n) {
        attributes = value_with(call->arena, attributes, STR("KmsMasterKeyId"), NULL);
        attributes = value_with(call->arena, attributes, STR("KmsDataKeyReusePeriodSeconds"), NULL);
    }
    if (attributes) {
        attributes = asked_for(call, attributes);
        call->output =
            value_with(call->arena, call->output, STR("Attributes"), attributes->count ? attributes : NULL);
    }
    return 0;
}

const struct service_operation sqs_operations[] = {
    {"sqs", "SendMessage", do_send},
    {"sqs", "SendMessageBatch", do_send_batch},
    {"sqs", "ReceiveMessage", do_receive},
    {"sqs", "DeleteMessage", do_delete},
    {"sqs", "DeleteMessageBatch", do_delete_batch},
    {"sqs", "ChangeMessageVisibility", do_change_visibility},
    {"sqs", "ChangeMessageVisibilityBatch", do_change_visibility_batch},
    {"sqs", "StartMessageMoveTask", sqs_start_move},
    {"sqs", "ListMessageMoveTasks", sqs_list_moves},
    {"sqs", "CancelMessageMoveTask", sqs_cancel_move},
    {"sqs", "ListDeadLetterSourceQueues", sqs_list_sources},
    {"sqs", "PurgeQueue", do_purge},
    {"sqs", "GetQueueAttributes", do_attributes},
    {"sqs", "CreateQueue", sqs_create_queue},
    {"sqs", "SetQueueAttributes", sqs_set_attributes},
    {"sqs", "AddPermission", sqs_add_permission},
    {"sqs", "RemovePermission", sqs_remove_permission},
    {"sqs", "ListQueues", sqs_sparse},
    {"sqs", "ListQueueTags", sqs_sparse},
    {0},
};
