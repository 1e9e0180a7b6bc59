/*
 * Temporary credentials: a role that somebody has for a while, under a name.
 *
 * Nothing is kept of them. The token says what they are good for; access key and secret follow from the token
 * and from `master`, a secret of the sandbox. So they are as good in the next process that serves the folder,
 * and a token that somebody has made up has a secret that nobody but the sandbox knows.
 */
#ifndef WEIR_SANDBOX_HTTP_SESSION_H
#define WEIR_SANDBOX_HTTP_SESSION_H

#include "base/arena.h"

#include <stdbool.h>
#include <stdint.h>

struct session {
    struct str role;    /* its name; "": the sandbox's own user */
    struct str name;    /* of the session */
    int64_t expires_ms; /* wall clock; 0: never */
};

struct session_key {
    struct str access_key, secret_key, token;
};

/* Each time others. Neither role nor name has a line break. */
struct session_key session_new(struct arena *arena, struct str master, const struct session *session);
/* False: this is no token. Whether it is one of this sandbox's, its access key and its secret tell. */
bool session_read(
    struct arena *arena, struct str master, struct str token, struct session *out, struct session_key *key);
/* arn:aws:sts::000000000000:assumed-role/ROLE/NAME */
struct str session_arn(struct arena *arena, struct str account, const struct session *session);

#endif
