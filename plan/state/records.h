/*
 * What a log says: the records and open intents that are left when all its lines have been applied in order.
 * Not thread-safe; state.c has the lock. What it gives out is immutable and lives as long as it does.
 */
#pragma once

#include "plan/state/encode.h"
#include "plan/state/state.h"

/* A run that has claims, and no end so far. */
struct running {
    struct str run;  /* its number, as text */
    struct str life; /* see struct backend */
    struct lock_info who;
    const struct value *claims;
};

struct records {
    struct arena arena;
    struct keeper keeper;
    struct secrets *secrets; /* not owned */
    struct map by_address;   /* struct record *; NULL: gone */
    size_t count;
    struct map running; /* by the run's number: struct running *; NULL: it has ended */
    struct map intents; /* the intent's JSON text on the heap; NULL: ended */
    size_t open_count;
    const struct value *outputs;
    const struct value *trusted; /* see state_trusted() */
    struct lease lease;
    struct str lineage;
    uint64_t seq;                 /* of the last line applied */
    uint64_t runs;                /* number of the last run */
    bool failed;                  /* the last that has ended, since the newest snapshot */
    size_t lines;                 /* since the newest snapshot, itself included */
    size_t snapshot_lines;        /* of them its own */
    size_t moves;                 /* of addresses, among the lines applied */
    struct str digest;            /* of the stack's files as kept last; "" while none were */
    struct str moved_to;          /* the state is kept elsewhere now; "" : it is not */
    struct str recent;            /* records that were written after this time keep what was before */
    bool keep_sealed;             /* values stay as they are in the log: no key is needed */
    uint64_t kept_due;            /* records of a snapshot that are still to come */
    const struct value *types;    /* of its names: see struct state_namer; NULL: it has none */
    const struct record **sorted; /* NULL: to be made anew */
    const struct record *last;
};

void records_init(struct records *records, struct secrets *secrets);
void records_release(struct records *records);
/* One line of the log. `records`: struct records *, as readers of a log hand it on. */
int records_apply(void *records, struct str json, struct err *err);
/* The same, but snapshots are passed over: what the records by themselves add up to. */
int records_replay(void *records, struct str json, struct err *err);
/*
 * Of a snapshot a part: its first line is applied, then any of its records are taken; those before the number
 * that comes next are passed over, and all lines follow from there.
 */
int records_take_kept(struct records *records, struct str json, struct err *err);
void records_pass_kept(struct records *records, uint64_t next);
/* A line that is of no use here only counts. */
int records_pass(struct records *records, struct str json, struct err *err);
/* As before the first line; what was given out stays. */
void records_restart(struct records *records);
/* After the last line: is a snapshot cut short? */
int records_complete(const struct records *records, struct err *err);

/* The same changes one at a time, for those who write the log. Texts and values are copied; secrets in them
 * as decode_value() gives them. */
void records_put(struct records *records, const struct record *draft);
void records_remove(struct records *records, struct str address);
/* key "": no more */
void records_trust(struct records *records, struct str connection, struct str key, struct str of);
void records_intent(struct records *records, struct str address, struct str json);
/* What the open intent at the address is to make, as it is in the log, sealed values too; NULL: there is
 * none. */
const struct value *records_intended(const struct records *records, struct str address, struct arena *arena);
void records_end_intent(struct records *records, struct str address);
void records_move(struct records *records, struct str from, struct str to);
/* A run's first record, as the log has it, and its end. */
void records_begin_run(struct records *records, const struct value *fields);
void records_end_run(struct records *records, struct str run);

/* Is there the key for what the open intents are to make? Without it nobody could tell whether that is there.
 */
int records_check_intents(const struct records *records, struct err *err);

const struct record *const *records_sorted(struct records *records);
const struct intent *const *records_open_intents(struct records *records, size_t *n);

/* All intents are closed. */
void records_forget_intents(struct records *records);
/* What records_sorted() gave is not so any more. */
void records_unsort(struct records *records);
/* A value as the log has it, opened if it is sealed. */
int records_read_value(
    struct records *records, const struct value *v, const struct value **out, struct err *err);
/* The record that a line describes. */
int records_put_line(struct records *records, const struct value *line, uint64_t seq, struct err *err);
