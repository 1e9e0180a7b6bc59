/*
 * What a statement of the Data API does while it runs: a session with the warehouse, its statements one after
 * the other, and their results as the API shows them. Stopped with the task.
 */
#pragma once

#include "sandbox/engine/task.h"
#include "sandbox/services/redshift/redshift.h"

/* In a statement's request: whom it is run as where that says neither secret nor user. */
#define STATEMENT_IDENTITY "@identity"

/*
 * *out has an item for each statement that was reached: {columns, rows, updated}, of one that failed {error}.
 * Several are one transaction. -1 with what Redshift says.
 */
int warehouse_run(struct task *task, struct arena *arena, uint16_t port, const struct warehouse *warehouse,
    const struct value **out, struct err *err);
/* {columns, rows} or {updated} of a result. */
const struct value *warehouse_rows(struct arena *arena, const struct pq_api *pq, PGresult *result);
