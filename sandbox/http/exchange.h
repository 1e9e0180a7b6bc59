/*
 * A request and its response, between the HTTP server (server.c) and a responder. An exchange belongs to its
 * connection's thread.
 *
 * A responder is called at three points: `begin` after the headers, `data` for each piece of the body, `end`
 * after the body. The first of them that answers (reply_*, refuse) ends the exchange: the rest of the body is
 * read and discarded.
 */
#pragma once

#include "provider/wire/wire.h"
#include "sandbox/context/context.h"

#include <sys/types.h>

/* ---- temporary credentials of a role or a user ----
 *
 * They are not stored. The session token contains the session; access key and secret key are derived from the
 * token and `master`, a secret of the sandbox. So they remain valid in the next process with the same folder,
 * and a forged token has a secret key that only the sandbox can compute. */
struct session {
    struct str role;    /* role name; "": a user */
    struct str name;    /* session name */
    int64_t expires_ms; /* wall clock in milliseconds; 0: never */
    struct str user;    /* IAM user, also of a long-term key; "" without a role: the sandbox's own key */
    /* Parameters of AssumeRole. */
    struct str policy;      /* session policy as JSON; "": none */
    struct str policy_arns; /* ARNs of managed session policies, separated by commas */
    struct str tags;        /* session tags as a JSON map; "": none */
};

/* True unless the session is the sandbox's own key, which may do everything. */
static inline bool session_is_limited(const struct session *session)
{
    return session && (session->role.n || session->user.n);
}

struct session_key {
    struct str access_key, secret_key, token;
};

/* Creates credentials with a new token. No string of the session may contain a line break. */
struct session_key session_new(struct arena *arena, struct str master, const struct session *session);
/* Creates the same credentials for the same session each time, so that a warm worker can be reused. */
struct session_key session_again(struct arena *arena, struct str master, const struct session *session);
/* Decodes a session token. False: malformed. The caller authenticates it by the access key and the
 * signature. */
bool session_read(
    struct arena *arena, struct str master, struct str token, struct session *out, struct session_key *key);
/* Serialise and parse a session, to store the caller of an operation; NULL is the sandbox's own key. */
const struct value *session_as_value(struct arena *arena, const struct session *session);
struct session session_of_value(const struct value *v);
/* arn:aws:sts::000000000000:assumed-role/ROLE/NAME */
struct str session_arn(struct arena *arena, struct str account, const struct session *session);

/* ---- exchanges ---- */

enum auth_form {
    AUTH_NONE,
    AUTH_HEADER,
    AUTH_QUERY,
    AUTH_QUERY_2, /* signature version 2 in a link to S3 or, after verification, in a form */
    AUTH_OLD      /* signature version 2 in a header, or another mechanism */
};

/* The parsed signature; trusted only after auth_verify() has returned NULL. */
struct auth {
    enum auth_form form;
    struct str access_key, scope, region, service;            /* scope: 20261121/eu-west-1/s3/aws4_request */
    struct str date, signed_headers, signature, payload_hash; /* date: normalised to 20261121T120000Z */
    struct str token;                                         /* session token */
    int64_t wall_ms, expires_s; /* expires_s: after wall_ms; of AUTH_QUERY_2 in Unix time */
    bool malformed, both_forms;
    unsigned char key[32];  /* set by verification; verifies the signatures of chunks */
    struct session session; /* set by verification; empty: the sandbox's own key */
};

struct responder;

/* Reads up to n bytes of the response body at a position; a result of 0 or less closes the connection. */
typedef ssize_t reply_reader(void *ctx, uint64_t position, char *out, size_t n);

struct exchange {
    struct sandbox *sandbox;
    struct arena arena;
    struct wire_message request; /* path and query as sent; body unless the responder has `data` */
    int64_t content_length;      /* -1: not given */
    struct auth auth;
    struct str query_operation; /* operation of a query protocol request to a JSON service */
    const struct responder *responder;
    void *state; /* owned by the responder */
    struct buf body;

    bool answered;
    char request_id[17];
    struct wire_message reply; /* status, headers, body */
    int reply_fd;              /* body in a file: `reply_length` bytes from `reply_offset`; -1: none */
    int64_t reply_offset, reply_length;
    reply_reader *reader; /* body from a callback; NULL: none */
    void *reader_ctx;
    void (*reader_free)(void *ctx);
};

struct responder {
    enum { SPEAKS_PLAIN, SPEAKS_S3, SPEAKS_SERVICE } speaks; /* the format of its error responses */
    void (*begin)(struct exchange *x);
    void (*data)(struct exchange *x, const char *bytes, size_t n); /* NULL: to x->body, at most 16 MiB */
    void (*end)(struct exchange *x);
    void (*refuse)(struct exchange *x, int status, const char *code, const char *message);
    void (*release)(struct exchange *x); /* may be NULL */
};

/* ---- responses ---- */

void reply_header(struct exchange *x, const char *name, struct str value);
void reply_status(struct exchange *x, int status); /* without a body */
void reply_text(struct exchange *x, int status, const char *content_type, struct str body);

/* ---- signatures: auth.c ---- */

struct fault {
    int status;
    const char *code, *message;
};

/* "The authorization mechanism you have provided is not supported." */
extern const struct fault auth_old_mechanism;

void auth_parse(struct exchange *x);
/* Returns the bucket of a virtual-hosted address: "films.s3.localhost:4566" -> films; "" for the host itself.
 * Likewise below --host NAME, also films.s3.eu-west-1.NAME. */
struct str auth_bucket_of_host(const struct exchange *x);
/*
 * Verifies the signature; returns NULL if it is valid. payload_hash: hash of a received body; empty: the
 * claimed hash (S3). Parameters x-amz-* of a link to S3 are then headers of the request.
 */
const struct fault *auth_verify(struct exchange *x, struct str payload_hash);

/* Verifies the signature of a form's policy, by version 4 or 2; `form` has the fields as headers. */
const struct fault *auth_verify_form(struct exchange *x, const struct wire_message *form);

/* ---- responders ---- */

extern const struct responder faults_responder;
