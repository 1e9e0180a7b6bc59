/*
 * The HTTP side of the sandbox: libmicrohttpd's callbacks on one side, exchanges on the other.
 */
#pragma once

#include "sandbox/http/exchange.h"

#include <sys/socket.h>

/* ---- visitors.c: who is at the door: requests that a web page has made some browser send are refused before
 * anything is done with them.
 *
 * A signature alone is not enough: whoever has the keys may have a browser too, with a link in it that
 * somebody signed. Names other than those of this machine are refused, for a page may let its own name lead
 * here (DNS rebinding) and be of the same origin then. */
struct fault;

struct guard {
    const struct str *hosts; /* by which it may be called besides localhost and loopback addresses; names
                                below them too */
    size_t host_count;
    bool any_address; /* numeric ones cannot be made to lead elsewhere */
};

/* Is it beyond doubt where the request ends? Otherwise what follows on its connection is not to be believed:
 * a proxy may have seen another end, and less in it. NULL: it is. */
const struct fault *guard_framing(const struct wire_message *request);
/* NULL: let it in. */
const struct fault *guard_check(const struct guard *guard, const struct wire_message *request);
/* What is before a name of the guard's in "films.localhost:4566"; "" where that is no such host. */
struct str guard_label(const struct guard *guard, struct str host);

/* ---- faults.c: Faults on demand: what a client has to live with, made to happen. Rules say which requests
 * fail and how:
 *
 *     seed: 7                       # of the dice; default 1
 *     rules:
 *       - {service: glue, operation: "Create*", fault: throttle, probability: 0.3}
 *       - {service: s3, operation: "PUT /lake?*", fault: lost, times: 1}
 *       - {fault: reset, after: true} # from when the rule above has struck as often as it may
 *       - {latency: 200}            # every request waits so many milliseconds
 *
 * They come from a file (`weir sandbox --faults FILE`) or over HTTP: POST /_weir/faults replaces them, GET
 * shows them with how often each struck, DELETE takes them away. YAML or JSON.
 *
 * Of the rules that fit a request the first whose dice hit is the one that strikes. The same seed and the
 * same order of requests give the same faults. Who waits goes on when the rules change. Safe from every
 * thread. */
struct faults;
struct exchange;

enum fault_kind {
    FAULT_NONE,     /* latency at most */
    FAULT_THROTTLE, /* refused with the service's own words for "too many requests" */
    FAULT_ERROR,    /* refused: status 500 unless the rule has another, code InternalFailure unless … */
    FAULT_RESET,    /* the connection is cut, nothing is done */
    FAULT_LOST,     /* it is done, then the connection is cut */
    FAULT_TRUNCATE, /* it is done, the answer's body ends in the middle */
};

struct fault_strike {
    enum fault_kind kind;
    int64_t latency_ms;
    int status;
    char code[64];    /* "" : the usual one */
    uint64_t changes; /* of the rules, before it */
};

struct faults *faults_new(void);
void faults_free(struct faults *faults);
/* Replaces all rules. ERR_INVALID with the place of the mistake; then the old ones stay. */
int faults_set(struct faults *faults, struct str text, struct err *err);
void faults_clear(struct faults *faults);
/* {"rules": [...], "lost": N}: each rule as it was given, with "struck"; answers that were lost by now. */
struct str faults_text(struct faults *faults, struct arena *arena);
/* What happens to this request. `operation`: CreateJob, or "PUT /lake/key?tagging" where only that is known.
 */
struct fault_strike faults_strike(struct faults *faults, struct str service, struct str operation);
/* Its latency, which is over when the rules are replaced or taken away. */
void faults_wait(struct faults *faults, const struct fault_strike *strike);

/* ---- for the server ---- */

/*
 * Before the service does anything: waits, and answers where the request is refused. False: cut the
 * connection. *strike is for faults_after(), once the service has answered.
 */
bool faults_before(struct faults *faults, struct exchange *x, struct fault_strike *strike);
/* False: cut the connection. */
bool faults_after(struct exchange *x, const struct fault_strike *strike);

/* ---- server.c ---- */

struct server;

struct server_options {
    struct sandbox *sandbox;
    const char *bind;                      /* numeric address; NULL: 127.0.0.1 */
    uint16_t port;                         /* 0: any */
    const struct responder *s3, *services; /* by the credential scope; S3 where there is none */
    const struct responder *console;       /* of /_weir/ and what is below /_weir/console/ */
    int64_t patience_ms;                   /* for a request to arrive, see server.h; 0: as usual */
};

/* Listens and serves; the port chosen is in *port. */
int server_start(const struct server_options *options, struct server **out, uint16_t *port, struct err *err);
void server_stop(struct server *server);
/* Can other machines reach what is bound to this address? NULL: to the usual one. */
bool server_reaches_out(const char *bind_to);

/* ---- visitors.c: all open connections of the server: how many one peer may have, and how long a request may
 * take to arrive.
 *
 * libmicrohttpd counts idleness alone, so whoever sends a byte now and then would keep a place for ever, and
 * with all places taken nobody else would get in. Here each connection waits for a head, for the rest of a
 * body, or for its answer, and has a deadline for the first two. A body may take as long as it comes at a
 * modest rate. Where there are too many, of one peer or at all, the one that has waited longest for the head
 * of its first request goes for the newcomer; then one whose body creeps; then one that rests between
 * requests. What is being answered stays.
 *
 * Ending a connection means shutting its socket down: its thread finds that it has no more to read, and
 * closes it. Any thread may call what follows; a visitor belongs to its connection. */
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
