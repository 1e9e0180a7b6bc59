/* Shared by state.c, state_lock.c and state_write.c; nobody else includes it. */
#pragma once

#include "base/threads.h"
#include "plan/state/records.h"

#include <assert.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

struct state {
    struct backend *backend;
    struct secrets *secrets;
    struct committer *committer; /* from state_begin() to state_unlock() */
    bool locked, torn;
    bool part;      /* only the records of some declarations were read */
    bool shared;    /* locked together with others */
    bool in_turn;   /* the calling thread keeps the turn, beyond what it writes */
    bool shifted;   /* others have written since state_begin(): numbers of records are not those in the log */
    bool overtaken; /* another was first with the number of the group that was to be written */
    bool claimed;   /* a run of its own has claims, and no end so far */
    bool unnamed;   /* the names of the newest snapshot were of no use */
    uint64_t at;    /* not 0: as it was then, read-only */
    char run[24];   /* "" before state_begin() */
    pthread_mutex_t mutex; /* guards records */
    struct records records;
};

/* ---- state_lock.c ---- */

/* The next record gets the number after those that were read. */
void state_start_committer(struct state *state);
/* Runs without an end whose claims meet these, and who are known to be dead; where nobody shares the lock,
 * all. NULL: there are none. */
const struct value *state_ended_runs(struct state *state, struct arena *arena, const struct value *claims);

/* ---- Group commit: many threads add records, one thread writes what has gathered and makes it durable in
 * one go, while the next group gathers. The first failure is final: whoever adds or waits from then on gets
 * it. Order of calls: committer_new() with the lock held; add and wait from any thread; committer_free(),
 * which writes what is left. */
struct committer;

/* Where others write, too: asked by the committing thread around each group. */
struct committer_turn {
    /* The group is to be written; *next_seq: the number that it begins with, if it is another. */
    int (*begin)(void *ctx, uint64_t *next_seq, struct err *err);
    /* It was written, next_seq: of the record after it; or not, and why (else NULL). True: once more. */
    bool (*end)(void *ctx, uint64_t next_seq, const struct err *why);
    void *ctx;
};

/*
 * next_seq: the number of the first record to be added. `turn` NULL: nobody else writes, and numbers are
 * those that committer_add() gives; else these are only good for committer_wait().
 */
struct committer *committer_new(
    struct backend *backend, uint64_t next_seq, const struct committer_turn *turn);
/* What could not be written is reported by the flush before, so this reports nothing. */
void committer_free(struct committer *c);
/* Gives the record its number. It will be written soon. */
int committer_add(struct committer *c, struct str body, uint64_t *seq, struct err *err);
/* Until the record with that number is durable. */
int committer_wait(struct committer *c, uint64_t seq, struct err *err);
/* Has a write failed? Then every later call does. */
bool committer_is_broken(struct committer *c);
int committer_flush(struct committer *c, struct err *err);
/* Writes a snapshot of `count` lines made by `write` from the number it is given. No other thread may be
 * adding. */
int committer_snapshot(struct committer *c, size_t count,
    void (*write)(void *ctx, struct buf *out, uint64_t first_seq), void *ctx, struct err *err);
