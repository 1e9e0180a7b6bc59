/*
 * What an operation's name says of repeating it. Services name their calls by a small set of verbs; what a
 * verb does not say by itself, specs do (`idempotent:`).
 */
#pragma once

#include "base/str.h"

/* GetRole, ListTables: changes nothing. */
bool verb_reads(struct str operation);
/* The same, or what sets or takes away something named: once done, doing it again changes nothing. */
bool verb_repeats(struct str operation);
