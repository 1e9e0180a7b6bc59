/* Instances of functions: a process each, with what it needs on the disk, its logs and its end. */
#include "provider/sandbox/jobs/lambda_instance.h"

#include "base/clock.h"
#include "base/file.h"
#include "base/hash.h"
#include "base/mem.h"
#include "provider/sandbox/store.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum {
    MAX_INSTANCES = 64,
    INIT_MS = 10000,  /* to ask for the first event; what was fetched before does not count */
    IDLE_MS = 300000, /* then it is ended */
    REAP_MS = 5000,
    QUIET_MS = 1000, /* for the rest of what a function has printed */
    MAX_LOG = 4096,  /* of LogResult */
    MAX_OUTPUT = 16 * 1024 * 1024,
};
static const int64_t MAX_FILE = 10LL * 1024 * 1024 * 1024, ROOM = 512LL * 1024 * 1024;

/* ---- waiting: with the lock ---- */

static bool wait_until(struct functions *f, int64_t deadline_ms)
{
    struct timespec at = {deadline_ms / 1000, (long)(deadline_ms % 1000) * 1000000};
    return pthread_cond_timedwait(&f->changed, &f->lock, &at) != ETIMEDOUT;
}

static void kill_instance(struct instance *instance)
{
    instance->dying = true;
    if (!instance->dead)
        process_stop(&instance->stop, true);
    pthread_cond_broadcast(&instance->functions->changed);
}

static void release(struct instance *instance)
{
    if (--instance->references)
        return;
    if (instance->sink.logs)
        log_sink_release(&instance->sink);
    pthread_mutex_destroy(&instance->sink_lock);
    arena_release(&instance->arena);
    free(instance);
}

void functions_stop(struct functions *functions)
{
    if (!functions)
        return;
    pthread_mutex_lock(&functions->lock);
    functions->stopping = true;
    for (size_t i = 0; i < functions->count; i++)
        kill_instance(functions->instances[i]);
    pthread_cond_broadcast(&functions->changed);
    pthread_mutex_unlock(&functions->lock);
}

/* ---- logs ---- */

static void log_line(struct instance *instance, const char *format, ...)
    __attribute__((format(printf, 2, 3)));
static void log_line(struct instance *instance, const char *format, ...)
{
    AUTO_BUF struct buf line = BUF_INIT;
    va_list args;
    va_start(args, format);
    buf_addvf(&line, format, args);
    va_end(args);
    pthread_mutex_lock(&instance->sink_lock);
    log_sink_line(&instance->sink, "%.*s", STR_ARG(buf_str(&line)));
    pthread_mutex_unlock(&instance->sink_lock);
}

static void take_output(void *ctx, enum process_stream stream, const char *bytes, size_t n)
{
    struct instance *instance = ctx;
    (void)stream;
    pthread_mutex_lock(&instance->sink_lock);
    log_sink_add(&instance->sink, bytes, n);
    pthread_mutex_unlock(&instance->sink_lock);
}

static void is_quiet(void *ctx)
{
    struct instance *instance = ctx;
    pthread_mutex_lock(&instance->functions->lock);
    instance->quiet = true;
    pthread_cond_broadcast(&instance->functions->changed);
    pthread_mutex_unlock(&instance->functions->lock);
}

/* 2026/11/21/[$LATEST]0123… */
static struct str stream_name(struct arena *arena, const struct function *function)
{
    unsigned char bytes[16];
    struct tm day;
    time_t now = (time_t)(clock_wall_ms() / 1000);
    hash_random(bytes, sizeof bytes);
    gmtime_r(&now, &day);
    return arena_printf(arena, "%04d/%02d/%02d/[%.*s]%.32s", day.tm_year + 1900, day.tm_mon + 1, day.tm_mday,
        STR_ARG(function->version), hex_encode(arena, bytes, sizeof bytes).p);
}

/* ---- its thread ---- */

/* From the archives to the end of the process. */
static int live(struct instance *instance, struct environment *env, struct err *err)
{
    struct functions *functions = instance->functions;
    struct program program = {0};
    if (instance_prepare(instance, env, &program, err))
        return -1;
    const struct process_options options = {.argv = program.argv,
        .env = env->items,
        .dir = program.dir,
        .family = jobs_family(functions->jobs),
        .memory = instance->function.memory_mib * 1024 * 1024 + ROOM,
        .file_size = MAX_FILE,
        .max_output = MAX_OUTPUT,
        .output = take_output,
        .quiet = is_quiet,
        .ctx = instance};
    struct process_end end;
    pthread_mutex_lock(&functions->lock);
    instance->prepared = true;
    instance->born_ms = clock_mono_ms();
    pthread_cond_broadcast(&functions->changed);
    pthread_mutex_unlock(&functions->lock);
    if (process_run(&options, &instance->stop, &end, err))
        return -1;
    pthread_mutex_lock(&functions->lock);
    instance->end = end;
    pthread_mutex_unlock(&functions->lock);
    return 0;
}

static void forget(struct instance *instance)
{
    struct functions *functions = instance->functions;
    for (size_t i = 0; i < functions->count; i++)
        if (functions->instances[i] == instance) {
            functions->instances[i] = functions->instances[--functions->count];
            return;
        }
}

static void instance_main(void *ctx)
{
    struct instance *instance = ctx;
    struct functions *functions = instance->functions;
    AUTO_ARENA struct arena arena = ARENA_INIT;
    struct environment env = {.arena = &arena};
    struct err err = ERR_INIT;
    int failed = live(instance, &env, &err);
    environment_release(&env);
    pthread_mutex_lock(&functions->lock);
    instance->dying = true; /* lets the runtime's threads go */
    pthread_cond_broadcast(&functions->changed);
    pthread_mutex_unlock(&functions->lock);
    runtime_stop(instance->runtime);
    tree_remove(instance->folder.p);
    pthread_mutex_lock(&instance->sink_lock);
    log_sink_flush(&instance->sink);
    pthread_mutex_unlock(&instance->sink_lock);
    pthread_mutex_lock(&functions->lock);
    if (failed)
        instance->refusal = err;
    instance->dead = true;
    process_switch_release(&instance->stop);
    forget(instance);
    pthread_cond_broadcast(&functions->changed);
    release(instance);
    pthread_mutex_unlock(&functions->lock);
}

/* ---- the Runtime API's side ---- */

static struct str copied(struct arena *arena, struct str text)
{
    return text.p ? arena_str(arena, text) : STR_EMPTY;
}

bool instance_next(struct instance *instance, struct arena *arena, struct invocation *copy)
{
    struct functions *functions = instance->functions;
    pthread_mutex_lock(&functions->lock);
    if (!instance->ready_ms)
        instance->ready_ms = clock_mono_ms();
    while (!instance->dying && !(instance->current && !instance->current->taken))
        pthread_cond_wait(&functions->changed, &functions->lock);
    struct invocation *invocation = instance->dying ? NULL : instance->current;
    if (invocation) {
        invocation->taken = true;
        invocation->taken_ms = clock_mono_ms();
        invocation->deadline_wall_ms = clock_wall_ms() + instance->function.timeout_s * 1000;
        memcpy(copy->id, invocation->id, sizeof copy->id);
        copy->event = copied(arena, invocation->event);
        copy->client_context = copied(arena, invocation->client_context);
        copy->deadline_wall_ms = invocation->deadline_wall_ms;
        pthread_cond_broadcast(&functions->changed); /* its time runs from now on */
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

bool instance_answer(
    struct instance *instance, struct str id, struct str body, bool failed, struct str error_type)
{
    pthread_mutex_lock(&instance->functions->lock);
    struct invocation *invocation = instance->current;
    bool known = invocation && invocation->taken && !invocation->done && str_eqz(id, invocation->id);
    if (known) {
        invocation->done = true;
        invocation->done_ms = clock_mono_ms();
        invocation->failed = failed;
        invocation->answer = copied(&invocation->arena, body);
        invocation->error_type = copied(&invocation->arena, error_type);
        pthread_cond_broadcast(&instance->functions->changed);
    }
    pthread_mutex_unlock(&instance->functions->lock);
    return known;
}

void instance_init_failed(struct instance *instance, struct str body, struct str error_type)
{
    pthread_mutex_lock(&instance->functions->lock);
    instance->error = copied(&instance->arena, body);
    instance->error_type = copied(&instance->arena, error_type);
    kill_instance(instance); /* it could only exit now */
    pthread_mutex_unlock(&instance->functions->lock);
}

struct str instance_arn(const struct instance *instance)
{
    return instance->function.arn;
}

/* ---- choosing one: with the lock ---- */

static struct instance *new_instance(
    struct functions *functions, const struct function *function, struct err *err)
{
    struct instance *instance = mem_zalloc(sizeof *instance);
    struct arena *arena = &instance->arena;
    struct str dir;
    if (jobs_dir(functions->jobs, arena, "functions", &dir, err) ||
        process_switch_init(&instance->stop, err)) {
        arena_release(arena);
        free(instance);
        return NULL;
    }
    instance->functions = functions;
    instance->function = (struct function){.name = arena_str(arena, function->name),
        .arn = arena_str(arena, function->arn),
        .region = arena_str(arena, function->region),
        .runtime = arena_str(arena, function->runtime),
        .handler = arena_str(arena, function->handler),
        .version = arena_str(arena, function->version),
        .key = arena_str(arena, function->key),
        .code = value_copy(arena, function->code),
        .environment = function->environment ? value_copy(arena, function->environment) : NULL,
        .layers = value_copy(arena, function->layers),
        .timeout_s = function->timeout_s,
        .memory_mib = function->memory_mib,
        .at_once = function->at_once};
    instance->folder = arena_printf(arena, "%s/%llu", dir.p, (unsigned long long)functions->made++);
    instance->group = arena_printf(arena, "/aws/lambda/%.*s", STR_ARG(function->name));
    instance->stream = stream_name(arena, function);
    pthread_mutex_init(&instance->sink_lock, NULL);
    return instance;
}

static bool is_idle(const struct instance *instance)
{
    return !instance->current && !instance->dying;
}

/* Idle ones with the function's old code are of no use any more; of too many others the one longest idle
 * goes. */
static bool make_room(struct functions *functions, const struct function *function)
{
    struct instance *oldest = NULL;
    for (size_t i = 0; i < functions->count; i++) {
        struct instance *at = functions->instances[i];
        if (!is_idle(at))
            continue;
        if (str_eq(at->function.arn, function->arn))
            kill_instance(at);
        else if (!oldest || at->idle_ms < oldest->idle_ms)
            oldest = at;
    }
    if (functions->count < MAX_INSTANCES)
        return true;
    if (oldest)
        kill_instance(oldest);
    return oldest != NULL;
}

static struct instance *find_idle(struct functions *functions, const struct function *function, int64_t *busy)
{
    struct instance *found = NULL;
    *busy = 0;
    for (size_t i = 0; i < functions->count; i++) {
        struct instance *at = functions->instances[i];
        if (is_idle(at) && str_eq(at->function.key, function->key))
            found = at;
        *busy += at->current && str_eq(at->function.arn, function->arn);
    }
    return found;
}

static void reap(void *ctx)
{
    struct functions *functions = ctx;
    while (jobs_sleep(functions->jobs, REAP_MS)) {
        pthread_mutex_lock(&functions->lock);
        for (size_t i = 0; i < functions->count; i++)
            if (is_idle(functions->instances[i]) &&
                clock_mono_ms() - functions->instances[i]->idle_ms > IDLE_MS)
                kill_instance(functions->instances[i]);
        pthread_mutex_unlock(&functions->lock);
    }
}

static int start(struct functions *functions, struct instance *instance, struct err *err)
{
    AUTO_ARENA struct arena arena = ARENA_INIT;
    struct jobs *jobs = functions->jobs;
    if (job_sink_open(
            jobs, instance->function.region, instance->group, instance->stream, &arena, &instance->sink, err))
        return -1;
    pthread_mutex_lock(&functions->lock);
    bool first = !functions->reaping;
    functions->reaping = true;
    pthread_mutex_unlock(&functions->lock);
    if (jobs_thread(jobs, instance_main, instance))
        return job_refuse(err, 500, "ServiceException", "the sandbox can start no more threads");
    if (first)
        jobs_thread(jobs, reap, functions);
    return 0;
}

/* One that has this invocation to do. */
static struct instance *take_instance(struct functions *functions, const struct function *function,
    struct invocation *invocation, bool *fresh, struct err *err)
{
    int64_t busy;
    struct instance *instance = find_idle(functions, function, &busy);
    *fresh = !instance;
    if (functions->stopping) {
        job_refuse(err, 500, "ServiceException", "the sandbox is ending");
        return NULL;
    }
    if (!instance &&
        ((function->at_once >= 0 && busy >= function->at_once) || !make_room(functions, function))) {
        job_refuse(err, 429, "TooManyRequestsException", "Rate Exceeded.");
        return NULL;
    }
    if (!instance) {
        instance = new_instance(functions, function, err);
        if (!instance)
            return NULL;
        instance->references = 1; /* its thread's */
        MEM_GROW(functions->instances, functions->cap, functions->count + 1);
        functions->instances[functions->count++] = instance;
    }
    instance->references++;
    instance->current = invocation;
    instance->given_ms = clock_mono_ms();
    instance->quiet = false;
    pthread_cond_broadcast(&functions->changed);
    return instance;
}

/* ---- one invocation ---- */

static void fail(struct invocation *invocation, const char *type, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
static void fail(struct invocation *invocation, const char *type, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    struct str message = arena_vprintf(&invocation->arena, format, args);
    va_end(args);
    invocation->failed = true;
    invocation->error_type = str_z(type);
    invocation->answer = arena_printf(&invocation->arena, "{\"errorType\":\"%s\",\"errorMessage\":\"%.*s\"}",
        type, STR_ARG(message)); /* our own words: nothing to escape */
}

static void fail_by_death(struct instance *instance, struct invocation *invocation)
{
    if (instance->error.n) {
        invocation->failed = true;
        invocation->answer = arena_str(&invocation->arena, instance->error);
        invocation->error_type = arena_str(&invocation->arena, instance->error_type);
    } else if (instance->end.exit_code < 0) {
        fail(invocation, "Runtime.ExitError", "RequestId: %s Error: Runtime exited with error: signal: %s",
            invocation->id, instance->end.signal == 9 ? "killed" : sigabbrev_np(instance->end.signal));
    } else {
        fail(invocation, "Runtime.ExitError",
            "RequestId: %s Error: Runtime exited with error: exit status %d", invocation->id,
            instance->end.exit_code);
    }
}

static void fail_by_time(struct instance *instance, struct invocation *invocation)
{
    struct arena *arena = &invocation->arena;
    fail(invocation, "Sandbox.Timedout", "%s %s Task timed out after %lld.00 seconds",
        time_rfc3339(arena, clock_wall_ms(), true).p, invocation->id,
        (long long)instance->function.timeout_s);
}

static int64_t deadline_of(const struct instance *instance, const struct invocation *invocation)
{
    if (invocation->taken)
        return invocation->taken_ms + instance->function.timeout_s * 1000;
    if (!instance->prepared) /* archives are being unpacked: that ends by itself */
        return INT64_MAX / 2;
    int64_t from = instance->given_ms > instance->born_ms ? instance->given_ms : instance->born_ms;
    return from + INIT_MS + instance->function.timeout_s * 1000;
}

/* With the lock: until there is an answer, or none can come any more. */
static void await(struct instance *instance, struct invocation *invocation)
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
            kill_instance(instance);
        }
    }
    if (!invocation->done) {
        invocation->done_ms = clock_mono_ms();
        if (timed_out)
            fail_by_time(instance, invocation);
        else
            fail_by_death(instance, invocation);
    }
    if (instance->dead)
        return;
    int64_t until = clock_mono_ms() + QUIET_MS;
    process_await_quiet(&instance->stop);
    while (!instance->quiet && !instance->dead && wait_until(functions, until))
        ;
}

static void log_end(struct instance *instance, struct invocation *invocation, bool first)
{
    double took =
        (double)(invocation->done_ms - (invocation->taken_ms ? invocation->taken_ms : instance->born_ms));
    if (took < 0)
        took = 0;
    if (invocation->failed && !invocation->taken)
        log_line(instance, "INIT_REPORT Status: error\tError Type: %.*s", STR_ARG(invocation->error_type));
    else if (invocation->failed && str_starts(invocation->error_type, STR("Sandbox.Timedout")))
        log_line(instance, "%s %s Task timed out after %lld.00 seconds",
            time_rfc3339(&invocation->arena, clock_wall_ms(), true).p, invocation->id,
            (long long)instance->function.timeout_s);
    log_line(instance, "END RequestId: %s", invocation->id);
    struct str init = first && instance->ready_ms
                          ? arena_printf(&invocation->arena, "\tInit Duration: %lld.00 ms",
                                (long long)(instance->ready_ms - instance->born_ms))
                          : STR_EMPTY;
    log_line(instance,
        "REPORT RequestId: %s\tDuration: %.2f ms\tBilled Duration: %.0f ms\tMemory Size: %lld MB%.*s",
        invocation->id, took, took, (long long)instance->function.memory_mib, STR_ARG(init));
    pthread_mutex_lock(&instance->sink_lock);
    struct str tail = buf_str(&instance->sink.tail);
    if (invocation->wants_log)
        invocation->log = arena_str(
            &invocation->arena, tail.n > MAX_LOG ? str_slice(tail, tail.n - MAX_LOG, tail.n) : tail);
    pthread_mutex_unlock(&instance->sink_lock);
}

/* With the lock: it is free for the next event, or gone. */
static void give_back(struct instance *instance)
{
    instance->current = NULL;
    instance->idle_ms = clock_mono_ms();
    if (!instance->dying)
        pthread_cond_broadcast(&instance->functions->changed);
    release(instance);
}

int instance_invoke(struct functions *functions, const struct function *function,
    struct invocation *invocation, struct err *err)
{
    for (;;) {
        bool fresh;
        pthread_mutex_lock(&functions->lock);
        struct instance *instance = take_instance(functions, function, invocation, &fresh, err);
        pthread_mutex_unlock(&functions->lock);
        if (!instance)
            return -1;
        if (fresh && start(functions, instance, err)) {
            pthread_mutex_lock(&functions->lock);
            instance->dying = instance->dead = true;
            process_switch_release(&instance->stop);
            forget(instance);
            instance->references--; /* the thread that there is not */
            give_back(instance);
            pthread_mutex_unlock(&functions->lock);
            return -1;
        }
        pthread_mutex_lock(&functions->lock);
        await(instance, invocation);
        struct err refusal = instance->refusal;
        bool again = !fresh && !invocation->taken && !functions->stopping; /* it had died while it was idle */
        pthread_mutex_unlock(&functions->lock);
        if (!again && refusal.class == ERR_NONE)
            log_end(instance, invocation, fresh);
        pthread_mutex_lock(&functions->lock);
        give_back(instance);
        pthread_mutex_unlock(&functions->lock);
        if (again) {
            invocation->failed = false;
            continue;
        }
        if (refusal.class == ERR_NONE)
            return 0;
        return job_refuse(err, 502, "InvalidZipFileException", "%s", refusal.message);
    }
}
