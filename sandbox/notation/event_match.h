/* Which events a pattern of EventBridge is for. Pure; whether it is one is asked of
 * provider/notation/event_pattern.h. */
#ifndef WEIR_SANDBOX_NOTATION_EVENT_MATCH_H
#define WEIR_SANDBOX_NOTATION_EVENT_MATCH_H

#include "base/value.h"

bool event_matches(const struct value *pattern, const struct value *event);

#endif
