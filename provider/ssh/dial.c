/* Ways to a host: by TCP, or over a program's standard input and output. */
#include "base/clock.h"
#include "base/file.h"
#include "base/spawn.h"
#include "base/system.h"
#include "provider/ssh/login.h"

#include <errno.h>
#include <fcntl.h>
#include <netdb.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdio.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

enum { LOOK_MS = 100, DEAD_MS = 45 * 1000 };

/* A peer that is gone without a word: what is sent is not acknowledged. */
static void dial_prepare(int fd)
{
    int yes = 1;
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &yes, sizeof yes);
    setsockopt(fd, SOL_SOCKET, SO_KEEPALIVE, &yes, sizeof yes);
    system_set_dead_ms(fd, DEAD_MS);
}

/* Until the socket is connected: 0, or an error number. */
static int dial_await(int fd, int64_t deadline_ms, const atomic_bool *cancel)
{
    for (;;) {
        struct pollfd polled = {.fd = fd, .events = POLLOUT};
        int rc = poll(&polled, 1, LOOK_MS), error = 0;
        socklen_t n = sizeof error;
        if (rc > 0)
            return getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &n) ? errno : error;
        if (cancel_is_set(cancel))
            return ECANCELED;
        if (clock_mono_ms() >= deadline_ms)
            return ETIMEDOUT;
    }
}

static int try_address(
    const struct addrinfo *address, int64_t deadline_ms, const atomic_bool *cancel, int *out)
{
    int fd = system_socket(address->ai_family, O_NONBLOCK), error = 0;
    if (fd < 0)
        return errno;
    dial_prepare(fd);
    if (connect(fd, address->ai_addr, address->ai_addrlen))
        error = errno == EINPROGRESS ? dial_await(fd, deadline_ms, cancel) : errno;
    if (error)
        close(fd);
    else
        *out = fd;
    return error;
}

static int say_unreachable(const struct connection *c, int error, struct err *err)
{
    if (error == ECANCELED)
        return err_set(err, ERR_INTERRUPTED, "given up");
    errno = error;
    err_errno(
        err, error == ETIMEDOUT ? ERR_TIMEOUT : ERR_NETWORK, "cannot reach %s port %d", c->host, c->port);
    err->retryable = true;
    if (error == ECONNREFUSED)
        return err_hint(err, "nothing listens there (yet): is the host up, and is %d sshd's port?", c->port);
    return err_hint(err,
        "is the host up, does a security group or firewall let port %d in from here, and is "
        "there a route? A host in a private network is reached `via` another connection",
        c->port);
}

int dial_host(
    const struct connection *c, int64_t deadline_ms, const atomic_bool *cancel, int *fd, struct err *err)
{
    struct addrinfo hints = {.ai_socktype = SOCK_STREAM, .ai_flags = AI_NUMERICSERV}, *list = NULL;
    char port[16];
    snprintf(port, sizeof port, "%d", c->port);
    int failed = getaddrinfo(c->host, port, &hints, &list);
    if (failed) {
        err_set(err, ERR_NETWORK, "the name \"%s\" is not known: %s", c->host, gai_strerror(failed));
        err->retryable = true;
        return err_hint(err, "is it spelt so, and can it be looked up from here?");
    }
    int error = EADDRNOTAVAIL;
    for (const struct addrinfo *at = list; at && error && error != ECANCELED; at = at->ai_next)
        error = try_address(at, deadline_ms, cancel, fd);
    freeaddrinfo(list);
    return error ? say_unreachable(c, error, err) : 0;
}

/* %h, %p, %r, %n and %% as in ssh_config. */
static void expand(const struct connection *c, struct buf *out)
{
    const char *text = c->proxy_command;
    buf_addz(out, "exec 3<&0; { "); /* a background command's own input is /dev/null */
    for (; *text; text++) {
        if (*text != '%' || !text[1]) {
            buf_add_char(out, *text);
            continue;
        }
        switch (*++text) {
        case 'h': buf_addz(out, c->host); break;
        case 'n': buf_addz(out, c->alias); break;
        case 'p': buf_addf(out, "%d", c->port); break;
        case 'r': buf_addz(out, c->user); break;
        default: buf_add_char(out, *text);
        }
    }
    buf_addz(out, "; } <&3 3<&- &");
}

/* It ends when its input does, and is nobody's child by then: its shell does not wait for it. */
static int start(char *line, int fd)
{
    char *args[] = {"/bin/sh", "-c", line, NULL};
    struct spawn spawn = {
        .args = args, .env = environ, .in = fd, .out = fd, .error = STDERR_FILENO, .apart = SPAWN_SESSION};
    pid_t shell;
    int failed = spawn_program(&spawn, &shell);
    while (!failed && waitpid(shell, NULL, 0) < 0 && errno == EINTR)
        ;
    return failed;
}

int dial_command(const struct connection *c, int *fd, struct err *err)
{
    int ends[2];
    AUTO_BUF struct buf line = BUF_INIT;
    if (confined_program("the proxy command", err))
        return -1;
    expand(c, &line);
    if (system_pair(ends, 0))
        return err_errno(err, ERR_IO, "no socket for the proxy command");
    int error = start(line.p, ends[1]);
    close(ends[1]);
    if (error) {
        close(ends[0]);
        errno = error;
        return err_errno(err, ERR_IO, "cannot run the proxy command");
    }
    fcntl(ends[0], F_SETFL, O_NONBLOCK);
    *fd = ends[0];
    return 0;
}
