/* Relays: see host_internal.h. */
#include "sandbox/host/host_internal.h"

#include "base/clock.h"
#include "base/file.h"
#include "base/hash.h"
#include "base/mem.h"
#include "base/system.h"
#include "sandbox/daemon/daemon.h"

#include <arpa/inet.h>
#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

enum { PAUSE_MS = 20 };

struct relay_listener {
    const void *owner;
    int fd;
    uint32_t address;
    uint16_t port;
};

struct relay {
    pthread_t thread;
    int wake;             /* eventfd */
    pthread_mutex_t lock; /* of what follows */
    bool stopping;
    struct relay_listener *listeners;
    size_t listener_count, listener_cap;
    /* the thread's own */
    struct conversation **pairs;
    size_t pair_count, pair_cap;
    struct pollfd *polled;
    size_t polled_cap;
};

/* ---- connections ---- */

/* Loopback answers at once, so that connecting may block. Nobody there: the caller is sent away. */
static void take_caller(struct relay *relay, const struct relay_listener *listener)
{
    int caller = accept4(listener->fd, NULL, NULL, SOCK_CLOEXEC);
    if (caller < 0) /* for want of descriptors, say */
        clock_sleep_ms(PAUSE_MS);
    int here = caller < 0 ? -1 : listener_dial_at(listener->address, listener->port);
    if (here < 0) {
        fd_close_ptr(&caller);
        return;
    }
    MEM_GROW(relay->pairs, relay->pair_cap, relay->pair_count + 1);
    relay->pairs[relay->pair_count++] = conversation_new(caller, here);
}

/* ---- the thread ---- */

/* The wake-up first, then who listens, then the connections. */
static size_t relay_polled(struct relay *relay)
{
    size_t n = 0;
    MEM_GROW(relay->polled, relay->polled_cap, 1 + relay->listener_count + 2 * relay->pair_count);
    relay->polled[n++] = (struct pollfd){relay->wake, POLLIN, 0};
    for (size_t i = 0; i < relay->listener_count; i++)
        relay->polled[n++] = (struct pollfd){relay->listeners[i].fd, POLLIN, 0};
    for (size_t i = 0; i < relay->pair_count; i++, n += 2)
        conversation_poll(relay->pairs[i], relay->polled + n);
    return n;
}

static void relay_step(struct relay *relay, size_t listeners, size_t pairs)
{
    const struct pollfd *at = relay->polled + 1 + listeners;
    for (size_t i = pairs; i-- > 0;) {
        bool stirred = at[2 * i].revents || at[2 * i + 1].revents;
        if (!stirred || conversation_step(relay->pairs[i]))
            continue;
        conversation_close(relay->pairs[i]);
        relay->pairs[i] = relay->pairs[--relay->pair_count];
    }
}

static void *relay_run(void *ctx)
{
    struct relay *relay = ctx;
    uint64_t batch;
    for (;;) {
        pthread_mutex_lock(&relay->lock);
        size_t listeners = relay->listener_count, pairs = relay->pair_count, n = relay_polled(relay);
        bool stopping = relay->stopping;
        pthread_mutex_unlock(&relay->lock);
        if (stopping)
            break;
        if (poll(relay->polled, n, -1) < 0)
            continue;
        relay_step(relay, listeners, pairs);
        if (relay->polled[0].revents && read(relay->wake, &batch, sizeof batch) >= 0)
            continue; /* who listens may have changed: what was polled is looked at again */
        pthread_mutex_lock(&relay->lock);
        for (size_t i = 0; i < listeners && listeners == relay->listener_count; i++)
            if (relay->polled[1 + i].revents)
                take_caller(relay, &relay->listeners[i]);
        pthread_mutex_unlock(&relay->lock);
    }
    hash_thread_end();
    return NULL;
}

int relay_new(struct relay **out, struct err *err)
{
    struct relay *relay = mem_zalloc(sizeof *relay);
    pthread_mutex_init(&relay->lock, NULL);
    relay->wake = system_wake_new();
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
    system_wake(relay->wake);
    pthread_join(relay->thread, NULL);
    for (size_t i = 0; i < relay->listener_count; i++)
        close(relay->listeners[i].fd);
    for (size_t i = 0; i < relay->pair_count; i++)
        conversation_close(relay->pairs[i]);
    close(relay->wake);
    pthread_mutex_destroy(&relay->lock);
    free(relay->listeners);
    free(relay->pairs);
    free(relay->polled);
    free(relay);
}

void relay_add(struct relay *relay, const void *owner, int listening, const char *address, uint16_t port)
{
    struct in_addr at = {0};
    inet_pton(AF_INET, address, &at);
    const struct relay_listener listener = {owner, listening, ntohl(at.s_addr), port};
    pthread_mutex_lock(&relay->lock);
    MEM_GROW(relay->listeners, relay->listener_cap, relay->listener_count + 1);
    relay->listeners[relay->listener_count++] = listener;
    pthread_mutex_unlock(&relay->lock);
    system_wake(relay->wake);
}

void relay_drop(struct relay *relay, const void *owner)
{
    pthread_mutex_lock(&relay->lock);
    for (size_t i = relay->listener_count; i-- > 0;)
        if (relay->listeners[i].owner == owner) {
            close(relay->listeners[i].fd);
            relay->listeners[i] = relay->listeners[--relay->listener_count];
        }
    pthread_mutex_unlock(&relay->lock);
    system_wake(relay->wake);
}
