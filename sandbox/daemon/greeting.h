/*
 * The first bytes of a conversation in PostgreSQL's protocol: what a client wants before it is known which
 * server there is. TLS is declined, what it asks for is kept for the server, and a refusal reads as the
 * server's own.
 */
#pragma once

#include "base/buf.h"

#include <stdbool.h>

/* The startup packet, whole, or a request to cancel. False: it went away, or speaks something else. */
bool greeting_read(int fd, struct buf *out);
/* Does it log in as that user? The server would know the sandbox, who dials for everybody, and ask for
 * nothing. */
bool greeting_is_user(const struct buf *startup, const char *user);
/* FATAL, with an SQLSTATE of five letters. */
void greeting_refuse(int fd, const char *state, const char *message);
