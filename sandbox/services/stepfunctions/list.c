/* The list of executions: those that run, and of those that have ended the latest. */
#include "sandbox/services/stepfunctions/executions.h"

#include "base/mem.h"

#include <stdlib.h>

enum { MAX_KEPT = 1000 }; /* that have ended */

static const uint64_t max_stored = UINT64_C(1) << 30; /* bytes in their files */

struct executions *executions_new(struct services *services)
{
    struct executions *all = mem_zalloc(sizeof *all);
    all->services = services;
    all->jsonata = jsonata_new();
    pthread_mutex_init(&all->lock, NULL);
    return all;
}

void executions_stop(struct executions *all)
{
    if (!all)
        return;
    AUTO_UNLOCK pthread_mutex_t *held = mutex_hold(&all->lock);
    for (size_t i = 0; i < all->n; i++)
        atomic_store(&all->items[i]->scope.stopped, true);
}

void executions_free(struct executions *all)
{
    if (!all)
        return;
    for (size_t i = 0; i < all->n; i++)
        activity_release(all->items[i]->activity);
    free(all->items);
    jsonata_free(all->jsonata);
    pthread_mutex_destroy(&all->lock);
    free(all);
}

static struct execution *executions_list_find(struct executions *all, struct str arn)
{
    for (size_t i = all->n; i-- > 0;)
        if (str_eq(all->items[i]->arn, arn))
            return all->items[i];
    return NULL;
}

struct execution *execution_find(struct executions *all, struct str arn)
{
    AUTO_UNLOCK pthread_mutex_t *held = mutex_hold(&all->lock);
    executions_load(all);
    struct execution *found = executions_list_find(all, arn);
    if (found)
        activity_keep(found->activity);
    return found;
}

static void executions_list_drop(struct executions *all, size_t i)
{
    activity_release(all->items[i]->activity);
    memmove(&all->items[i], &all->items[i + 1], (all->n - i - 1) * sizeof *all->items);
    all->n--;
}

/* The oldest of those that have ended go, with their files. */
static void keep_few(struct executions *all)
{
    size_t ended = 0;
    for (size_t i = 0; i < all->n; i++)
        ended += all->items[i]->ended;
    for (size_t i = 0; i < all->n && (ended > MAX_KEPT || all->stored > max_stored); i++) {
        struct execution *oldest = all->items[i];
        if (!oldest->ended)
            continue;
        all->stored -= oldest->stored;
        ended--;
        execution_forget(oldest);
        executions_list_drop(all, i--);
    }
}

/* A name may be used again only to ask for the same once more while it runs. */
int executions_add(struct executions *all, struct execution *made, struct execution **out, struct err *err)
{
    executions_load(all);
    struct execution *existing = executions_list_find(all, made->arn);
    if (!existing) {
        keep_few(all);
        MEM_GROW(all->items, all->cap, all->n + 1);
        all->items[all->n++] = made;
        *out = made;
        return 0;
    }
    if (existing->ended || !str_eq(existing->input, made->input))
        return service_refuse(
            err, 400, "ExecutionAlreadyExists", "Execution Already Exists: '%.*s'", STR_ARG(made->arn));
    *out = existing;
    return 0;
}

bool executions_replace(struct executions *all, struct execution *one, struct execution *other)
{
    size_t i = 0;
    while (i < all->n && all->items[i] != one)
        i++;
    if (i == all->n)
        return false;
    all->stored -= one->stored;
    if (!other) {
        executions_list_drop(all, i);
        return true;
    }
    all->items[i] = other;
    all->stored += other->stored;
    activity_release(one->activity);
    return true;
}
