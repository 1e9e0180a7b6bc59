/*
 * The HTTP server of the sandbox: connects libmicrohttpd's callbacks with exchanges.
 */
#pragma once

#include "sandbox/http/exchange.h"

#include <sys/socket.h>

/* ---- http_connections.c: refuses requests that a web page has made a browser send ----
 *
 * A signature is not sufficient: a browser may follow a presigned link. Host names other than this machine's
 * are refused, since a page may have its own name resolve to loopback (DNS rebinding) and so be of the same
 * origin. */
struct fault;

struct guard {
    const struct str *hosts; /* accepted besides localhost and loopback addresses, with names below */
    size_t host_count;
    bool any_address; /* accept any numeric address, which cannot be rebound */
};

/* Checks that the end of a request is unambiguous (request smuggling behind a proxy); returns NULL if so.
 * Otherwise no further request of the connection may be trusted. */
const struct fault *guard_framing(const struct wire_message *request);
/* Checks Host and Origin; returns NULL if the request is accepted. */
const struct fault *guard_check(const struct guard *guard, const struct wire_message *request);
/* Returns the label before a name of the guard: "films" of "films.localhost:4566"; "" if there is none. */
struct str guard_label(const struct guard *guard, struct str host);

/* ---- faults.c: fault injection by rules ----
 *
 *   seed: 7                       # of the random numbers; default 1
 *   rules:
 *   - {service: glue, operation: "Create*", fault: throttle, probability: 0.3}
 *   - {service: s3, operation: "PUT /lake?*", fault: lost, times: 1}
 *   - {fault: reset, after: true} # once the rule above has reached its `times`
 *   - {latency: 200}              # delays every request by 200 ms
 *
 * Rules come from a file (`weir sandbox --faults FILE`) or over HTTP: POST /_weir/faults replaces them, GET
 * returns them with their counts, DELETE removes them. YAML or JSON.
 *
 * The first rule that matches a request and whose probability hits is applied. The same seed and order of
 * requests give the same faults. Replacing the rules ends running delays. Safe from every thread. */
struct faults;
struct exchange;

enum fault_kind {
    FAULT_NONE,     /* only latency */
    FAULT_THROTTLE, /* refused with the service's throttling error */
    FAULT_ERROR,    /* refused: status 500 and code InternalFailure unless the rule sets them */
    FAULT_RESET,    /* the connection is closed before the operation */
    FAULT_LOST,     /* the connection is closed after the operation */
    FAULT_TRUNCATE, /* the response body is truncated after the operation */
};

struct fault_strike {
    enum fault_kind kind;
    int64_t latency_ms;
    int status;
    char code[64];    /* "": the default */
    uint64_t changes; /* generation of the rules */
};

struct faults *faults_new(void);
void faults_free(struct faults *faults);
/* Replaces all rules. ERR_INVALID with the position of the mistake; the rules are then unchanged. */
int faults_set(struct faults *faults, struct str text, struct err *err);
void faults_clear(struct faults *faults);
/* Returns {"rules": [...], "lost": N}: each rule as given, with "struck", and the number of lost
 * responses. */
struct str faults_text(struct faults *faults, struct arena *arena);
/* Selects the fault of a request. `operation`: CreateJob, or "PUT /lake/key?tagging" if the name is
 * unknown. */
struct fault_strike faults_strike(struct faults *faults, struct str service, struct str operation);
/* Waits for the latency, or until the rules change. */
void faults_wait(struct faults *faults, const struct fault_strike *strike);

/* ---- calls by the server ---- */

/*
 * Called before the operation: waits, and refuses the request if selected. False: close the connection.
 * *strike is passed to faults_after().
 */
bool faults_before(struct faults *faults, struct exchange *x, struct fault_strike *strike);
/* Called after the operation. False: close the connection. */
bool faults_after(struct exchange *x, const struct fault_strike *strike);

/* ---- server.c ---- */

struct server;

struct server_options {
    struct sandbox *sandbox;
    const char *bind;                      /* numeric address; NULL: 127.0.0.1 */
    uint16_t port;                         /* 0: any */
    const struct responder *s3, *services; /* selected by the credential scope; S3 if there is none */
    const struct responder *console;       /* for /_weir/ and paths below /_weir/console/ */
    int64_t patience_ms;                   /* see http_connections_options */
};

/* Starts the server; *port is its port. */
int server_start(const struct server_options *options, struct server **out, uint16_t *port, struct err *err);
void server_stop(struct server *server);
/* True if other machines can connect to this bind address. NULL: the default address. */
bool server_reaches_out(const char *bind_to);

/* ---- server.c: small servers of one handler each: the runtimes of functions, the metadata of instances. A
 * connection has a thread, so a handler may wait ---- */
struct small_server;

struct small_request {
    struct arena arena;
    struct wire_message head; /* method, decoded path, headers */
    struct buf body;          /* beyond max_body it overflows */
};

struct small_options {
    const char *what; /* for an error: "a function's runtime" */
    int fd;           /* listens; closed by the server */
    unsigned idle_s;  /* limit of an idle connection; 0: none */
    size_t max_body;
    /* Fills in the response, allocated in the request's arena. */
    void (*answer)(void *ctx, struct small_request *request, struct wire_message *out);
    bool (*accepts)(void *ctx, const struct sockaddr *peer); /* NULL: everybody */
    void *ctx;
};

/* Binds a socket to any port of 127.0.0.1 and listens. */
int small_socket(uint16_t *port, struct err *err);
/* -1: the socket is closed. */
int small_server_start(const struct small_options *options, struct small_server **out, struct err *err);
/* Waits for running handlers, which have to end soon. */
void small_server_stop(struct small_server *server);

/* ---- http_connections.c: open connections, their number per peer, and the time in which a request must
 * arrive ----
 *
 * libmicrohttpd limits only idle time, so a client that sends a byte now and then could hold a connection for
 * ever. Here a connection waits for a request head, a body, or its response; the first two have deadlines. A
 * body that arrives at a modest rate may take any time. Above the limit, of one peer or in total, a
 * connection is closed for the new one: first the one waiting longest for the head of a request, then a slow
 * body, then an idle connection. A request being answered is never closed.
 *
 * A connection is ended by shutting down its socket, so that its thread closes it. All functions are
 * thread-safe; a struct http_connection belongs to its socket. */
struct http_connections;
struct http_connection;

struct http_connections_options {
    size_t max;          /* limit of all connections; half of it for an address of another machine */
    int64_t patience_ms; /* limit for a head, and for a body beyond its rate; 0: 30 s */
};

int http_connections_new(
    const struct http_connections_options *options, struct http_connections **out, struct err *err);
void http_connections_free(struct http_connections *all); /* called when no connection is left */

struct http_connection *http_connection_opened(
    struct http_connections *all, int fd, const struct sockaddr *from);
/* Called before the descriptor is closed. */
void http_connection_closed(struct http_connections *all, struct http_connection *connection);

/* Called for the request line; for the head (n 0) and each n bytes of the body; for the end of the
 * request. */
void http_connection_request(struct http_connections *all, struct http_connection *connection);
void http_connection_received(struct http_connections *all, struct http_connection *connection, size_t n);
void http_connection_responding(struct http_connections *all, struct http_connection *connection);
/* Called after the response. */
void http_connection_idle(struct http_connections *all, struct http_connection *connection);
