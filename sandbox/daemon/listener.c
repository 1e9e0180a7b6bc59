/* Listeners of daemons and connections through them: see daemon.h. */
#include "sandbox/daemon/daemon.h"

#include "base/file.h"
#include "base/mem.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/un.h>
#include <unistd.h>

/* ---- startup of a PostgreSQL connection ---- */

enum {
    MAX_STARTUP = 10000, /* PostgreSQL's limit */
    SSL_REQUEST = 80877103,
    GSS_REQUEST = 80877104,
};

static bool read_exactly(int fd, char *to, size_t n)
{
    for (size_t at = 0; at < n;) {
        ssize_t got = recv(fd, to + at, n - at, 0);
        if (got <= 0)
            return false;
        at += (size_t)got;
    }
    return true;
}

static uint32_t greeting_number(const char *p)
{
    const unsigned char *b = (const unsigned char *)p;
    return (uint32_t)b[0] << 24 | (uint32_t)b[1] << 16 | (uint32_t)b[2] << 8 | b[3];
}

bool greeting_read(int fd, struct buf *out)
{
    char head[8], body[MAX_STARTUP];
    for (;;) {
        if (!read_exactly(fd, head, sizeof head))
            return false;
        uint32_t size = greeting_number(head), what = greeting_number(head + 4);
        if (size < sizeof head || size > MAX_STARTUP)
            return false;
        if (what == SSL_REQUEST || what == GSS_REQUEST) {
            if (send(fd, "N", 1, MSG_NOSIGNAL) != 1)
                return false;
            continue;
        }
        if (!read_exactly(fd, body, size - sizeof head))
            return false;
        buf_add(out, head, sizeof head);
        buf_add(out, body, size - sizeof head);
        return true;
    }
}

bool greeting_is_user(const struct buf *startup, const char *user)
{
    enum { HEAD = 8 };
    struct str rest = str_slice(buf_str(startup), HEAD, startup->n);
    bool found = false;
    while (rest.n && rest.p[0]) {
        struct str name = str_cut(rest, '\0', &rest), value = str_cut(rest, '\0', &rest);
        found = found || (str_eqz(name, "user") && str_eqz(value, user));
    }
    return found;
}

void greeting_refuse(int fd, const char *state, const char *message)
{
    AUTO_BUF struct buf body = BUF_INIT;
    const char *const fields[] = {"S", "FATAL", "V", "FATAL", "C", state, "M", message};
    for (size_t i = 0; i < sizeof fields / sizeof *fields; i += 2) {
        buf_add(&body, fields[i], 1);
        buf_add(&body, fields[i + 1], strlen(fields[i + 1]) + 1);
    }
    buf_add_char(&body, '\0');
    uint32_t n = (uint32_t)body.n + 4;
    const char head[] = {'E', (char)(n >> 24), (char)(n >> 16), (char)(n >> 8), (char)n};
    if (send(fd, head, sizeof head, MSG_NOSIGNAL) == sizeof head)
        fd_write_all(fd, body.p, body.n, NULL, "client");
}

/* ---- conversations: bytes in both directions ---- */

enum { BLOCK = 64 * 1024 };

/* One direction: data read and not yet sent. */
struct lane {
    size_t from, to;
    bool ended, shut;
    char bytes[BLOCK];
};

struct conversation {
    int fd[2];
    struct lane lanes[2]; /* from fd[0] to fd[1], and back */
};

struct conversation *conversation_new(int a, int b)
{
    struct conversation *c = mem_alloc(sizeof *c);
    c->fd[0] = a;
    c->fd[1] = b;
    for (int i = 0; i < 2; i++) {
        c->lanes[i].from = c->lanes[i].to = 0;
        c->lanes[i].ended = c->lanes[i].shut = false;
    }
    return c;
}

void conversation_close(struct conversation *c)
{
    close(c->fd[0]);
    close(c->fd[1]);
    free(c);
}

void conversation_poll(const struct conversation *c, struct pollfd out[2])
{
    for (int i = 0; i < 2; i++) {
        const struct lane *reads = &c->lanes[i], *writes = &c->lanes[!i];
        short wants = (short)((reads->from == reads->to && !reads->ended ? POLLIN : 0) |
                              (writes->from < writes->to ? POLLOUT : 0));
        out[i] = (struct pollfd){wants ? c->fd[i] : -1, wants, 0};
    }
}

/* Returns false if the connection is lost. */
static bool lane_step(struct lane *lane, int in, int out)
{
    ssize_t n;
    if (lane->from == lane->to && !lane->ended) {
        n = recv(in, lane->bytes, sizeof lane->bytes, MSG_DONTWAIT);
        lane->from = 0;
        lane->to = n > 0 ? (size_t)n : 0;
        lane->ended = n == 0;
        if (n < 0 && errno != EAGAIN && errno != EINTR)
            return false;
    }
    if (lane->from < lane->to) {
        n = send(out, lane->bytes + lane->from, lane->to - lane->from, MSG_DONTWAIT | MSG_NOSIGNAL);
        lane->from += n > 0 ? (size_t)n : 0;
        if (n < 0 && errno != EAGAIN && errno != EINTR)
            return false;
    }
    if (lane->ended && lane->from == lane->to && !lane->shut) {
        lane->shut = true;
        shutdown(out, SHUT_WR);
    }
    return true;
}

bool conversation_step(struct conversation *c)
{
    return lane_step(&c->lanes[0], c->fd[0], c->fd[1]) && lane_step(&c->lanes[1], c->fd[1], c->fd[0]) &&
           !(c->lanes[0].shut && c->lanes[1].shut);
}

/* ---- listeners ---- */

struct listener {
    struct listener *next;
    struct arena arena;
    struct listener_of of;
    listener_visit *visit;
    const void *ctx;
    int fd;
};

struct listeners {
    struct services *services;
    pthread_mutex_t lock; /* guards all members below */
    struct listener *first;
    struct client *clients;
    int poller, stop;
    bool watched, stopping;
    void (*opened)(void *ctx, const struct listener_of *of, const struct listener_address *location);
    void *opened_ctx;
};

/* An accepted connection. */
struct client {
    struct client *next;
    struct listeners *listeners;
    struct arena arena;
    struct listener_of of;
    listener_visit *visit;
    const void *ctx;
    int fd;
};

void listener_join(struct listeners *listeners, int a, int b)
{
    struct conversation *c = conversation_new(a, b);
    struct pollfd fds[3] = {[2] = {listeners->stop, POLLIN, 0}}; /* readable once the sandbox stops */
    do {
        conversation_poll(c, fds);
        if (poll(fds, sizeof fds / sizeof *fds, -1) < 0 && errno != EINTR)
            break;
    } while (!fds[2].revents && conversation_step(c));
    free(c);
}

int listener_dial_at(uint32_t address, uint16_t port)
{
    const struct sockaddr_in to = {
        .sin_family = AF_INET, .sin_port = htons(port), .sin_addr.s_addr = htonl(address)};
    const int yes = 1;
    int fd = system_socket(AF_INET, 0);
    if (fd >= 0 && !connect(fd, (const struct sockaddr *)&to, sizeof to)) {
        setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &yes, sizeof yes);
        return fd;
    }
    fd_close_ptr(&fd);
    return -1;
}

int listener_dial(uint16_t port)
{
    return listener_dial_at(INADDR_LOOPBACK, port);
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

enum { WAITING = 64 };

struct listeners *listeners_new(struct services *services)
{
    struct listeners *listeners = mem_zalloc(sizeof *listeners);
    listeners->services = services;
    listeners->poller = system_poller_new();
    listeners->stop = system_wake_new();
    system_poller_set(listeners->poller, listeners->stop, POLLIN);
    pthread_mutex_init(&listeners->lock, NULL);
    return listeners;
}

void listeners_stop(struct listeners *listeners)
{
    AUTO_UNLOCK pthread_mutex_t *held = mutex_hold(&listeners->lock);
    listeners->stopping = true;
    for (struct client *client = listeners->clients; client; client = client->next)
        shutdown(client->fd, SHUT_RDWR);
    system_wake(listeners->stop); /* never cleared, so that all threads see it */
}

static void free_listener(struct listener *listener)
{
    close(listener->fd);
    arena_release(&listener->arena);
    free(listener);
}

void listeners_free(struct listeners *listeners)
{
    if (!listeners)
        return;
    for (struct listener *next; listeners->first; listeners->first = next) {
        next = listeners->first->next;
        free_listener(listeners->first);
    }
    fd_close_ptr(&listeners->poller);
    fd_close_ptr(&listeners->stop);
    pthread_mutex_destroy(&listeners->lock);
    free(listeners);
}

/* ---- clients ---- */

static void *unlink_client(struct listeners *listeners, const struct client *client)
{
    struct client **at = &listeners->clients;
    while (*at != client)
        at = &(*at)->next;
    *at = client->next;
    return NULL;
}

static void listener_receive(void *ctx)
{
    struct client *client = ctx;
    client->visit(client->listeners->services, &client->of, client->ctx, client->fd);
    pthread_mutex_lock(&client->listeners->lock);
    unlink_client(client->listeners, client);
    pthread_mutex_unlock(&client->listeners->lock);
    close(client->fd);
    arena_release(&client->arena);
    free(client);
}

static struct listener_of copy_of(struct arena *arena, const struct listener_of *of)
{
    return (struct listener_of){
        arena_str(arena, of->type), arena_str(arena, of->region), arena_str(arena, of->id)};
}

/* Accepts a connection. Called with the lock held, since the listener may have been closed. */
static struct client *accept_client(struct listeners *listeners, int listening)
{
    const struct listener *listener = listeners->first;
    const int yes = 1;
    while (listener && listener->fd != listening)
        listener = listener->next;
    int fd = listener && !listeners->stopping ? system_accept(listening, 0) : -1;
    if (fd < 0)
        return NULL;
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &yes, sizeof yes);
    struct client *client = mem_zalloc(sizeof *client);
    client->listeners = listeners;
    client->of = copy_of(&client->arena, &listener->of);
    client->visit = listener->visit;
    client->ctx = listener->ctx;
    client->fd = fd;
    client->next = listeners->clients;
    listeners->clients = client;
    return client;
}

enum { PAUSE_MS = 20 }; /* when a connection cannot be accepted, for example without free descriptors */

static void accept_connection(struct listeners *listeners, int listening)
{
    pthread_mutex_lock(&listeners->lock);
    struct client *client = accept_client(listeners, listening);
    pthread_mutex_unlock(&listeners->lock);
    if (!client)
        services_sleep(listeners->services, PAUSE_MS);
    if (!client || !services_thread(listeners->services, listener_receive, client))
        return;
    pthread_mutex_lock(&listeners->lock);
    unlink_client(listeners, client);
    pthread_mutex_unlock(&listeners->lock);
    close(client->fd);
    arena_release(&client->arena);
    free(client);
}

static void watch_listeners(void *ctx)
{
    struct listeners *listeners = ctx;
    struct system_event events[16];
    while (!services_stopping(listeners->services)) {
        int n = system_poller_wait(listeners->poller, events, sizeof events / sizeof *events, -1);
        for (int i = 0; i < n; i++) {
            if (events[i].fd == listeners->stop)
                return;
            accept_connection(listeners, events[i].fd);
        }
    }
}

/* ---- opening and closing ---- */

static int listen_at(struct str address, uint16_t port, struct err *err)
{
    struct sockaddr_in at = {.sin_family = AF_INET, .sin_port = htons(port)};
    const int yes = 1;
    char text[INET_ADDRSTRLEN];
    snprintf(text, sizeof text, "%.*s", STR_ARG(address));
    if (inet_pton(AF_INET, text, &at.sin_addr) != 1 || (ntohl(at.sin_addr.s_addr) >> 24) != 127)
        return err_set(err, ERR_IO, "%s is not an address of loopback", text);
    int fd = system_socket(AF_INET, O_NONBLOCK);
    if (fd >= 0)
        setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof yes);
    if (fd >= 0 && !bind(fd, (const struct sockaddr *)&at, sizeof at) && !listen(fd, WAITING))
        return fd;
    err_errno(err, ERR_IO, "cannot listen on %s:%u", text, (unsigned)port);
    fd_close_ptr(&fd);
    return -1;
}

/* Called with the lock held. */
static void listener_close(struct listeners *listeners, const struct listener_of *of)
{
    struct listener **at = &listeners->first;
    while (*at && !(str_eq((*at)->of.type, of->type) && str_eq((*at)->of.region, of->region) &&
                      str_eq((*at)->of.id, of->id)))
        at = &(*at)->next;
    struct listener *listener = *at;
    if (!listener)
        return;
    *at = listener->next;
    system_poller_set(listeners->poller, listener->fd, 0);
    free_listener(listener);
}

int listeners_open(struct listeners *listeners, const struct listener_of *of, struct str address,
    uint16_t port, listener_visit *visit, const void *ctx, struct err *err)
{
    int status = -1;
    pthread_mutex_lock(&listeners->lock);
    listener_close(listeners, of);
    int fd = listen_at(address, port, err);
    if (fd >= 0) {
        struct listener *listener = mem_zalloc(sizeof *listener);
        listener->of = copy_of(&listener->arena, of);
        listener->visit = visit;
        listener->ctx = ctx;
        listener->fd = fd;
        listener->next = listeners->first;
        listeners->first = listener;
        system_poller_set(listeners->poller, fd, POLLIN);
        status = 0;
    }
    bool watch = !status && !listeners->watched;
    listeners->watched = listeners->watched || watch;
    pthread_mutex_unlock(&listeners->lock);
    if (watch)
        services_thread(listeners->services, watch_listeners, listeners);
    const struct listener_address location = {address, port};
    if (!status && listeners->opened)
        listeners->opened(listeners->opened_ctx, of, &location);
    return status;
}

void listeners_follow(struct listeners *listeners,
    void (*opened)(void *ctx, const struct listener_of *of, const struct listener_address *location),
    void *ctx)
{
    listeners->opened = opened;
    listeners->opened_ctx = ctx;
}

struct listener_address *listeners_list(
    struct listeners *listeners, struct arena *arena, struct str but, size_t *n)
{
    struct listener_address *list;
    size_t count = 0;
    AUTO_UNLOCK pthread_mutex_t *held = mutex_hold(&listeners->lock);
    for (const struct listener *listener = listeners->first; listener; listener = listener->next)
        count++;
    list = ARENA_ARRAY(arena, struct listener_address, count + 1);
    *n = 0;
    for (const struct listener *listener = listeners->first; listener; listener = listener->next) {
        struct sockaddr_in at = {0};
        socklen_t size = sizeof at;
        char text[INET_ADDRSTRLEN] = "";
        if (str_eq(listener->of.type, but) || getsockname(listener->fd, (struct sockaddr *)&at, &size) ||
            !inet_ntop(AF_INET, &at.sin_addr, text, sizeof text))
            continue;
        list[(*n)++] = (struct listener_address){arena_str(arena, str_z(text)), ntohs(at.sin_port)};
    }
    return list;
}

void listeners_shut(struct listeners *listeners, const struct listener_of *of)
{
    AUTO_UNLOCK pthread_mutex_t *held = mutex_hold(&listeners->lock);
    listener_close(listeners, of);
}
