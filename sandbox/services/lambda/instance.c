/* Instances of functions: preparing files and environment, running the process, logs, and choosing an
 * instance for an event. */
#include "sandbox/services/lambda/instance.h"

#include "base/archive.h"
#include "base/clock.h"
#include "base/file.h"
#include "base/mem.h"

#include <stdlib.h>
#include <unistd.h>

/* ---- Preparation: code and layers on disk, environment, program ---- */

static const int64_t MAX_UNPACKED = 262144000; /* Lambda's limit: 250 MiB */

static int unpack_one(
    struct lambda_instance *instance, const struct value *location, const char *dir, struct err *err)
{
    AUTO_ARENA struct arena arena = ARENA_INIT;
    struct s3_store *store = sandbox_store(services_sandbox(instance->functions->services));
    struct str archive = path_join(&arena, instance->folder, STR("archive.zip"));
    struct object_location from = {value_gets(location, "s3_bucket"), value_gets(location, "s3_key"),
        value_gets(location, "s3_object_version")};
    if (!from.key.n)
        return err_set(err, ERR_INVALID, "the function has no code");
    if (dir_make(dir, err))
        return -1;
    if (lambda_code_file(instance->functions->services, &arena, &from, &archive))
        return unpack_archive(archive.p, dir, MAX_UNPACKED, err);
    if (unpack_fetch(store, &from, archive.p, err) || unpack_archive(archive.p, dir, MAX_UNPACKED, err))
        return -1;
    unlink(archive.p);
    return 0;
}

static int unpack_all(
    struct lambda_instance *instance, struct str task, struct str opt, struct str lib, struct err *err)
{
    const struct value *layers = instance->function.layers;
    if (dir_make(instance->folder.p, err) || dir_make(opt.p, err) || dir_make(lib.p, err))
        return -1;
    for (uint32_t i = 0; i < layers->count; i++)
        if (unpack_one(instance, layers->items[i], opt.p, err))
            return err_context(err, "layer %u", i + 1);
    return unpack_one(instance, instance->function.code, task.p, err) || script_write_support(lib.p, err);
}

static const char *const own_names[] = {"AWS_LAMBDA_FUNCTION_NAME", "AWS_LAMBDA_RUNTIME_API", "_HANDLER",
    "LAMBDA_TASK_ROOT", "AWS_LAMBDA_FUNCTION_VERSION", "AWS_LAMBDA_LOG_STREAM_NAME",
    "AWS_LAMBDA_LOG_GROUP_NAME", "AWS_LAMBDA_FUNCTION_MEMORY_SIZE",
    /* reserved as well, and already set */
    "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN", "AWS_REGION", "AWS_DEFAULT_REGION"};

static void set_own(
    struct environment *env, const struct lambda_instance *instance, struct str task, uint16_t port)
{
    const struct lambda_function *f = &instance->function;
    struct arena *arena = env->arena;
    environment_set(env, own_names[0], f->name);
    environment_set(env, own_names[1], arena_printf(arena, "127.0.0.1:%u", port));
    environment_set(env, own_names[2], f->handler);
    environment_set(env, own_names[3], task);
    environment_set(env, own_names[4], f->version);
    environment_set(env, own_names[5], instance->stream);
    environment_set(env, own_names[6], instance->group);
    environment_set(env, own_names[7], arena_printf(arena, "%lld", (long long)f->memory_mib));
}

/* Sets the function's variables, then the reserved ones, which it cannot override. */
static void make_environment(struct environment *env, const struct lambda_instance *instance, struct str task,
    struct str opt, struct str lib, uint16_t port)
{
    const struct lambda_function *f = &instance->function;
    const struct value *own = f->environment;
    struct arena *arena = env->arena;
    struct str tmp = path_join(arena, instance->folder, STR("tmp"));
    const struct environment_options options = {
        .region = f->region, .home = tmp, .role = f->role, .session = f->name};
    environment_start(env, instance->functions->services, arena, &options);
    environment_set(env, "TMPDIR", tmp);
    environment_set(env, "TZ", STR(":UTC"));
    environment_set(env, "PATH", arena_printf(arena, "%s:%s/bin", environment_get(env, "PATH"), opt.p));
    environment_set(env, "LD_LIBRARY_PATH",
        arena_printf(
            arena, "%s:%s/lib:%s/lib:%s", task.p, task.p, opt.p, environment_get(env, "LD_LIBRARY_PATH")));
    environment_set(env, "PYTHONPATH",
        arena_printf(arena, "%s:%s/python:%s/python/lib/%.*s/site-packages:%s", task.p, opt.p, opt.p,
            STR_ARG(f->runtime), lib.p));
    environment_set(env, "AWS_EXECUTION_ENV", arena_printf(arena, "AWS_Lambda_%.*s", STR_ARG(f->runtime)));
    for (uint32_t i = 0; own && i < own->count; i++)
        if (!STR_IS_ONE_OF(own->entries[i].key, own_names))
            environment_set(
                env, arena_strz(arena, own->entries[i].key), value_text(own->entries[i].value, STR_EMPTY));
    set_own(env, instance, task, port);
}

static int find_program(const struct lambda_function *f, struct arena *arena, struct str task, struct str opt,
    struct str lib, const char **argv, struct err *err)
{
    if (str_starts(f->runtime, STR("python"))) {
        argv[0] = "python3";
        argv[1] = path_join(arena, lib, STR("weir_lambda.py")).p;
        argv[2] = arena_strz(arena, f->handler);
        return 0;
    }
    const struct str locations[] = {task, opt};
    for (size_t i = 0; i < 2; i++) {
        argv[0] = path_join(arena, locations[i], STR("bootstrap")).p;
        if (!access(argv[0], X_OK))
            return 0;
    }
    return err_set(
        err, ERR_INVALID, "there is no program \"bootstrap\" in the function's archive or its layers");
}

/* Unpacks the code, starts the Runtime API, fills env (allocated in env's arena) and finds the program.
 * Called on the instance's thread. */
static int instance_prepare(
    struct lambda_instance *instance, struct environment *env, struct program *out, struct err *err)
{
    struct arena *arena = env->arena;
    struct str task = path_join(arena, instance->folder, STR("task"));
    struct str opt = path_join(arena, instance->folder, STR("opt"));
    struct str lib = path_join(arena, instance->folder, STR("lib"));
    uint16_t port;
    if (unpack_all(instance, task, opt, lib, err) ||
        dir_make(path_join(arena, instance->folder, STR("tmp")).p, err) ||
        find_program(&instance->function, arena, task, opt, lib, out->argv, err) ||
        runtime_start(instance, &instance->runtime, &port, err))
        return -1;
    make_environment(env, instance, task, opt, lib, port);
    out->dir = task.p;
    return 0;
}

static const int64_t MAX_FILE = 10LL * 1024 * 1024 * 1024, ROOM = 512LL * 1024 * 1024;

/* ---- creating ---- */

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

static struct lambda_instance *instance_new(
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

/* ---- ending ---- */

void instance_kill(struct lambda_instance *instance)
{
    instance->dying = true;
    if (!instance->dead)
        process_stop(&instance->stop, true);
    pthread_cond_broadcast(&instance->functions->changed);
}

static void instance_release(struct lambda_instance *instance)
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

/* ---- the instance's thread ---- */

/* Runs the instance from unpacking to the end of its process. */
static int run_instance(struct lambda_instance *instance, struct environment *env, struct err *err)
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
        .idle = is_quiet,
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

static void instance_main(void *ctx)
{
    struct lambda_instance *instance = ctx;
    struct functions *functions = instance->functions;
    AUTO_ARENA struct arena arena = ARENA_INIT;
    struct environment env = {.arena = &arena};
    struct err err = ERR_INIT;
    int failed = run_instance(instance, &env, &err);
    environment_release(&env);
    pthread_mutex_lock(&functions->lock);
    instance->dying = true; /* ends the Runtime API's threads */
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

/* ---- Choosing an instance for an event: an idle or a new one ---- */

enum {
    MAX_INSTANCES = 64,
    IDLE_MS = 300000, /* time until an idle instance ends */
    REAP_MS = 5000,
    RETIRES = 32 * 1024 * 1024, /* bytes of output after which it ends: log streams are limited */
};

void functions_stop(struct functions *functions)
{
    if (!functions)
        return;
    AUTO_UNLOCK pthread_mutex_t *held = mutex_hold(&functions->lock);
    functions->stopping = true;
    for (size_t i = 0; i < functions->count; i++)
        instance_kill(functions->instances[i]);
    pthread_cond_broadcast(&functions->changed);
}

/* ---- choosing; the lock must be held ---- */

static bool is_idle(const struct lambda_instance *instance)
{
    return !instance->current && !instance->dying;
}

/* Ends idle instances of the function's older configuration, and, at the limit, the one idle for longest. */
static bool make_room(struct functions *functions, const struct lambda_function *function)
{
    struct lambda_instance *oldest = NULL;
    for (size_t i = 0; i < functions->count; i++) {
        struct lambda_instance *at = functions->instances[i];
        if (!is_idle(at))
            continue;
        if (str_eq(at->function.arn, function->arn) && str_eq(at->function.version, function->version))
            instance_kill(at);
        else if (!oldest || at->idle_ms < oldest->idle_ms)
            oldest = at;
    }
    if (functions->count < MAX_INSTANCES)
        return true;
    if (oldest)
        instance_kill(oldest);
    return oldest != NULL;
}

static struct lambda_instance *find_idle(
    struct functions *functions, const struct lambda_function *function, int64_t *busy)
{
    struct lambda_instance *found = NULL;
    *busy = 0;
    for (size_t i = 0; i < functions->count; i++) {
        struct lambda_instance *at = functions->instances[i];
        if (is_idle(at) && str_eq(at->function.key, function->key))
            found = at;
        *busy += at->current && str_eq(at->function.arn, function->arn);
    }
    return found;
}

struct lambda_instance *instance_take(struct functions *functions, const struct lambda_function *function,
    struct lambda_invocation *invocation, bool *fresh, struct err *err)
{
    int64_t busy;
    struct lambda_instance *instance = find_idle(functions, function, &busy);
    *fresh = !instance;
    if (functions->stopping) {
        service_refuse(err, 500, "ServiceException", "the sandbox is ending");
        return NULL;
    }
    if (!instance &&
        ((function->at_once >= 0 && busy >= function->at_once) || !make_room(functions, function))) {
        service_refuse(err, 429, "TooManyRequestsException", "Rate Exceeded.");
        return NULL;
    }
    if (!instance) {
        instance = instance_new(functions, function, err);
        if (!instance)
            return NULL;
        instance->references = 1; /* held by its thread */
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

void instance_give_back(struct lambda_instance *instance)
{
    instance->current = NULL;
    instance->idle_ms = clock_mono_ms();
    if (instance->written > RETIRES)
        instance_kill(instance);
    else if (!instance->dying)
        pthread_cond_broadcast(&instance->functions->changed);
    instance_release(instance);
}

/* ---- start and end ---- */

static void lambda_pool_reap(void *ctx)
{
    struct functions *functions = ctx;
    while (services_sleep(functions->services, REAP_MS)) {
        pthread_mutex_lock(&functions->lock);
        for (size_t i = 0; i < functions->count; i++)
            if (is_idle(functions->instances[i]) &&
                clock_mono_ms() - functions->instances[i]->idle_ms > IDLE_MS)
                instance_kill(functions->instances[i]);
        pthread_mutex_unlock(&functions->lock);
    }
}

int instance_start(struct functions *functions, struct lambda_instance *instance, struct err *err)
{
    AUTO_ARENA struct arena arena = ARENA_INIT;
    struct services *services = functions->services;
    if (service_sink_open(services, instance->function.region, instance->group, instance->stream, &arena,
            &instance->sink, err))
        return -1;
    pthread_mutex_lock(&functions->lock);
    bool first = !functions->reaping;
    functions->reaping = true;
    pthread_mutex_unlock(&functions->lock);
    if (services_thread(services, instance_main, instance))
        return service_refuse(err, 500, "ServiceException", "the sandbox can start no more threads");
    if (first)
        services_thread(services, lambda_pool_reap, functions);
    return 0;
}
