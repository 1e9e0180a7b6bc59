/* Network namespaces, and whether this machine can have hosts: see host_internal.h. */
#include "sandbox/host/host_internal.h"

#include "base/file.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/tcp.h>
#include <pthread.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

enum { DIAL_S = 5 };

/* What a thread of its own does, which is in another namespace until it ends. */
struct inside {
    int netns, fd; /* fd: the result */
    const char *address;
    uint16_t port;
    bool listens;
    int failed; /* errno */
};

static int run_inside(void *(*fn)(void *ctx), struct inside *inside)
{
    pthread_t thread;
    int failed = pthread_create(&thread, NULL, fn, inside);
    if (failed)
        return failed;
    pthread_join(thread, NULL);
    return inside->failed;
}

static void *make_inside(void *ctx)
{
    struct inside *inside = ctx;
    if (!unshare(CLONE_NEWNET))
        inside->fd = open("/proc/thread-self/ns/net", O_RDONLY | O_CLOEXEC);
    inside->failed = inside->fd < 0 ? errno : 0;
    return NULL;
}

int netns_new(int *out, struct err *err)
{
    struct inside inside = {.netns = -1, .fd = -1};
    errno = run_inside(make_inside, &inside);
    *out = inside.fd;
    return errno ? err_errno(err, ERR_IO, "cannot make a network namespace") : 0;
}

/* errno of what failed, 0 where nothing did. */
static int bind_to(int fd, const struct sockaddr_in *at)
{
    const int yes = 1;
    return setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof yes) ||
                   bind(fd, (const struct sockaddr *)at, sizeof *at) || listen(fd, SOMAXCONN)
               ? errno
               : 0;
}

static int connect_to(int fd, const struct sockaddr_in *at)
{
    const struct timeval patience = {.tv_sec = DIAL_S}, none = {0};
    const int yes = 1;
    setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof patience);
    if (connect(fd, (const struct sockaddr *)at, sizeof *at))
        return errno == EINPROGRESS ? ETIMEDOUT : errno;
    setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &none, sizeof none);
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &yes, sizeof yes);
    return 0;
}

static void *socket_inside(void *ctx)
{
    struct inside *inside = ctx;
    struct sockaddr_in at = {.sin_family = AF_INET, .sin_port = htons(inside->port)};
    int flags = SOCK_STREAM | SOCK_CLOEXEC | (inside->listens ? SOCK_NONBLOCK : 0);
    inside->failed = EINVAL;
    if (inet_pton(AF_INET, inside->address, &at.sin_addr) != 1)
        return NULL;
    int fd = setns(inside->netns, CLONE_NEWNET) ? -1 : socket(AF_INET, flags, 0);
    inside->failed = fd < 0 ? errno : inside->listens ? bind_to(fd, &at) : connect_to(fd, &at);
    if (inside->failed)
        fd_close_ptr(&fd);
    inside->fd = inside->failed ? -1 : fd;
    return NULL;
}

int netns_listen(int netns, const char *address, uint16_t port, int *out, struct err *err)
{
    struct inside inside = {.netns = netns, .fd = -1, .address = address, .port = port, .listens = true};
    errno = run_inside(socket_inside, &inside);
    *out = inside.fd;
    return errno ? err_errno(err, ERR_IO, "cannot listen on %s:%u of a host", address, (unsigned)port) : 0;
}

int netns_dial(int netns, const char *address, uint16_t port, int *out, struct err *err)
{
    struct inside inside = {.netns = netns, .fd = -1, .address = address, .port = port};
    errno = run_inside(socket_inside, &inside);
    *out = inside.fd;
    return errno ? err_errno(err, ERR_NETWORK, "cannot connect to %s:%u", address, (unsigned)port) : 0;
}

struct str netns_path(struct arena *arena, int netns)
{
    return arena_printf(arena, "/proc/%d/fd/%d", (int)getpid(), netns);
}

/* ---- Whether this machine can have hosts, and what it lacks ---- */

static pthread_once_t once = PTHREAD_ONCE_INIT;
static char lacks[256];

static bool has_program(const char *name)
{
    static const char usual[] = "/usr/local/sbin:/usr/sbin:/sbin";
    AUTO_ARENA struct arena arena = ARENA_INIT;
    const char *path = getenv("PATH");
    struct str dir, rest = arena_printf(&arena, "%s:%s", path ? path : "", usual);
    while (rest.n) {
        dir = str_cut(rest, ':', &rest);
        if (dir.n && !access(path_join(&arena, dir, str_z(name)).p, X_OK))
            return true;
    }
    return false;
}

/* Mounts are a namespace of their own too; in a container root may be without this right. */
static void *try_mounts(void *ctx)
{
    *(int *)ctx = unshare(CLONE_FS | CLONE_NEWNS) ? errno : 0;
    return NULL;
}

static int mounts_fail(void)
{
    pthread_t thread;
    int failed = 0, started = pthread_create(&thread, NULL, try_mounts, &failed);
    if (!started)
        pthread_join(thread, NULL);
    return started ? started : failed;
}

static void able_look(void)
{
    static const struct {
        const char *program, *package;
    } needed[] = {{"ip", "iproute2"}, {"nsenter", "util-linux"}, {"unshare", "util-linux"},
        {"mount", "mount"}, {"chroot", "coreutils"}, {"hostname", "hostname"}, {"sshd", "openssh-server"},
        {"ssh-keygen", "openssh-client"}};
    struct err err = ERR_INIT;
    int netns = -1, failed;
    if (geteuid() != 0)
        snprintf(lacks, sizeof lacks, "hosts take root");
    for (size_t i = 0; i < sizeof needed / sizeof *needed && !lacks[0]; i++)
        if (!has_program(needed[i].program))
            snprintf(lacks, sizeof lacks, "there is no %s: apt-get install %s", needed[i].program,
                needed[i].package);
    if (lacks[0])
        return;
    if (netns_new(&netns, &err))
        snprintf(
            lacks, sizeof lacks, "%.180s (a container needs CAP_SYS_ADMIN and CAP_NET_ADMIN)", err.message);
    else if ((failed = mounts_fail()))
        snprintf(lacks, sizeof lacks, "cannot make a mount namespace: %s", strerror(failed));
    fd_close_ptr(&netns);
}

bool host_able(struct arena *arena, struct str *why)
{
    pthread_once(&once, able_look);
    *why = arena_str(arena, str_z(lacks));
    return !lacks[0];
}
