/* One start of a daemon: its folder, its process, waiting until it answers. */
#include "sandbox/daemon/daemon_state.h"

#include "base/clock.h"
#include "base/file.h"
#include "sandbox/engine/installed.h"

#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

enum {
    START_MS = 60000,
    GRACE_MS = 5000,
    FIRST_LOOK_MS = 5, /* between two looks whether it answers; each is longer than the one before, up to: */
    LAST_LOOK_MS = 100,
};

/* ---- its process ---- */

static void keep_output(void *ctx, enum process_stream stream UNUSED, const char *bytes, size_t n)
{
    const struct daemon *daemon = ctx;
    fd_write_all(daemon->log, bytes, n, NULL, "log");
}

static void run_daemon(void *ctx)
{
    struct daemon *daemon = ctx;
    AUTO_ARENA struct arena arena = ARENA_INIT;
    struct process_end end;
    struct environment {
        const char *items[64];
    } env = {0};
    size_t n = 0;
    const char *library = getenv("LD_LIBRARY_PATH");
    env.items[n++] = arena_printf(&arena, "PATH=%s", installed_path()).p;
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
    process_run(&options, &daemon->stop, &end, ERR_IGNORED);
    AUTO_UNLOCK pthread_mutex_t *held = mutex_hold(&daemon->all->lock);
    daemon->alive = false;
    process_switch_release(&daemon->stop);
    close(daemon->log);
    if (daemon->state == RUNNING) /* by itself; otherwise who starts or ends it says what it is */
        daemon->state = RESTING;
    pthread_cond_broadcast(&daemon->all->changed);
}

static bool daemon_lives(struct daemon *daemon)
{
    AUTO_UNLOCK pthread_mutex_t *held = mutex_hold(&daemon->all->lock);
    return daemon->alive;
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
    const char *log = arena_printf(&daemon->run, "%s/log", daemon->self.dir).p;
    file_read(&daemon->run, log, 0, &text, ERR_IGNORED);
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
void daemon_end(struct daemon *daemon)
{
    struct daemons *daemons = daemon->all;
    AUTO_UNLOCK pthread_mutex_t *held = mutex_hold(&daemons->lock);
    if (daemon->alive)
        process_stop(&daemon->stop, false);
    while (daemon->alive)
        pthread_cond_wait(&daemons->changed, &daemons->lock);
}

int daemon_start(struct daemon *daemon, const struct value *settings, struct err *err)
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
    self->dir = daemon_folder(daemons, &daemon->run, daemon->name);
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
