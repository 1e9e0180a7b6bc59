/*
 * SQS's messages, in memory only: they are lost when the sandbox ends. Visibility timeouts, delays, long
 * polls, retention, dead-letter queues; for FIFO queues, message group order and deduplication.
 *
 *   queues.c          the messages of each queue; attributes of queues
 *   receive.c         which messages a receiver gets
 *   operations.c      operations
 *   message_moves.c   message move tasks
 *
 * A queue is a record of the control plane; its messages are found by its ARN. Messages of a deleted queue
 * are freed when a queue of that name is used again.
 */
#pragma once

#include "sandbox/calls/services.h"
#include "sandbox/engine/deduplication.h"

struct queues;

struct queues *queues_new(struct services *services);
/* Wakes all long polls, which end. */
void queues_stop(struct queues *queues);
void queues_free(struct queues *queues);
struct queues *services_queues(struct services *services);

/* ---- shared by the files above ---- */

/* Two 64-bit numbers in hexadecimal. */
#define RECEIPT_SIZE 33

struct message {
    struct arena arena;
    struct str id, body, group, deduplication, once; /* once: deduplication key; "": none */
    struct str source;                               /* of a dead letter: ARN of its source queue */
    const struct value *attributes;                  /* MessageAttributes; NULL: none */
    struct str trace;                                /* AWSTraceHeader; "": none */
    char receipt[RECEIPT_SIZE];                      /* of the last receive; "": never received */
    uint64_t sequence;
    int64_t sent_ms, first_ms; /* wall clock */
    int64_t visible_ms;        /* monotonic */
    int64_t received;          /* receive count */
    uint64_t turn;             /* number of the last receive among all of the queue; 0: never */
};

/* A message move task. */
struct queue_move {
    char *to; /* ARN; "": the source queue of each message */
    char task[37];
    int64_t at_ms, rate, found, moved;
    const char *status; /* as clients see it */
    const char *why;    /* why messages were not moved; NULL: all were */
    bool cancelled;     /* ends after the current message */
};

struct queue_box {
    char *arn;
    int64_t created_ms; /* creation time of the queue's record */
    struct message **items;
    size_t n, cap;     /* oldest first */
    uint64_t turn;     /* number of changes of the messages */
    uint64_t receipts; /* number of receives */
    int64_t purged_ms; /* monotonic; 0: never */
    struct deduplication recent;
    struct queue_move moves[10];
    size_t move_count; /* oldest first */
};

struct queues {
    struct services *services;
    pthread_mutex_t lock;   /* guards the members below; no service is called with it held */
    pthread_cond_t changed; /* uses the monotonic clock */
    bool stopping;
    struct map boxes; /* by ARN; never removed */
    size_t messages;  /* in all queues */
    uint64_t sequence;
};

/* A queue's settings from the control plane. */
struct queue {
    struct str arn, region;
    const struct value *attrs;
    int64_t created_ms;
    bool fifo;
    struct str letters; /* ARN of an existing dead-letter queue; "": none */
    int64_t letters_ms; /* creation time of that queue */
    const struct value *letters_attrs;
    int64_t most; /* maxReceiveCount */
};

/* Finds a queue by URL (of any host), ARN or name. */
bool queue_find(struct services *services, struct arena *arena, struct str region, struct str reference,
    struct queue *out);

/* Returns the queue's messages, without expired ones. The lock must be held. */
struct queue_box *queue_box(struct queues *queues, const struct queue *queue);
void queue_remove(struct queues *queues, struct queue_box *box, size_t i);
/* Wakes receivers after a change of the messages. The lock must be held. */
void queue_changed(struct queues *queues, struct queue_box *box);
/* Adds a message taken from another queue, and wakes receivers. The lock must be held. */
void queue_add(struct queues *queues, struct queue_box *box, struct message *message);

/* Sends a message, which it takes over. False: too many messages. A duplicate in a FIFO queue is freed, and
 * *out is the earlier message's. */
struct queue_sent {
    struct str id; /* in the arena */
    uint64_t sequence;
};
bool queue_send(struct queues *queues, struct arena *arena, const struct queue *queue,
    struct message *message, struct queue_sent *out);

/* ---- receive.c ---- */

/* True if this queue issued the receipt handle, whether or not the message still exists. */
bool queue_gave_receipt(struct arena *arena, const struct queue *queue, struct str receipt);
uint64_t receipt_number(struct arena *arena, struct str receipt);
/* True if the receipt number is one of this message's, of any receive. */
bool message_had_receipt(const struct message *message, uint64_t number);

struct receive_request {
    int64_t most, hidden_ms;
    const struct value *system, *named; /* requested attribute names; "All" */
};
/* When a receiver looks again: at a time, or when the queue's messages change. */
struct queue_wake {
    int64_t at_ms; /* monotonic */
    const struct queue_box *box;
    uint64_t turn;
};
/* Returns the visible messages as the service shows them. *wake is set to when to look again, at the latest
 * wake->at_ms as given. */
const struct value *queue_receive(struct queues *queues, struct arena *arena, const struct queue *queue,
    const struct receive_request *want, struct queue_wake *wake);
/* Waits for *wake. False: the queues are stopping. */
bool queue_wait(struct queues *queues, const struct queue_wake *wake);
struct queue_counts {
    int64_t visible, hidden, delayed;
};
struct queue_counts queue_count(struct queues *queues, const struct queue *queue);

/* ---- message_moves.c ---- */

service_handler sqs_start_move, sqs_list_moves, sqs_cancel_move, sqs_list_sources;

/* ---- queues.c ---- */

service_handler sqs_create_queue, sqs_set_attributes, sqs_sparse, sqs_add_permission, sqs_remove_permission;
/* Checks that GetQueueAttributes requests only known attributes. */
int sqs_check_attribute_names(const struct service_call *call, struct err *err);

/* Returns the MD5 of message attributes that clients verify. */
struct str queue_digest(struct arena *arena, const struct value *attributes);
