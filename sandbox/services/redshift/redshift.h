/*
 * A warehouse that answers: a PostgreSQL with python/weir_redshift.py in front of it, which speaks Redshift's
 * dialect. A cluster has one; of the serverless kind the namespace does, and its workgroups lead to it.
 */
#pragma once

#include "sandbox/engine/task.h"
#include "sandbox/services/rds/rds.h"

struct session;

struct warehouse {
    struct str name, region; /* of its daemons */
    struct database_wish wish;
};

/* Of a cluster or a workgroup; one of the two is "". False: there is none. */
bool warehouse_find(struct services *services, struct arena *arena, struct str region, struct str cluster,
    struct str workgroup, struct warehouse *out);
/* Where it speaks when this returns, on 127.0.0.1. */
int warehouse_want(struct services *services, struct arena *arena, const struct warehouse *warehouse,
    uint16_t *port, struct err *err);
/* Which user of a warehouse somebody of IAM's is, without a secret and without a name: IAMR:ROLE or IAM:USER;
 * "" the sandbox's own user, who is its administrator. */
struct str warehouse_identity(struct arena *arena, const struct session *caller);

/* ---- What a statement of the Data API does while it runs: a session with the warehouse, its
 * statements one after the other, and their results as the API shows them. Stopped with the task. */
/* In a statement's request: whom it is run as where that says neither secret nor user. */
#define STATEMENT_IDENTITY "@identity"

/*
 * *out has an item for each statement that was reached: {columns, rows, updated}, of one that failed {error}.
 * Several are one transaction. -1 with what Redshift says.
 */
int warehouse_run(struct task *task, struct arena *arena, uint16_t port, const struct warehouse *warehouse,
    const struct value **out, struct err *err);
