/*
 * Interruption as something to be dealt with: from signals_catch() on, SIGINT, SIGTERM and SIGHUP are counted
 * instead of ending the process, and a reader that went away is an error like others.
 *
 * Whoever waits looks at signals_stop() and ends by itself. Where something does not (a library, a disk, a
 * terminal that takes nothing more), the process ends all the same, fifteen seconds after the first signal;
 * while something is being made, which is finished and recorded, after the second: see signals_work().
 */
#pragma once

#include <stdatomic.h>
#include <stdbool.h>

/* How many have come. May be called again. */
const atomic_int *signals_catch(void);
/* Only the first one is, where nothing would stay behind; the next one ends the process. Nothing changes
 * where they are caught already. */
void signals_catch_first(void);
/* What is begun from now on shall be finished, however long it takes; `false`: that is over. */
void signals_work(bool begins);
/* Set once one has come: for what can be given up at once. */
const atomic_bool *signals_stop(void);
/* Was it Ctrl-C alone? Whoever sends another signal, or has closed the terminal, is not there to be asked. */
bool signals_by_hand(void);

/* ---- What a command's exit status means; docs/cli.md. */
enum exit_status {
    EXIT_DONE = 0,
    EXIT_FAILED = 1,
    EXIT_CHANGES = 2,
    EXIT_USAGE = 3,
    EXIT_LOCKED = 4,
    EXIT_LEFTOVER = 5,
    EXIT_INTERRUPTED = 130,
};
