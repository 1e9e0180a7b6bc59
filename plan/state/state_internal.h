/* Shared by state.c, state_lock.c, state_write.c and state_keep.c; nobody else includes it. */
#ifndef WEIR_PLAN_STATE_STATE_INTERNAL_H
#define WEIR_PLAN_STATE_STATE_INTERNAL_H

#include "plan/state/commit.h"
#include "plan/state/records.h"
#include "plan/state/state.h"

#include <assert.h>
#include <inttypes.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>

struct state {
    struct backend *backend;
    struct secrets *secrets;
    struct committer *committer; /* from state_begin() to state_unlock() */
    bool locked, torn;
    uint64_t at;           /* not 0: as it was then, read-only */
    char run[24];          /* "" before state_begin() */
    pthread_mutex_t mutex; /* guards records */
    struct records records;
};

/* ---- state.c ---- */

/* Reads what was written since the last reading. */
int state_catch_up(struct state *state, struct err *err);

/* ---- state_write.c ---- */

/* A record's body, which ends here, goes to the committer; *seq is its number. Before the mutex is taken. */
int state_add_line(struct state *state, struct buf *body, uint64_t *seq, struct err *err);
/* The record is among `records`. With the mutex held. */
void state_note_applied(struct state *state, uint64_t seq);

#endif
