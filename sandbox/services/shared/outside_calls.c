/* API destinations, whose answers come from outside: called by a few threads, with copies of the targets. */
#include "sandbox/services/shared/event_targets.h"

#include "base/clock.h"
#include "base/hash.h"
#include "base/mem.h"
#include "base/threads.h"

#include <stdio.h>
#include <stdlib.h>

enum {
    MAX_CALLS = 32,
    MAX_WAITING = 1000,
    POLL_MS = 50, /* for calls that are not due yet */
    FIRST_RETRY_MS = 1000,
    LAST_RETRY_MS = 300000,
    DEFAULT_RETRIES = 185, /* AWS's own, and a day */
    DEFAULT_AGE_S = 86400,
    MAX_PACES = 64, /* destinations whose rate is kept */
};

struct outside {
    struct services *services;
    struct arena arena;
    struct target target;
    int64_t begun_ms, due_ms, attempts;
    struct outside *next;
};

/* Calls that wait for a thread, the oldest first; and when the next to each destination may be made. */
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

/* The first time from then on at which the destination's rate lets it be called; it is this call's. */
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
    /* of other kinds of targets */
    copy->message_attributes = copy->task = copy->overrides = copy->resources = NULL;
    copy->object_key = copy->log_stream = STR_EMPTY;
    return outside;
}

/* False: as many wait as may. True: *starts says whether it is for a thread more to take it. */
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

/* One that is due; *starts: another thread has to look at the others meanwhile. NULL with *waits: none is,
 * and this thread is the one that waits for it; without: it is counted no more. */
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

/* Which limit of the target's policy lets it be tried no more; NULL: it may be tried at *next_ms. */
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

/* What may succeed later waits for its next turn. */
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
            if (starts) /* this thread goes on */
                outside_threads_fewer(calls_of(services));
            return;
        }
    }
    retries.attempts = outside->attempts;
    if (failed)
        target_keep(services, &arena, &outside->target, &retries, &err);
    free_outside(outside);
}

/* One that is stopping calls nobody any more. */
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
