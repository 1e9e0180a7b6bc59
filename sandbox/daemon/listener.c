/* See listener.h. */
#include "sandbox/daemon/listener.h"

#include "base/file.h"
#include "base/lock.h"
#include "base/mem.h"
#include "base/system.h"

#include <arpa/inet.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

enum { WAITING = 64 };

struct listener {
    struct listener *next;
    struct arena arena;
    struct listener_of of;
    listener_visit *visit;
    const void *ctx;
    int fd;
};

/* Somebody who came in, until the conversation is over. */
struct visitor {
    struct visitor *next;
    struct listeners *listeners;
    struct arena arena;
    struct listener_of of;
    listener_visit *visit;
    const void *ctx;
    int fd;
};

struct listeners {
    struct services *services;
    pthread_mutex_t lock; /* all below */
    struct listener *first;
    struct visitor *visitors;
    int poller, stop;
    bool watched, stopping;
    void (*opened)(void *ctx, const struct listener_of *of, const struct listener_place *place);
    void *opened_ctx;
};

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
    for (struct visitor *visitor = listeners->visitors; visitor; visitor = visitor->next)
        shutdown(visitor->fd, SHUT_RDWR);
    system_wake(listeners->stop); /* stays readable: all who wait see it */
}

int listeners_end(const struct listeners *listeners)
{
    return listeners->stop;
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

/* ---- visitors ---- */

static void *without(struct listeners *listeners, const struct visitor *visitor)
{
    struct visitor **at = &listeners->visitors;
    while (*at != visitor)
        at = &(*at)->next;
    *at = visitor->next;
    return NULL;
}

static void listener_receive(void *ctx)
{
    struct visitor *visitor = ctx;
    visitor->visit(visitor->listeners->services, &visitor->of, visitor->ctx, visitor->fd);
    pthread_mutex_lock(&visitor->listeners->lock);
    without(visitor->listeners, visitor);
    pthread_mutex_unlock(&visitor->listeners->lock);
    close(visitor->fd);
    arena_release(&visitor->arena);
    free(visitor);
}

static struct listener_of copy_of(struct arena *arena, const struct listener_of *of)
{
    return (struct listener_of){
        arena_str(arena, of->type), arena_str(arena, of->region), arena_str(arena, of->id)};
}

/* With the lock held: the listener may be gone by now. */
static struct visitor *let_in(struct listeners *listeners, int listening)
{
    const struct listener *listener = listeners->first;
    const int yes = 1;
    while (listener && listener->fd != listening)
        listener = listener->next;
    int fd = listener && !listeners->stopping ? system_accept(listening, 0) : -1;
    if (fd < 0)
        return NULL;
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &yes, sizeof yes);
    struct visitor *visitor = mem_zalloc(sizeof *visitor);
    visitor->listeners = listeners;
    visitor->of = copy_of(&visitor->arena, &listener->of);
    visitor->visit = listener->visit;
    visitor->ctx = listener->ctx;
    visitor->fd = fd;
    visitor->next = listeners->visitors;
    listeners->visitors = visitor;
    return visitor;
}

static void answer_knock(struct listeners *listeners, int listening)
{
    pthread_mutex_lock(&listeners->lock);
    struct visitor *visitor = let_in(listeners, listening);
    pthread_mutex_unlock(&listeners->lock);
    if (!visitor || !services_thread(listeners->services, listener_receive, visitor))
        return;
    pthread_mutex_lock(&listeners->lock);
    without(listeners, visitor);
    pthread_mutex_unlock(&listeners->lock);
    close(visitor->fd);
    arena_release(&visitor->arena);
    free(visitor);
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
            answer_knock(listeners, events[i].fd);
        }
    }
}

/* ---- listeners ---- */

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

/* With the lock held. */
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
    const struct listener_place place = {address, port};
    if (!status && listeners->opened)
        listeners->opened(listeners->opened_ctx, of, &place);
    return status;
}

void listeners_follow(struct listeners *listeners,
    void (*opened)(void *ctx, const struct listener_of *of, const struct listener_place *place), void *ctx)
{
    listeners->opened = opened;
    listeners->opened_ctx = ctx;
}

struct listener_place *listeners_list(
    struct listeners *listeners, struct arena *arena, struct str but, size_t *n)
{
    struct listener_place *list;
    size_t count = 0;
    AUTO_UNLOCK pthread_mutex_t *held = mutex_hold(&listeners->lock);
    for (const struct listener *listener = listeners->first; listener; listener = listener->next)
        count++;
    list = ARENA_ARRAY(arena, struct listener_place, count + 1);
    *n = 0;
    for (const struct listener *listener = listeners->first; listener; listener = listener->next) {
        struct sockaddr_in at = {0};
        socklen_t size = sizeof at;
        char text[INET_ADDRSTRLEN] = "";
        if (str_eq(listener->of.type, but) || getsockname(listener->fd, (struct sockaddr *)&at, &size) ||
            !inet_ntop(AF_INET, &at.sin_addr, text, sizeof text))
            continue;
        list[(*n)++] = (struct listener_place){arena_str(arena, str_z(text)), ntohs(at.sin_port)};
    }
    return list;
}

void listeners_shut(struct listeners *listeners, const struct listener_of *of)
{
    AUTO_UNLOCK pthread_mutex_t *held = mutex_hold(&listeners->lock);
    listener_close(listeners, of);
}
