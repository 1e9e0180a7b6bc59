/* Daemons: see daemon.h. */
#include "sandbox/daemon/daemon.h"

#include "base/clock.h"
#include "base/file.h"
#include "base/mem.h"

#include <stdlib.h>

struct daemons *daemons_new(struct services *services)
{
    struct daemons *daemons = mem_zalloc(sizeof *daemons);
    daemons->services = services;
    pthread_mutex_init(&daemons->lock, NULL);
    clock_cond_init(&daemons->changed);
    return daemons;
}

static void free_daemon(struct daemon *daemon)
{
    arena_release(&daemon->run);
    arena_release(&daemon->arena);
    free(daemon);
}

void daemons_free(struct daemons *daemons)
{
    if (!daemons)
        return;
    for (struct daemon *next; daemons->first; daemons->first = next) {
        next = daemons->first->next;
        free_daemon(daemons->first);
    }
    pthread_cond_destroy(&daemons->changed);
    pthread_mutex_destroy(&daemons->lock);
    free(daemons);
}

void daemons_stop(struct daemons *daemons)
{
    AUTO_UNLOCK pthread_mutex_t *held = mutex_hold(&daemons->lock);
    daemons->stopping = true;
    for (struct daemon *daemon = daemons->first; daemon; daemon = daemon->next)
        if (daemon->alive)
            process_stop(&daemon->stop, false);
    pthread_cond_broadcast(&daemons->changed);
}

const char *daemon_folder(const struct daemons *daemons, struct arena *arena, struct str name)
{
    return arena_printf(
        arena, "%s/daemons/%.*s", sandbox_dir(services_sandbox(daemons->services)), STR_ARG(name))
        .p;
}

const char *daemon_data(struct daemons *daemons, struct arena *arena, struct str name)
{
    return arena_printf(arena, "%s/data", daemon_folder(daemons, arena, name)).p;
}

/* With the lock held. */
static struct daemon *daemon_find(const struct daemons *daemons, struct str name)
{
    struct daemon *daemon = daemons->first;
    while (daemon && !str_eq(daemon->name, name))
        daemon = daemon->next;
    return daemon;
}

static struct daemon *daemon_add(struct daemons *daemons, const struct daemon_kind *kind, struct str name)
{
    struct daemon *daemon = mem_zalloc(sizeof *daemon);
    daemon->all = daemons;
    daemon->kind = kind;
    daemon->name = arena_str(&daemon->arena, name);
    daemon->next = daemons->first;
    daemons->first = daemon;
    return daemon;
}

static void daemon_become(struct daemon *daemon, enum daemon_state state)
{
    AUTO_UNLOCK pthread_mutex_t *held = mutex_hold(&daemon->all->lock);
    daemon->state = state;
    pthread_cond_broadcast(&daemon->all->changed);
}

int daemon_adopt(struct daemons *daemons, struct str name, const char *folder, struct err *err)
{
    AUTO_ARENA struct arena arena = ARENA_INIT;
    const char *dir = daemon_folder(daemons, &arena, name);
    const struct daemon_self self = {
        .arena = &arena, .services = daemons->services, .dir = dir, .data = dir, .seen_data = dir};
    const char *const copy[] = {"cp", "-a", folder, arena_printf(&arena, "%s/data", dir).p, NULL};
    if (dir_make(dir, err) || daemon_run(&self, copy, err))
        return -1;
    return file_write_atomic(arena_printf(&arena, "%s/prepared", dir).p, STR("yes\n"), 0600, err);
}

/* ---- what is asked for ---- */

static void copy_self(struct arena *arena, const struct daemon_self *from, struct daemon_self *to)
{
    *to = *from;
    to->arena = arena;
    to->name = arena_str(arena, from->name);
    to->program = arena_strz(arena, str_z(from->program));
    to->dir = arena_strz(arena, str_z(from->dir));
    to->data = arena_strz(arena, str_z(from->data));
    to->seen_data = arena_strz(arena, str_z(from->seen_data));
    to->settings = NULL;
}

/* With the lock held: until nobody starts or ends it. */
static void await_calm(struct daemons *daemons, struct str name)
{
    for (const struct daemon *d;
         (d = daemon_find(daemons, name)) && (d->state == STARTING || d->state == ENDING);)
        pthread_cond_wait(&daemons->changed, &daemons->lock);
}

int daemon_want(struct daemons *daemons, const struct daemon_kind *kind, struct str name,
    const struct value *settings, struct arena *arena, struct daemon_self *out, struct err *err)
{
    int status = 0;
    pthread_mutex_lock(&daemons->lock);
    await_calm(daemons, name);
    struct daemon *daemon = daemon_find(daemons, name);
    daemon = daemon ? daemon : daemon_add(daemons, kind, name);
    if (daemon->state == RESTING) {
        daemon->state = STARTING;
        pthread_mutex_unlock(&daemons->lock);
        status = daemon_start(daemon, settings, err);
        pthread_mutex_lock(&daemons->lock);
        daemon->state = status || !daemon->alive ? RESTING : RUNNING;
        pthread_cond_broadcast(&daemons->changed);
    }
    if (!status && out)
        copy_self(arena, &daemon->self, out);
    pthread_mutex_unlock(&daemons->lock);
    return status;
}

/* Leaves it ENDING, so that nobody starts it; NULL: nobody has wanted it yet. */
static struct daemon *take_down(struct daemons *daemons, struct str name)
{
    pthread_mutex_lock(&daemons->lock);
    await_calm(daemons, name);
    struct daemon *daemon = daemon_find(daemons, name);
    if (daemon)
        daemon->state = ENDING;
    pthread_mutex_unlock(&daemons->lock);
    if (daemon)
        daemon_end(daemon);
    return daemon;
}

void daemon_rest(struct daemons *daemons, struct str name)
{
    struct daemon *daemon = take_down(daemons, name);
    if (daemon)
        daemon_become(daemon, RESTING);
}

void daemon_remove(struct daemons *daemons, struct str name)
{
    AUTO_ARENA struct arena arena = ARENA_INIT;
    struct daemon *daemon = take_down(daemons, name);
    tree_remove(daemon_folder(daemons, &arena, name));
    if (!daemon)
        return;
    pthread_mutex_lock(&daemons->lock);
    struct daemon **at = &daemons->first;
    while (*at != daemon)
        at = &(*at)->next;
    *at = daemon->next;
    pthread_cond_broadcast(&daemons->changed);
    pthread_mutex_unlock(&daemons->lock);
    free_daemon(daemon);
}
