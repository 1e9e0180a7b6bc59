/* What an instance needs before its process starts: its code and layers on the disk, its environment, its
 * program. */
#include "base/archive.h"
#include "base/file.h"
#include "sandbox/engine/script.h"
#include "sandbox/http/exchange.h"
#include "sandbox/services/lambda/instance.h"

#include <unistd.h>

static const int64_t MAX_UNPACKED = 262144000; /* Lambda's: 250 MiB */

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
    /* reserved as well, and set already */
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

/* The function's own variables, then those that it cannot have its own way. */
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

int instance_prepare(
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
