/* Shared by state.c, state_lock.c and state_write.c only. */
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
    bool part;    /* only the records of some declarations were read */
    bool shared;  /* shared lock */
    bool in_turn; /* the calling thread keeps the turn after its own writes */
    bool shifted; /* other runs have written since state_begin(): numbers from the committer are not those in
                     the log */
    bool overtaken;        /* another run has taken the number of the group to write */
    bool claimed;          /* its own run has claims and is active */
    bool unnamed;          /* the names of the newest snapshot are outdated */
    uint64_t at;           /* not 0: the state after that record, read-only */
    char run[24];          /* "" before state_begin() */
    pthread_mutex_t mutex; /* guards records */
    struct records records;
};

/* ---- state_lock.c ---- */

/* The next record follows the last one that was read. */
void state_start_committer(struct state *state);
/* Runs without an end whose claims conflict and which are dead; without a shared lock all. NULL: none. */
const struct value *state_ended_runs(struct state *state, struct arena *arena, const struct value *claims);

/* ---- Group commit: many threads add records; one thread writes the pending ones and makes them durable
 * together, while others are added. The first failure is final: each later add or wait gets it. Order of
 * calls: committer_new() with the lock held; add and wait from any thread; committer_free(), which writes the
 * rest. ---- */
struct committer;

/* For a shared lock: called by the committing thread around each group. */
struct committer_turn {
    /* Before writing a group; *next_seq: its first number, which may change. */
    int (*begin)(void *ctx, uint64_t *next_seq, struct err *err);
    /* After writing it, next_seq: number after it; or after a failure (why, otherwise NULL). True: write it
     * again. */
    bool (*end)(void *ctx, uint64_t next_seq, const struct err *why);
    void *ctx;
};

/*
 * next_seq: number of the first record. `turn` NULL: no other run writes, and numbers are those of
 * committer_add(); otherwise these are only for committer_wait().
 */
struct committer *committer_new(
    struct backend *backend, uint64_t next_seq, const struct committer_turn *turn);
/* Failures were reported by the flush before, so this reports none. */
void committer_free(struct committer *c);
/* Queues a record for writing and returns its number. */
int committer_add(struct committer *c, struct str body, uint64_t *seq, struct err *err);
/* Waits until the record with that number is durable. */
int committer_wait(struct committer *c, uint64_t seq, struct err *err);
/* True after a failed write: every later call fails. */
bool committer_is_broken(struct committer *c);
int committer_flush(struct committer *c, struct err *err);
/* Writes a snapshot of `count` lines that `write` creates, numbered from its argument. No other thread may
 * add records. */
int committer_snapshot(struct committer *c, size_t count,
    void (*write)(void *ctx, struct buf *out, uint64_t first_seq), void *ctx, struct err *err);
