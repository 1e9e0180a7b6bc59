/* EventBridge's event patterns: which events a rule is for. Pure. */
#ifndef WEIR_SANDBOX_NOTATION_EVENT_PATTERN_H
#define WEIR_SANDBOX_NOTATION_EVENT_PATTERN_H

#include "base/arena.h"
#include "base/value.h"

bool event_matches(const struct value *pattern, const struct value *event);
/* NULL: it is a pattern. The text lives in the arena or forever. */
const char *event_pattern_wrong(struct arena *arena, const struct value *pattern);

#endif
