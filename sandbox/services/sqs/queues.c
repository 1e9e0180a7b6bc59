/* The messages of each queue. */
#include "sandbox/services/sqs/queues.h"

#include "base/clock.h"
#include "base/hash.h"
#include "base/mem.h"

#include <stdlib.h>

enum {
    MAX_MESSAGES = 100000,
    ONCE_MS = 300000 /* for so long a FIFO queue knows what it was sent */,
    SEQUENCES_A_MS = 100
};

struct queues *queues_new(struct services *services)
{
    struct queues *queues = mem_zalloc(sizeof *queues);
    queues->services = services;
    queues->sequence = (uint64_t)clock_wall_ms() * SEQUENCES_A_MS; /* above those of an earlier start */
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

/* ---- which queue ---- */

/* Where messages go that are received too often; a queue that is not there gets none. */
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

/* ---- its messages ---- */

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
    if (box->created_ms != queue->created_ms) { /* another queue of that name: it begins empty */
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

/* ---- the MD5 over name, type and value of each attribute, which SDKs compare ---- */

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
