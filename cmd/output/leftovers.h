/*
 * How it is said that nothing is left: only what was looked for is claimed not to be there.
 */
#pragma once

#include "base/buf.h"

/* asked: so many resources were looked for by id or name; marks: AWS was asked for the stack's ownership
 * tags; of: " of 3 members", " but what was forgotten", or "". Ends the line. */
void leftovers_add_claim(struct buf *out, const char *of, size_t asked, bool marks);
/* Begins the line with so many that went with their service, which did not answer when they were to be
 * deleted; their names follow. */
void leftovers_add_unasked(struct buf *out, size_t n);
/* The same of those that could not be looked up afterwards. */
void leftovers_add_unseen(struct buf *out, size_t n);
/* Such names, as many as are worth it; ends the line. */
void leftovers_add_addresses(struct buf *out, const struct str *addresses, size_t n);
/* What that says nothing of; behind where it was looked. */
void leftovers_add_limits(struct buf *out, size_t asked, bool marks);
