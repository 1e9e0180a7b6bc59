/*
 * All open connections of the server: how many one peer may have, and how long a request may take to arrive.
 *
 * libmicrohttpd counts idleness alone, so whoever sends a byte now and then would keep a place for ever, and
 * with all places taken nobody else would get in. Here each connection waits for a head, for the rest of a
 * body, or for its answer, and has a deadline for the first two. A body may take as long as it comes at a
 * modest rate. Where there are too many, of one peer or at all, the one that has waited longest for the head
 * of its first request goes for the newcomer; then one whose body creeps; then one that rests between
 * requests. What is being answered stays.
 *
 * Ending a connection means shutting its socket down: its thread finds that it has no more to read, and
 * closes it. Any thread may call what follows; a visitor belongs to its connection.
 */
#pragma once

#include "base/err.h"

#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>

struct visitors;
struct visitor;

struct visitors_options {
    size_t most;         /* of all together; of one address of another machine half of them */
    int64_t patience_ms; /* for a head, and for a body beside its rate; 0: half a minute */
};

int visitors_new(const struct visitors_options *options, struct visitors **out, struct err *err);
void visitors_free(struct visitors *all); /* once none is left */

struct visitor *visitor_come(struct visitors *all, int fd, const struct sockaddr *from);
/* Before its descriptor is closed. */
void visitor_go(struct visitors *all, struct visitor *v);

/* The first line of a request is there; its head is; so many bytes of its body; all of it. */
void visitor_asks(struct visitors *all, struct visitor *v);
void visitor_sends(struct visitors *all, struct visitor *v, size_t n);
void visitor_waits(struct visitors *all, struct visitor *v);
/* It has its answer. */
void visitor_rests(struct visitors *all, struct visitor *v);
