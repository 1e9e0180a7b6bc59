/*
 * Interruption as something to be dealt with: from signals_catch() on, SIGINT, SIGTERM and SIGHUP are counted
 * instead of ending the process, and a reader that went away is an error like others.
 */
#ifndef WEIR_CMD_SIGNALS_H
#define WEIR_CMD_SIGNALS_H

#include <stdatomic.h>

/* How many have come. May be called again. */
const atomic_int *signals_catch(void);
/* The next one ends the process: for when somebody is asked. */
void signals_release(void);

#endif
