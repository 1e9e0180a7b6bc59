/* Network namespaces: see netns.h. */
#include "sandbox/host/netns.h"

#include "base/file.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/tcp.h>
#include <pthread.h>
#include <sched.h>
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
