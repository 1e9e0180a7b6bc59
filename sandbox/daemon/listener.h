/*
 * Listeners: where clients connect to a daemon. A record has an address of its own (127.x.y.z, which on Linux
 * all lead to this machine) with the port that the service really has, so that two databases both have 5432
 * and security groups, clients and stacks need not know of the sandbox. The address follows from the record's
 * name and the sandbox's folder, so it stays the same.
 *
 * A listener is open as soon as the record is there, and costs one descriptor. Who connects is met by its
 * visitor function on a thread of its own, which wants the daemon (daemon.h), or says why there is none, and
 * lets the two speak to each other with listener_join().
 *
 * Safe from every thread; listeners_open() and listeners_shut() wait for nothing and may be called with a
 * lock held.
 */
#pragma once

#include "sandbox/calls/services.h"

struct listeners;

/* Whose it is. */
struct listener_of {
    struct str type, region, id; /* of the record: "aws.rds.instance" */
};
/* The socket is closed when it returns. `ctx` is of listeners_open(). */
typedef void listener_visit(struct services *services, const struct listener_of *of, const void *ctx, int fd);

struct listeners *listeners_new(struct services *services);
/* Ends all conversations; services_wait_threads() waits for them. */
void listeners_stop(struct listeners *listeners);
void listeners_free(struct listeners *listeners);

/* ERR_IO: somebody else has the address. */
int listeners_open(struct listeners *listeners, const struct listener_of *of, struct str address,
    uint16_t port, listener_visit *visit, const void *ctx, struct err *err);
/* Those of other types than `but`: where they are, in the arena. */
struct listener_place {
    struct str address;
    uint16_t port;
};
struct listener_place *listeners_list(
    struct listeners *listeners, struct arena *arena, struct str but, size_t *n);
/* `opened` is called for each that opens from now on, of any type, with what locks
 * listeners_open() was called. */
void listeners_follow(struct listeners *listeners,
    void (*opened)(void *ctx, const struct listener_of *of, const struct listener_place *place), void *ctx);
/* Nobody can connect any longer; conversations go on. */
void listeners_shut(struct listeners *listeners, const struct listener_of *of);

/* A descriptor that can be read once the sandbox ends. */
int listeners_end(const struct listeners *listeners);
/* Carries bytes both ways until one side ends it, or the sandbox. */
void listener_join(struct listeners *listeners, int a, int b);
/* Connected; -1: nobody there. */
int listener_dial(uint16_t port);
int listener_dial_path(const char *path); /* a socket's path; '@' at its beginning: without a file */
