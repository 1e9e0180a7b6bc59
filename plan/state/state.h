/*
 * The state of one stack in one environment: what weir has made and not yet unmade, rebuilt from the log.
 *
 * Order of calls: state_open(); for commands that change something state_lock() and state_begin(); then, for
 * each change, state_intent() before the request and state_done() or state_fail() after it; state_end();
 * state_close().
 *
 * state_intent() returns when the record is durable. state_done() and state_fail() return at once and are
 * made durable by the next group commit (state_flush() waits for all). Both may be called from every worker
 * thread; a failed commit makes every later call fail, so that no request goes out that could not be
 * recorded.
 */
#pragma once

#include "base/arena.h"
#include "base/map.h"
#include "plan/state/backend.h"

struct state;

/*
 * What is spoken of: a resource by its address in the stack, its type, the configuration that it is reached
 * with and what the service calls it. Records, intents, outcomes, changes and leftovers all have one, so that
 * it is handed on as a whole.
 */

struct subject {
    struct str address, type, provider; /* provider "aws.tokyo" */
    struct str id;                      /* "" not known yet */
};

/* One resource instance as recorded. Immutable; lives as long as the state. */
struct record {
    struct subject subject;
    const struct value *attrs;    /* as the last operation left it; sensitive values as in the state */
    const struct value *set;      /* list of attribute names that the file set then */
    const struct value *deps;     /* list of addresses (instances or whole declarations) it referred to */
    const struct value *location; /* where it was made (provider/aws/client.h); NULL: not known, or nowhere */
    struct str recent;            /* when it was written, if that was in the last minute; else "" */
    const struct value *before;   /* of a recent one: its attributes before that; NULL: there were none */
    const struct value *halfway; /* attributes whose change takes several calls and was cut off; NULL: none */
    const struct value
        *reported; /* attributes as they were given, that the service tells otherwise; NULL: none */
    const struct value
        *configured; /* which fields within attributes the file gave (plan/objects/diff.h); NULL: not known */
    bool tainted;    /* half-made: replace it */
    bool adopted;    /* was there before weir: deleting it needs consent */
    bool prevent_destroy; /* as the file had it, for when the file says nothing any more */
    uint64_t seq;         /* of the record that made it so */
};

/* Until when what the state has may be there. */
struct lease {
    int64_t until_ms; /* by the services' clock; 0: there is no lease */
    int64_t warn_ms;  /* so long before that it is reported; 0: never */
    bool fixed;       /* it cannot be extended */
};

/* What is about to be done to a resource: it is in the log before the request goes out. */
struct intent {
    struct subject subject;      /* its id known or predicted; may be empty */
    struct str action;           /* create, update, delete, adopt */
    struct str token;            /* from state_token() */
    const struct schema *schema; /* of its type, to record it; not kept */
    const struct value *desired, *set, *deps, *location;
    uint64_t seq;   /* of one without an end: its number */
    int64_t at_ms;  /* when it was recorded; 0: not known */
    struct str run; /* and by which run; "": not known */
};

struct state_options {
    struct backend *backend;    /* owned by the state from here on, also when opening fails */
    const struct value *config; /* the stack's `state:` map, for its keys (secret.h); may be NULL */
    struct str dir;             /* where key files are looked for */
    uint64_t at; /* 0: now; otherwise only to look at: as it was after the record of that number */
    const struct state_part
        *part; /* only the records of these declarations are needed (snapshot.h); NULL: all */
};

/*
 * What tells recorded resources from others (plan/objects/recorded.h), for a snapshot to keep it, so that it
 * is found without reading all of it.
 */
struct state_namer {
    size_t (*keys)(void *ctx, struct arena *arena, const struct record *record, const struct str **keys);
    /* How that is made of the records of a type: where it is made in another way now, what a snapshot has is
     * of no use. */
    struct str (*definition)(void *ctx, struct arena *arena, struct str type);
    void *ctx;
};
/* As a snapshot has a key. */
uint64_t state_digest(struct str key);

int state_open(const struct state_options *options, struct state **out, struct err *err);
void state_close(struct state *state);
/* Are only the records of some declarations there, as it was asked for? */
bool state_is_part(const struct state *state);
/* From now on all of them are. Not while changes are being made. */
int state_read_whole(struct state *state, struct err *err);
/* The definitions of types with which the snapshot that was read names its resources; NULL: it does not. */
const struct value *state_types(const struct state *state);
/* A snapshot that names them as they are named now is due. */
void state_want_names(struct state *state);
/* Where the state is kept now, if that is elsewhere; "" it is here. */
struct str state_moved_to(const struct state *state);
/* ERR_STALE where the state is kept elsewhere now: what is in it is only history. Locking checks it too. */
int state_check_moved(const struct state *state, struct err *err);

/* Read side; not while changes are being made by other threads, except state_get. */
const struct record *state_get(const struct state *state, struct str address);
size_t state_count(const struct state *state);
/* Did the last run fail? Not known of runs before the newest snapshot: false. */
bool state_failed(const struct state *state);
const struct record *const *state_records(struct state *state, size_t *n); /* sorted by address */
const struct intent *const *state_open_intents(struct state *state, size_t *n);
/* Those of runs that do not go on any more. Of a state that is not locked: of runs that share the lock only.
 */
const struct intent *const *state_left_intents(struct state *state, size_t *n);
const struct value *state_outputs(const struct state *state); /* map; never NULL */
/* Of a declaration: its instances, NULL at the end. Safe from every thread. */
const struct record *const *state_instances(
    const struct state *state, struct arena *arena, struct str declared);
/* Keys of hosts that were trusted: connection -> key, or {key, of}: whose it is; may be NULL. */
const struct value *state_trusted(const struct state *state);
struct lease state_lease(const struct state *state);
uint64_t state_seq(const struct state *state);
/* May what is recorded of the resource be behind? Somebody has begun to change it, and that has no end; or
 * another run has written since the state was read, which is asked of the store: false also where that cannot
 * be reported. */
bool state_has_moved_on(struct state *state, struct str address);
/* Where it is kept, for people. */
struct str state_description(const struct state *state);
struct str state_lineage(
    const struct state *state); /* 32 hex digits, made with the first record; "" while empty */
/* A torn end was found and cut off when the lock was taken. */
bool state_was_torn(const struct state *state);
/* Without a key sensitive values are kept as hashes: they can be compared but not read back. */
bool state_has_key(const struct state *state);
/* A value as the state would keep it, as JSON, and back: with a key secrets are sealed. For files that belong
 * to the state. */
void state_write_value(const struct state *state, struct buf *out, const struct value *v);
int state_read_value(const struct state *state, struct arena *arena, const struct value *kept,
    const struct value **out, struct err *err);
/* See secrets_mac(). */
struct str state_mac(const struct state *state, struct arena *arena, struct str text);
bool state_mac_is_ours(const struct state *state, struct str text, struct str mac);

/* Write side. */
int state_lock(struct state *state, const char *command, int64_t timeout_ms, struct err *err);
/*
 * The same together with others, where the state is kept in a store that can do that; otherwise alone. Then
 * each run says in its beginning what it is going to change, and which declarations and resources it refers
 * to, and no two that go on at the same time meet in that.
 */
int state_share(struct state *state, const char *command, int64_t timeout_ms, struct err *err);
bool state_is_shared(const struct state *state);
/*
 * Calls `act`, which writes only if nobody else has written since this state was read: where somebody has,
 * all of it is done once more. The same where it refuses (ERR_LOCKED, ERR_STALE) by what was read before.
 * `act` flushes what it writes, and changes nothing else. Its result is 0 or more, or -1. Without a lock that
 * is shared it is just called.
 */
int state_in_turn(struct state *state, int (*act)(void *ctx, struct err *err), void *ctx, struct err *err);
/* Reads what was written since the last reading, without the lock. */
int state_catch_up(struct state *state, struct err *err);
/* The same with the lock that is shared. */
int state_read_others(struct state *state, struct err *err);
/* ERR_LOCKED where a run that goes on has claims that meet these: {changes: [address …], refers: [address or
 * declaration …]}. In turn, and before state_begin(), to which they are given as `claims` of its info. */
int state_check_claims(struct state *state, const struct value *claims, struct err *err);
/* ERR_LOCKED, with what they do, where runs go on that share the lock. */
int state_check_sharers(struct state *state, struct err *err);
void state_unlock(struct state *state);
bool state_is_locked(const struct state *state);
/* Is the lock still ours? A lease may have run out while the process was stopped. Safe from every thread; for
 * use before requests. */
int state_check_lock(struct state *state, struct err *err);
/*
 * Begins a run (after an earlier one has ended, or as the first under this lock) and gives it the next
 * number. `info`: map of what the run record should hold besides the standard fields (command, user, host,
 * pid, version, ci_url); may be NULL.
 */
int state_begin(struct state *state, const char *command, const struct value *info, struct err *err);

/* Of an empty one that goes on where one was lost: before state_begin(). */
void state_take_lineage(struct state *state, struct str lineage);

/*
 * 32 hex digits, new for every call; safe from every thread. They tell when they were made, so that what
 * has one has an age: 0 where they are not by this, or an earlier weir's.
 */
void state_token(char out[33]);
int64_t state_token_ms(struct str token);
int state_intent(struct state *state, const struct intent *intent, struct err *err);

/* What was done, and what is recorded of the resource from now on. */
struct outcome {
    struct record record; /* attrs NULL: the resource is gone; when it was written is not looked at */
    struct str action;
    const struct schema *schema; /* of its type; NULL: not known, or the resource is gone */
    const struct value *given;   /* what the file gives, with its marks; NULL: as the intent says */
};
/*
 * Values are copied. Sensitive ones are encrypted or hashed on the way to the log: those that are marked,
 * those that are secret in what is recorded at the address or was about to be, unless what is given has them
 * in clear, and those in which a secret is that this process knows (base/mask.h). What identifies the
 * resource to its service is never hashed, because nothing could be done to it any more: what the service
 * says of it (its ARN), and what is in its id, which the log has in clear.
 */
int state_done(struct state *state, const struct outcome *outcome, struct err *err);
/*
 * The change failed. Where `why` says that it was not made, the intent is closed; where it leaves that open
 * (no answer, one cut short, a failing server, an interrupted wait), the intent stays open, and recovery
 * recovers it before the next plan. `left` non-NULL: something half-made is there, and is recorded.
 */
int state_fail(struct state *state, struct str address, struct str action, const struct err *why,
    const struct outcome *left, struct err *err);
int state_move(struct state *state, struct str from, struct str to, struct err *err);
int state_drop(struct state *state, struct str address, struct err *err);
/* From now on the connection's host is known by that key; "": it is not known any more. `of`: the resources
 * that the host is; "": none of the stack's. */
int state_trust(struct state *state, struct str connection, struct str key, struct str of, struct err *err);
int state_set_outputs(struct state *state, const struct value *outputs, struct err *err);
/* Durable when it returns: what is made from now on has it. until_ms 0: there is none any more. */
int state_set_lease(struct state *state, const struct lease *lease, struct err *err);
/*
 * Keeps the stack's files (map of path to text) with the run, so that it can be gone back to; files whose
 * digest is that of the last ones kept are not kept again. With a key they are sealed. Without one, files in
 * which a secret is literally must not be given here: NULL keeps only the digest.
 */
int state_keep_sources(struct state *state, struct str digest, const struct value *files, struct err *err);
/* Are those the last ones that were kept? */
bool state_keeps_sources(struct state *state, struct str digest);
int state_flush(struct state *state, struct err *err);
/* Has a record of this run failed to become durable? Then nothing more may be changed. */
bool state_is_broken(struct state *state);
/* counts: of what was done; checks: what each that was asked says, "kept" or "broken". NULL: none. */
int state_end(struct state *state, const char *status, const struct value *counts, const struct value *checks,
    struct err *err);
/* A snapshot where one is due; called at the end of a run. `namer` NULL: it names nothing. */
int state_compact(struct state *state, const struct state_namer *namer, struct err *err);
/* A snapshot in any case. It seals secrets with the present key, so this is how a key is changed. */
int state_snapshot(struct state *state, const struct state_namer *namer, struct err *err);

/*
 * The salted hash kept for write-only values: the map {"$hash": …}, marked sensitive. Callers put it in place
 * of such a value before they record it. Where the state gives such a map back (write-only, or sensitive
 * without a key), only state_hash_matches() can tell whether it is what a value in hand is.
 */
const struct value *state_hash_secret(struct arena *arena, const struct value *v);
/* Stands for the hash of a secret that is not made yet: the same each time, so that saved plans are. */
const struct value *state_lost_secret(struct arena *arena);
bool state_is_hash(const struct value *kept);
/* value_equal(), except that hashes anywhere in `kept` are compared as hashes. */
bool state_hash_matches(const struct value *kept, const struct value *v);

/* ---- records.c: Addresses as they are told apart here: `role`, `role["key"]`, `net/role`,
 * `net["eu"]/role["key"]`. Nothing is looked up; stacks/stack.h takes them apart. */
/* The address without its instance key: `a["k"]` -> `a`. */
struct str address_declared(struct str address);
/* The name under which a replacement's old resource is kept until it is deleted, and the way back: the same
 * address where it is not such a name. */
struct str address_deposed(struct arena *arena, struct str address);
struct str address_current(struct str address);
