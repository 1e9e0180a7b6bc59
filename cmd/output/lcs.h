/*
 * The longest common subsequence of two sequences, for showing what was added and removed.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

enum edit { EDIT_KEEP, EDIT_REMOVE, EDIT_ADD };

/*
 * Writes the edit script into `script` (room for n + m) and returns its length. `equal` compares item i of
 * the old with item j of the new sequence. Sequences whose differing middles are too large for the table
 * (about a million cells) are taken as replaced there.
 */
size_t lcs_edits(
    size_t n, size_t m, bool (*equal)(void *ctx, size_t i, size_t j), void *ctx, enum edit *script);
