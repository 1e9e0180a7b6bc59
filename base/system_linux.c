/* The functions of system.h for Linux. */
#include "base/file.h"
#include "base/spawn.h"
#include "base/system.h"

#include <errno.h>
#include <link.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

/* ---- processes by their environment, from /proc ---- */

enum {
    PASSES = 100, /* over all processes: the child of one that forks meanwhile is found in the next */
    STARTS = 500, /* further ones, a millisecond apart, while processes are still starting */
    MAX_ENVIRONMENT = 4 * 1024 * 1024,
};

enum look { OTHER, STARTING, ENDED };

/* Reads a file of the process, after a NUL. False: another user's process, or it has ended. */
static bool read_process(const char *pid, const char *file, struct buf *out)
{
    char path[64], block[16384];
    ssize_t n;
    snprintf(path, sizeof path, "/proc/%s/%s", pid, file);
    AUTO_FD int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return false;
    buf_clear(out);
    buf_add_char(out, '\0');
    while ((n = read(fd, block, sizeof block)) > 0)
        buf_add(out, block, (size_t)n);
    return true;
}

/* Returns the number in a field of proc_pid_stat(5), counted from 1. The second field, the name, may have any
 * characters. */
static unsigned long long stat_field(const struct buf *stat, int field)
{
    const char *at = memrchr(stat->p, ')', stat->n);
    for (int i = 2; at && i < field; i++)
        at = strchr(at + 1, ' ');
    return at ? strtoull(at, NULL, 10) : 0;
}

/*
 * True if the process is in execve(): it has memory but no environment yet, or it is a child with still this
 * process's environment. posix_spawn() may return before and between these two states.
 */
static bool is_starting(const char *pid, struct buf *stat)
{
    enum { PARENT = 4, VSIZE = 23, ENV_END = 51 };
    if (!read_process(pid, "stat", stat))
        return false;
    unsigned long long memory = stat_field(stat, VSIZE), end = stat_field(stat, ENV_END);
    bool child = stat_field(stat, PARENT) == (unsigned long long)getpid();
    return memory &&
           (!end || (child && read_process("self", "stat", stat) && end == stat_field(stat, ENV_END)));
}

struct search {
    struct str mark;             /* preceded by the NUL that is before a variable */
    struct buf environment, own; /* of the examined process; of this process */
};

static bool may_be_starting(const struct search *s)
{
    const struct buf *e = &s->environment;
    return e->n == 1 || (e->n == s->own.n && memcmp(e->p, s->own.p, e->n) == 0);
}

/* Kills a marked process. Its pidfd is opened before its environment is read, so that the signal cannot reach
 * another process. */
static enum look end_if_marked(struct search *s, const char *name)
{
    pid_t pid = (pid_t)strtol(name, NULL, 10);
    if (pid <= 1 || pid == getpid())
        return OTHER;
    AUTO_FD int fd = (int)syscall(SYS_pidfd_open, pid, 0);
    if (fd < 0 || !read_process(name, "environ", &s->environment))
        return OTHER;
    if (may_be_starting(s)) {
        if (is_starting(name, &s->environment))
            return STARTING;
        /* If execve() completed between the two checks, the process has its own environment now. */
        if (!read_process(name, "environ", &s->environment))
            return OTHER;
    }
    if (!memmem(s->environment.p, s->environment.n, s->mark.p, s->mark.n))
        return OTHER;
    return syscall(SYS_pidfd_send_signal, fd, SIGKILL, NULL, 0) == 0 ? ENDED : OTHER;
}

void process_end_marked(const char *mark)
{
    AUTO_BUF struct buf wanted = BUF_INIT;
    buf_add_char(&wanted, '\0');
    buf_addf(&wanted, PROCESS_MARK "=%s", mark);
    struct search s = {
        .mark = buf_str(&wanted), .environment.max = MAX_ENVIRONMENT, .own.max = MAX_ENVIRONMENT};
    read_process("self", "environ", &s.own);
    bool again = true;
    for (int passes = 0, starts = 0; again && passes < PASSES && starts < STARTS;) {
        int looks[] = {[OTHER] = 0, [STARTING] = 0, [ENDED] = 0};
        AUTO_DIR DIR *processes = opendir("/proc");
        for (struct dirent *entry; processes && (entry = readdir(processes));)
            if (entry->d_name[0] >= '1' && entry->d_name[0] <= '9')
                looks[end_if_marked(&s, entry->d_name)]++;
        again = looks[ENDED] || looks[STARTING];
        if (looks[ENDED])
            passes++;
        else if (looks[STARTING]) {
            starts++;
            usleep(1000);
        }
    }
    buf_release(&s.environment);
    buf_release(&s.own);
}

/* ---- descriptors ---- */

static int kind_of(int flags)
{
    return SOCK_STREAM | SOCK_CLOEXEC | (flags & O_NONBLOCK ? SOCK_NONBLOCK : 0);
}

int system_pipe(int ends[2])
{
    return pipe2(ends, O_CLOEXEC);
}

int system_pair(int ends[2], int flags)
{
    return socketpair(AF_UNIX, kind_of(flags), 0, ends);
}

int system_socket(int family, int flags)
{
    return socket(family, kind_of(flags), 0);
}

int system_accept(int listening, int flags)
{
    return accept4(listening, NULL, NULL, kind_of(flags) & ~SOCK_STREAM);
}

void system_set_dead_ms(int fd, int ms)
{
    setsockopt(fd, IPPROTO_TCP, TCP_USER_TIMEOUT, &ms, sizeof ms);
}

int system_memory_file(void)
{
    return memfd_create("weir", MFD_CLOEXEC);
}

int system_put(int fd, int at)
{
    return dup3(fd, at, O_CLOEXEC);
}

int system_sync(int fd)
{
    return fsync(fd);
}

int system_sync_data(int fd)
{
    return fdatasync(fd);
}

void system_read_through(int fd)
{
    posix_fadvise(fd, 0, 0, POSIX_FADV_SEQUENTIAL);
}

int system_path_of(int fd, char path[PATH_MAX])
{
    char name[32];
    snprintf(name, sizeof name, "/proc/self/fd/%d", fd);
    ssize_t n = readlink(name, path, PATH_MAX - 1);
    if (n < 0)
        return -1;
    path[strncmp(path, "/memfd:", strlen("/memfd:")) ? n : 0] = '\0';
    return 0;
}

/* ---- processes ---- */

/* Closes all other descriptors in the child. musl cannot: there they are marked close-on-exec here, which
 * does no harm, since the given ones are duplicated by dup2(). */
static void close_others(posix_spawn_file_actions_t *files)
{
#ifdef __GLIBC__
    posix_spawn_file_actions_addclosefrom_np(files, STDERR_FILENO + 1);
#else
    enum { ON_EXEC = 4, MOST_OPEN = 65536 }; /* CLOSE_RANGE_CLOEXEC, which older headers lack */
    (void)files;
    if (!syscall(SYS_close_range, STDERR_FILENO + 1, ~0U, ON_EXEC))
        return;
    long most = sysconf(_SC_OPEN_MAX); /* before Linux 5.11 */
    for (int fd = STDERR_FILENO + 1; fd < (most < MOST_OPEN ? most : MOST_OPEN); fd++)
        fcntl(fd, F_SETFD, FD_CLOEXEC);
#endif
}

int system_spawn(
    const struct spawn *spawn, posix_spawn_file_actions_t *files, posix_spawnattr_t *attr, pid_t *child)
{
    struct rlimit most = {(rlim_t)spawn->max_file_bytes, (rlim_t)spawn->max_file_bytes};
    close_others(files);
    int failed = posix_spawnp(child, spawn->args[0], files, attr, spawn->args, spawn->env);
    if (!failed && spawn->max_file_bytes)
        prlimit(*child, RLIMIT_FSIZE, &most, NULL); /* the program has hardly begun */
    return failed;
}

int system_watch_child(pid_t child)
{
    return (int)syscall(SYS_pidfd_open, child, 0);
}

void system_end_with_parent(void)
{
    prctl(PR_SET_PDEATHSIG, SIGINT);
}

#if defined(__x86_64__)
#define OWN_ARCH AUDIT_ARCH_X86_64
#elif defined(__aarch64__)
#define OWN_ARCH AUDIT_ARCH_AARCH64
#endif

/* Installs a seccomp filter. Calls by another architecture's numbers are all refused, and so are those of
 * x32. */
int system_forbid_programs(void)
{
#ifdef OWN_ARCH
    enum { REFUSED = SECCOMP_RET_ERRNO | EPERM, X32_BIT = 0x40000000 };
    struct sock_filter filter[] = {
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, arch)),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, OWN_ARCH, 0, 4),
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
        BPF_JUMP(BPF_JMP | BPF_JGE | BPF_K, X32_BIT, 2, 0),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_execve, 1, 0),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_execveat, 0, 1),
        BPF_STMT(BPF_RET | BPF_K, REFUSED),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
    };
    struct sock_fprog program = {sizeof filter / sizeof *filter, filter};
    if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0))
        return -1;
    return prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program);
#else
    errno = ENOSYS;
    return -1;
#endif
}

int64_t system_memory_of(pid_t process)
{
    char path[64], text[128] = "";
    long long whole, pages = 0;
    snprintf(path, sizeof path, "/proc/%d/statm", (int)process);
    AUTO_FD int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0 || read(fd, text, sizeof text - 1) <= 0 || sscanf(text, "%lld %lld", &whole, &pages) != 2)
        return 0;
    return (int64_t)pages * sysconf(_SC_PAGESIZE);
}

int64_t system_most_memory(const struct rusage *usage)
{
    return usage->ru_maxrss;
}

const char *system_program(void)
{
    return "/proc/self/exe";
}

struct taking {
    int (*take)(void *ctx, const char *path);
    void *ctx;
};

/* An entry without a path is the program itself, or the kernel's. */
static int take_library(struct dl_phdr_info *info, size_t size UNUSED, void *ctx)
{
    const struct taking *taking = ctx;
    return info->dlpi_name[0] == '/' ? taking->take(taking->ctx, info->dlpi_name) : 0;
}

int system_program_files(int (*take)(void *ctx, const char *path), void *ctx)
{
    struct taking taking = {take, ctx};
    int status = take(ctx, system_program());
    return status ? status : dl_iterate_phdr(take_library, &taking);
}

/* Reads lines of proc_pid_net(5): "1: 0100007F:B6C2 0100007F:1F90 01 00000000:00000000 00:00000000 00000000
 * 1000 …" */
bool system_peer_is_own(const struct sockaddr_in *peer, uint16_t port)
{
    char line[512];
    FILE *table = fopen("/proc/self/net/tcp", "re");
    if (!table)
        return true;
    bool own = false, found = false;
    while (!found && fgets(line, sizeof line, table)) {
        unsigned local, local_port, remote, remote_port, user;
        found = sscanf(line, " %*u: %x:%x %x:%x %*x %*x:%*x %*x:%*x %*x %u", &local, &local_port, &remote,
                    &remote_port, &user) == 5 &&
                local == peer->sin_addr.s_addr && local_port == ntohs(peer->sin_port) && remote_port == port;
        own = found && user == geteuid();
    }
    fclose(table);
    return own;
}

/* ---- waiting ---- */

void system_cond_init(pthread_cond_t *cond)
{
    pthread_condattr_t monotonic;
    pthread_condattr_init(&monotonic);
    pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
    pthread_cond_init(cond, &monotonic);
    pthread_condattr_destroy(&monotonic);
}

int system_cond_wait(pthread_cond_t *cond, pthread_mutex_t *mutex, const struct timespec *until)
{
    return pthread_cond_timedwait(cond, mutex, until);
}

int system_wake_new(void)
{
    return eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
}

void system_wake(int fd)
{
    eventfd_write(fd, 1); /* a full counter is readable as well */
}

void system_wake_clear(int fd)
{
    eventfd_t unused;
    eventfd_read(fd, &unused);
}

int system_poller_new(void)
{
    return epoll_create1(EPOLL_CLOEXEC);
}

int system_poller_set(int poller, int fd, short events)
{
    struct epoll_event event = {.data.fd = fd, .events = (uint32_t)events}; /* the same bits as poll() */
    if (!events)
        return epoll_ctl(poller, EPOLL_CTL_DEL, fd, NULL);
    int failed = epoll_ctl(poller, EPOLL_CTL_ADD, fd, &event);
    return failed && errno == EEXIST ? epoll_ctl(poller, EPOLL_CTL_MOD, fd, &event) : failed;
}

int system_poller_wait(int poller, struct system_event *events, int room, int limit_ms)
{
    struct epoll_event many[SYSTEM_EVENTS];
    int n = epoll_wait(poller, many, room < SYSTEM_EVENTS ? room : SYSTEM_EVENTS, limit_ms);
    for (int i = 0; i < n; i++) {
        uint32_t bits = many[i].events;
        events[i] = (struct system_event){many[i].data.fd,
            (short)((bits & (EPOLLIN | EPOLLOUT)) | (bits & (EPOLLERR | EPOLLHUP) ? POLLERR : 0))};
    }
    return n;
}
