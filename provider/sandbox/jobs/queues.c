#include "provider/sandbox/jobs/queues.h"

#include "base/clock.h"
#include "base/hash.h"
#include "base/json.h"
#include "base/mem.h"
#include "provider/sandbox/jobs/events.h"
#include "provider/sandbox/jobs/internal.h"

#include <stdlib.h>

enum { MAX_BODY = 1048576, MAX_MESSAGES = 100000, MAX_BATCH = 10 };

struct message {
    struct arena arena;
    struct str queue;                    /* ARN */
    struct str id, body, group, receipt; /* receipt: of the last time it was received */
    const struct value *attributes;      /* MessageAttributes */
    int64_t sent_ms, visible_ms, first_ms, received;
    uint64_t receive; /* the call that it was received by last */
};

/* All messages of all queues, oldest first; under jobs->lock, so that receivers can wait on its condition. */
struct queues {
    struct jobs *jobs;
    struct message **items;
    size_t n, cap;
    uint64_t receives; /* calls */
};

struct queues *queues_new(struct jobs *jobs)
{
    struct queues *queues = mem_zalloc(sizeof *queues);
    queues->jobs = jobs;
    return queues;
}

static void message_free(struct message *message)
{
    arena_release(&message->arena);
    free(message);
}

void queues_free(struct queues *queues)
{
    for (size_t i = 0; queues && i < queues->n; i++)
        message_free(queues->items[i]);
    free(queues ? queues->items : NULL);
    free(queues);
}

/* ---- which queue ---- */

struct queue {
    struct str arn;
    const struct value *attrs;
};

static struct str text_of(const struct value *map, const char *key)
{
    return value_text(value_getz(map, key), STR_EMPTY);
}

/* By URL (whatever host it names), ARN or name. */
static bool find_queue(const struct job_call *call, struct str reference, struct queue *out)
{
    struct control_record record;
    struct control *control = jobs_control(call->jobs);
    ptrdiff_t at;
    while (!str_starts(reference, STR("arn:")) && (at = str_find_char(reference, '/', 0)) >= 0)
        reference = str_slice(reference, (size_t)at + 1, reference.n);
    if (!control_find(control, call->arena, STR("aws.sqs.queue"), call->region, reference, &record))
        return false;
    out->attrs = record.attrs;
    out->arn = text_of(record.attrs, "arn");
    if (!out->arn.n)
        out->arn = arena_printf(call->arena, "arn:aws:sqs:%.*s:%.*s:%.*s", STR_ARG(call->region),
            STR_ARG(jobs_account(call->jobs)), STR_ARG(text_of(record.attrs, "name")));
    return true;
}

static int queue_of(const struct job_call *call, struct queue *out, struct err *err)
{
    struct str url;
    if (job_required(call, "QueueUrl", &url, err))
        return -1;
    return find_queue(call, url, out) ? 0
                                      : job_refuse(err, 400, "AWS.SimpleQueueService.NonExistentQueue",
                                            "The specified queue does not exist.");
}

static bool is_fifo(const struct queue *queue)
{
    return str_ends(queue->arn, STR(".fifo"));
}

/* ---- sending ---- */

static struct str md5_hex(struct arena *arena, struct str text)
{
    unsigned char digest[MD5_SIZE];
    hash_md5(text, digest);
    return hex_encode(arena, digest, sizeof digest);
}

static int check_message(const struct queue *queue, const struct value *given, struct err *err)
{
    struct str body = text_of(given, "MessageBody");
    int64_t delay = job_int(given, "DelaySeconds", 0),
            most = job_int(queue->attrs, "maximum_message_size", MAX_BODY);
    if (!body.n)
        return job_refuse(
            err, 400, "MissingParameter", "The request must contain the parameter MessageBody.");
    if ((int64_t)body.n > most)
        return job_refuse(err, 400, "InvalidParameterValue",
            "One or more parameters are invalid. Reason: Message must be shorter than %lld bytes.",
            (long long)most);
    if (delay < 0 || delay > 900)
        return job_refuse(err, 400, "InvalidParameterValue", "DelaySeconds must be >= 0 and <= 900.");
    if (is_fifo(queue) && !text_of(given, "MessageGroupId").n)
        return job_refuse(
            err, 400, "MissingParameter", "The request must contain the parameter MessageGroupId.");
    return 0;
}

static const struct value *add_message(
    struct job_call *call, const struct queue *queue, const struct value *given, struct err *err)
{
    struct queues *queues = jobs_queues(call->jobs);
    if (check_message(queue, given, err))
        return NULL;
    struct message *message = mem_zalloc(sizeof *message);
    message->queue = arena_str(&message->arena, queue->arn);
    message->id = uuid_random(&message->arena);
    message->body = arena_str(&message->arena, text_of(given, "MessageBody"));
    message->group = arena_str(&message->arena, text_of(given, "MessageGroupId"));
    message->attributes = value_copy(&message->arena, value_getz(given, "MessageAttributes"));
    message->sent_ms = clock_wall_ms();
    message->visible_ms =
        clock_mono_ms() + 1000 * job_int(given, "DelaySeconds", job_int(queue->attrs, "delay_seconds", 0));
    struct value_entry said[] = {{STR("MessageId"), value_string(call->arena, message->id)},
        {STR("MD5OfMessageBody"), value_string(call->arena, md5_hex(call->arena, message->body))}};
    pthread_mutex_lock(&call->jobs->lock);
    bool room = queues->n < MAX_MESSAGES;
    if (room) {
        MEM_GROW(queues->items, queues->cap, queues->n + 1);
        queues->items[queues->n++] = message;
        pthread_cond_broadcast(&call->jobs->changed);
    }
    pthread_mutex_unlock(&call->jobs->lock);
    if (room)
        return value_map(call->arena, said, 2);
    message_free(message);
    job_refuse(err, 400, "OverLimit", "the sandbox holds %d messages already", MAX_MESSAGES);
    return NULL;
}

static int do_send(struct job_call *call, struct err *err)
{
    struct queue queue;
    if (queue_of(call, &queue, err))
        return -1;
    call->output = add_message(call, &queue, call->input, err);
    return call->output ? 0 : -1;
}

/* ---- batches: each entry by itself ---- */

static const struct value *failed_entry(struct arena *arena, const struct value *id, const struct err *err)
{
    struct value_entry entries[] = {{STR("Id"), id}, {STR("SenderFault"), &value_true},
        {STR("Code"), value_stringz(arena, err->code)}, {STR("Message"), value_stringz(arena, err->message)}};
    return value_map(arena, entries, 4);
}

static int each_entry(struct job_call *call,
    const struct value *(*one)(
        struct job_call *call, const struct queue *queue, const struct value *given, struct err *err),
    struct err *err)
{
    struct queue queue;
    const struct value *entries = value_getz(call->input, "Entries");
    if (queue_of(call, &queue, err))
        return -1;
    if (!entries || entries->kind != VALUE_LIST || !entries->count)
        return job_refuse(
            err, 400, "AWS.SimpleQueueService.EmptyBatchRequest", "There is no entry in the request.");
    if (entries->count > MAX_BATCH)
        return job_refuse(err, 400, "AWS.SimpleQueueService.TooManyEntriesInBatchRequest",
            "Maximum number of entries per request are 10.");
    struct value_builder done = VALUE_BUILDER(call->arena), failed = VALUE_BUILDER(call->arena);
    for (uint32_t i = 0; i < entries->count; i++) {
        struct err why = ERR_INIT;
        const struct value *id = value_getz(entries->items[i], "Id");
        const struct value *said = one(call, &queue, entries->items[i], &why);
        if (said)
            value_builder_add(&done, value_with(call->arena, said, STR("Id"), id));
        else
            value_builder_add(&failed, failed_entry(call->arena, id, &why));
    }
    struct value_entry output[] = {
        {STR("Successful"), value_builder_list(&done)}, {STR("Failed"), value_builder_list(&failed)}};
    call->output = value_map(call->arena, output, 2);
    return 0;
}

static int do_send_batch(struct job_call *call, struct err *err)
{
    return each_entry(call, add_message, err);
}

/* ---- receiving ---- */

static const struct value *wanted_attributes(struct arena *arena, const struct message *message)
{
    struct value_entry entries[] = {
        {STR("SentTimestamp"), value_string(arena, arena_printf(arena, "%lld", (long long)message->sent_ms))},
        {STR("ApproximateReceiveCount"),
            value_string(arena, arena_printf(arena, "%lld", (long long)message->received))},
        {STR("ApproximateFirstReceiveTimestamp"),
            value_string(arena, arena_printf(arena, "%lld", (long long)message->first_ms))},
        {STR("MessageGroupId"), value_string(arena, message->group)},
    };
    return value_map(arena, entries, message->group.n ? 4 : 3);
}

static const struct value *received(struct job_call *call, struct message *message, int64_t hidden_s)
{
    struct arena *arena = call->arena;
    message->received++;
    message->receive = jobs_queues(call->jobs)->receives;
    message->first_ms = message->first_ms ? message->first_ms : clock_wall_ms();
    message->visible_ms = clock_mono_ms() + hidden_s * 1000;
    message->receipt = uuid_random(&message->arena);
    struct value_entry entries[] = {
        {STR("MessageId"), value_string(arena, message->id)},
        {STR("ReceiptHandle"), value_string(arena, message->receipt)},
        {STR("Body"), value_string(arena, message->body)},
        {STR("MD5OfBody"), value_string(arena, md5_hex(arena, message->body))},
        {STR("Attributes"), wanted_attributes(arena, message)},
        {STR("MessageAttributes"), value_copy(arena, message->attributes)},
    };
    return value_map(arena, entries, message->attributes ? 6 : 5);
}

/* Of a FIFO queue nothing comes while something that was sent earlier in the same group is with another
 * receiver. */
static bool is_blocked(const struct queues *queues, size_t at)
{
    const struct message *message = queues->items[at];
    for (size_t i = 0; i < at && message->group.n && str_ends(message->queue, STR(".fifo")); i++)
        if (str_eq(queues->items[i]->queue, message->queue) &&
            str_eq(queues->items[i]->group, message->group) &&
            queues->items[i]->visible_ms > clock_mono_ms() && queues->items[i]->receive != queues->receives)
            return true;
    return false;
}

/* Received too often: it goes to the queue for such. */
static bool is_spent(const struct queue *queue, struct message *message)
{
    const struct value *redrive = value_getz(queue->attrs, "redrive_policy");
    int64_t most = job_int(redrive, "maxReceiveCount", 0);
    if (!most || message->received < most)
        return false;
    message->queue = arena_str(&message->arena, text_of(redrive, "deadLetterTargetArn"));
    message->received = 0;
    return true;
}

/* What is visible now; *next: when to look again at the latest. */
static void take(struct job_call *call, const struct queue *queue, int64_t most, int64_t hidden_s,
    struct value_builder *out, int64_t *next)
{
    struct queues *queues = jobs_queues(call->jobs);
    int64_t now = clock_mono_ms();
    for (size_t i = 0; i < queues->n && (int64_t)out->n < most; i++) {
        struct message *message = queues->items[i];
        if (!str_eq(message->queue, queue->arn))
            continue;
        if (message->visible_ms > now)
            *next = message->visible_ms < *next ? message->visible_ms : *next;
        else if (!is_blocked(queues, i) && !is_spent(queue, message))
            value_builder_add(out, received(call, message, hidden_s));
    }
}

static int do_receive(struct job_call *call, struct err *err)
{
    struct queue queue;
    if (queue_of(call, &queue, err))
        return -1;
    int64_t most = job_int(call->input, "MaxNumberOfMessages", 1);
    int64_t wait_s = job_int(call->input, "WaitTimeSeconds", job_int(queue.attrs, "receive_wait_time", 0));
    int64_t hidden_s =
        job_int(call->input, "VisibilityTimeout", job_int(queue.attrs, "visibility_timeout", 30));
    if (most < 1 || most > MAX_BATCH || wait_s < 0 || wait_s > 20 || hidden_s < 0 || hidden_s > 43200)
        return job_refuse(err, 400, "InvalidParameterValue",
            "MaxNumberOfMessages is 1 to 10, WaitTimeSeconds 0 to 20, VisibilityTimeout 0 to 43200");
    struct value_builder found = VALUE_BUILDER(call->arena);
    int64_t deadline = clock_mono_ms() + wait_s * 1000;
    pthread_mutex_lock(&call->jobs->lock);
    for (;;) {
        int64_t next = deadline;
        jobs_queues(call->jobs)->receives++;
        take(call, &queue, most, hidden_s, &found, &next);
        if (found.n || call->jobs->stopping || clock_mono_ms() >= deadline)
            break;
        jobs_wait(call->jobs, next);
    }
    pthread_mutex_unlock(&call->jobs->lock);
    struct value_entry output = {STR("Messages"), value_builder_list(&found)};
    call->output = output.value->count ? value_map(call->arena, &output, 1) : NULL;
    return 0;
}

/* ---- what was received ---- */

/* Index of the message with this receipt; SIZE_MAX: none. With the lock held. */
static size_t by_receipt(const struct queues *queues, const struct queue *queue, struct str receipt)
{
    for (size_t i = 0; i < queues->n; i++)
        if (receipt.n && str_eq(queues->items[i]->queue, queue->arn) &&
            str_eq(queues->items[i]->receipt, receipt))
            return i;
    return SIZE_MAX;
}

static void remove_at(struct queues *queues, size_t i)
{
    message_free(queues->items[i]);
    memmove(&queues->items[i], &queues->items[i + 1], (queues->n - i - 1) * sizeof *queues->items);
    queues->n--;
}

static const struct value *delete_one(
    struct job_call *call, const struct queue *queue, const struct value *given, struct err *err)
{
    struct str receipt = text_of(given, "ReceiptHandle");
    struct queues *queues = jobs_queues(call->jobs);
    if (!receipt.n) {
        job_refuse(err, 400, "MissingParameter", "The request must contain the parameter ReceiptHandle.");
        return NULL;
    }
    pthread_mutex_lock(&call->jobs->lock);
    size_t i = by_receipt(queues, queue, receipt);
    if (i != SIZE_MAX)
        remove_at(queues, i);
    pthread_cond_broadcast(&call->jobs->changed); /* the next of its group may come */
    pthread_mutex_unlock(&call->jobs->lock);
    return &value_empty_map; /* what is gone is gone: deleting it again is no error */
}

static int do_delete(struct job_call *call, struct err *err)
{
    struct queue queue;
    return queue_of(call, &queue, err) || !delete_one(call, &queue, call->input, err) ? -1 : 0;
}

static int do_delete_batch(struct job_call *call, struct err *err)
{
    return each_entry(call, delete_one, err);
}

static int do_change_visibility(struct job_call *call, struct err *err)
{
    struct queue queue;
    struct queues *queues = jobs_queues(call->jobs);
    if (queue_of(call, &queue, err))
        return -1;
    int64_t hidden_s = job_int(call->input, "VisibilityTimeout", -1);
    if (hidden_s < 0 || hidden_s > 43200)
        return job_refuse(err, 400, "InvalidParameterValue", "VisibilityTimeout is 0 to 43200");
    pthread_mutex_lock(&call->jobs->lock);
    size_t i = by_receipt(queues, &queue, text_of(call->input, "ReceiptHandle"));
    if (i != SIZE_MAX)
        queues->items[i]->visible_ms = clock_mono_ms() + hidden_s * 1000;
    pthread_cond_broadcast(&call->jobs->changed);
    pthread_mutex_unlock(&call->jobs->lock);
    return i != SIZE_MAX
               ? 0
               : job_refuse(err, 400, "InvalidParameterValue",
                     "Value for parameter ReceiptHandle is invalid. Reason: Message does not exist.");
}

static int do_purge(struct job_call *call, struct err *err)
{
    struct queue queue;
    struct queues *queues = jobs_queues(call->jobs);
    if (queue_of(call, &queue, err))
        return -1;
    pthread_mutex_lock(&call->jobs->lock);
    for (size_t i = queues->n; i-- > 0;)
        if (str_eq(queues->items[i]->queue, queue.arn))
            remove_at(queues, i);
    pthread_mutex_unlock(&call->jobs->lock);
    return 0;
}

const struct job_operation sqs_operations[] = {
    {"sqs", "SendMessage", do_send, NULL, NULL},
    {"sqs", "SendMessageBatch", do_send_batch, NULL, NULL},
    {"sqs", "ReceiveMessage", do_receive, NULL, NULL},
    {"sqs", "DeleteMessage", do_delete, NULL, NULL},
    {"sqs", "DeleteMessageBatch", do_delete_batch, NULL, NULL},
    {"sqs", "ChangeMessageVisibility", do_change_visibility, NULL, NULL},
    {"sqs", "PurgeQueue", do_purge, NULL, NULL},
    {0},
};
