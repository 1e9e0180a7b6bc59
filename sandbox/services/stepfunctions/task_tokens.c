/* Tasks that end when somebody says so: SendTaskSuccess, SendTaskFailure, SendTaskHeartbeat. Those of
 * activities are put up before, until a worker takes them. */
#include "sandbox/services/stepfunctions/executions.h"

#include "base/clock.h"
#include "base/mem.h"
#include "sandbox/calls/services_state.h"

#include <stdlib.h>

struct task_token {
    struct task_token *next;
    struct executions *all;
    struct arena arena;
    struct str name;
    struct str activity, input; /* of one that a worker is to take; under jobs->lock from here on */
    bool taken;
    struct str worker;
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
    AUTO_UNLOCK pthread_mutex_t *held = mutex_hold(&all->services->lock);
    token->next = all->tokens;
    all->tokens = token;
    return token;
}

void task_token_free(struct executions *all, struct task_token *token)
{
    pthread_mutex_lock(&all->services->lock);
    for (struct task_token **at = &all->tokens; *at; at = &(*at)->next)
        if (*at == token) {
            *at = token->next;
            break;
        }
    pthread_mutex_unlock(&all->services->lock);
    arena_release(&token->arena);
    free(token);
}

bool task_token_say(struct executions *all, struct str name, enum token_say what, const struct value *output,
    const struct asl_error *error)
{
    AUTO_UNLOCK pthread_mutex_t *held = mutex_hold(&all->services->lock);
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
        pthread_cond_broadcast(&all->services->changed);
    }
    return open;
}

/* ---- workers ---- */

void task_token_offer(struct task_token *token, struct str activity, struct str input)
{
    AUTO_UNLOCK pthread_mutex_t *held = mutex_hold(&token->all->services->lock);
    token->input = input;
    token->activity = activity;
    pthread_cond_broadcast(&token->all->services->changed);
}

enum token_end task_token_wait_taken(
    struct task_token *token, const struct asl_task *task, struct str *worker)
{
    struct services *services = token->all->services;
    int64_t deadline = task->left_ms ? clock_mono_ms() + task->left_ms : -1;
    bool in_time = true;
    AUTO_UNLOCK pthread_mutex_t *held = mutex_hold(&services->lock);
    while (!token->taken && in_time && !services->stopping && !asl_stopped(task->scope))
        in_time = services_wait(services, deadline);
    enum token_end end = token->taken ? TOKEN_DONE : in_time ? TOKEN_STOPPED : TOKEN_TIMEOUT;
    *worker = token->worker;
    return end;
}

/* The last in the list is the oldest. */
static struct task_token *offered(struct executions *all, struct str activity)
{
    struct task_token *found = NULL;
    for (struct task_token *token = all->tokens; token; token = token->next)
        if (!token->taken && token->activity.n && str_eq(token->activity, activity))
            found = token;
    return found;
}

bool task_token_take(struct executions *all, struct arena *arena, struct str activity, struct str worker,
    int64_t timeout_ms, struct str *name, struct str *input)
{
    struct services *services = all->services;
    int64_t deadline = clock_mono_ms() + timeout_ms;
    struct task_token *token;
    AUTO_UNLOCK pthread_mutex_t *held = mutex_hold(&services->lock);
    while (!(token = offered(all, activity)) && !services->stopping && services_wait(services, deadline))
        ;
    if (token) {
        token->taken = true;
        token->worker = arena_str(&token->arena, worker);
        token->alive_ms = clock_mono_ms();
        *name = arena_str(arena, token->name);
        *input = arena_str(arena, token->input);
        pthread_cond_broadcast(&services->changed);
    }
    return token != NULL;
}

/* ---- waiting for the end ---- */

/* The end that has come by now; -1: none. */
static int executions_tokens_reached(
    const struct task_token *token, const struct asl_task *task, int64_t deadline, int64_t *next)
{
    int64_t now = clock_mono_ms(),
            beat = task->heartbeat_ms ? token->alive_ms + task->heartbeat_ms : INT64_MAX;
    *next = deadline < beat ? deadline : beat;
    *next = *next == INT64_MAX ? -1 : *next;
    if (token->ended)
        return token->output ? TOKEN_DONE : TOKEN_FAILED;
    if (token->all->services->stopping || asl_stopped(task->scope))
        return TOKEN_STOPPED;
    return now >= deadline ? TOKEN_TIMEOUT : now >= beat ? TOKEN_NO_HEARTBEAT : -1;
}

enum token_end task_token_wait(struct task_token *token, struct arena *arena, const struct asl_task *task,
    const struct value **output, struct asl_error *error)
{
    struct services *services = token->all->services;
    int64_t deadline = task->timeout_ms ? clock_mono_ms() + task->timeout_ms : INT64_MAX, next;
    int end;
    AUTO_UNLOCK pthread_mutex_t *held = mutex_hold(&services->lock);
    while ((end = executions_tokens_reached(token, task, deadline, &next)) < 0)
        services_wait(services, next);
    if (end == TOKEN_DONE)
        *output = value_copy(arena, token->output);
    if (end == TOKEN_FAILED)
        *error =
            (struct asl_error){arena_str(arena, token->error.name), arena_str(arena, token->error.cause)};
    return (enum token_end)end;
}
