/*
 * Moving a state from one backend to another, history and all. The copy is read back and compared with the
 * original, record by record, before the original is closed with a record that says where it went; from then
 * on only the copy can be written. Killed anywhere before that, the original is as good as before, and moving
 * it again goes on where it stopped.
 */
#pragma once

#include "plan/state/backend.h"

struct migrate_result {
    uint64_t records;
};

/*
 * Takes both locks, waiting up to timeout_ms for each, and gives them back. `to` must be empty or hold the
 * beginning of what `from` has (ERR_EXISTS otherwise). An empty `from` is ERR_ABSENT.
 */
int state_migrate(struct backend *from, struct backend *to, int64_t timeout_ms, struct migrate_result *result,
    struct err *err);
/* What leads from a place that is only history to the one after the next. */
extern const char state_migrate_hint[];
