/*
 * The state of one stack in one environment: the resources that weir manages, rebuilt from the log.
 *
 * Order of calls: state_open(); for commands that change something state_lock() and state_begin(); for each
 * change state_intent() before the request and state_done() or state_fail() after it; state_end();
 * state_close().
 *
 * state_intent() returns when the record is durable. state_done() and state_fail() return at once, and the
 * next group commit makes them durable (state_flush() waits for all). They may be called from any worker
 * thread. After a failed commit every later call fails, so that no request is sent that cannot be recorded.
 */
#pragma once

#include "base/arena.h"
#include "base/map.h"
#include "plan/state/backend.h"

struct state;

/*
 * Identifies a resource: its address in the stack, its type, its provider configuration, and its id at the
 * service. Part of records, intents, outcomes, changes and leftovers.
 */

struct subject {
    struct str address, type, provider; /* provider "aws.tokyo" */
    struct str id;                      /* "": not known yet */
};

/* A recorded resource instance. Immutable; lives as long as the state. */
struct record {
    struct subject subject;
    const struct value *attrs;    /* after the last operation; sensitive values as in the state */
    const struct value *set;      /* names of attributes that the file configured */
    const struct value *deps;     /* addresses (instances or declarations) it referred to */
    const struct value *location; /* its place (provider/aws/client.h); NULL: unknown, or in the state only */
    struct str recent_since;      /* time of the record if less than a minute ago; otherwise "" */
    const struct value *before;   /* of a recent record: the former attributes; NULL: none */
    const struct value
        *interrupted; /* attributes whose change in several requests was interrupted; NULL: none */
    const struct value *reported;   /* configured values that the service reports otherwise; NULL: none */
    const struct value *configured; /* configured fields of attributes (plan/objects/diff.h); NULL: unknown */
    bool tainted;                   /* partially created: will be replaced */
    bool adopted;                   /* it existed before weir: deleting it needs consent */
    bool prevent_destroy;           /* as last configured, for use after its removal from the file */
    uint64_t seq;                   /* number of the log record */
};

/* The lease: when the resources of the state expire. */
struct lease {
    int64_t until_ms; /* by the services' clock; 0: no lease */
    int64_t warn_ms;  /* how long before that it is reported; 0: never */
    bool fixed;       /* it cannot be extended */
};

/* A planned change of a resource, written to the log before the request. */
struct intent {
    struct subject subject;      /* its id known or predicted; may be empty */
    struct str action;           /* create, update, delete, adopt */
    struct str token;            /* from state_token() */
    const struct schema *schema; /* of its type, for recording; not kept */
    const struct value *desired, *set, *deps, *location;
    uint64_t seq;   /* number of the log record */
    int64_t at_ms;  /* time of the record; 0: unknown */
    struct str run; /* number of the run; "": unknown */
};

struct state_options {
    struct backend *backend;       /* owned by the state from here on, even if opening fails */
    const struct value *config;    /* the stack's `state:` map, for its keys (secret.h); may be NULL */
    struct str dir;                /* where key files are searched */
    uint64_t at;                   /* 0: the present state; else the state after this log record, read-only */
    const struct state_part *part; /* only the records of these declarations (snapshot.h); NULL: all */
};

/*
 * Computes identity keys of records (plan/objects/recorded.h) for a snapshot, so that resources can be found
 * without reading all of it.
 */
struct state_namer {
    size_t (*keys)(void *ctx, struct arena *arena, const struct record *record, const struct str **keys);
    /* Describes how keys of a type are computed: if that has changed, a snapshot's keys are useless. */
    struct str (*definition)(void *ctx, struct arena *arena, struct str type);
    void *ctx;
};
/* A key as in a snapshot. */
uint64_t state_digest(struct str key);

int state_open(const struct state_options *options, struct state **out, struct err *err);
void state_close(struct state *state);
/* True if only the records of some declarations were read. */
bool state_is_part(const struct state *state);
/* Reads the remaining records. Not while changes are made. */
int state_read_whole(struct state *state, struct err *err);
/* Definitions of types that the snapshot's keys were computed with; NULL: it has no keys. */
const struct value *state_types(const struct state *state);
/* Requests a new snapshot with up-to-date keys. */
void state_want_snapshot(struct state *state);
/* New store of the state; "": not moved. */
struct str state_moved_to(const struct state *state);
/* ERR_STALE if the state was moved to another store: this one is only history. Locking checks it, too. */
int state_check_moved(const struct state *state, struct err *err);

/* Reading; not while other threads make changes, except for state_get(). */
const struct record *state_get(const struct state *state, struct str address);
size_t state_count(const struct state *state);
/* True if the last run failed. Unknown for runs before the newest snapshot: false. */
bool state_failed(const struct state *state);
const struct record *const *state_records(struct state *state, size_t *n); /* sorted by address */
const struct intent *const *state_open_intents(struct state *state, size_t *n);
/* Open intents of runs that are not active any more. If the state is not locked: of runs with a shared lock
 * only. */
const struct intent *const *state_left_intents(struct state *state, size_t *n);
const struct value *state_outputs(const struct state *state); /* map; never NULL */
/* Instances of a declaration, NULL at the end. From any thread. */
const struct record *const *state_instances(
    const struct state *state, struct arena *arena, struct str declared);
/* Trusted host keys: connection -> key, or {key, of}: of which resources; may be NULL. */
const struct value *state_trusted(const struct state *state);
struct lease state_lease(const struct state *state);
uint64_t state_seq(const struct state *state);
/* True if the record of the resource may be outdated: an intent for it is open, or another run has written
 * since the state was read, which the store tells; false if that lookup fails. */
bool state_may_be_outdated(struct state *state, struct str address);
/* The store, for messages. */
struct str state_description(const struct state *state);
struct str state_lineage(
    const struct state *state); /* 32 hex digits, created with the first record; "" while empty */
/* True if a torn end was found and cut off when the lock was taken. */
bool state_was_torn(const struct state *state);
/* Without a key sensitive values are kept as hashes: they can be compared but not restored. */
bool state_has_key(const struct state *state);
/* A value as JSON as the state keeps it, and back: secrets are encrypted with the key. For files that belong
 * to the state. */
void state_write_value(const struct state *state, struct buf *out, const struct value *v);
int state_read_value(const struct state *state, struct arena *arena, const struct value *kept,
    const struct value **out, struct err *err);
/* See secrets_mac(). */
struct str state_mac(const struct state *state, struct arena *arena, struct str text);
bool state_mac_is_ours(const struct state *state, struct str text, struct str mac);

/* Writing. */
int state_lock(struct state *state, const char *command, int64_t timeout_ms, struct err *err);
/*
 * Takes the lock together with other runs if the store supports it; otherwise an exclusive one. Then each run
 * records at its begin what it will change, and which declarations and resources it refers to; the claims of
 * active runs never conflict.
 */
int state_share(struct state *state, const char *command, int64_t timeout_ms, struct err *err);
bool state_is_shared(const struct state *state);
/*
 * Calls `act`, which writes only if no other run has written since this state was read; if one has,
 * everything is repeated. Also repeated if it refuses (ERR_LOCKED, ERR_STALE) because of earlier reads. `act`
 * flushes its records, and changes nothing else. Returns its result, 0 or more, or -1. Without a shared lock
 * just calls `act`.
 */
int state_in_turn(struct state *state, int (*act)(void *ctx, struct err *err), void *ctx, struct err *err);
/* Reads later records, without the lock. */
int state_catch_up(struct state *state, struct err *err);
/* The same with a shared lock. */
int state_read_others(struct state *state, struct err *err);
/* ERR_LOCKED if an active run has conflicting claims: {changes: [address …], refers: [address or declaration
 * …]}. Call it in turn, before state_begin(), which gets them as `claims` in its info. */
int state_check_claims(struct state *state, const struct value *claims, struct err *err);
/* ERR_LOCKED, with their intents, if runs with a shared lock are active. */
int state_check_sharers(struct state *state, struct err *err);
void state_unlock(struct state *state);
bool state_is_locked(const struct state *state);
/* ERR_LOCKED if the lock is lost: a lease may have expired while the process was stopped. From any thread;
 * call it before requests. */
int state_check_lock(struct state *state, struct err *err);
/*
 * Begins a run (the first under this lock, or after the previous one has ended) with the next number. `info`:
 * further fields for the run record beside the standard ones (command, user, host, pid, version, ci_url); may
 * be NULL.
 */
int state_begin(struct state *state, const char *command, const struct value *info, struct err *err);

/* Sets the lineage of an empty state that continues a lost one: before state_begin(). */
void state_take_lineage(struct state *state, struct str lineage);

/*
 * A new token of 32 hex digits; from any thread. state_token_ms() returns its creation time; 0 for tokens of
 * other origin or of older versions.
 */
void state_token(char out[33]);
int64_t state_token_ms(struct str token);
int state_intent(struct state *state, const struct intent *intent, struct err *err);

/* Result of a change, and the new record of the resource. */
struct outcome {
    struct record record; /* attrs NULL: the resource is deleted; `recent` is ignored */
    struct str action;
    const struct schema *schema; /* of its type; NULL: unknown, or deleted */
    const struct value *given;   /* configured values, with marks; NULL: as in the intent */
};
/*
 * Copies the values. Encrypts or hashes sensitive ones in the log: marked values; values that are secret in
 * the record at the address or in the intent, unless `given` has them in clear text; and values that contain
 * a secret known to this process (base/mask.h). Attributes that identify the resource to its service are
 * never hashed, since nothing could be done with it then: those that the service assigns (its ARN), and parts
 * of its id, which the log has in clear text.
 */
int state_done(struct state *state, const struct outcome *outcome, struct err *err);
/*
 * Records a failed change. If `why` tells that it was not applied, the intent is closed; if that is uncertain
 * (no response, a truncated one, a server error, an interrupted wait), the intent stays open for recovery
 * before the next plan. `left` not NULL: a partially created resource, which is recorded.
 */
int state_fail(struct state *state, struct str address, struct str action, const struct err *why,
    const struct outcome *left, struct err *err);
int state_move(struct state *state, struct str from, struct str to, struct err *err);
int state_drop(struct state *state, struct str address, struct err *err);
/* Trusts the key for the connection's host from now on; "": no longer. `of`: the resources that are the host;
 * "": none of the stack. */
int state_trust(struct state *state, struct str connection, struct str key, struct str of, struct err *err);
int state_set_outputs(struct state *state, const struct value *outputs, struct err *err);
/* Durable when it returns: resources created later get it. until_ms 0: no lease. */
int state_set_lease(struct state *state, const struct lease *lease, struct err *err);
/*
 * Keeps the stack's files (map of path to text) with the run, for a rollback; not again if the digest equals
 * that of the last ones. With a key they are encrypted. Without one, files that contain a secret must not be
 * passed: NULL keeps the digest only.
 */
int state_keep_sources(struct state *state, struct str digest, const struct value *files, struct err *err);
/* True if these are the last kept files. */
bool state_has_sources(struct state *state, struct str digest);
int state_flush(struct state *state, struct err *err);
/* True if a record of this run could not be made durable: nothing more may be changed. */
bool state_is_broken(struct state *state);
/* counts: by action; checks: result of each evaluated check, "kept" or "broken". NULL: none. */
int state_end(struct state *state, const char *status, const struct value *counts, const struct value *checks,
    struct err *err);
/* Writes a snapshot if one is due; called at the end of a run. `namer` NULL: without identity keys. */
int state_compact(struct state *state, const struct state_namer *namer, struct err *err);
/* Writes a snapshot in any case. It encrypts secrets with the present key; used for changing the key. */
int state_snapshot(struct state *state, const struct state_namer *namer, struct err *err);

/*
 * Returns the salted hash that replaces a write-only value in records: the map {"$hash": …}, marked
 * sensitive. Compare such a map (write-only, or sensitive without a key) with a value by
 * state_hash_matches().
 */
const struct value *state_hash_secret(struct arena *arena, const struct value *v);
/* Placeholder for the hash of a secret that does not exist yet: always the same, so that saved plans are,
 * too. */
const struct value *state_lost_secret(struct arena *arena);
bool state_is_hash(const struct value *kept);
/* value_equal(), except that hashes anywhere in `kept` are compared as hashes. */
bool state_hash_matches(const struct value *kept, const struct value *v);

/* ---- records.c: parts of addresses: `role`, `role["key"]`, `net/role`, `net["eu"]/role["key"]`. Purely
 * textual; stacks/stack.h parses them. ---- */
/* The address without its instance key: `a["k"]` -> `a`. */
struct str address_declared(struct str address);
/* address_deposed() returns the address for the old resource of a replacement until it is deleted;
 * address_current() the reverse, or the address itself. */
struct str address_deposed(struct arena *arena, struct str address);
struct str address_current(struct str address);
/* For a hint that is copied into YAML or a shell: in quotes if it has a key. */
struct str address_quoted(struct arena *arena, struct str address);
