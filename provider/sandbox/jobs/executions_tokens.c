/* Tasks that end when somebody says so: SendTaskSuccess, SendTaskFailure, SendTaskHeartbeat. */
#include "provider/sandbox/jobs/executions.h"

#include "base/clock.h"
#include "base/mem.h"
#include "provider/sandbox/jobs/internal.h"

#include <stdlib.h>

struct task_token {
    struct task_token *next;
    struct executions *all;
    struct arena arena;
    struct str name;
    /* under jobs->lock */
    bool ended;
    int64_t alive_ms;
    const struct value *output;
    struct asl_error error;
};

struct task_token *task_token_new(struct executions *all, struct str name)
{
    struct task_token *token = mem_zalloc(sizeof *token);
    token->all = all;
    token->name = arena_str(&token->arena, name);
    token->alive_ms = clock_mono_ms();
    pthread_mutex_lock(&all->jobs->lock);
    token->next = all->tokens;
    all->tokens = token;
    pthread_mutex_unlock(&all->jobs->lock);
    return token;
}

void task_token_free(struct executions *all, struct task_token *token)
{
    pthread_mutex_lock(&all->jobs->lock);
    for (struct task_token **at = &all->tokens; *at; at = &(*at)->next)
        if (*at == token) {
            *at = token->next;
            break;
        }
    pthread_mutex_unlock(&all->jobs->lock);
    arena_release(&token->arena);
    free(token);
}

bool task_token_say(struct executions *all, struct str name, enum token_say what, const struct value *output,
    const struct asl_error *error)
{
    pthread_mutex_lock(&all->jobs->lock);
    struct task_token *token = all->tokens;
    while (token && !str_eq(token->name, name))
        token = token->next;
    bool open = token && !token->ended;
    if (open) {
        token->alive_ms = clock_mono_ms();
        token->ended = what != TOKEN_SAY_ALIVE;
        if (what == TOKEN_SAY_DONE)
            token->output = value_copy(&token->arena, output);
        if (what == TOKEN_SAY_FAILED)
            token->error = (struct asl_error){
                arena_str(&token->arena, error->name), arena_str(&token->arena, error->cause)};
        pthread_cond_broadcast(&all->jobs->changed);
    }
    pthread_mutex_unlock(&all->jobs->lock);
    return open;
}

/* The end that has come by now; -1: none. */
static int reached(
    const struct task_token *token, const struct asl_task *task, int64_t deadline, int64_t *next)
{
    int64_t now = clock_mono_ms(),
            beat = task->heartbeat_ms ? token->alive_ms + task->heartbeat_ms : INT64_MAX;
    *next = deadline < beat ? deadline : beat;
    *next = *next == INT64_MAX ? -1 : *next;
    if (token->ended)
        return token->output ? TOKEN_DONE : TOKEN_FAILED;
    if (token->all->jobs->stopping || asl_stopped(task->scope))
        return TOKEN_STOPPED;
    return now >= deadline ? TOKEN_TIMEOUT : now >= beat ? TOKEN_NO_HEARTBEAT : -1;
}

enum token_end task_token_wait(struct task_token *token, struct arena *arena, const struct asl_task *task,
    const struct value **output, struct asl_error *error)
{
    struct jobs *jobs = token->all->jobs;
    int64_t deadline = task->timeout_ms ? clock_mono_ms() + task->timeout_ms : INT64_MAX, next;
    int end;
    pthread_mutex_lock(&jobs->lock);
    while ((end = reached(token, task, deadline, &next)) < 0)
        jobs_wait(jobs, next);
    if (end == TOKEN_DONE)
        *output = value_copy(arena, token->output);
    if (end == TOKEN_FAILED)
        *error =
            (struct asl_error){arena_str(arena, token->error.name), arena_str(arena, token->error.cause)};
    pthread_mutex_unlock(&jobs->lock);
    return (enum token_end)end;
}
