/*
 * Temporary credentials: a role that somebody has for a while, under a name; or a user's, for a while.
 *
 * Nothing is kept of them. The token says what they are good for; access key and secret follow from the token
 * and from `master`, a secret of the sandbox. So they are as good in the next process that serves the folder,
 * and a token that somebody has made up has a secret that nobody but the sandbox knows.
 */
#pragma once

#include "base/arena.h"
#include "base/value.h"

#include <stdbool.h>
#include <stdint.h>

struct session {
    struct str role;    /* its name; "": a user */
    struct str name;    /* of the session */
    int64_t expires_ms; /* wall clock; 0: never */
    struct str user;    /* a user of IAM, of his own key too; "" and no role: the sandbox's own user */
    /* What limits and marks it, of AssumeRole. */
    struct str policy;      /* a document, as JSON; "" none */
    struct str policy_arns; /* managed policies, with commas between them */
    struct str tags;        /* a map, as JSON; "" none */
};

/* Anybody but the sandbox's own user, who may do everything. */
static inline bool session_is_limited(const struct session *session)
{
    return session && (session->role.n || session->user.n);
}

struct session_key {
    struct str access_key, secret_key, token;
};

/* Each time others. None of the texts has a line break. */
struct session_key session_new(struct arena *arena, struct str master, const struct session *session);
/* Of the same session always the same: what runs with them can be used again. */
struct session_key session_again(struct arena *arena, struct str master, const struct session *session);
/* False: this is no token. Whether it is one of this sandbox's, its access key and its secret tell. */
bool session_read(
    struct arena *arena, struct str master, struct str token, struct session *out, struct session_key *key);
/* What is kept of who has started something, and whose it is again; NULL is the sandbox's own user's. */
const struct value *session_as_value(struct arena *arena, const struct session *session);
struct session session_of_value(const struct value *v);
/* arn:aws:sts::000000000000:assumed-role/ROLE/NAME */
struct str session_arn(struct arena *arena, struct str account, const struct session *session);
