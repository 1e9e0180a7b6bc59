/*
 * A question on the terminal that somebody has to say "yes" to. Signals have to be caught (signals.h): one
 * that comes while the question stands is a no.
 */
#ifndef WEIR_CMD_ASK_H
#define WEIR_CMD_ASK_H

#include "cmd/command.h"

/* Only "yes" will do. The question is written to standard error, and the line is ended whatever the answer.
 */
bool ask_yes(struct invocation *inv, const char *question);

#endif
