/* Instances of functions: a process each, with what it needs on the disk, its logs and its end. */
#include "sandbox/services/lambda/instance.h"

#include "base/clock.h"
#include "base/file.h"
#include "base/hash.h"
#include "base/mem.h"
#include "base/threads.h"
#include "sandbox/engine/logs.h"

#include <stdlib.h>
#include <time.h>

static const int64_t MAX_FILE = 10LL * 1024 * 1024 * 1024, ROOM = 512LL * 1024 * 1024;

/* ---- made ---- */

/* 2026/11/21/[$LATEST]0123… */
static struct str stream_name(struct arena *arena, const struct lambda_function *function)
{
    unsigned char bytes[16];
    struct tm day;
    time_t now = (time_t)(clock_wall_ms() / 1000);
    hash_random(bytes, sizeof bytes);
    gmtime_r(&now, &day);
    return arena_printf(arena, "%04d/%02d/%02d/[%.*s]%.32s", day.tm_year + 1900, day.tm_mon + 1, day.tm_mday,
        STR_ARG(function->version), hex_encode(arena, bytes, sizeof bytes).p);
}

struct lambda_instance *instance_new(
    struct functions *functions, const struct lambda_function *function, struct err *err)
{
    struct lambda_instance *instance = mem_zalloc(sizeof *instance);
    struct arena *arena = &instance->arena;
    struct str dir;
    if (services_dir(functions->services, arena, "functions", &dir, err) ||
        process_switch_init(&instance->stop, err)) {
        arena_release(arena);
        free(instance);
        return NULL;
    }
    instance->functions = functions;
    instance->function = lambda_copy(arena, function);
    instance->folder = arena_printf(arena, "%s/%llu", dir.p, (unsigned long long)functions->made++);
    instance->group = arena_printf(arena, "/aws/lambda/%.*s", STR_ARG(function->name));
    instance->stream = stream_name(arena, function);
    pthread_mutex_init(&instance->sink_lock, NULL);
    return instance;
}

/* ---- ended ---- */

void instance_kill(struct lambda_instance *instance)
{
    instance->dying = true;
    if (!instance->dead)
        process_stop(&instance->stop, true);
    pthread_cond_broadcast(&instance->functions->changed);
}

void instance_release(struct lambda_instance *instance)
{
    if (--instance->references)
        return;
    if (instance->sink.logs)
        log_sink_release(&instance->sink);
    pthread_mutex_destroy(&instance->sink_lock);
    arena_release(&instance->arena);
    free(instance);
}

/* ---- logs ---- */

void instance_log(struct lambda_instance *instance, const char *format, ...)
{
    AUTO_BUF struct buf line = BUF_INIT;
    va_list args;
    va_start(args, format);
    buf_addvf(&line, format, args);
    va_end(args);
    AUTO_UNLOCK pthread_mutex_t *held = mutex_hold(&instance->sink_lock);
    log_sink_line(&instance->sink, "%.*s", STR_ARG(buf_str(&line)));
}

static void lambda_instance_take_output(void *ctx, enum process_stream stream, const char *bytes, size_t n)
{
    struct lambda_instance *instance = ctx;
    (void)stream;
    AUTO_UNLOCK pthread_mutex_t *held = mutex_hold(&instance->sink_lock);
    log_sink_add(&instance->sink, bytes, n);
    instance->written += (int64_t)n;
}

static void has_started(void *ctx, pid_t pid)
{
    struct lambda_instance *instance = ctx;
    AUTO_UNLOCK pthread_mutex_t *held = mutex_hold(&instance->functions->lock);
    instance->pid = pid;
}

static void is_quiet(void *ctx)
{
    struct lambda_instance *instance = ctx;
    AUTO_UNLOCK pthread_mutex_t *held = mutex_hold(&instance->functions->lock);
    instance->quiet = true;
    pthread_cond_broadcast(&instance->functions->changed);
}

/* ---- its thread ---- */

/* From the archives to the end of the process. */
static int live(struct lambda_instance *instance, struct environment *env, struct err *err)
{
    struct functions *functions = instance->functions;
    struct program program = {0};
    if (instance_prepare(instance, env, &program, err))
        return -1;
    const struct process_options options = {.argv = program.argv,
        .env = env->items,
        .dir = program.dir,
        .family = services_family(functions->services),
        .memory = instance->function.memory_mib * 1024 * 1024 + ROOM,
        .file_size = MAX_FILE,
        .output = lambda_instance_take_output,
        .quiet = is_quiet,
        .started = has_started,
        .ctx = instance};
    struct process_end end;
    pthread_mutex_lock(&functions->lock);
    instance->prepared = true;
    instance->born_ms = clock_mono_ms();
    instance->born_us = instance_now_us();
    pthread_cond_broadcast(&functions->changed);
    pthread_mutex_unlock(&functions->lock);
    if (process_run(&options, &instance->stop, &end, err))
        return -1;
    pthread_mutex_lock(&functions->lock);
    instance->pid = 0;
    instance->end = end;
    pthread_mutex_unlock(&functions->lock);
    return 0;
}

void instance_forget(struct lambda_instance *instance)
{
    struct functions *functions = instance->functions;
    for (size_t i = 0; i < functions->count; i++)
        if (functions->instances[i] == instance) {
            functions->instances[i] = functions->instances[--functions->count];
            return;
        }
}

void instance_main(void *ctx)
{
    struct lambda_instance *instance = ctx;
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
    instance_forget(instance);
    pthread_cond_broadcast(&functions->changed);
    instance_release(instance);
    pthread_mutex_unlock(&functions->lock);
}
