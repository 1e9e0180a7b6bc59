/* Which events a pattern of EventBridge is for. Pure; whether it is one is asked of
 * provider/notation/event_pattern.h. */
#pragma once

#include "base/value.h"

bool event_matches(const struct value *pattern, const struct value *event);
