/* Patterns of JSON schemas as weir's: PCRE, of the whole text. */
#pragma once

#include "base/arena.h"

struct str cfn_pattern(struct arena *arena, struct str pattern);
