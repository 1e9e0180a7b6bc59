/*
 * How it is said that nothing is left: only what was looked for is claimed not to be there.
 */
#ifndef WEIR_CMD_OUTPUT_LEFTOVERS_H
#define WEIR_CMD_OUTPUT_LEFTOVERS_H

#include "base/buf.h"

/* asked: so many resources were looked for by id or name; marks: AWS was asked for the stack's ownership
 * tags; of: " of 3 members", " but what was forgotten", or "". Ends the line. */
void leftovers_add_claim(struct buf *out, const char *of, size_t asked, bool marks);
/* What that says nothing of; behind where it was looked. */
void leftovers_add_limits(struct buf *out, size_t asked, bool marks);

#endif
