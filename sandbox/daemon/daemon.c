/* Daemons: see daemon.h. */
#include "sandbox/daemon/daemon.h"

#include "base/clock.h"
#include "base/file.h"
#include "base/mem.h"
#include "sandbox/engine/script.h"

#include <arpa/inet.h>
#include <ftw.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

/* ---- programs that refuse to run as root run as another user, who has no access to the sandbox's folder
 * ---- */

struct account {
    uid_t uid;
    gid_t gid;
};

/* Several daemons start at the same time: getpwnam() would share one buffer among their threads. */
static bool find_account(const char *user, struct account *out)
{
    char text[4096];
    struct passwd entry, *found = NULL;
    if (getpwnam_r(user, &entry, text, sizeof text, &found) || !found)
        return false;
    *out = (struct account){found->pw_uid, found->pw_gid};
    return true;
}

/* Returns the user of the process, or NULL for the sandbox's user. */
static const char *daemon_user(const struct daemon_kind *kind)
{
    struct account unused;
    if (!kind->user || geteuid() != 0)
        return NULL;
    return find_account(kind->user, &unused) ? kind->user : "nobody";
}

static _Thread_local struct account owner; /* nftw() has no context argument */

static int give_entry(const char *path, const struct stat *st UNUSED, int kind UNUSED, struct FTW *ftw UNUSED)
{
    return lchown(path, owner.uid, owner.gid);
}

int daemon_set_owner(const char *folder, const char *user, struct err *err)
{
    if (!user)
        return 0;
    if (!find_account(user, &owner))
        return err_set(err, ERR_FAILED, "there is no user %s on this machine", user);
    if (nftw(folder, give_entry, 16, FTW_PHYS))
        return err_errno(err, ERR_IO, "cannot give %s to %s", folder, user);
    return 0;
}

/* setpriv sets the user and the parent death signal together, last: changing the user clears the signal. */
static const char as_user[] =
    "exec 9<\"$1\" || exit 1; user=$2; shift 2; cd / && exec setpriv --reuid \"$user\" --regid "
    "\"$(id -g \"$user\")\" --clear-groups --pdeathsig KILL -- \"$@\"";

/* Wraps a command so that it runs as the daemon's user. */
static const char *const *daemon_as(const struct daemon_self *self, const char *const *argv)
{
    size_t n = 0, at = 0;
    if (!self->user)
        return argv;
    while (argv[n])
        n++;
    const char **all = ARENA_ARRAY(self->arena, const char *, n + 8);
    all[at++] = "/bin/sh";
    all[at++] = "-c";
    all[at++] = as_user;
    all[at++] = "daemon";
    all[at++] = self->data;
    all[at++] = self->user;
    memcpy(all + at, argv, n * sizeof *argv);
    return all;
}

/* ---- programs and ports of the machine; a program run before the start ---- */

enum { RUN_MS = 120000, MAX_PORTS = 256, MAX_OUTPUT = 64 * 1024 };

/* "PostgreSQL 14 or newer is not installed on this machine (apt-get install postgresql)" */
static int daemon_missing(const struct daemon_kind *kind, struct err *err)
{
    return err_set(err, ERR_FAILED, "%s is not installed on this machine (%s)", kind->title, kind->install);
}

/* ---- ports ---- */

static struct sockaddr_in loopback(uint16_t port)
{
    return (struct sockaddr_in){
        .sin_family = AF_INET, .sin_port = htons(port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
}

bool daemon_port_answers(uint16_t port)
{
    const struct sockaddr_in to = loopback(port);
    AUTO_FD int fd = system_socket(AF_INET, 0);
    return fd >= 0 && connect(fd, (const struct sockaddr *)&to, sizeof to) == 0;
}

/* Returns `wanted` if it is free, otherwise any free port. 0: any. */
static uint16_t free_port(uint16_t wanted)
{
    struct sockaddr_in at = loopback(wanted);
    socklen_t n = sizeof at;
    const int yes = 1;
    AUTO_FD int fd = system_socket(AF_INET, 0);
    if (fd < 0)
        return 0;
    setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof yes);
    if (bind(fd, (const struct sockaddr *)&at, sizeof at) || getsockname(fd, (struct sockaddr *)&at, &n))
        return wanted ? free_port(0) : 0;
    return ntohs(at.sin_port);
}

/* Chooses the daemon's ports: those of the last start unless they are in use. */
static int daemon_ports(struct daemon_self *self, size_t count, struct err *err)
{
    struct str text = STR_EMPTY;
    char line[64] = "";
    int n = 0;
    if (!count)
        return 0;
    const char *file = arena_printf(self->arena, "%s/ports", self->dir).p;
    file_read(self->arena, file, MAX_PORTS, &text, ERR_IGNORED);
    for (size_t i = 0; i < count && i < DAEMON_PORTS; i++) {
        int64_t before = 0;
        str_to_int(str_trim(str_cut(text, ' ', &text)), &before);
        self->ports[i] = free_port(before > 0 && before < 65536 ? (uint16_t)before : 0);
        if (!self->ports[i])
            return err_set(err, ERR_IO, "no port is free on 127.0.0.1");
        n += snprintf(line + n, sizeof line - (size_t)n, "%u ", (unsigned)self->ports[i]);
    }
    return file_write_atomic(file, str_n(line, (size_t)n), 0600, err);
}

/* ---- before the start ---- */

int daemon_run(const struct daemon_self *self, const char *const *argv, struct err *err)
{
    AUTO_BUF struct buf output = BUF_INIT;
    const char *const env[] = {arena_printf(self->arena, "PATH=%s", installed_path()).p, "LANG=C.UTF-8",
        "TZ=UTC", arena_printf(self->arena, "HOME=%s", self->seen_data).p, NULL};
    const struct process_options options = {.argv = daemon_as(self, argv),
        .env = env,
        .dir = self->data,
        .family = services_family(self->services),
        .timeout_ms = RUN_MS,
        .max_output = MAX_OUTPUT,
        .output = process_take,
        .ctx = &output};
    struct process_end end;
    int status = process_run_alone(&options, &end, err);
    if (!status && end.exit_code != 0)
        status = err_set(err, ERR_FAILED, "%s failed: %.*s", argv[0], STR_ARG(str_trim(buf_str(&output))));
    return status;
}

enum {
    START_MS = 60000,
    GRACE_MS = 5000,
    FIRST_LOOK_MS = 5, /* interval of readiness checks, doubled each time up to LAST_LOOK_MS */
    LAST_LOOK_MS = 100,
};

/* ---- process ---- */

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
    if (daemon->state == RUNNING) /* otherwise another thread sets the state */
        daemon->state = STOPPED;
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

/* Prepares the data folder. Without the file `prepared`, an earlier preparation was interrupted and is
 * repeated. */
static int fill_folder(struct daemon *daemon, struct err *err)
{
    struct daemon_self *self = &daemon->self;
    const char *done = arena_printf(self->arena, "%s/prepared", self->dir).p;
    if (path_exists(done))
        return make_folder(daemon, err) || daemon_set_owner(self->data, self->user, err);
    tree_remove(self->data);
    if (make_folder(daemon, err) || daemon_set_owner(self->data, self->user, err) ||
        (daemon->kind->prepare && daemon->kind->prepare(self, err)))
        return -1;
    return file_write_atomic(done, STR("yes\n"), 0600, err);
}

/* Reports a failed start with the end of the daemon's output. */
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

static bool is_ready(const struct daemon *daemon)
{
    return daemon->kind->ready ? daemon->kind->ready(&daemon->self)
                               : daemon_port_answers(daemon->self.ports[0]);
}

static int await_ready(struct daemon *daemon, struct err *err)
{
    int64_t most = daemon->kind->start_ms ? daemon->kind->start_ms : START_MS;
    int64_t until = clock_mono_ms() + most, pause = FIRST_LOOK_MS;
    while (!is_ready(daemon)) {
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

/* Ends the process and waits for it. */
static void daemon_end(struct daemon *daemon)
{
    struct daemons *daemons = daemon->all;
    AUTO_UNLOCK pthread_mutex_t *held = mutex_hold(&daemons->lock);
    if (daemon->alive)
        process_stop(&daemon->stop, false);
    while (daemon->alive)
        pthread_cond_wait(&daemons->changed, &daemons->lock);
}

/* Returns DIR/daemons/NAME. */
static const char *daemon_folder(const struct daemons *daemons, struct arena *arena, struct str name)
{
    return arena_printf(
        arena, "%s/daemons/%.*s", sandbox_dir(services_sandbox(daemons->services)), STR_ARG(name))
        .p;
}

/* Starts a daemon whose state the caller has set to STARTING; called without the lock. */
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

const char *daemon_data(struct daemons *daemons, struct arena *arena, struct str name)
{
    return arena_printf(arena, "%s/data", daemon_folder(daemons, arena, name)).p;
}

/* Called with the lock held. */
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

/* ---- public functions ---- */

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

/* Waits until no thread starts or ends the daemon; called with the lock held. */
static void await_stable(struct daemons *daemons, struct str name)
{
    for (const struct daemon *d;
         (d = daemon_find(daemons, name)) && (d->state == STARTING || d->state == ENDING);)
        pthread_cond_wait(&daemons->changed, &daemons->lock);
}

int daemon_require(struct daemons *daemons, const struct daemon_kind *kind, struct str name,
    const struct value *settings, struct arena *arena, struct daemon_self *out, struct err *err)
{
    int status = 0;
    pthread_mutex_lock(&daemons->lock);
    await_stable(daemons, name);
    struct daemon *daemon = daemon_find(daemons, name);
    daemon = daemon ? daemon : daemon_add(daemons, kind, name);
    if (daemon->state == STOPPED) {
        daemon->state = STARTING;
        pthread_mutex_unlock(&daemons->lock);
        status = daemon_start(daemon, settings, err);
        pthread_mutex_lock(&daemons->lock);
        daemon->state = status || !daemon->alive ? STOPPED : RUNNING;
        pthread_cond_broadcast(&daemons->changed);
    }
    if (!status && out)
        copy_self(arena, &daemon->self, out);
    pthread_mutex_unlock(&daemons->lock);
    return status;
}

/* Ends a daemon and leaves it ENDING, so that it cannot be started. NULL: it was never started. */
static struct daemon *take_down(struct daemons *daemons, struct str name)
{
    pthread_mutex_lock(&daemons->lock);
    await_stable(daemons, name);
    struct daemon *daemon = daemon_find(daemons, name);
    if (daemon)
        daemon->state = ENDING;
    pthread_mutex_unlock(&daemons->lock);
    if (daemon)
        daemon_end(daemon);
    return daemon;
}

void daemon_stop(struct daemons *daemons, struct str name)
{
    struct daemon *daemon = take_down(daemons, name);
    if (daemon)
        daemon_become(daemon, STOPPED);
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
