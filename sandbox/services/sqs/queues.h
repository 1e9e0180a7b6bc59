/*
 * SQS's messages: in memory only, so they are gone when the sandbox ends. Visibility timeouts, delays, long
 * polls, retention, dead-letter queues by maxReceiveCount; of FIFO queues the order within message groups and
 * deduplication.
 *
 *   queues.c             the messages of each queue: sent, received, gone
 *   receive.c     which of them a receiver gets
 *   operations.c  what clients ask for
 *   queues.c          attributes of queues
 *   message_moves.c       dead letters go back
 *
 * A queue is a record of the control plane; its messages are found by its ARN. Those of a queue that was
 * deleted go when one of that name is used again.
 */
#pragma once

#include "sandbox/calls/services.h"
#include "sandbox/engine/deduplication.h"

struct queues;

struct queues *queues_new(struct services *services);
/* Wakes who waits for messages; from now on nobody does. */
void queues_stop(struct queues *queues);
void queues_free(struct queues *queues);
struct queues *services_queues(struct services *services);

/* ---- shared by the files above ---- */

/* Two numbers in hexadecimal. */
#define RECEIPT_SIZE 33

struct message {
    struct arena arena;
    struct str id, body, group, deduplication, once; /* `once`: its deduplication id, within its group where
                                                        the queue wants that; "": none */
    struct str source;                               /* of a dead letter: ARN of the queue that it was in */
    const struct value *attributes;                  /* MessageAttributes; NULL: none */
    struct str trace;                                /* AWSTraceHeader; "": none */
    char receipt[RECEIPT_SIZE];                      /* of the last time it was received; "": never */
    uint64_t sequence;
    int64_t sent_ms, first_ms; /* wall clock */
    int64_t visible_ms;        /* monotonic */
    int64_t received;          /* times */
    uint64_t turn;             /* of the last time, among all in the queue; 0: never */
};

/* Dead letters that are sent back. */
struct queue_move {
    char *to; /* ARN; "": where each of them came from */
    char task[37];
    int64_t at_ms, rate, found, moved;
    const char *status; /* as clients get it */
    const char *why;    /* some of them stay; NULL: none */
    bool cancelled;     /* it ends with the next one */
};

struct queue_box {
    char *arn;
    int64_t created_ms; /* of the record that it belongs to */
    struct message **items;
    size_t n, cap;     /* oldest first */
    uint64_t turn;     /* times that they have changed */
    uint64_t receipts; /* times that one was received */
    int64_t purged_ms; /* monotonic; 0: never */
    struct deduplication recent;
    struct queue_move moves[10];
    size_t move_count; /* oldest first */
};

struct queues {
    struct services *services;
    pthread_mutex_t lock;   /* of all that follows; nothing is called under it */
    pthread_cond_t changed; /* on the monotonic clock */
    bool stopping;
    struct map boxes; /* by ARN; they stay */
    size_t messages;  /* in all of them */
    uint64_t sequence;
};

/* A queue as the control plane has it. */
struct queue {
    struct str arn, region;
    const struct value *attrs;
    int64_t created_ms;
    bool fifo;
    struct str letters; /* ARN of the dead-letter queue, which is there; "": none */
    int64_t letters_ms; /* when that one was made */
    const struct value *letters_attrs;
    int64_t most; /* times that a message is received */
};

/* By URL (whatever host it names), ARN or name. */
bool queue_find(struct services *services, struct arena *arena, struct str region, struct str reference,
    struct queue *out);

/* With the lock held: the queue's messages, without those that are past their time. */
struct queue_box *queue_box(struct queues *queues, const struct queue *queue);
void queue_remove(struct queues *queues, struct queue_box *box, size_t i);
/* With the lock held: who waits for its messages looks again. */
void queue_changed(struct queues *queues, struct queue_box *box);
/* One that was in another box; its receivers hear of it. */
void queue_add(struct queues *queues, struct queue_box *box, struct message *message);

/* Takes the message over. False: there is no room. A FIFO queue's *message may become a note of the one that
 * was sent before with the same deduplication id: `id` and `sequence` are that one's, and it is not sent. */
struct queue_sent {
    struct str id; /* in the arena */
    uint64_t sequence;
};
bool queue_send(struct queues *queues, struct arena *arena, const struct queue *queue,
    struct message *message, struct queue_sent *out);

/* ---- receive.c ---- */

/* Is it one that this queue has given, whatever became of the message? */
bool queue_gave_receipt(struct arena *arena, const struct queue *queue, struct str receipt);
uint64_t receipt_number(struct arena *arena, struct str receipt);
/* Is the receipt with this number one of this message's, of any time that it was received? */
bool message_had_receipt(const struct message *message, uint64_t number);

struct queue_want {
    int64_t most, hidden_ms;
    const struct value *system, *named; /* names of attributes; "All" */
};
/* When there may be more than there was: at a time, or when the queue's messages have changed. */
struct queue_wake {
    int64_t at_ms; /* monotonic */
    const struct queue_box *box;
    uint64_t turn;
};
/* A list of the messages that are visible, as the service shows them. When to look again comes into *wake,
 * which is not after its at_ms as given. */
const struct value *queue_receive(struct queues *queues, struct arena *arena, const struct queue *queue,
    const struct queue_want *want, struct queue_wake *wake);
/* False: nobody waits any more. */
bool queue_wait(struct queues *queues, const struct queue_wake *wake);
struct queue_counts {
    int64_t visible, hidden, delayed;
};
struct queue_counts queue_count(struct queues *queues, const struct queue *queue);

/* ---- message_moves.c ---- */

service_handler sqs_start_move, sqs_list_moves, sqs_cancel_move, sqs_list_sources;

/* ---- queues.c ---- */

service_handler sqs_create_queue, sqs_set_attributes, sqs_sparse, sqs_add_permission, sqs_remove_permission;
/* Are all that GetQueueAttributes asks for attributes of queues? */
int sqs_check_attribute_names(const struct service_call *call, struct err *err);

/* ---- queues.c ---- */

/* MD5 over all of them, as clients check it. */
struct str queue_digest(struct arena *arena, const struct value *attributes);
