/* Chooses the messages that a receiver gets, and shows them. */
#include "base/clock.h"
#include "base/hash.h"
#include "sandbox/services/sqs/queues.h"

#include <stdio.h>
#include <stdlib.h>

/* ---- views ---- */

static bool queues_receive_is_wanted(const struct value *names, struct str name)
{
    for (uint32_t i = 0; names && names->kind == VALUE_LIST && i < names->count; i++) {
        struct str one = value_text(names->items[i], STR_EMPTY);
        bool front = str_ends(one, STR("*")) &&
                     str_starts(name, str_slice(one, 0, one.n - (str_ends(one, STR(".*")) ? 2 : 1)));
        if (str_eqz(one, "All") || front || str_eq(one, name))
            return true;
    }
    return false;
}

static void queues_receive_put(
    struct value_builder *b, const struct value *names, const char *name, struct str text)
{
    if (text.n && queues_receive_is_wanted(names, str_z(name)))
        value_builder_set(b, str_z(name), value_string(b->arena, text));
}

static struct str queues_receive_number(struct arena *arena, int64_t n)
{
    return arena_printf(arena, "%lld", (long long)n);
}

static const struct value *system_attributes(struct arena *arena, const struct queue *queue,
    const struct message *message, const struct value *names, struct str account)
{
    AUTO_BUILDER struct value_builder b = VALUE_BUILDER(arena);
    queues_receive_put(&b, names, "SenderId", account);
    queues_receive_put(&b, names, "SentTimestamp", queues_receive_number(arena, message->sent_ms));
    queues_receive_put(&b, names, "ApproximateReceiveCount", queues_receive_number(arena, message->received));
    queues_receive_put(
        &b, names, "ApproximateFirstReceiveTimestamp", queues_receive_number(arena, message->first_ms));
    queues_receive_put(&b, names, "MessageGroupId", message->group);
    queues_receive_put(&b, names, "DeadLetterQueueSourceArn", message->source);
    queues_receive_put(&b, names, "AWSTraceHeader", message->trace);
    if (queue->fifo) {
        queues_receive_put(&b, names, "MessageDeduplicationId", message->deduplication);
        queues_receive_put(&b, names, "SequenceNumber",
            arena_printf(arena, "18850%015llu", (unsigned long long)message->sequence));
    }
    return value_builder_map(&b);
}

static const struct value *own_attributes(
    struct arena *arena, const struct message *message, const struct value *names)
{
    AUTO_BUILDER struct value_builder b = VALUE_BUILDER(arena);
    for (uint32_t i = 0; message->attributes && i < message->attributes->count; i++)
        if (queues_receive_is_wanted(names, message->attributes->entries[i].key))
            value_builder_set(&b, arena_str(arena, message->attributes->entries[i].key),
                value_copy(arena, message->attributes->entries[i].value));
    return value_builder_map(&b);
}

static const struct value *queues_receive_shown(struct queues *queues, struct arena *arena,
    const struct queue *queue, const struct message *message, const struct receive_request *want)
{
    unsigned char digest[MD5_SIZE];
    const struct value *system =
        system_attributes(arena, queue, message, want->system, services_account(queues->services));
    const struct value *own = own_attributes(arena, message, want->named);
    AUTO_BUILDER struct value_builder b = VALUE_BUILDER(arena);
    hash_md5(message->body, digest);
    value_builder_set(&b, STR("MessageId"), value_string(arena, message->id));
    value_builder_set(&b, STR("ReceiptHandle"), value_stringz(arena, message->receipt));
    value_builder_set(&b, STR("Body"), value_string(arena, message->body));
    value_builder_set(&b, STR("MD5OfBody"), value_string(arena, hex_encode(arena, digest, sizeof digest)));
    if (system->count)
        value_builder_set(&b, STR("Attributes"), system);
    if (own->count) {
        value_builder_set(&b, STR("MessageAttributes"), own);
        value_builder_set(&b, STR("MD5OfMessageAttributes"), value_string(arena, queue_digest(arena, own)));
    }
    return value_builder_map(&b);
}

/* ---- choosing messages ---- */

enum { RECEIVED_BITS = 16 };

/* The first half of a receipt handle has the message's sequence number and receive count. The second half is
 * a digest with the queue's ARN, which tells an invalid handle from one whose message was deleted. */
static uint64_t receipt_seal(struct arena *arena, const struct queue *queue, uint64_t number)
{
    unsigned char digest[SHA256_SIZE];
    uint64_t seal;
    hash_sha256(arena_printf(arena, "%.*s %016llx", STR_ARG(queue->arn), (unsigned long long)number), digest);
    memcpy(&seal, digest, sizeof seal);
    return seal;
}

static void write_receipt(
    struct arena *arena, const struct queue *queue, uint64_t number, char out[RECEIPT_SIZE])
{
    snprintf(out, RECEIPT_SIZE, "%016llx%016llx", (unsigned long long)number,
        (unsigned long long)receipt_seal(arena, queue, number));
}

uint64_t receipt_number(struct arena *arena, struct str receipt)
{
    return receipt.n > 16 ? strtoull(arena_strz(arena, str_slice(receipt, 0, 16)), NULL, 16) : 0;
}

bool queue_gave_receipt(struct arena *arena, const struct queue *queue, struct str receipt)
{
    char expected[RECEIPT_SIZE];
    write_receipt(arena, queue, receipt_number(arena, receipt), expected);
    return str_eqz(receipt, expected);
}

bool message_had_receipt(const struct message *message, uint64_t number)
{
    return message->receipt[0] && (message->sequence << RECEIVED_BITS ^ number) >> RECEIVED_BITS == 0;
}

static void mark_received(struct arena *arena, const struct queue *queue, struct queue_box *box,
    struct message *message, const struct receive_request *want)
{
    message->received++;
    message->turn = ++box->receipts;
    message->first_ms = message->first_ms ? message->first_ms : clock_wall_ms();
    message->visible_ms = clock_mono_ms() + want->hidden_ms;
    uint64_t times = (uint64_t)message->received & ((UINT64_C(1) << RECEIVED_BITS) - 1);
    write_receipt(arena, queue, message->sequence << RECEIVED_BITS | times, message->receipt);
}

/* Moves a message that was received too often to the dead-letter queue, and wakes its receivers. */
static void move_to_dead_letters(
    struct queues *queues, const struct queue *queue, struct queue_box *box, size_t i)
{
    struct message *message = box->items[i];
    const struct queue letters = {
        .arn = queue->letters, .created_ms = queue->letters_ms, .attrs = queue->letters_attrs};
    struct queue_box *to = queue_box(queues, &letters);
    memmove(&box->items[i], &box->items[i + 1], (box->n - i - 1) * sizeof *box->items);
    box->n--;
    message->source = arena_str(&message->arena, queue->arn);
    message->receipt[0] = '\0';
    queue_add(queues, to, message);
}

/* A message group of a FIFO queue. Groups that were received longest ago come first; messages of a group keep
 * their order. */
struct group {
    struct str name;
    uint64_t turn;
    size_t first;
};

static int group_order(const void *left, const void *right)
{
    const struct group *x = *(struct group *const *)left, *y = *(struct group *const *)right;
    if (x->turn != y->turn)
        return x->turn < y->turn ? -1 : 1;
    return x->first < y->first ? -1 : 1;
}

static struct group **find_groups(struct arena *arena, const struct queue_box *box, size_t *n)
{
    AUTO_MAP struct map known = MAP_INIT;
    struct group **groups = ARENA_ARRAY(arena, struct group *, box->n + 1);
    *n = 0;
    for (size_t i = 0; i < box->n; i++) {
        struct group *group = map_get(&known, box->items[i]->group);
        if (!group) {
            group = ARENA_NEW(arena, struct group);
            *group = (struct group){.name = arena_str(arena, box->items[i]->group), .first = i};
            map_set(&known, group->name, group);
            groups[(*n)++] = group;
        }
        group->turn = box->items[i]->turn > group->turn ? box->items[i]->turn : group->turn;
    }
    qsort(groups, *n, sizeof *groups, group_order);
    return groups;
}

struct take {
    struct queues *queues;
    struct arena *arena;
    const struct queue *queue;
    const struct receive_request *want;
    struct value_builder *out;
    int64_t *next; /* latest time to look again */
};

enum taken { TAKEN, HIDDEN, BURIED };

static enum taken take_one(const struct take *t, struct queue_box *box, size_t i)
{
    struct message *message = box->items[i];
    if (message->visible_ms > clock_mono_ms()) {
        *t->next = message->visible_ms < *t->next ? message->visible_ms : *t->next;
        return HIDDEN;
    }
    if (t->queue->letters.n && message->received >= t->queue->most &&
        !str_eq(t->queue->letters, t->queue->arn)) {
        move_to_dead_letters(t->queues, t->queue, box, i);
        return BURIED;
    }
    mark_received(t->arena, t->queue, box, message, t->want);
    value_builder_add(t->out, queues_receive_shown(t->queues, t->arena, t->queue, message, t->want));
    return TAKEN;
}

static bool has_enough(const struct take *t)
{
    return (int64_t)t->out->n >= t->want->most;
}

/* Takes messages of a group, up to the first that is in flight with another receiver. *buried: messages moved
 * to the dead-letter queue so far, which shifted the group's first index. */
static void take_group(const struct take *t, struct queue_box *box, const struct group *group, size_t *buried)
{
    for (size_t i = group->first > *buried ? group->first - *buried : 0; i < box->n && !has_enough(t); i++) {
        enum taken taken = str_eq(box->items[i]->group, group->name) ? take_one(t, box, i) : TAKEN;
        if (taken == HIDDEN)
            return;
        i -= taken == BURIED;
        *buried += taken == BURIED;
    }
}

static void queues_receive_take(const struct take *t)
{
    struct queue_box *box = queue_box(t->queues, t->queue);
    if (t->queue->fifo) {
        size_t n, buried = 0;
        struct group **groups = find_groups(t->arena, box, &n);
        for (size_t i = 0; i < n && !has_enough(t); i++)
            take_group(t, box, groups[i], &buried);
        return;
    }
    for (size_t i = 0; i < box->n && !has_enough(t); i++)
        i -= take_one(t, box, i) == BURIED;
}

const struct value *queue_receive(struct queues *queues, struct arena *arena, const struct queue *queue,
    const struct receive_request *want, struct queue_wake *wake)
{
    AUTO_BUILDER struct value_builder found = VALUE_BUILDER(arena);
    pthread_mutex_lock(&queues->lock);
    const struct take take = {queues, arena, queue, want, &found, &wake->at_ms};
    queues_receive_take(&take);
    wake->box = queue_box(queues, queue);
    wake->turn = wake->box->turn;
    pthread_mutex_unlock(&queues->lock);
    return value_builder_list(&found);
}

bool queue_wait(struct queues *queues, const struct queue_wake *wake)
{
    AUTO_UNLOCK pthread_mutex_t *held = mutex_hold(&queues->lock);
    while (!queues->stopping && wake->box->turn == wake->turn && clock_mono_ms() < wake->at_ms)
        clock_cond_wait(&queues->changed, &queues->lock, wake->at_ms);
    return !queues->stopping;
}

struct queue_counts queue_count(struct queues *queues, const struct queue *queue)
{
    struct queue_counts counts = {0};
    AUTO_UNLOCK pthread_mutex_t *held = mutex_hold(&queues->lock);
    const struct queue_box *box = queue_box(queues, queue);
    int64_t now = clock_mono_ms();
    for (size_t i = 0; i < box->n; i++) {
        const struct message *message = box->items[i];
        counts.visible += message->visible_ms <= now;
        counts.hidden += message->visible_ms > now && message->receipt[0];
        counts.delayed += message->visible_ms > now && !message->receipt[0];
    }
    return counts;
}
