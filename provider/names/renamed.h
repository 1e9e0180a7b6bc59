/* Resource types that were renamed: states and sandboxes of before have the old names, stack files get a
 * hint. */
#pragma once

#include "base/arena.h"

/* The type's name today: in the arena, or `type` itself. */
struct str type_renamed(struct arena *arena, struct str type);
