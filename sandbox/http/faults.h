/*
 * Faults on demand: what a client has to live with, made to happen. Rules say which requests fail and how:
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
 * thread.
 */
#pragma once

#include "base/arena.h"
#include "base/err.h"
#include "provider/wire/wire.h"

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
/* What FAULT_LOST struck is done. */
void faults_lost(struct faults *faults);

/* ---- for the server ---- */

/*
 * Before the service does anything: waits, and answers where the request is refused. False: cut the
 * connection. *strike is for faults_after(), once the service has answered.
 */
bool faults_before(struct faults *faults, struct exchange *x, struct fault_strike *strike);
/* False: cut the connection. */
bool faults_after(struct exchange *x, const struct fault_strike *strike);
