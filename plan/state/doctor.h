/*
 * Checks a state and its store. Reads and verifies all records ever kept, compares the newest snapshot with
 * the whole history, and tests the store (backend.h, probe).
 */
#pragma once

#include "plan/state/state.h"

/* Reports each finding. Returns -1 with the first error. The caller keeps the backend. */
int state_doctor(struct backend *backend, const struct probe_report *report, struct err *err);
/* Accepts a log that lost its last records as complete; *had and *has: number of records before and now. */
int state_accept_loss(
    struct backend *backend, int64_t timeout_ms, uint64_t *had, uint64_t *has, struct err *err);
