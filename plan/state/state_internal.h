/* Shared by state.c, state_lock.c and state_write.c; nobody else includes it. */
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

/* The next record gets the number after those that were read. */
void state_start_committer(struct state *state);
/* Runs without an end whose claims meet these, and who are known to be dead; where nobody shares the lock,
 * all. NULL: there are none. */
const struct value *state_ended_runs(struct state *state, struct arena *arena, const struct value *claims);
