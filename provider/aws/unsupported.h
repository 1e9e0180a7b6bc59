/*
 * What a store of one's own does not have (tags on buckets, say), as it was found out by trying: kept in the
 * stack's .weir, by the store's address, so that it is tried and said once.
 */
#pragma once

#include "base/err.h"
#include "base/str.h"

#include <stdbool.h>

/* Does the answer say that the service has no such call, rather than that this one was wrong? */
bool unsupported_says(const struct err *err);
/* Was that found out before? work_dir "": nothing is kept. */
bool unsupported_is_known(struct str work_dir, struct str endpoint, const char *what);
/* True the first time. Safe from every thread. */
bool unsupported_note(struct str work_dir, struct str endpoint, const char *what);
