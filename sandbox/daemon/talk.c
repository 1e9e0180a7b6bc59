/* Conversations through a listener: who is dialled, and the bytes that go both ways. */
#include "base/system.h"
#include "sandbox/daemon/listener.h"

#include "base/file.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stddef.h>
#include <sys/socket.h>
#include <sys/un.h>

enum { BLOCK = 32 * 1024 };

/* Bytes on their way from one side to the other. */
struct lane {
    int from, to;
    size_t at, n;
    char block[BLOCK];
};

static struct pollfd wish(const struct lane *lane)
{
    bool full = lane->n > lane->at;
    return (struct pollfd){full ? lane->to : lane->from, full ? POLLOUT : POLLIN, 0};
}

/* False: one of them has gone. */
static bool carry(struct lane *lane)
{
    bool full = lane->n > lane->at;
    ssize_t n = full ? send(lane->to, lane->block + lane->at, lane->n - lane->at, MSG_NOSIGNAL | MSG_DONTWAIT)
                     : recv(lane->from, lane->block, sizeof lane->block, MSG_DONTWAIT);
    if (n < 0)
        return errno == EINTR || errno == EAGAIN;
    if (full) {
        lane->at += (size_t)n;
        return true;
    }
    lane->at = 0;
    lane->n = (size_t)n;
    return n > 0;
}

void listener_join(struct listeners *listeners, int a, int b)
{
    struct lane there = {.from = a, .to = b}, back = {.from = b, .to = a};
    for (;;) {
        struct pollfd fds[] = {wish(&there), wish(&back), {listeners_end(listeners), POLLIN, 0}};
        if (poll(fds, sizeof fds / sizeof *fds, -1) < 0 && errno != EINTR)
            return;
        if (fds[2].revents || (fds[0].revents && !carry(&there)) || (fds[1].revents && !carry(&back)))
            return;
    }
}

int listener_dial(uint16_t port)
{
    const struct sockaddr_in to = {
        .sin_family = AF_INET, .sin_port = htons(port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    const int yes = 1;
    int fd = system_socket(AF_INET, 0);
    if (fd >= 0 && !connect(fd, (const struct sockaddr *)&to, sizeof to)) {
        setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &yes, sizeof yes);
        return fd;
    }
    fd_close_ptr(&fd);
    return -1;
}

int listener_dial_path(const char *path)
{
    struct sockaddr_un to = {.sun_family = AF_UNIX};
    size_t n = strlen(path);
    if (n >= sizeof to.sun_path)
        return -1;
    memcpy(to.sun_path, path, n);
    if (path[0] == '@')
        to.sun_path[0] = '\0';
    socklen_t size = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + n + (path[0] != '@'));
    int fd = system_socket(AF_UNIX, 0);
    if (fd >= 0 && !connect(fd, (const struct sockaddr *)&to, size))
        return fd;
    fd_close_ptr(&fd);
    return -1;
}
