/*
 * Group commit: many threads add records, one thread writes what has gathered and makes it durable in one go,
 * while the next group gathers. The first failure is final: whoever adds or waits from then on gets it.
 *
 * Order of calls: committer_new() with the lock held; add and wait from any thread; committer_free(), which
 * writes what is left.
 */
#pragma once

#include "plan/state/backend.h"

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
