/* Patterns of JSON schemas as weir's: PCRE, of the whole text. */
#ifndef WEIR_PROVIDER_CFN_PATTERN_H
#define WEIR_PROVIDER_CFN_PATTERN_H

#include "base/arena.h"

struct str cfn_pattern(struct arena *arena, struct str pattern);

#endif
