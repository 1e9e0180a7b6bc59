/* Shared by state.c, state_lock.c, state_write.c and state_keep.c; nobody else includes it. */
#pragma once

#include "base/threads.h"
#include "plan/state/commit.h"
#include "plan/state/records.h"
#include "plan/state/state.h"

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

/* Adds to ERR_LOCKED what whoever has the lock is doing. */
void state_tell_work(struct state *state, struct err *err);
/* The same of one run, from what was read. */
void state_add_work(struct state *state, struct str run, struct err *err);

/* ---- state_share.c ---- */

/* A run that shares the lock and goes on; NULL: there is none. */
const struct running *state_first_running(struct state *state);

/* The next record gets the number after those that were read. */
void state_start_committer(struct state *state);
/* Runs without an end whose claims meet these, and who are known to be dead; where nobody shares the lock,
 * all. NULL: there are none. */
const struct value *state_ended_runs(struct state *state, struct arena *arena, const struct value *claims);

/* ---- state_write.c ---- */

/* A record's body, which ends here, goes to the committer; *seq is its number. Before the mutex is taken. */
int state_add_line(struct state *state, struct buf *body, uint64_t *seq, struct err *err);
/* The record is among `records`. With the mutex held. */
void state_note_applied(struct state *state, uint64_t seq);
