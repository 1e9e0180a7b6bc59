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

struct sandbox *jobs_sandbox(struct jobs *jobs)
{
    return jobs->sandbox;
}

struct control *jobs_control(struct jobs *jobs)
{
    return jobs->control;
}

struct str jobs_account(struct jobs *jobs)
{
    return sandbox_account(jobs->sandbox);
}

struct functions *jobs_functions(struct jobs *jobs)
{
    return jobs->functions;
}

struct logs *jobs_logs(struct jobs *jobs)
{
    return jobs->logs;
}

struct queues *jobs_queues(struct jobs *jobs)
{
    return jobs->queues;
}

struct executions *jobs_executions(struct jobs *jobs)
{
    return jobs->executions;
}

const char *jobs_family(const struct jobs *jobs)
{
    return jobs->family;
}

int jobs_dir(struct jobs *jobs, struct arena *arena, const char *name, struct str *out, struct err *err)
{
    *out = arena_printf(arena, "%s/jobs/%s", sandbox_dir(jobs->sandbox), name);
    return dir_make(out->p, err);
}

bool jobs_wait(struct jobs *jobs, int64_t deadline_ms)
{
    if (deadline_ms < 0) {
        pthread_cond_wait(&jobs->changed, &jobs->lock);
        return true;
    }
    return clock_cond_wait(&jobs->changed, &jobs->lock, deadline_ms);
}

bool jobs_stopping(struct jobs *jobs)
{
    pthread_mutex_lock(&jobs->lock);
    bool stopping = jobs->stopping;
    pthread_mutex_unlock(&jobs->lock);
    return stopping;
}

bool jobs_sleep(struct jobs *jobs, int64_t ms)
{
    int64_t deadline = clock_mono_ms() + ms;
    pthread_mutex_lock(&jobs->lock);
    while (!jobs->stopping && jobs_wait(jobs, deadline))
        ;
    bool stopping = jobs->stopping;
    pthread_mutex_unlock(&jobs->lock);
    return !stopping;
}

struct thread_start {
    struct jobs *jobs;
    void (*fn)(void *ctx);
    void *ctx;
};

static void *run_thread(void *ctx)
{
    struct thread_start start = *(struct thread_start *)ctx;
    free(ctx);
    start.fn(start.ctx);
    hash_thread_end();
    pthread_mutex_lock(&start.jobs->lock);
    start.jobs->threads--;
    pthread_cond_broadcast(&start.jobs->changed);
    pthread_mutex_unlock(&start.jobs->lock);
    return NULL;
}

int jobs_thread(struct jobs *jobs, void (*fn)(void *ctx), void *ctx)
{
    pthread_t thread;
    pthread_attr_t attr;
    pthread_mutex_lock(&jobs->lock);
    bool stopping = jobs->stopping;
    jobs->threads += !stopping;
    pthread_mutex_unlock(&jobs->lock);
    if (stopping)
        return -1;
    struct thread_start *start = mem_alloc(sizeof *start);
    *start = (struct thread_start){jobs, fn, ctx};
    pthread_attr_init(&attr);
    pthread_attr_setdetachstate(&attr, PTHREAD_CREATE_DETACHED);
    pthread_attr_setstacksize(&attr, THREAD_STACK);
    int failed = pthread_create(&thread, &attr, run_thread, start);
    pthread_attr_destroy(&attr);
    if (!failed)
        return 0;
    free(start);
    pthread_mutex_lock(&jobs->lock);
    jobs->threads--;
    pthread_mutex_unlock(&jobs->lock);
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
static void end_leftovers(struct jobs *jobs)
{
    static const char *const folders[] = {"work", "functions"};
    AUTO_ARENA struct arena arena = ARENA_INIT;
    const char *dir = sandbox_dir(jobs->sandbox);
    char *real = realpath(dir, NULL);
    struct str digest = sha256_hex(&arena, str_z(real ? real : dir));
    free(real);
    snprintf(jobs->family, sizeof jobs->family, "sandbox-%.16s", digest.p);
    for (size_t i = 0; i < sizeof folders / sizeof *folders; i++)
        if (has_entries(arena_printf(&arena, "%s/jobs/%s", dir, folders[i]).p)) {
            process_end_family(jobs->family);
            return;
        }
}

int jobs_new(struct sandbox *sandbox, struct control *control, struct jobs **out, struct err *err)
{
    struct jobs *jobs = mem_zalloc(sizeof *jobs);
    jobs->sandbox = sandbox;
    jobs->control = control;
    pthread_mutex_init(&jobs->lock, NULL);
    clock_cond_init(&jobs->changed);
    AUTO_ARENA struct arena arena = ARENA_INIT;
    struct str dir;
    end_leftovers(jobs);
    if (jobs_dir(jobs, &arena, "logs", &dir, err) || logs_open(dir.p, &jobs->logs, err) ||
        tasks_open(jobs, &jobs->tasks, err) || functions_open(jobs, &jobs->functions, err)) {
        jobs_free(jobs);
        return -1;
    }
    jobs->executions = executions_new(jobs);
    jobs->queues = queues_new(jobs);
    sources_start(jobs);
    if (sandbox_schedules(sandbox))
        schedules_start(jobs);
    *out = jobs;
    return 0;
}

void jobs_stop(struct jobs *jobs)
{
    if (!jobs)
        return;
    pthread_mutex_lock(&jobs->lock);
    jobs->stopping = true;
    pthread_cond_broadcast(&jobs->changed);
    pthread_mutex_unlock(&jobs->lock);
    tasks_stop(jobs->tasks);
    functions_stop(jobs->functions);
    executions_stop(jobs->executions);
    queues_stop(jobs->queues);
    pthread_mutex_lock(&jobs->lock);
    while (jobs->threads)
        jobs_wait(jobs, -1);
    pthread_mutex_unlock(&jobs->lock);
}

void jobs_free(struct jobs *jobs)
{
    if (!jobs)
        return;
    glue_triggers_forget(jobs);
    executions_free(jobs->executions); /* may still hold runs of the others */
    functions_close(jobs->functions);
    tasks_close(jobs->tasks);
    logs_close(jobs->logs);
    queues_free(jobs->queues);
    pthread_cond_destroy(&jobs->changed);
    pthread_mutex_destroy(&jobs->lock);
    free(jobs);
}
