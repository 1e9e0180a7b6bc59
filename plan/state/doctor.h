/*
 * Is a state in good order, and is the place where it is kept fit for it? Every record that was ever kept is
 * read and checked, what the newest snapshot says is compared with what all of history adds up to, and the
 * place is tried out (backend.h, probe).
 */
#pragma once

#include "plan/state/state.h"

/* One line for each finding. -1 with the first thing that is not as it must be. The backend stays the
 * caller's. */
int state_doctor(struct backend *backend, const struct probe_report *report, struct err *err);
/* Goes on with what is there of a log that lost its last records; *had and *has: how many there were, and
 * are.
 */
int state_accept_loss(
    struct backend *backend, int64_t timeout_ms, uint64_t *had, uint64_t *has, struct err *err);
