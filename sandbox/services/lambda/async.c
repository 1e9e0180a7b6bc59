/*
 * Asynchronous invocations: events are queued, retried when the function fails, and reported to destinations
 * and the dead-letter queue. Events are in memory and lost when the sandbox ends.
 * https://docs.aws.amazon.com/lambda/latest/dg/invocation-async-error-handling.html
 */
#include "sandbox/services/lambda/lambda.h"

#include "base/clock.h"
#include "base/json.h"
#include "sandbox/engine/view.h"
#include "sandbox/services/shared/event_targets.h"

enum {
    MAX_QUEUED = 200, /* including those that wait for a retry */
    RETRIES = 2,
    MAX_AGE_S = 21600,
    MAX_DOUBLED = 8, /* doublings of the delay of throttled events: up to five minutes */
    MAX_LETTER = 1024,
};

/* ---- destinations and dead-letter queue ---- */

void lambda_outcome_report(
    struct services *services, struct arena *arena, const struct lambda_outcome *outcome)
{
    struct value_builder context = VALUE_BUILDER(arena), b = VALUE_BUILDER(arena);
    bool well = !strcmp(outcome->condition, "Success");
    if (!outcome->to.n)
        return;
    if (outcome->request_id.n)
        view_text(&context, "requestId", outcome->request_id);
    view_text(&context, "functionArn", outcome->function);
    view_text(&context, "condition", str_z(outcome->condition));
    view_int(&context, "approximateInvokeCount", outcome->attempts);
    view_text(&b, "version", STR("1.0"));
    view_text(&b, "timestamp", time_rfc3339(arena, clock_wall_ms(), true));
    view_set(&b, "requestContext", value_builder_map(&context));
    const struct value *about[] = {value_string(arena, outcome->to), value_string(arena, outcome->function)};
    target_deliver(services,
        &(struct target){.region = outcome->region,
            .arn = outcome->to,
            .input = json_as_text(arena, value_merge(arena, value_builder_map(&b), outcome->more))->string,
            .object_key = outcome->key,
            .source = STR("lambda"),
            .detail_type = well ? STR("Lambda Function Invocation Result - Success")
                                : STR("Lambda Function Invocation Result - Failure"),
            .resources = value_list(arena, about, 2),
            .trace = outcome->trace,
            .by = outcome->by,
            .role = outcome->role});
}

/* An event that is being processed. */
struct trying {
    struct lambda_background *event;
    struct arena arena;
    const struct value *settings; /* of the called version or alias */
    int64_t begun_ms, attempts;
    int throttled; /* consecutive throttled attempts */
    bool refused;  /* the last attempt did not call the function */
};

static const struct value *find_settings(struct arena *arena, const struct lambda_background *event)
{
    const struct lambda_function *f = &event->function;
    size_t n, at = f->arn.n + 1;
    const struct control_record *all = control_list(
        services_control(event->functions->services), arena, STR("aws.lambda.async_invoke"), f->region, &n);
    struct str qualifier =
        f->invoked_arn.n > at ? str_slice(f->invoked_arn, at, f->invoked_arn.n) : STR("$LATEST");
    for (size_t i = 0; i < n; i++)
        if (str_eq(value_gets(all[i].attrs, "function"), f->name) &&
            str_eq(value_text(value_getz(all[i].attrs, "qualifier"), STR("$LATEST")), qualifier))
            return all[i].attrs;
    return &value_empty_map;
}

static const struct value *payload_value(struct arena *arena, struct str text)
{
    const struct value *v = &value_null;
    return text.n && !json_parse(arena, text, &v, ERR_IGNORED) ? v : &value_null;
}

static const struct value *response_of(const struct trying *t)
{
    struct value_builder b = VALUE_BUILDER(&t->event->arena);
    view_int(&b, "statusCode", 200);
    view_text(&b, "executedVersion", t->event->function.version);
    if (t->event->invocation.failed)
        view_text(&b, "functionError", STR("Unhandled"));
    return value_builder_map(&b);
}

static void report_outcome(struct trying *t, const char *condition)
{
    struct arena *arena = &t->arena;
    const struct lambda_function *f = &t->event->function;
    struct value_builder more = VALUE_BUILDER(arena);
    bool well = !strcmp(condition, "Success");
    view_set(&more, "requestPayload", payload_value(arena, t->event->invocation.event));
    if (!t->refused) {
        view_set(&more, "responseContext", response_of(t));
        view_set(&more, "responsePayload", payload_value(arena, t->event->invocation.answer));
    }
    bool qualified = f->invoked_arn.n > f->arn.n;
    struct str arn = qualified ? f->invoked_arn : arena_printf(arena, "%.*s:$LATEST", STR_ARG(f->arn));
    lambda_outcome_report(t->event->functions->services, arena,
        &(struct lambda_outcome){.region = f->region,
            .role = f->role,
            .by = arena_printf(arena, "function %.*s", STR_ARG(f->name)),
            .to = value_gets(t->settings, well ? "on_success" : "on_failure"),
            .key = arena_printf(arena, "aws/lambda/async/%.*s/", STR_ARG(f->name)),
            .function = arn,
            .request_id = str_z(t->event->invocation.id),
            .trace = t->event->invocation.trace,
            .condition = condition,
            .attempts = t->attempts,
            .more = value_builder_map(&more)});
}

/* Sends the event to the dead-letter queue, with the error as message attributes. */
static void send_letter(struct trying *t)
{
    struct arena *arena = &t->arena;
    const struct lambda_function *f = &t->event->function;
    const struct value *answer = payload_value(arena, t->event->invocation.answer);
    bool loops = t->event->invocation.loops;
    struct str message = loops ? STR(LAMBDA_LOOPS) : value_gets(answer, "errorMessage");
    struct value_builder b = VALUE_BUILDER(arena);
    if (!f->dead_letter_queue.n)
        return;
    view_set(&b, "RequestID", target_attribute(arena, "String", str_z(t->event->invocation.id)));
    view_set(&b, "ErrorCode",
        target_attribute(arena, "Number",
            loops        ? STR("400")
            : t->refused ? STR("429")
                         : STR("200")));
    if (message.n)
        view_set(&b, "ErrorMessage",
            target_attribute(arena, "String",
                str_slice(message, 0,
                    str_utf8_prefix(
                        str_slice(message, 0, message.n > MAX_LETTER ? MAX_LETTER : message.n)))));
    target_deliver(
        t->event->functions->services, &(struct target){.region = f->region,
                                           .arn = f->dead_letter_queue,
                                           .input = t->event->invocation.event,
                                           .message_attributes = value_builder_map(&b),
                                           .trace = t->event->invocation.trace,
                                           .by = arena_printf(arena, "function %.*s", STR_ARG(f->name)),
                                           .role = f->role});
}

/* ---- attempts ---- */

/* Makes one attempt. Returns the condition in which the event ends, or NULL: it is retried. */
static const char *try_once(struct trying *t)
{
    struct err err = ERR_INIT;
    struct lambda_invocation *invocation = &t->event->invocation;
    invocation->taken = invocation->done = invocation->failed = false;
    invocation->taken_ms = invocation->taken_us = invocation->done_us = 0;
    t->refused = invocation->loops;
    if (t->refused)
        return "RecursiveInvocation";
    t->refused = instance_invoke(t->event->functions, &t->event->function, invocation, &err);
    bool throttled = t->refused && str_eqz(str_z(err.code), "TooManyRequestsException");
    if (throttled && !t->event->function.at_once)
        return "ZeroReservedConcurrency";
    t->attempts += !throttled;
    t->throttled = throttled ? t->throttled + 1 : 0;
    if (!t->refused && !invocation->failed)
        return "Success";
    bool last = t->attempts > service_int(t->settings, "maximum_retry_attempts", RETRIES);
    return last && !throttled ? "RetriesExhausted" : NULL;
}

/* Returns the delay: one, then two minutes after a failure; a second, doubled each time, after throttling. */
static int64_t wait_ms(const struct trying *t, int64_t minute_ms)
{
    int doubled = t->throttled < MAX_DOUBLED ? t->throttled : MAX_DOUBLED;
    return t->throttled ? (minute_ms << doubled) / 120 + 1 : t->attempts * minute_ms;
}

/* Retries until the event ends and returns its condition, or NULL if the sandbox stops. */
static const char *try_all(struct trying *t)
{
    struct services *services = t->event->functions->services;
    int64_t minute_ms = sandbox_minute_ms(services_sandbox(services));
    for (;;) {
        t->settings = find_settings(&t->arena, t->event);
        int64_t age_s = service_int(t->settings, "maximum_event_age_in_seconds", MAX_AGE_S);
        const char *ended = try_once(t);
        if (ended || !services_sleep(services, wait_ms(t, minute_ms)))
            return ended;
        if (clock_mono_ms() - t->begun_ms >= age_s * minute_ms / 60)
            return "EventAgeExceeded";
    }
}

static void leave_queue(struct functions *functions)
{
    pthread_mutex_lock(&functions->lock);
    functions->queued--;
    pthread_mutex_unlock(&functions->lock);
}

static void run_event(void *ctx)
{
    struct trying t = {.event = ctx, .begun_ms = clock_mono_ms()};
    const char *condition = try_all(&t);
    leave_queue(t.event->functions);
    if (condition) {
        report_outcome(&t, condition);
        if (strcmp(condition, "Success") != 0)
            send_letter(&t);
    }
    arena_release(&t.arena);
    lambda_background_free(t.event);
}

int lambda_invoke_async(struct functions *functions, const struct lambda_function *function,
    const struct lambda_invocation *invocation, struct err *err)
{
    pthread_mutex_lock(&functions->lock);
    bool full = functions->queued >= MAX_QUEUED;
    functions->queued += !full;
    pthread_mutex_unlock(&functions->lock);
    if (full)
        return service_refuse(err, 429, "TooManyRequestsException", "%d events wait already", MAX_QUEUED);
    struct lambda_background *event = lambda_background_new(functions, function, invocation);
    if (!services_thread(functions->services, run_event, event))
        return 0;
    lambda_background_free(event);
    leave_queue(functions);
    return lambda_no_thread(err);
}
