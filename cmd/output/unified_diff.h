/*
 * Two texts as a unified diff, for reading.
 */
#ifndef WEIR_CMD_OUTPUT_UNIFIED_DIFF_H
#define WEIR_CMD_OUTPUT_UNIFIED_DIFF_H

#include "base/buf.h"

#include <stdbool.h>

/* Nothing where they are equal. Control characters are shown as escapes. */
void unified_diff(struct str name, struct str before, struct str after, bool color, struct buf *out);

#endif
