/*
 * Dead letters go back: StartMessageMoveTask. Here a move is over as soon as it was asked for; what can be
 * received at that moment is moved, what somebody holds is not.
 */
#include "base/clock.h"
#include "base/hash.h"
#include "base/mem.h"
#include "sandbox/services/sqs/queues.h"

#include <stdlib.h>

enum { MAX_LISTED = 10, MAX_PAGE = 1000 };

/* ---- whose dead letters they are ---- */

/* The queues that send theirs to this one. */
static struct control_record *sources_of(const struct service_call *call, struct str letters, size_t *n)
{
    struct control_record *all = service_list(call, STR("aws.sqs.queue"), n);
    size_t kept = 0;
    for (size_t i = 0; i < *n; i++) {
        const struct value *redrive = value_getz(all[i].attrs, "redrive_policy");
        if (str_eq(value_gets(redrive, "deadLetterTargetArn"), letters))
            all[kept++] = all[i];
    }
    *n = kept;
    return all;
}

static int no_such_queue(struct err *err)
{
    return service_refuse(err, 400, "ResourceNotFoundException",
        "The resource that you specified for the SourceArn parameter doesn't exist.");
}

int sqs_list_sources(struct service_call *call, struct err *err)
{
    struct str url;
    struct queue queue;
    size_t n, first, end;
    const struct value *next;
    if (service_required(call, "QueueUrl", &url, err))
        return -1;
    if (!queue_find(call->services, call->arena, call->region, url, &queue))
        return service_refuse(
            err, 400, "AWS.SimpleQueueService.NonExistentQueue", "The specified queue does not exist.");
    const struct control_record *sources = sources_of(call, queue.arn, &n);
    if (service_page(call, "NextToken", "MaxResults", MAX_PAGE, n, &first, &end, &next, err))
        return -1;
    AUTO_BUILDER struct value_builder urls = VALUE_BUILDER(call->arena);
    for (size_t i = first; i < end; i++)
        value_builder_add(&urls, value_getz(sources[i].attrs, "url"));
    service_answer(call, "queueUrls", value_builder_list(&urls));
    service_answer(call, "NextToken", next);
    return 0;
}

/* ---- moving ---- */

/* What can be received now, out of its queue; the caller's to free. */
static struct message **take_all(struct queues *queues, const struct queue *from, size_t *n)
{
    size_t cap = 0, kept = 0;
    struct message **taken = NULL;
    *n = 0;
    AUTO_UNLOCK pthread_mutex_t *held = mutex_hold(&queues->lock);
    struct queue_box *box = queue_box(queues, from);
    int64_t now = clock_mono_ms();
    for (size_t i = 0; i < box->n; i++) {
        if (box->items[i]->visible_ms > now) {
            box->items[kept++] = box->items[i];
            continue;
        }
        MEM_GROW(taken, cap, *n + 1);
        taken[(*n)++] = box->items[i];
    }
    box->n = kept;
    return taken;
}

/* It is a new message there. */
static void queues_moves_renew(struct message *message)
{
    message->id = uuid_random(&message->arena);
    message->source = STR_EMPTY;
    message->receipt[0] = '\0';
    message->received = 0;
    message->first_ms = 0;
    message->sent_ms = clock_wall_ms();
}

/* NULL: all of them were moved; else why the others stay. */
static const char *move_all(
    const struct service_call *call, const struct queue *from, struct str to, int64_t *moved, int64_t *found)
{
    struct queues *queues = services_queues(call->services);
    const char *why = NULL;
    size_t n;
    struct message **taken = take_all(queues, from, &n);
    *moved = 0;
    *found = (int64_t)n;
    for (size_t i = 0; i < n; i++) {
        struct queue target;
        struct str arn = to.n ? to : taken[i]->source;
        bool known = arn.n && queue_find(call->services, call->arena, call->region, arn, &target);
        if (!known)
            why = arn.n ? "AWS.SimpleQueueService.NonExistentQueue" : "CouldNotDetermineMessageSource";
        if (known)
            queues_moves_renew(taken[i]);
        *moved += known;
        pthread_mutex_lock(&queues->lock);
        queue_add(queues, queue_box(queues, known ? &target : from), taken[i]);
        pthread_mutex_unlock(&queues->lock);
    }
    free(taken);
    return why;
}

/* ---- what was moved ---- */

static void queues_moves_remember(
    struct queues *queues, const struct queue *from, const struct queue_move *move)
{
    AUTO_UNLOCK pthread_mutex_t *held = mutex_hold(&queues->lock);
    struct queue_box *box = queue_box(queues, from);
    if (box->move_count == MAX_LISTED) {
        free(box->moves[0].to);
        memmove(box->moves, box->moves + 1, (MAX_LISTED - 1) * sizeof *box->moves);
        box->move_count--;
    }
    box->moves[box->move_count++] = *move;
}

int sqs_start_move(struct service_call *call, struct err *err)
{
    struct str arn, to = value_gets(call->input, "DestinationArn");
    struct queue from, target;
    size_t n;
    if (service_required(call, "SourceArn", &arn, err))
        return -1;
    if (!queue_find(call->services, call->arena, call->region, arn, &from))
        return no_such_queue(err);
    sources_of(call, from.arn, &n);
    if (!n)
        return service_refuse(
            err, 400, "InvalidParameterValue", "Source queue must be configured as a Dead Letter Queue.");
    if (to.n && !queue_find(call->services, call->arena, call->region, to, &target))
        return service_refuse(err, 400, "ResourceNotFoundException",
            "The resource that you specified for the DestinationArn parameter doesn't exist.");
    struct queue_move move = {.at_ms = clock_wall_ms(),
        .rate = service_int(call->input, "MaxNumberOfMessagesPerSecond", 0),
        .to = mem_strdup(arena_strz(call->arena, to))};
    move.why = move_all(call, &from, to, &move.moved, &move.found);
    queues_moves_remember(services_queues(call->services), &from, &move);
    service_answer(call, "TaskHandle", value_string(call->arena, uuid_random(call->arena)));
    return 0;
}

static const struct value *queues_moves_shown(
    struct arena *arena, struct str from, const struct queue_move *move)
{
    AUTO_BUILDER struct value_builder b = VALUE_BUILDER(arena);
    value_builder_set(&b, STR("SourceArn"), value_string(arena, from));
    value_builder_set(&b, STR("Status"), value_stringz(arena, move->why ? "FAILED" : "COMPLETED"));
    value_builder_set(&b, STR("ApproximateNumberOfMessagesMoved"), value_int(arena, move->moved));
    value_builder_set(&b, STR("ApproximateNumberOfMessagesToMove"), value_int(arena, move->found));
    value_builder_set(&b, STR("StartedTimestamp"), value_int(arena, move->at_ms));
    if (move->to[0])
        value_builder_set(&b, STR("DestinationArn"), value_stringz(arena, move->to));
    if (move->rate)
        value_builder_set(&b, STR("MaxNumberOfMessagesPerSecond"), value_int(arena, move->rate));
    if (move->why)
        value_builder_set(&b, STR("FailureReason"), value_stringz(arena, move->why));
    return value_builder_map(&b);
}

/* The latest first. */
int sqs_list_moves(struct service_call *call, struct err *err)
{
    struct str arn;
    struct queue from;
    struct queues *queues = services_queues(call->services);
    int64_t most = service_int(call->input, "MaxResults", 1);
    if (service_required(call, "SourceArn", &arn, err))
        return -1;
    if (!queue_find(call->services, call->arena, call->region, arn, &from))
        return no_such_queue(err);
    AUTO_BUILDER struct value_builder list = VALUE_BUILDER(call->arena);
    pthread_mutex_lock(&queues->lock);
    const struct queue_box *box = queue_box(queues, &from);
    for (size_t i = box->move_count; i-- > 0 && (int64_t)list.n < most;)
        value_builder_add(&list, queues_moves_shown(call->arena, from.arn, &box->moves[i]));
    pthread_mutex_unlock(&queues->lock);
    service_answer(call, "Results", value_builder_list(&list));
    return 0;
}

int sqs_cancel_move(struct service_call *call, struct err *err)
{
    struct str handle;
    if (service_required(call, "TaskHandle", &handle, err))
        return -1;
    return service_refuse(err, 400, "ResourceNotFoundException",
        "The message movement task does not run any more, or there was none of this handle.");
}
