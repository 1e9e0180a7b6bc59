/*
 * Moves a state with its history from one backend to another. The copy is read back and compared with the
 * original, record by record, before a last record in the original names the new store; then only the copy
 * can be written. If it is killed before that, the original is unchanged, and a repeated move continues.
 */
#pragma once

#include "plan/state/backend.h"

struct migrate_result {
    uint64_t records;
};

/*
 * Takes both locks, waiting up to timeout_ms for each, and releases them. `to` must be empty or have the
 * first records of `from` (otherwise ERR_EXISTS). An empty `from` is ERR_ABSENT.
 */
int state_migrate(struct backend *from, struct backend *to, int64_t timeout_ms, struct migrate_result *result,
    struct err *err);
/* Hint for a store that was already moved away. */
extern const char state_migrate_hint[];
