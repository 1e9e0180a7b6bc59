/* What EventBridge, and SNS likewise, says of a pattern that it refuses: why, and where in the text. Pure. */
#pragma once

#include "base/arena.h"
#include "base/value.h"

/* "": nothing is wrong with it. `text` is what the pattern was read from. */
struct str event_fault_said(struct arena *arena, const struct value *pattern, struct str text);
