/* One event: how an instance receives it, its result, and its log lines. */
#include "sandbox/services/lambda/instance.h"

#include "base/clock.h"
#include "base/file.h"

#include <ctype.h>
#include <math.h>
#include <stdlib.h>

enum {
    INIT_MS = 10000, /* time until a runtime asks for its first event */
    QUIET_MS = 50,   /* waits for remaining output, QUIET_TIMES times */
    QUIET_TIMES = 20,
    MAX_LOG = 4096, /* bytes of LogResult */
    MAX_STATUS = 16384,
};

static bool wait_until(struct functions *f, int64_t deadline_ms)
{
    return clock_cond_wait(&f->changed, &f->lock, deadline_ms);
}

int64_t instance_now_us(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000000 + now.tv_nsec / 1000;
}

/* ---- called by the Runtime API ---- */

static struct str lambda_event_copied(struct arena *arena, struct str text)
{
    return text.p ? arena_str(arena, text) : STR_EMPTY;
}

bool instance_next(struct lambda_instance *instance, struct arena *arena, struct lambda_invocation *copy)
{
    struct functions *functions = instance->functions;
    pthread_mutex_lock(&functions->lock);
    if (!instance->ready_us)
        instance->ready_us = instance_now_us();
    while (!instance->dying && !(instance->current && !instance->current->taken))
        pthread_cond_wait(&functions->changed, &functions->lock);
    struct lambda_invocation *invocation = instance->dying ? NULL : instance->current;
    if (invocation) {
        invocation->taken = true;
        invocation->taken_ms = clock_mono_ms();
        invocation->taken_us = instance_now_us();
        invocation->deadline_wall_ms = clock_wall_ms() + instance->function.timeout_s * 1000;
        memcpy(copy->id, invocation->id, sizeof copy->id);
        copy->event = lambda_event_copied(arena, invocation->event);
        copy->client_context = lambda_event_copied(arena, invocation->client_context);
        copy->arn = lambda_event_copied(arena, invocation->arn);
        copy->trace = lambda_event_copied(arena, invocation->trace);
        copy->deadline_wall_ms = invocation->deadline_wall_ms;
        pthread_cond_broadcast(&functions->changed); /* the event's timeout starts now */
    }
    pthread_mutex_unlock(&functions->lock);
    if (!invocation)
        return false;
    pthread_mutex_lock(&instance->sink_lock);
    buf_clear(&instance->sink.tail);
    log_sink_line(
        &instance->sink, "START RequestId: %s Version: %.*s", copy->id, STR_ARG(instance->function.version));
    pthread_mutex_unlock(&instance->sink_lock);
    return true;
}

/* Replaces the path of the code's folder by AWS's /var/task, as in stack traces. */
static struct str with_lambda_paths(
    const struct lambda_instance *instance, struct arena *arena, struct str text)
{
    AUTO_BUF struct buf out = BUF_INIT;
    struct str task = path_join(arena, instance->folder, STR("task/"));
    for (ptrdiff_t at; (at = str_find(text, task, 0)) >= 0;
         text = str_slice(text, (size_t)at + task.n, text.n))
        buf_addf(&out, "%.*s/var/task/", (int)at, text.p);
    buf_add_str(&out, text);
    return arena_str(arena, buf_str(&out));
}

bool instance_answer(
    struct lambda_instance *instance, struct str id, struct str body, bool failed, struct str error_type)
{
    AUTO_UNLOCK pthread_mutex_t *held = mutex_hold(&instance->functions->lock);
    struct lambda_invocation *invocation = instance->current;
    bool known = invocation && invocation->taken && !invocation->done && str_eqz(id, invocation->id);
    if (known) {
        invocation->done = true;
        invocation->done_us = instance_now_us();
        invocation->failed = failed;
        invocation->answer = failed ? with_lambda_paths(instance, &invocation->arena, body)
                                    : lambda_event_copied(&invocation->arena, body);
        invocation->error_type = lambda_event_copied(&invocation->arena, error_type);
        pthread_cond_broadcast(&instance->functions->changed);
    }
    return known;
}

void instance_init_failed(struct lambda_instance *instance, struct str body, struct str error_type)
{
    AUTO_UNLOCK pthread_mutex_t *held = mutex_hold(&instance->functions->lock);
    instance->error = with_lambda_paths(instance, &instance->arena, body);
    instance->error_type = lambda_event_copied(&instance->arena, error_type);
    instance_kill(instance); /* the process can do nothing more */
}

/* ---- one invocation ---- */

static void lambda_event_fail(struct lambda_invocation *invocation, const char *type, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
static void lambda_event_fail(struct lambda_invocation *invocation, const char *type, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    struct str message = arena_vprintf(&invocation->arena, format, args);
    va_end(args);
    invocation->failed = true;
    invocation->error_type = str_z(type);
    invocation->answer = arena_printf(&invocation->arena, "{\"errorType\":\"%s\",\"errorMessage\":\"%.*s\"}",
        type, STR_ARG(message)); /* the messages need no JSON escaping */
}

static void fail_by_death(struct lambda_instance *instance, struct lambda_invocation *invocation)
{
    if (instance->error.n) {
        invocation->failed = true;
        invocation->answer = arena_str(&invocation->arena, instance->error);
        invocation->error_type = arena_str(&invocation->arena, instance->error_type);
    } else if (instance->end.exit_code < 0) {
        const char *signal = strsignal(instance->end.signal); /* Lambda uses the same words in lower case */
        lambda_event_fail(invocation, "Runtime.ExitError",
            "RequestId: %s Error: Runtime exited with error: signal: %c%s", invocation->id, tolower(*signal),
            signal + 1);
    } else {
        lambda_event_fail(invocation, "Runtime.ExitError",
            "RequestId: %s Error: Runtime exited with error: exit status %d", invocation->id,
            instance->end.exit_code);
    }
}

static void fail_by_time(struct lambda_instance *instance, struct lambda_invocation *invocation)
{
    struct arena *arena = &invocation->arena;
    lambda_event_fail(invocation, "Sandbox.Timedout", "%s %s Task timed out after %lld.00 seconds",
        time_rfc3339(arena, clock_wall_ms(), true).p, invocation->id,
        (long long)instance->function.timeout_s);
}

static int64_t deadline_of(const struct lambda_instance *instance, const struct lambda_invocation *invocation)
{
    if (invocation->taken)
        return invocation->taken_ms + instance->function.timeout_s * 1000;
    if (!instance->prepared) /* archives are being unpacked, which takes no timeout */
        return INT64_MAX / 2;
    int64_t from = instance->given_ms > instance->born_ms ? instance->given_ms : instance->born_ms;
    return from + INIT_MS + instance->function.timeout_s * 1000;
}

/* Waits for the response, the timeout or the end of the instance. The lock must be held. */
static void lambda_event_await(struct lambda_instance *instance, struct lambda_invocation *invocation)
{
    struct functions *functions = instance->functions;
    bool timed_out = false;
    while (!invocation->done && !instance->dead) {
        int64_t deadline = timed_out ? INT64_MAX / 2 : deadline_of(instance, invocation);
        if (clock_mono_ms() < deadline) {
            if (deadline == INT64_MAX / 2)
                pthread_cond_wait(&functions->changed, &functions->lock);
            else
                wait_until(functions, deadline);
        } else {
            timed_out = true;
            instance_kill(instance);
        }
    }
    if (!invocation->done) {
        invocation->done_us = instance_now_us();
        if (timed_out)
            fail_by_time(instance, invocation);
        else
            fail_by_death(instance, invocation);
    }
    if (instance->dead)
        return;
    process_request_idle(&instance->stop);
    /* Several short waits: while the machine is suspended no output is read, and that costs one wait only. */
    for (int times = 0; times < QUIET_TIMES; times++) {
        int64_t until = clock_mono_ms() + QUIET_MS;
        while (!instance->quiet && !instance->dead && wait_until(functions, until))
            ;
        if (instance->quiet || instance->dead)
            break;
    }
}

/* Returns the peak memory of the instance's process in MiB, without its children. */
static int64_t memory_used(const struct lambda_instance *instance)
{
    static const struct str mark = STR_INIT("VmHWM:");
    AUTO_ARENA struct arena arena = ARENA_INIT;
    struct str text, word;
    int64_t kib = instance->end.max_rss_kib;
    if (instance->pid && !file_read(&arena, arena_printf(&arena, "/proc/%d/status", (int)instance->pid).p,
                             MAX_STATUS, &text, ERR_IGNORED)) {
        ptrdiff_t at = str_find(text, mark, 0);
        word = at < 0 ? STR_EMPTY : str_trim(str_slice(text, (size_t)at + mark.n, text.n));
        if (!str_to_int(str_cut(word, ' ', &word), &kib))
            kib = 0;
    }
    return (kib + 1023) / 1024;
}

static double milliseconds(int64_t from_us, int64_t to_us)
{
    return from_us && to_us > from_us ? (double)(to_us - from_us) / 1000 : 0;
}

static void log_failure(
    struct lambda_instance *instance, struct lambda_invocation *invocation, bool timed_out)
{
    if (!invocation->taken)
        instance_log(
            instance, "INIT_REPORT Status: error\tError Type: %.*s", STR_ARG(invocation->error_type));
    else if (timed_out)
        instance_log(instance, "%s %s Task timed out after %lld.00 seconds",
            time_rfc3339(&invocation->arena, clock_wall_ms(), true).p, invocation->id,
            (long long)instance->function.timeout_s);
}

/* Logs END and REPORT in CloudWatch's format, with tabs between fields. */
static void log_end(
    struct lambda_instance *instance, struct lambda_invocation *invocation, bool first, int64_t memory)
{
    AUTO_BUF struct buf more = BUF_INIT;
    bool timed_out = invocation->failed && str_eqz(invocation->error_type, "Sandbox.Timedout");
    bool ended = invocation->failed && str_starts(invocation->error_type, STR("Runtime."));
    int64_t from = invocation->taken ? invocation->taken_us : instance->born_us;
    double took = milliseconds(from, invocation->done_us);
    if (invocation->failed)
        log_failure(instance, invocation, timed_out);
    instance_log(instance, "END RequestId: %s", invocation->id);
    if (first && instance->ready_us)
        buf_addf(&more, "\tInit Duration: %.2f ms", milliseconds(instance->born_us, instance->ready_us));
    if (timed_out)
        buf_addz(&more, "\tStatus: timeout");
    else if (ended)
        buf_addf(&more, "\tStatus: error\tError Type: %.*s", STR_ARG(invocation->error_type));
    instance_log(instance,
        "REPORT RequestId: %s\tDuration: %.2f ms\tBilled Duration: %.0f ms\tMemory Size: %lld MB\tMax Memory "
        "Used: %lld MB%.*s",
        invocation->id, took, ceil(took), (long long)instance->function.memory_mib, (long long)memory,
        STR_ARG(buf_str(&more)));
    AUTO_UNLOCK pthread_mutex_t *held = mutex_hold(&instance->sink_lock);
    struct str tail = buf_str(&instance->sink.tail);
    if (invocation->wants_log)
        invocation->log = arena_str(
            &invocation->arena, tail.n > MAX_LOG ? str_slice(tail, tail.n - MAX_LOG, tail.n) : tail);
}

int instance_invoke(struct functions *functions, const struct lambda_function *function,
    struct lambda_invocation *invocation, struct err *err)
{
    invocation->arn = function->invoked_arn;
    for (;;) {
        bool fresh;
        pthread_mutex_lock(&functions->lock);
        struct lambda_instance *instance = instance_take(functions, function, invocation, &fresh, err);
        pthread_mutex_unlock(&functions->lock);
        if (!instance)
            return -1;
        if (fresh && instance_start(functions, instance, err)) {
            pthread_mutex_lock(&functions->lock);
            instance->dying = instance->dead = true;
            process_switch_release(&instance->stop);
            instance_forget(instance);
            instance->references--; /* its thread was not started */
            instance_give_back(instance);
            pthread_mutex_unlock(&functions->lock);
            return -1;
        }
        pthread_mutex_lock(&functions->lock);
        lambda_event_await(instance, invocation);
        struct err refusal = instance->refusal;
        bool again = !fresh && !invocation->taken && !functions->stopping; /* it ended while it was idle */
        int64_t memory = memory_used(instance);
        pthread_mutex_unlock(&functions->lock);
        if (!again && refusal.class == ERR_NONE)
            log_end(instance, invocation, fresh, memory);
        pthread_mutex_lock(&functions->lock);
        instance_give_back(instance);
        pthread_mutex_unlock(&functions->lock);
        if (again) {
            invocation->failed = false;
            continue;
        }
        if (refusal.class == ERR_NONE)
            return 0;
        return service_refuse(err, 502, "InvalidZipFileException", "%s", refusal.message);
    }
}
