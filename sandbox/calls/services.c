/* What all of this room stands on: made and ended, its threads, its folders, waiting. */
#include "sandbox/calls/services_state.h"

#include "base/clock.h"
#include "base/file.h"
#include "base/hash.h"
#include "base/mem.h"
#include "sandbox/engine/process.h"
#include "sandbox/engine/task.h"
#include "sandbox/http/exchange.h"
#include "sandbox/services/executions.h"
#include "sandbox/services/glue.h"
#include "sandbox/services/lambda.h"
#include "sandbox/services/queues.h"
#include "sandbox/services/schedules.h"
#include "sandbox/services/sources.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { THREAD_STACK = 1024 * 1024 };

struct sandbox *services_sandbox(struct services *services)
{
    return services->sandbox;
}

struct control *services_control(struct services *services)
{
    return services->control;
}

struct str services_account(struct services *services)
{
    return sandbox_account(services->sandbox);
}

struct functions *services_functions(struct services *services)
{
    return services->functions;
}

struct logs *services_logs(struct services *services)
{
    return services->logs;
}

struct queues *services_queues(struct services *services)
{
    return services->queues;
}

struct executions *services_executions(struct services *services)
{
    return services->executions;
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
    pthread_mutex_lock(&services->lock);
    bool stopping = services->stopping;
    pthread_mutex_unlock(&services->lock);
    return stopping;
}

bool services_sleep(struct services *services, int64_t ms)
{
    int64_t deadline = clock_mono_ms() + ms;
    pthread_mutex_lock(&services->lock);
    while (!services->stopping && services_wait(services, deadline))
        ;
    bool stopping = services->stopping;
    pthread_mutex_unlock(&services->lock);
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
    pthread_mutex_lock(&start.services->lock);
    start.services->threads--;
    pthread_cond_broadcast(&start.services->changed);
    pthread_mutex_unlock(&start.services->lock);
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

/* A folder that a sandbox left as it was when it was killed. */
static bool has_entries(const char *path)
{
    DIR *dir = opendir(path);
    bool found = false;
    for (struct dirent *entry; dir && !found && (entry = readdir(dir));)
        found = strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0;
    if (dir)
        closedir(dir);
    return found;
}

/* What a killed sandbox was running may run still: it is ended before its folders are removed. */
static void end_leftovers(struct services *services)
{
    static const char *const folders[] = {"work", "functions"};
    AUTO_ARENA struct arena arena = ARENA_INIT;
    const char *dir = sandbox_dir(services->sandbox);
    char *real = realpath(dir, NULL);
    struct str digest = sha256_hex(&arena, str_z(real ? real : dir));
    free(real);
    snprintf(services->family, sizeof services->family, "sandbox-%.16s", digest.p);
    for (size_t i = 0; i < sizeof folders / sizeof *folders; i++)
        if (has_entries(arena_printf(&arena, "%s/jobs/%s", dir, folders[i]).p)) {
            process_end_family(services->family);
            return;
        }
}

int services_new(struct sandbox *sandbox, struct control *control, struct services **out, struct err *err)
{
    struct services *services = mem_zalloc(sizeof *services);
    services->sandbox = sandbox;
    services->control = control;
    pthread_mutex_init(&services->lock, NULL);
    clock_cond_init(&services->changed);
    AUTO_ARENA struct arena arena = ARENA_INIT;
    struct str dir;
    end_leftovers(services);
    if (services_dir(services, &arena, "logs", &dir, err) || logs_open(dir.p, &services->logs, err) ||
        tasks_open(services, &services->tasks, err) || functions_open(services, &services->functions, err)) {
        services_free(services);
        return -1;
    }
    services->executions = executions_new(services);
    services->queues = queues_new(services);
    sources_start(services);
    if (sandbox_schedules(sandbox))
        schedules_start(services);
    *out = services;
    return 0;
}

void services_stop(struct services *services)
{
    if (!services)
        return;
    pthread_mutex_lock(&services->lock);
    services->stopping = true;
    pthread_cond_broadcast(&services->changed);
    pthread_mutex_unlock(&services->lock);
    tasks_stop(services->tasks);
    functions_stop(services->functions);
    executions_stop(services->executions);
    queues_stop(services->queues);
    pthread_mutex_lock(&services->lock);
    while (services->threads)
        services_wait(services, -1);
    pthread_mutex_unlock(&services->lock);
}

void services_free(struct services *services)
{
    if (!services)
        return;
    glue_triggers_forget(services);
    executions_free(services->executions); /* may still hold runs of the others */
    functions_close(services->functions);
    tasks_close(services->tasks);
    logs_close(services->logs);
    queues_free(services->queues);
    pthread_cond_destroy(&services->changed);
    pthread_mutex_destroy(&services->lock);
    free(services);
}
