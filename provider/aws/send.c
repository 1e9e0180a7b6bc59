/*
 * Calls on their way: each is sent when its time has come (at once, when the throttle lets it, or after a
 * pause), and again for as long as exchange_settle() asks for that. aws_send() is a flight of one.
 */
#include "base/clock.h"
#include "base/mem.h"
#include "provider/aws/client_state.h"

#include <stdlib.h>

enum { SLEEP_SLICE_MS = 100 /* how late a set cancel flag may be seen */ };

struct aws_flight {
    struct aws_client *client;
    struct http_queue queue;
    struct aws_exchange *waiting, *over, *idle;
    size_t count;
};

static void send_push(struct aws_exchange **list, struct aws_exchange *x)
{
    x->next = *list;
    *list = x;
}

static struct aws_exchange *send_pop(struct aws_exchange **list)
{
    struct aws_exchange *x = *list;
    if (x)
        *list = x->next;
    return x;
}

static void wait_for(struct aws_flight *flight, struct aws_exchange *x, int64_t ms)
{
    x->ready_ms = ms > 0 ? clock_mono_ms() + ms : 0;
    x->reserved = false;
    send_push(&flight->waiting, x);
}

static void send_recover(struct aws_flight *flight, struct aws_exchange *x, bool sent)
{
    int64_t delay_ms;
    if (exchange_settle(x, sent, &delay_ms))
        send_push(&flight->over, x);
    else
        wait_for(flight, x, delay_ms);
}

static void send_start(struct aws_flight *flight, struct aws_exchange *x)
{
    if (exchange_request(x))
        send_recover(flight, x, false);
    else
        http_queue_add(&flight->queue, &x->http);
}

static bool is_ready(struct aws_exchange *x, int64_t now_ms)
{
    if (x->ready_ms > now_ms)
        return false;
    if (!x->reserved) {
        x->reserved = true;
        x->ready_ms = now_ms + throttle_reserve(&x->service->throttle, now_ms);
    }
    return x->ready_ms <= now_ms;
}

/* Starts what may be; returns for how long there is nothing more to start, -1: nothing waits. */
static int64_t start_waiting(struct aws_flight *flight)
{
    struct aws_exchange *list = flight->waiting;
    int64_t now_ms = list ? clock_mono_ms() : 0, wait_ms = -1;
    flight->waiting = NULL;
    for (struct aws_exchange *x; (x = send_pop(&list));) {
        bool ready = is_ready(x, now_ms);
        if (ready) {
            send_start(flight, x);
        } else if (cancel_is_set(x->call->cancel)) {
            err_set(&x->failure, ERR_INTERRUPTED, "interrupted");
            send_push(&flight->over, x);
        } else {
            send_push(&flight->waiting, x);
        }
    }
    for (struct aws_exchange *x = flight->waiting; x; x = x->next) {
        int64_t left_ms = x->ready_ms > now_ms ? x->ready_ms - now_ms : 0;
        if (wait_ms < 0 || left_ms < wait_ms)
            wait_ms = left_ms;
    }
    return wait_ms;
}

struct aws_flight *aws_flight_new(struct aws_client *client)
{
    struct aws_flight *flight = mem_zalloc(sizeof *flight);
    flight->client = client;
    http_queue_init(&flight->queue, client->http);
    return flight;
}

void aws_flight_free(struct aws_flight *flight)
{
    http_queue_release(&flight->queue);
    for (struct aws_exchange *x; (x = send_pop(&flight->idle));)
        free(x);
    free(flight);
}

size_t aws_flight_count(const struct aws_flight *flight)
{
    return flight->count;
}

static void answer_at_once(struct aws_flight *flight, struct aws_exchange *x)
{
    struct aws_sending *sending = x->sending;
    atomic_fetch_add_explicit(&flight->client->requests, 1, memory_order_relaxed);
    sending->result =
        flight->client->answer(sending->call, sending->arena, &sending->response, &sending->err);
    x->answered = true;
    send_push(&flight->over, x);
}

void aws_flight_add(struct aws_flight *flight, struct aws_sending *sending)
{
    struct aws_exchange *x = send_pop(&flight->idle);
    if (!x)
        x = mem_alloc(sizeof *x);
    *x = (struct aws_exchange){.client = flight->client, .sending = sending};
    flight->count++;
    if (flight->client->answer) {
        answer_at_once(flight, x);
        return;
    }
    if (exchange_begin(x)) {
        send_push(&flight->over, x);
        return;
    }
    wait_for(flight, x, 0);
    start_waiting(flight);
}

static struct aws_sending *bring_back(struct aws_flight *flight, struct aws_exchange *x)
{
    if (!x->answered)
        exchange_end(x);
    flight->count--;
    send_push(&flight->idle, x);
    return x->sending;
}

/* Until something comes back or may be started, or so long at most (-1: no limit). */
static void pass_time(struct aws_flight *flight, int64_t limit_ms)
{
    struct http_exchange *back = http_queue_next(&flight->queue, limit_ms);
    if (back)
        send_recover(flight, back->owner, true);
    else if (!flight->queue.pending)
        clock_sleep_ms(limit_ms >= 0 && limit_ms < SLEEP_SLICE_MS ? limit_ms : SLEEP_SLICE_MS);
}

struct aws_sending *aws_flight_next(struct aws_flight *flight, int64_t timeout_ms)
{
    int64_t until_ms = timeout_ms > 0 ? clock_mono_ms() + timeout_ms : 0;
    for (bool late = false; flight->count && !late;) {
        int64_t wait_ms = start_waiting(flight);
        if (flight->over)
            return bring_back(flight, send_pop(&flight->over));
        int64_t left_ms = timeout_ms > 0 ? until_ms - clock_mono_ms() : timeout_ms;
        late = timeout_ms >= 0 && left_ms <= 0;
        if (late)
            left_ms = 0;
        if (left_ms >= 0 && (wait_ms < 0 || left_ms < wait_ms))
            wait_ms = left_ms;
        pass_time(flight, wait_ms);
    }
    return flight->over ? bring_back(flight, send_pop(&flight->over)) : NULL;
}

int aws_send(struct aws_client *client, const struct aws_call *call, struct arena *arena,
    struct wire_message *response, struct err *err)
{
    struct aws_sending sending = {.call = call, .arena = arena};
    struct aws_flight *flight = aws_flight_new(client);
    aws_flight_add(flight, &sending);
    aws_flight_next(flight, -1);
    aws_flight_free(flight);
    *response = sending.response;
    if (sending.result && err)
        *err = sending.err;
    return sending.result;
}
