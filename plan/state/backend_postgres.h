/*
 * The state log in PostgreSQL: one table for all states, a row for each batch of records, and an advisory
 * lock.
 *
 *     weir_state       (name, first_seq, lines, snapshot, written)   primary key (name, first_seq): the fence
 *     weir_state_lock  (name, holder)                                only tells who has the lock
 *
 * The lock lives as long as the session of its holder; keepalives end that of a holder whose machine has
 * died. Those who share it learn from the primary key that another was first with a number.
 */
#pragma once

#include "plan/state/backend.h"

int backend_postgres_new(const struct backend_options *options, struct backend **out, struct err *err);
