/*
 * Handling of interruptions: after signals_catch(), SIGINT, SIGTERM and SIGHUP are counted instead of ending
 * the process, and a closed pipe is an error like others.
 *
 * Loops that wait check signals_stop() and end by themselves. If something does not (a library, a disk, a
 * blocked terminal), the process is ended fifteen seconds after the first signal; during changes that have to
 * be completed and recorded, fifteen seconds after the second: see signals_work().
 */
#pragma once

#include <stdatomic.h>
#include <stdbool.h>

/* Returns the number of signals received. May be called again. */
const atomic_int *signals_catch(void);
/* Catches only the first signal, for commands that leave nothing behind; the next one ends the process. Does
 * nothing if signals are already caught. */
void signals_catch_first(void);
/* true: the following changes have to be completed, however long they take; false: they are complete. */
void signals_work(bool begins);
/* Set after a signal: for work that can be abandoned at once. */
const atomic_bool *signals_stop(void);
/* Returns whether all signals were SIGINT from Ctrl-C. After another signal, or if the terminal was closed,
 * the user cannot be asked. */
bool signals_all_sigint(void);

/* ---- exit statuses of commands; docs/cli.md ---- */
enum exit_status {
    EXIT_DONE = 0,
    EXIT_FAILED = 1,
    EXIT_CHANGES = 2,
    EXIT_USAGE = 3,
    EXIT_LOCKED = 4,
    EXIT_LEFTOVER = 5,
    EXIT_INTERRUPTED = 130,
};
