/*
 * One request and its answer, between the HTTP server (server.c) and who responds. An exchange belongs to its
 * connection's thread.
 *
 * A responder sees it in three steps: `begin` when the headers are there, `data` for each piece of the body,
 * `end` after it. The first one to answer (reply_*, refuse) ends it: nothing more is called, though what the
 * client still sends is read and dropped.
 */
#pragma once

#include "provider/wire/wire.h"
#include "sandbox/context/context.h"

#include <sys/types.h>

/* ---- Temporary credentials: a role that somebody has for a while, under a name; or a user's, for
 * a while.
 *
 * Nothing is kept of them. The token says what they are good for; access key and secret follow from the token
 * and from `master`, a secret of the sandbox. So they are as good in the next process that serves the folder,
 * and a token that somebody has made up has a secret that nobody but the sandbox knows. */
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

/* ---- exchange ---- */

enum auth_form { AUTH_NONE, AUTH_HEADER, AUTH_QUERY, AUTH_OLD /* signature version 2 */ };

/* What the request says of its signer; checked only once auth_verify() has returned NULL. */
struct auth {
    enum auth_form form;
    struct str access_key, scope, region, service;            /* scope: 20261121/eu-west-1/s3/aws4_request */
    struct str date, signed_headers, signature, payload_hash; /* date: 20261121T120000Z, however it came */
    struct str token;                                         /* of temporary credentials */
    int64_t wall_ms, expires_s;
    bool malformed, both_forms;
    unsigned char key[32];  /* signing key, after verification: chunks are signed with it */
    struct session session; /* after verification: whose credentials; empty: the sandbox's own */
};

struct responder;

/* Gives up to n bytes at a position of the answer's body; 0 or less: it cannot, the connection is cut. */
typedef ssize_t reply_reader(void *ctx, uint64_t position, char *out, size_t n);

struct exchange {
    struct sandbox *sandbox;
    struct arena arena;
    struct wire_message
        request;            /* path and query as sent; body where the responder does not take `data` itself */
    int64_t content_length; /* -1: not given */
    struct auth auth;
    struct str query_operation; /* of a client that speaks the query protocol with a service of JSON */
    const struct responder *responder;
    void *state; /* the responder's */
    struct buf body;

    bool answered;
    char request_id[17];
    struct wire_message reply; /* status, headers, body */
    int reply_fd;              /* -1: none; else `reply_length` bytes from `reply_offset` are the body */
    int64_t reply_offset, reply_length;
    reply_reader *reader; /* instead of a descriptor */
    void *reader_ctx;
    void (*reader_free)(void *ctx);
};

struct responder {
    enum { SPEAKS_PLAIN, SPEAKS_S3, SPEAKS_SERVICE } speaks; /* whose words its answers are in */
    void (*begin)(struct exchange *x);
    void (*data)(
        struct exchange *x, const char *bytes, size_t n); /* NULL: collected in x->body, up to 16 MiB */
    void (*end)(struct exchange *x);
    void (*refuse)(struct exchange *x, int status, const char *code, const char *message);
    void (*release)(struct exchange *x); /* may be NULL */
};

/* ---- answers ---- */

void reply_header(struct exchange *x, const char *name, struct str value);
void reply_status(struct exchange *x, int status); /* without a body */
void reply_text(struct exchange *x, int status, const char *content_type, struct str body);

/* ---- signatures: auth.c ---- */

struct fault {
    int status;
    const char *code, *message;
};

void auth_parse(struct exchange *x);
/*
 * NULL where the signature is right. payload_hash: of a body that is there already; empty: as the request
 * says it (S3).
 */
const struct fault *auth_verify(struct exchange *x, struct str payload_hash);

/* ---- responders ---- */

extern const struct responder faults_responder;
