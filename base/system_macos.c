/* The functions of system.h for macOS, and those of glibc and musl that system_macos.h declares. */
#include "base/file.h"
#include "base/mem.h"
#include "base/spawn.h"
#include "base/system.h"

#include <errno.h>
#include <libproc.h>
#include <mach-o/dyld.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <stdio.h>
#include <sys/event.h>
#include <sys/sysctl.h>
#include <unistd.h>

/* ---- processes by their environment, from sysctl(3) ---- */

enum { PASSES = 100 }; /* over all processes: the child of one that forks meanwhile is found in the next */

/* Reads the arguments and environment given to execve(). False: another user's process, or it has ended. */
static bool read_environment(pid_t process, struct buf *out)
{
    int name[] = {CTL_KERN, KERN_PROCARGS2, process}, of_all[] = {CTL_KERN, KERN_ARGMAX}, most = 0;
    size_t n = sizeof most;
    if (sysctl(of_all, 2, &most, &n, NULL, 0) || most <= 0)
        return false;
    char *bytes = mem_alloc(n = (size_t)most);
    bool known = !sysctl(name, 3, bytes, &n, NULL, 0);
    buf_clear(out);
    if (known)
        buf_add(out, bytes, n);
    free(bytes);
    return known;
}

/* Kills the marked processes and returns their number. A pid can be reused before the signal only if the
 * parent has waited for the process. */
static int end_all(struct str mark, struct buf *environment)
{
    int ended = 0, room = proc_listpids(PROC_UID_ONLY, geteuid(), NULL, 0) * 2;
    pid_t *all = mem_alloc((size_t)room);
    int n = proc_listpids(PROC_UID_ONLY, geteuid(), all, room) / (int)sizeof *all;
    for (int i = 0; i < n; i++)
        if (all[i] > 1 && all[i] != getpid() && read_environment(all[i], environment) &&
            memmem(environment->p, environment->n, mark.p, mark.n))
            ended += !kill(all[i], SIGKILL);
    free(all);
    return ended;
}

void process_end_marked(const char *mark)
{
    AUTO_BUF struct buf wanted = BUF_INIT;
    AUTO_BUF struct buf environment = BUF_INIT;
    buf_add_char(&wanted, '\0');
    buf_addf(&wanted, PROCESS_MARK "=%s", mark);
    for (int i = 0; i < PASSES && end_all(buf_str(&wanted), &environment); i++)
        usleep(1000);
}

/* ---- descriptors. Another thread may start a program before close-on-exec is set, which system_spawn()
 * handles. */

static int close_on_exec(int fd)
{
    if (fd >= 0)
        fcntl(fd, F_SETFD, FD_CLOEXEC);
    return fd;
}

static int prepare_socket(int fd, int flags)
{
    const int yes = 1;
    if (close_on_exec(fd) < 0)
        return -1;
    setsockopt(fd, SOL_SOCKET, SO_NOSIGPIPE, &yes, sizeof yes);
    fcntl(fd, F_SETFL, flags & O_NONBLOCK); /* accept() inherits the listener's */
    return fd;
}

int system_pipe(int ends[2])
{
    if (pipe(ends))
        return -1;
    close_on_exec(ends[0]);
    close_on_exec(ends[1]);
    return 0;
}

int system_pair(int ends[2], int flags)
{
    if (socketpair(AF_UNIX, SOCK_STREAM, 0, ends))
        return -1;
    prepare_socket(ends[0], flags);
    prepare_socket(ends[1], flags);
    return 0;
}

int system_socket(int family, int flags)
{
    return prepare_socket(socket(family, SOCK_STREAM, 0), flags);
}

int system_accept(int listening, int flags)
{
    return prepare_socket(accept(listening, NULL, NULL), flags);
}

void system_set_dead_ms(int fd, int ms)
{
    int seconds = (ms + 999) / 1000;
    setsockopt(fd, IPPROTO_TCP, TCP_RXT_CONNDROPTIME, &seconds, sizeof seconds);
}

/* Creates a file in the user's own folder for temporary files, and removes its name at once. */
int system_memory_file(void)
{
    char path[PATH_MAX];
    size_t n = confstr(_CS_DARWIN_USER_TEMP_DIR, path, sizeof path);
    if (!n || n > sizeof path)
        strcpy(path, "/tmp/");
    if (strlen(path) + sizeof "weirXXXXXX" > sizeof path) {
        errno = ENAMETOOLONG;
        return -1;
    }
    strcat(path, "weirXXXXXX");
    int fd = mkostemp(path, O_CLOEXEC);
    if (fd >= 0)
        unlink(path);
    return fd;
}

int system_put(int fd, int at)
{
    return close_on_exec(dup2(fd, at));
}

/* fsync() does not flush the disk's cache; it is used where the file system has no F_FULLFSYNC. */
int system_sync(int fd)
{
    return fcntl(fd, F_FULLFSYNC) ? fsync(fd) : 0;
}

int system_sync_data(int fd)
{
    return system_sync(fd);
}

void system_read_through(int fd)
{
    fcntl(fd, F_RDAHEAD, 1);
}

int system_path_of(int fd, char path[PATH_MAX])
{
    struct stat st;
    if (fstat(fd, &st))
        return -1;
    path[0] = '\0';
    return st.st_nlink ? fcntl(fd, F_GETPATH, path) : 0;
}

/* ---- processes ---- */

/* The limit is inherited, so it is set for this process during the start. A thread that writes more meanwhile
 * gets an error instead of the signal. */
static int spawn_limited(const struct spawn *spawn, const posix_spawn_file_actions_t *files,
    const posix_spawnattr_t *attr, pid_t *child)
{
    static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
    struct rlimit former;
    pthread_mutex_lock(&lock);
    int limited = spawn->max_file_bytes && !getrlimit(RLIMIT_FSIZE, &former);
    if (limited) {
        struct rlimit most = {(rlim_t)spawn->max_file_bytes, former.rlim_max};
        signal(SIGXFSZ, SIG_IGN);
        limited = !setrlimit(RLIMIT_FSIZE, &most);
    }
    int failed = posix_spawnp(child, spawn->args[0], files, attr, spawn->args, spawn->env);
    if (limited)
        setrlimit(RLIMIT_FSIZE, &former);
    pthread_mutex_unlock(&lock);
    return failed;
}

/* The child inherits only what `files` names, even descriptors without close-on-exec. */
int system_spawn(
    const struct spawn *spawn, posix_spawn_file_actions_t *files, posix_spawnattr_t *attr, pid_t *child)
{
    short flags;
    posix_spawnattr_getflags(attr, &flags);
    posix_spawnattr_setflags(attr, (short)(flags | POSIX_SPAWN_CLOEXEC_DEFAULT));
    return spawn_limited(spawn, files, attr, child);
}

static int queue_new(void)
{
    return close_on_exec(kqueue());
}

static int queue_change(int queue, uintptr_t ident, int16_t filter, uint16_t flags, uint32_t more)
{
    struct kevent change;
    EV_SET(&change, ident, filter, flags, more, 0, NULL);
    return kevent(queue, &change, 1, NULL, 0, NULL);
}

int system_watch_child(pid_t child)
{
    int queue = queue_new();
    if (queue >= 0 && queue_change(queue, (uintptr_t)child, EVFILT_PROC, EV_ADD, NOTE_EXIT)) {
        queue_change(queue, 0, EVFILT_USER, EV_ADD, 0); /* it has ended already */
        queue_change(queue, 0, EVFILT_USER, 0, NOTE_TRIGGER);
    }
    return queue;
}

static void *await_parent(void *parent)
{
    struct kevent event;
    int queue = queue_new();
    if (!queue_change(queue, (uintptr_t)parent, EVFILT_PROC, EV_ADD, NOTE_EXIT) &&
        getppid() == (pid_t)(uintptr_t)parent)
        while (kevent(queue, NULL, 0, &event, 1, NULL) < 0 && errno == EINTR)
            ;
    kill(getpid(), SIGINT);
    return NULL;
}

void system_end_with_parent(void)
{
    pthread_t thread;
    if (!pthread_create(&thread, NULL, await_parent, (void *)(uintptr_t)getppid()))
        pthread_detach(thread);
}

/* In libSystem, without a header; used by sandbox-exec(1). */
int sandbox_init(const char *profile, uint64_t flags, char **why);

int system_forbid_programs(void)
{
    char *why;
    if (!sandbox_init("(version 1)(allow default)(deny process-exec*)", 0, &why))
        return 0;
    errno = EPERM;
    return -1;
}

int64_t system_memory_of(pid_t process)
{
    struct proc_taskinfo info;
    int n = proc_pidinfo(process, PROC_PIDTASKINFO, 0, &info, sizeof info);
    return n == sizeof info ? (int64_t)info.pti_resident_size : 0;
}

int64_t system_most_memory(const struct rusage *usage)
{
    return usage->ru_maxrss / 1024;
}

static char program[PATH_MAX];

static void find_program(void)
{
    char named[PATH_MAX];
    uint32_t room = sizeof named;
    if (_NSGetExecutablePath(named, &room) || !realpath(named, program))
        strcpy(program, "weir");
}

const char *system_program(void)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    pthread_once(&once, find_program);
    return program;
}

int system_program_files(int (*take)(void *ctx, const char *path) UNUSED, void *ctx UNUSED)
{
    return -1;
}

/* ---- owner of a connection: searched in the sockets of all processes of this user ---- */

static bool is_peer(pid_t process, int fd, const struct sockaddr_in *peer, uint16_t port)
{
    struct socket_fdinfo info;
    if (proc_pidfdinfo(process, fd, PROC_PIDFDSOCKETINFO, &info, sizeof info) != sizeof info ||
        info.psi.soi_kind != SOCKINFO_TCP)
        return false;
    const struct in_sockinfo *tcp = &info.psi.soi_proto.pri_tcp.tcpsi_ini;
    return (uint16_t)tcp->insi_lport == peer->sin_port && ntohs((uint16_t)tcp->insi_fport) == port;
}

/* Calls `list` with growing memory until everything fits. */
static void *list_of(int (*list)(pid_t process, void *out, int room), pid_t process, int *bytes)
{
    int room = 4096;
    for (void *out = NULL;; room *= 2) {
        free(out);
        out = mem_alloc((size_t)room);
        *bytes = list(process, out, room);
        if (*bytes < room)
            return out;
    }
}

static int list_own(pid_t process UNUSED, void *out, int room)
{
    return proc_listpids(PROC_UID_ONLY, geteuid(), out, room);
}

static int list_descriptors(pid_t process, void *out, int room)
{
    return proc_pidinfo(process, PROC_PIDLISTFDS, 0, out, room);
}

static bool has_peer(pid_t process, const struct sockaddr_in *peer, uint16_t port)
{
    int bytes;
    bool found = false;
    struct proc_fdinfo *all = list_of(list_descriptors, process, &bytes);
    for (int i = 0; !found && i < bytes / (int)sizeof *all; i++)
        found = all[i].proc_fdtype == PROX_FDTYPE_SOCKET && is_peer(process, all[i].proc_fd, peer, port);
    free(all);
    return found;
}

bool system_peer_is_own(const struct sockaddr_in *peer, uint16_t port)
{
    int bytes;
    bool found = false;
    pid_t *all = list_of(list_own, 0, &bytes);
    for (int i = 0; !found && i < bytes / (int)sizeof *all; i++)
        found = has_peer(all[i], peer, port);
    free(all);
    return found;
}

/* ---- waiting ---- */

void system_cond_init(pthread_cond_t *cond)
{
    pthread_cond_init(cond, NULL);
}

int system_cond_wait(pthread_cond_t *cond, pthread_mutex_t *mutex, const struct timespec *until)
{
    struct timespec now, left = {0};
    clock_gettime(CLOCK_MONOTONIC, &now);
    int64_t ns = (int64_t)(until->tv_sec - now.tv_sec) * 1000000000 + until->tv_nsec - now.tv_nsec;
    if (ns > 0)
        left = (struct timespec){.tv_sec = ns / 1000000000, .tv_nsec = ns % 1000000000};
    return pthread_cond_timedwait_relative_np(cond, mutex, &left);
}

int system_wake_new(void)
{
    int queue = queue_new();
    if (queue >= 0)
        queue_change(queue, 0, EVFILT_USER, EV_ADD | EV_CLEAR, 0);
    return queue;
}

void system_wake(int fd)
{
    queue_change(fd, 0, EVFILT_USER, 0, NOTE_TRIGGER);
}

void system_wake_clear(int fd)
{
    struct kevent event;
    const struct timespec none = {0};
    kevent(fd, NULL, 0, &event, 1, &none);
}

int system_poller_new(void)
{
    return queue_new();
}

/* Deleting a filter that was not set fails, which is ignored. */
int system_poller_set(int poller, int fd, short events)
{
    int failed = 0;
    if (!(events & POLLIN))
        queue_change(poller, (uintptr_t)fd, EVFILT_READ, EV_DELETE, 0);
    if (!(events & POLLOUT))
        queue_change(poller, (uintptr_t)fd, EVFILT_WRITE, EV_DELETE, 0);
    if (events & POLLIN)
        failed |= queue_change(poller, (uintptr_t)fd, EVFILT_READ, EV_ADD, 0);
    if (events & POLLOUT)
        failed |= queue_change(poller, (uintptr_t)fd, EVFILT_WRITE, EV_ADD, 0);
    return failed;
}

int system_poller_wait(int poller, struct system_event *events, int room, int limit_ms)
{
    struct kevent many[SYSTEM_EVENTS];
    struct timespec limit = {.tv_sec = limit_ms / 1000, .tv_nsec = limit_ms % 1000 * 1000000L};
    int n = kevent(
        poller, NULL, 0, many, room < SYSTEM_EVENTS ? room : SYSTEM_EVENTS, limit_ms < 0 ? NULL : &limit);
    for (int i = 0; i < n; i++) {
        short is = many[i].filter == EVFILT_WRITE ? POLLOUT : POLLIN;
        bool broken = many[i].flags & EV_EOF && (many[i].fflags || is == POLLOUT);
        events[i] = (struct system_event){(int)many[i].ident, (short)(is | (broken ? POLLERR : 0))};
    }
    return n;
}

/* ---- functions of glibc and musl ---- */

void *memrchr(const void *bytes, int c, size_t n)
{
    for (const unsigned char *first = bytes, *at = first + n; at > first;)
        if (*--at == (unsigned char)c)
            return (void *)(uintptr_t)at;
    return NULL;
}

struct sorting {
    int (*compare)(const void *, const void *, void *);
    void *ctx;
};

static int compare_two(void *ctx, const void *a, const void *b)
{
    const struct sorting *sorting = ctx;
    return sorting->compare(a, b, sorting->ctx);
}

#undef qsort_r

void system_qsort_r(
    void *items, size_t n, size_t size, int (*compare)(const void *, const void *, void *), void *ctx)
{
    struct sorting sorting = {compare, ctx};
    qsort_r(items, n, size, &sorting, compare_two);
}
