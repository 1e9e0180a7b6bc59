/* Calls API destinations on a few worker threads, which have copies of the targets. */
#include "base/clock.h"
#include "base/hash.h"
#include "base/json.h"
#include "base/mem.h"
#include "provider/http/http.h"
#include "sandbox/calls/services_state.h"
#include "sandbox/services/shared/event_targets.h"

#include <stdio.h>
#include <stdlib.h>

/* ---- one call of an API destination ---- */

enum { TIMEOUT_MS = 5000, MAX_ANSWER = 1024 * 1024, DEFAULT_RATE = 300 }; /* AWS's own timeout */

/* A request: headers and query as maps of strings, and a body. */
struct sending {
    struct services *services;
    struct arena *arena;
    struct str method, url;
    const struct value *headers, *query;
    struct str body;
};

/* Returns the map with the entries [{Key, Value}] of parameters[member] set in it. */
static const struct value *with_pairs(
    struct arena *arena, const struct value *map, const struct value *parameters, const char *member)
{
    const struct value *pairs = value_as_list(value_getz(parameters, member));
    for (uint32_t i = 0; i < pairs->count; i++)
        map =
            value_with(arena, map, value_gets(pairs->items[i], "Key"), value_getz(pairs->items[i], "Value"));
    return map;
}

/* Sets a header, replacing one of the same name in any case. */
static void set_header(struct sending *s, const char *name, struct str text)
{
    const struct value *given = value_as_map(s->headers);
    for (uint32_t i = 0; i < given->count; i++)
        if (str_ieq(given->entries[i].key, str_z(name)))
            s->headers = value_with(s->arena, s->headers, given->entries[i].key, NULL);
    s->headers = value_with(s->arena, s->headers, str_z(name), value_string(s->arena, text));
}

static bool has_header(const struct value *headers, const char *name)
{
    headers = value_as_map(headers);
    for (uint32_t i = 0; i < headers->count; i++)
        if (str_ieq(headers->entries[i].key, str_z(name)))
            return true;
    return false;
}

/* Appends a=1&b=2 with names and values URL-encoded. */
static void add_form(struct buf *out, const struct value *fields)
{
    for (uint32_t i = 0; fields && i < fields->count; i++) {
        if (i)
            buf_add_char(out, '&');
        url_encode(out, fields->entries[i].key, false);
        buf_add_char(out, '=');
        url_encode(out, value_text(fields->entries[i].value, STR_EMPTY), false);
    }
}

/* Replaces each * of the path by the next value, URL-encoded. */
static struct str filled_path(struct arena *arena, struct str endpoint, const struct value *values)
{
    AUTO_BUF struct buf out = BUF_INIT;
    for (uint32_t i = 0; endpoint.n; i++) {
        struct str rest, part = str_cut(endpoint, '*', &rest);
        buf_add_str(&out, part);
        if (rest.p && i < values->count)
            url_encode(&out, value_text(values->items[i], STR_EMPTY), false);
        else if (rest.p)
            buf_add_char(&out, '*');
        endpoint = rest;
    }
    return arena_str(arena, buf_str(&out));
}

/* ---- sending ---- */

/* Returns whether EventBridge retries the status:
 * https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-api-destinations.html */
static bool is_tried_again(int status)
{
    return status == 401 || status == 407 || status == 409 || status == 429 || status >= 500;
}

static int exchange(const struct sending *s, struct http_response *response, struct err *err)
{
    struct http_engine *engine;
    AUTO_BUF struct buf url = BUF_INIT;
    size_t n = s->headers ? s->headers->count : 0;
    struct http_header *headers = ARENA_ARRAY(s->arena, struct http_header, n + 1);
    for (size_t i = 0; i < n; i++)
        headers[i] = (struct http_header){
            s->headers->entries[i].key, value_text(s->headers->entries[i].value, STR_EMPTY)};
    buf_add_str(&url, s->url);
    if (s->query && s->query->count)
        buf_add_char(&url, str_find_char(s->url, '?', 0) < 0 ? '?' : '&');
    add_form(&url, s->query);
    const struct http_request request = {.method = s->method,
        .url = buf_str(&url),
        .headers = headers,
        .header_count = n,
        .body = s->body,
        .discard_body = str_eqz(s->method, "HEAD"),
        .max_response = MAX_ANSWER,
        .deadline_ms = TIMEOUT_MS,
        .cancel = &s->services->stopping,
        .sensitive = true};
    if (http_engine_new(&(struct http_options){0}, &engine, err))
        return -1;
    int status = http_send(engine, &request, s->arena, response, err);
    http_engine_free(engine);
    if (status) {
        err->retryable |= err->class == ERR_TIMEOUT || (err->lost && err->class == ERR_NETWORK);
        return err_context(err, "calling %.*s", STR_ARG(s->url));
    }
    if (response->status < 300)
        return 0;
    service_refuse(err, 400, "SDK_CLIENT_ERROR", "%.*s answered %d", STR_ARG(s->url), response->status);
    err->retryable = is_tried_again(response->status);
    return -1;
}

/* ---- credentials ---- */

/* Gets a token from the OAuth endpoint for the client's id and secret. *authorization: "Bearer …". */
static int fetch_token(struct services *services, struct arena *arena, const struct value *oauth,
    struct str *authorization, struct err *err)
{
    const struct value *more = value_getz(oauth, "http"), *client = value_getz(oauth, "client"), *answer;
    struct sending s = {.services = services,
        .arena = arena,
        .method = value_gets(oauth, "method"),
        .url = value_gets(oauth, "endpoint"),
        .headers = with_pairs(arena, NULL, more, "HeaderParameters"),
        .query = with_pairs(arena, NULL, more, "QueryStringParameters")};
    AUTO_BUF struct buf form = BUF_INIT;
    struct http_response response;
    const struct value *fields =
        VALUE_MAP(arena, {STR("client_id"), value_string(arena, value_gets(client, "id"))},
            {STR("client_secret"), value_string(arena, value_gets(client, "secret"))});
    add_form(&form, with_pairs(arena, fields, more, "BodyParameters"));
    s.body = buf_str(&form);
    set_header(&s, "Content-Type", STR("application/x-www-form-urlencoded"));
    if (exchange(&s, &response, err) || json_parse(arena, response.body, &answer, err))
        return -1;
    struct str token = value_gets(answer, "access_token");
    *authorization = arena_printf(arena, "Bearer %.*s", STR_ARG(token));
    return token.n ? 0 : err_set(err, ERR_AUTH, "%.*s gave no access_token", STR_ARG(s.url));
}

static int authorize(struct sending *s, const struct value *connection, struct err *err)
{
    struct str kind = value_gets(connection, "authorization_type"), text;
    const struct value *auth = value_getz(connection, "auth"), *basic = value_getz(auth, "basic"),
                       *key = value_getz(auth, "api_key");
    if (str_eqz(kind, "API_KEY")) {
        set_header(s, arena_strz(s->arena, value_gets(key, "name")), value_gets(key, "value"));
        return 0;
    }
    if (str_eqz(kind, "BASIC")) {
        text = arena_printf(s->arena, "%.*s:%.*s", STR_ARG(value_gets(basic, "username")),
            STR_ARG(value_gets(basic, "password")));
        text = arena_printf(s->arena, "Basic %.*s", STR_ARG(base64_encode(s->arena, text)));
    } else if (fetch_token(s->services, s->arena, value_getz(auth, "oauth"), &text, err)) {
        return -1;
    }
    set_header(s, "Authorization", text);
    return 0;
}

/* ---- the call ---- */

/* Returns the input; if it is a JSON object, with the connection's BodyParameters set in it. */
static struct str body_of(struct arena *arena, struct str input, const struct value *parameters)
{
    const struct value *body;
    bool more = value_as_list(value_getz(parameters, "BodyParameters"))->count;
    if (!more || json_parse(arena, input, &body, ERR_IGNORED) || body->kind != VALUE_MAP)
        return input;
    return json_as_text(arena, with_pairs(arena, body, parameters, "BodyParameters"))->string;
}

int api_destination_call(struct services *services, struct arena *arena, const struct target *target,
    struct str region, struct str name, struct str *answer, struct err *err)
{
    struct control_record destination, connection;
    struct control *control = services_control(services);
    struct http_response response;
    if (!control_find(control, arena, STR("aws.events.api_destination"), region, name, &destination) ||
        !control_find(control, arena, STR("aws.events.connection"), region,
            str_part(value_gets(destination.attrs, "connection"), '/', 1), &connection))
        return service_refuse(
            err, 400, "NO_RESOURCE", "The API destination %.*s does not exist", STR_ARG(name));
    const struct value *own = value_getz(value_getz(connection.attrs, "auth"), "http");
    struct sending s = {.services = services,
        .arena = arena,
        .method = value_gets(destination.attrs, "method"),
        .url = filled_path(arena, value_gets(destination.attrs, "endpoint"),
            value_as_list(value_getz(target->http, "path_parameters"))),
        .headers = value_getz(target->http, "headers"),
        .query =
            with_pairs(arena, value_getz(target->http, "query_parameters"), own, "QueryStringParameters")};
    if (!str_eqz(s.method, "GET") && !str_eqz(s.method, "HEAD"))
        s.body = body_of(arena, target->input, own);
    s.headers = with_pairs(arena, s.headers, own, "HeaderParameters");
    if (!has_header(s.headers, "Content-Type"))
        set_header(&s, "Content-Type", STR("application/json; charset=utf-8"));
    set_header(&s, "User-Agent", STR("Amazon/EventBridge/ApiDestinations"));
    if (authorize(&s, connection.attrs, err) || exchange(&s, &response, err))
        return -1;
    *answer = response.body;
    return 0;
}

/* Returns the destination's invocation rate limit per second. */
static int64_t api_destination_rate(struct services *services, struct str region, struct str name)
{
    AUTO_ARENA struct arena arena = ARENA_INIT;
    struct control_record destination;
    bool known = control_find(
        services_control(services), &arena, STR("aws.events.api_destination"), region, name, &destination);
    int64_t rate = known ? service_int(destination.attrs, "rate", DEFAULT_RATE) : DEFAULT_RATE;
    return rate > 0 ? rate : 1;
}

enum {
    MAX_CALLS = 32,
    MAX_WAITING = 1000,
    POLL_MS = 50, /* pause before calls that are not due yet are checked again */
    FIRST_RETRY_MS = 1000,
    LAST_RETRY_MS = 300000,
    DEFAULT_RETRIES = 185, /* AWS's defaults: 185 retries within a day */
    DEFAULT_AGE_S = 86400,
    MAX_PACES = 64, /* number of rate-limit slots; destinations share them by hash */
};

struct outside {
    struct services *services;
    struct arena arena;
    struct target target;
    int64_t begun_ms, due_ms, attempts;
    struct outside *next;
};

/* Queued calls, oldest first, and per destination the earliest time of its next call. */
struct outside_calls {
    pthread_mutex_t lock;
    size_t threads, waiting;
    struct outside *first, *last;
    struct {
        uint32_t destination;
        double free_ms;
    } paces[MAX_PACES];
};

struct outside_calls *outside_calls_new(void)
{
    struct outside_calls *calls = mem_zalloc(sizeof *calls);
    pthread_mutex_init(&calls->lock, NULL);
    return calls;
}

static struct outside_calls *calls_of(struct services *services)
{
    return services_parts(services)->outside_calls;
}

/* Reserves the next free time at or after from_ms that the destination's rate allows, and returns it. */
static int64_t paced(
    struct outside_calls *calls, const struct target *target, int64_t from_ms, int64_t a_second)
{
    uint32_t destination = hash_crc32c(0, target->arn.p, target->arn.n);
    double *free_ms = &calls->paces[destination % MAX_PACES].free_ms;
    if (calls->paces[destination % MAX_PACES].destination != destination)
        *free_ms = 0;
    calls->paces[destination % MAX_PACES].destination = destination;
    if (*free_ms < (double)from_ms)
        *free_ms = (double)from_ms;
    int64_t at_ms = (int64_t)*free_ms;
    *free_ms += 1000.0 / (double)a_second;
    return at_ms;
}

static void free_outside(struct outside *outside)
{
    arena_release(&outside->arena);
    free(outside);
}

void outside_calls_free(struct outside_calls *calls)
{
    if (!calls)
        return;
    for (struct outside *one = calls->first, *next; one; one = next) {
        next = one->next;
        free_outside(one);
    }
    pthread_mutex_destroy(&calls->lock);
    free(calls);
}

static struct outside *outside_new(struct services *services, const struct target *target)
{
    struct outside *outside = mem_zalloc(sizeof *outside);
    outside->services = services;
    outside->target = *target;
    struct target *copy = &outside->target;
    struct str *texts[] = {&copy->region, &copy->arn, &copy->input, &copy->message_group,
        &copy->message_deduplication, &copy->dead_letter_queue, &copy->source, &copy->detail_type,
        &copy->subject, &copy->letter, &copy->trace, &copy->rule, &copy->by, &copy->role, &copy->service,
        &copy->source_arn};
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++)
        *texts[i] = arena_str(&outside->arena, *texts[i]);
    copy->http = target->http ? value_copy(&outside->arena, target->http) : NULL;
    copy->retry = target->retry ? value_copy(&outside->arena, target->retry) : NULL;
    outside->begun_ms = clock_mono_ms();
    /* fields that API destinations do not use */
    copy->message_attributes = copy->task = copy->overrides = copy->resources = NULL;
    copy->object_key = copy->log_stream = STR_EMPTY;
    return outside;
}

/* Queues the call. False: MAX_WAITING calls are queued already. *starts: the caller has to start one more
 * thread. */
static bool outside_add(struct outside *outside, int64_t from_ms, bool *starts)
{
    struct outside_calls *calls = calls_of(outside->services);
    struct str arn = outside->target.arn;
    int64_t rate = api_destination_rate(
        outside->services, str_part(arn, ':', 3), str_part(str_part(arn, ':', 5), '/', 1));
    AUTO_UNLOCK pthread_mutex_t *held = mutex_hold(&calls->lock);
    if (calls->waiting == MAX_WAITING)
        return false;
    outside->due_ms = paced(calls, &outside->target, from_ms, rate);
    outside->next = NULL;
    *(calls->last ? &calls->last->next : &calls->first) = outside;
    calls->last = outside;
    calls->waiting++;
    *starts = calls->threads < MAX_CALLS;
    calls->threads += *starts;
    return true;
}

/* Takes a call that is due. *starts: the caller has to start a thread for the remaining calls. NULL with
 * *waits: no call is due, and this is the only thread, so it has to wait. NULL without *waits: the thread is
 * no longer counted and has to end. */
static struct outside *outside_take(struct outside_calls *calls, bool *waits, bool *starts)
{
    AUTO_UNLOCK pthread_mutex_t *held = mutex_hold(&calls->lock);
    struct outside *before = NULL, *outside = calls->first;
    while (outside && outside->due_ms > clock_mono_ms() && !services_stopping(outside->services)) {
        before = outside;
        outside = outside->next;
    }
    *waits = !outside && calls->first && calls->threads == 1;
    if (!outside) {
        calls->threads -= !*waits;
        return NULL;
    }
    *(before ? &before->next : &calls->first) = outside->next;
    calls->last = calls->last == outside ? before : calls->last;
    calls->waiting--;
    *starts = calls->first && calls->threads == 1;
    calls->threads += *starts;
    return outside;
}

static void outside_threads_fewer(struct outside_calls *calls)
{
    AUTO_UNLOCK pthread_mutex_t *held = mutex_hold(&calls->lock);
    calls->threads--;
}

/* Returns the limit of the retry policy that is reached, or NULL: the call is retried at *next_ms. */
static const char *retries_end(const struct outside *outside, int64_t *next_ms)
{
    const struct value *policy = outside->target.retry;
    double speed = sandbox_speed(services_sandbox(outside->services));
    int64_t most = service_int(policy, "maximum_retry_attempts", DEFAULT_RETRIES),
            age_s = service_int(policy, "maximum_event_age_in_seconds", DEFAULT_AGE_S),
            wait_ms = FIRST_RETRY_MS;
    for (int64_t i = 0; i < outside->attempts && wait_ms < LAST_RETRY_MS; i++)
        wait_ms *= 2;
    wait_ms = wait_ms < LAST_RETRY_MS ? wait_ms : LAST_RETRY_MS;
    *next_ms = clock_mono_ms() + int_within((double)wait_ms / speed);
    return outside->attempts >= most ? "MaximumRetryAttempts"
           : (double)(*next_ms - outside->begun_ms) * speed > (double)age_s * 1000
               ? "MaximumEventAgeInSeconds"
               : NULL;
}

/* Makes one call. A retryable failure is queued again, any other goes to target_keep(). */
static void deliver_outside_once(struct outside *outside)
{
    AUTO_ARENA struct arena arena = ARENA_INIT;
    struct err err = ERR_INIT;
    struct services *services = outside->services;
    struct target_retries retries = {0};
    int64_t next_ms;
    bool starts, failed = target_send(services, &arena, &outside->target, &err);
    if (failed && err.retryable && !(retries.exhausted = retries_end(outside, &next_ms))) {
        if (!outside->attempts++)
            fprintf(
                stderr, "sandbox: %.*s: %s; it is tried again\n", STR_ARG(outside->target.by), err.message);
        if (outside_add(outside, next_ms, &starts)) {
            if (starts) /* no new thread is needed: this one continues */
                outside_threads_fewer(calls_of(services));
            return;
        }
    }
    retries.attempts = outside->attempts;
    if (failed)
        target_keep(services, &arena, &outside->target, &retries, &err);
    free_outside(outside);
}

/* Worker thread: makes queued calls. If the sandbox is stopping, discards them. */
static void deliver_outside(void *ctx)
{
    struct services *services = ctx;
    bool waits, starts = false;
    for (struct outside *outside; (outside = outside_take(calls_of(services), &waits, &starts)) || waits;
         starts = false) {
        if (starts && services_thread(services, deliver_outside, services))
            outside_threads_fewer(calls_of(services));
        if (!outside)
            services_sleep(services, POLL_MS);
        else if (services_stopping(outside->services))
            free_outside(outside);
        else
            deliver_outside_once(outside);
    }
}

static void refuse_outside(struct services *services, const struct target *target)
{
    AUTO_ARENA struct arena arena = ARENA_INIT;
    struct err err = ERR_INIT;
    service_refuse(&err, 400, "THROTTLING", "%d calls of API destinations wait already", MAX_WAITING);
    target_keep(services, &arena, target, &(struct target_retries){0}, &err);
}

void outside_call(struct services *services, const struct target *target)
{
    struct outside *outside = outside_new(services, target);
    bool starts;
    if (!outside_add(outside, outside->begun_ms, &starts)) {
        free_outside(outside);
        refuse_outside(services, target);
    } else if (starts && services_thread(services, deliver_outside, services)) {
        deliver_outside(services);
    }
}
