/* The client of one AWS account and region: see client.h. */
#include "provider/aws/client.h"

#include "base/clock.h"
#include "base/mem.h"
#include "provider/aws/client_state.h"

#include <stdlib.h>

/* ---- Wire messages to HTTP requests and back ---- */

struct http_request message_to_http(
    struct arena *arena, const struct endpoint *endpoint, struct str host, const struct wire_message *message)
{
    struct http_header *headers = ARENA_ARRAY(arena, struct http_header, message->header_count + 1);
    for (size_t i = 0; i < message->header_count; i++)
        headers[i] = (struct http_header){message->headers[i].name, message->headers[i].value};
    return (struct http_request){.method = message->method,
        .url = arena_printf(arena, "%s://%.*s%.*s%s%.*s", endpoint->tls ? "https" : "http", STR_ARG(host),
            STR_ARG(message->path), message->query.n ? "?" : "", STR_ARG(message->query)),
        .headers = headers,
        .header_count = message->header_count,
        .body = message->body};
}

struct wire_message message_from_http(struct arena *arena, const struct http_response *response)
{
    struct wire_message message = {.status = response->status,
        .headers = ARENA_ARRAY(arena, struct wire_header, response->header_count + 1),
        .header_count = response->header_count,
        .header_cap = response->header_count + 1,
        .body = response->body};
    for (size_t i = 0; i < response->header_count; i++)
        message.headers[i] = (struct wire_header){response->headers[i].name, response->headers[i].value};
    return message;
}

int aws_client_new(const struct aws_options *options, struct aws_client **out, struct err *err)
{
    struct aws_client *client = mem_zalloc(sizeof *client);
    client->http = options->http;
    client->route = options->route;
    client->route_ctx = options->route_ctx;
    client->cancel = options->cancel;
    pthread_mutex_init(&client->lock, NULL);
    pthread_mutex_init(&client->account_lock, NULL);
    struct aws_settings *s = &client->settings;
    if (aws_settings_read(&client->arena, options->name, options->config, s, err)) {
        aws_client_free(client);
        return -1;
    }
    struct credentials_options chain = {.http = options->http,
        .profile = s->profile,
        .region = s->endpoints.region,
        .assume_role_arn = s->role,
        .assume_role_session = s->role_session,
        .assume_role_external_id = s->role_external_id,
        .fixed = {.access_key = s->access_key,
            .secret_key = s->secret_key,
            .session_token = s->session_token,
            .source = STR("provider settings")},
        .config = s->config};
    client->credentials = credentials_chain_new(&chain);
    *out = client;
    return 0;
}

void aws_client_free(struct aws_client *client)
{
    if (!client)
        return;
    credentials_chain_free(client->credentials);
    for (size_t i = 0; i < client->services.n; i++)
        throttle_release(&((struct service_state *)client->services.items[i].ptr)->throttle);
    map_release(&client->services);
    map_release(&client->bucket_regions);
    arena_wipe(&client->store);
    arena_wipe(&client->arena);
    pthread_mutex_destroy(&client->lock);
    pthread_mutex_destroy(&client->account_lock);
    explicit_bzero(client->keys, sizeof client->keys);
    free(client);
}

struct str aws_region(const struct aws_client *client)
{
    return client->settings.endpoints.region;
}

struct str aws_partition(const struct aws_client *client)
{
    return region_partition(aws_region(client));
}

int64_t aws_clock_ahead_ms(const struct aws_client *client)
{
    return atomic_load_explicit(&client->date_ahead_ms, memory_order_relaxed);
}

void aws_throttled(struct aws_client *client, const struct aws_service *service)
{
    struct service_state *state = client_service(client, service, NULL);
    if (state)
        throttle_refused(&state->throttle, clock_mono_ms());
}

void aws_note_created(struct aws_client *client)
{
    atomic_store_explicit(&client->created_ms, clock_mono_ms(), memory_order_relaxed);
}

bool aws_created_within(const struct aws_client *client, int64_t ms)
{
    int64_t made_ms = atomic_load_explicit(&client->created_ms, memory_order_relaxed);
    return made_ms && clock_mono_ms() - made_ms < ms;
}

uint64_t aws_requests(const struct aws_client *client)
{
    return atomic_load_explicit(&client->requests, memory_order_relaxed);
}

/* ---- cached between calls ---- */

struct service_state *client_service(
    struct aws_client *client, const struct aws_service *service, struct err *err)
{
    AUTO_UNLOCK pthread_mutex_t *held = mutex_hold(&client->lock);
    struct service_state *state = map_get(&client->services, service->id);
    if (!state) {
        struct endpoint endpoint;
        if (endpoint_resolve(&client->store, &client->settings.endpoints, service, &endpoint, err)) {
            err_context(err, "%.*s", STR_ARG(client->settings.name));
        } else {
            state = ARENA_NEW(&client->store, struct service_state);
            state->endpoint = endpoint;
            throttle_init(&state->throttle);
            atomic_init(&state->budget, RETRY_BUDGET);
            map_set(&client->services, arena_str(&client->store, service->id), state);
        }
    }
    return state;
}

struct str client_bucket_region(struct aws_client *client, struct str bucket)
{
    AUTO_UNLOCK pthread_mutex_t *held = mutex_hold(&client->lock);
    const struct str *region = bucket.n ? map_get(&client->bucket_regions, bucket) : NULL;
    return region ? *region : STR_EMPTY;
}

void client_remember_bucket(struct aws_client *client, struct str bucket, struct str region)
{
    AUTO_UNLOCK pthread_mutex_t *held = mutex_hold(&client->lock);
    struct str *kept = ARENA_NEW(&client->store, struct str);
    *kept = arena_str(&client->store, region);
    map_set(&client->bucket_regions, arena_str(&client->store, bucket), kept);
}

static bool is_key_for(const struct signing_key *k, const struct sigv4_params *params, const char *time)
{
    return !memcmp(k->day, time, sizeof k->day) && str_eq(k->access_key, params->access_key) &&
           str_eq(k->region, params->region) && str_eq(k->service, params->service);
}

/* An access key id identifies its secret: a new secret always has a new id. */
void client_signing_key(struct aws_client *client, const struct sigv4_params *params, unsigned char key[32])
{
    char time[17];
    time_iso_basic(params->wall_ms, time);
    AUTO_UNLOCK pthread_mutex_t *held = mutex_hold(&client->lock);
    for (size_t i = 0; i < SIGNING_KEYS; i++) {
        if (is_key_for(&client->keys[i], params, time)) {
            memcpy(key, client->keys[i].key, 32);
            return;
        }
    }
    sigv4_signing_key(params, key);
    struct signing_key *kept = &client->keys[client->next_key++ % SIGNING_KEYS];
    memcpy(kept->day, time, sizeof kept->day);
    kept->access_key = arena_str(&client->store, params->access_key);
    kept->region = arena_str(&client->store, params->region);
    kept->service = arena_str(&client->store, params->service);
    memcpy(kept->key, key, 32);
}

/* ---- Calls whose response is parsed as a document ---- */

struct decoding {
    const struct aws_call *call;
    struct arena *arena;
    const char *needs;
    const struct value *document;
};

static int take_document(void *ctx, const struct wire_message *answer, struct err *err)
{
    struct decoding *a = ctx;
    const struct wire_operation *op = a->call->op;
    if (!str_trim(answer->body).n)
        return err_set(err, ERR_PROTOCOL, "the answer to %.*s is empty", STR_ARG(op->name));
    if (wire_decode_response(a->arena, op, answer, &a->document, err))
        return -1;
    if (a->needs[0] && !value_getz(a->document, a->needs))
        return err_set(
            err, ERR_PROTOCOL, "the answer to %.*s is incomplete: it has no %s", STR_ARG(op->name), a->needs);
    return 0;
}

int aws_send_decoded(struct aws_client *client, const struct aws_call *call, struct arena *arena,
    const char *needs, const struct value **document, struct err *err)
{
    struct decoding decoding = {.call = call, .arena = arena, .needs = needs};
    struct aws_call own = *call;
    struct wire_message answer;
    own.accept = take_document;
    own.accept_ctx = &decoding;
    if (aws_send(client, &own, arena, &answer, err))
        return -1;
    *document = decoding.document;
    return 0;
}

int aws_send_json(struct aws_client *client, const struct aws_call *call, const struct value *input,
    struct arena *arena, const char *needs, const struct value **document, struct err *err)
{
    struct shape_member *members = ARENA_ARRAY(arena, struct shape_member, input->count + 1);
    for (uint32_t i = 0; i < input->count; i++)
        members[i] = (struct shape_member){
            .name = input->entries[i].key, .wire = input->entries[i].key, .shape = &shape_any};
    const struct shape shape = {.kind = SHAPE_STRUCT, .members = members, .member_count = input->count};
    struct aws_call own = *call;
    if (wire_encode_request(arena, own.op, &shape, input, &own.request, err))
        return -1;
    return aws_send_decoded(client, &own, arena, needs, document, err);
}

/* ---- Concurrent calls: each is sent when it is due (at once, when the throttle allows it, or after a
 * delay), and again as long as exchange_settle() requires. aws_send() is a flight of one call. ---- */

enum { SLEEP_SLICE_MS = 100 /* delay until a set cancel flag is noticed */ };

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

/* Starts the calls that are due; returns the time until the next one is, or -1 if none is waiting. */
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

static void answer_without_sending(struct aws_flight *flight, struct aws_exchange *x)
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
        answer_without_sending(flight, x);
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

/* Waits until a response arrives, at most `limit_ms` (-1: no limit). */
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
