/*
 * Network namespaces: a place with interfaces, addresses and ports of its own. One lives as long as its
 * descriptor is open or something runs in it; programs enter it by /proc/PID/fd/N (nsenter --net). Sockets
 * belong to the namespace that they were made in, whoever uses them: so this process listens in places where
 * it is not. Safe from every thread; what has to be done inside is done by a thread made for it.
 */
#pragma once

#include "base/arena.h"
#include "base/err.h"

#include <stdint.h>

/* A new, empty one. -1: this takes root (CAP_SYS_ADMIN). */
int netns_new(int *out, struct err *err);
/* A socket that listens there. */
int netns_listen(int netns, const char *address, uint16_t port, int *out, struct err *err);
/* A socket that is connected to somebody there; waits a few seconds at most. */
int netns_dial(int netns, const char *address, uint16_t port, int *out, struct err *err);
/* As programs find it. */
struct str netns_path(struct arena *arena, int netns);
