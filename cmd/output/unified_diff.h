/*
 * Two texts as a unified diff, for reading.
 */
#pragma once

#include "base/buf.h"

#include <stdbool.h>

/* Nothing where they are equal. Control characters are shown as escapes. */
void unified_diff(struct str name, struct str before, struct str after, bool color, struct buf *out);
