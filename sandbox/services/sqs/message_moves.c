/*
 * StartMessageMoveTask: moves the visible messages of a dead-letter queue. With MaxNumberOfMessagesPerSecond
 * a thread moves one at a time; without it, all are moved before the response.
 */
#include "base/clock.h"
#include "base/hash.h"
#include "base/json.h"
#include "base/mem.h"
#include "sandbox/engine/view.h"
#include "sandbox/services/sqs/queues.h"

#include <stdlib.h>

enum { MAX_LISTED = 10, MAX_PAGE = 1000 };

/* ---- source queues ---- */

/* Returns the queues that have this dead-letter queue. */
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

static int no_such_queue(struct err *err, const char *parameter)
{
    return service_refuse(err, 404, "ResourceNotFoundException",
        "The resource that you specified for the %s parameter doesn't exist.", parameter);
}

int sqs_list_sources(struct service_call *call, struct err *err)
{
    struct str url = value_gets(call->input, "QueueUrl");
    struct queue queue;
    size_t n;
    if (!queue_find(call->services, call->arena, call->region, url, &queue))
        return service_refuse(
            err, 400, "AWS.SimpleQueueService.NonExistentQueue", "The specified queue does not exist.");
    const struct control_record *sources = sources_of(call, queue.arn, &n);
    AUTO_BUILDER struct value_builder urls = VALUE_BUILDER(call->arena);
    for (size_t i = 0; i < n; i++)
        value_builder_add(&urls, value_getz(sources[i].attrs, "url"));
    return service_answer_page(call, "queueUrls", value_builder_list(&urls), MAX_PAGE, err);
}

/* ---- moving ---- */

/* A move task as its thread sees it. */
struct move_run {
    struct services *services;
    struct arena arena;
    struct str region, source, to, task;
    int64_t created_ms; /* of the source's record */
    int64_t rate;       /* messages per second; 0: all at once */
};

static void run_free(struct move_run *run)
{
    arena_release(&run->arena);
    free(run);
}

/* Returns the task, or NULL if it is no longer listed. The lock must be held. */
static struct queue_move *move_of(struct queue_box *box, struct str task)
{
    for (size_t i = 0; i < box->move_count; i++)
        if (str_eqz(task, box->moves[i].task))
            return &box->moves[i];
    return NULL;
}

/* Takes up to `most` visible messages out of the queue. The caller frees the array. */
static struct message **take(struct queues *queues, const struct queue *from, size_t most, size_t *n)
{
    size_t cap = 0, kept = 0;
    struct message **taken = NULL;
    *n = 0;
    AUTO_UNLOCK pthread_mutex_t *held = mutex_hold(&queues->lock);
    struct queue_box *box = queue_box(queues, from);
    int64_t now = clock_mono_ms();
    for (size_t i = 0; i < box->n; i++) {
        if (*n == most || box->items[i]->visible_ms > now) {
            box->items[kept++] = box->items[i];
            continue;
        }
        MEM_GROW(taken, cap, *n + 1);
        taken[(*n)++] = box->items[i];
    }
    box->n = kept;
    return taken;
}

/* Returns how many messages are visible. */
static int64_t count_visible(const struct queue_box *box)
{
    int64_t n = 0, now = clock_mono_ms();
    for (size_t i = 0; i < box->n; i++)
        n += box->items[i]->visible_ms <= now;
    return n;
}

/* Resets the message: in the target queue it is a new one. */
static void queues_moves_renew(struct message *message)
{
    message->id = uuid_random(&message->arena);
    message->source = STR_EMPTY;
    message->receipt[0] = '\0';
    message->received = 0;
    message->first_ms = 0;
    message->sent_ms = clock_wall_ms();
}

/* Moves a message. Returns NULL, or why it stays in its queue. */
static const char *move_one(
    const struct move_run *run, struct arena *arena, const struct queue *from, struct message *message)
{
    struct queues *queues = services_queues(run->services);
    struct str arn = run->to.n ? run->to : message->source;
    struct queue target;
    bool known = arn.n && queue_find(run->services, arena, run->region, arn, &target);
    if (known)
        queues_moves_renew(message);
    AUTO_UNLOCK pthread_mutex_t *held = mutex_hold(&queues->lock);
    queue_add(queues, queue_box(queues, known ? &target : from), message);
    return known   ? NULL
           : arn.n ? "AWS.SimpleQueueService.NonExistentQueue"
                   : "CouldNotDetermineMessageSource";
}

/* Moves the next messages and updates the task. False: the task has ended. */
static bool move_next(const struct move_run *run)
{
    AUTO_ARENA struct arena arena = ARENA_INIT;
    struct queues *queues = services_queues(run->services);
    struct queue from;
    size_t n, moved = 0, most = run->rate ? 1 : SIZE_MAX;
    const char *why = NULL;
    if (!queue_find(run->services, &arena, run->region, run->source, &from) ||
        from.created_ms != run->created_ms)
        return false;
    struct message **taken = take(queues, &from, most, &n);
    for (size_t i = 0; i < n; i++) {
        const char *stays = move_one(run, &arena, &from, taken[i]);
        why = stays ? stays : why;
        moved += !stays;
    }
    free(taken);
    AUTO_UNLOCK pthread_mutex_t *held = mutex_hold(&queues->lock);
    struct queue_box *box = queue_box(queues, &from);
    struct queue_move *move = move_of(box, run->task);
    if (!move)
        return false;
    move->moved += (int64_t)moved;
    move->why = why;
    bool left = run->rate && move->moved < move->found && count_visible(box); /* later ones are not moved */
    move->status = move->cancelled ? "CANCELLED" : why ? "FAILED" : left ? "RUNNING" : "COMPLETED";
    return str_eqz(STR("RUNNING"), move->status);
}

static void run_move(void *ctx)
{
    struct move_run *run = ctx;
    while (services_sleep(run->services, 1000 / run->rate) && move_next(run))
        ;
    run_free(run);
}

/* ---- tasks ---- */

/* Records a new task and returns how many messages it moves; -1: another task of this queue is running. */
static int64_t note_move(struct queues *queues, const struct queue *from, const struct move_run *run)
{
    AUTO_UNLOCK pthread_mutex_t *held = mutex_hold(&queues->lock);
    struct queue_box *box = queue_box(queues, from);
    struct queue_move move = {
        .found = count_visible(box), .at_ms = clock_wall_ms(), .rate = run->rate, .status = "RUNNING"};
    for (size_t i = 0; i < box->move_count; i++)
        if (str_eqz(STR("RUNNING"), box->moves[i].status))
            return -1;
    move.to = mem_strdup(run->to.n ? run->to.p : "");
    memcpy(move.task, run->task.p, run->task.n);
    if (box->move_count == MAX_LISTED) {
        free(box->moves[0].to);
        memmove(box->moves, box->moves + 1, (MAX_LISTED - 1) * sizeof *box->moves);
        box->move_count--;
    }
    box->moves[box->move_count++] = move;
    return move.found;
}

static const struct value *task_handle(struct arena *arena, struct str task, struct str source)
{
    return value_string(
        arena, base64_encode(arena, arena_printf(arena, "{\"taskId\":\"%.*s\",\"sourceArn\":\"%.*s\"}",
                                        STR_ARG(task), STR_ARG(source))));
}

static struct move_run *run_new(const struct service_call *call, const struct queue *from)
{
    struct move_run *run = mem_zalloc(sizeof *run);
    run->services = call->services;
    run->created_ms = from->created_ms;
    run->rate = service_int(call->input, "MaxNumberOfMessagesPerSecond", 0);
    run->region = arena_str(&run->arena, call->region);
    run->source = arena_str(&run->arena, from->arn);
    run->to = arena_str(&run->arena, value_gets(call->input, "DestinationArn"));
    run->task = uuid_random(&run->arena);
    return run;
}

static int start_move(struct service_call *call, const struct queue *from, struct err *err)
{
    struct move_run *run = run_new(call, from);
    const struct value *handle = task_handle(call->arena, run->task, from->arn);
    if (note_move(services_queues(call->services), from, run) < 0) {
        run_free(run);
        return service_refuse(err, 400, "InvalidParameterValue",
            "There is already a task running. Only one active task is allowed for a source queue arn at a "
            "given time.");
    }
    bool more = move_next(run);
    if (!more || services_thread(call->services, run_move, run)) {
        run->rate = 0; /* without a thread, the rest is moved now */
        if (more)
            move_next(run);
        run_free(run);
    }
    service_answer(call, "TaskHandle", handle);
    return 0;
}

int sqs_start_move(struct service_call *call, struct err *err)
{
    struct str arn = value_gets(call->input, "SourceArn"), to = value_gets(call->input, "DestinationArn");
    struct queue from, target;
    size_t n;
    if (!queue_find(call->services, call->arena, call->region, arn, &from))
        return no_such_queue(err, "SourceArn");
    sources_of(call, from.arn, &n);
    if (!n)
        return service_refuse(
            err, 400, "InvalidParameterValue", "Source queue must be configured as a Dead Letter Queue.");
    if (to.n && !queue_find(call->services, call->arena, call->region, to, &target))
        return no_such_queue(err, "DestinationArn");
    return start_move(call, &from, err);
}

static const struct value *queues_moves_shown(
    struct arena *arena, struct str from, const struct queue_move *move)
{
    AUTO_BUILDER struct value_builder b = VALUE_BUILDER(arena);
    view_text(&b, "SourceArn", from);
    view_text(&b, "Status", str_z(move->status));
    view_int(&b, "ApproximateNumberOfMessagesMoved", move->moved);
    view_int(&b, "ApproximateNumberOfMessagesToMove", move->found);
    view_int(&b, "StartedTimestamp", move->at_ms);
    view_text(&b, "DestinationArn", arena_str(arena, str_z(move->to)));
    if (str_eqz(STR("RUNNING"), move->status))
        view_set(&b, "TaskHandle", task_handle(arena, arena_str(arena, str_z(move->task)), from));
    if (move->rate)
        view_int(&b, "MaxNumberOfMessagesPerSecond", move->rate);
    if (move->why)
        view_text(&b, "FailureReason", str_z(move->why));
    return value_builder_map(&b);
}

/* Lists tasks, newest first. */
int sqs_list_moves(struct service_call *call, struct err *err)
{
    struct str arn = value_gets(call->input, "SourceArn");
    struct queue from;
    struct queues *queues = services_queues(call->services);
    int64_t most = service_int(call->input, "MaxResults", 1);
    if (!queue_find(call->services, call->arena, call->region, arn, &from))
        return no_such_queue(err, "SourceArn");
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
    struct str handle = value_gets(call->input, "TaskHandle"), text = STR_EMPTY;
    struct queue from;
    const struct value *task = NULL;
    struct queues *queues = services_queues(call->services);
    if (!base64_decode(call->arena, handle, &text) || json_parse(call->arena, text, &task, ERR_IGNORED) ||
        !value_gets(task, "taskId").n)
        return service_refuse(
            err, 400, "InvalidParameterValue", "Value for parameter TaskHandle is invalid.");
    if (!queue_find(call->services, call->arena, call->region, value_gets(task, "sourceArn"), &from))
        return no_such_queue(err, "SourceArn");
    AUTO_UNLOCK pthread_mutex_t *held = mutex_hold(&queues->lock);
    struct queue_move *move = move_of(queue_box(queues, &from), value_gets(task, "taskId"));
    if (!move || !str_eqz(STR("RUNNING"), move->status))
        return service_refuse(err, 404, "ResourceNotFoundException", "Task does not exist.");
    move->cancelled = true;
    service_answer(call, "ApproximateNumberOfMessagesMoved", value_int(call->arena, move->moved));
    return 0;
}
