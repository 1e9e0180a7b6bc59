/* Which instance does an event: an idle one, or a new one as long as there may be more. */
#include "sandbox/services/lambda/instance.h"

#include "base/clock.h"
#include "base/mem.h"
#include "base/threads.h"

enum {
    MAX_INSTANCES = 64,
    IDLE_MS = 300000, /* then it is ended */
    REAP_MS = 5000,
    RETIRES = 32 * 1024 * 1024, /* bytes that it has printed: a log stream has an end, a new one has room */
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

/* ---- choosing: with the lock ---- */

static bool is_idle(const struct lambda_instance *instance)
{
    return !instance->current && !instance->dying;
}

/* Idle ones with what the function was before are of no use any more; of too many others the one longest idle
 * goes. */
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

/* ---- beginning and end ---- */

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
