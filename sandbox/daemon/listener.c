/* Doors: see listener.h. */
#include "sandbox/daemon/listener.h"

#include "base/file.h"
#include "base/mem.h"

#include <arpa/inet.h>
#include <netinet/tcp.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

enum { WAITING = 64 };

struct door {
    struct door *next;
    struct arena arena;
    struct door_of of;
    door_visit *visit;
    const void *ctx;
    int fd;
};

/* Somebody who came in, until the conversation is over. */
struct visitor {
    struct visitor *next;
    struct doors *doors;
    struct arena arena;
    struct door_of of;
    door_visit *visit;
    const void *ctx;
    int fd;
};

struct doors {
    struct services *services;
    pthread_mutex_t lock; /* all below */
    struct door *first;
    struct visitor *visitors;
    int poll, stop;
    bool watched, stopping;
    void (*opened)(void *ctx, const struct door_of *of, const struct door_place *place);
    void *opened_ctx;
};

struct doors *doors_new(struct services *services)
{
    struct doors *doors = mem_zalloc(sizeof *doors);
    doors->services = services;
    doors->poll = epoll_create1(EPOLL_CLOEXEC);
    doors->stop = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    struct epoll_event event = {.events = EPOLLIN, .data.fd = doors->stop};
    epoll_ctl(doors->poll, EPOLL_CTL_ADD, doors->stop, &event);
    pthread_mutex_init(&doors->lock, NULL);
    return doors;
}

void doors_stop(struct doors *doors)
{
    const uint64_t one = 1;
    pthread_mutex_lock(&doors->lock);
    doors->stopping = true;
    for (struct visitor *visitor = doors->visitors; visitor; visitor = visitor->next)
        shutdown(visitor->fd, SHUT_RDWR);
    ssize_t ignored = write(doors->stop, &one, sizeof one); /* stays readable: all who wait see it */
    (void)ignored;
    pthread_mutex_unlock(&doors->lock);
}

int doors_end(const struct doors *doors)
{
    return doors->stop;
}

static void free_door(struct door *door)
{
    close(door->fd);
    arena_release(&door->arena);
    free(door);
}

void doors_free(struct doors *doors)
{
    if (!doors)
        return;
    for (struct door *next; doors->first; doors->first = next) {
        next = doors->first->next;
        free_door(doors->first);
    }
    fd_close_ptr(&doors->poll);
    fd_close_ptr(&doors->stop);
    pthread_mutex_destroy(&doors->lock);
    free(doors);
}

/* ---- visitors ---- */

static void *without(struct doors *doors, const struct visitor *visitor)
{
    struct visitor **at = &doors->visitors;
    while (*at != visitor)
        at = &(*at)->next;
    *at = visitor->next;
    return NULL;
}

static void door_receive(void *ctx)
{
    struct visitor *visitor = ctx;
    visitor->visit(visitor->doors->services, &visitor->of, visitor->ctx, visitor->fd);
    pthread_mutex_lock(&visitor->doors->lock);
    without(visitor->doors, visitor);
    pthread_mutex_unlock(&visitor->doors->lock);
    close(visitor->fd);
    arena_release(&visitor->arena);
    free(visitor);
}

static struct door_of copy_of(struct arena *arena, const struct door_of *of)
{
    return (struct door_of){
        arena_str(arena, of->type), arena_str(arena, of->region), arena_str(arena, of->id)};
}

/* With the lock held: the door may be gone by now. */
static struct visitor *let_in(struct doors *doors, int listening)
{
    const struct door *door = doors->first;
    const int yes = 1;
    while (door && door->fd != listening)
        door = door->next;
    int fd = door && !doors->stopping ? accept4(listening, NULL, NULL, SOCK_CLOEXEC) : -1;
    if (fd < 0)
        return NULL;
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &yes, sizeof yes);
    struct visitor *visitor = mem_zalloc(sizeof *visitor);
    visitor->doors = doors;
    visitor->of = copy_of(&visitor->arena, &door->of);
    visitor->visit = door->visit;
    visitor->ctx = door->ctx;
    visitor->fd = fd;
    visitor->next = doors->visitors;
    doors->visitors = visitor;
    return visitor;
}

static void answer_knock(struct doors *doors, int listening)
{
    pthread_mutex_lock(&doors->lock);
    struct visitor *visitor = let_in(doors, listening);
    pthread_mutex_unlock(&doors->lock);
    if (!visitor || !services_thread(doors->services, door_receive, visitor))
        return;
    pthread_mutex_lock(&doors->lock);
    without(doors, visitor);
    pthread_mutex_unlock(&doors->lock);
    close(visitor->fd);
    arena_release(&visitor->arena);
    free(visitor);
}

static void watch_doors(void *ctx)
{
    struct doors *doors = ctx;
    struct epoll_event events[16];
    while (!services_stopping(doors->services)) {
        int n = epoll_wait(doors->poll, events, sizeof events / sizeof *events, -1);
        for (int i = 0; i < n; i++) {
            if (events[i].data.fd == doors->stop)
                return;
            answer_knock(doors, events[i].data.fd);
        }
    }
}

/* ---- doors ---- */

static int listen_at(struct str address, uint16_t port, struct err *err)
{
    struct sockaddr_in at = {.sin_family = AF_INET, .sin_port = htons(port)};
    const int yes = 1;
    char text[INET_ADDRSTRLEN];
    snprintf(text, sizeof text, "%.*s", STR_ARG(address));
    if (inet_pton(AF_INET, text, &at.sin_addr) != 1 || (ntohl(at.sin_addr.s_addr) >> 24) != 127)
        return err_set(err, ERR_IO, "%s is not an address of loopback", text);
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd >= 0)
        setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof yes);
    if (fd >= 0 && !bind(fd, (const struct sockaddr *)&at, sizeof at) && !listen(fd, WAITING))
        return fd;
    err_errno(err, ERR_IO, "cannot listen on %s:%u", text, (unsigned)port);
    fd_close_ptr(&fd);
    return -1;
}

/* With the lock held. */
static void door_close(struct doors *doors, const struct door_of *of)
{
    struct door **at = &doors->first;
    while (*at && !(str_eq((*at)->of.type, of->type) && str_eq((*at)->of.region, of->region) &&
                      str_eq((*at)->of.id, of->id)))
        at = &(*at)->next;
    struct door *door = *at;
    if (!door)
        return;
    *at = door->next;
    epoll_ctl(doors->poll, EPOLL_CTL_DEL, door->fd, NULL);
    free_door(door);
}

int doors_open(struct doors *doors, const struct door_of *of, struct str address, uint16_t port,
    door_visit *visit, const void *ctx, struct err *err)
{
    int status = -1;
    pthread_mutex_lock(&doors->lock);
    door_close(doors, of);
    int fd = listen_at(address, port, err);
    if (fd >= 0) {
        struct door *door = mem_zalloc(sizeof *door);
        door->of = copy_of(&door->arena, of);
        door->visit = visit;
        door->ctx = ctx;
        door->fd = fd;
        door->next = doors->first;
        doors->first = door;
        struct epoll_event event = {.events = EPOLLIN, .data.fd = fd};
        epoll_ctl(doors->poll, EPOLL_CTL_ADD, fd, &event);
        status = 0;
    }
    bool watch = !status && !doors->watched;
    doors->watched = doors->watched || watch;
    pthread_mutex_unlock(&doors->lock);
    if (watch)
        services_thread(doors->services, watch_doors, doors);
    const struct door_place place = {address, port};
    if (!status && doors->opened)
        doors->opened(doors->opened_ctx, of, &place);
    return status;
}

void doors_follow(struct doors *doors,
    void (*opened)(void *ctx, const struct door_of *of, const struct door_place *place), void *ctx)
{
    doors->opened = opened;
    doors->opened_ctx = ctx;
}

struct door_place *doors_list(struct doors *doors, struct arena *arena, struct str but, size_t *n)
{
    struct door_place *list;
    size_t count = 0;
    pthread_mutex_lock(&doors->lock);
    for (const struct door *door = doors->first; door; door = door->next)
        count++;
    list = ARENA_ARRAY(arena, struct door_place, count + 1);
    *n = 0;
    for (const struct door *door = doors->first; door; door = door->next) {
        struct sockaddr_in at = {0};
        socklen_t size = sizeof at;
        char text[INET_ADDRSTRLEN] = "";
        if (str_eq(door->of.type, but) || getsockname(door->fd, (struct sockaddr *)&at, &size) ||
            !inet_ntop(AF_INET, &at.sin_addr, text, sizeof text))
            continue;
        list[(*n)++] = (struct door_place){arena_str(arena, str_z(text)), ntohs(at.sin_port)};
    }
    pthread_mutex_unlock(&doors->lock);
    return list;
}

void doors_shut(struct doors *doors, const struct door_of *of)
{
    pthread_mutex_lock(&doors->lock);
    door_close(doors, of);
    pthread_mutex_unlock(&doors->lock);
}
