#include "sandbox/daemon/daemon.h"

#include "base/clock.h"
#include "base/file.h"
#include "base/mem.h"
#include "sandbox/daemon/ports.h"
#include "sandbox/engine/process.h"

#include <fcntl.h>
#include <pthread.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

enum {
    START_MS = 60000,
    GRACE_MS = 5000,
    FIRST_LOOK_MS = 5, /* between two looks whether it answers; each is longer than the one before, up to: */
    LAST_LOOK_MS = 100,
};

enum daemon_state { RESTING, STARTING, RUNNING, ENDING };

struct daemon {
    struct daemon *next;
    struct daemons *all;
    struct arena arena; /* until it is removed */
    const struct daemon_kind *kind;
    struct str name;
    enum daemon_state state;
    bool alive; /* its process, or the thread that has it */
    struct process_switch stop;
    /* Of this start: */
    struct arena run;
    struct daemon_self self;
    struct daemon_command command;
    int log;
};

struct daemons {
    struct services *services;
    pthread_mutex_t lock; /* all below, but for what only a start changes */
    pthread_cond_t changed;
    struct daemon *first;
    bool stopping;
};

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
    pthread_mutex_lock(&daemons->lock);
    daemons->stopping = true;
    for (struct daemon *daemon = daemons->first; daemon; daemon = daemon->next)
        if (daemon->alive)
            process_stop(&daemon->stop, false);
    pthread_cond_broadcast(&daemons->changed);
    pthread_mutex_unlock(&daemons->lock);
}

static const char *folder_of(const struct daemons *daemons, struct arena *arena, struct str name)
{
    return arena_printf(
        arena, "%s/daemons/%.*s", sandbox_dir(services_sandbox(daemons->services)), STR_ARG(name))
        .p;
}

const char *daemon_data(struct daemons *daemons, struct arena *arena, struct str name)
{
    return arena_printf(arena, "%s/data", folder_of(daemons, arena, name)).p;
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
    pthread_mutex_lock(&daemon->all->lock);
    daemon->state = state;
    pthread_cond_broadcast(&daemon->all->changed);
    pthread_mutex_unlock(&daemon->all->lock);
}

int daemon_adopt(struct daemons *daemons, struct str name, const char *folder, struct err *err)
{
    AUTO_ARENA struct arena arena = ARENA_INIT;
    const char *dir = folder_of(daemons, &arena, name);
    const struct daemon_self self = {
        .arena = &arena, .services = daemons->services, .dir = dir, .data = dir, .seen_data = dir};
    const char *const copy[] = {"cp", "-a", folder, arena_printf(&arena, "%s/data", dir).p, NULL};
    if (dir_make(dir, err) || daemon_run(&self, copy, err))
        return -1;
    return file_write_atomic(arena_printf(&arena, "%s/prepared", dir).p, STR("yes\n"), 0600, err);
}

/* ---- its process ---- */

static void keep_output(void *ctx, enum process_stream stream, const char *bytes, size_t n)
{
    const struct daemon *daemon = ctx;
    (void)stream;
    fd_write_all(daemon->log, bytes, n, NULL, "log");
}

static void run_daemon(void *ctx)
{
    struct daemon *daemon = ctx;
    AUTO_ARENA struct arena arena = ARENA_INIT;
    struct err ignored = ERR_INIT;
    struct process_end end;
    struct environment {
        const char *items[64];
    } env = {0};
    size_t n = 0;
    const char *path = getenv("PATH"), *library = getenv("LD_LIBRARY_PATH");
    env.items[n++] = arena_printf(&arena, "PATH=%s", path ? path : "/usr/local/bin:/usr/bin:/bin").p;
    env.items[n++] = arena_printf(&arena, "HOME=%s", daemon->self.seen_data).p;
    env.items[n++] = "LANG=C.UTF-8";
    env.items[n++] = "TZ=UTC";
    if (library)
        env.items[n++] = arena_printf(&arena, "LD_LIBRARY_PATH=%s", library).p;
    for (size_t i = 0; daemon->command.env && daemon->command.env[i] && n < 63; i++)
        env.items[n++] = daemon->command.env[i];
    const struct process_options options = {.argv = daemon_as(&daemon->self, daemon->command.argv),
        .env = env.items,
        .dir = daemon->self.data,
        .family = services_family(daemon->all->services),
        .grace_ms = daemon->kind->grace_ms ? daemon->kind->grace_ms : GRACE_MS,
        .end_signal = daemon->kind->end_signal,
        .output = keep_output,
        .ctx = daemon};
    process_run(&options, &daemon->stop, &end, &ignored);
    pthread_mutex_lock(&daemon->all->lock);
    daemon->alive = false;
    process_switch_release(&daemon->stop);
    close(daemon->log);
    if (daemon->state == RUNNING) /* by itself; otherwise who starts or ends it says what it is */
        daemon->state = RESTING;
    pthread_cond_broadcast(&daemon->all->changed);
    pthread_mutex_unlock(&daemon->all->lock);
}

static bool daemon_lives(struct daemon *daemon)
{
    pthread_mutex_lock(&daemon->all->lock);
    bool alive = daemon->alive;
    pthread_mutex_unlock(&daemon->all->lock);
    return alive;
}

/* ---- starting ---- */

static int make_folder(struct daemon *daemon, struct err *err)
{
    struct daemon_self *self = &daemon->self;
    if (dir_make(self->data, err))
        return -1;
    if (chmod(self->data, 0700))
        return err_errno(err, ERR_IO, "cannot change the mode of %s", self->data);
    return 0;
}

/* A folder without this file is one whose filling was interrupted: it is filled anew. */
static int fill_folder(struct daemon *daemon, struct err *err)
{
    struct daemon_self *self = &daemon->self;
    const char *done = arena_printf(self->arena, "%s/prepared", self->dir).p;
    if (path_exists(done))
        return make_folder(daemon, err) || daemon_give(self->data, self->user, err);
    tree_remove(self->data);
    if (make_folder(daemon, err) || daemon_give(self->data, self->user, err) ||
        (daemon->kind->prepare && daemon->kind->prepare(self, err)))
        return -1;
    return file_write_atomic(done, STR("yes\n"), 0600, err);
}

/* What it printed last, where it did not come up. */
static int daemon_why(struct daemon *daemon, const char *what, struct err *err)
{
    enum { TAIL = 300 };
    struct str text = STR_EMPTY;
    struct err ignored = ERR_INIT;
    const char *log = arena_printf(&daemon->run, "%s/log", daemon->self.dir).p;
    file_read(&daemon->run, log, 0, &text, &ignored);
    text = str_trim(text);
    return err_set(err, ERR_FAILED, "%s %s; its log %s ends with: %.*s", daemon->kind->title, what, log,
        STR_ARG(str_slice(text, text.n > TAIL ? text.n - TAIL : 0, text.n)));
}

static int await_ready(struct daemon *daemon, struct err *err)
{
    int64_t most = daemon->kind->start_ms ? daemon->kind->start_ms : START_MS;
    int64_t until = clock_mono_ms() + most, pause = FIRST_LOOK_MS;
    while (!daemon->kind->ready(&daemon->self)) {
        if (!daemon_lives(daemon))
            return daemon_why(daemon, "ended instead of answering", err);
        if (clock_mono_ms() > until)
            return daemon_why(daemon, "does not answer", err);
        if (!services_sleep(daemon->all->services, pause))
            return err_set(err, ERR_INTERRUPTED, "the sandbox is ending");
        pause = pause * 2 > LAST_LOOK_MS ? LAST_LOOK_MS : pause * 2;
    }
    return daemon->kind->started ? daemon->kind->started(&daemon->self, err) : 0;
}

static int launch(struct daemon *daemon, struct err *err)
{
    const char *log = arena_printf(&daemon->run, "%s/log", daemon->self.dir).p;
    daemon->log = open(log, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    if (daemon->log < 0)
        return err_errno(err, ERR_IO, "cannot write %s", log);
    if (process_switch_init(&daemon->stop, err)) {
        close(daemon->log);
        return -1;
    }
    pthread_mutex_lock(&daemon->all->lock);
    bool stopping = daemon->all->stopping;
    daemon->alive = !stopping;
    pthread_mutex_unlock(&daemon->all->lock);
    if (!stopping && !services_thread(daemon->all->services, run_daemon, daemon))
        return 0;
    pthread_mutex_lock(&daemon->all->lock);
    daemon->alive = false;
    pthread_mutex_unlock(&daemon->all->lock);
    process_switch_release(&daemon->stop);
    close(daemon->log);
    return err_set(err, ERR_INTERRUPTED, "the sandbox is ending");
}

/* Asks the process to end, and waits for it. */
static void daemon_end(struct daemon *daemon)
{
    struct daemons *daemons = daemon->all;
    pthread_mutex_lock(&daemons->lock);
    if (daemon->alive)
        process_stop(&daemon->stop, false);
    while (daemon->alive)
        pthread_cond_wait(&daemons->changed, &daemons->lock);
    pthread_mutex_unlock(&daemons->lock);
}

static int daemon_start(struct daemon *daemon, const struct value *settings, struct err *err)
{
    struct daemons *daemons = daemon->all;
    arena_release(&daemon->run);
    daemon->self = (struct daemon_self){.arena = &daemon->run, .services = daemons->services};
    struct daemon_self *self = &daemon->self;
    self->program = daemon->kind->find(&daemon->run);
    if (!self->program)
        return daemon_missing(daemon->kind, err);
    self->name = daemon->name;
    self->settings = settings ? value_copy(&daemon->run, settings) : &value_empty_map;
    self->dir = folder_of(daemons, &daemon->run, daemon->name);
    self->data = daemon_data(daemons, &daemon->run, daemon->name);
    self->user = daemon_user(daemon->kind);
    self->seen_data = self->user ? DAEMON_DATA : self->data;
    if (fill_folder(daemon, err) || daemon_ports(self, daemon->kind->ports, err) ||
        daemon->kind->command(self, &daemon->command, err) || launch(daemon, err))
        return -1;
    if (!await_ready(daemon, err))
        return 0;
    daemon_end(daemon);
    return -1;
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

bool daemon_runs(struct daemons *daemons, struct str name)
{
    pthread_mutex_lock(&daemons->lock);
    const struct daemon *daemon = daemon_find(daemons, name);
    bool runs = daemon && daemon->state == RUNNING;
    pthread_mutex_unlock(&daemons->lock);
    return runs;
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
    tree_remove(folder_of(daemons, &arena, name));
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
