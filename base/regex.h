/*
 * Regular expressions that are compiled once and asked often. A compiled one lives in the arena and is never
 * changed: any thread may ask it. Backtracking is bounded: what would take too long does not match.
 */
#pragma once

#include "base/arena.h"
#include "base/str.h"

struct regex_code;

/* Of the whole text, or of any part of it. NULL: it is none; *why (or NULL) says what is wrong with it. */
const struct regex_code *regex_compile(struct arena *arena, struct str pattern, bool whole, struct str *why);
bool regex_matches(const struct regex_code *regex, struct str text);
