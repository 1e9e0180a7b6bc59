/*
 * The contents of a log: records and open intents after all its lines were applied in order. Not thread-safe;
 * state.c has the lock. Returned objects are immutable and live as long as struct records.
 */
#pragma once

#include "plan/state/encode.h"
#include "plan/state/state.h"

/* An active run with claims. */
struct running {
    struct str run;  /* its number, as text */
    struct str life; /* see struct backend */
    struct lock_info who;
    const struct value *claims;
};

struct records {
    struct arena arena;
    struct interner interner;
    struct secrets *secrets; /* not owned */
    struct map by_address;   /* struct record *; NULL: deleted */
    size_t count;
    struct map running; /* by the run's number: struct running *; NULL: ended */
    struct map intents; /* the intent's JSON text on the heap; NULL: closed */
    size_t open_count;
    const struct value *outputs;
    const struct value *trusted; /* see state_trusted() */
    struct lease lease;
    struct str lineage;
    uint64_t seq;                 /* of the last applied line */
    uint64_t runs;                /* number of the last run */
    bool failed;                  /* the last ended run failed, since the newest snapshot */
    size_t lines;                 /* since the newest snapshot, including its own */
    size_t snapshot_lines;        /* lines of the snapshot itself */
    size_t moves;                 /* number of applied moves of addresses */
    struct str digest;            /* of the stack's files that were kept last; "": none */
    struct str moved_to;          /* new store of the state; "": not moved */
    struct str recent;            /* records written after this time keep their former attributes */
    bool keep_encrypted;          /* values stay encrypted: no key is needed */
    uint64_t kept_due;            /* number of a snapshot's records that must follow */
    const struct value *types;    /* of the snapshot's names: see struct state_namer; NULL: none */
    const struct record **sorted; /* NULL: must be sorted again */
    const struct record *last;
};

void records_init(struct records *records);
void records_release(struct records *records);
/* Applies one line of the log. `records`: struct records *, as a log_line callback. */
int records_apply(void *records, struct str json, struct err *err);
/* The same, but skips snapshots: rebuilds the state from the other records. */
int records_replay(void *records, struct str json, struct err *err);
/*
 * Read a part of a snapshot: its first line is applied, then some of its records are taken; others before the
 * next number are skipped, and all further lines are applied.
 */
int records_take_kept(struct records *records, struct str json, struct err *err);
void records_pass_kept(struct records *records, uint64_t next);
/* Counts a line that is not needed. */
int records_pass(struct records *records, struct str json, struct err *err);
/* Resets to before the first line; returned objects stay valid. */
void records_restart(struct records *records);
/* After the last line: ERR_DAMAGED if a snapshot is incomplete. */
int records_complete(const struct records *records, struct err *err);

/* Single changes, for the writer of the log. Strings and values are copied; secrets as decode_value() returns
 * them. */
void records_put(struct records *records, const struct record *draft);
void records_remove(struct records *records, struct str address);
/* key "": removed */
void records_trust(struct records *records, struct str connection, struct str key, struct str of);
void records_intent(struct records *records, struct str address, struct str json);
/* Returns the desired object of the open intent at the address as in the log, with encrypted values; NULL:
 * none. */
const struct value *records_intended(const struct records *records, struct str address, struct arena *arena);
void records_end_intent(struct records *records, struct str address);
void records_move(struct records *records, struct str from, struct str to);
/* A run's first record, as in the log, and its end. */
void records_begin_run(struct records *records, const struct value *fields);
void records_end_run(struct records *records, struct str run);

/* Checks that the key for the open intents is available. Without it recovery could not identify their
 * resources. */
int records_check_intents(const struct records *records, struct err *err);

const struct record *const *records_sorted(struct records *records);
const struct intent *const *records_open_intents(struct records *records, size_t *n);

/* Closes all intents. */
void records_forget_intents(struct records *records);
/* Invalidates the order of records_sorted(). */
void records_unsort(struct records *records);
/* Returns a value of the log, decrypted if needed. */
int records_read_value(
    struct records *records, const struct value *v, const struct value **out, struct err *err);
/* Adds the record that a line describes. */
int records_put_line(struct records *records, const struct value *line, uint64_t seq, struct err *err);
