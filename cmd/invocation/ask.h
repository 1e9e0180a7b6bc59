/*
 * A question on the terminal that somebody has to say "yes" to. Signals have to be caught (signals.h): one
 * that comes while the question stands is a no.
 */
#pragma once

#include "cmd/invocation/invocation.h"

/* Only "yes" will do. The question is written to standard error, and the line is ended whatever the answer.
 */
bool ask_yes(struct invocation *inv, const char *question);
/* The same for what --yes answers: EXIT_DONE goes ahead; else what the command ends with, for nothing was
 * done. Where nobody can be asked that is an error. */
int ask_consent(struct invocation *inv, const char *question);
