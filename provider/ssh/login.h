/*
 * From a connection's settings to a session that has logged in. All of it blocks the calling thread, with a
 * limit, and gives up soon after *cancel is set.
 */
#pragma once

#include "provider/ssh/connection.h"
#include "provider/ssh/connections.h"
#include "provider/ssh/ssh_api.h"

struct login {
    const struct ssh_api *api;
    const struct connection *connection;
    const struct reach_trust *trust;
    const atomic_bool *cancel;
    int64_t deadline_ms;
    const char *key_types; /* of the host: only these; NULL: any */

    ssh_session session;
    bool may_wait;   /* for a machine whose console does not show its keys yet ... */
    bool awaits_key; /* ... which is what it failed for */
    bool other_key;  /* the host showed a key of a kind that was not expected: another kind may be known */
    struct buf tried;
};

/* dial.c: a connected, non-blocking socket: by TCP, or to a program that is the way there. */
int dial_host(const struct connection *connection, int64_t deadline_ms, const atomic_bool *cancel, int *fd,
    struct err *err);
int dial_command(const struct connection *connection, int *fd, struct err *err);

/* login.c: handshake, host key and authentication over that socket, which becomes the session's. */
int login_over(struct login *login, int fd, struct err *err);
/* Calls it again until it has done what it does; the library's own status. */
int login_until(
    struct login *login, int (*call)(struct login *login, void *ctx), void *ctx, int again, struct err *err);
/* host_key.c */
int host_key_check(struct login *login, struct err *err);
/* auth.c */
int auth_user(struct login *login, struct err *err);
