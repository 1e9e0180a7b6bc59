/* What the services share while they run: threads, folders, waiting. */
#include "sandbox/calls/services_state.h"

#include "base/clock.h"
#include "base/file.h"
#include "base/hash.h"
#include "base/mem.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>

enum { THREAD_STACK = 1024 * 1024 };

struct sandbox *services_sandbox(struct services *services)
{
    return services->sandbox;
}

struct control *services_control(struct services *services)
{
    return services->control;
}

bool arn_is_of(struct str arn, const char *service)
{
    return str_eqz(str_part(arn, ':', 2), service);
}

struct str services_account(struct services *services)
{
    return sandbox_account(services->sandbox);
}

struct services_parts *services_parts(struct services *services)
{
    return &services->parts;
}

const char *services_family(const struct services *services)
{
    return services->family;
}

int services_dir(
    struct services *services, struct arena *arena, const char *name, struct str *out, struct err *err)
{
    *out = arena_printf(arena, "%s/jobs/%s", sandbox_dir(services->sandbox), name);
    return dir_make(out->p, err);
}

bool services_wait(struct services *services, int64_t deadline_ms)
{
    if (deadline_ms < 0) {
        pthread_cond_wait(&services->changed, &services->lock);
        return true;
    }
    return clock_cond_wait(&services->changed, &services->lock, deadline_ms);
}

bool services_stopping(struct services *services)
{
    AUTO_UNLOCK pthread_mutex_t *held = mutex_hold(&services->lock);
    return services->stopping;
}

bool services_sleep(struct services *services, int64_t ms)
{
    int64_t deadline = clock_mono_ms() + ms;
    AUTO_UNLOCK pthread_mutex_t *held = mutex_hold(&services->lock);
    while (!services->stopping && services_wait(services, deadline))
        ;
    bool stopping = services->stopping;
    return !stopping;
}

struct thread_start {
    struct services *services;
    void (*fn)(void *ctx);
    void *ctx;
};

static void *run_thread(void *ctx)
{
    struct thread_start start = *(struct thread_start *)ctx;
    free(ctx);
    start.fn(start.ctx);
    hash_thread_end();
    AUTO_UNLOCK pthread_mutex_t *held = mutex_hold(&start.services->lock);
    start.services->threads--;
    pthread_cond_broadcast(&start.services->changed);
    return NULL;
}

int services_thread(struct services *services, void (*fn)(void *ctx), void *ctx)
{
    pthread_t thread;
    pthread_attr_t attr;
    pthread_mutex_lock(&services->lock);
    bool stopping = services->stopping;
    services->threads += !stopping;
    pthread_mutex_unlock(&services->lock);
    if (stopping)
        return -1;
    struct thread_start *start = mem_alloc(sizeof *start);
    *start = (struct thread_start){services, fn, ctx};
    pthread_attr_init(&attr);
    pthread_attr_setdetachstate(&attr, PTHREAD_CREATE_DETACHED);
    pthread_attr_setstacksize(&attr, THREAD_STACK);
    int failed = pthread_create(&thread, &attr, run_thread, start);
    pthread_attr_destroy(&attr);
    if (!failed)
        return 0;
    free(start);
    pthread_mutex_lock(&services->lock);
    services->threads--;
    pthread_mutex_unlock(&services->lock);
    return -1;
}

void services_on_call(struct services *services, const char *service, services_follow_fn *fn)
{
    size_t i = 0;
    while (services->followers[i].service)
        i++;
    assert(i + 1 < FOLLOWERS);
    services->followers[i].service = service;
    services->followers[i].fn = fn;
}

void services_publish(struct services *services, services_public_fn *fn)
{
    services->public = fn;
}

bool services_public(struct services *services, struct arena *arena, struct str path, struct str *text)
{
    return services->public && services->public(services, arena, path, text);
}

void services_followed(struct services *services, struct str service, struct str operation)
{
    static const char *const reading[] = {"Describe", "Get", "List"};
    for (size_t i = 0; i < sizeof reading / sizeof *reading; i++)
        if (str_starts(operation, str_z(reading[i])))
            return;
    for (size_t i = 0; services->followers[i].service; i++)
        if (str_eqz(service, services->followers[i].service))
            services->followers[i].fn(services);
}

void services_before_call(struct services *services, const char *service, services_read_fn *fn)
{
    size_t i = 0;
    while (services->readers[i].service)
        i++;
    assert(i + 1 < FOLLOWERS);
    services->readers[i].service = service;
    services->readers[i].fn = fn;
}

bool services_read(struct services *services, struct exchange *x, struct wire_message *answer)
{
    struct err err = ERR_INIT;
    struct wire_operation common;
    for (size_t i = 0; services->readers[i].service; i++)
        if (str_eqz(x->auth.service, services->readers[i].service) &&
            services->readers[i].fn(services, x, &err) &&
            control_protocol(services->control, x->auth.service, &common)) {
            wire_encode_error(&x->arena, &common, err.http_status, str_z(err.code), str_z(err.message),
                str_z(x->request_id), answer);
            return false;
        }
    return true;
}

/* Derives the mark of child processes from the real path of the sandbox's folder. */
static void name_family(struct services *services)
{
    AUTO_ARENA struct arena arena = ARENA_INIT;
    const char *dir = sandbox_dir(services->sandbox);
    char *real = realpath(dir, NULL);
    struct str digest = sha256_hex(&arena, str_z(real ? real : dir));
    free(real);
    snprintf(services->family, sizeof services->family, "sandbox-%.16s", digest.p);
}

struct services *services_new(
    struct sandbox *sandbox, struct control *control, const struct service_operation *const *tables)
{
    struct services *services = mem_zalloc(sizeof *services);
    services->sandbox = sandbox;
    services->control = control;
    services->tables = tables;
    pthread_mutex_init(&services->lock, NULL);
    pthread_mutexattr_t recursive;
    pthread_mutexattr_init(&recursive);
    pthread_mutexattr_settype(&recursive, PTHREAD_MUTEX_RECURSIVE);
    for (size_t i = 0; i < SERVICE_LOCKS; i++)
        pthread_mutex_init(&services->alone[i], &recursive);
    pthread_mutexattr_destroy(&recursive);
    clock_cond_init(&services->changed);
    name_family(services);
    return services;
}

void services_interrupt(struct services *services)
{
    AUTO_UNLOCK pthread_mutex_t *held = mutex_hold(&services->lock);
    services->stopping = true;
    pthread_cond_broadcast(&services->changed);
}

void services_wait_threads(struct services *services)
{
    AUTO_UNLOCK pthread_mutex_t *held = mutex_hold(&services->lock);
    while (services->threads)
        services_wait(services, -1);
}

void services_free(struct services *services)
{
    pthread_cond_destroy(&services->changed);
    for (size_t i = 0; i < SERVICE_LOCKS; i++)
        pthread_mutex_destroy(&services->alone[i]);
    pthread_mutex_destroy(&services->lock);
    free(services);
}
