/*
 * What a run forgot (`removed: [{…, destroy: false}]`): the service keeps it, with the marks that it
 * bears, and it belongs to whoever took it over. The log tells; what was only forgotten in the state (`weir
 * state rm`) is not among it.
 */
#pragma once

#include "base/map.h"
#include "plan/workspace.h"

/* "type id" of each, with a pointer that is not NULL; nothing where the log cannot be read. Keys live in the
 * arena. */
void forgotten_find(struct workspace *workspace, struct arena *arena, struct map *out);
/* The key of one. */
struct str forgotten_key(struct arena *arena, struct str type, struct str id);
