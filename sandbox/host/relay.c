/* Relays: see host_internal.h. */
#include "sandbox/host/host_internal.h"

#include "base/file.h"
#include "base/hash.h"
#include "base/mem.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <pthread.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

enum { ROOM = 64 * 1024 };

struct ear {
    const void *owner;
    int fd;
    struct sockaddr_in to;
};

/* One direction: from `in`, what it has read and `out` has not taken. */
struct stretch {
    char *bytes;
    size_t from, to;
    bool ended, shut;
};

struct pair {
    int fd[2]; /* the one inside, the one here */
    struct stretch way[2];
};

struct relay {
    pthread_t thread;
    int wake;             /* eventfd */
    pthread_mutex_t lock; /* of what follows */
    bool stopping;
    struct ear *ears;
    size_t ear_count, ear_cap;
    /* the thread's own */
    struct pair *pairs;
    size_t pair_count, pair_cap;
    struct pollfd *polled;
    size_t polled_cap;
};

static void relay_wake(struct relay *relay)
{
    const uint64_t one = 1;
    ssize_t ignored = write(relay->wake, &one, sizeof one);
    (void)ignored;
}

/* ---- connections ---- */

static int connect_here(const struct sockaddr_in *to)
{
    const int yes = 1;
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd >= 0 && !connect(fd, (const struct sockaddr *)to, sizeof *to)) {
        setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &yes, sizeof yes);
        return fd;
    }
    fd_close_ptr(&fd);
    return -1;
}

/* Loopback answers at once, so that connecting may block. Nobody there: the caller is sent away. */
static void take_caller(struct relay *relay, const struct ear *ear)
{
    int caller = accept4(ear->fd, NULL, NULL, SOCK_CLOEXEC);
    int here = caller < 0 ? -1 : connect_here(&ear->to);
    if (here < 0) {
        fd_close_ptr(&caller);
        return;
    }
    MEM_GROW(relay->pairs, relay->pair_cap, relay->pair_count + 1);
    struct pair *pair = &relay->pairs[relay->pair_count++];
    *pair = (struct pair){.fd = {caller, here}};
    for (int i = 0; i < 2; i++)
        pair->way[i].bytes = mem_alloc(ROOM);
}

static void pair_close(struct pair *pair)
{
    for (int i = 0; i < 2; i++) {
        fd_close_ptr(&pair->fd[i]);
        free(pair->way[i].bytes);
    }
}

/* False: the connection is lost. */
static bool stretch_step(struct stretch *way, int in, int out)
{
    ssize_t n;
    if (way->from == way->to && !way->ended) {
        n = recv(in, way->bytes, ROOM, MSG_DONTWAIT);
        way->from = 0;
        way->to = n > 0 ? (size_t)n : 0;
        way->ended = n == 0;
        if (n < 0 && errno != EAGAIN && errno != EINTR)
            return false;
    }
    if (way->from < way->to) {
        n = send(out, way->bytes + way->from, way->to - way->from, MSG_DONTWAIT | MSG_NOSIGNAL);
        way->from += n > 0 ? (size_t)n : 0;
        if (n < 0 && errno != EAGAIN && errno != EINTR)
            return false;
    }
    if (way->ended && way->from == way->to && !way->shut) {
        way->shut = true;
        shutdown(out, SHUT_WR);
    }
    return true;
}

static bool pair_step(struct pair *pair)
{
    return stretch_step(&pair->way[0], pair->fd[0], pair->fd[1]) &&
           stretch_step(&pair->way[1], pair->fd[1], pair->fd[0]) && !(pair->way[0].shut && pair->way[1].shut);
}

/* ---- the thread ---- */

static short wants(const struct stretch *reads, const struct stretch *writes)
{
    return (short)((reads->from == reads->to && !reads->ended ? POLLIN : 0) |
                   (writes->from < writes->to ? POLLOUT : 0));
}

/* The wake-up first, then who listens, then the connections. */
static size_t relay_polled(struct relay *relay)
{
    size_t n = 0;
    MEM_GROW(relay->polled, relay->polled_cap, 1 + relay->ear_count + 2 * relay->pair_count);
    relay->polled[n++] = (struct pollfd){relay->wake, POLLIN, 0};
    for (size_t i = 0; i < relay->ear_count; i++)
        relay->polled[n++] = (struct pollfd){relay->ears[i].fd, POLLIN, 0};
    for (size_t i = 0; i < relay->pair_count; i++) {
        const struct pair *pair = &relay->pairs[i];
        short first = wants(&pair->way[0], &pair->way[1]), other = wants(&pair->way[1], &pair->way[0]);
        relay->polled[n++] = (struct pollfd){first ? pair->fd[0] : -1, first, 0};
        relay->polled[n++] = (struct pollfd){other ? pair->fd[1] : -1, other, 0};
    }
    return n;
}

static void relay_step(struct relay *relay, size_t ears, size_t pairs)
{
    const struct pollfd *at = relay->polled + 1 + ears;
    for (size_t i = pairs; i-- > 0;) {
        bool stirred = at[2 * i].revents || at[2 * i + 1].revents;
        if (!stirred || pair_step(&relay->pairs[i]))
            continue;
        pair_close(&relay->pairs[i]);
        relay->pairs[i] = relay->pairs[--relay->pair_count];
    }
}

static void *relay_run(void *ctx)
{
    struct relay *relay = ctx;
    uint64_t batch;
    for (;;) {
        pthread_mutex_lock(&relay->lock);
        size_t ears = relay->ear_count, pairs = relay->pair_count, n = relay_polled(relay);
        bool stopping = relay->stopping;
        pthread_mutex_unlock(&relay->lock);
        if (stopping)
            break;
        if (poll(relay->polled, n, -1) < 0)
            continue;
        relay_step(relay, ears, pairs);
        if (relay->polled[0].revents && read(relay->wake, &batch, sizeof batch) >= 0)
            continue; /* who listens may have changed: what was polled is looked at again */
        pthread_mutex_lock(&relay->lock);
        for (size_t i = 0; i < ears && ears == relay->ear_count; i++)
            if (relay->polled[1 + i].revents)
                take_caller(relay, &relay->ears[i]);
        pthread_mutex_unlock(&relay->lock);
    }
    hash_thread_end();
    return NULL;
}

int relay_new(struct relay **out, struct err *err)
{
    struct relay *relay = mem_zalloc(sizeof *relay);
    pthread_mutex_init(&relay->lock, NULL);
    relay->wake = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (relay->wake < 0 || (errno = pthread_create(&relay->thread, NULL, relay_run, relay))) {
        err_errno(err, ERR_IO, "cannot start a relay");
        fd_close_ptr(&relay->wake);
        pthread_mutex_destroy(&relay->lock);
        free(relay);
        return -1;
    }
    *out = relay;
    return 0;
}

void relay_free(struct relay *relay)
{
    if (!relay)
        return;
    pthread_mutex_lock(&relay->lock);
    relay->stopping = true;
    pthread_mutex_unlock(&relay->lock);
    relay_wake(relay);
    pthread_join(relay->thread, NULL);
    for (size_t i = 0; i < relay->ear_count; i++)
        close(relay->ears[i].fd);
    for (size_t i = 0; i < relay->pair_count; i++)
        pair_close(&relay->pairs[i]);
    close(relay->wake);
    pthread_mutex_destroy(&relay->lock);
    free(relay->ears);
    free(relay->pairs);
    free(relay->polled);
    free(relay);
}

void relay_add(struct relay *relay, const void *owner, int listening, const char *address, uint16_t port)
{
    struct ear ear = {owner, listening, {.sin_family = AF_INET, .sin_port = htons(port)}};
    inet_pton(AF_INET, address, &ear.to.sin_addr);
    pthread_mutex_lock(&relay->lock);
    MEM_GROW(relay->ears, relay->ear_cap, relay->ear_count + 1);
    relay->ears[relay->ear_count++] = ear;
    pthread_mutex_unlock(&relay->lock);
    relay_wake(relay);
}

void relay_drop(struct relay *relay, const void *owner)
{
    pthread_mutex_lock(&relay->lock);
    for (size_t i = relay->ear_count; i-- > 0;)
        if (relay->ears[i].owner == owner) {
            close(relay->ears[i].fd);
            relay->ears[i] = relay->ears[--relay->ear_count];
        }
    pthread_mutex_unlock(&relay->lock);
    relay_wake(relay);
}
