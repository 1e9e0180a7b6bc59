/* The messages of each queue, and attributes of queues. */
#include "sandbox/services/sqs/queues.h"

#include "base/clock.h"
#include "base/hash.h"
#include "base/json.h"
#include "base/mem.h"
#include "sandbox/engine/view.h"
#include "sandbox/services/shared/permissions.h"

#include <stdlib.h>

enum {
    MAX_MESSAGES = 100000,
    ONCE_MS = 300000 /* deduplication interval of FIFO queues */,
    SEQUENCES_A_MS = 100
};

struct queues *queues_new(struct services *services)
{
    struct queues *queues = mem_zalloc(sizeof *queues);
    queues->services = services;
    queues->sequence = (uint64_t)clock_wall_ms() * SEQUENCES_A_MS; /* higher than those of earlier starts */
    pthread_mutex_init(&queues->lock, NULL);
    clock_cond_init(&queues->changed);
    return queues;
}

void queues_stop(struct queues *queues)
{
    if (!queues)
        return;
    AUTO_UNLOCK pthread_mutex_t *held = mutex_hold(&queues->lock);
    queues->stopping = true;
    pthread_cond_broadcast(&queues->changed);
}

static void message_free(struct message *message)
{
    arena_release(&message->arena);
    free(message);
}

static void empty(struct queues *queues, struct queue_box *box)
{
    for (size_t i = 0; i < box->n; i++)
        message_free(box->items[i]);
    queues->messages -= box->n;
    box->n = 0;
    box->purged_ms = 0;
    deduplication_clear(&box->recent);
    while (box->move_count)
        free(box->moves[--box->move_count].to);
}

void queues_free(struct queues *queues)
{
    if (!queues)
        return;
    for (size_t i = 0; i < queues->boxes.n; i++) {
        struct queue_box *box = queues->boxes.items[i].ptr;
        empty(queues, box);
        free(box->items);
        free(box->arn);
        free(box);
    }
    map_release(&queues->boxes);
    pthread_cond_destroy(&queues->changed);
    pthread_mutex_destroy(&queues->lock);
    free(queues);
}

/* ---- finding queues ---- */

/* Finds the dead-letter queue; one that does not exist is ignored. */
static void find_letters(struct control *control, struct arena *arena, struct str region, struct queue *queue)
{
    const struct value *redrive = value_getz(queue->attrs, "redrive_policy");
    struct str arn = value_gets(redrive, "deadLetterTargetArn");
    struct control_record record;
    queue->most = service_int(redrive, "maxReceiveCount", 0);
    queue->letters = STR_EMPTY;
    if (queue->most > 0 && control_find(control, arena, STR("aws.sqs.queue"), region, arn, &record)) {
        queue->letters = arn;
        queue->letters_ms = record.created_ms;
        queue->letters_attrs = record.attrs;
    }
}

bool queue_find(struct services *services, struct arena *arena, struct str region, struct str reference,
    struct queue *out)
{
    struct control_record record;
    struct control *control = services_control(services);
    ptrdiff_t at;
    while (!str_starts(reference, STR("arn:")) && (at = str_find_char(reference, '/', 0)) >= 0)
        reference = str_slice(reference, (size_t)at + 1, reference.n);
    if (!control_find(control, arena, STR("aws.sqs.queue"), region, reference, &record))
        return false;
    *out = (struct queue){.attrs = record.attrs,
        .region = record.region,
        .created_ms = record.created_ms,
        .arn = value_gets(record.attrs, "arn")};
    if (!out->arn.n)
        out->arn = arena_printf(arena, "arn:aws:sqs:%.*s:%.*s:%.*s", STR_ARG(region),
            STR_ARG(services_account(services)), STR_ARG(value_gets(record.attrs, "name")));
    out->fifo = str_ends(out->arn, STR(".fifo"));
    find_letters(control, arena, region, out);
    return true;
}

/* ---- messages ---- */

void queue_remove(struct queues *queues, struct queue_box *box, size_t i)
{
    message_free(box->items[i]);
    memmove(&box->items[i], &box->items[i + 1], (box->n - i - 1) * sizeof *box->items);
    box->n--;
    queues->messages--;
}

static void drop_old(struct queues *queues, struct queue_box *box, const struct queue *queue)
{
    int64_t kept_s = service_int(queue->attrs, "message_retention_period", 345600);
    int64_t before = clock_wall_ms() - kept_s * 1000;
    size_t old = 0;
    while (old < box->n && box->items[old]->sent_ms < before)
        message_free(box->items[old++]);
    if (old)
        memmove(box->items, box->items + old, (box->n - old) * sizeof *box->items);
    box->n -= old;
    queues->messages -= old;
}

struct queue_box *queue_box(struct queues *queues, const struct queue *queue)
{
    struct queue_box *box = map_get(&queues->boxes, queue->arn);
    if (!box) {
        box = mem_zalloc(sizeof *box);
        box->arn = mem_strdup(queue->arn.p);
        map_set(&queues->boxes, str_z(box->arn), box);
    }
    if (box->created_ms != queue->created_ms) { /* a new queue of the same name starts empty */
        empty(queues, box);
        box->created_ms = queue->created_ms;
    }
    drop_old(queues, box, queue);
    return box;
}

void queue_changed(struct queues *queues, struct queue_box *box)
{
    box->turn++;
    pthread_cond_broadcast(&queues->changed);
}

void queue_add(struct queues *queues, struct queue_box *box, struct message *message)
{
    MEM_GROW(box->items, box->cap, box->n + 1);
    box->items[box->n++] = message;
    queue_changed(queues, box);
}

static void queues_add(struct queues *queues, struct queue_box *box, struct message *message)
{
    message->sequence = ++queues->sequence;
    queue_add(queues, box, message);
    queues->messages++;
    if (message->once.n)
        deduplication_add(
            &box->recent, message->once, message->id, message->sequence, clock_mono_ms(), ONCE_MS);
}

bool queue_send(struct queues *queues, struct arena *arena, const struct queue *queue,
    struct message *message, struct queue_sent *out)
{
    pthread_mutex_lock(&queues->lock);
    struct queue_box *box = queue_box(queues, queue);
    const struct deduplicated *before =
        message->once.n ? deduplication_find(&box->recent, message->once, clock_mono_ms(), ONCE_MS) : NULL;
    bool room = queues->messages < MAX_MESSAGES;
    if (before)
        *out = (struct queue_sent){arena_str(arena, before->id), before->sequence};
    if (!before && room) {
        queues_add(queues, box, message);
        *out = (struct queue_sent){arena_str(arena, message->id), message->sequence};
    }
    pthread_mutex_unlock(&queues->lock);
    if (before || !room)
        message_free(message);
    return before || room;
}

/* ---- MD5 over name, type and value of each attribute, which SDKs verify ---- */

enum { TEXT = 1, BINARY = 2 };

static void queues_digest_add(struct buf *out, struct str text)
{
    for (int shift = 24; shift >= 0; shift -= 8)
        buf_add_char(out, (char)(text.n >> shift & 0xff));
    buf_add_str(out, text);
}

struct str queue_digest(struct arena *arena, const struct value *attributes)
{
    AUTO_BUF struct buf bytes = BUF_INIT;
    unsigned char digest[MD5_SIZE];
    for (uint32_t i = 0; i < attributes->count; i++) {
        const struct value *attribute = attributes->entries[i].value;
        const struct value *binary = value_getz(attribute, "BinaryValue");
        struct str value = value_gets(attribute, "StringValue");
        if (binary && !base64_decode(arena, value_text(binary, STR_EMPTY), &value))
            value = STR_EMPTY;
        queues_digest_add(&bytes, attributes->entries[i].key);
        queues_digest_add(&bytes, value_gets(attribute, "DataType"));
        buf_add_char(&bytes, binary ? BINARY : TEXT);
        queues_digest_add(&bytes, value);
    }
    hash_md5(buf_str(&bytes), digest);
    return hex_encode(arena, digest, sizeof digest);
}

/* ---- queue attributes: SQS's own checks before the control plane ---- */

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

/* Lower-cases "true" and "false". */
static const struct value *plain_value(struct arena *arena, const struct value *v)
{
    struct str text = value_text(v, STR_EMPTY);
    bool yes = str_ieq(text, STR("true"));
    return yes || str_ieq(text, STR("false")) ? value_stringz(arena, yes ? "true" : "false") : v;
}

/* SQS-managed and KMS encryption exclude each other: setting one unsets the other. */
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
    if (given) /* unchanged */
        call->forward = value_with(call->arena, call->forward, STR("Attributes"),
            value_with(call->arena, attributes, STR("FifoQueue"), NULL));
    return 0;
}

/* Omits empty lists and maps from the response. */
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
